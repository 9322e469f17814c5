"""Report files that may come from anybody: a report object, or a signed one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from cli.files import input_file
from cli.report_shape import ReportShape
from cli.terminal import CliError
from verifier import (
    MAX_REPORT,
    ReportError,
    ReportSignatureError,
    SignedReport,
    TrustedKey,
    read_report,
    read_signed_report,
)

_HINT: Final = (
    "a report is the file that receipt verify --report FILE.json or receipt report sign wrote"
)
_SIGNED: Final = b"\x82"


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report that was read.

    Attributes:
        document: the object.
        data: its canonical form.
        signed: who vouches for it; None: nobody does.
        false: why the signature is false; None: it is not known to be.
    """

    document: dict[str, Any]
    data: bytes
    signed: SignedReport | None
    false: str | None


def read(path: str, keys: Mapping[bytes, TrustedKey]) -> ReportFile:
    """A report from a file; - is stdin.

    Args:
        path: where it is.
        keys: the trusted keys, to check a signature with.

    Raises:
        CliError: it is no report.
        OSError: it cannot be read.
    """
    with input_file(path) as stream:
        data = stream.read(MAX_REPORT + 4096)
    signed, false = None, None
    try:
        if data[:1] == _SIGNED:
            signed, false = _opened(data, keys)
            data = signed.report
        document = read_report(data)
        ReportShape.model_validate(document)
    except ReportError as error:
        raise CliError(f"{path}: {error}", _HINT) from None
    except ValidationError as error:
        raise CliError(f"{path}: {_first(error)}", _HINT) from None
    if signed is not None and signed.time != document["dated"]:
        raise CliError(f"{path}: the signature is of another date than the report", _HINT)
    return ReportFile(document, data, signed, false)


def _opened(data: bytes, keys: Mapping[bytes, TrustedKey]) -> tuple[SignedReport, str | None]:
    """The signed report, whether or not the signature is false."""
    try:
        return read_signed_report(data, keys), None
    except ReportSignatureError as error:
        return read_signed_report(data, {}), str(error)


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, by the name of the member."""
    first = error.errors(include_url=False, include_input=False)[0]
    names = [str(name) for name in first["loc"] if not str(name).startswith(("function-", "_"))]
    return f"{'.'.join(names)[:200]}: {first['msg']}"

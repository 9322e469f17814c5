"""Signed files that are no batches, where a batch is expected: an honest one is not called false."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cli.files import STDIN
from cli.terminal import CliError
from verifier import MAX_REPORT, CardError, ReportError, read_card, read_signed_report

_ROOM: Final = 4096
"""Bytes of a signed report around the report."""


def refuse_other_objects(names: Iterable[str]) -> None:
    """That none of the files is a signed report or a rate card.

    Raises:
        CliError: one is; the hint says which command takes it.
        OSError: a file cannot be read.
    """
    for path in map(Path, (name for name in names if name != STDIN)):
        if path.is_file() and path.stat().st_size <= MAX_REPORT + _ROOM:
            hint = _hint(path.read_bytes(), path)
            if hint is not None:
                raise CliError(f"{path} is {hint[0]}, and no batch", hint[1])


def _hint(data: bytes, path: Path) -> tuple[str, str] | None:
    if _is_report(data):
        return "a signed report", f"receipt report check {path}"
    if _is_card(data):
        return "a rate card", f"it goes beside a batch: receipt verify batch.cbor --card {path}"
    return None


def _is_report(data: bytes) -> bool:
    try:
        read_signed_report(data, {})
    except ReportError:
        return False
    return True


def _is_card(data: bytes) -> bool:
    try:
        read_card(data)
    except CardError:
        return False
    return True

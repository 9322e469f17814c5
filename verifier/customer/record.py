"""The customer's own record: the requests that it made, and the receipts that it received with the responses.

Requests come as JSON lines, as CSV, or from a wallet; received receipts from a wallet, or as a CBOR sequence. A wallet is the SQLite file
that `receipts.wallet` keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from verifier.customer.log import LogError, log_rows
from verifier.customer.wallet import WalletError, is_wallet, wallet_rows
from verifier.format.fields import MAX_TIME
from verifier.reading.framing import Batch, UnreadableError
from verifier.reading.recognise import NotABatchError
from verifier.reading.sources import batch_file
from verifier.report.period import PeriodError, instant

_ID: Final = ("request", "request_id", "id")
"""Steps of SQLite that reading a wallet may take; an honest one takes less than one in ten bytes."""
_MOST: Final = 2**64
"""No receipt states such a number."""
_SUCCESS: Final = frozenset({"ok", "success", "succeeded", "completed"})
_COUNTS: Final = {
    "logical": ("logical", "prompt_tokens"),
    "cached": ("cached", "cached_tokens"),
    "output": ("output", "completion_tokens", "output_tokens"),
    "reasoning": ("reasoning", "reasoning_tokens"),
}
_DETAILS: Final = (
    "usage",
    "prompt_tokens_details",
    "input_tokens_details",
    "completion_tokens_details",
    "output_tokens_details",
)


RECORD_COLUMNS: Final = frozenset(
    {"request", "logical", "cached", "output", "reasoning", "client", "fingerprint"}
)
"""What the comparison with requests and received receipts needs of the receipts of a batch."""
PROMPT_COLUMNS: Final = frozenset(
    {"request", "model", "logical", "cached", "output", "client", "cache"}
)
"""What the comparison with prompts needs of them."""


class RecordError(ValueError):
    """The customer's record cannot be read: which file and line, and why."""


@dataclass(frozen=True, slots=True)
class Requested:
    """A request that the customer made.

    ``request`` is None if it was not answered to the end, or not with success: then it needs no receipt, but may have one, which its commitment
    shows. ``time`` in ms, ``counts`` in tokens by name; what the record does not say is None, or not there. ``where`` names file and line.
    """

    request: str | None
    where: str
    time: int | None = None
    commitment: bytes | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """The files of the customer's record."""

    requests: tuple[str, ...] = ()
    received: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    cache_key: str | None = None
    """The account's cache key, or that of the month, to recompute identifiers from the prompts."""

    @property
    def columns(self) -> frozenset[str]:
        """What the comparison needs of the receipts."""
        names = RECORD_COLUMNS if self.requests or self.received else frozenset()
        return names | PROMPT_COLUMNS if self.prompts else names


def read_requests(path: str) -> Iterator[Requested]:
    """The requests in a file, one after the other.

    Raises:
        RecordError: a line is not as it should be.
        OSError: the file cannot be read.
    """
    try:
        yield from (_wallet_requests if is_wallet(path) else _logged_requests)(path)
    except (LogError, WalletError) as error:
        raise RecordError(str(error)) from None


def read_received(path: str) -> Iterator[tuple[str, bytes]]:
    """Where each received receipt stands, and its bytes.

    Raises:
        RecordError: the file is neither a wallet nor a CBOR sequence.
        OSError: the file cannot be read.
    """
    try:
        if is_wallet(path):
            yield from _wallet_receipts(path)
            return
        for span in Batch([batch_file(path)]).spans():
            for number, _, raw in span.items():
                yield f"{path}, item {number}", raw
    except UnreadableError as fault:
        raise RecordError(f"{path}, byte {fault.offset}: {fault}") from None
    except (NotABatchError, WalletError) as error:
        raise RecordError(str(error)) from None


def _wallet_receipts(path: str) -> Iterator[tuple[str, bytes]]:
    for number, raw in wallet_rows(path, "receipts", "rowid, data"):
        if not isinstance(raw, bytes):
            raise RecordError(f"{path}, receipt {number} is damaged")
        yield f"{path}, receipt {number}", raw


def check_files(record: Record) -> None:
    """That the files of a record can be read more than once, which a pipe cannot: what it held would silently be gone.

    Raises:
        RecordError: one cannot.
    """
    keys = () if record.cache_key is None else (record.cache_key,)
    for path in map(Path, (*record.requests, *record.received, *record.prompts, *keys)):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise RecordError(f"{path} is no file; a record is read more than once")


def _logged_requests(path: str) -> Iterator[Requested]:
    named = found = False
    for line, row in log_rows(path):
        where, found = f"{path}, line {line}", True
        try:
            flat = _flat(row)
            named = named or any(flat.get(name) is not None for name in _ID)
            yield _requested(where, flat)
        except (ValueError, PeriodError) as error:
            raise RecordError(f"{where}: {error}") from None
    if found and not named:
        raise RecordError(f"{path} names no request: the id goes into request, request_id or id")
    if not found:
        raise RecordError(f"{path} holds no request")


def _wallet_requests(path: str) -> Iterator[Requested]:
    columns = "number, request, time, status, commitment, complete, url"
    hosts = set()
    for row in wallet_rows(path, "requests", columns):
        number, request, time, status, commitment, complete, url = row
        where = f"{path}, request {number}"
        if not (isinstance(time, int) and isinstance(commitment, bytes) and isinstance(url, str)):
            raise RecordError(f"{where} is damaged")
        answered = complete and isinstance(status, int) and 200 <= status < 300
        hosts.add(url.split("/")[2] if url.count("/") > 1 else url)
        if len(hosts) > 1:
            names = ", ".join(map(repr, sorted(hosts)))
            raise RecordError(
                f"{path} holds requests to several hosts: {names}; keep a wallet for each provider"
            )
        yield Requested(
            request if answered and isinstance(request, str) else None, where, time, commitment
        )


def _requested(where: str, flat: Mapping[str, Any]) -> Requested:
    request = next((flat[name] for name in _ID if flat.get(name) is not None), None)
    if request is not None and not isinstance(request, str):
        raise ValueError(f"the request id is a text, found {request!r}")
    if request is not None:
        request.encode()  # a lone surrogate is no text
    answered = _answered(flat.get("status"))
    return Requested(
        request if answered else None, where, _time(flat), _commitment(flat), _counts(flat)
    )


def _answered(status: object) -> bool:
    """Whether a request was answered with success; without a status it was."""
    if isinstance(status, str):
        return status.lower() in _SUCCESS or (
            status.isascii() and status.isdecimal() and status[0] == "2"
        )
    return status is None or (type(status) is int and 200 <= status < 300)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the members of ``usage`` and its details beside the others."""
    flat = dict(row)
    for name in _DETAILS:
        inner = flat.get(name)
        if isinstance(inner, Mapping):
            flat |= {key: value for key, value in inner.items() if key not in row}
    if isinstance(flat.get("iterations"), list) and flat["iterations"]:
        flat |= _summed(flat["iterations"])
    return flat


def _summed(iterations: list[Any]) -> dict[str, int]:
    """Anthropic's top level leaves out some of the iterations of a response; the response is their sum."""
    names = (
        "input_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "output_tokens",
    )
    if not all(isinstance(part, Mapping) for part in iterations):
        raise ValueError("iterations is an array of usage objects")
    return {name: sum(_count(name, part.get(name)) for part in iterations) for name in names}


def _time(row: Mapping[str, Any]) -> int | None:
    """ms, from ``time`` (ms or RFC 3339), or from ``created`` (s), as OpenAI's objects have it."""
    time, created = row.get("time"), row.get("created")
    if isinstance(time, str):
        return instant(time)
    if time is not None:
        return _moment("time", time)
    return None if created is None else _moment("created", created, 1000)


def _moment(name: str, value: object, unit_ms: int = 1) -> int:
    moment = unit_ms * _count(name, value)
    if moment >= MAX_TIME:
        raise ValueError(f"{name} is beyond the year 9999: {value!r}")
    return moment


def _commitment(row: Mapping[str, Any]) -> bytes | None:
    value = row.get("commitment")
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("commitment is in hexadecimal")
    return bytes.fromhex(value)


def _counts(row: Mapping[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, columns in _COUNTS.items():
        for column in columns:
            if row.get(column) is not None and name not in counts:
                counts[name] = _count(column, row[column])
    if row.get("input_tokens") is not None and "logical" not in counts:
        counts |= _input(row)
    return counts


def _input(row: Mapping[str, Any]) -> dict[str, int]:
    """``input_tokens`` includes cached tokens in OpenAI's objects, and excludes them in Anthropic's."""
    plain = _count("input_tokens", row["input_tokens"])
    parts = ("cache_read_input_tokens", "cache_creation_input_tokens")
    if all(row.get(name) is not None for name in parts):
        read, written = (_count(name, row[name]) for name in parts)
        return {"logical": plain + read + written, "cached": read}
    if "input_tokens_details" in row or "cached_tokens" in row:
        return {"logical": plain}
    raise ValueError("input_tokens may or may not include cached tokens: call the sum logical")


def _count(name: str, value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} is a whole number, found {value!r}")
    if value >= _MOST:
        raise ValueError(f"{name} is a whole number below 2^64")
    return value

"""The customer's own record: the requests that it made, and the receipts that it received with the responses.

Requests come as JSON lines, as CSV, or from a wallet; received receipts from a wallet, or as a CBOR sequence. A wallet is the SQLite file
that `receipts.wallet` keeps.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from verifier.customer.log import LogError, log_rows
from verifier.format.fields import MAX_TIME
from verifier.reading.framing import Batch, UnreadableError
from verifier.reading.recognise import NotABatchError
from verifier.reading.sources import batch_file
from verifier.report.period import PeriodError, instant

_SQLITE: Final = b"SQLite format 3\0"
_ID: Final = ("request", "request_id", "id")
_LOOK_EVERY: Final = 1000
_MIN_STEPS: Final = 100_000
_STEPS_A_BYTE: Final = 10
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
    if _is_wallet(path):
        yield from _wallet_requests(path)
        return
    try:
        yield from _logged_requests(path)
    except LogError as error:
        raise RecordError(str(error)) from None


def read_received(path: str) -> Iterator[tuple[str, bytes]]:
    """Where each received receipt stands, and its bytes.

    Raises:
        RecordError: the file is neither a wallet nor a CBOR sequence.
        OSError: the file cannot be read.
    """
    if _is_wallet(path):
        with closing(_open(path)) as db:
            left = _size(path)
            for number, raw in _query(path, db, "receipts", "rowid, data"):
                if not isinstance(raw, bytes) or (left := left - len(raw)) < 0:
                    raise RecordError(f"{path}, receipt {number} is damaged")
                yield f"{path}, receipt {number}", raw
        return
    try:
        for span in Batch([batch_file(path)]).spans():
            for number, _, raw in span.items():
                yield f"{path}, item {number}", raw
    except UnreadableError as fault:
        raise RecordError(f"{path}, byte {fault.offset}: {fault}") from None
    except NotABatchError as error:
        raise RecordError(str(error)) from None


def _is_wallet(path: str) -> bool:
    with Path(path).open("rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


def check_files(record: Record) -> None:
    """That the files of a record can be read more than once, which a pipe cannot: what it held would silently be gone.

    Raises:
        RecordError: one cannot.
    """
    keys = () if record.cache_key is None else (record.cache_key,)
    for path in map(Path, (*record.requests, *record.received, *record.prompts, *keys)):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise RecordError(f"{path} is no file; a record is read more than once")


def _open(path: str) -> sqlite3.Connection:
    """A wallet, which is read only, and in no more steps than its size warrants: its pages may go in circles.

    Raises:
        RecordError: it is none.
    """
    left = _MIN_STEPS + _size(path) * _STEPS_A_BYTE

    def is_over() -> bool:
        nonlocal left
        left -= _LOOK_EVERY
        return left < 0

    try:
        db = sqlite3.connect(f"file:{Path(path).resolve().as_uri()[7:]}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise RecordError(f"{path} is not a wallet: {error}") from None
    db.set_progress_handler(is_over, _LOOK_EVERY)
    return db


def _size(path: str) -> int:
    """The bytes of a wallet, with those that are not in the main file yet."""
    log = Path(f"{path}-wal")
    return Path(path).stat().st_size + (log.stat().st_size if log.exists() else 0)


def _query(path: str, db: sqlite3.Connection, table: str, columns: str) -> Iterator[Any]:
    """The rows of a table of a wallet, in their order.

    Whoever made the file may have put something else in place of the table, which may take for ever: a view, a virtual table.
    """
    try:
        made = db.execute(
            "SELECT type, rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
        if made is None or made[0] != "table" or not made[1]:
            raise RecordError(f"{path} is not a wallet: it has no table {table}")
        plain = all(hidden == 0 for *_, hidden in db.execute(f"PRAGMA table_xinfo({table})"))
        if not plain:
            raise RecordError(f"{path} is not a wallet: its table {table} computes columns")
        yield from db.execute(f"SELECT {columns} FROM {table} ORDER BY rowid")  # noqa: S608  # names from here
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite's messages quote the file
        raise RecordError(f"{path} is not a wallet: {error}") from None


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
    with closing(_open(path)) as db:
        for number, request, time, status, commitment, complete, url in _query(
            path, db, "requests", columns
        ):
            where = f"{path}, request {number}"
            if not (
                isinstance(time, int) and isinstance(commitment, bytes) and isinstance(url, str)
            ):
                raise RecordError(f"{where} is damaged")
            answered = complete and isinstance(status, int) and 200 <= status < 300
            hosts.add(url.split("/")[2] if url.count("/") > 1 else url)
            if len(hosts) > 1:
                raise RecordError(
                    f"{path} holds requests to several hosts: {', '.join(map(repr, sorted(hosts)))}; keep a wallet for each provider"
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

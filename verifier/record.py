"""The customer's own record: the requests that it made, and the receipts that it received with the responses.

Requests come as JSON lines, as CSV, or from a wallet; received receipts from a wallet, or as a CBOR sequence. A wallet is the SQLite file
that `receipts.wallet` keeps.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from verifier.batch import Batch, UnreadableError
from verifier.files import batch_file
from verifier.period import PeriodError, instant

_SQLITE: Final = b"SQLite format 3\0"
_ID = ("request", "request_id", "id")
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


class RecordError(ValueError):
    """The customer's record cannot be read: which file and line, and why."""


@dataclass(frozen=True, slots=True)
class Requested:
    """A request that the customer made and that was answered.

    ``time`` in ms, ``counts`` in tokens by name; what the record does not say is None, or not there. ``where`` names file and line.
    """

    request: str
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


def read_requests(path: str) -> Iterator[Requested | None]:
    """The requests in a file; None for one that was not answered with success, or has no id.

    Raises:
        RecordError: a line is not as it should be.
        OSError: the file cannot be read.
    """
    if _is_wallet(path):
        yield from _wallet_requests(path)
        return
    text = _text(path)
    read_rows = _json_rows if text.lstrip().startswith("{") else _csv_rows
    for line, row in read_rows(path, text):
        where = f"{path}, line {line}"
        try:
            yield _requested(where, row)
        except (ValueError, PeriodError) as error:
            raise RecordError(f"{where}: {error}") from None


def read_received(path: str) -> Iterator[tuple[str, bytes]]:
    """Where each received receipt stands, and its bytes.

    Raises:
        RecordError: the file is neither a wallet nor a CBOR sequence.
        OSError: the file cannot be read.
    """
    if _is_wallet(path):
        with closing(_open(path)) as db:
            for number, raw in _query(path, db, "SELECT rowid, data FROM receipts ORDER BY rowid"):
                yield f"{path}, receipt {number}", raw
        return
    try:
        for span in Batch([batch_file(path)]).spans():
            for number, _, raw in span.items():
                yield f"{path}, item {number}", raw
    except UnreadableError as fault:
        raise RecordError(f"{path}, byte {fault.offset}: {fault}") from None


def _is_wallet(path: str) -> bool:
    with Path(path).open("rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


def _open(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{Path(path).resolve().as_uri()[7:]}?mode=ro", uri=True)


def _query(path: str, db: sqlite3.Connection, query: str) -> Iterator[Any]:
    try:
        yield from db.execute(query)
    except sqlite3.Error as error:
        raise RecordError(f"{path} is not a wallet: {error}") from None


def _wallet_requests(path: str) -> Iterator[Requested | None]:
    query = "SELECT number, request, time, status, commitment FROM requests ORDER BY number"
    with closing(_open(path)) as db:
        for number, request, time, status, commitment in _query(path, db, query):
            if request is None or status is None or not 200 <= status < 300:
                yield None
            else:
                yield Requested(request, f"{path}, request {number}", time, commitment)


def _text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(
            f"{path} is not UTF-8 text: {error.reason} at byte {error.start}"
        ) from None


def _json_rows(path: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise RecordError(f"{path}, line {number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise RecordError(f"{path}, line {number}: expected an object")
            yield number, row


def _csv_rows(path: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise RecordError(
                    f"{path}, line {reader.line_num}: not as many cells as the header"
                )
            yield (
                reader.line_num,
                {name: _cell(name, value) for name, value in row.items() if value},
            )
    except csv.Error as error:
        raise RecordError(f"{path}, line {reader.line_num}: {error}") from None


def _cell(name: str, value: str) -> int | str:
    """A cell; numbers where the column is one of numbers. A request id of digits stays text."""
    return int(value) if name not in _ID and value.isascii() and value.isdecimal() else value


def _requested(where: str, row: Mapping[str, Any]) -> Requested | None:
    flat = _flat(row)
    status = flat.get("status")
    if isinstance(status, int) and not 200 <= status < 300:
        return None
    request = next((flat[name] for name in _ID if flat.get(name) is not None), None)
    if request is None:
        return None
    if not isinstance(request, str):
        raise ValueError(f"the request id is a text, found {request!r}")
    return Requested(request, where, _time(flat), _commitment(flat), _counts(flat))


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the members of ``usage`` and its details beside the others."""
    flat = dict(row)
    for name in _DETAILS:
        inner = flat.get(name)
        if isinstance(inner, Mapping):
            flat |= {key: value for key, value in inner.items() if key not in row}
    return flat


def _time(row: Mapping[str, Any]) -> int | None:
    """ms, from ``time`` (ms or RFC 3339), or from ``created`` (s), as OpenAI's objects have it."""
    time, created = row.get("time"), row.get("created")
    if isinstance(time, str):
        return instant(time)
    if time is not None:
        return _count("time", time)
    return None if created is None else 1000 * _count("created", created)


def _commitment(row: Mapping[str, Any]) -> bytes | None:
    value = row.get("commitment")
    return None if value is None else bytes.fromhex(value)


def _counts(row: Mapping[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, columns in _COUNTS.items():
        for column in columns:
            if row.get(column) is not None and name not in counts:
                counts[name] = _count(column, row[column])
    if row.get("input_tokens") is not None:
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
    return value

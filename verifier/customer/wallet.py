"""A wallet, read as what it is: a file from somebody else, which may have been made to harm (`receipts.wallet` writes it)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from verifier.customer.calls import COMPLETE, OUTCOMES, Call
from verifier.customer.usage import Usage, hashed, read_usage
from verifier.customer.usage_members import UsageError
from verifier.customer.usage_units import tool_units
from verifier.format.fields import MAX_TIME

_SQLITE: Final = b"SQLite format 3\0"
_LOOK_EVERY: Final = 1000
_MIN_STEPS: Final = 100_000
_STEPS_A_BYTE: Final = 10
"""So many steps of SQLite's machine a wallet may take, at least and for each of its bytes."""


class WalletError(ValueError):
    """A file is no wallet, or a damaged one."""


def is_wallet(path: str) -> bool:
    """Whether a file begins like one.

    Raises:
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


_COLUMNS: Final = {
    "number": int, "sent": int, "answered": int | None, "host": str, "path": str, "credential": bytes | None, "account": str | None,
    "status": int | None, "outcome": str | None, "replay": int, "commitment": bytes, "requested_model": str | None,
    "model": str | None, "request": str | None, "usage": str | None, "tier": str | None, "tools": str | None,
}  # fmt: skip
_FIRST: Final = {
    "number": int, "request": str | None, "time": int, "model": str | None, "status": int | None, "commitment": bytes,
    "url": str, "complete": int,
}  # fmt: skip
"""Those of version 1."""
_TIMES: Final = ("sent", "answered", "time")
_UNFINISHED: Final = "cut"
"""What a call counts as whose end was not seen."""


def wallet_calls(path: str) -> Iterator[tuple[int, Call]]:
    """The calls of a wallet, with their numbers.

    Raises:
        WalletError: the file is no wallet, or damaged.
        OSError: it cannot be read.
    """
    if not _is_first(path):
        for row in _typed(path, "calls", _COLUMNS):
            yield row["number"], _call(path, row)
        return
    for row in _typed(path, "requests", _FIRST):
        yield row["number"], _first_call(path, row)


def wallet_receipts(path: str) -> Iterator[tuple[int, str, bytes]]:
    """The receipts of a wallet: the call that each came with, where it stands, and its bytes.

    Raises:
        WalletError: the file is no wallet, or damaged.
        OSError: it cannot be read.
    """
    column = "number" if _is_first(path) else "call"
    for row, call, raw in wallet_rows(path, "receipts", f"rowid, {column}, data"):
        if not isinstance(raw, bytes) or not isinstance(call, int):
            raise WalletError(f"{path}, receipt {row} is damaged")
        yield call, f"{Path(path).name}, receipt {row}", raw


def _is_first(path: str) -> bool:
    """Whether a wallet is of version 1."""
    with closing(_open(path)) as db:
        try:
            found = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchone()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise WalletError(f"{path} is not a wallet: {error}") from None
    return found is None


def _typed(path: str, table: str, columns: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for values in wallet_rows(path, table, ", ".join(columns)):
        row = dict(zip(columns, values, strict=True))
        sound = all(isinstance(row[name], kind) for name, kind in columns.items())
        if not sound or not all(0 <= (row.get(name) or 0) < MAX_TIME for name in _TIMES):
            raise WalletError(f"{path}, {table[:-1]} {row['number']} is damaged")
        yield row


def _call(path: str, row: dict[str, Any]) -> Call:
    where = f"{Path(path).name}, call {row['number']}"
    outcome = row["outcome"]
    if outcome is not None and outcome not in OUTCOMES:
        raise WalletError(f"{where} is damaged: {outcome!r} is no outcome")
    status, credential = row["status"], row["credential"]
    return Call(
        where, row["request"], row["sent"], row["answered"], row["host"], row["path"], row["account"],
        f"{path} {row['host']} {'' if credential is None else credential.hex()}",
        None if status is None else 200 <= status < 300, outcome or _UNFINISHED, bool(row["replay"]), row["commitment"] or None,
        row["requested_model"], row["model"], _usage(row),
    )  # fmt: skip


def _usage(row: Mapping[str, Any]) -> Usage:
    """What a usage object says; one that cannot be read says nothing: the provider wrote it, and it must not spoil the wallet."""
    usage, tools = _document(row["usage"]), _document(row["tools"])
    if usage is None:
        return Usage(tier=row["tier"])
    try:
        read = read_usage(usage, row["host"])
        units = {**tool_units(tools or {}), **read.units}
        return replace(read, units=units, tier=read.tier or row["tier"], digest=hashed(usage))
    except (UsageError, ValueError, RecursionError):
        return Usage(tier=row["tier"])


def _document(text: str | None) -> dict[str, Any] | None:
    try:
        document = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _first_call(path: str, row: dict[str, Any]) -> Call:
    """A line of version 1. It has no usage, so it is due a receipt without one, as a log's line that states no path."""
    host, _, rest = row["url"].partition("://")[2].partition("/")
    path_there = "/" + rest.partition("?")[0]
    seen = Call("", path=path_there)
    status = row["status"]
    return Call(
        f"{Path(path).name}, request {row['number']}", row["request"], row["time"], None, host,
        None if seen.billed else path_there, None, f"{path} {host} ",
        None if status is None else 200 <= status < 300, COMPLETE if row["complete"] else _UNFINISHED, False, row["commitment"] or None,
        row["model"], None,
    )  # fmt: skip


def _open(path: str) -> sqlite3.Connection:
    """A wallet, which is read only, and in no more steps than its size warrants: its pages may go in circles.

    Raises:
        WalletError: it is none.
    """
    left = _MIN_STEPS + _size(path) * _STEPS_A_BYTE

    def is_over() -> bool:
        nonlocal left
        left -= _LOOK_EVERY
        return left < 0

    try:
        db = sqlite3.connect(f"file:{Path(path).resolve().as_uri()[7:]}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise WalletError(f"{path} is not a wallet: {error}") from None
    db.set_progress_handler(is_over, _LOOK_EVERY)
    return db


def _size(path: str) -> int:
    """The bytes of a wallet, with those that are not in the main file yet."""
    log = Path(f"{path}-wal")
    return Path(path).stat().st_size + (log.stat().st_size if log.exists() else 0)


def wallet_rows(path: str, table: str, columns: str) -> Iterator[Any]:
    """The rows of a table of a wallet, in their order.

    Whoever made the file may have put something else in place of the table (a view, a virtual table), or let pages lead to each other in circles:
    so it may take no more steps, and give no more bytes, than its size warrants.

    Raises:
        WalletError: the file is no wallet.
        OSError: it cannot be read.
    """
    left = _size(path)
    with closing(_open(path)) as db:
        for row in _query(path, db, table, columns):
            left -= sum(len(value) for value in row if isinstance(value, bytes | str))
            if left < 0:
                raise WalletError(f"{path} is not a wallet: it holds more than its size")
            yield row


def _query(path: str, db: sqlite3.Connection, table: str, columns: str) -> Iterator[Any]:
    try:
        made = db.execute(
            "SELECT type, rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
        if made is None or made[0] != "table" or not made[1]:
            raise WalletError(f"{path} is not a wallet: it has no table {table}")
        plain = all(hidden == 0 for *_, hidden in db.execute(f"PRAGMA table_xinfo({table})"))
        if not plain:
            raise WalletError(f"{path} is not a wallet: its table {table} computes columns")
        yield from db.execute(f"SELECT {columns} FROM {table} ORDER BY rowid")  # names from here
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite's messages quote the file
        raise WalletError(f"{path} is not a wallet: {error}") from None

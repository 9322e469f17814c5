"""What a wallet holds, without opening it for writing."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from receipts.databases import application, reading, size
from receipts.prefixes import MarkedPrefixes, Marks
from receipts.wallet.schema import APPLICATION, VERSION, WalletError

_COLUMNS: Final = (
    "number", "sent", "answered", "host", "path", "credential", "account", "status", "outcome", "replay",
    "commitment", "nonce", "requested_model", "model", "request", "usage", "tier", "tools",
)  # fmt: skip
_ID: Final = 32
"""Bytes of an identifier."""


def is_wallet(path: str) -> bool:
    """Whether a file says that it is a wallet.

    Raises:
        OSError: it cannot be read.
    """
    return application(path) == APPLICATION


def wallet_calls(path: str) -> Iterator[dict[str, Any]]:
    """The calls of a wallet, by the names of spec/record.md, and how many ``receipts`` came with each.

    Raises:
        WalletError: it cannot be read, or is of another version.
        OSError: it is not there.
    """
    with _open(path) as db:
        _check_table(db, path, "calls")
        receipts = Counter(call for (call,) in db.execute("SELECT call FROM receipts"))
        left = size(path)
        for row in db.execute(f"SELECT {', '.join(_COLUMNS)} FROM calls ORDER BY number"):  # noqa: S608  # names from here
            left -= sum(len(value) for value in row if isinstance(value, bytes | str))
            if left < 0:  # its pages are read again and again
                raise WalletError(f"{path} is not a wallet: it holds more than its size")
            call = dict(zip(_COLUMNS, row, strict=True))
            yield {**call, "receipts": receipts[call["number"]]}


def wallet_prefixes(path: str) -> dict[int, MarkedPrefixes]:
    """The prefixes that the calls of a wallet sent, by the number of the call; none where it was opened without a cache key.

    Raises:
        WalletError: it cannot be read, or is of another version.
        OSError: it is not there.
    """
    with _open(path) as db:
        if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'prefixes'").fetchone() is None:
            return {}
        _check_table(db, path, "prefixes")
        rows = db.execute("SELECT call, account, period, model, ids, marks FROM prefixes")
        return {row[0]: _prefixes(path, *row) for row in rows}


def _prefixes(path: str, call: Any, *row: Any) -> MarkedPrefixes:
    account, period, model, packed, text = row
    texts = all(isinstance(one, str) for one in (account, period, model, text))
    ids = _split(packed) if isinstance(packed, bytes) else ()
    try:
        marks = Marks.from_json(text) if texts else None
    except ValueError:
        marks = None
    if marks is None or marks.last != len(ids) - 1:
        raise WalletError(f"{path} is not a wallet: the prefixes of call {call} are damaged")
    return MarkedPrefixes(account, period, model, ids, marks)


def _split(packed: bytes) -> tuple[bytes, ...]:
    """Identifiers that stand one after the other; none if there is something else."""
    whole = len(packed) % _ID == 0
    return tuple(packed[at : at + _ID] for at in range(0, len(packed), _ID)) if whole else ()


def wallet_receipts(path: str) -> Iterator[bytes]:
    """The receipts of a wallet, as they came. Nothing was checked: they are what somebody sent.

    Raises:
        WalletError: it cannot be read, or is of another version.
        OSError: it is not there.
    """
    return (data for _, data in wallet_receipts_by_call(path))


def wallet_receipts_by_call(path: str) -> Iterator[tuple[int, bytes]]:
    """The same, each with the number of the call that it came with. Raises as `wallet_receipts` does."""
    with _open(path) as db:
        for call, data in db.execute("SELECT call, data FROM receipts ORDER BY rowid"):
            if not isinstance(data, bytes) or not isinstance(call, int):
                raise WalletError(f"{path} is not a wallet: it holds {type(data)}")
            yield call, data


def _check_table(db: sqlite3.Connection, path: str, name: str) -> None:
    """Whether a table is one: something that is computed could give more than there is (spec/record.md, A wallet)."""
    made = db.execute("SELECT type, rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    if made is not None and (made[0] != "table" or not made[1]):
        raise WalletError(f"{path} is not a wallet: {name} is no table")
    if any(hidden for *_, hidden in db.execute(f"PRAGMA table_xinfo({name})")):
        raise WalletError(f"{path} is not a wallet: its table {name} computes columns")


@contextmanager
def _open(path: str) -> Iterator[sqlite3.Connection]:
    try:
        with reading(path) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                raise WalletError(f"{path} is a wallet of version {version}, expected {VERSION}")
            db.execute("BEGIN")  # all of one moment; calls go on
            yield db
    except sqlite3.Error as error:
        raise WalletError(f"{path}: {error}") from error

"""A wallet, read as what it is: a file from somebody else, which may have been made to harm (`receipts.wallet` writes it)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

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
        yield from db.execute(f"SELECT {columns} FROM {table} ORDER BY rowid")  # noqa: S608  # names from here
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite's messages quote the file
        raise WalletError(f"{path} is not a wallet: {error}") from None

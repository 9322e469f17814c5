"""What a wallet holds, without opening it for writing."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from receipts.databases import application, reading
from receipts.wallet.schema import APPLICATION, VERSION, WalletError

_COLUMNS: Final = (
    "number", "sent", "answered", "host", "path", "credential", "account", "status", "outcome", "replay",
    "commitment", "nonce", "requested_model", "model", "request", "usage", "tier", "tools",
)  # fmt: skip


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
        receipts = Counter(call for (call,) in db.execute("SELECT call FROM receipts"))
        for row in db.execute(f"SELECT {', '.join(_COLUMNS)} FROM calls ORDER BY number"):  # noqa: S608  # names from here
            call = dict(zip(_COLUMNS, row, strict=True))
            yield {**call, "receipts": receipts[call["number"]]}


def wallet_receipts(path: str) -> Iterator[bytes]:
    """The receipts of a wallet, as they came. Nothing was checked: they are what somebody sent.

    Raises:
        WalletError: it cannot be read, or is of another version.
        OSError: it is not there.
    """
    with _open(path) as db:
        for (data,) in db.execute("SELECT data FROM receipts ORDER BY rowid"):
            if not isinstance(data, bytes):
                raise WalletError(f"{path} is not a wallet: it holds {type(data)}")
            yield data


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

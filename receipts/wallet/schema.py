"""The tables of a wallet's file (spec/record.md, "A wallet"), and how a file of version 1 comes to version 2."""

from __future__ import annotations

import sqlite3
from secrets import token_bytes
from typing import Final
from urllib.parse import urlsplit

APPLICATION: Final = 0x52435057
"""``application_id`` of a wallet: "RCPW"."""
VERSION: Final = 2
"""``user_version`` of the tables below."""
_SECRET: Final = 32
"""Bytes of the key of the credentials' digests."""
_CALLS: Final = """CREATE TABLE calls (
  number INTEGER PRIMARY KEY, sent INTEGER NOT NULL, answered INTEGER, host TEXT NOT NULL, path TEXT NOT NULL,
  credential BLOB, account TEXT, status INTEGER, outcome TEXT, replay INTEGER NOT NULL DEFAULT 0,
  commitment BLOB NOT NULL, nonce BLOB NOT NULL, requested_model TEXT, model TEXT, request TEXT, usage TEXT, tier TEXT, tools TEXT
)"""
_RECEIPTS: Final = "CREATE TABLE receipts (call INTEGER NOT NULL REFERENCES calls, data BLOB NOT NULL)"  # fmt: skip
_TABLES: Final = (
    _CALLS,
    "CREATE INDEX calls_by_request ON calls (request) WHERE request IS NOT NULL",
    "CREATE TABLE secret (key BLOB NOT NULL)",
    # The files that hold the results of a batch, which is the call that made it, and the digests of those that are noted.
    "CREATE TABLE files (host TEXT, file TEXT, batch INTEGER REFERENCES calls, PRIMARY KEY (host, file)) WITHOUT ROWID",
    "CREATE TABLE results (batch INTEGER REFERENCES calls, custom BLOB, PRIMARY KEY (batch, custom)) WITHOUT ROWID",
)
PREFIXES: Final = (
    "CREATE TABLE IF NOT EXISTS prefixes (call INTEGER PRIMARY KEY REFERENCES calls, account TEXT NOT NULL, period TEXT NOT NULL,"
    " model TEXT NOT NULL, ids BLOB NOT NULL, marks TEXT NOT NULL)"
)
"""Identifiers of the prefixes that a call sent, one after the other; it is there where a wallet was opened with a cache key."""
_OF_REQUESTS: Final = """INSERT INTO calls (number, sent, host, path, status, outcome, commitment, nonce, requested_model, request)
SELECT number, time, url_host(url), url_path(url), status,
  CASE WHEN status NOT BETWEEN 200 AND 299 THEN 'failed' WHEN complete THEN 'complete' END,
  commitment, nonce, model, request FROM requests"""
_FROM_VERSION_1: Final = (
    _OF_REQUESTS,
    "ALTER TABLE receipts RENAME TO receipts_1",
    _RECEIPTS,
    "INSERT INTO receipts SELECT number, data FROM receipts_1 ORDER BY rowid",
    "DROP TABLE receipts_1",
    "DROP TABLE requests",
)


class WalletError(Exception):
    """The wallet cannot be opened, read or written."""


def prepare(db: sqlite3.Connection) -> bool:
    """Make a wallet of an empty database, or of one of version 1, in the transaction that is open.

    Returns:
        Whether there was a wallet of version 1.

    Raises:
        WalletError: it is something else.
        sqlite3.Error: it cannot be written.
    """
    application, version = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    empty = not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION and (application or not empty):
        raise WalletError("is a database, but not a wallet")
    if empty:
        _create(db)
        db.execute(_RECEIPTS)
        return False
    if version == 1:
        _create(db)
        _migrate(db)
        return True
    if version != VERSION:
        raise WalletError(f"is a wallet of version {version}, expected {VERSION}")
    return False


def _create(db: sqlite3.Connection) -> None:
    for statement in _TABLES:
        db.execute(statement)
    db.execute("INSERT INTO secret VALUES (?)", (token_bytes(_SECRET),))
    db.execute(f"PRAGMA application_id={APPLICATION}")
    db.execute(f"PRAGMA user_version={VERSION}")


def _migrate(db: sqlite3.Connection) -> None:
    """Take over what version 1 knew. When a response ended, it did not know, nor what its usage was."""
    db.create_function("url_host", 1, lambda url: urlsplit(url).netloc.rpartition("@")[2])
    db.create_function("url_path", 1, lambda url: urlsplit(url).path or "/")
    for statement in _FROM_VERSION_1:
        db.execute(statement)

"""The wallet's file: one line about each request, and every receipt that came with a response (SQLite)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_APPLICATION: Final = 0x52435057  # "RCPW"
_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE requests (
  number INTEGER PRIMARY KEY, request TEXT, time INTEGER NOT NULL, model TEXT, status INTEGER,
  commitment BLOB NOT NULL, nonce BLOB NOT NULL, url TEXT NOT NULL, complete INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE receipts (number INTEGER NOT NULL REFERENCES requests, data BLOB NOT NULL);
"""


class WalletError(Exception):
    """The wallet cannot be opened, read or written."""


class Store:
    """Requests and receipts in a file. Calls from several threads are safe.

    Raises:
        WalletError: the file cannot be opened, or is no wallet.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._named():
            self._db = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
        try:
            with self._named():
                self._prepare()
        except WalletError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("BEGIN IMMEDIATE")
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        empty = not self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if application == 0 and empty:
            for statement in _SCHEMA.split(";\n"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id={_APPLICATION}")
            self._db.execute(f"PRAGMA user_version={_VERSION}")
        self._db.execute("COMMIT")
        if application not in (0, _APPLICATION) or (application == 0 and not empty):
            raise WalletError(f"{self._path} is a database, but not a wallet")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise WalletError(f"{self._path}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def begin(self, time: int, model: str | None, commitment: bytes, nonce: bytes, url: str) -> int:
        """Note a request before it is sent; ``time`` in ms. Returns its number."""
        with self._lock, self._named():
            cursor = self._db.execute(
                "INSERT INTO requests (time, model, commitment, nonce, url) VALUES (?, ?, ?, ?, ?)",
                (time, model, commitment, nonce, url),
            )
        return int(cursor.lastrowid or 0)

    def answered(self, number: int, status: int) -> None:
        """Note the HTTP status of the response."""
        with self._lock, self._named():
            self._db.execute("UPDATE requests SET status = ? WHERE number = ?", (status, number))

    def completed(self, number: int) -> None:
        """Note that the response came to its end."""
        with self._lock, self._named():
            self._db.execute("UPDATE requests SET complete = 1 WHERE number = ?", (number,))

    def identify(self, number: int, request: str) -> None:
        """Note the provider's request id."""
        with self._lock, self._named():
            self._db.execute("UPDATE requests SET request = ? WHERE number = ?", (request, number))

    def keep(self, number: int, receipt: bytes) -> None:
        """Keep a receipt as it came."""
        with self._lock, self._named():
            self._db.execute("INSERT INTO receipts VALUES (?, ?)", (number, receipt))

    def counts(self) -> tuple[int, int]:
        """How many requests, and how many receipts."""
        with self._lock, self._named():
            requests, receipts = self._db.execute(
                "SELECT (SELECT count(*) FROM requests), (SELECT count(*) FROM receipts)"
            ).fetchone()
        return int(requests), int(receipts)

"""The journal's file: SQLite, write-ahead logging, every commit on the disk before it is reported.

One connection, one thread. What SQLite complains about comes out as `JournalError`, with the file's name.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from receipts.errors import JournalError
from receipts.issuer import Head, Issued

APPLICATION: Final = 0x52435054
"""``application_id`` of a journal: "RCPT"."""
_VERSION: Final = 2
_WAIT_S: Final = 30.0
"""How long a writer waits for another process."""
_SCHEMA: Final = """
CREATE TABLE issuer (name TEXT NOT NULL, journal TEXT NOT NULL);
CREATE TABLE receipts (
  account TEXT NOT NULL, stream TEXT NOT NULL, sequence INTEGER NOT NULL, request TEXT NOT NULL, time INTEGER NOT NULL,
  digest BLOB NOT NULL, data BLOB NOT NULL,
  UNIQUE (account, stream, sequence), UNIQUE (account, request)
);
CREATE TABLE statements (account TEXT NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (account, number));
"""


class Store:
    """Receipts and statements of one issuer in a file. ``id`` is the journal's own random name, which goes where the file goes.

    Args:
        path: the file; it is made if it is not there.
        issuer: whose journal it is.
        create: whether a journal may be made.

    Raises:
        JournalError: the file cannot be opened, is no journal, or is another issuer's.
    """

    def __init__(self, path: str, issuer: str, *, create: bool = True) -> None:
        self.path = path
        self.id = ""
        if create:
            _make(path)
        elif not Path(path).is_file():  # SQLite would make it
            raise JournalError(f"{path} is not there")
        with self._named():
            # Used by one thread at a time: the one that opens it, and then the one that writes.
            self._db = sqlite3.connect(
                path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._named():
                self._prepare(issuer, create)
        except JournalError:
            self._db.close()
            raise

    def _prepare(self, issuer: str, create: bool) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        with self.transaction():
            application = self._db.execute("PRAGMA application_id").fetchone()[0]
            empty = not self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            if application == 0 and empty and create:
                self._create(issuer)
            elif application != APPLICATION:
                raise JournalError(f"{self.path} is a database, but not a journal")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            raise JournalError(
                f"{self.path} is a journal of version {version}, expected {_VERSION}"
            )
        owner, self.id = self._db.execute("SELECT name, journal FROM issuer").fetchone()
        if owner != issuer:
            raise JournalError(f"{self.path} is the journal of {owner}, not of {issuer}")

    def _create(self, issuer: str) -> None:
        for statement in _SCHEMA.split(";\n"):
            self._db.execute(statement)
        self._db.execute("INSERT INTO issuer VALUES (?, ?)", (issuer, uuid4().hex))
        self._db.execute(f"PRAGMA application_id={APPLICATION}")
        self._db.execute(f"PRAGMA user_version={_VERSION}")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction that keeps other writers out; it is on the disk when this returns, or nothing of it is.

        Raises:
            JournalError: it could not be written.
        """
        with self._named():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reads inside see the same moment; writers go on."""
        with self._named():
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    def head(self, account: str, stream: str) -> Head | None:
        """Where a stream stands."""
        row = self._db.execute(
            "SELECT sequence, digest, time FROM receipts WHERE account = ? AND stream = ?"
            " ORDER BY sequence DESC LIMIT 1",
            (account, stream),
        ).fetchone()
        return None if row is None else Head(*row)

    def find(self, account: str, key: str | bytes) -> bytes | None:
        """The receipt of a request id, or the correction of the receipt with a digest: both stand in the column ``request``."""
        found = self._find(account, key)
        return None if found is None else found[0]

    def last_word(self, account: str, request: str) -> bytes | None:
        """The receipt of a request, or the last of the corrections of it."""
        digest: str | bytes = request
        last = None
        while (found := self._find(account, digest)) is not None:
            last, digest = found
        return last

    def _find(self, account: str, key: str | bytes) -> tuple[bytes, bytes] | None:
        with self._named():
            row = self._db.execute(
                "SELECT data, digest FROM receipts WHERE account = ? AND request = ?",
                (account, key),
            ).fetchone()
        return None if row is None else (bytes(row[0]), bytes(row[1]))

    def add(self, receipts: Iterable[tuple[str | bytes, Issued]]) -> None:
        """Add receipts, with what `find` finds them by."""
        self._db.executemany(
            "INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (r.account, r.stream, r.sequence, key, r.time, r.digest, r.data)
                for key, r in receipts
            ],
        )

    def open_receipts(
        self, account: str, closed: Mapping[str, int], before: int
    ) -> Iterator[bytes]:
        """Receipts of an account that no statement closes, of times before ``before`` (ms), stream by stream.

        Args:
            account: whose.
            closed: by stream, the sequence that comes after the last closed one.
            before: a time in ms.
        """
        with self._named():
            for stream in self.streams(account):
                for (data,) in self._db.execute(
                    "SELECT data FROM receipts WHERE account = ? AND stream = ? AND sequence >= ? AND time < ?"
                    " ORDER BY sequence",
                    (account, stream, closed.get(stream, 0), before),
                ):
                    yield bytes(data)

    def streams(self, account: str) -> list[str]:
        """The streams in which an account has receipts."""
        with self._named():
            rows = self._db.execute(
                "SELECT DISTINCT stream FROM receipts WHERE account = ? ORDER BY stream", (account,)
            ).fetchall()
        return [str(stream) for (stream,) in rows]

    def receipts(self, account: str, stream: str, first: int, count: int) -> Iterator[bytes]:
        """Receipts of a stream, from a sequence on."""
        with self._named():
            for (data,) in self._db.execute(
                "SELECT data FROM receipts WHERE account = ? AND stream = ? AND sequence >= ? AND sequence < ?"
                " ORDER BY sequence",
                (account, stream, first, first + count),
            ):
                yield bytes(data)

    def statements(self, account: str) -> list[bytes]:
        """The signed statements of an account, by number."""
        with self._named():
            rows = self._db.execute(
                "SELECT data FROM statements WHERE account = ? ORDER BY number", (account,)
            ).fetchall()
        return [bytes(data) for (data,) in rows]

    def add_statement(self, account: str, number: int, data: bytes) -> bool:
        """Keep a signed statement. False: there is one of that number already, and nothing was added.

        Raises:
            JournalError: it could not be written.
        """
        with self.transaction():
            added = self._db.execute(
                "INSERT OR IGNORE INTO statements VALUES (?, ?, ?)", (account, number, data)
            )
        return added.rowcount == 1


def _make(path: str) -> None:
    """A journal names requests and accounts, so only its owner may read it; SQLite gives what stands beside it the same mode."""
    with suppress(OSError):  # it is there already, or SQLite says why it cannot be made
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))

"""`SqliteStore`: a journal's file, SQLite, with write-ahead logging, every commit on the disk before it is reported.

One connection, one thread. What SQLite complains about comes out as `JournalError`, with the file's name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from receipts.databases import make
from receipts.errors import JournalError
from receipts.issuer import Head, Issued
from receipts.journal.stores import sqlite_queries as queries
from receipts.journal.stores.store import Archived, Key, Place, Run, Store

APPLICATION: Final = 0x52435054
"""``application_id`` of a journal: "RCPT"."""
_VERSION: Final = 3
_ROWS: Final = 64
"""Rows of one statement. Each statement gives other threads of Python a chance to run, so few statements with many rows are faster."""
_AT_ONCE: Final = 1000
"""Receipts that are moved at once."""
_PAGES: Final = 1000
"""Pages that are given back in one transaction, so that nobody waits for long."""


class SqliteStore(Store):
    """Receipts and statements of one issuer in a file.

    Args:
        path: the file; it is made if it is not there.
        issuer: whose journal it is.
        create: whether a journal may be made.
        wait_s: how many seconds a writer waits for another process.

    Raises:
        JournalError: the file cannot be opened, is no journal, or is another issuer's.
    """

    def __init__(self, path: str, issuer: str, *, create: bool, wait_s: float) -> None:
        self.place = path
        self.id = ""
        if create:
            with suppress(OSError):  # SQLite says why it cannot be made
                make(path)
        elif not Path(path).is_file():  # SQLite would make it
            raise JournalError(f"{path} is not there")
        with self._named():
            # Used by one thread at a time: the one that opens it, and then the one that writes.
            self._db = sqlite3.connect(
                path,
                timeout=wait_s,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=4 * _ROWS,
            )
        try:
            with self._named():
                self._prepare(issuer, create)
        except JournalError:
            self._db.close()
            raise

    def _prepare(self, issuer: str, create: bool) -> None:
        if not self._db.execute("PRAGMA page_count").fetchone()[0]:  # it is new
            # What is archived can be given back piece by piece. VACUUM would keep writers out until it is done.
            self._db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        with self.transaction():
            application = self._db.execute("PRAGMA application_id").fetchone()[0]
            empty = not self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            if application == 0 and empty and create:
                self._create(issuer)
            elif application != APPLICATION:
                raise JournalError(f"{self.place} is a database, but not a journal")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            raise JournalError(
                f"{self.place} is a journal of version {version}, expected {_VERSION}"
            )
        owner, self.id = self._db.execute("SELECT name, journal FROM issuer").fetchone()
        if owner != issuer:
            raise JournalError(f"{self.place} is the journal of {owner}, not of {issuer}")

    def _create(self, issuer: str) -> None:
        for statement in queries.SCHEMA.split(";\n"):
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
        except (sqlite3.Error, OverflowError) as error:  # integers go up to 2^63
            raise JournalError(f"{self.place}: {error}") from error

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

    def heads(self, places: Collection[Place]) -> dict[Place, Head]:
        """Where streams stand; a place without a receipt is left out."""
        with self._named():
            found = {place: self._db.execute(queries.HEAD, place).fetchone() for place in places}
        return {place: Head(*row) for place, row in found.items() if row is not None}

    def known(self, keys: Collection[Key]) -> set[Key]:
        """Those of the keys that have a receipt."""
        with self._named():
            return {
                (str(account), key) for account, key in self._with_rows(queries.KNOWN, list(keys))
            }

    def entry(self, account: str, key: str | bytes) -> tuple[bytes, bytes] | None:
        """The receipt of a key and its digest: request ids and digests both stand in the column ``request``."""
        with self._named():
            row = self._db.execute(queries.ENTRY, (account, key)).fetchone()
        return None if row is None else (bytes(row[0]), bytes(row[1]))

    def add(self, receipts: Iterable[tuple[str | bytes, Issued]]) -> None:
        """Add receipts, each with the second part of its key."""
        rows = [
            (r.account, r.stream, r.sequence, key, r.time, r.digest, r.data) for key, r in receipts
        ]
        with self._named():
            self._with_rows(queries.ADD, rows)

    def _with_rows(self, query: str, rows: Sequence[tuple[object, ...]]) -> list[tuple[Any, ...]]:
        """Run a query that lists rows of values."""
        found: list[tuple[Any, ...]] = []
        for first in range(0, len(rows), _ROWS):
            some = rows[first : first + _ROWS]
            found += self._db.execute(
                _listing(query, len(some), len(some[0])), tuple(chain.from_iterable(some))
            ).fetchall()
        return found

    def accounts(self) -> list[str]:
        """All accounts with a receipt or a statement."""
        return self._texts(queries.ACCOUNTS)

    def streams(self, account: str) -> list[str]:
        """The streams in which an account has receipts."""
        return self._texts(queries.STREAMS, account)

    def _texts(self, query: str, *values: str) -> list[str]:
        with self._named():
            return [str(text) for (text,) in self._db.execute(query, values).fetchall()]

    def open_receipts(
        self, account: str, closed: Mapping[str, int], before: int
    ) -> Iterator[bytes]:
        """Receipts of an account that no statement closes, of times before ``before`` (ms), stream by stream."""
        for stream in self.streams(account):
            yield from self._data(queries.OPEN, account, stream, closed.get(stream, 0), before)

    def receipts(self, account: str, stream: str, first: int, count: int) -> Iterator[bytes]:
        """Receipts of a stream, from a sequence on; one that was archived is empty."""
        return self._data(queries.RECEIPTS, account, stream, first, first + count)

    def digests(
        self, account: str, places: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], bytes]:
        """The digests of receipts, archived or not, by stream and sequence."""
        with self._named():
            found = {
                place: self._db.execute(queries.DIGEST, (account, *place)).fetchone()
                for place in places
            }
        return {place: bytes(row[0]) for place, row in found.items() if row is not None}

    def statements(self, account: str) -> list[bytes]:
        """The signed statements of an account, by number."""
        return list(self._data(queries.STATEMENTS, account))

    def _data(self, query: str, *values: str | int) -> Iterator[bytes]:
        with self._named():
            for (data,) in self._db.execute(query, values):
                yield bytes(data)

    def add_statements(self, statements: Sequence[tuple[str, int, bytes]]) -> set[tuple[str, int]]:
        """Keep signed statements, all at once; return account and number of those of which there is no other one.

        Raises:
            JournalError: they could not be written.
        """
        with self.transaction():
            self._db.executemany("INSERT OR IGNORE INTO statements VALUES (?, ?, ?)", statements)
            return {
                (account, number)
                for account, number, data in statements
                if list(self._data(queries.STATEMENT, account, number)) == [data]
            }

    def archive(self, account: str, number: int, runs: Sequence[Run], file: str) -> None:
        """Delete the bytes of the receipts that a statement closes; an empty receipt is one that was archived.

        What stays of them goes to the end of the file, close together. If it stayed where it is, the pages would be nearly empty, and
        none of them free.
        """
        with self.transaction():
            count = sum(self._empty(account, *run) for run in runs)
            self._db.execute(
                "INSERT OR REPLACE INTO archives VALUES (?, ?, ?, ?)",
                (account, number, file, count),
            )

    def _empty(self, account: str, stream: str, first: int, count: int) -> int:
        """Delete the bytes of receipts that follow each other, and return how many of them are here."""
        found = 0
        for start in range(first, first + count, _AT_ONCE):
            values = account, stream, start, min(start + _AT_ONCE, first + count)
            rows = self._db.execute(queries.WITHOUT_DATA, values).fetchall()
            self._db.execute(f"DELETE {queries.RUN}", values)
            self._db.executemany("INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            found += len(rows)
        return found

    def archived(self, account: str) -> dict[int, Archived]:
        """The statements of an account whose receipts were archived, by number."""
        with self._named():
            rows = self._db.execute(queries.ARCHIVED, (account,)).fetchall()
        return {number: Archived(*row) for number, *row in rows}

    def compact(self) -> None:
        """Cut off the end of the file what is free in it, piece by piece."""
        with self._named():
            while self._db.execute("PRAGMA freelist_count").fetchone()[0]:
                self._db.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@cache
def _listing(query: str, rows: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return query.format(", ".join([row] * rows))

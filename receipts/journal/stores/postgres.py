"""`PostgresStore`: a journal in a database of PostgreSQL, for many machines that issue at once.

No writer holds a lock while it signs, and none waits for another, unless both write into one place or for one request: what is unique
is kept so by the database. A group of receipts is one statement, which is a transaction of its own.

Where the connection breaks before the server's answer, nobody knows whether the group was written. The same bytes are then sent once
more: they are written now, or they are there, or somebody else has their place, and they are not. Until it is known, nothing is signed
anew. Where the server stays away, the receipts are not handed out, and the next transaction begins by waiting for whatever became of
the group (`_settle`).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final
from uuid import uuid4

from psycopg import errors

from receipts.errors import JournalError
from receipts.issuer import Head, Issued
from receipts.journal.stores import postgres_rows as sql
from receipts.journal.stores.locations import shown
from receipts.journal.stores.session import Connection, LostError, Row, Session
from receipts.journal.stores.store import Archived, ConflictError, Key, Place, Run, Store

_LOG: Final = logging.getLogger("receipts.journal")
_PAGE: Final = 1000
"""Receipts that are fetched at once."""


class PostgresStore(Store):
    """Receipts and statements of one issuer in a database.

    Args:
        url: ``postgresql://...``, as libpq takes it. Where it names no ``target_session_attrs``, a server that takes writes is looked for.
        issuer: whose journal it is; None: whoever's, and it is only read.
        create: whether a journal may be made.
        wait_s: how many seconds a read or a write waits for the server, which may be away meanwhile.

    Raises:
        JournalError: the database cannot be opened, has no journal, or is another issuer's.
    """

    def __init__(self, url: str, issuer: str | None, *, create: bool, wait_s: float) -> None:
        self.place = shown(url)
        self.id = ""
        self._issuer, self._create = issuer, create
        self._added: sql.Group = []
        self._doubtful: sql.Group = []
        """Of these nobody knows whether they were written."""
        self._last: Issued | None = None
        self._session = Session(
            url, self.place, wait_s=wait_s, writes=issuer is not None, greet=self._greet
        )
        self._session.open()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    # Whose journal it is.

    def _greet(self, db: Connection) -> None:
        """Each connection is to the same journal, and it has what was handed out: the server may be another one by now."""
        if self._create and not self.id:
            self._make(db)
        try:
            version, issuer, name = _one(db.execute(sql.JOURNAL).fetchone())
        except (errors.UndefinedTable, errors.UndefinedColumn):
            raise JournalError(f"{self.place} is a database, but not a journal") from None
        if version != sql.VERSION:
            raise JournalError(
                f"{self.place} is a journal of version {version}, expected {sql.VERSION}"
            )
        if self._issuer not in (None, issuer):
            raise JournalError(f"{self.place} is the journal of {issuer}, not of {self._issuer}")
        if self.id not in ("", name):
            raise JournalError(f"{self.place} is journal {name} now, and was {self.id}")
        self.id = name
        self._check_whole(db)

    def _make(self, db: Connection) -> None:
        if _one(db.execute(sql.TABLES).fetchone())[0]:
            return
        with db.transaction():
            db.execute(
                "SELECT pg_advisory_xact_lock(%s)", (sql.LOCK,)
            )  # two pods that start at once
            if not _one(db.execute(sql.TABLES).fetchone())[1]:
                for statement in sql.SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute(sql.NEW_JOURNAL, (sql.VERSION, self._issuer, uuid4().hex))

    def _check_whole(self, db: Connection) -> None:
        """A server that forgot a receipt that was handed out would give its place a second time."""
        last = self._last
        if last is None:
            return
        head = sql.heads(db, [(last.account, last.stream)]).get((last.account, last.stream))
        if head is None or head.sequence < last.sequence or (head.sequence == last.sequence and head.digest != last.digest):  # fmt: skip
            found = "none" if head is None else f"{head.sequence} as the last one"
            raise JournalError(
                f"{self.place} has lost receipts that were handed out: expected sequence {last.sequence} of stream"
                f" {last.stream!r} of {last.account}, found {found}: it is an old copy, so nothing more is signed here"
            )

    # Writing.

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Receipts that are added inside are written when it returns, all of them or none."""
        with self._session.bounded():
            self._settle()
            self._added = []
            yield
            if self._added:
                self._keep(self._added)
                self._last = self._added[-1][1]

    def heads(self, places: Collection[Place]) -> dict[Place, Head]:
        """Where streams stand; a place without a receipt is left out."""
        return self._session.run(lambda db: sql.heads(db, list(places)))

    def known(self, keys: Collection[Key]) -> set[Key]:
        """Those of the keys that have a receipt."""
        asked = list(keys)
        columns = (
            [account.encode() for account, _ in asked],
            [sql.key_column(key) for _, key in asked],
        )
        rows = self._session.run(lambda db: db.execute(sql.KNOWN, columns).fetchall())
        return {asked[number - 1] for (number,) in rows}

    def add(self, receipts: Iterable[tuple[str | bytes, Issued]]) -> None:
        """Add receipts, each with the second part of its key."""
        self._added.extend(receipts)

    def _keep(self, group: sql.Group) -> None:
        """Write a group, and find out what became of it if the connection breaks.

        Raises:
            ConflictError: another writer was faster; nothing of it is written.
            LostError: the server stayed away; nobody knows whether it is written.
            JournalError: nothing of it is written.
        """
        sent = 0

        def write(db: Connection) -> None:
            nonlocal sent
            sent += 1
            try:
                sql.insert(db, group)
            except errors.UniqueViolation as error:
                # All of a group is there or none of it: the first one says what became of an earlier sending.
                if sent == 1 or not sql.has(db, group[0][1]):
                    raise ConflictError(f"{self.place}: another writer was faster") from error

        try:
            self._session.run(write)
        except ConflictError:
            raise
        except JournalError as error:
            if sent > 1 or (sent and isinstance(error, LostError)):
                self._doubtful = group
                raise LostError(f"{error}; it is not known whether the receipts were written") from error  # fmt: skip
            raise

    def _settle(self) -> None:
        """Wait for what becomes of a group of which nothing is known: whoever may still be writing it is waited for by the index.

        Nothing is written here. Who asked for its receipts was told that they failed.
        """
        group = self._doubtful
        if not group:
            return

        def look(db: Connection) -> bool:
            try:
                with db.transaction(force_rollback=True):
                    sql.insert(db, group)
            except errors.UniqueViolation:
                return sql.has(db, group[0][1])
            return False

        fate = "were" if self._session.run(look) else "were not"
        _LOG.warning("%s: %d receipts that are not handed out %s written", self.place, len(group), fate)  # fmt: skip
        self._doubtful = []

    def add_statements(self, statements: Sequence[tuple[str, int, bytes]]) -> set[tuple[str, int]]:
        """Keep signed statements, all at once; return account and number of those of which there is no other one."""

        def write(db: Connection) -> set[tuple[str, int]]:
            with db.transaction():
                for account, number, data in sorted(statements):
                    db.execute(sql.NEW_STATEMENT, (account.encode(), number, data))
            return {
                (account, number)
                for account, number, data in statements
                if sql.column(db, sql.STATEMENT, account.encode(), number) == [data]
            }

        return self._session.run(write)

    def archive(self, account: str, number: int, runs: Sequence[Run], file: str) -> None:
        """Delete the bytes of the receipts that a statement closes; an empty receipt is one that was archived."""
        name = account.encode()

        def write(db: Connection) -> None:
            with db.transaction():
                count = sum(
                    db.execute(sql.EMPTY, (name, stream.encode(), first, first + more)).rowcount
                    for stream, first, more in runs
                )
                db.execute(sql.NEW_ARCHIVE, (name, number, file.encode(), count))

        self._session.run(write)

    def compact(self) -> None:
        """Nothing is to be done: the server's autovacuum makes the room free for new receipts."""

    # Reading.

    def snapshot(self) -> AbstractContextManager[None]:
        """All reads inside see the same moment; writers go on."""
        return self._session.snapshot()

    def entry(self, account: str, key: str | bytes) -> tuple[bytes, bytes] | None:
        """The receipt of a key and its digest."""
        values = account.encode(), sql.key_column(key)
        row = self._session.run(lambda db: db.execute(sql.ENTRY, values, binary=True).fetchone())
        return None if row is None else (row[0], row[1])

    def accounts(self) -> list[str]:
        """All accounts with a receipt or a statement."""
        return [
            name.decode() for name in self._session.run(lambda db: sql.column(db, sql.ACCOUNTS))
        ]

    def streams(self, account: str) -> list[str]:
        """The streams in which an account has receipts."""
        values = {"account": account.encode()}
        rows = self._session.run(lambda db: db.execute(sql.STREAMS, values, binary=True).fetchall())
        return [name.decode() for (name,) in rows]

    def digests(
        self, account: str, places: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], bytes]:
        """The digests of receipts, archived or not, by stream and sequence."""
        asked = list(places)
        streams, sequences = [s.encode() for s, _ in asked], [n for _, n in asked]
        values = streams, sequences, account.encode()
        rows = self._session.run(lambda db: db.execute(sql.DIGESTS, values, binary=True).fetchall())
        return {asked[number - 1]: digest for number, digest in rows}

    def archived(self, account: str) -> dict[int, Archived]:
        """The statements of an account whose receipts were archived, by number."""
        values = (account.encode(),)
        rows = self._session.run(lambda db: db.execute(sql.ARCHIVED, values, binary=True).fetchall())  # fmt: skip
        return {number: Archived(file.decode(), count) for number, file, count in rows}

    def open_receipts(
        self, account: str, closed: Mapping[str, int], before: int
    ) -> Iterator[bytes]:
        """Receipts of an account that no statement closes, of times before ``before`` (ms), stream by stream."""
        for stream in self.streams(account):
            first = closed.get(stream, 0)
            yield from self._pages(sql.OPEN, account, stream, first=first, before=before)

    def receipts(self, account: str, stream: str, first: int, count: int) -> Iterator[bytes]:
        """Receipts of a stream, from a sequence on."""
        return self._pages(sql.RECEIPTS, account, stream, first=first, end=first + count)

    def _pages(self, query: str, account: str, stream: str, **numbers: int) -> Iterator[bytes]:
        """Receipts, page by page: what was written is never changed, so no transaction stays open between them."""
        values: dict[str, Any] = {"account": account.encode(), "stream": stream.encode(), "page": _PAGE}  # fmt: skip
        values |= numbers
        rows: list[Row] = []
        while not rows or len(rows) == _PAGE:
            rows = self._session.run(lambda db: db.execute(query, values, binary=True).fetchall())
            yield from (data for _, data in rows)
            if not rows:
                return
            values["first"] = rows[-1][0] + 1

    def statements(self, account: str) -> list[bytes]:
        """The signed statements of an account, by number."""
        return self._session.run(lambda db: sql.column(db, sql.STATEMENTS, account.encode()))


def _one(row: Row | None) -> Row:
    if row is None:
        raise JournalError("the journal's own row is missing")
    return row

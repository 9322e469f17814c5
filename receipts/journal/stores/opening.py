"""`open_store`: the backend that a location asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from receipts.errors import JournalError
from receipts.journal.stores.locations import check_location, is_url, shown
from receipts.journal.stores.sqlite import SqliteStore
from receipts.journal.stores.store import Archived, Store

_WAIT_S: Final = 30.0
_NEVER: Final = 2**63 - 1
"""A time that no receipt has."""


def open_store(
    location: str, issuer: str, *, create: bool = True, wait_s: float = _WAIT_S
) -> Store:
    """Open the store of a journal.

    Args:
        location: the path of a file of SQLite, or ``postgresql://...``.
        issuer: whose journal it is.
        create: whether a journal may be made where there is none.
        wait_s: how many seconds a read or a write waits for another process, or for a server to come back.

    Raises:
        JournalError: it cannot be opened, is no journal, or is another issuer's.
    """
    check_location(location)
    if is_url(location):
        return _database(location, issuer, create, wait_s)
    return SqliteStore(location, issuer, create=create, wait_s=wait_s)


def database_items(url: str) -> Iterator[bytes]:
    """The receipts of a journal in a database, whoever's, in their order, and then its statements, all of one moment.

    Of a statement whose receipts were archived, nothing: its batch has both.

    Raises:
        JournalError: it cannot be read, or is none.
    """
    with closing(_database(url, None, False, _WAIT_S)) as store, store.snapshot():
        accounts = store.accounts()
        for account in accounts:
            yield from filter(None, store.open_receipts(account, {}, _NEVER))
        for account in accounts:
            gone = store.archived(account)
            for number, data in enumerate(store.statements(account)):
                if number not in gone:
                    yield data


def database_archived(url: str) -> list[Archived]:
    """What was archived of a journal in a database, whoever's.

    Raises:
        JournalError: it cannot be read, or is none.
    """
    with closing(_database(url, None, False, _WAIT_S)) as store, store.snapshot():
        return [one for account in store.accounts() for one in store.archived(account).values()]


def _database(url: str, issuer: str | None, create: bool, wait_s: float) -> Store:
    try:
        from receipts.journal.stores.postgres import PostgresStore  # needs more than a file does
    except ImportError as error:
        raise JournalError(
            f"{shown(url)}: a journal in PostgreSQL needs psycopg 3, in the clone: pip install '.[postgres]'"
        ) from error
    return PostgresStore(url, issuer, create=create, wait_s=wait_s)

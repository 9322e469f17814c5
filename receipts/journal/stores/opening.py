"""`open_store`: the backend that a location asks for."""

from __future__ import annotations

from receipts.errors import JournalError
from receipts.journal.stores.locations import check_location, is_url, shown
from receipts.journal.stores.sqlite import SqliteStore
from receipts.journal.stores.store import Store


def open_store(location: str, issuer: str, *, create: bool = True, wait_s: float = 30) -> Store:
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
        raise JournalError(f"{shown(location)}: a journal in PostgreSQL is not supported")
    return SqliteStore(location, issuer, create=create, wait_s=wait_s)

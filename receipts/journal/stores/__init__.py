"""Where a journal keeps its receipts and statements: one interface, `Store`, for a file of SQLite and for a server of PostgreSQL."""

from receipts.journal.stores.locations import check_location, is_url, shown
from receipts.journal.stores.opening import database_archived, database_items, open_store
from receipts.journal.stores.sqlite import APPLICATION
from receipts.journal.stores.store import Archived, ConflictError, Key, Place, Run, Store

__all__ = [
    "APPLICATION",
    "Archived",
    "ConflictError",
    "Key",
    "Place",
    "Run",
    "Store",
    "check_location",
    "database_archived",
    "database_items",
    "is_url",
    "open_store",
    "shown",
]

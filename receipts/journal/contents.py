"""What a journal holds, without opening it for issuing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from receipts.databases import application, reading
from receipts.errors import JournalError
from receipts.journal.stores import APPLICATION, check_location, database_items, is_url

_QUERIES: Final = (
    "SELECT data FROM receipts ORDER BY account, stream, sequence",
    "SELECT data FROM statements ORDER BY account, number",
)


def is_journal(location: str) -> bool:
    """Whether a file says that it is a journal. The URL of a database does, without a look at it.

    Raises:
        JournalError: it is the URL of something else.
        OSError: it cannot be read.
    """
    check_location(location)
    return is_url(location) or application(location) == APPLICATION


def journal_items(location: str) -> Iterator[bytes]:
    """The receipts of a journal, in their order, and then its statements, all of one moment; issuing goes on.

    Raises:
        JournalError: it cannot be read, or is none.
        OSError: it is not there.
    """
    check_location(location)
    return database_items(location) if is_url(location) else _items_of_file(location)


def _items_of_file(path: str) -> Iterator[bytes]:
    try:
        with reading(path) as db:
            db.execute("BEGIN")  # all of one moment
            for query in _QUERIES:
                for (data,) in db.execute(query):
                    if not isinstance(data, bytes):
                        raise JournalError(f"{path} is not a journal: it holds {type(data)}")
                    yield data
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {error}") from error

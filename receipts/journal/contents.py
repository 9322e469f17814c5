"""What a journal holds, without opening it for issuing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from receipts.databases import application, reading
from receipts.errors import JournalError
from receipts.journal.store import APPLICATION

_QUERIES: Final = (
    "SELECT data FROM receipts ORDER BY account, stream, sequence",
    "SELECT data FROM statements ORDER BY account, number",
)


def is_journal(path: str) -> bool:
    """Whether a file says that it is a journal.

    Raises:
        OSError: it cannot be read.
    """
    return application(path) == APPLICATION


def journal_items(path: str) -> Iterator[bytes]:
    """The receipts of a journal, in their order, and then its statements.

    Raises:
        JournalError: it cannot be read, or is none.
        OSError: it is not there.
    """
    try:
        with reading(path) as db:
            db.execute("BEGIN")  # all of one moment; issuing goes on
            for query in _QUERIES:
                for (data,) in db.execute(query):
                    if not isinstance(data, bytes):
                        raise JournalError(f"{path} is not a journal: it holds {type(data)}")
                    yield data
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {error}") from error

"""What a journal holds, without opening it for issuing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from receipts.databases import application, reading
from receipts.errors import JournalError
from receipts.journal.stores import (
    APPLICATION,
    Archived,
    check_location,
    database_archived,
    database_items,
    is_url,
)

_QUERIES: Final = (
    "SELECT data FROM receipts WHERE length(data) > 0 ORDER BY account, stream, sequence",
    "SELECT data FROM statements WHERE (account, number) NOT IN (SELECT account, number FROM archives) ORDER BY account, number",
)
"""Of a statement whose receipts were archived, nothing: its batch has both."""


@dataclass(frozen=True, slots=True)
class Archives:
    """What was archived of a journal: how many statements and receipts, and the folders of the files in which they should be."""

    statements: int
    receipts: int
    folders: tuple[str, ...]


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


def journal_archives(location: str) -> Archives:
    """What `journal_items` leaves out, because it was archived.

    Raises:
        JournalError: it cannot be read, or is none.
        OSError: it is not there.
    """
    check_location(location)
    rows = database_archived(location) if is_url(location) else _archived_of_file(location)
    folders = {str(Path(one.file).parent) for one in rows}
    return Archives(len(rows), sum(one.receipts for one in rows), tuple(sorted(folders)))


def _archived_of_file(path: str) -> list[Archived]:
    with _reading(path) as db:
        return [Archived(*row) for row in db.execute("SELECT file, receipts FROM archives")]


def _items_of_file(path: str) -> Iterator[bytes]:
    with _reading(path) as db:
        for query in _QUERIES:
            for (data,) in db.execute(query):
                if not isinstance(data, bytes):
                    raise JournalError(f"{path} is not a journal: it holds {type(data)}")
                yield data


@contextmanager
def _reading(path: str) -> Iterator[sqlite3.Connection]:
    """The file, all of one moment."""
    try:
        with reading(path) as db:
            db.execute("BEGIN")
            yield db
    except (sqlite3.Error, TypeError) as error:  # or a value of another type than the schema says
        raise JournalError(f"{path}: {error}") from error

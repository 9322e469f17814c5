"""`copy_journal`: a whole copy of a journal's file, of one moment, while issuing goes on.

A file of SQLite is not whole while somebody has it open, or when they were killed: its newest pages stand in ``-wal`` beside it. A copy of
the file alone lacks them; and a ``-wal`` that is left beside another copy is taken for that one's.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from receipts.errors import JournalError
from receipts.journal.stores import APPLICATION, check_location, is_url, shown

_BESIDE: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file. It belongs to that file alone."""


def copy_journal(location: str, target: str) -> None:
    """Copy a journal's file with all that was issued. Nothing is replaced; the copy appears whole, on the disk, or not at all.

    The copy has the journal's own name (``Store.id``): it is the same journal of an earlier time, and nothing may be issued into it.

    Args:
        location: the journal's file.
        target: the new file, which only its owner can read.

    Raises:
        JournalError: it is no journal in a file, or cannot be read; or ``target`` names no file.
        FileExistsError: ``target`` is there already; or a file that SQLite would take for a part of it, and is of another one.
        OSError: it cannot be written.
    """
    for one in (location, target):
        check_location(one)
        if is_url(one):
            raise JournalError(f"{shown(one)} is a database, and no file")
    _check_free(Path(target))
    if not Path(location).is_file():
        raise JournalError(f"{location} is not there")
    folder = Path(target).absolute().parent
    descriptor, name = mkstemp(prefix=f".{Path(target).name}.", dir=folder)
    try:
        os.close(descriptor)
        try:
            _copy(location, name)
        except sqlite3.Error as error:
            raise JournalError(f"{location}, copied to {target}: {error}") from error
        _make_durable(Path(name))
        os.link(name, target)
        _make_durable(folder)
    finally:
        for end in ("", *_BESIDE):
            Path(name + end).unlink(missing_ok=True)


def _check_free(target: Path) -> None:
    for end in ("", *_BESIDE):
        path = Path(f"{target}{end}")
        if path.exists() or path.is_symlink():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _copy(source: str, target: str) -> None:
    # For writing, as a server opens it: only so are its newest pages seen whoever left them.
    with closing(sqlite3.connect(f"{Path(source).resolve().as_uri()}?mode=rw", uri=True)) as db:
        (found,) = db.execute("PRAGMA application_id").fetchone()
        if found != APPLICATION:
            raise JournalError(f"{source} is a database, but not a journal")
        with closing(sqlite3.connect(target)) as copy:
            db.backup(copy)  # all at once, so of one moment; writers go on
            copy.execute("PRAGMA journal_mode=DELETE").fetchone()  # one file, with nothing beside


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

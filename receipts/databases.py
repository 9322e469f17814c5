"""The SQLite files of this project: made for their owner alone, and read as what they are, files that somebody may have made to harm."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

OWN: Final = 0o600
"""The mode of a file that names requests and accounts."""
_HEAD: Final = b"SQLite format 3\0"
_APPLICATION: Final = slice(68, 72)
"""Where the header of a file has its ``application_id``."""
_LOOK_EVERY: Final = 1000
_LEAST_STEPS: Final = 100_000
_STEPS_A_BYTE: Final = 10
"""So many steps of SQLite's machine reading may take, at least and for each byte of the file."""


def make(path: str) -> None:
    """An empty file that only its owner may read, unless there is one; SQLite gives what stands beside it the same mode.

    Raises:
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):  # a link also, wherever it leads (O_EXCL)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWN))


def application(path: str) -> int | None:
    """The ``application_id`` of a file; None: it is no file, or no database of SQLite.

    Raises:
        OSError: it cannot be read.
    """
    if not Path(path).is_file():
        return None
    with Path(path).open("rb") as stream:
        head = stream.read(_APPLICATION.stop)
    if not head.startswith(_HEAD):
        return None
    found = int.from_bytes(head[_APPLICATION], "big")
    # Where who made it was killed, all of it may be beside the file.
    return found or (_application_beside(path) if Path(f"{path}-wal").exists() else 0)


def _application_beside(path: str) -> int:
    try:
        with reading(path) as db:
            return int(db.execute("PRAGMA application_id").fetchone()[0])
    except sqlite3.Error:
        return 0


def size(path: str) -> int:
    """The bytes of a database, with those that are not in the main file yet."""
    files = (Path(path), Path(f"{path}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


@contextmanager
def reading(path: str) -> Iterator[sqlite3.Connection]:
    """A database that is only read, in no more steps than its size warrants: its pages may go in circles.

    Raises:
        sqlite3.Error: it cannot be opened.
        OSError: it is not there.
    """
    left = _LEAST_STEPS + _STEPS_A_BYTE * size(path)

    def is_over() -> bool:
        nonlocal left
        left -= _LOOK_EVERY
        return left < 0

    # Where nobody has it open, SQLite would leave two files beside it that only a writer removes.
    how = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    uri = f"{Path(path).resolve().as_uri()}?{how}"
    with closing(sqlite3.connect(uri, uri=True)) as db:
        db.execute("PRAGMA trusted_schema=OFF")
        db.set_progress_handler(is_over, _LOOK_EVERY)
        yield db

"""Temporary databases on the disk, which may have no room."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def errors_of_the_disk() -> Iterator[None]:
    """What a temporary database cannot do, for want of room above all, as what it is.

    Raises:
        OSError: instead of SQLite's error.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(f"a temporary file: {error}") from error

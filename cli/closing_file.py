"""``closing.db`` in the key folder: an entry for each account, as JSON, in a table of SQLite.

A note costs one row, however many accounts there are, and many can share one wait for the disk.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from cli import key_folder
from cli.terminal import CliError

FILE: Final = "closing.db"
_APPLICATION: Final = 0x5243434C
"""``application_id``: "RCCL"."""
_WAIT_S: Final = 30.0
_SCHEMA: Final = "CREATE TABLE places (account BLOB PRIMARY KEY, entry TEXT NOT NULL) WITHOUT ROWID"
_DAMAGED: Final = (
    "restore it from a copy: it says which journals have the statements of your accounts"
)


class ClosingFile:
    """The entries of a key folder. The file is made with the first note; where it is not there, nothing is known.

    Args:
        folder: the key folder.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.path = Path(folder, FILE)
        self._db: sqlite3.Connection | None = None
        self._is_locked = False

    def __enter__(self) -> ClosingFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._db is not None:
            self._db.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """No other command changes the key folder meanwhile. What is noted inside is on the disk when this returns, or nothing of it is.

        Raises:
            CliError: it could not be written.
        """
        if self._is_locked:  # as part of something larger
            yield
            return
        with key_folder.locked(self._folder):
            self._is_locked = True
            try:
                yield
                self._end("COMMIT")
            finally:
                self._is_locked = False
                self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        if self._db is not None and self._db.in_transaction:
            with self._named():
                self._db.execute(how)

    def entry(self, account: str) -> dict[str, Any] | None:
        """What is noted of an account.

        Raises:
            CliError: the file is damaged.
        """
        if self._db is None and not self.path.exists():
            return None
        with self._named():
            row = (
                self._opened()
                .execute("SELECT entry FROM places WHERE account = ?", (_key(account),))
                .fetchone()
            )
            return None if row is None else dict(json.loads(row[0]))

    def note(self, account: str, entry: dict[str, Any]) -> None:
        """Note what is known of an account now, in the place of what was. The folder is `locked`.

        Raises:
            CliError: it could not be written.
        """
        with self._named():
            if self._db is None and not self.path.exists():
                self._make()
            if not self._opened().in_transaction:
                self._opened().execute("BEGIN IMMEDIATE")
            self._opened().execute(
                "INSERT OR REPLACE INTO places VALUES (?, ?)", (_key(account), json.dumps(entry))
            )

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:  # no room, or somebody holds it
            hint = "check the permissions and the room on the disk, then run it again"
            raise CliError(f"{self.path}: {error}", hint) from None
        except (sqlite3.DatabaseError, ValueError, TypeError):
            raise self.damaged() from None

    def damaged(self) -> CliError:
        """The error for a file that does not hold what it should."""
        return CliError(f"{self.path} is damaged", _DAMAGED)

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            uri = f"{self.path.absolute().as_uri()}?mode=rw"
            self._db = sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None)
            # EXTRA: a note is on the disk although the power fails a moment later.
            self._db.execute("PRAGMA synchronous=EXTRA")
            if self._db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
                raise sqlite3.DatabaseError
            # Of a file that was cut in the middle of a page, SQLite reads zeros: no account would be known.
            (pages,), (size,) = (
                self._db.execute(f"PRAGMA {name}").fetchone()
                for name in ("page_count", "page_size")
            )
            if self.path.stat().st_size < pages * size:
                raise sqlite3.DatabaseError
        return self._db

    def _make(self) -> None:
        """It appears with its table, or not at all: an empty file is a damaged one."""
        descriptor, name = tempfile.mkstemp(prefix=f".{FILE}.", dir=self._folder)
        os.close(descriptor)
        try:
            with closing(sqlite3.connect(name, isolation_level=None)) as db:
                db.execute(_SCHEMA)
                db.execute(f"PRAGMA application_id={_APPLICATION}")
            Path(name).replace(self.path)
        finally:
            Path(name).unlink(missing_ok=True)


def _key(account: str) -> bytes:
    """Also of a name that is no text, as a shell may hand it over: it is refused later, with a message."""
    return account.encode("utf-8", "surrogatepass")

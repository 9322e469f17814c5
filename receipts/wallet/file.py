"""The wallet's file: SQLite, one line about each call, and every receipt that came with one.

One connection, used by one thread at a time. What SQLite complains about comes out as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from receipts.databases import OWN, make
from receipts.prefixes import MarkedPrefixes
from receipts.wallet.call import Call, Outcome, Result
from receipts.wallet.schema import PREFIXES, WalletError, prepare

_WAIT_MS: Final = 10_000
"""How long a writer waits for another process."""
_COLUMNS: Final = (
    "sent", "host", "path", "commitment", "nonce", "credential", "account", "requested_model",
    "answered", "status", "outcome", "replay", "model", "request", "usage", "tier", "tools",
)  # fmt: skip
_LATER: Final = _COLUMNS[_COLUMNS.index("answered") :]
"""What is not known before a response comes."""
_INSERT: Final = f"INSERT INTO calls ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # fmt: skip  # noqa: S608  # names from here
_UPDATE: Final = f"UPDATE calls SET {', '.join(f'{name} = ?' for name in _LATER)} WHERE number = ?"  # noqa: S608  # names from here

_BATCH: Final = (
    "SELECT number, sent FROM calls WHERE request = ? AND host = ? AND outcome = ? AND path LIKE '%/batches'"
    " ORDER BY number LIMIT 1"
)
_FILE: Final = "SELECT number, sent FROM files JOIN calls ON number = batch WHERE files.host = ? AND file = ?"  # fmt: skip


class WalletFile:
    """The file of a wallet.

    Args:
        path: where it is; it is made if it is not there, and nobody but its owner may read it then.

    Raises:
        WalletError: it cannot be opened, or is no wallet.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            make(path)
            self._place = _place(path)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise WalletError(f"{path}: {error}") from error
        try:
            self.secret = self._prepare()
        except sqlite3.Error as error:
            self._db.close()
            raise WalletError(f"{path}: {error}") from error
        except WalletError as error:
            self._db.close()
            raise WalletError(f"{path} {error}") from None

    def _prepare(self) -> bytes:
        """Make it a wallet, if it is not one yet. Returns the key of the credentials' digests."""
        self.wait()
        self._db.execute("PRAGMA secure_delete=ON")  # of the URLs of version 1, with their queries
        with self._transaction():
            migrated = prepare(self._db)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        if migrated:
            for name in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    Path(self._path + name).chmod(OWN)
        row = self._db.execute("SELECT key FROM secret").fetchone()
        if row is None:
            raise WalletError("has lost the key of its credentials")
        return bytes(row[0])

    def wait(self, *, patiently: bool = True) -> None:
        """How long to wait from now on where another process writes: ten seconds, or not at all."""
        self._db.execute(f"PRAGMA busy_timeout={_WAIT_MS if patiently else 0}")

    def close(self) -> None:
        """Close it."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if _place(self._path) != self._place:  # SQLite would go on in a file that has no name
            raise WalletError("another file is in its place")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def save(self, call: Call) -> None:
        """Add a call, or complete its line, and add the receipts that came since.

        Raises:
            sqlite3.Error, OSError, WalletError: nothing of it was written.
        """
        receipts = len(call.receipts)
        with self._transaction():
            number = self._write(call)
            self._keep(number, call.receipts[:receipts])
        call.number = number
        del call.receipts[:receipts]

    def _write(self, call: Call) -> int:
        if call.number is None:
            added = self._db.execute(_INSERT, [getattr(call, name) for name in _COLUMNS])
            number = added.lastrowid or 0
        else:
            number = call.number
            self._db.execute(_UPDATE, [*(getattr(call, name) for name in _LATER), number])
        return number

    def _keep(self, number: int, receipts: Sequence[bytes]) -> None:
        rows = [(number, data) for data in receipts]
        self._db.executemany("INSERT INTO receipts VALUES (?, ?)", rows)

    def add_prefixes(self, number: int, sent: MarkedPrefixes) -> None:
        """Note the prefixes that a call sent.

        Raises:
            sqlite3.Error, OSError, WalletError: nothing of it was written.
        """
        row = (
            number,
            sent.account,
            sent.period,
            sent.model,
            b"".join(sent.ids),
            sent.marks.to_json(),
        )
        with self._transaction():
            self._db.execute(PREFIXES)
            self._db.execute("INSERT OR REPLACE INTO prefixes VALUES (?, ?, ?, ?, ?, ?)", row)

    def answer(self, call: Call) -> None:
        """`save` a call whose response has just named its id: if another call has it, the answer is a stored one.

        Raises:
            sqlite3.Error, OSError, WalletError: nothing of it was written.
        """
        call.replay = call.replay or self._number(call.request) not in (None, call.number)
        self.save(call)

    def _number(self, request: str | None, outcome: Outcome | None = None) -> int | None:
        """The first call with a request id, and with an outcome if one is named."""
        more = "" if outcome is None else f" AND outcome = '{outcome}'"
        row = self._db.execute(
            f"SELECT number FROM calls WHERE request = ?{more} ORDER BY number LIMIT 1",  # noqa: S608  # names from here
            (request,),
        ).fetchone()
        return None if row is None else int(row[0])

    def complete(self, result: Call) -> None:
        """Complete the pending call of a request id with its result; if there is none, nothing happens.

        Raises:
            sqlite3.Error, OSError, WalletError: nothing of it was written.
        """
        with self._transaction():
            number = self._number(result.request, Outcome.PENDING)
            if number is None:
                return
            self._db.execute(
                "UPDATE calls SET answered = ?, outcome = ?, model = ifnull(?, model), usage = ?, tier = ?, tools = ?"
                " WHERE number = ?",
                (
                    result.answered,
                    result.outcome,
                    result.model,
                    result.usage,
                    result.tier,
                    result.tools,
                    number,
                ),
            )
            self._keep(number, result.receipts)

    def add_file(self, host: str, batch: str, file: str) -> None:
        """Take note of the file that holds the results of a batch, if the batch was made here.

        Raises:
            sqlite3.Error, OSError, WalletError: nothing of it was written.
        """
        with self._transaction():
            made = self._made(host, batch)
            if made is not None:
                self._db.execute("INSERT OR IGNORE INTO files VALUES (?, ?, ?)", (host, file, made[0]))  # fmt: skip

    def _made(self, host: str, batch: str) -> tuple[int, int] | None:
        """The call that made a batch, and when it was sent; None: it was not made here."""
        row = self._db.execute(_BATCH, (batch, host, Outcome.COMPLETE)).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def _made_for(self, host: str, file: str) -> tuple[int, int] | None:
        """The call that made the batch whose results a file holds."""
        row = self._db.execute(_FILE, (host, file)).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def add_results(self, results: Sequence[Result], batch: str | None, file: str | None) -> None:
        """Add the results of a batch that are not there yet, if the batch was made here, each of its requests once.

        Args:
            results: from one host; they were sent when the batch was.
            batch: its id; None: it is the one whose results are in the file.
            file: the id of the file.

        Raises:
            sqlite3.Error, OSError, WalletError: nothing of it was written.
        """
        with self._transaction():
            host = results[0].call.host
            made = self._made(host, batch) if batch else self._made_for(host, file or "")
            if made is None:
                return
            number, sent = made
            for result in results:
                call, custom = result.call, (number, result.custom)
                if self._number(call.request) is None and not self._is_noted(custom):
                    self._db.execute("INSERT INTO results VALUES (?, ?)", custom)
                    call.sent = sent
                    self._write(call)

    def _is_noted(self, custom: tuple[int, bytes]) -> bool:
        query = "SELECT 1 FROM results WHERE batch = ? AND custom = ?"
        return self._db.execute(query, custom).fetchone() is not None

    def counts(self) -> tuple[int, int]:
        """How many calls, and how many receipts.

        Raises:
            sqlite3.Error: they cannot be read.
        """
        row = self._db.execute(
            "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM receipts)"
        ).fetchone()
        return int(row[0]), int(row[1])


def _place(path: str) -> tuple[int, int]:
    """Which file stands at a path."""
    found = Path(path).stat()
    return found.st_dev, found.st_ino

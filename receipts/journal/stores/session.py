"""`Session`: one connection to a server of PostgreSQL, which comes back after a restart or a failover, and never waits without an end."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from random import uniform
from time import monotonic, sleep
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from receipts.errors import JournalError
from receipts.journal.stores.locations import EXPECTED

_LOG: Final = logging.getLogger("receipts.journal")
_PROBE_S: Final = 2.0
"""How long is waited for a server for which another wait was in vain: somebody waits for each receipt."""
_PAUSE_S: Final = 0.05, 0.25
"""Between two attempts, a time from this range: not every pod at once."""
_SERVER_MS: Final = 900
"""So many ms of each second, the server may work on one statement: it says no a little before nobody knows."""
_UNHEARD_MS: Final = 333
"""So many ms of each second may go by until the other side's machine has confirmed a packet: there is time for another connection."""
_ALIVE: Final = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
"""A connection that nobody uses is not forgotten by the network, or that is seen."""
_UNDECIDED: Final = (TransactionStatus.ACTIVE, TransactionStatus.UNKNOWN)
_PREPARE: Final = """
SELECT set_config('statement_timeout', %s, false),
  set_config('synchronous_commit',
    CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
  current_setting('fsync'), current_setting('full_page_writes')
"""
"""Commits are on the disk when they are reported, whatever the database or the role is set to."""
_T = TypeVar("_T")
Row = tuple[Any, ...]


class LostError(JournalError):
    """The server did not answer in time. What it was asked for last may have been done, or may still be done."""


class Connection(psycopg.Connection[Row]):
    """A connection that gives up at ``deadline``, a moment of `time.monotonic`: a server that hangs says nothing."""

    deadline = inf

    def wait(self, gen: PQGen[_T], *args: Any, **more: Any) -> _T:
        """Run one step of the protocol.

        Raises:
            psycopg.OperationalError: the deadline is over.
        """
        return super().wait(self._in_time(gen), *args, **more)

    def _in_time(self, gen: PQGen[_T]) -> PQGen[_T]:
        try:
            state = next(gen)
            while True:
                ready = yield state
                if not ready and monotonic() > self.deadline:
                    raise psycopg.OperationalError("the server does not answer")
                state = gen.send(ready)
        except StopIteration as done:
            result: _T = done.value
            return result


class Session:
    """The connection of a store.

    Args:
        url: of the database, with its password.
        place: the same without, for messages.
        wait_s: how many seconds one piece of work waits for the server, which may be away meanwhile.
        writes: whether the server must be one that takes writes. With several hosts in the URL, it is looked for.
        greet: called with each new connection, before anything else uses it: is it the same journal?
    """

    def __init__(
        self,
        url: str,
        place: str,
        *,
        wait_s: float,
        writes: bool,
        greet: Callable[[Connection], None],
    ) -> None:
        self.place = place
        self._parameters = _parameters(url, place, wait_s, writes)
        self._wait_s, self._greet = wait_s, greet
        self._process = os.getpid()
        self._db: Connection | None = None
        self._deadline: float | None = None
        self._is_down = False
        self._is_looking = False
        self._is_pinned = False

    def open(self) -> None:
        """Connect, in one attempt: what is wrong with the URL is told at once.

        Raises:
            JournalError: the server cannot be reached, or is not what it must be.
        """
        with self.bounded(), self._named():
            self._connected()

    def close(self) -> None:
        """Close the connection; in a child that was forked, leave it to its parent."""
        if self._db is not None and os.getpid() == self._process:
            self._db.close()
        self._db = None

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """What is done inside has, altogether, the time of one piece of work."""
        if self._deadline is not None:
            yield
            return
        wait_s = min(self._wait_s, _PROBE_S) if self._is_down else self._wait_s
        self._deadline = monotonic() + wait_s
        try:
            yield
        finally:
            self._deadline = None

    def run(self, work: Callable[[Connection], _T]) -> _T:
        """Do a piece of work, and do it again from its beginning where the connection was lost.

        Raises:
            LostError: the server was away for too long; or, inside of `snapshot`, at all.
            JournalError: the server refused it, and nothing was done.
        """
        with self.bounded(), self._named():
            while True:
                try:
                    result = work(self._connected())
                except psycopg.Error as error:
                    if not self._is_lost(error):
                        raise
                    self._lost(error)
                    sleep(uniform(*_PAUSE_S))  # noqa: S311  # no secret
                else:
                    self._is_down = self._is_looking = False
                    return result

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every `run` inside sees the same moment, on one connection."""
        self.run(lambda db: db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        self._is_pinned = True
        try:
            yield
        finally:
            self._is_pinned = False
            if self._db is not None:
                self.run(lambda db: db.execute("ROLLBACK"))

    @contextmanager
    def _named(self) -> Iterator[None]:
        """What the server says, with the place of the journal."""
        try:
            yield
        except psycopg.Error as error:
            raise JournalError(f"{self.place}: {_text(error)}") from error

    def _connected(self) -> Connection:
        if os.getpid() != self._process:
            raise JournalError("the journal was opened by another process: open it after the fork")
        if self._db is None:
            if self._is_pinned:
                raise LostError(f"{self.place}: the connection was lost, and its snapshot with it")
            self._db = self._connect()
        self._db.deadline = self._left(0.0)
        return self._db

    def _left(self, least: float) -> float:
        return max(monotonic() + least, self._deadline or 0.0)

    def _connect(self) -> Connection:
        wait_s = int(max(_PROBE_S, (self._deadline or 0.0) - monotonic()))
        wait_s = min(wait_s, int(self._parameters.get("connect_timeout", 0)) or wait_s)
        parameters = self._parameters | {"connect_timeout": str(wait_s)}
        try:
            db = Connection.connect(make_conninfo("", **parameters), autocommit=True)
        except UnicodeError:  # of "..", or a label of more than 63 characters: no look-up was made
            raise JournalError(
                f"{self.place}: {parameters.get('host')!a} is no host name"
            ) from None
        try:
            db.deadline = self._left(_PROBE_S)
            settings = db.execute(_PREPARE, (str(int(self._wait_s * _SERVER_MS) or 1),)).fetchone()
            if settings is not None and "off" in settings[2:]:
                _LOG.warning(
                    "%s: the server has fsync or full_page_writes off: it may lose receipts that were handed out",
                    self.place,
                )
            self._greet(db)
        except (psycopg.Error, JournalError):
            db.close()
            raise
        return db

    def _is_lost(self, error: psycopg.Error) -> bool:
        """Whether the server's answer is missing, rather than no; or it is a server that became one for reading."""
        if self._db is None or isinstance(error, errors.ReadOnlySqlTransaction):
            return isinstance(error, psycopg.OperationalError | errors.ReadOnlySqlTransaction)
        return self._db.closed or self._db.info.transaction_status in _UNDECIDED

    def _lost(self, error: psycopg.Error) -> None:
        """Give the connection up; and the work too, if its time is over.

        Raises:
            LostError: it is.
        """
        self.close()
        if monotonic() >= (self._deadline or 0.0):
            self._is_down = True
            raise LostError(f"{self.place}: {_text(error)}") from error
        if not self._is_looking:
            _LOG.warning("%s: the connection was lost, and is made again: %s", self.place, _text(error))  # fmt: skip
        self._is_looking = True


def _parameters(url: str, place: str, wait_s: float, writes: bool) -> dict[str, str]:
    """The URL taken apart, and what is good for a journal where it says nothing. libpq's own complaint may quote the password."""
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.Error:
        raise JournalError(f"{place}: the URL cannot be read: expected {EXPECTED}") from None
    if not given.get("connect_timeout", "1").isdecimal():
        raise JournalError(f"{place}: connect_timeout: expected whole seconds")
    ours = {"application_name": "receipt-journal"} | _ALIVE
    ours["tcp_user_timeout"] = str(int(wait_s * _UNHEARD_MS))
    if writes:
        ours["target_session_attrs"] = "read-write"
    return ours | given


def _text(error: psycopg.Error) -> str:
    """What it says, on one line."""
    return "; ".join(filter(None, map(str.strip, str(error).splitlines())))

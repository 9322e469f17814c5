"""Closing every account of journals in one run: into a folder of batches, by one process or several.

Each account is closed by itself, so a run that was stopped anywhere is simply run again: what is in a journal is not signed anew, and what
is in the folder is not written anew.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import wait
from os import _exit
from time import monotonic
from typing import Any, Final, TypeVar

from cli import closing_places, key_folder
from cli.batch_folder import BatchFolder, Entry, file_name
from cli.closing_places import ClosingPlaces
from cli.closing_refusals import accepted, look_into, refusals
from cli.terminal import RefusedError
from receipts import Closed, Closing
from receipts.closing import ArchivedError, Journals, Prepared, Settled, closed


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done: the journals, where the batches go, the period, and who signs."""

    locations: tuple[str, ...]
    out: str
    closing: Closing
    folder: key_folder.Keys


@dataclass(frozen=True, slots=True)
class Batch:
    """A statement whose batch is in the folder now, in this file."""

    file: str
    closed: Closed

    def entry(self) -> Entry:
        """It, as the index says it."""
        one = self.closed
        digest = one.digest.hex()
        return Entry(one.account, one.number, self.file, one.start, one.end, one.receipts, digest)

    def row(self) -> dict[str, Any]:
        """It, as ``--json`` says it."""
        return {**asdict(self.closed), "digest": self.closed.digest.hex(), "file": self.file}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An account that could not be closed, why, and the next step."""

    account: str
    reason: str
    hint: str | None


_Done = TypeVar("_Done")
_GROUP: Final = 64
"""Accounts that wait for the disk together, at most."""
_GROUP_S: Final = 2.0
"""How long the first of them waits for the others."""
Outcome = tuple[tuple[Batch, ...], Refusal | None]
"""What became of an account: its batches of the period; none, where nothing of it is due."""


def accounts(task: Task) -> list[str]:
    """All accounts of the journals.

    Raises:
        JournalError: one cannot be read, or is no journal of this issuer.
    """
    with Journals(task.locations, task.closing.issuer) as journals:
        return journals.accounts()


def outcomes(task: Task, accounts: Sequence[str], jobs: int) -> Iterator[Outcome]:
    """Close the accounts, in their order.

    Raises:
        CliError: no account can be closed.
        OSError: a file cannot be written.
    """
    with _Worker(
        task
    ) as worker:  # also before others start: it says what is wrong with the folders
        if jobs == 1:
            yield from worker.close(accounts)
    if jobs > 1:
        yield from _in_processes(task, accounts, jobs)


class _Worker:
    """Closes one account after the other, with everything open that they have in common."""

    def __init__(self, task: Task) -> None:
        self._task = task
        with ExitStack() as opened, refusals((task.closing.start, task.closing.end), None):
            self._given = closing_places.journals(task.locations, task.closing.issuer)
            self._journals = opened.enter_context(Journals(task.locations, task.closing.issuer))
            self._places = opened.enter_context(ClosingPlaces(task.folder.path))
            self._batches = BatchFolder(task.out, task.closing.issuer)
            self._opened = opened.pop_all()

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_error: object) -> None:
        self._opened.close()

    def close(self, accounts: Sequence[str]) -> Iterator[Outcome]:
        """Close accounts, in their order. Those that are signed within a short time wait for the disk together."""
        waiting: list[tuple[str, Prepared | Refusal]] = []
        begun = monotonic()
        for account in accounts:
            waiting.append((account, self._attempt(account, partial(self._prepare, account))))
            if len(waiting) == _GROUP or monotonic() - begun > _GROUP_S:
                yield from self._written(waiting)
                waiting, begun = [], monotonic()
        yield from self._written(waiting)

    def _attempt(self, account: str, act: Callable[[], _Done]) -> _Done | Refusal:
        """Do something for an account, or say why it is refused."""
        closing = self._task.closing
        try:
            with refusals((closing.start, closing.end), account):
                return act()
        except RefusedError as error:
            return Refusal(account, error.message, error.hint)

    def _prepare(self, account: str) -> Prepared:
        given = self._places.in_order(account, self._given)
        guarded = self._places.guard(self._task.closing, given)
        hint = look_into(self._task.locations)
        check = accepted(account, self._task.folder, hint=hint, bar=False)
        return self._journals.prepare(
            account, guarded, first=given[0].journal, check=check, if_due=True
        )

    def _written(self, waiting: Sequence[tuple[str, Prepared | Refusal]]) -> Iterator[Outcome]:
        ready = [one for _, one in waiting if isinstance(one, Prepared)]
        done: dict[str, Settled | Refusal] = {
            account: one for account, one in waiting if isinstance(one, Refusal)
        }
        together = self._attempt("", partial(self._journals.settle, ready))
        if isinstance(together, Refusal):  # of one of them: so one by one
            done |= {one.account: self._attempt(one.account, partial(self._alone, one)) for one in ready}  # fmt: skip
        else:
            done |= {one.account: own for one, own in zip(ready, together, strict=True)}
        for account, _ in waiting:
            yield self._outcome(account, done[account])

    def _outcome(self, account: str, settled: Settled | Refusal) -> Outcome:
        if isinstance(settled, Refusal):
            return (), settled
        written = self._attempt(account, partial(self._write, settled))
        return ((), written) if isinstance(written, Refusal) else (written, None)

    def _alone(self, prepared: Prepared) -> Settled:
        (settled,) = self._journals.settle([prepared])
        return settled

    def _write(self, settled: Settled) -> tuple[Batch, ...]:
        found = []
        for statement in settled.statements:
            name = file_name(statement.account, statement.number)
            left = settled.left if statement is settled.statements[-1] else 0
            write = partial(self._journals.write, statement, left=left)
            try:
                written = self._batches.put(name, write)
            except ArchivedError:  # then its batch is the only copy: it may be here
                if not self._batches.has(name, statement.data):
                    raise
                written = closed(statement, statement.digest, left)
            found.append(Batch(name, written))
        return tuple(found)


def _in_processes(task: Task, accounts: Sequence[str], jobs: int) -> Iterator[Outcome]:
    """By several processes, which are forked: so the keys stay where they are, and are sent nowhere."""
    waiting: deque[Future[list[Outcome]]] = deque()
    forking = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, forking, _start, (task,)) as pool:
        try:
            for start in range(0, len(accounts), _GROUP):
                waiting.append(pool.submit(_close, accounts[start : start + _GROUP]))
                while len(waiting) > 4 * jobs:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise OSError("a process that closed accounts was ended: run this again") from error
        finally:
            pool.shutdown(cancel_futures=True)


_worker: _Worker


def _start(task: Task) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    global _worker  # one for the life of a process
    _worker = _Worker(task)


def _close(accounts: Sequence[str]) -> list[Outcome]:
    return list(_worker.close(accounts))


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for its next account forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        _exit(1)

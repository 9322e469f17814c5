"""What is asked of a journal, and who waits for it: the holder of a future, a thread, or a task of an event loop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock
from time import sleep
from typing import Final

from receipts.encoded_claims import EncodedClaims
from receipts.errors import JournalError, ReceiptError
from receipts.issuer import Issued

_MAX_GROUP: Final = 256
"""Receipts that share one commit."""
Outcome = Issued | ReceiptError | JournalError
"""What becomes of an order: its receipt, or why there is none."""


class Promise(Future[Issued]):
    """A future, for those who want to wait in their own way."""

    def begin(self) -> bool:
        """Whether the receipt is wanted still; if so, it cannot be cancelled any more."""
        return self.set_running_or_notify_cancel()

    def tell(self, outcome: Outcome) -> None:
        """Say what became of it."""
        if isinstance(outcome, Issued):
            self.set_result(outcome)
        else:
            self.set_exception(outcome)


class WaitingThread:
    """A thread that waits, with one lock: a future needs several."""

    __slots__ = ("_lock", "_outcomes")

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()
        self._outcomes: list[Outcome] = []

    def begin(self) -> bool:
        """A thread waits until it is told."""
        return True

    def tell(self, outcome: Outcome) -> None:
        """Say what became of it."""
        self._outcomes.append(outcome)
        self._lock.release()

    def wait(self) -> Issued:
        """Wait for the receipt.

        Raises:
            ReceiptError, JournalError: there is none.
        """
        self._lock.acquire()
        (outcome,) = self._outcomes
        if isinstance(outcome, Issued):
            return outcome
        raise outcome


class WaitingTask:
    """A task of the event loop that runs in the calling thread, or somebody else who is told there."""

    __slots__ = ("loop", "tell")

    def __init__(self, tell: Callable[[Outcome], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self.tell = tell

    def begin(self) -> bool:
        """A receipt is issued also if its task is cancelled."""
        return True


@dataclass(slots=True)
class Order:
    """A receipt that is asked for. ``time`` and ``stream`` None: now, and the journal's own.

    ``before``: it is not signed at that time or later. ``key`` is what there is one receipt of: the request id, or of a correction, the digest of what it corrects.
    """

    account: str
    key: str | bytes
    time: int | None
    stream: str | None
    before: int | None
    claims: EncodedClaims
    waiting: Promise | WaitingThread | WaitingTask


class Orders:
    """The orders on their way to the one who writes, in groups that share a commit."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Order | None] = SimpleQueue()
        self._ended = False
        self._last = 1

    def put(self, order: Order) -> None:
        """Add an order."""
        self._queue.put(order)

    def end(self) -> None:
        """No more orders come."""
        self._queue.put(None)

    def group(self) -> list[Order]:
        """Wait for orders, and take those that are there: 256 at most. Empty: no more come.

        Who was told of the last group mostly asks again at once. So as long as more come, and there are not as many as last time, others
        get time to ask. A lone order does not wait.
        """
        group: list[Order] = []
        if not self._ended:
            self._take(group)
        self._take_more(group)
        while len(group) < self._last:
            before = len(group)
            sleep(0)
            self._take_more(group)
            if len(group) == before:
                break
        self._last = len(group)
        return group

    def _take_more(self, group: list[Order]) -> None:
        while not self._ended and len(group) < _MAX_GROUP and not self._queue.empty():
            self._take(group)

    def _take(self, group: list[Order]) -> None:
        order = self._queue.get()
        if order is None:
            self._ended = True
        else:
            group.append(order)


def tell_all(results: Iterable[tuple[Order, Outcome]]) -> None:
    """Tell all who wait. An event loop is woken once, however many of its tasks wait."""
    tasks: dict[asyncio.AbstractEventLoop, list[tuple[WaitingTask, Outcome]]] = defaultdict(list)
    for order, outcome in results:
        if isinstance(order.waiting, WaitingTask):
            tasks[order.waiting.loop].append((order.waiting, outcome))
        else:
            order.waiting.tell(outcome)
    for loop, told in tasks.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_tell_tasks, told)


def _tell_tasks(told: list[tuple[WaitingTask, Outcome]]) -> None:
    for waiting, outcome in told:
        waiting.tell(outcome)


def settle(future: asyncio.Future[Issued], outcome: Outcome) -> None:
    """Tell a future, unless its task was cancelled."""
    if future.done():
        return
    if isinstance(outcome, Issued):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)

"""`Journal`: orders from any thread and task, signed and written in groups by a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from time import monotonic, time_ns
from types import TracebackType
from typing import Unpack
from uuid import uuid4

from receipts import limits
from receipts.encoded_claims import encoded_claims
from receipts.errors import DuplicateRequestError, JournalError, ReceiptError, TooLateError
from receipts.issuer import Head, Issued, Issuer
from receipts.journal.orders import (
    Order,
    Orders,
    Outcome,
    Promise,
    WaitingTask,
    WaitingThread,
    settle,
    tell_all,
)
from receipts.journal.stores import ConflictError, Key, Place, open_store
from receipts.keys import KeySource
from receipts.request import Request

_Result = tuple[Order, Issued | ReceiptError]
"""What became of an order."""


class Journal:
    """Issues receipts durably. Calls from several threads and tasks are safe; open it after a fork.

    Args:
        location: the SQLite file, or ``postgresql://...``; the journal is made if it is not there. Beside a file stand ``-wal`` and
            ``-shm`` while it is open.
        issuer: who signs and bills.
        key: the signing key, or a `receipts.KeyFolder`: the journal then signs with the key of each time, takes a successor without
            being opened again, and logs a warning before the last key ends.
        wait_s: how many seconds a group of receipts waits for another process, or for a server to come back, before it fails.
            It then fails all at once, and so do the next ones sooner, until the server is back.

    Raises:
        JournalError: the file or the database cannot be opened, is no journal, or is another issuer's.
    """

    def __init__(self, location: str, issuer: str, key: KeySource, *, wait_s: float = 30) -> None:
        self.issuer = issuer
        self.stream = uuid4().hex
        """The stream of receipts that name none."""
        self._key = key
        self._issuer = Issuer(issuer, key)
        self._store = open_store(location, issuer, wait_s=wait_s)
        self._wait_s = wait_s
        self._orders = Orders()
        self._process = os.getpid()
        self._closed = False
        self._lock = threading.Lock()
        self._writer = threading.Thread(target=self._write, name="receipt-journal", daemon=True)
        self._writer.start()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what was asked for, then close the store. In a child that was forked, this leaves the journal to its parent."""
        with self._lock:
            if self._closed or os.getpid() != self._process:
                return
            self._closed = True
            self._orders.end()
        self._writer.join()
        self._store.close()

    def rotate(self, key: KeySource) -> None:
        """Sign with another key from now on, which a `receipts.KeyFolder` does by itself. The streams go on."""
        self._key, self._issuer = key, Issuer(self.issuer, key)

    def submit(
        self,
        account: str,
        *,
        time: int | None = None,
        stream: str | None = None,
        before: int | None = None,
        **request: Unpack[Request],
    ) -> Future[Issued]:
        """Ask for a receipt. The future has it once it is on the disk.

        Args:
            account: who is billed.
            time: ms since 1970, UTC. Without, it is that of the clock when the receipt is signed, and never goes back.
            stream: the stream, if not the journal's own.
            before: ms since 1970: the receipt must be of an earlier time. What it says may be right in one month only.
            request: as of `Issuer.issue`.

        The future raises:
            DuplicateRequestError: the request has a receipt already; or, of a correction, what it corrects has one.
            TooLateError: it would not be of a time before ``before``. No sequence is used up.
            NoKeyError: no key may sign at this time. No sequence is used up.
            ReceiptError: a field breaks a rule of spec/receipt.md. Likewise.
            JournalError: the receipt could not be written. It does not exist; or, where the message says that this is not known, it
                may exist, and was not handed out. Asked for again, its request is then refused as a duplicate.

        Raises:
            JournalError: the journal is closed, or was opened before a fork.
        """
        promise = Promise()
        try:
            self._order(account, time, stream, before, request, promise)
        except ReceiptError as error:
            promise.set_exception(error)
        return promise

    def _order(
        self,
        account: str,
        time: int | None,
        stream: str | None,
        before: int | None,
        request: Request,
        waiting: Promise | WaitingThread | WaitingTask,
    ) -> None:
        limits.name("account", account)
        if stream is not None:
            limits.name("stream", stream)
        claims = encoded_claims(request)
        corrects = request.get("corrects")
        key = request["request"] if corrects is None else corrects.receipt
        order = Order(account, key, time, stream, before, claims, waiting)
        with self._lock:
            if self._closed:
                raise JournalError("the journal is closed")
            if os.getpid() != self._process:
                raise JournalError(
                    "the journal was opened by another process: open it after the fork"
                )
            self._orders.put(order)

    def issue(
        self,
        account: str,
        *,
        time: int | None = None,
        stream: str | None = None,
        before: int | None = None,
        **request: Unpack[Request],
    ) -> Issued:
        """`submit`, and wait.

        Raises:
            ReceiptError, JournalError: as the future of `submit`.
        """
        waiting = WaitingThread()
        self._order(account, time, stream, before, request, waiting)
        return waiting.wait()

    async def issue_async(
        self,
        account: str,
        *,
        time: int | None = None,
        stream: str | None = None,
        before: int | None = None,
        **request: Unpack[Request],
    ) -> Issued:
        """`submit`, and wait without blocking the event loop. The receipt is issued even if the task is cancelled.

        Raises:
            ReceiptError, JournalError: as the future of `submit`.
        """
        future: asyncio.Future[Issued] = asyncio.get_running_loop().create_future()
        waiting = WaitingTask(partial(settle, future))
        self._order(account, time, stream, before, request, waiting)
        return await future

    def tell(
        self,
        account: str,
        told: Callable[[Outcome], None],
        *,
        before: int | None = None,
        **request: Unpack[Request],
    ) -> None:
        """`submit`, and have a function told what becomes of it, in the event loop that runs in this thread. It must not raise.

        Raises:
            ReceiptError, JournalError: nothing was asked for.
        """
        self._order(account, None, None, before, request, WaitingTask(told))

    # The writer's thread.

    def _write(self) -> None:
        while group := self._orders.group():
            self._commit(group)

    def _commit(self, group: list[Order]) -> None:
        """Sign and write a group; only then tell those who wait."""
        group = [order for order in group if order.waiting.begin()]
        try:
            results = self._written(group)
        except JournalError as error:
            tell_all((order, error) for order in group)
        except Exception as error:  # noqa: BLE001  # without the writer, all who ask would wait for ever
            failed = JournalError(f"the receipts could not be signed or written: {error!r}")
            failed.__cause__ = error
            tell_all((order, failed) for order in group)
        else:
            tell_all(results)

    def _written(self, group: list[Order]) -> list[_Result]:
        """Sign and write a group; if another writer was faster, look again where the streams stand, and sign anew."""
        ends = monotonic() + self._wait_s
        while True:
            try:
                with self._store.transaction():
                    results = self._sign(group)
                    self._store.add((o.key, r) for o, r in results if isinstance(r, Issued))
            except ConflictError:
                if monotonic() > ends:
                    raise
            else:
                return results

    def _sign(self, group: list[Order]) -> list[_Result]:
        """Sign every order that can be signed. The store says where the streams stand, whoever wrote there last."""
        now, issuer = time_ns() // 1_000_000, self._issuer
        if any(order.time is None for order in group):
            self._key.warn_before_end()
        issuer.go_on(self._heads(group, now))
        results: list[_Result] = []
        known = self._store.known({(order.account, order.key) for order in group})
        for order in group:
            time = now if order.time is None else order.time
            try:
                _check_key(order, known)
                _check_time(order, time)
                stream = order.stream or self.stream
                issued = issuer.issue_claims(order.account, time, order.claims, stream)
            except ReceiptError as error:
                if isinstance(error, DuplicateRequestError):
                    error.receipt = self._store.find(order.account, order.key) or None
                results.append((order, error))
            else:
                results.append((order, issued))
                known.add((order.account, order.key))
        return results

    def _heads(self, group: list[Order], now: int) -> dict[Place, Head]:
        heads = self._store.heads({(o.account, o.stream or self.stream) for o in group})
        own = [head.time for (_, stream), head in heads.items() if stream == self.stream]
        if own and max(own) > now and any(o.time is None for o in group):
            # The clock was set back. Times do not go back in a stream, and are not made up: a new stream begins.
            self.stream = uuid4().hex
        return heads


def _check_time(order: Order, time: int) -> None:
    if order.before is not None and time >= order.before:
        raise TooLateError("time", f"before {order.before}", time)


def _check_key(order: Order, known: set[Key]) -> None:
    """A request has one receipt, and a receipt one correction: neither in the store, nor before in the group."""
    if (order.account, order.key) not in known:
        return
    if isinstance(order.key, bytes):
        raise DuplicateRequestError("corrects", "a receipt without a correction", order.key.hex())
    raise DuplicateRequestError("request", "one that has no receipt yet", order.key)

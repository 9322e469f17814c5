"""`Journal`: orders from any thread and task, signed and written in groups by a thread of its own."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from time import time_ns
from types import TracebackType
from typing import Final, Unpack
from uuid import uuid4

from receipts import limits
from receipts.claims import request_claims
from receipts.errors import DuplicateRequestError, JournalError, ReceiptError
from receipts.issuer import Head, Issued, Issuer
from receipts.journal.store import Store
from receipts.keys import KeySource
from receipts.request import Request

_MAX_GROUP: Final = 256
"""Receipts that share one commit."""


@dataclass(frozen=True, slots=True)
class _Order:
    """A receipt that is asked for. ``time`` and ``stream`` None: now, and the journal's own.

    ``key`` is what there is one receipt of: the request id, or of a correction, the digest of what it corrects.
    """

    account: str
    key: str | bytes
    time: int | None
    stream: str | None
    claims: Mapping[int, object]
    done: Future[Issued]


class Journal:
    """Issues receipts durably. Calls from several threads and tasks are safe; open it after a fork.

    Args:
        path: the SQLite file; it is made if it is not there. Beside it stand ``-wal`` and ``-shm`` while it is open.
        issuer: who signs and bills.
        key: the signing key, or a `receipts.KeyFolder`: the journal then signs with the key of each time, takes a successor without
            being opened again, and logs a warning before the last key ends.

    Raises:
        JournalError: the file cannot be opened, is no journal, or is another issuer's.
    """

    def __init__(self, path: str, issuer: str, key: KeySource) -> None:
        self.issuer = issuer
        self.stream = uuid4().hex
        """The stream of receipts that name none."""
        self._key = key
        self._store = Store(path, issuer)
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
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
        """Write what was asked for, then close the file."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._orders.put(None)
        self._writer.join()
        self._store.close()

    def rotate(self, key: KeySource) -> None:
        """Sign with another key from now on, which a `receipts.KeyFolder` does by itself. The streams go on."""
        self._key = key

    def submit(
        self,
        account: str,
        *,
        time: int | None = None,
        stream: str | None = None,
        **request: Unpack[Request],
    ) -> Future[Issued]:
        """Ask for a receipt. The future has it once it is on the disk.

        Args:
            account: who is billed.
            time: ms since 1970, UTC. Without, it is that of the clock when the receipt is signed, and never goes back.
            stream: the stream, if not the journal's own.
            request: as of `Issuer.issue`.

        The future raises:
            DuplicateRequestError: the request has a receipt already; or, of a correction, what it corrects has one.
            NoKeyError: no key may sign at this time. No sequence is used up.
            ReceiptError: a field breaks a rule of spec/receipt.md. Likewise.
            JournalError: the receipt could not be written; it does not exist.

        Raises:
            JournalError: the journal is closed, or was opened before a fork.
        """
        done: Future[Issued] = Future()
        try:
            limits.name("account", account)
            if stream is not None:
                limits.name("stream", stream)
            claims = request_claims(**request)
        except ReceiptError as error:
            done.set_exception(error)
            return done
        corrects = request.get("corrects")
        key = request["request"] if corrects is None else corrects.receipt
        self._order(_Order(account, key, time, stream, claims, done))
        return done

    def _order(self, order: _Order) -> None:
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
        **request: Unpack[Request],
    ) -> Issued:
        """`submit`, and wait.

        Raises:
            ReceiptError, JournalError: as the future of `submit`.
        """
        return self.submit(account, time=time, stream=stream, **request).result()

    async def issue_async(
        self,
        account: str,
        *,
        time: int | None = None,
        stream: str | None = None,
        **request: Unpack[Request],
    ) -> Issued:
        """`submit`, and wait without blocking the event loop. The receipt is issued even if the task is cancelled.

        Raises:
            ReceiptError, JournalError: as the future of `submit`.
        """
        asked = self.submit(account, time=time, stream=stream, **request)
        return await asyncio.shield(asyncio.wrap_future(asked))

    # The writer's thread.

    def _write(self) -> None:
        while (order := self._orders.get()) is not None:
            group, more = [order], True
            while more and len(group) < _MAX_GROUP and not self._orders.empty():
                following = self._orders.get()
                more = following is not None
                if following is not None:
                    group.append(following)
            self._commit(group)
            if not more:
                return

    def _commit(self, group: list[_Order]) -> None:
        """Sign and write a group; only then tell those who wait."""
        group = [order for order in group if order.done.set_running_or_notify_cancel()]
        results: list[tuple[_Order, Issued | ReceiptError]] = []
        try:
            with self._store.transaction():
                results = self._sign(group)
                self._store.add((o.key, r) for o, r in results if isinstance(r, Issued))
        except JournalError as error:
            for order in group:
                order.done.set_exception(error)
            return
        for order, result in results:
            if isinstance(result, Issued):
                order.done.set_result(result)
            else:
                order.done.set_exception(result)

    def _sign(self, group: list[_Order]) -> list[tuple[_Order, Issued | ReceiptError]]:
        """Sign every order that can be signed. The file says where the streams stand, whoever wrote there last."""
        now = time_ns() // 1_000_000
        if any(order.time is None for order in group):
            self._key.warn_before_end()
        heads = self._heads(group, now)
        issuer = Issuer(self.issuer, self._key, stream=self.stream, heads=heads)
        results: list[tuple[_Order, Issued | ReceiptError]] = []
        known: set[tuple[str, str | bytes]] = set()
        for order in group:
            time = now if order.time is None else order.time
            try:
                self._check_key(order, known)
                issued = issuer.issue_claims(order.account, time, order.claims, order.stream)
            except ReceiptError as error:
                results.append((order, error))
            else:
                results.append((order, issued))
                known.add((order.account, order.key))
        return results

    def _check_key(self, order: _Order, known: set[tuple[str, str | bytes]]) -> None:
        """A request has one receipt, and a receipt one correction: neither in the file, nor before in the group."""
        place = (order.account, order.key)
        there = self._store.find(*place)
        if place not in known and there is None:
            return
        if isinstance(order.key, bytes):
            raise DuplicateRequestError(
                "corrects", "a receipt without a correction", order.key.hex()
            )
        raise DuplicateRequestError("request", "one that has no receipt yet", order.key, there)

    def _heads(self, group: list[_Order], now: int) -> dict[tuple[str, str], Head]:
        heads = self._known_heads({(o.account, o.stream or self.stream) for o in group})
        own = [head.time for (_, stream), head in heads.items() if stream == self.stream]
        if own and max(own) > now and any(o.time is None for o in group):
            # The clock was set back. Times do not go back in a stream, and are not made up: a new stream begins.
            self.stream = uuid4().hex
        return heads

    def _known_heads(self, places: set[tuple[str, str]]) -> dict[tuple[str, str], Head]:
        found = {place: self._store.head(*place) for place in places}
        return {place: head for place, head in found.items() if head is not None}

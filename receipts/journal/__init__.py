"""The journal: receipts that are on the disk before anybody holds them, from many threads and tasks at once.

    with Journal("issuer.db", "https://api.example.com", key) as journal:
        receipt = journal.issue("acme", request="req_42", model="m", counts=Counts(logical=3000, cached=2000, output=500))

Receipts that are asked for at the same time are signed and written together, so that many share one wait for the disk (group
commit). A process that is killed leaves whole groups or nothing: no sequence is used twice, none is skipped, and nothing is missing that was
handed out. Every open journal has a stream of its own; so any number of processes share a file without knowing of each other.
"""

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
from typing import Any, Final
from uuid import uuid4

from receipts import claims
from receipts.claims import Cache, Charge, Counts, Source
from receipts.errors import DuplicateRequestError, JournalError, ReceiptError
from receipts.issuer import Head, Issued, Issuer, request_claims
from receipts.journal.store import Store
from receipts.keys import SigningKey

__all__ = ["DuplicateRequestError", "Journal", "JournalError", "Store"]

_MAX_GROUP: Final = 256
"""Receipts that share one commit."""


@dataclass(frozen=True, slots=True)
class _Order:
    """A receipt that is asked for. ``time`` and ``stream`` None: now, and the journal's own."""

    account: str
    request: str
    time: int | None
    stream: str | None
    body: Mapping[int, object]
    done: Future[Issued]


class Journal:
    """Issues receipts durably. Calls from several threads and tasks are safe; open it after a fork.

    Args:
        path: the SQLite file; it is made if it is not there. Beside it stand ``-wal`` and ``-shm`` while it is open.
        issuer: who signs and bills.
        key: the signing key.

    Raises:
        JournalError: the file cannot be opened, is no journal, or is another issuer's.
    """

    def __init__(self, path: str, issuer: str, key: SigningKey) -> None:
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

    def rotate(self, key: SigningKey) -> None:
        """Sign with another key from now on. The streams go on; what the old key signed stays valid inside its window."""
        self._key = key

    def submit(
        self,
        account: str,
        *,
        request: str,
        model: str,
        counts: Counts,
        time: int | None = None,
        stream: str | None = None,
        source: Source | None = None,
        cache: Cache | None = None,
        charge: Charge | None = None,
        tags: Mapping[str, str] | None = None,
        client: bytes | None = None,
    ) -> Future[Issued]:
        """Ask for a receipt, as of `Issuer.issue`. The future has it once it is on the disk.

        Without ``time`` it is that of the clock when the receipt is signed, and never goes back.

        The future raises:
            DuplicateRequestError: the request has a receipt already.
            ReceiptError: a field breaks a rule of spec/receipt.md. No sequence is used up.
            JournalError: the receipt could not be written; it does not exist.

        Raises:
            JournalError: the journal is closed, or was opened before a fork.
        """
        done: Future[Issued] = Future()
        try:
            claims.name("account", account)
            if stream is not None:
                claims.name("stream", stream)
            body = request_claims(request, model, counts, source, cache, charge, tags, client)
        except ReceiptError as error:
            done.set_exception(error)
            return done
        order = _Order(account, request, time, stream, body, done)
        with self._lock:
            if self._closed:
                raise JournalError("the journal is closed")
            if os.getpid() != self._process:
                raise JournalError(
                    "the journal was opened by another process: open it after the fork"
                )
            self._orders.put(order)
        return order.done

    def issue(self, account: str, **fields: Any) -> Issued:
        """`submit`, and wait.

        Raises:
            ReceiptError, JournalError: as the future of `submit`.
        """
        return self.submit(account, **fields).result()

    async def issue_async(self, account: str, **fields: Any) -> Issued:
        """`submit`, and wait without blocking the event loop. The receipt is issued even if the task is cancelled.

        Raises:
            ReceiptError, JournalError: as the future of `submit`.
        """
        return await asyncio.shield(asyncio.wrap_future(self.submit(account, **fields)))

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
                self._store.add((o.request, r) for o, r in results if isinstance(r, Issued))
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
        heads = self._heads(group, now)
        issuer = Issuer(self.issuer, self._key, stream=self.stream, heads=heads)
        results: list[tuple[_Order, Issued | ReceiptError]] = []
        requests: set[tuple[str, str]] = set()
        for order in group:
            try:
                place = (order.account, order.request)
                if place in requests or self._store.find(*place) is not None:
                    raise DuplicateRequestError(
                        "request", "one that has no receipt yet", order.request
                    )
                time = now if order.time is None else order.time
                issued = issuer.issue_claims(order.account, time, order.body, order.stream)
                results.append((order, issued))
                requests.add(place)
            except ReceiptError as error:
                results.append((order, error))
        return results

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

"""`Exchange`: a request and its answer, from the first byte of the answer to its receipt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from receipts.callers import Asked, Caller
from receipts.emitting.answer import Answer
from receipts.emitting.counters import Outcome
from receipts.emitting.emitter import Emitted, Emitter
from receipts.emitting.request_id import is_usable, new_id
from receipts.emitting.waiting import (
    InLoop,
    OnTheSpot,
    Wait,
    carried_on,
    is_in_loop,
    run_now,
    while_it_waits,
)
from receipts.issuer import Issued


class Exchange:
    """A request and its answer. Nothing here raises: what goes wrong costs the receipt, and never the answer.

    Args:
        emitter: issues the receipt.
        answer: takes note of what the answer says.
    """

    def __init__(self, emitter: Emitter, answer: Answer) -> None:
        self.answer = answer
        self.open = True
        """Whether it is still open what becomes of it."""
        self._emitter = emitter
        self._asked, self._choices = Asked(""), 1
        self._caller: Caller | None = None
        self._request: str | None = None
        self._is_named = False
        self._ahead: asyncio.TimerHandle | None = None
        self._is_begun = False
        """Whether it is too late to read the request ahead."""

    @property
    def whole(self) -> bool:
        """Whether the stream said that it is the whole answer."""
        return self.answer.whole or len(self.answer.finished) >= self._choices

    async def begin(self, asked: Asked) -> bool:
        """The answer begins: find out who is billed. False: nobody is, and there is no receipt."""
        self._stop_ahead()
        self._asked = asked
        self._choices = asked.choices(self.answer.endpoint.api)
        self._caller = self._caller or await self._emitter.caller(asked)
        self.open = self._caller is not None
        return self.open

    def prepare(self, asked: Asked) -> None:
        """Read the request while its answer is made, so that this is done when the answer comes. Without a loop nothing can be done meanwhile."""
        if is_in_loop() and not self._is_begun:
            self._ahead = while_it_waits(asked, partial(self._read_ahead, asked))

    def _read_ahead(self, asked: Asked) -> None:
        with suppress(Exception):  # it is raised again, and counted, where it is needed
            known = self._emitter.look_ahead(asked)
            if known is not None and not self._is_begun:  # in another thread it may come too late
                self._caller = known

    def _stop_ahead(self) -> None:
        """Nothing is read ahead any more. An answer may begin before its request is there as a whole."""
        self._is_begun = True
        if self._ahead is not None:
            self._ahead.cancel()

    def close(self, outcome: Outcome) -> None:
        """There is no receipt, unless that was settled before."""
        self._stop_ahead()
        if self.open:
            self.open = False
            self._emitter.counters.count(outcome)

    async def end(self) -> None:
        """The answer is over, whoever ended it. If it had said all by then, it is billed, although its end went to nobody."""
        if not (self.open and self.whole and self.answer.final):
            self.close(Outcome.HUNG_UP)
        elif await self.issue() is not None:
            self.count_undelivered()

    def count_undelivered(self) -> None:
        """The receipt could not go out with the answer."""
        self._emitter.counters.count_undelivered()

    def read(self, body: bytes) -> None:
        """Take note of a whole body."""
        try:
            self.answer.add(json.loads(body))
        except (ValueError, RecursionError):
            self.close(Outcome.UNREADABLE)
        except Exception as error:  # noqa: BLE001  # whatever it is, the answer goes on
            self._give_up(error)

    def read_event(self, event: bytes) -> None:
        """Take note of an event of a stream."""
        if not self.open:
            return
        try:
            self.answer.add_event(event)
        except Exception as error:  # noqa: BLE001  # the same
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        if self.open:
            self.open = False
            self._emitter.fail(self.answer.id, error)

    def read_document(self, document: Mapping[str, Any]) -> None:
        """Take note of a part of a stream that is no event of SSE."""
        if not self.open:
            return
        try:
            self.answer.add_part(document)
        except Exception as error:  # noqa: BLE001  # the same
            self._give_up(error)

    def own_request(self) -> str | None:
        """The id that the receipt has in place of the answer's; None: it has that one, or there is none.

        It is decided the first time, from what is known of the answer by then.
        """
        if self.open and not self._is_named:
            self._is_named = True
            answer = self.answer
            try:
                answer.origin = self._emitter.origin(self._asked, answer)
            except Exception as error:  # noqa: BLE001  # of a function that was given: no answer is harmed by it
                self._give_up(error)
            self._request = answer.origin.request
            if not (self._request or answer.endpoint.fetched or is_usable(answer.id, self._asked)):
                self._request = new_id()
        return self._request

    def begin_now(self, asked: Asked) -> bool:
        """The same without an event loop."""
        try:
            return run_now(self.begin(asked))
        except RuntimeError as error:  # of an account function that waits whatever it is told
            self._give_up(error)
            return False

    async def issue(self) -> Emitted | None:
        """The receipt; None: there is none, which is counted. It is issued and counted even if the task is cancelled."""
        if not is_in_loop():
            return self.issue_now()
        issuing = self._issuing(InLoop())
        return None if issuing is None else await carried_on(issuing)

    def issue_now(self) -> Emitted | None:
        """The same without an event loop; it blocks until the receipt is on the disk."""
        issuing = self._issuing(OnTheSpot())
        return None if issuing is None else run_now(issuing)

    def order(self) -> Future[Issued] | None:
        """Ask for the receipt, and do not wait (`Emitter.order`); None: there is none, which is counted."""
        own = self.own_request()
        if not self.open or self._caller is None:
            return None
        self.open = False
        request = own or self.answer.id or new_id()
        return self._emitter.order(self._asked, self._caller, self.answer, request)

    def _issuing(self, wait: Wait) -> Coroutine[Any, Any, Emitted | None] | None:
        request = self.own_request()
        if not self.open or self._caller is None:
            return None
        self.open = False
        return self._emitter.issue(self._asked, self._caller, self.answer, request, wait)

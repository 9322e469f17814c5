"""`ReceiptMiddleware`: which requests are watched, and what is asked of the application for the sake of the receipt."""

from __future__ import annotations

import logging
from functools import cache
from http import HTTPStatus
from time import monotonic

from receipts.asgi.body import RequestBody, is_usage_only, with_known_codings, with_length
from receipts.asgi.protocol import App, Message, Receive, Scope, Send
from receipts.asgi.responder import ReceiptRequiredError, Responder, answer, refuse
from receipts.asgi.settings import Options, SettingError, emitter_from_environment
from receipts.callers import Asked
from receipts.emitting import Answer, Emitter, Exchange, endpoint
from receipts.errors import JournalError

_CAN_BE_ASKED = ("chat.completions", "completions")
"""The APIs whose streams come without usage, unless they are asked for it."""
_ENDS = ("lifespan.shutdown.complete", "lifespan.shutdown.failed")
_PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"
_AGAIN_S = 5.0
"""After so long it is tried again to open what could not be opened."""
_log = logging.getLogger("receipts.asgi")


class ReceiptMiddleware:
    """Issues a receipt for each answer that reports usage.

    Args:
        app: the application.
        emitter: issues the receipts, and counts (`Emitter.counters`). None: as the environment says, opened with the first request;
            then the options come from there as well (`receipts.asgi.settings`).
        include_usage: whether streams of chats and completions are asked for their usage, where the client did not ask; the event
            that comes for that is left out of what the client gets.
        required: whether no answer is given without a receipt: it is refused with 403 or 503 then, and a stream is broken off before
            its last event. Without, no answer is ever harmed by a receipt that cannot be issued.
        metrics: the path at which the counters are given as Prometheus text; None: nowhere. Whoever can reach the server can read it.
        closes: whether the emitter's journal is closed when the server shuts down. It is in any case where it was opened as the
            environment says; one that was given is its giver's to close.
    """

    def __init__(
        self,
        app: App,
        emitter: Emitter | None = None,
        *,
        include_usage: bool = False,
        required: bool = False,
        metrics: str | None = None,
        closes: bool = False,
    ) -> None:
        self.app = app
        self.emitter = emitter
        """What issues; None: it is not opened yet."""
        self._again = 0.0
        self._is_given, self._closes = emitter is not None, closes or emitter is None
        given = Options(include_usage=include_usage, required=required, metrics=metrics)
        self._options = None if emitter is None else given

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI 3)."""
        if scope["type"] != "http":
            await self.app(scope, receive, self._at_end(send))
            return
        options = self._options = self._options or Options.from_environment()
        found = endpoint(scope["method"], scope["path"])
        emitter = None if found is None and scope["path"] != options.metrics else self._opened()
        if emitter is None and found is not None and options.required:
            await refuse(send, HTTPStatus.SERVICE_UNAVAILABLE)
        elif emitter is None:
            await self.app(scope, receive, send)
        elif found is None:
            await answer(send, 200, _PROMETHEUS, emitter.prometheus().encode())
        else:
            await self._watch(Exchange(emitter, Answer(found)), scope, receive, send)

    def _at_end(self, send: Send) -> Send:
        """Close the journal once the application has shut down: what is left of it is one file then, with nothing beside."""

        async def send_on(message: Message) -> None:
            if self._closes and self.emitter is not None and message["type"] in _ENDS:
                self.emitter.journal.close()
                # What comes after, in a server that starts once more, opens it anew.
                self.emitter = self.emitter if self._is_given else None
            await send(message)

        return send_on

    def _opened(self) -> Emitter | None:
        """What issues; None: it cannot be opened as the environment says, which is logged, and tried again after a while."""
        if self.emitter is None and monotonic() >= self._again:
            try:
                self.emitter = emitter_from_environment()
            except (SettingError, JournalError, OSError) as error:
                self._again = monotonic() + _AGAIN_S
                _log.error("no receipts: %a", str(error))  # the message says it all
        return self.emitter

    async def _watch(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        options = self._options or Options()
        asked_for_usage = options.include_usage and exchange.answer.endpoint.api in _CAN_BE_ASKED
        # The body may name the request (`receipts.emitting.request_id`), and has its tags and its prefixes.
        body = RequestBody(receive, lambda: exchange.prepare(asked()))
        asked = cache(lambda: Asked(scope["path"], scope["headers"], body.data, scope, body.kept))
        scope.setdefault("state", {})  # where the application can say who is billed
        length = await body.ask_for_usage() if asked_for_usage else None
        responder = Responder(
            exchange,
            asked,
            send,
            required=options.required,
            leaves_out=None if length is None else is_usage_only,
        )
        inner = with_known_codings(scope if length is None else with_length(scope, length))
        try:
            await self.app(inner, body.receive, responder.send)
        except ReceiptRequiredError:
            pass  # raised once more below, whether or not the application let it through
        finally:
            await exchange.end()
        if responder.broken:
            raise ReceiptRequiredError

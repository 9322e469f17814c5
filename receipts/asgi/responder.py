"""The server's ``send`` for one request: each message of the application goes through the delivery that its answer needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from receipts.asgi.deliveries import Along, Delivery, Document, Events
from receipts.asgi.protocol import Message, Send
from receipts.callers import Asked
from receipts.emitting import DocumentReading, EventReading, Exchange, Outcome, reading_of

_UNBILLED: Final = "nobody is billed for this request, and it may not be answered without a receipt"
_UNISSUED: Final = "no receipt could be issued for this answer, and it may not be given without one"


async def refuse(send: Send, status: HTTPStatus) -> None:
    """Answer with an error in the form of OpenAI's API: 403, nobody is billed; 503, no receipt can be issued."""
    error = {
        "message": _UNBILLED if status == HTTPStatus.FORBIDDEN else _UNISSUED,
        "type": "receipt_required",
    }
    await answer(send, status, b"application/json", json.dumps({"error": error}).encode())


async def answer(send: Send, status: int, kind: bytes, body: bytes) -> None:
    """Answer with a whole body."""
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class ReceiptRequiredError(Exception):
    """An answer that must have a receipt has none, and is not given: it is refused, or broken off before its end."""


class Responder:
    """Gives the answer of an application to the client.

    Args:
        exchange: takes note of the answer.
        asked: the request, as far as the application has read it.
        send: the server's.
        required: whether an answer is refused that has no receipt.
        leaves_out: the events of a stream that are left out; None: none.
    """

    def __init__(
        self,
        exchange: Exchange,
        asked: Callable[[], Asked],
        send: Send,
        *,
        required: bool,
        leaves_out: Callable[[bytes], bool] | None,
    ) -> None:
        self.refused = False
        """Whether the answer is refused; what else the application sends is dropped."""
        self.broken = False
        """Whether a part of it went out before."""
        self._exchange, self._asked, self._send = exchange, asked, send
        self._required, self._leaves_out = required, leaves_out
        self._delivery: Delivery | None = None
        self._held: Message | None = None
        """The start of an answer, which a delivery has not given yet."""
        self._started = False

    async def send(self, message: Message) -> None:
        """In the place of the server's send."""
        if self.refused:
            return
        if message["type"] == "http.response.start":
            await self._begin({**message, "headers": [*message.get("headers", ())]})
        elif self._delivery is None or message["type"] != "http.response.body":
            await self._let_go(message)
        else:
            await self._deliver(self._delivery, message)

    async def _begin(self, start: Message) -> None:
        if start["status"] != HTTPStatus.OK:
            self._exchange.close(Outcome.WITHOUT_USAGE)
        elif not await self._exchange.begin(self._asked()):
            if self._required:
                await self._refuse(HTTPStatus.FORBIDDEN)
                return
        else:
            self._delivery = self._of(start)
        if self._delivery is None:
            if self._required and start["status"] == HTTPStatus.OK:
                await self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
                return
            await self._pass(start)
        else:
            self._held = start

    def _of(self, start: Message) -> Delivery | None:
        """The delivery for an answer, by its headers."""
        reading = reading_of(self._exchange, start["headers"], self._leaves_out)
        if reading is None:
            return None
        if isinstance(reading, EventReading):
            return Events(reading, start, self._pass, self._missing)
        if isinstance(reading, DocumentReading) and not self._exchange.answer.endpoint.streams:
            return Document(reading, start, self._pass, self._missing)
        return Along(reading, start, self._pass, self._missing)

    async def _deliver(self, delivery: Delivery, message: Message) -> None:
        try:
            await delivery.take(message)
        except ReceiptRequiredError:
            if self._started:
                self.refused = self.broken = True
                raise
            await self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)

    async def _let_go(self, message: Message) -> None:
        """A message that is none of the answer's body: an extension that sends the body by itself, or trailers."""
        held, self._held = self._held, None
        if held is not None and not self._started:
            self._exchange.close(Outcome.UNREADABLE)
            self._delivery = None
            await self._pass(held)
        await self._pass(message)

    def _missing(self) -> None:
        answer = self._exchange.answer
        if self._required and not (answer.failed or answer.pending or answer.origin.stored):
            raise ReceiptRequiredError(_UNISSUED)

    async def _refuse(self, status: HTTPStatus) -> None:
        self.refused = True
        await refuse(self._send, status)

    async def _pass(self, message: Message) -> None:
        self._started = True
        await self._send(message)

"""How an answer goes to the client, by its form: what of it waits for the receipt, and where the receipt goes.

A delivery gets the messages of the application one by one, and sends those that go to the client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from receipts.asgi.protocol import Message, Send
from receipts.coding import CodingError
from receipts.emitting import Emitted, EventReading, Reading
from receipts.header import COMMENT, RECEIPT, REPLAYED, REQUEST, byte_sequence

_OURS: Final = (RECEIPT, REQUEST)
Told = Callable[[], None]
"""Called where an answer has no receipt, or one that could not go out with it."""


class Delivery(Protocol):
    """Sends the answer to the client."""

    async def take(self, message: Message) -> None:
        """Send what goes to the client, now that this came."""


class Document:
    """A body of JSON. The receipt goes into a header, before the body, so all of it waits."""

    def __init__(self, reading: Reading, start: Message, send: Send, missing: Told) -> None:
        self._reading, self._start, self._send, self._missing = reading, start, send, missing
        self._parts: list[bytes] = []

    async def take(self, message: Message) -> None:
        """Send what goes to the client, now that this came."""
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = b"".join(self._parts)
        self._reading.feed(body)
        self._reading.end()
        emitted = await self._reading.exchange.issue()
        if emitted is None:
            self._missing()
        request = None if emitted is None else emitted.request
        await self._send(_headed(self._start, emitted, request))
        await self._send({"type": "http.response.body", "body": body})


class Events:
    """A stream of server-sent events. The receipt goes into a comment before the last one, and nothing else waits for long.

    The start of the answer waits for its first event, which has the id that the answer will be known by. What is compressed goes on
    plain, since nothing can be put into it.
    """

    def __init__(self, reading: EventReading, start: Message, send: Send, missing: Told) -> None:
        self._reading, self._exchange = reading, reading.exchange
        self._start: Message | None = start
        self._send, self._missing = send, missing
        self._held = bytearray()
        self._came = bytearray()
        """What came before the start of the answer went."""
        self._is_untouched = False

    async def take(self, message: Message) -> None:
        """Send what goes to the client, now that this came.

        Raises:
            CodingError: it has not the coding that it names, and a part of it went on before.
        """
        if self._feed(message):
            await self._pass_on(message)
        else:
            await self._let_go(message)

    async def _pass_on(self, message: Message) -> None:
        more = message.get("more_body", False)
        if not more:
            self._reading.end()
        if self._start is not None:
            if more and not self._reading.begun:
                return
            start, self._start, self._came = self._start, None, bytearray()
            await self._send(_headed(self._plain_start(start), None, self._exchange.own_request()))
        if self._held:
            held, self._held = bytes(self._held), bytearray()
            await self._send(_body(held))
        if self._exchange.open and (self._reading.ended or not more):
            await self._settle()
        if self._reading.ended or not more:
            await self._send(_body(self._reading.rest(), more=more))

    def _feed(self, message: Message) -> bool:
        """Take the next bytes. False: they have not the coding that they should have."""
        if self._is_untouched:
            return False
        chunk = message.get("body", b"")
        if self._start is not None and not self._reading.is_plain:
            self._came += chunk
        if not self._reading.feed(chunk):
            return False
        self._held += self._reading.ready()
        return True

    def _plain_start(self, start: Message) -> Message:
        """The length changes with the receipt, and the coding is gone."""
        changed = (b"content-length", *(() if self._reading.is_plain else (b"content-encoding",)))
        kept = [pair for pair in start["headers"] if pair[0].lower() not in changed]
        return {**start, "headers": kept}

    async def _let_go(self, message: Message) -> None:
        """It goes on as it came, if nothing went yet; else no client could read on."""
        if self._is_untouched:
            await self._send(message)
            return
        if self._start is None:
            raise CodingError("a stream has not the coding that it names")
        self._missing()
        self._is_untouched = True
        await self._send(self._start)
        await self._send({**message, "body": bytes(self._came)})

    async def _settle(self) -> None:
        """The receipt, if the stream is whole."""
        self._reading.stop()
        emitted = await self._exchange.issue()
        if emitted is None:
            self._missing()
        else:
            await self._send(_body(COMMENT + byte_sequence(emitted.data) + b"\n\n"))


class Along:
    """A stream that has no room for a receipt: frames of AWS, or an array of JSON. It passes as it is, and is read along."""

    def __init__(self, reading: Reading, start: Message, send: Send, missing: Told) -> None:
        self._reading, self._exchange = reading, reading.exchange
        self._start: Message | None = start
        self._send, self._missing = send, missing

    async def take(self, message: Message) -> None:
        """Send what goes to the client, now that this came."""
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)
        if self._exchange.open:
            self._reading.feed(message.get("body", b""))
        if not message.get("more_body", False):
            await self._settle()
        await self._send(message)

    async def _settle(self) -> None:
        self._reading.end()
        self._reading.stop()
        if await self._exchange.issue() is None:
            self._missing()
        else:
            self._exchange.count_undelivered()


def _headed(start: Message, emitted: Emitted | None, request: str | None) -> Message:
    """The start of an answer, with what is told of its receipt, and nothing of one that a server behind has issued to this one."""
    headers = [pair for pair in start["headers"] if pair[0].lower() not in _OURS]
    if request is not None:
        headers.append((REQUEST, request.encode()))
    if emitted is not None:
        headers.append((RECEIPT, byte_sequence(emitted.data)))
        if emitted.replayed and not any(name.lower() == REPLAYED for name, _ in headers):
            headers.append((REPLAYED, b"true"))
    return {**start, "headers": headers}


def _body(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}

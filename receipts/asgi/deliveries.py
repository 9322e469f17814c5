"""How an answer goes to the client, by its form: what of it waits for the receipt, and where the receipt goes.

A delivery gets the messages of the application one by one, and gives those that go to the client.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from receipts.asgi.coding import CodingError, Inflater, inflated
from receipts.asgi.protocol import Message
from receipts.emitting import AwsFrames, Emitted, EventStream, Exchange, Outcome
from receipts.header import COMMENT, RECEIPT, REPLAYED, REQUEST, byte_sequence

Told = Callable[[], None]
"""Called where an answer has no receipt, or one that could not go out with it."""


class Delivery(Protocol):
    """Gives the answer to the client."""

    def take(self, message: Message) -> AsyncGenerator[Message, None]:
        """What goes to the client, now that this came."""


class Document:
    """A body of JSON. The receipt goes into a header, before the body, so all of it waits."""

    def __init__(self, exchange: Exchange, start: Message, coding: bytes, missing: Told) -> None:
        self._exchange, self._start, self._coding = exchange, start, coding
        self._missing = missing
        self._parts: list[bytes] = []

    async def take(self, message: Message) -> AsyncGenerator[Message, None]:
        """What goes to the client, now that this came."""
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = b"".join(self._parts)
        try:
            self._exchange.read(inflated(body, self._coding))
        except CodingError:
            self._exchange.close(Outcome.UNREADABLE)
        emitted = await self._exchange.issue()
        if emitted is None:
            self._missing()
        request = None if emitted is None else emitted.request
        yield _headed(self._start, emitted, request)
        yield {"type": "http.response.body", "body": body}


class Events:
    """A stream of server-sent events. The receipt goes into a comment before the last one, and nothing else waits for long.

    The start of the answer waits for its first event, which has the id that the answer will be known by.
    """

    def __init__(
        self, exchange: Exchange, start: Message, inflate: Inflater | None, events: EventStream, missing: Told
    ) -> None:  # fmt: skip
        self._exchange, self._inflate, self._events = exchange, inflate, events
        self._start: Message | None = start
        self._missing = missing
        self._held = b""

    async def take(self, message: Message) -> AsyncGenerator[Message, None]:
        """What goes to the client, now that this came."""
        more = message.get("more_body", False)
        self._held += self._events.feed(self._plain(message.get("body", b"")))
        if not more:
            self._events.close()
        has_event = self._read_events()
        if self._start is not None:
            if more and not has_event:
                return
            start, self._start = self._start, None
            yield _headed(start, None, self._exchange.own_request())
        if self._held:
            held, self._held = self._held, b""
            yield _body(held)
        if self._exchange.open and (self._events.ended or not more):
            async for one in self._settle():
                yield one
        if self._events.ended or not more:
            yield _body(self._events.rest(), more=more)

    def _plain(self, chunk: bytes) -> bytes:
        return chunk if self._inflate is None or not chunk else self._inflate(chunk)

    def _read_events(self) -> bool:
        events = self._events.new_events()
        for event in events:
            self._exchange.read_event(event)
        return any(event.strip() for event in events)

    async def _settle(self) -> AsyncGenerator[Message, None]:
        """The receipt, if the stream is whole."""
        exchange = self._exchange
        if not (self._events.ended or exchange.whole or exchange.answer.failed):
            self._exchange.close(Outcome.HUNG_UP)
        emitted = await self._exchange.issue()
        if emitted is None:
            self._missing()
        else:
            yield _body(COMMENT + byte_sequence(emitted.data) + b"\n\n")


class Along:
    """A stream that has no room for a receipt: frames of AWS, or an array of JSON. It passes as it is, and is read along.

    Args:
        frames: cuts it; None: it is JSON.
    """

    def __init__(
        self, exchange: Exchange, start: Message, frames: AwsFrames | None, undelivered: Told, missing: Told
    ) -> None:  # fmt: skip
        self._exchange, self._frames = exchange, frames
        self._start: Message | None = start
        self._undelivered, self._missing = undelivered, missing
        self._parts: list[bytes] = []

    async def take(self, message: Message) -> AsyncGenerator[Message, None]:
        """What goes to the client, now that this came."""
        if self._start is not None:
            start, self._start = self._start, None
            yield start
        part = message.get("body", b"")
        if self._frames is None:
            self._parts.append(part)
        else:
            for document in self._frames.feed(part):
                self._exchange.read_document(document)
        if not message.get("more_body", False):
            await self._settle()
        yield message

    async def _settle(self) -> None:
        if self._frames is None:
            self._exchange.read(b"".join(self._parts))
        elif not (self._exchange.whole or self._exchange.answer.failed):
            self._exchange.close(Outcome.HUNG_UP)
        if await self._exchange.issue() is None:
            self._missing()
        else:
            self._undelivered()


def _headed(start: Message, emitted: Emitted | None, request: str | None) -> Message:
    """The start of an answer, with what is told of its receipt."""
    headers = [*start["headers"]]
    if request is not None:
        headers.append((REQUEST, request.encode()))
    if emitted is not None:
        headers.append((RECEIPT, byte_sequence(emitted.data)))
        if emitted.replayed and not any(name.lower() == REPLAYED for name, _ in headers):
            headers.append((REPLAYED, b"true"))
    return {**start, "headers": headers}


def _body(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}

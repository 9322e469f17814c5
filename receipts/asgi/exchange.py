"""One response on its way to the client: what of it waits for the receipt, and where the receipt goes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from receipts.asgi.answer import Answer
from receipts.asgi.counters import Counters
from receipts.asgi.event_stream import EventStream
from receipts.asgi.protocol import Message, Send
from receipts.header import COMMENT, RECEIPT, byte_sequence

Issue = Callable[[Answer], Awaitable[bytes | None]]
"""Makes the receipt for an answer, or None if it gets none."""


class Exchange:
    """One response on its way to the client.

    Args:
        answer: takes note of what the response says.
        counters: where it is counted what gets no receipt.
        issue: makes the receipt.
        send: the server's.
    """

    def __init__(self, answer: Answer, counters: Counters, issue: Issue, send: Send) -> None:
        self.open = False
        """Whether the response has begun and has not ended."""
        self._answer, self._counters, self._issue, self._send = answer, counters, issue, send
        self._start: Message | None = None
        self._body: list[bytes] = []
        self._events: EventStream | None = None

    async def send(self, message: Message) -> None:
        """In the place of the server's send."""
        if message["type"] == "http.response.start":
            await self._begin({**message, "headers": [*message.get("headers", ())]})
        elif message["type"] == "http.response.body" and self._start is not None:
            await self._json(message)
        elif message["type"] == "http.response.body" and self._events is not None:
            await self._stream(self._events, message)
        else:
            if self._start is not None:  # an extension that sends the body by itself
                self._counters.unreadable += 1
                start, self._start, self.open = self._start, None, False
                await self._send(start)
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        headers = {bytes(name).lower(): bytes(value) for name, value in message.get("headers", ())}
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        plain = headers.get(b"content-encoding", b"identity") == b"identity"
        if message["status"] != 200:
            self._counters.without_usage += 1
        elif plain and kind == b"application/json":
            self._start, self.open = message, True
            return  # the header with the receipt goes before the body, so it waits for it
        elif plain and kind == b"text/event-stream":
            self._events, self.open = EventStream(), True
        else:
            self._counters.unreadable += 1
        await self._send(message)

    async def _json(self, message: Message) -> None:
        self._body.append(message.get("body", b""))
        if message.get("more_body", False) or self._start is None:
            return
        body = b"".join(self._body)
        receipt = await self._receipt(body)
        start, self._start, self.open = self._start, None, False
        if receipt is not None:
            start["headers"] = [*start["headers"], (RECEIPT, byte_sequence(receipt))]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    async def _receipt(self, body: bytes) -> bytes | None:
        try:
            self._answer.add(json.loads(body))
        except (ValueError, RecursionError):
            self._counters.unreadable += 1
            return None
        return await self._issue(self._answer)

    async def _stream(self, events: EventStream, message: Message) -> None:
        more = message.get("more_body", False)
        ready = events.feed(message.get("body", b""))
        if not more:
            events.close()
        for event in events.new_events():
            self._answer.add_event(event)
        if ready:
            await self._forward(ready)
        if self.open and events.ended and self._answer.final:  # else no usage is final
            self.open = False
            receipt = await self._issue(self._answer)
            if receipt is not None:
                await self._forward(COMMENT + byte_sequence(receipt) + b"\n\n")
        if events.ended or not more:
            await self._send(
                {"type": "http.response.body", "body": events.rest(), "more_body": more}
            )

    async def _forward(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

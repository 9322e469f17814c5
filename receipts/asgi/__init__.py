"""ASGI middleware: a receipt with every response of an OpenAI- or Anthropic-compatible server.

    app.add_middleware(ReceiptMiddleware, journal=journal, account="acme")     # Starlette, FastAPI
    vllm serve MODEL --middleware receipts.asgi.ReceiptMiddleware              # settings from the environment: receipts.asgi.settings

A JSON response gets the header ``Token-Receipt: :base64:``. An event stream gets the comment ``: token-receipt :base64:`` before its last
event, which every client ignores; nothing else of it is changed, and nothing but the last event waits. The receipt is in the journal
before it is sent.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from receipts.asgi.responses import Answer, EventStream, api_of, provider_of
from receipts.asgi.settings import SettingError, from_environment
from receipts.claims import Source
from receipts.errors import JournalError, KeyFileError, ReceiptError, UsageError
from receipts.header import CLIENT, COMMENT, RECEIPT, byte_sequence, parse_byte_sequence
from receipts.ingest import read_usage, usage_hash
from receipts.journal import Journal

__all__ = ["Counters", "ReceiptMiddleware"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("receipts.asgi")


@dataclass(slots=True)
class Counters:
    """What became of the responses of the APIs that report usage."""

    issued: int = 0
    without_usage: int = 0
    """Answered without usage: an error, or a stream without ``include_usage``."""
    unreadable: int = 0
    """Neither JSON nor an event stream, or compressed: put the middleware inside of the one that compresses."""
    refused: int = 0
    """The usage contradicts itself, or a field breaks a rule; the log says which."""
    failed: int = 0
    """The journal could not be written; the log says why."""
    hung_up: int = 0
    """The stream ended before its last event: the client went away, or the server failed. No final usage is known."""


class ReceiptMiddleware:
    """Issues a receipt for each response that reports usage.

    Args:
        app: the application.
        journal: where receipts are issued. Default: as the environment says, opened with the first request.
        account: who is billed, or a function of the ASGI scope that says so; None from it: no receipt.
        provider: whose API it is, for instance ``vllm``; default: openai or anthropic, by the path.
    """

    def __init__(
        self,
        app: App,
        *,
        journal: Journal | None = None,
        account: str | Callable[[Scope], str | None] | None = None,
        provider: str | None = None,
    ) -> None:
        if (journal is None) != (account is None):
            raise TypeError("give both journal and account, or neither")
        self.app = app
        self.counters = Counters()
        self._journal = journal
        self._account = account
        self._provider = provider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI 3)."""
        api = api_of(scope["path"]) if scope["type"] == "http" else None
        if api is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(self, api, scope, send)
        try:
            await self.app(scope, receive, exchange.send)
        finally:
            if exchange.open:
                self.counters.hung_up += 1

    async def issue(self, api: str, scope: Scope, answer: Answer) -> bytes | None:
        """The receipt for an answer; None if there is none, which is counted and logged."""
        if not answer.usage or answer.id is None:
            self.counters.without_usage += 1
            return None
        try:
            journal, account = self._place(scope)
            if account is None:
                return None
            provider = self._provider or provider_of(api)
            reading = read_usage(provider, api, answer.usage)
            issued = await journal.issue_async(
                account, request=answer.id, model=answer.model or "", counts=reading.counts,
                source=Source(provider, api, usage_hash(answer.usage), reading.tier), client=_client(scope),
            )  # fmt: skip
        except (UsageError, ReceiptError) as error:
            self.counters.refused += 1
            _log.warning("no receipt for %s: %s", answer.id, error)
        except (JournalError, SettingError, KeyFileError, OSError) as error:
            self.counters.failed += 1
            _log.error("no receipt for %s: %s", answer.id, error)  # the message says it all
        else:
            self.counters.issued += 1
            return issued.data
        return None

    def _place(self, scope: Scope) -> tuple[Journal, str | None]:
        if self._journal is None:
            settings = from_environment()
            self._journal, self._account = settings.journal, settings.account
            self._provider = self._provider or settings.provider
        account = self._account(scope) if callable(self._account) else self._account
        return self._journal, account


def _client(scope: Scope) -> bytes | None:
    """The customer's commitment; one that is malformed is left out, and the customer will miss it."""
    values = [value for name, value in scope["headers"] if name == CLIENT]
    commitment = parse_byte_sequence(values[0]) if len(values) == 1 else None
    return commitment if commitment and len(commitment) <= 64 else None


class _Exchange:
    """One response on its way to the client."""

    def __init__(self, middleware: ReceiptMiddleware, api: str, scope: Scope, send: Send) -> None:
        self.open = False
        """Whether the response has begun and has not ended."""
        self._middleware, self._api, self._scope, self._send = middleware, api, scope, send
        self._answer = Answer(api)
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
                self._middleware.counters.unreadable += 1
                start, self._start, self.open = self._start, None, False
                await self._send(start)
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        headers = {bytes(name).lower(): bytes(value) for name, value in message.get("headers", ())}
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        plain = headers.get(b"content-encoding", b"identity") == b"identity"
        if message["status"] != 200:
            self._middleware.counters.without_usage += 1
        elif plain and kind == b"application/json":
            self._start, self.open = message, True
            return  # the header with the receipt goes before the body, so it waits for it
        elif plain and kind == b"text/event-stream":
            self._events, self.open = EventStream(), True
        else:
            self._middleware.counters.unreadable += 1
        await self._send(message)

    async def _json(self, message: Message) -> None:
        self._body.append(message.get("body", b""))
        if message.get("more_body", False) or self._start is None:
            return
        body = b"".join(self._body)
        try:
            self._answer.add(json.loads(body))
        except (ValueError, RecursionError):
            self._middleware.counters.unreadable += 1
            receipt = None
        else:
            receipt = await self._issue()
        start, self._start, self.open = self._start, None, False
        if receipt is not None:
            start["headers"] = [*start["headers"], (RECEIPT, byte_sequence(receipt))]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    async def _stream(self, events: EventStream, message: Message) -> None:
        more = message.get("more_body", False)
        ready = events.feed(message.get("body", b""))
        if not more:
            events.close()
        for event in events.take():
            self._answer.add_event(event)
        if ready:
            await self._forward(ready)
        if self.open and events.ended and self._answer.final:  # else no usage is final
            self.open = False
            receipt = await self._issue()
            if receipt is not None:
                await self._forward(COMMENT + byte_sequence(receipt) + b"\n\n")
        if events.ended or not more:
            await self._send(
                {"type": "http.response.body", "body": events.rest(), "more_body": more}
            )

    async def _forward(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _issue(self) -> bytes | None:
        return await self._middleware.issue(self._api, self._scope, self._answer)

"""Hosts, gateways and broken connections: what is below the wallet, as transports of httpx and httpx2."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from receipts.header import RECEIPT
from tests.week.plans import Plan
from tests.week.provider import Provider

API, OLD, OTHER = "api.example.com", "old.example.com", "api.other.com"
KEYS = {"acme": "sk-acme", "globex": "sk-globex", "somebody": "sk-other"}


@dataclass
class Answer:
    """What goes back over the connection; ``broken``: it breaks after that."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)
    broken: bool = False


class BrokenError(Exception):
    """The connection broke before there was an answer."""


class Network:
    """All hosts of the week.

    Args:
        provider: who answers at `API`.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.loop = asyncio.new_event_loop()
        self._stored: dict[int, Answer] = {}

    async def answer(self, request: Any) -> Answer:
        """The answer to a request of httpx or httpx2."""
        url = urlsplit(str(request.url))
        headers = {name.lower(): value for name, value in request.headers.items()}
        plan = self.provider.plan_of(headers, url.path)
        self.provider.clock.passes(20)
        answer = await self._at(url.netloc, plan, request.method, url.path, url.query, headers)
        if request.method == "POST" and url.netloc != OTHER:
            self.provider.see(plan, url.netloc, url.path, answer.status, headers)
        if answer.status == 0:
            raise BrokenError
        return answer

    async def _at(
        self, host: str, plan: Plan, method: str, path: str, query: str, headers: dict[str, str]
    ) -> Answer:
        if host == OLD:
            return Answer(307, {"location": f"https://{API}{path}?token={plan.account}"})
        if host == OTHER:
            return _other(plan)
        if method == "POST" and plan.attempts < len(plan.faults):
            plan.attempts += 1
            return _fault(plan.faults[plan.attempts - 1])
        if plan.number in self._stored:  # an answer that is stored under its idempotency key
            stored = self._stored[plan.number]
            named = {"idempotent-replayed": "true"} if plan.number % 2 else {}
            kept = {n: v for n, v in stored.headers.items() if n != RECEIPT.decode()}
            return Answer(200, kept | named, stored.chunks)
        account = _account(headers, query)
        answer = await self._serve(plan, account, method, path, headers)
        if plan.kind == "replayed":
            self._stored[plan.number] = answer
        return answer

    async def _serve(
        self, plan: Plan, account: str, method: str, path: str, headers: dict[str, str]
    ) -> Answer:
        """What a gateway answers."""
        assert account == plan.account
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": pairs,
            "account": account,
            "plan": plan,
        }
        got = Answer(
            200, broken=plan.kind == "cut" or (plan.kind == "cancelled" and bool(plan.number % 2))
        )

        async def send(message):
            if message["type"] == "http.response.start":
                got.status = message["status"]
                got.headers = {n.decode(): v.decode() for n, v in message["headers"]}
            elif message.get("body"):
                got.chunks.append(message["body"])

        await self.provider.gateways[plan.gateway](scope, None, send)
        return got


def _account(headers: dict[str, str], query: str) -> str:
    """Whose key it is; a redirect carries a token, since clients keep keys back from another host."""
    key = headers.get("authorization", "").removeprefix("Bearer ") or headers.get("x-api-key")
    known = {value: name for name, value in KEYS.items()}
    return known[key] if key else query.removeprefix("token=")


def _fault(status: int) -> Answer:
    body = {"type": "error", "error": {"type": "x", "message": "later"}}
    return Answer(status, {"content-type": "application/json", "retry-after-ms": "1", "retry-after": "0"}, [json.dumps(body).encode()])  # fmt: skip


def _other(plan: Plan) -> Answer:
    """Another provider, which sends no receipts."""
    document = {
        "id": f"other-{plan.number}", "object": "chat.completion", "created": 0, "model": "m", "usage": plan.usage,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    }  # fmt: skip
    return Answer(200, {"content-type": "application/json"}, [json.dumps(document).encode()])


def transports(network: Network, library: ModuleType) -> tuple[Any, Any]:
    """A sync and an async transport into the network, of one library."""
    body = _body(network, library)

    async def respond(request: Any) -> Any:
        try:
            answer = await network.answer(request)
        except BrokenError:
            raise library.RemoteProtocolError("the connection broke") from None
        return library.Response(answer.status, headers=answer.headers, stream=body(answer))

    class Sync(library.BaseTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            return network.loop.run_until_complete(respond(request))

    class Async(library.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        async def handle_async_request(self, request: Any) -> Any:
            return await respond(request)

    return Sync(), Async()


def _body(network: Network, library: ModuleType) -> Any:
    """The class of bodies that arrive in parts, and may break off."""

    class Body(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, answer: Answer) -> None:
            self._answer = answer

        def __iter__(self):
            for chunk in self._answer.chunks:
                network.provider.clock.passes(15)
                yield chunk
            if self._answer.broken:
                raise library.ReadError("the connection broke")

        async def __aiter__(self):
            for chunk in self:
                yield chunk

    return Body

"""What a receipt takes from the request alone is found while its answer is made, and not when the answer is there."""

import asyncio
import json

import httpx
import pytest

from receipts import Journal
from receipts.asgi import ReceiptMiddleware
from receipts.cache_id import CacheKey
from receipts.emitting import Emitter
from receipts.gateway import async_transport
from receipts.prefixes import Identifiers, text_prefixes
from tests.asgi import JSON
from tests.build import ACCOUNT, ISSUER, KEY

USAGE = {
    "input_tokens": 7, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, "output_tokens": 5,
}  # fmt: skip
ANSWER = json.dumps({"id": "msg_1", "type": "message", "model": "m", "usage": USAGE}).encode()
LENGTHS = pytest.mark.parametrize("words", [1, 10_000], ids=["short", "long"])


def asking(words):
    system = {"type": "text", "text": "word " * words, "cache_control": {"type": "ephemeral"}}
    return {"model": "m", "system": [system], "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


@pytest.fixture
def emitter(journal):
    return Emitter(journal, ACCOUNT, identifiers=Identifiers({ACCOUNT: CacheKey(ACCOUNT, bytes(32))}))  # fmt: skip


@pytest.fixture
def order(monkeypatch):
    """What happened, in its order: the request is read, the answer begins."""
    happened = []
    find = text_prefixes.find_marks

    def noting(*arguments):
        happened.append("read")
        return find(*arguments)

    monkeypatch.setattr(text_prefixes, "find_marks", noting)
    return happened


async def answer(order):
    """The server behind takes its time."""
    async with asyncio.timeout(10):
        while "read" not in order:
            await asyncio.sleep(0.001)
    order.append("answer")


@LENGTHS
def test_the_middleware_reads_while_the_application_waits(emitter, journal, order, words):
    sent = []

    async def app(scope, receive, send):
        await receive()
        await answer(order)
        headers = [(b"content-type", JSON)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})

    async def receive():
        return {"type": "http.request", "body": json.dumps(asking(words)).encode()}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/messages", "headers": []}
    asyncio.run(ReceiptMiddleware(app, emitter)(scope, receive, send))
    assert order == ["read", "answer"]  # and it is read once
    assert b"token-receipt" in dict(sent[0]["headers"])
    assert sent[1]["body"] == ANSWER
    assert emitter.identifiers.counters.read == 1


@LENGTHS
def test_the_transport_reads_while_the_provider_works(emitter, order, words):
    async def provider(_request):
        await answer(order)
        return httpx.Response(200, json=json.loads(ANSWER))

    async def main():
        transport = async_transport(httpx, emitter, httpx.MockTransport(provider))
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.post("https://api.anthropic.com/v1/messages", json=asking(words))

    receipted = asyncio.run(main()).extensions["receipt"]
    assert receipted.emitted is not None
    assert order == ["read", "answer"]
    assert emitter.identifiers.counters.read == 1


@LENGTHS
def test_what_fails_then_is_tried_again(emitter, monkeypatch, words):
    """And whatever it is, the answer goes on."""
    find, calls = text_prefixes.find_marks, []

    def failing_once(*arguments):
        calls.append("read")
        if len(calls) == 1:
            raise RuntimeError("ours failed")
        return find(*arguments)

    monkeypatch.setattr(text_prefixes, "find_marks", failing_once)

    async def provider(_request):
        await answer(calls)
        return httpx.Response(200, json=json.loads(ANSWER))

    async def main():
        transport = async_transport(httpx, emitter, httpx.MockTransport(provider))
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.post("https://api.anthropic.com/v1/messages", json=asking(words))

    assert asyncio.run(main()).content
    assert calls == ["read", "answer", "read"]
    assert emitter.counters["issued"] == emitter.identifiers.counters.read == 1

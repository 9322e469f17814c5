"""What a receipt takes from the request alone is found while its answer is made, and not when the answer is there."""

import asyncio
import json
from base64 import b64decode
from functools import wraps
from threading import Event, Thread

import httpx
import pytest

from receipts import Counts, Journal, Source
from receipts.asgi import ReceiptMiddleware
from receipts.cache_id import CacheKey, text_ids
from receipts.callers import Asked, Caller, KeyTable, by_request, is_by_request, trusted_header
from receipts.emitting import Answer, Emitter, Exchange, Outcome, endpoint
from receipts.gateway import async_transport
from receipts.prefixes import Identifiers, Prompt, text_prefixes
from tests.asgi import JSON
from tests.build import ACCOUNT, ISSUER, KEY, NOVEMBER
from verifier import bytes_source, read_items

USAGE = {
    "input_tokens": 7, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, "output_tokens": 5,
}  # fmt: skip
ANSWER = json.dumps({"id": "msg_1", "type": "message", "model": "m", "usage": USAGE}).encode()
HEADERS = [(b"x-account", ACCOUNT.encode())]
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


def receipted(emitter, happened=(), *, model="m"):
    """The claims of the receipt of a request through the middleware."""

    async def app(scope, receive, send):
        await receive()
        await asyncio.sleep(0.01)
        if isinstance(happened, list):
            happened.append("answer")
        body = json.dumps(json.loads(ANSWER) | {"model": model}).encode()
        headers = [(b"content-type", JSON)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def receive():
        return {"type": "http.request", "body": json.dumps(asking(1)).encode()}

    async def send(message):
        sent.append(message)

    sent = []
    scope = {"type": "http", "method": "POST", "path": "/v1/messages", "headers": HEADERS}
    asyncio.run(ReceiptMiddleware(app, emitter)(scope, receive, send))
    text = dict(sent[0]["headers"])[b"token-receipt"]
    (item,) = read_items([bytes_source("header", b64decode(text.strip(b":")))])
    return item.claims


@pytest.mark.parametrize("alone", [True, False], ids=["by the request", "by what is known later"])
def test_who_is_billed_is_asked_while_the_answer_is_made_if_the_request_alone_says_it(
    journal, alone
):
    happened = []

    def account(asked):
        happened.append("account")
        return Caller(asked.header("x-account"))

    emitter = Emitter(journal, by_request(account) if alone else account)
    assert receipted(emitter, happened).account == ACCOUNT
    assert happened == (["account", "answer"] if alone else ["answer", "account"])


def test_what_a_proxy_and_a_key_table_say_is_of_the_request_alone():
    assert is_by_request(trusted_header("x-account"))
    assert is_by_request(KeyTable.find)
    assert is_by_request(KeyTable(dict).find)
    assert not is_by_request(Caller)


def test_what_wraps_a_function_of_the_request_alone_may_look_at_more(journal):
    """`wraps` hands on all attributes, and the mark is one."""
    known = {}

    @by_request
    def of_the_key(_asked):
        return Caller("whose key it is")

    @wraps(of_the_key)
    def account(asked):
        return known.get("tenant") or of_the_key(asked)

    class Happened(list):
        def append(self, _answer):
            known["tenant"] = Caller(ACCOUNT)  # the application has found it out

    assert not is_by_request(account)
    assert not is_by_request(wraps(KeyTable(dict).find)(account))
    assert receipted(Emitter(journal, account), Happened()).account == ACCOUNT


@pytest.mark.parametrize("settled", ["it is refused", "it begins before its request is there"])
def test_nothing_is_read_ahead_of_an_answer_that_is_there(emitter, order, settled):
    asked = Asked("/v1/messages", HEADERS, json.dumps(asking(1)).encode())

    async def main():
        exchange = Exchange(emitter, Answer(endpoint("POST", "/v1/messages")))
        if settled == "it is refused":
            exchange.prepare(asked)
            exchange.close(Outcome.WITHOUT_USAGE)
        else:
            assert await exchange.begin(Asked("/v1/messages", HEADERS))
            exchange.prepare(asked)
        await asyncio.sleep(0.02)

    asyncio.run(main())
    assert order == []


def test_a_short_request_does_not_wait_for_a_long_one(monkeypatch):
    """Which a thread reads meanwhile."""
    begun, go, read = Event(), Event(), text_prefixes.find_marks

    def held(body, blocks):
        if body["system"][0]["text"].startswith("word word"):
            begun.set()
            assert go.wait(10)
        return read(body, blocks)

    monkeypatch.setattr(text_prefixes, "find_marks", held)
    long = Thread(target=lambda: Prompt(asking(10_000)).marked)
    short = Thread(target=lambda: Prompt(asking(1)).marked, daemon=True)
    long.start()
    assert begun.wait(10)
    short.start()
    short.join(2)
    waits = short.is_alive()
    go.set()
    long.join()
    assert not waits


def test_who_says_nobody_or_fails_ahead_is_asked_again_with_the_answer(journal):
    calls = []

    @by_request
    def account(asked):
        calls.append(asked)
        if len(calls) == 1:
            raise RuntimeError("ours failed")
        return Caller(ACCOUNT)

    emitter = Emitter(journal, account)
    assert receipted(emitter).account == ACCOUNT
    assert len(calls) == 2
    assert emitter.counters["failed"] == 0


@pytest.mark.parametrize("model", ["m", "m-20251101"])
def test_identifiers_are_of_the_model_that_answers(emitter, model):
    """It may be another one than the request asked for, of which the prefixes were found ahead."""
    key = CacheKey(ACCOUNT, bytes(32))
    claims = receipted(emitter, model=model)
    assert claims.model == model
    assert claims.cache_read.id == text_ids(model, asking(1), key.for_time(claims.time))[0]


def test_identifiers_are_of_the_month_of_the_receipt(emitter):
    """The prefixes were found in the month before."""
    prompt = Prompt(asking(1))
    identifiers, key = emitter.identifiers, CacheKey(ACCOUNT, bytes(32))
    counts, source = Counts(2007, 2000, {}, 5), Source("anthropic", "messages")
    for time in (NOVEMBER[1] - 1, NOVEMBER[1]):
        identifiers.look_ahead(ACCOUNT, prompt, NOVEMBER[1] - 1)
        cache = identifiers.cache(ACCOUNT, "m", prompt, counts, time, None, source)
        assert cache.read.id == text_ids("m", asking(1), key.for_time(time))[0]
    other = Identifiers({"other": CacheKey("other", bytes(32))})
    cache = other.cache("other", "m", prompt, counts, NOVEMBER[1] - 1, None, source)
    assert cache.read.id == text_ids("m", asking(1), CacheKey("other", bytes(32)).for_time(NOVEMBER[1] - 1))[0]  # fmt: skip


@pytest.mark.parametrize("delay", [0, 0.05], ids=["at once", "later"])
@LENGTHS
def test_the_server_asks_whoever_it_asks_before_and_one_that_answers_at_once_is_not_kept_waiting(
    journal, order, words, delay
):
    @by_request
    def account(asked):
        order.append("account")
        return Caller(ACCOUNT)

    identifiers = Identifiers({ACCOUNT: CacheKey(ACCOUNT, bytes(32))})
    emitter = Emitter(journal, account, identifiers=identifiers)

    async def app(scope, receive, send):
        await receive()
        for _ in range(5):
            await asyncio.sleep(0)
        order.append("asked")
        if delay:
            await asyncio.sleep(delay)
        order.append("answer")
        headers = [(b"content-type", JSON)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})

    async def receive():
        return {"type": "http.request", "body": json.dumps(asking(words)).encode()}

    async def send(message):
        pass

    async def main():
        scope = {"type": "http", "method": "POST", "path": "/v1/messages", "headers": []}
        await ReceiptMiddleware(app, emitter)(scope, receive, send)
        await asyncio.sleep(0.02)

    asyncio.run(main())
    read = ["account", "read"]
    assert order == ["asked", *([*read, "answer"] if delay else ["answer", *read])]
    assert identifiers.counters.read == 1

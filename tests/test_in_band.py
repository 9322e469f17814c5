"""Receipts with the responses: the middleware and the wallet, with the official clients and a real server."""

import asyncio
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext

import anthropic
import httpx
import httpx2
import openai
import pytest

from cli.sample.server import Replay
from receipts import Journal
from receipts.asgi import ReceiptMiddleware
from receipts.callers import trusted_header
from receipts.emitting import Emitter
from receipts.emitting.event_stream import EventStream
from receipts.events import TERMINAL
from receipts.header import byte_sequence, parse_byte_sequence
from receipts.wallet import Wallet, commitment
from tests.build import ACCOUNT, ISSUER, KEY, jwk_set
from tests.server import serving
from tests.streams import BEGUN, ENDED, lines
from verifier import Policy, by_kid, bytes_source, read_item, read_jwks, verify

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
ASK = [{"role": "user", "content": "hi"}]


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


@pytest.fixture
def middleware(journal):
    return ReceiptMiddleware(Replay(), Emitter(journal, ACCOUNT))


@pytest.fixture
def url(middleware):
    with serving(middleware) as url:
        yield url


@pytest.fixture
def wallet(folder):
    wallet = Wallet(str(folder / "wallet.db"))
    yield wallet
    wallet.close()


def library(client):
    """The HTTP library that a client uses."""
    return httpx2 if isinstance(client._client, httpx2.Client | httpx2.AsyncClient) else httpx


HTTP = {
    "openai": library(openai.OpenAI(api_key="x")),
    "anthropic": library(anthropic.Anthropic(api_key="x")),
}


def call_openai(url, stream, http_client=None, api="chat"):
    client = openai.OpenAI(
        base_url=f"{url}/v1", api_key="x", http_client=http_client, max_retries=0
    )
    with nullcontext() if http_client else client:
        return ask_openai(client, stream, api)


def ask_openai(client, stream, api):
    if api == "responses":
        answer = client.responses.create(model="gpt", input="hi", stream=stream)
        if not stream:
            return answer.id
        with answer:  # an abandoned stream is closed by the garbage collector, wherever that runs
            return next(e.response.id for e in answer if e.type == "response.completed")
    more = {"stream_options": {"include_usage": True}} if stream else {}
    answer = client.chat.completions.create(model="gpt", messages=ASK, stream=stream, **more)
    if not stream:
        return answer.id
    with answer:
        chunks = list(answer)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello"
    return chunks[0].id


def call_anthropic(url, stream, http_client=None):
    client = anthropic.Anthropic(base_url=url, api_key="x", http_client=http_client, max_retries=0)
    with nullcontext() if http_client else client:
        return ask_anthropic(client, stream)


def ask_anthropic(client, stream):
    if stream:
        with client.messages.stream(model="claude", max_tokens=9, messages=ASK) as events:
            assert events.get_final_text() == "hello"
            return events.get_final_message().id
    return client.messages.create(model="claude", max_tokens=9, messages=ASK).id


CALLS = {
    "chat": (lambda *args: call_openai(*args), "openai"),
    "responses": (lambda *args: call_openai(*args, api="responses"), "openai"),
    "messages": (call_anthropic, "anthropic"),
}


KEPT = "SELECT c.request, c.model, c.status, c.commitment, r.data FROM calls c LEFT JOIN receipts r ON r.call = c.number"


def kept(wallet, query=KEPT):
    wallet.store.counts()  # with all that is to be written
    with closing(sqlite3.connect("wallet.db")) as db:
        return list(db.execute(query))


@pytest.mark.parametrize("with_wallet", [False, True])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", CALLS)
def test_the_official_clients(url, middleware, wallet, api, stream, with_wallet):
    call, package = CALLS[api]
    http = HTTP[package]
    with http.Client(transport=wallet.transport(http)) as client:
        request = call(url, stream, client if with_wallet else None)
    assert middleware.emitter.counters["issued"] == 1
    if with_wallet:
        ((name, model, status, sent, receipt),) = kept(wallet)
        claims = read_item(receipt).claims
        assert (name, status, claims.request, claims.client) == (request, 200, request, sent)
        assert model == claims.model
        assert (claims.issuer, claims.account) == (ISSUER, ACCOUNT)
        assert claims.source.api == {"chat": "chat.completions"}.get(api, api)


@pytest.mark.parametrize("package", ["openai", "anthropic"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_async_clients(url, wallet, middleware, package, stream):
    http = HTTP[package]

    async def main():
        async with http.AsyncClient(transport=wallet.async_transport(http)) as transport:
            if package == "openai":
                client = openai.AsyncOpenAI(
                    base_url=f"{url}/v1", api_key="x", http_client=transport
                )
                more = {"stream_options": {"include_usage": True}} if stream else {}
                answer = await client.chat.completions.create(
                    model="gpt", messages=ASK, stream=stream, **more
                )
                ids = {answer.id} if not stream else {chunk.id async for chunk in answer}
                return ids.pop()
            client = anthropic.AsyncAnthropic(base_url=url, api_key="x", http_client=transport)
            if not stream:
                return (await client.messages.create(model="claude", max_tokens=9, messages=ASK)).id
            async with client.messages.stream(model="claude", max_tokens=9, messages=ASK) as events:
                return (await events.get_final_message()).id

    request = asyncio.run(main())
    ((name, _, status, sent, receipt),) = kept(wallet)
    claims = read_item(receipt).claims
    assert (name, status, claims.request, claims.client) == (request, 200, request, sent)


def test_the_commitment_is_to_the_body_that_was_sent(url, wallet):
    body = b'{"model": "gpt", "messages": []}'
    with httpx.Client(transport=wallet.transport(httpx)) as client:
        client.post(f"{url}/v1/chat/completions", content=body)
    ((nonce, sent),) = kept(wallet, "SELECT nonce, commitment FROM calls")
    assert sent == commitment(nonce, body)


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_the_wallet_asks_for_plain_answers(wallet, client):
    """A compressed stream could not be read along, so the receipt in it would be lost."""
    seen = []

    def answer(request):
        seen.append(request.headers["accept-encoding"])
        return httpx.Response(200, json={"id": "r"})

    if client == "Client":
        inner = httpx.MockTransport(answer)
        with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
            client.post("http://x/v1/messages", json={}, headers={"accept-encoding": "gzip, br"})
    else:

        async def main():
            inner = wallet.async_transport(httpx, httpx.MockTransport(answer))
            async with httpx.AsyncClient(transport=inner) as client:
                await client.post("http://x/v1/messages", json={})

        asyncio.run(main())
    assert seen == ["identity"]


def raw(url, path, **body):
    response = httpx.post(url + path, json={"model": "m", **body})
    return response.status_code, dict(response.headers), response.content


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
def test_every_byte_is_the_same_but_for_header_and_comment(journal, path, stream):
    with serving(Replay()) as url:
        plain = raw(url, path, stream=stream, request_id="r")
    with serving(ReceiptMiddleware(Replay(), Emitter(journal, ACCOUNT))) as url:
        status, headers, body = raw(url, path, stream=stream, request_id="r")
    for one in (plain[1], headers):
        one.pop("date")
    request = headers.pop("token-receipt-request")  # the id of the answer is the client's
    if stream:
        comments = [line for line in body.split(b"\n\n") if line.startswith(b": token-receipt ")]
        assert len(comments) == 1
        receipt = parse_byte_sequence(comments[0].removeprefix(b": token-receipt "))
        before, after = body.split(comments[0] + b"\n\n")
        assert after.startswith(TERMINAL)
        assert (status, headers, before + after) == plain
    else:
        receipt = parse_byte_sequence(headers.pop("token-receipt").encode())
        assert (status, headers, body) == plain
    assert read_item(receipt).claims.request == request != "r"


def test_200_at_once(url, wallet, middleware, journal, folder):
    """Streaming and not, of all three APIs; every receipt arrives, and is the one that the journal holds."""
    client = {  # each request has a connection: nothing waits for another one's
        name: http.Client(
            transport=wallet.transport(
                http, http.HTTPTransport(limits=http.Limits(max_connections=None))
            )
        )
        for name, http in HTTP.items()
    }

    def one(n):
        call, package = list(CALLS.values())[n % 3]
        return call(url, n % 2 == 0, client[package])

    with ThreadPoolExecutor(200) as pool, client["openai"], client["anthropic"]:
        requests = list(pool.map(one, range(200)))
    assert len(set(requests)) == 200
    assert middleware.emitter.counters["issued"] == 200
    rows = kept(wallet)
    assert {row[0] for row in rows} == set(requests)
    claims = [read_item(row[4]).claims for row in rows]
    assert [c.request for c in claims] == [row[0] for row in rows]
    assert sorted(c.sequence for c in claims) == list(range(200))
    ordered = sorted(rows, key=lambda row: read_item(row[4]).claims.sequence)
    batch = b"".join(row[4] for row in ordered)
    report = verify([bytes_source("b", batch)], Policy(KEYS))
    assert list(report.findings.counts) == ["statement-missing"]


# The middleware alone, driven by hand.


def drive(app, messages, path="/v1/chat/completions", headers=(), method="POST"):
    """Run the middleware around an application that sends these messages; returns what went to the client."""
    sent = []

    async def inner(scope, receive, send):
        for message in messages:
            await send(dict(message))

    async def send(message):
        sent.append(message)

    async def main():
        app.app = inner
        await app({"type": "http", "path": path, "method": method, "headers": headers}, None, send)

    asyncio.run(main())
    return sent


def start(status=200, kind=b"application/json", *more):
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"content-type", kind), *more],
    }


def body(data, more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 2,
    "total_tokens": 11,
    "prompt_tokens_details": {"cached_tokens": 4},
}
ANSWER = {"id": "r", "model": "m", "usage": USAGE}
ENCODED = json.dumps(ANSWER).encode()
EVENTS = b"text/event-stream; charset=utf-8"


def receipts_in(journal):
    store = journal._store
    return [read_item(raw).claims for raw in store.open_receipts(ACCOUNT, {}, 2**53)]


@pytest.mark.parametrize(
    ("counter", "messages"),
    [
        ("without_usage", [start(), body(b'{"id": "r", "model": "m"}')]),
        ("without_usage", [start(), body(b'{"id": "r", "usage": null}')]),
        ("pending", [start(), body(b'{"id": "r", "object": "response", "status": "queued"}')]),
        ("without_usage", [start(500), body(b'{"error": 1}')]),
        ("without_usage", [start(200, EVENTS), body(b"data: {}\n\ndata: [DONE]\n\n")]),
        ("unreadable", [start(), body(b"{")]),
        ("unreadable", [start(200, b"text/plain"), body(b"x")]),
        (
            "unreadable",
            [start(200, b"application/json", (b"content-encoding", b"gzip")), body(b"x")],
        ),
        ("unreadable", [start(200, b"application/json", (b"content-encoding", b"x")), body(b"x")]),
        (
            "refused",
            [start(), body(json.dumps(ANSWER | {"usage": USAGE | {"total_tokens": 12}}).encode())],
        ),
        ("refused", [start(), body(json.dumps(ANSWER | {"model": None}).encode())]),
        ("hung_up", [start(200, EVENTS), body(b"data: " + ENCODED + b"\n\n", True)]),
        ("hung_up", [start(200, EVENTS), body(b"data: " + ENCODED + b"\n\n")]),
        ("hung_up", [start(), body(ENCODED, True)]),
    ],
)
def test_what_gets_no_receipt_is_counted(middleware, journal, counter, messages):
    sent = drive(middleware, messages)
    counted = middleware.emitter.counters.outcomes()
    assert counted == {**dict.fromkeys(counted, 0), counter: 1}
    assert receipts_in(journal) == []
    if messages[-1]["more_body"] is False:
        whole = b"".join(m.get("body", b"") for m in messages)
        assert b"".join(m.get("body", b"") for m in sent) == whole
        told = [pair for pair in sent[0]["headers"] if pair[0] != b"token-receipt-request"]
        assert {**sent[0], "headers": told} == messages[0]


def test_a_journal_that_fails_does_not_harm_the_response(middleware, journal, caplog):
    journal.close()
    sent = drive(middleware, [start(), body(ENCODED)])
    assert (sent[0], sent[1]["body"]) == (start(), ENCODED)
    assert middleware.emitter.counters["failed"] == 1
    assert "no receipt for 'r': the journal is closed" in caplog.text


def test_a_client_that_hangs_up_in_the_middle(middleware):
    """The server's send fails; the error goes on to the server, and is counted."""

    async def inner(scope, receive, send):
        await send(start(200, EVENTS))
        await send(body(b"data: x\n\n", True))

    async def refuse(message):
        if message["type"] == "http.response.body":
            raise OSError("gone")

    async def main():
        middleware.app = inner
        await middleware(
            {"type": "http", "path": "/v1/messages", "method": "POST", "headers": []}, None, refuse
        )

    with pytest.raises(OSError, match="gone"):
        asyncio.run(main())
    assert middleware.emitter.counters["hung_up"] == 1


def test_a_client_that_hangs_up_once_the_usage_is_known(middleware, journal):
    """The last event of Messages says nothing that bills: who goes before it, to pay nothing, is billed all the same."""

    async def inner(scope, receive, send):
        await send(start(200, EVENTS))
        await send(body(lines(BEGUN, ENDED), True))
        raise OSError("gone")

    async def main():
        middleware.app = inner
        scope = {"type": "http", "path": "/v1/messages", "method": "POST", "headers": []}
        await middleware(scope, None, taken)

    async def taken(message):
        pass

    with pytest.raises(OSError, match="gone"):
        asyncio.run(main())
    assert middleware.emitter.counters["issued"] == 1
    assert middleware.emitter.counters.undelivered == 1
    (claims,) = receipts_in(journal)
    assert (claims.logical, claims.cached, claims.output) == (352, 300, 57)


def test_a_real_client_that_hangs_up(middleware, journal):
    """It closes the connection after the first event of a long stream."""

    async def slow(scope, receive, send):
        if scope["type"] == "lifespan":
            await Replay()(scope, receive, send)
            return
        await send(start(200, EVENTS))
        watch = asyncio.create_task(receive())
        while not watch.done() or (await watch)["type"] == "http.request":
            if watch.done():
                watch = asyncio.create_task(receive())
            await send(body(b"data: {}\n\n", True))
            await asyncio.sleep(0.01)

    middleware.app = slow
    with serving(middleware) as url:
        with httpx.stream("POST", f"{url}/v1/messages", json={}) as response:
            next(response.iter_raw())
        ends = time.monotonic() + 10
        while not middleware.emitter.counters["hung_up"] and time.monotonic() < ends:
            time.sleep(0.02)
    assert middleware.emitter.counters["hung_up"] == 1
    assert receipts_in(journal) == []


def test_an_event_stream_is_not_held_back(middleware):
    """Each part goes on as it comes, however the bytes are cut; only the last event waits."""
    parts = [b"data: {", b'"id": "r", "model": "m"}', b"\n", b"\ndata: {}\r\n\r\nda", b"ta: 1\n\n", b"data: " + ENCODED + b"\n\nd", b"ata: [DO", b"NE]\n\n"]  # fmt: skip
    sent = drive(middleware, [start(200, EVENTS), *(body(part, True) for part in parts), body(b"")])
    bodies = [m["body"] for m in sent[1:]]
    comment = next(b for b in bodies if b.startswith(b": token-receipt"))
    assert b"".join(b for b in bodies if b is not comment) == b"".join(parts)
    # The first event waits until it is whole: it says by which id the answer is known.
    assert bodies[0] == b'data: {"id": "r", "model": "m"}\n\ndata: {}\r\n\r\n'
    assert bodies[bodies.index(comment) + 1] == b"data: [DONE]\n\n"
    assert middleware.emitter.counters["issued"] == 1


@pytest.mark.parametrize("cut", range(1, 40))
def test_events_however_they_are_cut(cut):
    whole = b"event: a\ndata: 1\n\ndata: 2\r\n\r\ndata: x[DONE]\n\ndata: [DONE]\n\n: rest"
    stream = EventStream()
    ready = b"".join(stream.feed(whole[i : i + cut]) for i in range(0, len(whole), cut))
    assert stream.ended
    assert ready + stream.rest() == whole
    assert b"data: [DONE]" not in ready
    assert len(stream.new_events()) == 4


def test_usage_of_a_stream_is_cumulative(middleware, journal):
    first = {
        "input_tokens": 4,
        "cache_read_input_tokens": 9,
        "cache_creation_input_tokens": 0,
        "output_tokens": 1,
    }
    events = [{"type": "message_start", "message": {"id": "r", "model": "m", "usage": first}},
              {"type": "message_delta", "usage": {"output_tokens": 40}}, {"type": "message_delta", "usage": {"output_tokens": 77}}]  # fmt: skip
    data = b"".join(b"event: x\ndata: " + json.dumps(event).encode() + b"\n\n" for event in events)
    drive(
        middleware,
        [start(200, EVENTS), body(data + b"event: message_stop\ndata: {}\n\n")],
        "/v1/messages",
    )
    (claims,) = receipts_in(journal)
    assert (claims.logical, claims.cached, claims.output) == (13, 9, 77)


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ([b":YWJj:"], b"abc"),
        ([b" :YWJj: "], b"abc"),
        ([b"YWJj"], None),
        ([b":YW!j:"], None),
        ([b"::"], None),
        ([b":YWJj:", b":YWJj:"], None),
        ([byte_sequence(bytes(64))], bytes(64)),
        ([byte_sequence(bytes(65))], None),
    ],
)
def test_the_commitment_is_echoed(middleware, journal, sent, echoed):
    drive(
        middleware,
        [start(), body(ENCODED)],
        headers=[(b"token-receipt-client", value) for value in sent],
    )
    (claims,) = receipts_in(journal)
    assert claims.client == echoed


def test_other_paths_and_methods_are_left_alone(middleware, journal):
    for path, method in (
        ("/v1/models", "POST"),
        ("/v1/messages", "GET"),
        ("/v1/messages/batches", "POST"),
    ):
        sent = drive(middleware, [start(), body(ENCODED)], path, method=method)
        assert sent == [start(), body(ENCODED)]
    assert receipts_in(journal) == []


def test_the_account_of_each_request(journal):
    app = ReceiptMiddleware(None, Emitter(journal, trusted_header("x-account")))
    drive(app, [start(), body(ENCODED)], headers=[(b"x-account", b"acme")])
    drive(app, [start(), body(ENCODED)])
    assert [claims.account for claims in receipts_in(journal)] == ["acme"]


def test_settings_from_the_environment(keys, folder, monkeypatch, caplog):
    """As vLLM makes it: with the application, and nothing else."""
    for name, value in {"RECEIPT_KEYS": "keys", "RECEIPT_JOURNAL": "v.db", "RECEIPT_ACCOUNT": ACCOUNT, "RECEIPT_PROVIDER": "vllm"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    app = ReceiptMiddleware(app=None)
    drive(app, [start(), body(ENCODED)])
    (claims,) = receipts_in(app.emitter.journal)
    assert (claims.source.provider, claims.issuer) == ("vllm", ISSUER)
    app.emitter.journal.close()
    monkeypatch.delenv("RECEIPT_ACCOUNT")
    app = ReceiptMiddleware(app=None)
    sent = drive(app, [start(), body(ENCODED)])
    assert sent == [start(), body(ENCODED)]
    assert (
        "expected one of RECEIPT_ACCOUNT, RECEIPT_ACCOUNT_HEADER, RECEIPT_KEY_TABLE" in caplog.text
    )
    monkeypatch.setenv("RECEIPT_REQUIRED", "1")
    sent = drive(ReceiptMiddleware(app=None), [start(), body(ENCODED)])
    assert (sent[0]["status"], json.loads(sent[1]["body"])["error"]["type"]) == (
        503,
        "receipt_required",
    )


LAST = [
    b"data: [DONE]\n\n", b"data:[DONE]\n\n", b": ping\ndata: [DONE]\n\n", b"id: 3\ndata: [DONE]\n\n", b"\ndata: [DONE]\n\n",
    b"data: [DONE]\r\n\r\n", b"data: [DONE]\n\r\n", b"data: [DONE]\r\r: x", b"data: [DONE]", b'data: {"type":"response.completed"}\n\n',
]  # fmt: skip


@pytest.mark.parametrize("cut", [1, 3, 1000])
@pytest.mark.parametrize("last", LAST)
def test_every_form_of_the_last_event(middleware, last, cut):
    whole = b"data: " + ENCODED + b"\n\n" + last
    parts = [body(whole[i : i + cut], True) for i in range(0, len(whole), cut)]
    sent = drive(middleware, [start(200, EVENTS), *parts, body(b"")])
    bodies = [message["body"] for message in sent[1:]]
    comments = [part for part in bodies if part.startswith(b": token-receipt ")]
    assert len(comments) == middleware.emitter.counters["issued"] == 1
    assert b"".join(part for part in bodies if part not in comments) == whole


@pytest.mark.parametrize(
    ("path", "events"),
    [
        ("/v1/chat/completions", [ANSWER, {"error": {"message": "overloaded"}}, "[DONE]"]),
        ("/v1/messages", [{"type": "message_start", "message": {"id": "r", "model": "m", "usage": {"input_tokens": 4, "cache_read_input_tokens": 9,
                          "cache_creation_input_tokens": 0, "output_tokens": 1}}}, {"type": "message_stop"}]),
    ],
)  # fmt: skip
def test_usage_that_is_not_final_gets_no_receipt(middleware, journal, path, events):
    data = b"".join(
        b"data: " + (event if isinstance(event, str) else json.dumps(event)).encode() + b"\n\n"
        for event in events
    )
    drive(middleware, [start(200, EVENTS), body(data)], path)
    assert middleware.emitter.counters.outcomes()["without_usage"] == 1
    assert receipts_in(journal) == []


def test_what_a_server_may_send(middleware, caplog):
    """Headers as a generator, an id that is no text, JSON that is too deep, a body that the server sends by itself."""
    sent = drive(
        middleware,
        [
            start() | {"headers": (pair for pair in [(b"content-type", b"application/json")])},
            body(ENCODED),
        ],
    )
    assert sent[0]["headers"][0] == (b"content-type", b"application/json")
    for answer in (
        b"[" * 100_000,
        json.dumps(ANSWER | {"id": "\ud800"}).encode(),
        json.dumps(ANSWER | {"id": ""}).encode(),
    ):
        sent = drive(middleware, [start(), body(answer)])
        assert sent[1]["body"] == answer
    pathsend = {"type": "http.response.pathsend", "path": "x"}
    assert drive(middleware, [start(), pathsend]) == [start(), pathsend]
    assert drive(middleware, [start(), body(ENCODED.replace(b'"r"', b'"s"'))])[1]["body"]
    assert middleware.emitter.counters["issued"] == 4
    wrong = json.dumps(ANSWER | {"id": "t", "model": "\ud800\n"}).encode()
    assert drive(middleware, [start(), body(wrong)])[1]["body"] == wrong
    assert (
        r"found '\ud800\n'" in caplog.text
    )  # a log file may be UTF-8, and a line of it is one line


def test_a_large_event_in_small_parts_takes_linear_work():
    """Every byte is searched a few times at most."""
    stream, searched = EventStream(), []
    original = stream._end

    def counting():
        searched.append(len(stream._event) - max(0, stream._searched - 3))
        return original()

    stream._end = counting
    for _ in range(500):
        stream.feed(b"x" * 1000)
    assert sum(searched) < 3 * 500_000


@pytest.mark.parametrize(
    ("provider", "name"), [("example", "example"), ("xai", "x_ai"), (None, "openai")]
)
def test_the_host_and_its_tier(journal, provider, name):
    """A host of a name of its own has the shape of the path; what stands beside the usage is stated too."""
    usage = {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}
    body = json.dumps({"id": "r", "model": "m", "service_tier": "flex", "output": [], "usage": usage}).encode()  # fmt: skip

    async def app(scope, receive, send):
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def ask():
        app_ = ReceiptMiddleware(app, Emitter(journal, ACCOUNT, provider=provider))
        transport = httpx.ASGITransport(app=app_)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            await client.post("/v1/responses", json={})

    asyncio.run(ask())
    (claims,) = receipts_in(journal)
    source = claims.source
    assert (source.provider, source.api, source.tier) == (name, "responses", "flex")


def test_a_client_that_chooses_ids_is_billed_for_each_request(url, middleware, wallet, journal):
    """Three requests under one id of the client's: three receipts, and the wallet knows each by the id that the server told it."""
    with httpx.Client(transport=wallet.transport(httpx)) as client:
        for stream in (False, True, False):
            body = {"model": "gpt", "messages": [], "request_id": "mine", "stream": stream}
            client.post(f"{url}/v1/chat/completions", json=body)
    rows = kept(wallet)
    claims = [read_item(row[4]).claims for row in rows]
    assert [c.request for c in claims] == [row[0] for row in rows]
    assert len({c.request for c in claims}) == 3
    assert all(c.request.startswith("req_") for c in claims)


REPLAY = [start(), body(ENCODED)]


def test_a_stored_answer_goes_out_with_the_receipt_that_it_has(middleware, journal):
    first, again = drive(middleware, REPLAY), drive(middleware, REPLAY)
    receipts = [dict(sent[0]["headers"])[b"token-receipt"] for sent in (first, again)]
    assert receipts[0] == receipts[1]
    assert dict(again[0]["headers"])[b"idempotent-replayed"] == b"true"
    assert b"idempotent-replayed" not in dict(first[0]["headers"])
    counters = middleware.emitter.counters
    assert (counters["issued"], counters["replayed"]) == (1, 1)
    assert len(receipts_in(journal)) == 1


def test_another_answer_of_an_id_is_billed_under_one_of_the_servers(middleware, journal):
    """Else a client that found out how to choose ids would pay for one of its requests."""
    other = {**ANSWER, "usage": USAGE | {"completion_tokens": 3, "total_tokens": 12}}
    drive(middleware, REPLAY)
    sent = drive(middleware, [start(), body(json.dumps(other).encode())])
    told = dict(sent[0]["headers"])[b"token-receipt-request"].decode()
    assert [claims.request for claims in receipts_in(journal)] == ["r", told]

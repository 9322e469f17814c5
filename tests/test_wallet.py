"""The wallet's line about each call, with the official clients and a real server; and that a wallet harms no call."""

import asyncio
import gc
import gzip
import json
import os
import sqlite3
import stat
import threading
import time
import zlib
from contextlib import closing, suppress
from hmac import digest
from pathlib import Path

import anthropic
import brotli
import httpx
import httpx2
import openai
import pytest
import zstandard

from cli.sample.server import Replay
from receipts import Journal, ReceiptError
from receipts.asgi import ReceiptMiddleware
from receipts.emitting import Emitter
from receipts.header import byte_sequence
from receipts.ingest import usage_hash
from receipts.wallet import Call, Outcome, Store, Wallet, WalletError, commitment, file, store
from tests.build import ACCOUNT, ISSUER, KEY
from tests.provider import (
    CHAT_USAGE,
    MESSAGE_USAGE,
    RESPONSE_USAGE,
    Provider,
    chat_events,
    completion,
    message,
    message_events,
    named,
    response,
    response_events,
)
from tests.server import serving
from verifier import read_item

ASK = [{"role": "user", "content": "hi"}]
SLOW_S = 20
"""No test waits longer for what must happen."""


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def url(provider):
    with serving(provider) as url:
        yield url


@pytest.fixture
def wallet(folder):
    wallet = Wallet("wallet.db")
    yield wallet
    wallet.close()


def library(client):
    """The HTTP library that a client uses."""
    return httpx2 if isinstance(client._client, httpx2.Client | httpx2.AsyncClient) else httpx


OPENAI = library(openai.OpenAI(api_key="x"))
ANTHROPIC = library(anthropic.Anthropic(api_key="x"))
(CLAUDE_KEY,) = anthropic.Anthropic(api_key="sk-2").auth_headers.values()
"""What the client says who it is; in which header, depends on its version."""


@pytest.fixture
def chat(url, wallet):
    """OpenAI's client, with a wallet."""
    http = OPENAI.Client(transport=wallet.transport(OPENAI))
    with openai.OpenAI(
        base_url=f"{url}/v1", api_key="sk-1", http_client=http, max_retries=0
    ) as client:
        yield client


@pytest.fixture
def claude(url, wallet):
    """Anthropic's client, with a wallet."""
    http = ANTHROPIC.Client(transport=wallet.transport(ANTHROPIC))
    with anthropic.Anthropic(
        base_url=url, api_key="sk-2", http_client=http, max_retries=0
    ) as client:
        yield client


def lines(wallet):
    """All lines of a wallet, each with the receipts that are tied to it."""
    wallet.store.counts()  # with all that is to be written
    with closing(sqlite3.connect("wallet.db")) as db:
        db.row_factory = sqlite3.Row
        calls = [dict(row) for row in db.execute("SELECT * FROM calls ORDER BY number")]
        for call in calls:
            kept = db.execute("SELECT data FROM receipts WHERE call = ?", (call["number"],))
            call["receipts"] = [data for (data,) in kept]
    return calls


def credential(value):
    with closing(sqlite3.connect("wallet.db")) as db:
        ((secret,),) = db.execute("SELECT key FROM secret")
    return None if value is None else digest(secret, value.encode(), "sha256")[:16]


def check(line, seen=None, *, url=None, usage=None, key=None, **expected):
    """A whole line: every column is as expected, or as it is for a call of which nothing is known."""
    line = dict(line)
    number, sent, answered = line.pop("number"), line.pop("sent"), line.pop("answered")
    assert number > 0
    assert time.time() * 1000 - 60_000 < sent <= (answered or sent) <= time.time() * 1000
    assert (answered is None) == (expected["outcome"] is None)
    nonce, committed = line.pop("nonce"), line.pop("commitment")
    if seen is not None:
        assert (len(nonce), committed) == (32, commitment(nonce, seen.body))
        assert seen.headers["token-receipt-client"] == byte_sequence(committed).decode()
    kept = line.pop("usage")
    assert (kept and json.loads(kept)) == usage
    nothing = dict.fromkeys(("account", "status", "requested_model", "model", "request", "tier", "tools"))  # fmt: skip
    assert line == {
        "host": url.removeprefix("http://") if url else None, "credential": credential(key),
        "replay": 0, "receipts": [], **nothing, **expected,
    }  # fmt: skip


CHAT = {
    "path": "/v1/chat/completions",
    "requested_model": "gpt",
    "model": "gpt-1",
    "request": "chatcmpl-1",
    "key": "Bearer sk-1",
    "status": 200,
    "outcome": "complete",
}
RESPONSES = CHAT | {"path": "/v1/responses", "request": "resp_1"}
MESSAGES = CHAT | {"path": "/v1/messages", "requested_model": "claude", "model": "claude-1",
                   "request": "msg_1", "key": CLAUDE_KEY}  # fmt: skip
BEGUN = {"usage": MESSAGE_USAGE | {"output_tokens": 1}}
"""What the beginning of Anthropic's stream states."""
UNKNOWN = {"model": None, "request": None}
"""What an answer does not say that has no end."""


def ask_chat(client, **more):
    return client.chat.completions.create(model="gpt", messages=ASK, **more)


def ask_claude(client, **more):
    return client.messages.create(model="claude", max_tokens=9, messages=ASK, **more)


# What is read of each API.

PLAIN = {
    "chat": (completion(), ask_chat, CHAT, CHAT_USAGE),
    "responses": (response(), lambda client, **more: client.responses.create(model="gpt", input="hi", **more), RESPONSES, RESPONSE_USAGE),
    "messages": (message(), ask_claude, MESSAGES, MESSAGE_USAGE),
}  # fmt: skip
STREAMED = {"chat": chat_events(), "responses": response_events(), "messages": message_events()}


@pytest.mark.parametrize("api", PLAIN)
@pytest.mark.parametrize("stream", [False, True])
def test_a_call(provider, url, wallet, chat, claude, api, stream):
    document, ask, expected, usage = PLAIN[api]
    client = claude if api == "messages" else chat
    if stream:
        provider.streams(STREAMED[api])
        with ask(client, stream=True) as events:
            assert list(events)
    else:
        provider.replies(document)
        assert ask(client).id == expected["request"]
    (line,) = lines(wallet)
    check(line, provider.seen[0], url=url, usage=usage, **expected)
    assert wallet.store.failed == 0


@pytest.mark.parametrize("api", PLAIN)
@pytest.mark.parametrize("stream", [False, True])
def test_an_async_call(provider, url, wallet, api, stream):
    document, ask, expected, usage = PLAIN[api]
    http = ANTHROPIC if api == "messages" else OPENAI

    async def main():
        transport = http.AsyncClient(transport=wallet.async_transport(http))
        if api == "messages":
            made = anthropic.AsyncAnthropic(base_url=url, api_key="sk-2", http_client=transport)
        else:
            made = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-1", http_client=transport)
        async with made as client:
            answer = await ask(client, **({"stream": True} if stream else {}))
            return [event async for event in answer] if stream else answer.id

    provider.streams(STREAMED[api]) if stream else provider.replies(document)
    assert asyncio.run(main())
    (line,) = lines(wallet)
    check(line, provider.seen[0], url=url, usage=usage, **expected)


def read(answer, *, stream):
    """Read an answer to its end."""
    if stream:
        with answer:
            list(answer)


@pytest.mark.parametrize("api", PLAIN)
@pytest.mark.parametrize("stream", [False, True])
def test_the_usage_is_that_of_the_receipt(folder, wallet, api, stream):
    """The hash of what the wallet holds is the one that the middleware signs."""
    _, ask, _, _ = PLAIN[api]
    more = {"stream_options": {"include_usage": True}} if stream and api == "chat" else {}
    http = ANTHROPIC if api == "messages" else OPENAI
    with (
        Journal("issuer.db", ISSUER, KEY) as journal,
        serving(ReceiptMiddleware(Replay(), Emitter(journal, ACCOUNT))) as url,
        http.Client(transport=wallet.transport(http)) as transport,
    ):
        made = {"api_key": "x", "http_client": transport}
        client = (
            anthropic.Anthropic(base_url=url, **made)
            if api == "messages"
            else openai.OpenAI(base_url=f"{url}/v1", **made)
        )
        for _ in range(8):  # every usage that was recorded
            read(ask(client, stream=stream, **more), stream=stream)
    kept = lines(wallet)
    assert len(kept) == 8
    for line in kept:
        claims = read_item(line["receipts"][0]).claims
        assert usage_hash(json.loads(line["usage"])) == claims.source.usage
        assert (line["request"], line["model"]) == (claims.request, claims.model)
        assert (line["outcome"], line["replay"]) == ("complete", 0)


def test_tools(provider, url, wallet, chat, claude):
    """An answer that is a call of a tool, and the call that follows it."""
    tool = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [tool]}}  # fmt: skip
    provider.replies(completion(choices=[choice]))
    provider.replies(completion("chatcmpl-2"))
    use = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    provider.streams(message_events(content=use))
    ask_chat(chat)
    ask_chat(chat)
    with ask_claude(claude, stream=True) as events:
        list(events)
    first, second, third = lines(wallet)
    check(first, provider.seen[0], url=url, usage=CHAT_USAGE, **CHAT)
    check(second, provider.seen[1], url=url, usage=CHAT_USAGE, **CHAT | {"request": "chatcmpl-2"})
    check(third, provider.seen[2], url=url, usage=MESSAGE_USAGE, **MESSAGES)


GEMINI_USAGE = {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6}
GEMINI = {"responseId": "g1", "modelVersion": "gemini-1", "usageMetadata": GEMINI_USAGE,
          "candidates": [{"finishReason": "STOP"}]}  # fmt: skip


@pytest.mark.parametrize("form", ["plain", "array", "events"])
def test_gemini(provider, url, wallet, form):
    part = GEMINI | {"usageMetadata": {"promptTokenCount": 4, "thoughtsTokenCount": 1, "totalTokenCount": 5}, "candidates": [{}]}  # fmt: skip
    if form == "events":
        provider.streams([f"data: {json.dumps(one)}\r\n\r\n" for one in (part, GEMINI)])
    else:
        provider.replies(GEMINI if form == "plain" else [part, GEMINI])
    path = f"/v1/models/gemini:{'g' if form == 'plain' else 'streamG'}enerateContent"
    with httpx.Client(transport=wallet.transport(httpx)) as client:
        client.post(f"{url}{path}?key=secret", json={}, headers={"x-goog-api-key": "k"})
    (line,) = lines(wallet)
    check(line, provider.seen[0], url=url, path=path, usage=GEMINI_USAGE, key="k", status=200, outcome="complete", model="gemini-1", request="g1")  # fmt: skip


# What became of it.


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_retry_is_another_call(provider, url, wallet, chat, claude, status):
    for document in (completion(), message()):
        provider.replies({"error": {"message": "later"}}, status, {"retry-after-ms": "1", "retry-after": "0"})  # fmt: skip
        provider.replies(document)
    assert ask_chat(chat.with_options(max_retries=2)).id == "chatcmpl-1"
    assert ask_claude(claude.with_options(max_retries=2)).id == "msg_1"
    kept = lines(wallet)
    failed = UNKNOWN | {"status": status, "outcome": "failed"}
    check(kept[0], provider.seen[0], url=url, **CHAT | failed)
    check(kept[1], provider.seen[1], url=url, usage=CHAT_USAGE, **CHAT)
    check(kept[2], provider.seen[2], url=url, **MESSAGES | failed)
    check(kept[3], provider.seen[3], url=url, usage=MESSAGE_USAGE, **MESSAGES)
    assert len({line["commitment"] for line in kept}) == 4


@pytest.mark.parametrize("how", ["close", "drop"])
def test_a_client_that_hangs_up(provider, url, wallet, chat, claude, how):
    """After the first event of a stream that goes on."""
    provider.streams(chat_events()[:1], hang=True)
    provider.streams(message_events()[:1], hang=True)
    for answer in (ask_chat(chat, stream=True), ask_claude(claude, stream=True)):
        next(iter(answer))
        if how == "close":
            answer.close()
    del answer
    gc.collect()
    first, second = lines(wallet)
    check(first, provider.seen[0], url=url, **CHAT | {"outcome": "cancelled"})
    check(second, provider.seen[1], url=url, **MESSAGES | {"outcome": "cancelled"} | BEGUN)


def test_a_task_that_is_cancelled(provider, url, wallet):
    """While it waits for the answer, and in the middle of a stream."""
    provider.streams([], hang=True)
    provider.streams(chat_events()[:1], hang=True)

    async def main():
        http = OPENAI.AsyncClient(transport=wallet.async_transport(OPENAI))
        async with openai.AsyncOpenAI(
            base_url=f"{url}/v1", api_key="sk-1", http_client=http
        ) as client:
            for chunks in (0, 1):
                came = asyncio.Event()
                task = asyncio.create_task(read_slowly(client, came))
                if chunks:
                    await came.wait()
                else:
                    while not provider.seen:
                        await asyncio.sleep(0.01)
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def read_slowly(client, came):
        async for _ in await ask_chat(client, stream=True):
            came.set()

    asyncio.run(main())
    first, second = lines(wallet)
    waited = CHAT | {"outcome": "cancelled"}
    check(first, provider.seen[0], url=url, **waited | UNKNOWN | {"status": first["status"]})
    check(second, provider.seen[1], url=url, **waited)


@pytest.mark.parametrize("how", ["breaks", "ends"])
@pytest.mark.parametrize("events", [1, 3])
def test_a_stream_that_the_server_cuts(provider, url, wallet, chat, claude, how, events):
    """Without its last event: by the connection, or by an end that looks regular. Of Anthropic's usage the input is final."""
    provider.streams(chat_events()[:events], breaks=how == "breaks")
    provider.streams(message_events()[:events], breaks=how == "breaks")
    for ask, client in ((ask_chat, chat), (ask_claude, claude)):
        with suppress(ANTHROPIC.HTTPError, openai.APIError, anthropic.APIError):
            read(ask(client, stream=True), stream=True)
    first, second = lines(wallet)
    outcome = {"outcome": "cut" if how == "breaks" else "unfinished"}
    check(first, provider.seen[0], url=url, **CHAT | outcome)
    check(second, provider.seen[1], url=url, **MESSAGES | outcome | BEGUN)


def test_the_error_of_a_stream_passes_on_unchanged(wallet):
    class Broken(httpx.SyncByteStream):
        def __iter__(self):
            yield b'{"id": "r"'
            raise httpx.ReadError("gone")

    inner = httpx.MockTransport(lambda _: httpx.Response(200, stream=Broken()))
    with (
        httpx.Client(transport=wallet.transport(httpx, inner)) as client,
        pytest.raises(httpx.ReadError, match=r"^gone$") as raised,
    ):
        client.post("http://x/v1/messages", json={"model": "m"})
    assert raised.value.request.url == "http://x/v1/messages"
    (line,) = lines(wallet)
    check(line, url="x", path="/v1/messages", status=200, outcome="cut", requested_model="m")


def test_a_connection_that_is_refused(wallet):
    """The line is there before the call is sent, and says that it broke off."""
    seen = []

    def refuse(request):
        seen.append(lines(wallet))
        raise httpx.ConnectError("connection refused")

    with (
        httpx.Client(transport=wallet.transport(httpx, httpx.MockTransport(refuse))) as client,
        pytest.raises(httpx.ConnectError, match=r"^connection refused$"),
    ):
        client.post("http://u:p@x:81/v1/messages?key=s", json={"model": "m"}, auth=None)
    expected = {"url": "x:81", "path": "/v1/messages", "requested_model": "m"}
    ((before,),) = seen
    (line,) = lines(wallet)
    check(before, **expected, key=None, outcome=None, credential=line["credential"])
    check(line, **expected, outcome="cut", credential=line["credential"])
    assert b":p@" not in bytes(str(line), "utf-8")


def test_a_port_where_nobody_listens(wallet, chat, provider, url):
    with (
        httpx.Client(transport=wallet.transport(httpx)) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.post("http://127.0.0.1:1/v1/responses", json={"model": "m"})
    (line,) = lines(wallet)
    check(line, url="127.0.0.1:1", path="/v1/responses", requested_model="m", outcome="cut")


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
def test_an_error_in_a_stream(provider, url, wallet, chat, claude, api):
    error = {"type": "overloaded_error", "message": "busy"}
    parts = {
        "chat": [*chat_events()[:-1], f"data: {json.dumps({'error': error})}\n\n", chat_events()[-1]],
        "messages": [*message_events()[:2], named("error", error=error)],
        "responses": [*response_events()[:2], named("response.failed", response=response(status="failed", error=error))],
    }  # fmt: skip
    _, ask, expected, _ = PLAIN[api]
    provider.streams(parts[api])
    with suppress(openai.APIError, anthropic.APIError):
        read(ask(claude if api == "messages" else chat, stream=True), stream=True)
    (line,) = lines(wallet)
    check(line, provider.seen[0], url=url, **expected | {"outcome": "failed"})


def test_an_incomplete_response_is_complete(provider, url, wallet, chat):
    """It ended at its limit, and says so; it is billed."""
    provider.replies(response(status="incomplete"))
    provider.streams([*response_events()[:2], named("response.incomplete", response=response(status="incomplete"))])  # fmt: skip
    chat.responses.create(model="gpt", input="hi")
    read(chat.responses.create(model="gpt", input="hi", stream=True), stream=True)
    first, second = lines(wallet)
    check(first, provider.seen[0], url=url, usage=RESPONSE_USAGE, **RESPONSES)
    check(second, provider.seen[1], url=url, usage=RESPONSE_USAGE, **RESPONSES | {"replay": 1})


@pytest.mark.parametrize("cut", [False, True])
def test_usage_after_an_end_that_is_none_for_the_client(provider, wallet, chat, claude, cut):
    """The wallet notes what the client shows at last: it reads past the end of other APIs, and of its own if more comes."""
    large = {"prompt_tokens": 90_000, "completion_tokens": 2, "total_tokens": 90_002, "prompt_tokens_details": {"cached_tokens": 0}}  # fmt: skip
    more = f"data: {json.dumps({'id': 'c', 'model': 'm', 'choices': [], 'usage': large})}\n\n"
    stop = named("message_stop")
    streams = [[more, stop, *chat_events(), more], [*message_events(), named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9})]]  # fmt: skip
    for events in streams:
        provider.streams(events if cut else ["".join(events)])
    with ask_chat(chat, stream=True) as answer:
        shown = [chunk.usage.to_dict() for chunk in answer if getattr(chunk, "usage", None)][-1]
    with claude.messages.stream(model="claude", max_tokens=9, messages=ASK) as events:
        final = events.get_final_message().usage
    first, second = lines(wallet)
    assert json.loads(first["usage"]) == shown == CHAT_USAGE
    assert json.loads(second["usage"])["output_tokens"] == final.output_tokens == 9
    assert (first["outcome"], second["outcome"], wallet.store.failed) == ("complete", "complete", 0)


def test_an_anthropic_stream_without_its_final_usage(provider, url, wallet, claude):
    events = [event for event in message_events() if "message_delta" not in event]
    provider.streams(events)
    read(ask_claude(claude, stream=True), stream=True)
    (line,) = lines(wallet)
    check(line, provider.seen[0], url=url, **MESSAGES)


# Results that come later.


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "outcome"),
    [("completed", "complete"), ("incomplete", "complete"), ("failed", "failed"), ("cancelled", "cancelled")],
)  # fmt: skip
def test_a_background_response(provider, url, wallet, chat, stream, status, outcome):
    waiting = response(status="queued", usage=None, background=True)
    if stream:
        provider.streams([named("response.created", response=waiting)], breaks=True)
        with suppress(openai.APIError):
            read(chat.responses.create(model="gpt", input="hi", background=True, stream=True), stream=True)  # fmt: skip
    else:
        provider.replies(waiting)
        chat.responses.create(model="gpt", input="hi", background=True)
    (line,) = lines(wallet)
    pending = RESPONSES | {"outcome": "pending"}
    check(line, provider.seen[0], url=url, **pending)
    usage = None if outcome in ("failed", "cancelled") else RESPONSE_USAGE
    done = response(status=status, usage=usage, background=True)
    header = {"token-receipt": byte_sequence(b"receipt").decode()}
    provider.replies(response(status="in_progress", usage=None, background=True))
    provider.replies(done, 500)
    provider.replies(response("resp_2"))
    provider.replies(done, 200, header)
    provider.replies(done, 200, header)
    for n in range(5):
        with suppress(openai.APIError):
            chat.responses.retrieve("resp_1")
        (line,) = lines(wallet)
        if n < 3:
            check(line, provider.seen[0], url=url, **pending)
    expected = RESPONSES | {"outcome": outcome, "receipts": [b"receipt"]}
    check(line, provider.seen[0], url=url, usage=usage, **expected)
    assert "token-receipt-client" not in provider.seen[-1].headers


def test_a_background_response_whose_stream_is_taken_up_again(provider, url, wallet, chat):
    waiting = response(status="in_progress", usage=None, background=True)
    provider.streams([named("response.created", response=waiting)], breaks=True)
    provider.streams([named("response.completed", response=response(background=True))])
    with suppress(openai.APIError):
        read(chat.responses.create(model="gpt", input="hi", background=True, stream=True), stream=True)  # fmt: skip
    read(chat.responses.retrieve("resp_1", stream=True, starting_after=0), stream=True)
    (line,) = lines(wallet)
    check(line, provider.seen[0], url=url, usage=RESPONSE_USAGE, **RESPONSES)


def batch_of(*results):
    return b"".join(json.dumps(result).encode() + b"\n" for result in results)


def test_the_results_of_an_anthropic_batch(provider, url, wallet, claude):
    made = {
        "id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "created_at": "2026-11-26T00:00:00Z",
        "expires_at": "2026-11-27T00:00:00Z", "request_counts": {"succeeded": 2, "errored": 1, "processing": 0, "canceled": 0, "expired": 0},
        "results_url": f"{url}/v1/messages/batches/msgbatch_1/results",
    }  # fmt: skip
    results = batch_of(
        {"custom_id": "a", "result": {"type": "succeeded", "message": message("msg_1")}},
        {"custom_id": "b", "result": {"type": "errored", "error": {"type": "error"}}},
        {"custom_id": "c", "result": {"type": "succeeded", "message": message("msg_2")}},
    )
    provider.replies(made)
    one = {"custom_id": "a", "params": {"model": "claude", "max_tokens": 9, "messages": ASK}}
    claude.messages.batches.create(requests=[one])
    for _ in range(2):  # what is known already is not noted again
        provider.replies(made)
        provider.gives(results, "application/x-jsonl")
        assert len(list(claude.messages.batches.results("msgbatch_1"))) == 3
    batch, first, second = lines(wallet)
    path = "/v1/messages/batches"
    check(batch, provider.seen[0], url=url, **MESSAGES | {"path": path, "requested_model": None, "model": None, "request": "msgbatch_1"})  # fmt: skip
    result = MESSAGES | {"path": f"{path}/msgbatch_1/results", "requested_model": None}
    check(first, url=url, usage=MESSAGE_USAGE, **result)
    check(second, url=url, usage=MESSAGE_USAGE, **result | {"request": "msg_2"})
    assert (first["commitment"], first["nonce"], first["sent"]) == (b"", b"", batch["sent"])
    assert provider.seen[-1].headers["accept-encoding"] == "identity"


def test_the_results_of_an_openai_batch(provider, url, wallet, chat):
    results = batch_of(
        {"id": "b1", "custom_id": "a", "response": {"status_code": 200, "request_id": "x", "body": completion(service_tier="flex")}, "error": None},
        {"id": "b2", "custom_id": "b", "response": {"status_code": 400, "body": completion("chatcmpl-3")}},
        {"id": "b3", "custom_id": "c", "response": {"status_code": 200, "body": response()}},
        {"id": "b4", "custom_id": "c", "response": {"status_code": 200, "body": {"object": "list", "usage": {"total_tokens": 1}}}},
    )  # fmt: skip
    made(provider, chat)
    provider.gives(results, "application/octet-stream")
    assert chat.files.content("file-1").content == results
    batch, first, second = lines(wallet)
    check(batch, provider.seen[0], url=url, **CHAT | {"path": "/v1/batches", "requested_model": None, "model": None, "request": "batch_1"})  # fmt: skip
    for line, (_, _, expected, usage) in ((first, PLAIN["chat"]), (second, PLAIN["responses"])):
        assert line["sent"] == batch["sent"]
        more = {"tier": "flex"} if line is first else {}
        check(line, url=url, usage=usage, **expected | {"path": "/v1/files/file-1/content", "requested_model": None} | more)  # fmt: skip


def batch(name="batch_1", file=None):
    return {
        "id": name, "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "file-0", "completion_window": "24h",
        "status": "completed" if file else "validating", "created_at": 1793534400, "output_file_id": file,
    }  # fmt: skip


def made(provider, chat, name="batch_1", file="file-1"):
    """A batch that was made, and asked after when it had ended."""
    provider.replies(batch(name))
    provider.replies(batch(name, file))
    chat.batches.create(completion_window="24h", endpoint="/v1/chat/completions", input_file_id="file-0")  # fmt: skip
    chat.batches.retrieve(name)


def results_of(provider, chat, file, *pairs, headers=None, packed=bytes):
    """Fetch a file of results: pairs of a request and the id of its answer."""
    ends = [{"custom_id": custom, "response": {"status_code": 200, "body": completion(name)}} for custom, name in pairs]  # fmt: skip
    provider.gives(packed(batch_of(*ends)), "application/octet-stream", headers=headers)
    chat.files.content(file)


def noted(wallet):
    return [line["request"] for line in lines(wallet) if line["path"].endswith(("content", "results"))]  # fmt: skip


def test_each_request_of_a_batch_has_one_result(provider, wallet, chat):
    made(provider, chat)
    results_of(provider, chat, "file-1", ("a", "c1"), ("a", "c2"), ("b", "c3"), ("b", "c3"))
    results_of(provider, chat, "file-1", ("a", "c4"), ("c", "c5"), ("d", "c1"), ("\ud800", "c6"), (3, "c7"))  # fmt: skip
    provider.replies(batch(file="file-2"))
    chat.batches.retrieve("batch_1")
    results_of(provider, chat, "file-2", ("b", "c8"), ("e", "c9"))
    assert noted(wallet) == ["c1", "c3", "c5", "c6", "c9"]
    made(provider, chat, "batch_2", "file-3")  # whose requests may be named alike
    results_of(provider, chat, "file-3", ("a", "c10"))
    assert noted(wallet)[5:] == ["c10"]
    assert wallet.store.failed == 0


def test_results_of_what_was_not_asked_for_here(provider, url, wallet, chat, claude):
    """A file that no batch named; a batch that was made elsewhere, or at another host, or not at all."""
    results_of(provider, chat, "file-1", ("a", "c1"))
    provider.replies(batch(file="file-1"))
    chat.batches.retrieve("batch_1")
    results_of(provider, chat, "file-1", ("a", "c1"))
    provider.replies(completion("batch_1"))
    ask_chat(chat)
    provider.replies(batch(file="file-1"))
    chat.batches.retrieve("batch_1")
    results_of(provider, chat, "file-1", ("a", "c1"))
    provider.gives(batch_of({"custom_id": "a", "result": {"type": "succeeded", "message": message()}}), "x/y")  # fmt: skip
    with httpx.Client(transport=wallet.transport(httpx)) as client:
        client.get(f"{url}/v1/messages/batches/msgbatch_1/results")
        made(provider, chat, "batch_2", "file-2")
        there = url.replace("127.0.0.1", "localhost")
        provider.gives(batch_of({"custom_id": "a", "response": {"status_code": 200, "body": completion("c2")}}), "x/y")  # fmt: skip
        client.get(f"{there}/v1/files/file-2/content")
    for answer, status in ((batch("other", "file-3"), 200), (batch("batch_2", "file-3"), 203)):
        provider.replies(answer, status)
        chat.batches.retrieve("batch_2")
    results_of(provider, chat, "file-3", ("a", "c3"))
    assert noted(wallet) == []
    results_of(provider, chat, "file-2", ("a", "c4"), headers={"content-encoding": "gzip"}, packed=gzip.compress)  # fmt: skip
    assert noted(wallet) == ["c4"]


def test_a_batch_that_is_made_with_its_results(provider, wallet, chat):
    provider.replies(batch(file="file-1"))
    chat.batches.create(completion_window="24h", endpoint="/v1/chat/completions", input_file_id="file-0")  # fmt: skip
    results_of(provider, chat, "file-1", ("a", "c1"))
    assert noted(wallet) == ["c1"]


def test_many_results(provider, wallet, chat):
    """They are written in groups; a file that is no result of a batch is let pass, however large."""
    made(provider, chat)
    results = [{"custom_id": str(n), "response": {"status_code": 200, "body": completion(f"c-{n}")}} for n in range(1201)]  # fmt: skip
    provider.gives(batch_of(*results), "application/octet-stream")
    provider.gives(b"\x89PNG\n" * 100_000, "application/octet-stream")
    provider.gives(b'{"a": 1}\n{\n[]\n{"custom_id": "x"}\n{"result": 3, "response": []}\n{"response": {"status_code": 200}}', "x/y")  # fmt: skip
    provider.gives(b"", "x/y")
    for _ in range(4):
        chat.files.content("file-1")
    assert noted(wallet) == [f"c-{n}" for n in range(1201)]


def test_a_file(provider, url, wallet, chat):
    """An upload is noted, as every POST is; it names no model."""
    provider.replies({"id": "file-1", "object": "file", "bytes": 3, "created_at": 1, "filename": "a", "purpose": "batch", "status": "processed"})  # fmt: skip
    chat.files.create(file=b"abc", purpose="batch")
    (line,) = lines(wallet)
    check(line, provider.seen[0], url=url, **CHAT | {"path": "/v1/files", "requested_model": None, "model": None, "request": "file-1"})  # fmt: skip


# Where it went, and whose it is.


@pytest.mark.parametrize("client", ["sync", "async"])
def test_a_redirect_to_another_host(provider, url, wallet, client):
    """Each hop is a call of its own, with a commitment of its own; the credentials do not go along."""
    there = url.replace("127.0.0.1", "localhost")
    provider.replies({}, 307, {"location": f"{there}/v2/chat/completions"})
    provider.replies(completion())
    ask = {"json": {"model": "gpt"}, "headers": {"authorization": "Bearer sk-1"}, "follow_redirects": True}  # fmt: skip

    async def main():
        async with httpx.AsyncClient(transport=wallet.async_transport(httpx)) as client:
            return await client.post(f"{url}/v1/chat/completions", **ask)

    if client == "sync":
        with httpx.Client(transport=wallet.transport(httpx)) as made:
            answer = made.post(f"{url}/v1/chat/completions", **ask)
    else:
        answer = asyncio.run(main())
    assert answer.json()["id"] == "chatcmpl-1"
    first, second = lines(wallet)
    check(first, provider.seen[0], url=url, **CHAT | UNKNOWN | {"status": 307, "outcome": "failed"})  # fmt: skip
    check(second, provider.seen[1], url=there, usage=CHAT_USAGE, **CHAT | {"path": "/v2/chat/completions", "key": None})  # fmt: skip
    assert first["commitment"] != second["commitment"]


def test_a_redirect_to_a_get_takes_no_commitment_along(provider, url, wallet):
    provider.replies({}, 303, {"location": "/v1/responses/resp_1"})
    provider.replies(response())
    with httpx.Client(transport=wallet.transport(httpx), follow_redirects=True) as client:
        client.post(f"{url}/v1/responses", json={"model": "gpt"})
    (line,) = lines(wallet)
    check(line, provider.seen[0], url=url, **RESPONSES | UNKNOWN | {"status": 303, "outcome": "failed", "key": None})  # fmt: skip
    assert "token-receipt-client" not in provider.seen[1].headers


def test_two_accounts_in_one_wallet(provider, url, wallet):
    """Two keys: equal credentials are equal in the wallet, and tell nothing else."""
    keys = ["sk-1", "sk-9", "sk-1"]
    for n, key in enumerate(keys):
        provider.replies(completion(f"chatcmpl-{n}"))
        account = None if n == 2 else f"account {key}"
        http = OPENAI.Client(transport=wallet.transport(OPENAI, account=account))
        with openai.OpenAI(base_url=f"{url}/v1", api_key=key, http_client=http) as client:
            ask_chat(client)
    kept = lines(wallet)
    for n, (line, key) in enumerate(zip(kept, keys, strict=True)):
        account = None if n == 2 else f"account {key}"
        check(line, provider.seen[n], url=url, usage=CHAT_USAGE, **CHAT | {"key": f"Bearer {key}", "account": account, "request": f"chatcmpl-{n}"})  # fmt: skip
    assert kept[0]["credential"] == kept[2]["credential"] != kept[1]["credential"]
    wallet.close()
    with open("wallet.db", "rb") as stream:
        assert b"sk-" not in stream.read().replace(b"account sk-", b"")


def test_an_account_that_no_receipt_could_name(wallet):
    for account in ("", "x" * 513, "\ud800"):
        with pytest.raises(ReceiptError, match="account"):
            wallet.transport(httpx, account=account)
        with pytest.raises(ReceiptError, match="account"):
            wallet.async_transport(httpx, account=account)


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "api-key", "x-goog-api-key"])
def test_the_credential_is_in_the_first_of_four_headers(wallet, name):
    names = ["x-goog-api-key", "api-key", "x-api-key", "authorization"]
    headers = {other: other for other in names[: names.index(name) + 1]}
    inner = httpx.MockTransport(lambda _: httpx.Response(200, json={"id": "r"}))
    with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
        client.post("http://x/v1/messages", headers=headers)
    (line,) = lines(wallet)
    check(line, url="x", path="/v1/messages", status=200, outcome="complete", request="r", key=name)


def test_a_credential_of_several_accounts(wallet):
    """OpenAI's headers say on whose account a call is."""
    inner = httpx.MockTransport(lambda _: httpx.Response(200, json={"id": "r"}))
    one, two, key = {"openai-organization": "a"}, {"OpenAI-Project": "a"}, {"authorization": "k"}
    told = [key, key | one, key | two, key | one | two, one, {}]
    with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
        for headers in (*told, *told):
            client.post("http://x/v1/messages", headers=headers)
    kept = [line["credential"] for line in lines(wallet)]
    assert kept[:6] == kept[6:]
    assert len(set(kept)) == 6
    assert (kept[0], kept[5]) == (credential("k"), None)


@pytest.mark.parametrize("form", ["plain", "chunks", "response", "events", "message", "cut"])
def test_the_tier_beside_the_usage(provider, wallet, chat, claude, form):
    """OpenAI's; Anthropic's is a member of the usage."""
    flex = {"service_tier": "flex"}
    if form == "plain":
        provider.replies(completion(**flex))
        ask_chat(chat)
    elif form == "response":
        provider.replies(response(**flex))
        chat.responses.create(model="gpt", input="hi")
    elif form == "message":
        provider.replies(message(**flex))
        ask_claude(claude)
    elif form == "events":
        begun = response(status="in_progress", usage=None, service_tier="auto")
        provider.streams([named("response.created", response=begun), named("response.completed", response=response(**flex))])  # fmt: skip
        read(chat.responses.create(model="gpt", input="hi", stream=True), stream=True)
    else:
        events = [event.replace('"id"', '"service_tier": "flex", "id"') for event in chat_events()]
        provider.streams(events[: None if form == "chunks" else -1])
        read(ask_chat(chat, stream=True), stream=True)
    (line,) = lines(wallet)
    assert line["tier"] == (None if form in ("message", "cut") else "flex")


def test_a_stored_answer(provider, url, wallet, chat):
    """Known by its header, or by the id of an earlier call."""
    provider.replies(completion(), 200, {"idempotent-replayed": "true"})
    provider.replies(completion("chatcmpl-2"))
    provider.replies(completion("chatcmpl-2"))
    provider.replies(completion("chatcmpl-3"), 200, {"idempotent-replayed": "false"})
    for _ in range(4):
        ask_chat(chat, extra_headers={"idempotency-key": "k"})
    for n, (line, (request, replay)) in enumerate(
        zip(lines(wallet), [("1", 1), ("2", 0), ("2", 1), ("3", 0)], strict=True)
    ):
        check(line, provider.seen[n], url=url, usage=CHAT_USAGE, **CHAT | {"request": f"chatcmpl-{request}", "replay": replay})  # fmt: skip


def test_receipts_are_tied_to_their_call(provider, url, wallet, chat):
    one, two = (byte_sequence(value).decode() for value in (b"one", b"two"))
    late = chat_events()
    provider.replies(completion(), 200, {"token-receipt": one})
    provider.streams([*late[:-1], f": token-receipt {one}\n\n", f": token-receipt {two}\n\n", late[-1]])  # fmt: skip
    provider.streams([*late, f": token-receipt {two}\n\n", ": token-receipt :!:\n\n"])
    provider.replies(completion(), 200, {"token-receipt": "::"})
    ask_chat(chat)
    read(ask_chat(chat, stream=True), stream=True)
    with httpx.Client(transport=wallet.transport(httpx)) as client:
        client.post(f"{url}/v1/chat/completions", json={"model": "gpt"})
    ask_chat(chat)
    assert [line["receipts"] for line in lines(wallet)] == [[b"one"], [b"one", b"two"], [b"two"], []]  # fmt: skip


# What a server may send, and what it costs.


def test_a_wallet_survives_any_answer(wallet):
    """What it cannot read it leaves alone; the customer's call is not touched."""
    answers = [b"[" * 100_000, b'{"id": "\\ud800"}', b'{"id": ""}', b"", b"\xff", b'{"id": 3}',
               b'{"object": "response", "status": 3, "usage": 4, "message": [], "response": 5}']  # fmt: skip

    def answer(request):
        kind = "Text/Event-Stream" if request.url.path == "/sse" else "application/json"
        data = answers[int(request.url.params["n"])]
        return httpx.Response(
            200,
            headers={"content-type": kind},
            content=iter([b"data: " + data + b"\r\r" if kind[0] == "T" else data]),
        )

    inner = httpx.MockTransport(answer)
    with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
        for n, data in enumerate(answers):
            assert client.post(f"http://x/json?n={n}", content=data).content == data
            client.post(f"http://x/sse?n={n}", content=b'{"model": "\\ud800"}')
        client.get("http://x/json?n=0")
        client.get("http://x/v1/responses/json?n=0")
        client.get("http://x/v1/files/json/content?n=0")
    kept = lines(wallet)
    assert len(kept) == 2 * len(answers)
    for line in kept:
        outcome = "complete" if line["path"] == "/json" else "unfinished"
        check(line, url="x", path=line["path"], status=200, outcome=outcome)
    assert wallet.store.failed == 0


@pytest.mark.parametrize("headers", [{"content-encoding": "gzip"}, {"content-type": "audio/mpeg"}])
def test_a_body_that_cannot_be_read(wallet, headers):
    stream = httpx.ByteStream(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00")  # fmt: skip
    inner = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=stream))
    with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
        client.post("http://x/v1/messages", json={"model": "m"})
    (line,) = lines(wallet)
    check(line, url="x", path="/v1/messages", status=200, outcome="complete", requested_model="m")


def two_members(data):
    return gzip.compress(data[:9], mtime=0) + gzip.compress(data[9:])


@pytest.mark.parametrize("cut", [7, 1 << 20])
@pytest.mark.parametrize(
    ("codings", "compress"),
    [
        ("gzip", gzip.compress), ("gzip", two_members), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress),
        ("zstd", zstandard.ZstdCompressor().compress), ("gzip, deflate", lambda data: zlib.compress(gzip.compress(data, mtime=0))),
        ("identity", bytes), ("", bytes), ("x", bytes),
    ],
)  # fmt: skip
def test_a_compressed_body_is_read_along(wallet, codings, compress, cut):
    """The client gets it as it came; a coding that nobody knows is left alone, as httpx does."""
    data = compress(json.dumps(completion()).encode())
    parts = [data[at : at + cut] for at in range(0, len(data), cut)]
    headers = {"content-type": "application/json", "content-encoding": codings}
    inner = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=iter(parts)))
    with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
        request = client.build_request("POST", "http://x/v1/chat/completions", json={})
        answer = client.send(request, stream=True)
        assert b"".join(answer.iter_raw()) == data
        answer.close()
    (line,) = lines(wallet)
    check(line, url="x", usage=CHAT_USAGE, **CHAT | {"requested_model": None, "key": None})


@pytest.mark.parametrize(
    "body", [b"", b"\x1f", b"junk" * 100, gzip.compress(b'{"id": "r"}', mtime=0)[:20]]
)
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_body_that_has_not_its_coding(wallet, coding, body):
    headers = {"content-type": "application/json", "content-encoding": coding}
    inner = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=iter((body, body))))  # fmt: skip
    with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
        request = client.build_request("POST", "http://x/v1/chat/completions", json={})
        answer = client.send(request, stream=True)
        assert b"".join(answer.iter_raw()) == body + body
        answer.close()
    (line,) = lines(wallet)
    check(line, url="x", path="/v1/chat/completions", status=200, outcome="complete")


def test_a_body_that_has_its_coding_too_late(wallet):
    body = zstandard.ZstdCompressor().compress(json.dumps(completion()).encode())
    headers = {"content-type": "application/json", "content-encoding": "zstd"}
    inner = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=iter((b"junk" * 20, body))))  # fmt: skip
    with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
        request = client.build_request("POST", "http://x/v1/chat/completions", json={})
        b"".join(client.send(request, stream=True).iter_raw())
    (line,) = lines(wallet)
    check(line, url="x", path="/v1/chat/completions", status=200, outcome="complete")


def test_a_client_that_reads_no_further_than_the_length(wallet):
    """The body is whole, although nobody waits for its end."""

    class Body(httpx.SyncByteStream):
        def __iter__(self):
            yield json.dumps(completion()).encode()
            yield b""
            raise AssertionError

    inner = httpx.MockTransport(lambda _: httpx.Response(200, headers={"content-type": "application/json"}, stream=Body()))  # fmt: skip
    with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
        answer = client.send(
            client.build_request("POST", "http://x/v1/chat/completions"), stream=True
        )
        next(answer.iter_raw())
        answer.close()
    (line,) = lines(wallet)
    check(line, url="x", usage=CHAT_USAGE, **CHAT | {"requested_model": None, "key": None})


def test_a_call_costs_two_writes(provider, wallet, chat, monkeypatch):
    """One before it is sent, one when the stream has ended."""
    jobs, order = [], wallet.store._order
    monkeypatch.setattr(wallet.store, "_order", lambda job: (jobs.append(job), order(job)))
    provider.streams([*chat_events()[:-1], ": token-receipt :YQ==:\n\n", chat_events()[-1]])
    read(ask_chat(chat, stream=True), stream=True)
    assert len(jobs) == 2


# A file that cannot be written.


def calls(wallet, count, transport=None):
    """Calls, as fast as they can; returns how long they took in s."""
    inner = transport or httpx.MockTransport(lambda _: httpx.Response(200, json=completion()))
    began = time.monotonic()
    with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
        for _ in range(count):
            assert client.post("http://x/v1/chat/completions", json={"model": "m"}).json()["id"]
    return time.monotonic() - began


def warnings(caplog):
    return [record.message for record in caplog.records if record.name == "receipts.wallet"]


def test_a_full_disk(wallet, caplog):
    """Of a kind that SQLite itself reports; when there is room again, calls are noted again."""
    calls(wallet, 1)
    limit(wallet, 1)
    calls(wallet, 200)
    noted, _ = wallet.store.counts()
    assert 1 <= noted < 201
    assert wallet.store.failed >= 200 - noted
    assert warnings(caplog) == ["calls are not noted in wallet.db: database or disk is full"]
    limit(wallet, 1_000_000)
    calls(wallet, 1)
    assert wallet.store.counts() == (noted + 1, 0)


def limit(wallet, pages):
    """Let the file have no more than so many pages, but those that it has."""
    done = wallet.store._put(lambda file: file._db.execute(f"PRAGMA max_page_count={pages}").fetchone())  # fmt: skip
    done.result()


def test_a_line_that_could_not_be_written_before_is_written_at_the_end(wallet, monkeypatch):
    real, failures = file.WalletFile.save, [sqlite3.OperationalError("disk I/O error")]

    def save(self, call):
        if failures:
            raise failures.pop()
        real(self, call)

    monkeypatch.setattr(file.WalletFile, "save", save)
    calls(wallet, 1)
    (line,) = lines(wallet)
    check(line, url="x", usage=CHAT_USAGE, **CHAT | {"requested_model": "m", "key": None})
    assert wallet.store.failed == 1


def test_a_file_that_is_locked(wallet, caplog, monkeypatch):
    """A client waits for a moment, and the others not at all; what was to be written is, once the lock is gone."""
    with closing(sqlite3.connect("wallet.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert calls(wallet, 100) < SLOW_S / 4
        other.execute("ROLLBACK")
    assert wallet.store.counts() == (100, 0)
    assert wallet.store.failed == 0


def test_a_file_that_stays_locked(folder, caplog, monkeypatch):
    monkeypatch.setattr(file, "_WAIT_MS", 50)
    wallet = Wallet("wallet.db")
    with closing(sqlite3.connect("wallet.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        calls(wallet, 10)
        wallet.close()
        other.execute("ROLLBACK")
    assert wallet.store.failed == 20
    assert warnings(caplog) == ["calls are not noted in wallet.db: database is locked"]


def test_an_event_loop_does_not_wait_for_a_lock(wallet):
    async def main():
        inner = httpx.MockTransport(lambda _: httpx.Response(200, json=completion()))
        transport = wallet.async_transport(httpx, inner)
        async with httpx.AsyncClient(transport=transport) as client:
            ask = [client.post("http://x/v1/messages", json={}) for _ in range(100)]
            return await asyncio.gather(*ask)

    with closing(sqlite3.connect("wallet.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert len(asyncio.run(main())) == 100
        assert time.monotonic() - began < SLOW_S / 4
        other.execute("ROLLBACK")
    assert wallet.store.counts() == (100, 0)


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_file_that_is_gone(wallet, caplog, how):
    calls(wallet, 1)
    moved = Path("wallet.db").rename("moved.db")
    if how == "replaced":
        Path("wallet.db").touch()
    calls(wallet, 2)
    assert wallet.store.counts() == (1, 0)
    assert wallet.store.failed == 4
    (warning,) = warnings(caplog)
    assert ("No such file" if how == "removed" else "another file is in its place") in warning
    moved.rename("wallet.db")


def test_a_wallet_that_is_closed(wallet, caplog):
    wallet.close()
    wallet.close()
    calls(wallet, 2)
    assert wallet.store.failed == 4
    assert warnings(caplog) == ["calls are not noted in wallet.db: the wallet is closed"]
    with pytest.raises(WalletError, match="the wallet is closed"):
        wallet.store.counts()


def test_a_wallet_after_a_fork(wallet, caplog):
    """The thread that writes is not there any more; the calls go on."""
    child = os.fork()
    if not child:
        done = 0
        with suppress(AssertionError, WalletError):
            calls(wallet, 1)
            wallet.close()
            done = wallet.store.failed
        os._exit(done)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    calls(wallet, 1)
    assert wallet.store.counts() == (1, 0)


def test_many_threads(wallet):
    """Every call has its own line; of one id all but one are replays."""
    inner = httpx.MockTransport(lambda request: httpx.Response(200, json={"id": request.url.path}))
    with httpx.Client(transport=wallet.transport(httpx, inner)) as client:
        threads = [
            threading.Thread(target=lambda n=n: client.post(f"http://x/{n % 20}", content=b"{}"))
            for n in range(200)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    kept = lines(wallet)
    assert len(kept) == len({line["commitment"] for line in kept}) == 200
    assert sum(line["replay"] for line in kept) == 180
    assert {line["outcome"] for line in kept} == {"complete"}


# The file.


def mode(name):
    return stat.S_IMODE(Path(name).stat().st_mode)


def test_nobody_else_may_read_it(wallet):
    calls(wallet, 1)
    for name in ("wallet.db", "wallet.db-wal", "wallet.db-shm"):
        assert mode(name) == 0o600


def test_the_mode_of_a_file_that_is_there_already_is_left_alone(folder):
    Wallet("wallet.db").close()
    os.chmod("wallet.db", 0o640)
    Wallet("wallet.db").close()
    assert mode("wallet.db") == 0o640


def test_the_tables(wallet):
    """As spec/record.md has them."""
    with closing(sqlite3.connect("wallet.db")) as db:
        named = {name: db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")}  # fmt: skip
        columns = {
            table: [(row[1], row[2], row[3]) for row in db.execute(f"PRAGMA table_info({table})")]
            for table in ("calls", "receipts")
        }
    assert named == {"application_id": (0x52435057,), "user_version": (2,)}
    assert columns["receipts"] == [("call", "INTEGER", 1), ("data", "BLOB", 1)]
    assert columns["calls"] == [
        ("number", "INTEGER", 0), ("sent", "INTEGER", 1), ("answered", "INTEGER", 0), ("host", "TEXT", 1), ("path", "TEXT", 1),
        ("credential", "BLOB", 0), ("account", "TEXT", 0), ("status", "INTEGER", 0), ("outcome", "TEXT", 0), ("replay", "INTEGER", 1),
        ("commitment", "BLOB", 1), ("nonce", "BLOB", 1), ("requested_model", "TEXT", 0), ("model", "TEXT", 0), ("request", "TEXT", 0),
        ("usage", "TEXT", 0), ("tier", "TEXT", 0), ("tools", "TEXT", 0),
    ]  # fmt: skip


def test_a_wallet_that_is_none(folder):
    (folder / "x").write_bytes(b"no database at all, but long enough" * 40)
    with pytest.raises(WalletError, match="file is not a database"):
        Wallet("x")
    with sqlite3.connect("other.db") as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    before = (folder / "other.db").read_bytes()
    with pytest.raises(WalletError, match="but not a wallet"):
        Wallet("other.db")
    assert (folder / "other.db").read_bytes() == before
    with pytest.raises(WalletError, match="No such file"):
        Wallet("nowhere/wallet.db")
    with pytest.raises(WalletError, match="unable to open"):
        Wallet(str(folder))


def test_a_wallet_of_a_later_version(wallet):
    wallet.close()
    with sqlite3.connect("wallet.db") as db:
        db.execute("PRAGMA user_version=3")
    db.close()
    with pytest.raises(WalletError, match="is a wallet of version 3, expected 2"):
        Wallet("wallet.db")


VERSION_1 = """
CREATE TABLE requests (
  number INTEGER PRIMARY KEY, request TEXT, time INTEGER NOT NULL, model TEXT, status INTEGER,
  commitment BLOB NOT NULL, nonce BLOB NOT NULL, url TEXT NOT NULL, complete INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE receipts (number INTEGER NOT NULL REFERENCES requests, data BLOB NOT NULL);
INSERT INTO requests VALUES (3, 'r', 1000, 'm', 200, x'01', x'02', 'https://u:p@h:8/v1/messages?key=secret', 1);
INSERT INTO requests VALUES (4, NULL, 2000, NULL, 500, x'03', x'04', 'https://h', 1);
INSERT INTO requests VALUES (5, 's', 3000, 'm', 200, x'05', x'06', 'https://h/x', 0);
INSERT INTO requests VALUES (6, NULL, 4000, 'm', NULL, x'07', x'08', 'https://h/x', 0);
INSERT INTO receipts VALUES (3, x'aa'), (5, x'bb'), (3, x'cc');
PRAGMA application_id=0x52435057;
PRAGMA user_version=1;
"""


@pytest.fixture
def old(folder):
    """A wallet of version 1."""
    with sqlite3.connect("wallet.db") as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(VERSION_1)
    db.close()


def test_a_wallet_of_version_1(old, folder):
    """It goes on, with what it knew."""
    wallet = Wallet("wallet.db")
    kept = lines(wallet)
    nothing = dict.fromkeys(("answered", "credential", "account", "outcome", "requested_model", "model", "request", "usage", "status", "tier", "tools"))  # fmt: skip
    expected = [
        {"number": 3, "sent": 1000, "host": "h:8", "path": "/v1/messages", "status": 200, "outcome": "complete", "commitment": b"\1", "nonce": b"\2", "requested_model": "m", "request": "r", "receipts": [b"\xaa", b"\xcc"]},
        {"number": 4, "sent": 2000, "host": "h", "path": "/", "status": 500, "outcome": "failed", "commitment": b"\3", "nonce": b"\4", "receipts": []},
        {"number": 5, "sent": 3000, "host": "h", "path": "/x", "status": 200, "commitment": b"\5", "nonce": b"\6", "requested_model": "m", "request": "s", "receipts": [b"\xbb"]},
        {"number": 6, "sent": 4000, "host": "h", "path": "/x", "commitment": b"\7", "nonce": b"\x08", "requested_model": "m", "receipts": []},
    ]  # fmt: skip
    assert kept == [nothing | {"replay": 0} | line for line in expected]
    calls(wallet, 1)
    assert wallet.store.counts() == (5, 3)
    wallet.close()
    assert b"secret" not in (folder / "wallet.db").read_bytes().replace(b"TABLE secret", b"").replace(b"secretsecret", b"")  # fmt: skip
    assert mode("wallet.db") == 0o600
    Wallet("wallet.db").close()


def test_a_wallet_of_version_1_that_is_damaged_stays_as_it_is(old, folder):
    with sqlite3.connect("wallet.db") as db:
        db.execute("DROP TABLE receipts")
    db.close()
    with pytest.raises(WalletError, match="no such table"):
        Wallet("wallet.db")
    with sqlite3.connect("wallet.db") as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema")]
        version = db.execute("PRAGMA user_version").fetchone()
    db.close()
    assert (names, version) == (["requests"], (1,))


def test_lines_by_hand(folder):
    """As tests and tools write them."""
    made = Store("wallet.db")
    call = Call(1000, "h", "/v1/messages", bytes(32), b"n", status=200, outcome=Outcome.COMPLETE)
    call.request, call.receipts = "r", [b"one"]
    made.save(call)
    call.receipts.append(b"two")
    made.save(call)
    assert made.counts() == (1, 2)
    made.close()
    assert store._PATIENCE_S < 1

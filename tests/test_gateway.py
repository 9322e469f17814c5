"""A gateway that calls a provider with its own key and bills on: a receipt for each call, by the official clients as by plain httpx."""

import asyncio
import gzip
import json
from concurrent.futures import ThreadPoolExecutor

import anthropic
import httpx
import httpx2
import openai
import pytest

from receipts import Journal
from receipts.callers import Caller
from receipts.emitting import Emitter
from receipts.gateway import Billing, async_transport, behalf, billed_to, transport
from receipts.header import byte_sequence, parse_byte_sequence
from receipts.wallet import Wallet, commitment
from tests.build import ISSUER, KEY
from tests.provider import MESSAGE_USAGE, Provider
from tests.server import serving
from tests.streams import CACHED, CHAT, DONE, STREAMS, chunk, lines
from tests.test_every_answer import FRAMED
from tests.test_every_stream import expected, stated
from tests.test_in_band import ASK, HTTP
from verifier import read_item

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2])
BODY = json.dumps({"id": "c-1", "model": "m-1", "usage": CACHED}).encode()
STREAM = lines(chunk(), chunk(finish="stop", usage=CACHED)) + DONE
AWS = "application/vnd.amazon.eventstream"


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


@pytest.fixture
def emitter(journal):
    return Emitter(journal, behalf)


def counted(emitter):
    return {name: n for name, n in emitter.counters.outcomes().items() if n}


def claims_of(receipted):
    return read_item(receipted.emitted.data).claims


def parts(library, data, step=7, breaks=False):
    """A body that comes in parts, for either kind of client."""

    class Body(library.SyncByteStream, library.AsyncByteStream):
        closed = False

        def __iter__(self):
            for i in range(0, len(data), step):
                yield data[i : i + step]
            if breaks:
                raise library.ReadError("gone")

        async def __aiter__(self):
            for part in self:
                yield part

        def close(self):
            self.closed = True

        async def aclose(self):
            self.closed = True

    return Body()


def sender(library, data, kind="application/json", status=200, headers=(), **more):
    """A provider in place of the network."""

    def answer(request):
        told = {"content-type": kind, **dict(headers)}
        return library.Response(status, headers=told, stream=parts(library, data, **more))

    return library.MockTransport(answer)


def ask(library, emitter, inner, path=CHAT, is_async=False, base="https://api.openai.com", **more):
    """What came, byte by byte, and the response."""

    async def main():
        client = library.AsyncClient(transport=async_transport(library, emitter, inner))
        async with client, client.stream("POST", base + path, json={}, **more) as response:
            return b"".join([part async for part in response.aiter_raw()]), response

    if is_async:
        return asyncio.run(main())
    client = library.Client(transport=transport(library, emitter, inner))
    with client, client.stream("POST", base + path, json={}, **more) as response:
        return b"".join(response.iter_raw()), response


@pytest.mark.parametrize("is_async", [False, True])
@LIBRARIES
@pytest.mark.parametrize(("data", "kind"), [(BODY, "application/json"), (STREAM, "text/event-stream")])  # fmt: skip
def test_a_call_is_billed_on(emitter, library, is_async, data, kind):
    with billed_to("acme", tags={"team": "search"}) as billing:
        came, response = ask(library, emitter, sender(library, data, kind), is_async=is_async)
    assert came == data
    receipted = response.extensions["receipt"]
    assert billing.receipts == [receipted]
    claims = claims_of(receipted)
    assert (claims.account, claims.tags) == ("acme", {"team": "search"})
    assert (claims.issuer, claims.request, claims.cached) == (ISSUER, "c-1", 640)
    assert (claims.source.provider, claims.source.api) == ("openai", "chat.completions")
    value = byte_sequence(receipted.emitted.data)
    assert receipted.headers == {"token-receipt": value.decode()}
    assert receipted.comment == b": token-receipt " + value + b"\n\n"
    assert counted(emitter) == {"issued": 1}


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_every_stream(journal, stream, is_async):
    """The same as by the middleware: not a byte is changed, and the receipt is right."""
    emitter = Emitter(journal, "acme", provider=stream.provider)
    inner = sender(httpx, stream.data, "text/event-stream", step=1)
    base = "https://api.anthropic.com" if "messages" in stream.path else "https://api.openai.com"
    base = "https://generativelanguage.googleapis.com" if "models" in stream.path else base
    came, response = ask(httpx, emitter, inner, stream.path, is_async, base)
    assert came == stream.data
    assert counted(emitter) == {stream.outcome: 1}
    receipted = response.extensions["receipt"]
    if stream.usage is None:
        assert (receipted.emitted, receipted.headers, receipted.comment) == (None, {}, b"")
    else:
        assert stated(claims_of(receipted)) == expected(stream)


@pytest.mark.parametrize("name", FRAMED)
def test_frames_of_bedrock(journal, name):
    path, data, counts = FRAMED[name]
    emitter = Emitter(journal, "acme")
    base = "https://bedrock-runtime.us-east-1.amazonaws.com"
    came, response = ask(httpx, emitter, sender(httpx, data, AWS), path, base=base)
    claims = claims_of(response.extensions["receipt"])
    assert came == data
    assert (claims.logical, claims.cached, claims.output) == counts
    told = response.extensions["receipt"].headers.get("token-receipt-request")
    assert claims.request == (told or "i")


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(("data", "kind"), [(BODY, "application/json"), (STREAM, "text/event-stream")])  # fmt: skip
def test_what_is_compressed_comes_compressed(emitter, data, kind, is_async):
    packed = gzip.compress(data)
    inner = sender(httpx, packed, kind, headers={"content-encoding": "gzip"}, step=1)
    with billed_to("acme") as billing:
        came, _ = ask(httpx, emitter, inner, is_async=is_async)
    assert came == packed
    assert claims_of(billing.receipts[0]).cached == 640


def test_what_a_transport_has_read_and_inflated_itself(emitter):
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    packed = gzip.compress(BODY)
    inner = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=packed))
    client = httpx.Client(transport=transport(httpx, emitter, inner))
    with billed_to("acme") as billing:
        assert client.post("https://api.openai.com" + CHAT).content == BODY
    assert claims_of(billing.receipts[0]).cached == 640
    assert counted(emitter) == {"issued": 1}


@pytest.mark.parametrize("coding", ["gzip", "compress"])
def test_what_cannot_be_read_is_counted(emitter, coding):
    inner = sender(httpx, BODY, headers={"content-encoding": coding})
    with billed_to("acme") as billing:
        assert ask(httpx, emitter, inner)[0] == BODY
    assert billing.receipts == []
    assert counted(emitter) == {"unreadable": 1}


@pytest.mark.parametrize("step", [1, 1 << 20])
def test_the_receipt_is_there_before_the_last_event(emitter, step):
    """So that the gateway can put it into its own stream; an official client stops reading there, and that is no hanging up."""
    inner = sender(httpx, STREAM, "text/event-stream", step=step)
    client = httpx.Client(transport=transport(httpx, emitter, inner))
    came, url = b"", "https://api.openai.com" + CHAT
    with billed_to("acme") as billing, client.stream("POST", url) as response:
        for part in response.iter_raw():
            came += part
            assert bool(billing.receipts) is (came == STREAM)
            if came == STREAM:
                break
    assert counted(emitter) == {"issued": 1}


# Official clients, against a real server.


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def url(provider):
    with serving(provider) as url:
        yield url


EVENTS = [f"data: {json.dumps(one)}\n\n" for one in (chunk(), chunk(finish="stop"), {**chunk(), "choices": [], "usage": CACHED})]  # fmt: skip
MESSAGE = {"id": "msg-1", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": "end_turn", "usage": MESSAGE_USAGE}  # fmt: skip
MESSAGE_EVENTS = [
    "event: message_start\ndata: " + json.dumps({"type": "message_start", "message": {**MESSAGE, "usage": {**MESSAGE_USAGE, "output_tokens": 1}}}) + "\n\n",
    "event: message_delta\ndata: " + json.dumps({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}) + "\n\n",
    'event: message_stop\ndata: {"type": "message_stop"}\n\n',
]  # fmt: skip
COMPLETION = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "m-1", "choices": [], "usage": CACHED}  # fmt: skip


def gives(provider, package, stream):
    if stream:
        provider.streams([*EVENTS, DONE.decode()] if package == "openai" else MESSAGE_EVENTS)
    else:
        provider.replies(COMPLETION if package == "openai" else MESSAGE)


def call(package, url, client, stream):
    if package == "openai":
        api = openai.OpenAI(base_url=f"{url}/v1", api_key="x", http_client=client, max_retries=0)
        answer = api.chat.completions.create(model="m-1", messages=ASK, stream=stream)
    else:
        api = anthropic.Anthropic(base_url=url, api_key="x", http_client=client, max_retries=0)
        answer = api.messages.create(model="c", max_tokens=9, messages=ASK, stream=stream)
    return list(answer) if stream else answer


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("package", ["openai", "anthropic"])
def test_the_official_clients(emitter, provider, url, package, stream):
    http = HTTP[package]
    gives(provider, package, stream)
    with http.Client(transport=transport(http, emitter)) as client, billed_to("acme") as billing:
        call(package, url, client, stream)
    claims = claims_of(billing.receipts[0])
    assert claims.request == ("c-1" if package == "openai" else "msg-1")
    assert claims.source.provider == "127.0.0.1"  # nobody's address that is known
    assert counted(emitter) == {"issued": 1}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("package", ["openai", "anthropic"])
def test_the_async_clients(emitter, provider, url, package, stream):
    """Tasks at the same time, each on behalf of another account."""
    http = HTTP[package]
    for _ in range(8):
        gives(provider, package, stream)

    async def one(client, n):
        with billed_to(f"account-{n}") as billing:
            if package == "openai":
                api = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", http_client=client)
                answer = await api.chat.completions.create(model="m-1", messages=ASK, stream=stream)
            else:
                api = anthropic.AsyncAnthropic(base_url=url, api_key="x", http_client=client)
                answer = await api.messages.create(model="c", max_tokens=9, messages=ASK, stream=stream)  # fmt: skip
            if stream:
                assert [event async for event in answer]
        return [claims_of(receipted).account for receipted in billing.receipts]

    async def main():
        async with http.AsyncClient(transport=async_transport(http, emitter)) as client:
            return await asyncio.gather(*(one(client, n) for n in range(8)))

    assert asyncio.run(main()) == [[f"account-{n}"] for n in range(8)]
    assert counted(emitter) == {"issued": 8}


def test_threads(emitter, provider, url):
    """Each thread has its own; one that has none bills nobody."""
    for _ in range(9):
        gives(provider, "openai", False)

    def one(n):
        with billed_to(f"account-{n}") as billing:
            call("openai", url, client, False)
        return claims_of(billing.receipts[0]).account

    with httpx.Client(transport=transport(httpx, emitter)) as client, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(8))) == [f"account-{n}" for n in range(8)]
        with billed_to("acme"):
            pool.submit(call, "openai", url, client, False).result()
    assert counted(emitter) == {"issued": 8, "without_account": 1}


def test_the_extension_of_a_request(emitter):
    """It counts more than what stands around the call."""
    with billed_to("other") as around:
        for told in (Caller("acme", {"a": "b"}), "acme", Billing(Caller("acme"))):
            _, response = ask(httpx, emitter, sender(httpx, BODY.replace(b"c-1", str(id(told)).encode())), extensions={"receipt": told})  # fmt: skip
            assert claims_of(response.extensions["receipt"]).account == "acme"
    assert around.receipts == []
    assert len(told.receipts) == 1


def test_the_customers_commitment(emitter, folder):
    """The customer's is echoed, and not the one with which the gateway's own wallet asks the provider."""
    mine = commitment(bytes(32), b"{}")
    wallet = Wallet(str(folder / "wallet.db"))
    inner = wallet.transport(httpx, sender(httpx, BODY))
    with billed_to("acme", client=byte_sequence(mine).decode()) as billing:
        ask(httpx, emitter, inner, headers={"Token-Receipt-Client": byte_sequence(b"its own").decode()})  # fmt: skip
    wallet.close()
    assert claims_of(billing.receipts[0]).client == mine
    assert parse_byte_sequence(billing.receipts[0].headers["token-receipt"].encode())


@pytest.mark.parametrize("value", [None, "", "abc", ":?:", ":" + "A" * 200 + ":", "\N{SNOWMAN}"])
def test_a_commitment_that_is_none(emitter, value):
    with billed_to("acme", client=value) as billing:
        ask(httpx, emitter, sender(httpx, BODY), headers={"Token-Receipt-Client": ":YWJj:"})
    assert claims_of(billing.receipts[0]).client is None

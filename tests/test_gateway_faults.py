"""A gateway's call that fails, breaks, is cancelled, or whose receipt cannot be issued: it is what it would be without a receipt."""

import asyncio
import json
import threading

import httpx
import pytest

from receipts import Journal
from receipts.emitting import Emitter
from receipts.gateway import async_transport, behalf, billed_to, transport
from receipts.ingest import canonical, provider_at
from receipts.ingest.addresses import _EXACT, _PATTERNS
from receipts.ingest.providers import PROVIDERS
from tests.build import ACCOUNT, ISSUER, KEY
from tests.streams import CACHED, CHAT, GOOGLE, chunk, gemini, lines
from tests.test_gateway import BODY, STREAM, ask, claims_of, counted, parts, sender
from tests.test_in_band import receipts_in
from tests.test_no_harm import FAULTS

BOTH = pytest.mark.parametrize("is_async", [False, True])
URL = "https://api.openai.com" + CHAT


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


@pytest.fixture
def emitter(journal):
    return Emitter(journal, ACCOUNT)


@BOTH
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_ours(journal, monkeypatch, caplog, fault, kind, is_async):
    emitter = FAULTS[fault](journal, monkeypatch)
    data = BODY if kind == "application/json" else STREAM
    came, response = ask(httpx, emitter, sender(httpx, data, kind), is_async=is_async)
    assert (came, response.status_code) == (data, 200)
    assert counted(emitter) == {"failed": 1}
    assert len([r for r in caplog.records if r.name.startswith("receipts")]) == 1


async def answers(asked):
    return ACCOUNT


async def waits(asked):
    await asyncio.sleep(0)
    return ACCOUNT


async def insists(asked):
    while True:
        try:
            await asyncio.sleep(0)
        except RuntimeError:
            continue


def test_an_async_account_without_a_loop(journal, caplog):
    """One that does not wait is as good as a sync one; one that does is told so."""
    for account, outcome in ((answers, "issued"), (waits, "failed"), (insists, "failed")):
        emitter = Emitter(journal, account)
        assert ask(httpx, emitter, sender(httpx, BODY))[0] == BODY
        assert counted(emitter) == {outcome: 1}
    assert "give a sync one, or use the async transport" in caplog.text


def test_an_async_account_in_a_loop(journal):
    emitter = Emitter(journal, waits)
    assert ask(httpx, emitter, sender(httpx, BODY), is_async=True)[0] == BODY
    assert counted(emitter) == {"issued": 1}


def test_a_sync_client_in_a_loop(journal, emitter):
    """It blocks, as such a client does, and works."""

    async def main():
        return ask(httpx, emitter, sender(httpx, BODY))

    assert claims_of(asyncio.run(main())[1].extensions["receipt"]).request == "c-1"


@BOTH
def test_a_connection_that_fails(emitter, is_async):
    def refuse(request):
        raise httpx.ConnectError("refused")

    with pytest.raises(httpx.ConnectError, match="refused"):
        ask(httpx, emitter, httpx.MockTransport(refuse), is_async=is_async)
    assert counted(emitter) == {"hung_up": 1}


@BOTH
@pytest.mark.parametrize("data", [BODY[:-1], lines(chunk(usage=CACHED))])
def test_a_connection_that_breaks(emitter, data, is_async):
    kind = "application/json" if data.startswith(b"{") else "text/event-stream"
    with pytest.raises(httpx.ReadError, match="gone"):
        ask(httpx, emitter, sender(httpx, data, kind, breaks=True), is_async=is_async)
    assert counted(emitter) == {"hung_up": 1}


@BOTH
@pytest.mark.parametrize(
    ("status", "data", "outcome"),
    [
        (429, b'{"error": {}}', "without_usage"),
        (200, b'{"error": {}}', "without_usage"),
        (200, b"{", "unreadable"),
        (200, b'{"id": "r", "object": "response", "status": "queued"}', "pending"),
    ],
)
def test_answers_that_bill_nothing(emitter, status, data, outcome, is_async):
    came, response = ask(httpx, emitter, sender(httpx, data, status=status), is_async=is_async)
    assert (came, response.status_code) == (data, status)
    assert counted(emitter) == {outcome: 1}


def close_early(emitter, inner, path, is_async):
    """Read one part, and go."""

    async def main():
        client = httpx.AsyncClient(transport=async_transport(httpx, emitter, inner))
        async with client.stream("POST", "https://x" + path) as response:
            async for _ in response.aiter_raw():
                break

    if is_async:
        asyncio.run(main())
        return
    client = httpx.Client(transport=transport(httpx, emitter, inner))
    with client.stream("POST", "https://x" + path) as response:
        next(response.iter_raw())


@BOTH
@pytest.mark.parametrize("finish", [None, "STOP"])
def test_a_caller_that_does_not_read_to_the_end(emitter, finish, is_async):
    """What says that it is whole is billed; of anything else no final usage is known."""
    data = lines(gemini(finish))
    body = parts(httpx, data, step=len(data))
    headers = {"content-type": "text/event-stream"}
    inner = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=body))
    close_early(emitter, inner, GOOGLE, is_async)
    assert counted(emitter) == {"issued" if finish else "hung_up": 1}
    assert body.closed


def test_a_task_that_is_cancelled_while_the_receipt_is_written(journal, emitter, monkeypatch):
    """The receipt is there, so it is counted."""
    begun, go, write = threading.Event(), threading.Event(), journal._commit

    def held(group):
        begun.set()
        go.wait(30)
        write(group)

    monkeypatch.setattr(journal, "_commit", held)

    async def main():
        client = httpx.AsyncClient(transport=async_transport(httpx, emitter, sender(httpx, BODY)))
        task = asyncio.create_task(client.post(URL))
        assert await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert counted(emitter) == {}
        go.set()
        for _ in range(500):
            if emitter.counters["issued"]:
                break
            await asyncio.sleep(0.01)

    asyncio.run(main())
    assert counted(emitter) == {"issued": 1}
    assert len(receipts_in(journal)) == 1


@BOTH
def test_a_transport_that_has_read_the_answer(emitter, is_async):
    """As one that caches answers; the client then reads nothing more."""
    for data, kind in ((BODY, "application/json"), (STREAM.replace(b"c-1", b"c-2"), "text/event-stream")):  # fmt: skip
        inner = httpx.MockTransport(lambda _, d=data, k=kind: httpx.Response(200, headers={"content-type": k}, content=d))  # fmt: skip

        async def main(inner=inner):
            async with httpx.AsyncClient(transport=async_transport(httpx, emitter, inner)) as client:  # fmt: skip
                return await client.post(URL)

        def now(inner=inner):
            with httpx.Client(transport=transport(httpx, emitter, inner)) as client:
                return client.post(URL)

        response = asyncio.run(main()) if is_async else now()
        assert response.content == data
        assert claims_of(response.extensions["receipt"]).cached == 640


@BOTH
def test_what_goes_to_the_provider_is_unchanged(emitter, is_async):
    """Paths that report no usage are not looked at; of the others the body is read, and sent as it was."""
    seen = []

    def answer(request):
        seen.append((request.method, request.url.path, request.headers.raw, request.read()))
        return httpx.Response(200, json={"id": "r"})

    async def apart():
        for part in (b'{"model"', b': "m"}'):
            yield part

    async def ask_all(client):
        await client.get("https://x/v1/models")
        await client.post("https://x/v1/files", content=apart())
        await client.post(URL, content=apart(), headers={"Token-Receipt-Client": ":YWJj:"})

    def now(client):
        client.get("https://x/v1/models")
        client.post("https://x/v1/files", content=iter([b'{"model"', b': "m"}']))
        client.post(URL, content=iter([b'{"model"', b': "m"}']), headers={"Token-Receipt-Client": ":YWJj:"})  # fmt: skip

    async def main(transport_):
        async with httpx.AsyncClient(transport=transport_) as client:
            await ask_all(client)

    inner = httpx.MockTransport(answer)
    for watched in (True, False):
        if is_async:
            asyncio.run(main(async_transport(httpx, emitter, inner) if watched else inner))
        else:
            with httpx.Client(transport=transport(httpx, emitter, inner) if watched else inner) as c:  # fmt: skip
                now(c)
    assert seen[:3] == seen[3:]
    assert counted(emitter) == {"without_usage": 1}


def test_nobody_is_billed_outside(journal):
    emitter = Emitter(journal, behalf)
    with billed_to("acme") as first, billed_to("other") as second:
        ask(httpx, emitter, sender(httpx, BODY))
    ask(httpx, emitter, sender(httpx, BODY))
    assert (len(first.receipts), len(second.receipts)) == (0, 1)
    assert counted(emitter) == {"issued": 1, "without_account": 1}


def test_the_provider_is_the_one_that_was_asked(journal):
    """A host that nobody knows keeps its name, and is read as the path has it; the operator knows better."""
    for base, provider, said in (
        ("https://api.groq.com:443/openai", None, "groq"),
        ("https://my.openai.azure.com/openai/deployments/x", None, "azure.ai.openai"),
        ("http://llm.internal:8000", None, "llm.internal"),
        ("http://[::1]:8000", None, "::1"),
        ("http://llm.internal:8000", "vllm", "vllm"),
    ):
        emitter = Emitter(journal, ACCOUNT, provider=provider)
        data = json.dumps({"id": base + said, "model": "m", "usage": CACHED}).encode()
        _, response = ask(httpx, emitter, sender(httpx, data), base=base)
        source = claims_of(response.extensions["receipt"]).source
        assert (source.provider, source.api) == (said, "chat.completions")


def test_addresses():
    names = {provider.name for provider in PROVIDERS}
    known = [*_EXACT.values(), *(provider for _, provider in _PATTERNS)]
    assert {canonical(name) for name in known} == set(known) <= names
    for host, provider in {
        "API.OpenAI.com": "openai", "api.openai.com:443": "openai", "api.openai.com.": "openai", "evilapi.openai.com": None,
        "api.openai.com.evil.example": None, "bedrock-runtime.eu-west-1.amazonaws.com": "aws.bedrock", "x.openai.azure.com": "azure.ai.openai",
        "us-east5-aiplatform.googleapis.com": "gcp.vertex_ai", "a.b.openai.azure.com.evil": None, "": None, "[::1]:80": None,
    }.items():  # fmt: skip
        assert provider_at(host) == provider, host

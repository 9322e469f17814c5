"""A server that is stopped leaves its journal in one file; what it did not open, it does not close."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from cli.sample.server import Replay
from receipts import Journal
from receipts.asgi import ReceiptMiddleware
from receipts.emitting import Emitter
from receipts.journal import journal_items
from tests.build import ACCOUNT, ISSUER, KEY

ASK = {"model": "m", "max_tokens": 1, "messages": []}


@pytest.fixture
def settings(keys, monkeypatch):
    settings = {"RECEIPT_KEYS": "keys", "RECEIPT_JOURNAL": "j.db", "RECEIPT_ACCOUNT": ACCOUNT}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def journal_files():
    return sorted(path.name for path in Path().glob("j.db*"))


def shut_down(app, kind="lifespan.shutdown.complete"):
    """The life of a server with one request in it; returns what came of its end."""
    told = []

    async def inner(scope, receive, send):
        if scope["type"] == "lifespan" and kind.endswith("failed"):
            await send({"type": kind, "message": "no"})
        else:
            await Replay()(scope, receive, send)

    async def main():
        events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        app.app = inner

        async def receive():
            return events.pop(0)

        async def send(message):
            told.append((message["type"], journal_files()))

        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            answer = await client.post("/v1/messages", json=ASK)
            assert "token-receipt" in answer.headers
        await app({"type": "lifespan"}, receive, send)

    asyncio.run(main())
    return told[-1]


@pytest.mark.parametrize("kind", ["lifespan.shutdown.complete", "lifespan.shutdown.failed"])
def test_what_was_opened_is_closed_before_the_server_hears_that_it_may_go(settings, kind):
    app = ReceiptMiddleware(None)
    assert shut_down(app, kind) == (kind, ["j.db"])
    assert app.emitter is None
    assert shut_down(app, kind) == (kind, ["j.db"])  # started once more, it opens it anew
    assert len(list(journal_items("j.db"))) == 2


@pytest.mark.parametrize(("more", "left"), [({}, 3), ({"closes": True}, 1)])
def test_what_was_given_is_its_givers_unless_it_says_so(keys, more, left):
    with Journal("j.db", ISSUER, KEY) as journal:
        emitter = Emitter(journal, ACCOUNT)
        app = ReceiptMiddleware(None, emitter, **more)
        assert len(shut_down(app)[1]) == left
        assert app.emitter is emitter


def test_a_server_without_a_request_opens_and_closes_nothing(settings):
    app, told = ReceiptMiddleware(Replay()), []

    async def send(message):
        told.append(message["type"])

    async def receive():
        return {"type": "lifespan.shutdown"}

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert (told, journal_files()) == (["lifespan.shutdown.complete"], [])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_end_leaves_one_file(settings, how):
    path = os.pathsep.join(str(one) for one in (Path(__file__).parents[1], *sys.path))
    command = [sys.executable, "-m", "cli.sample.server", "--port-file", "port"]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})
    try:
        ends = time.monotonic() + 60
        while not Path("port").exists() and time.monotonic() < ends:
            time.sleep(0.05)
        url = f"http://127.0.0.1:{Path('port').read_text().strip()}/v1/messages"
        assert "token-receipt" in httpx.post(url, json=ASK).headers
        assert journal_files() == ["j.db", "j.db-shm", "j.db-wal"]
        process.send_signal(how)
        process.wait(60)
    finally:
        process.kill()
    assert journal_files() == ["j.db"]
    assert len(list(journal_items("j.db"))) == 1

"""What the middleware adds to a request, with identifiers and tags on, and the journal on the disk."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from queue import SimpleQueue

from receipts import Journal
from receipts.asgi import ReceiptMiddleware
from receipts.cache_id import CacheKey
from receipts.callers import KeyTable, TagContract, key_hash
from receipts.emitting import Emitter
from receipts.prefixes import Identifiers
from tests.build import ACCOUNT, ISSUER, KEY

BLOCKS, EACH = 20, 25
"""Medians, and requests of each."""
UPSTREAM_MS = 10
SECRET = b"acme-0123456789abcdef0123456789abcdef"
USAGE = {
    "input_tokens": 12, "cache_read_input_tokens": 1400, "cache_creation_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 40, "service_tier": "standard",
}  # fmt: skip
HANDBOOK = {"type": "text", "text": "The handbook. " * 400, "cache_control": {"type": "ephemeral"}}
ASKED = {
    "model": "m", "max_tokens": 99, "system": [HANDBOOK], "metadata": {"feature": "chat"},
    "messages": [{"role": "user", "content": "question"}],
}  # fmt: skip
SCOPE = {
    "type": "http", "method": "POST", "path": "/v1/messages",
    "headers": [(b"authorization", b"Bearer " + SECRET), *((b"x-%d" % n, b"x") for n in range(10))],
}  # fmt: skip
CONTRACT = b'owner = "platform"\n[tags.team]\nrequired = true\nfrom = ["key:team"]\n[tags.feature]\nfrom = ["metadata:feature"]\n'


def middleware_rows(folder: Path) -> list[tuple[str, str, str]]:
    """Requests one after the other, by turns with and without the middleware."""
    with Journal(str(folder / "path.db"), ISSUER, KEY) as journal:
        added = asyncio.run(_added(ReceiptMiddleware(_upstream(), _emitter(journal)))) * 1000
    least = _least(folder / "page") * 1000
    return [
        ("middleware with identifiers and tags, median added to a request", f"{added:.2f} ms", ""),
        (f"as a share of an upstream of {UPSTREAM_MS} ms", f"{added / UPSTREAM_MS:.1%}", "< 2%"),
        (
            "of it a signature, a page on the disk, and a thread that is asked and answers",
            f"{least:.2f} ms",
            "",
        ),
    ]


def _emitter(journal: Journal) -> Emitter:
    key = f'[[key]]\naccount = "{ACCOUNT}"\nsha256 = "{key_hash(SECRET)}"\ntags = {{ team = "search" }}\n'
    return Emitter(
        journal,
        KeyTable.from_toml(key.encode()).find,
        tags=TagContract.from_toml(CONTRACT),
        identifiers=Identifiers({ACCOUNT: CacheKey(ACCOUNT, bytes(32))}),
    )


def _upstream():
    """An application that waits for its answer, and gives it."""
    numbers = count()

    async def app(_scope, receive, send) -> None:
        await receive()
        # Not a timer of the loop: those are of whole milliseconds from when the loop has nothing else to do.
        await asyncio.to_thread(time.sleep, UPSTREAM_MS / 1000)
        answer = {"id": f"msg_{next(numbers)}", "type": "message", "model": "m", "usage": USAGE}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return app


async def _added(middleware: ReceiptMiddleware) -> float:
    """Seconds: the difference of the least medians, since other work on a machine only adds to them."""
    medians = []
    for _ in range(BLOCKS):
        times = [(await _seconds(middleware), await _seconds(middleware.app)) for _ in range(EACH)]
        medians.append([statistics.median(side) for side in zip(*times, strict=True)])
    watched, plain = (min(side) for side in zip(*medians, strict=True))
    return watched - plain


def _least(path: Path) -> float:
    """Seconds: what no receipt that is durable before it is given can do without, after the same wait as in an upstream."""
    asked: SimpleQueue[bytes] = SimpleQueue()
    told: SimpleQueue[bytes] = SimpleQueue()
    times = []
    with path.open("wb", buffering=0) as page, ThreadPoolExecutor(2) as threads:
        page.write(bytes(4096))
        os.fsync(page.fileno())

        def write() -> None:
            while message := asked.get():
                signature = KEY.private.sign(message)
                os.pwrite(page.fileno(), signature * 64, 0)
                os.fdatasync(page.fileno())
                told.put(signature)

        threads.submit(write)
        for _ in range(BLOCKS * EACH):
            threads.submit(time.sleep, UPSTREAM_MS / 1000).result()
            begin = time.perf_counter()
            asked.put(bytes(96))
            told.get()
            times.append(time.perf_counter() - begin)
        asked.put(b"")
    return min(
        statistics.median(times[first : first + EACH]) for first in range(0, len(times), EACH)
    )


async def _seconds(application) -> float:
    body = json.dumps(ASKED).encode()

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_message) -> None:
        pass

    begin = time.perf_counter()
    await application({**SCOPE}, receive, send)
    return time.perf_counter() - begin

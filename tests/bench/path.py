"""The request path: durable receipts a second with many callers, and what the middleware adds to a request."""

from __future__ import annotations

import asyncio
import json
import statistics
import threading
import time
from pathlib import Path

from receipts import Counts, Journal
from receipts.asgi import ReceiptMiddleware
from receipts.emitting import Emitter
from tests.build import ACCOUNT, ISSUER, KEY

CALLERS, EACH = 64, 300
REQUESTS = 2000
COUNTS = Counts(3000, 2000, {300: 600}, 500, 120)
UPSTREAM_MS = 10
Row = tuple[str, str, str]


def journal_rows(folder: Path) -> list[Row]:
    """64 threads that each wait for their receipts."""
    latencies: list[float] = []
    with Journal(str(folder / "bench.db"), ISSUER, KEY) as journal:

        def work(caller: int) -> None:
            for n in range(EACH):
                begin = time.perf_counter()
                journal.issue(ACCOUNT, request=f"{caller}-{n}", model="m", counts=COUNTS)
                latencies.append(time.perf_counter() - begin)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(CALLERS)]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rate = CALLERS * EACH / (time.perf_counter() - begin)
    return [
        (f"durable receipts a second, {CALLERS} callers", f"{rate:,.0f}", ">= 5,000"),
        ("median added latency of one of their calls", f"{statistics.median(latencies) * 1000:.1f} ms", ""),
    ]  # fmt: skip


def middleware_rows(folder: Path) -> list[Row]:
    """Requests one after the other, with and without the middleware; the application answers at once."""
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "prompt_tokens_details": {"cached_tokens": 4}}  # fmt: skip
    numbers = iter(range(10 * REQUESTS))

    async def app(scope, receive, send) -> None:
        body = json.dumps({"id": f"r{next(numbers)}", "model": "m", "usage": usage}).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def swallow(message) -> None:
        pass

    async def median(application) -> float:
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions"}
        times = []
        for _ in range(REQUESTS):
            begin = time.perf_counter()
            await application({**scope, "headers": []}, None, swallow)
            times.append(time.perf_counter() - begin)
        return statistics.median(times) * 1000

    with Journal(str(folder / "path.db"), ISSUER, KEY) as journal:
        plain = asyncio.run(median(app))
        added = asyncio.run(median(ReceiptMiddleware(app, Emitter(journal, ACCOUNT)))) - plain
    share = added / UPSTREAM_MS
    return [
        ("middleware, median added to a request", f"{added:.2f} ms", ""),
        (f"as a share of an upstream of {UPSTREAM_MS} ms", f"{share:.1%}", ""),
    ]

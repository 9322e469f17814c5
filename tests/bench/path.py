"""The request path: durable receipts a second with many callers, and of one alone."""

from __future__ import annotations

import asyncio
import os
import statistics
import threading
import time
from pathlib import Path

from receipts import Counts, Issuer, Journal
from tests.build import ACCOUNT, ISSUER, KEY

CALLERS, EACH = 64, 300
REQUESTS = 2000
PAGE = 4096
COUNTS = Counts(3000, 2000, {300: 600}, 500, 120)
Row = tuple[str, str, str]


def journal_rows(folder: Path) -> list[Row]:
    """64 threads that each wait for their receipts, and 64 tasks of one loop."""
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
        begin = time.perf_counter()
        asyncio.run(_tasks(journal))
        by_tasks = CALLERS * EACH / (time.perf_counter() - begin)
    alone = _issuer_rate()
    return [
        (f"durable receipts a second, {CALLERS} callers", f"{rate:,.0f}", ">= 5,000"),
        ("as a share of what an issuer without a journal signs", f"{rate / alone:.2f}", ""),
        ("median added latency of one of their calls", f"{statistics.median(latencies) * 1000:.1f} ms", ""),
        (f"durable receipts a second, {CALLERS} tasks of a loop", f"{by_tasks:,.0f}", ""),
        ("as a share of what an issuer without a journal signs", f"{by_tasks / alone:.2f}", ""),
    ]  # fmt: skip


async def _tasks(journal: Journal) -> None:
    async def work(caller: int) -> None:
        for n in range(EACH):
            await journal.issue_async(ACCOUNT, request=f"task {caller}-{n}", model="m", counts=COUNTS)  # fmt: skip

    await asyncio.gather(*(work(n) for n in range(CALLERS)))


def _issuer_rate() -> float:
    issuer = Issuer(ISSUER, KEY)
    begin = time.perf_counter()
    for n in range(CALLERS * EACH):
        issuer.issue(ACCOUNT, request=f"{n}", model="m", time=n, counts=COUNTS)
    return CALLERS * EACH / (time.perf_counter() - begin)


def lone_rows(folder: Path) -> list[Row]:
    """One receipt at a time, and the least that a disk takes for a durable page."""
    threads, tasks, disk = [], [], []
    with Journal(str(folder / "lone.db"), ISSUER, KEY) as journal:
        for n in range(REQUESTS):
            begin = time.perf_counter()
            journal.issue(ACCOUNT, request=f"{n}", model="m", counts=COUNTS)
            threads.append(time.perf_counter() - begin)

        async def main() -> None:
            for n in range(REQUESTS):
                begin = time.perf_counter()
                await journal.issue_async(ACCOUNT, request=f"task {n}", model="m", counts=COUNTS)
                tasks.append(time.perf_counter() - begin)

        asyncio.run(main())
    with (folder / "pages").open("wb", buffering=0) as pages:
        pages.write(bytes(PAGE * REQUESTS))
        os.fsync(pages.fileno())
        for n in range(REQUESTS):
            begin = time.perf_counter()
            os.pwrite(pages.fileno(), b"x" * PAGE, n * PAGE)
            os.fdatasync(pages.fileno())
            disk.append(time.perf_counter() - begin)
    return [
        (name, f"{statistics.median(times) * 1000:.2f} ms", "")
        for name, times in (
            ("a lone durable receipt, median of a thread", threads),
            ("a lone durable receipt, median of a task", tasks),
            (f"a write of {PAGE} bytes and fdatasync, median", disk),
        )
    ]

"""Who takes the spans of a batch through steps 2 to 8: this process, or several at once. The result is the same."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from verifier.order.fast_path import FastPath
from verifier.order.part import Demand, Part, open_span
from verifier.reading.framing import Batch, Span, UnreadableError

Opening = Generator[tuple[Span, Part | None], None, None]
"""All spans in order; those of a uniform layout with what came of them."""
Workers = Callable[[Batch, Demand], Opening]


def in_this_process(batch: Batch, demand: Demand) -> Opening:
    """Span after span."""
    fast = FastPath(demand.policy, demand.columns, signatures=demand.signatures)
    for span in batch.spans():
        yield span, open_span(span, demand, fast) if span.uniform else None


def in_processes(jobs: int) -> Workers:
    """Spans in ``jobs`` processes, a few ahead of the one that is collected next."""

    def opening(batch: Batch, demand: Demand) -> Opening:
        waiting: deque[tuple[Span, Future[Part] | None]] = deque()
        most = min(jobs, os.cpu_count() or 1)  # more would only wait for each other
        with ProcessPoolExecutor(most, initializer=_start, initargs=(_portable(demand),)) as pool:
            try:
                for span in batch.spans():
                    waiting.append((span, pool.submit(_open, span) if span.uniform else None))
                    while len(waiting) > 2 * most:
                        yield _result(waiting.popleft())
                while waiting:
                    yield _result(waiting.popleft())
            except UnreadableError:
                while waiting:
                    yield _result(waiting.popleft())
                raise
            except BrokenProcessPool as error:
                raise OSError("a process that checked receipts was ended") from error
            finally:
                pool.shutdown(cancel_futures=True)

    return opening


def _portable(demand: Demand) -> Demand:
    """The demand without the functions that check signatures, which every process makes for itself."""
    return replace(demand, policy=replace(demand.policy))


def _result(waiting: tuple[Span, Future[Part] | None]) -> tuple[Span, Part | None]:
    span, future = waiting
    return span, None if future is None else future.result()


_demand: Demand
_fast: FastPath


def _start(demand: Demand) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    global _demand, _fast  # one of each for the life of a worker
    _demand = demand
    _fast = FastPath(demand.policy, demand.columns, signatures=demand.signatures)


def _open(span: Span) -> Part:
    return open_span(span, _demand, _fast)

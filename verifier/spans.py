"""Who checks the spans of plain receipts: this process, or several at once. The result is the same."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress

from verifier.batch import Batch, BatchFile, Span, UnreadableError
from verifier.claims import Statement
from verifier.item import Policy
from verifier.plain import check_span
from verifier.reading import statements
from verifier.shard import Bases, Shard

Checked = Iterator[tuple[Span, Shard | None]]
"""All spans in order; those of plain receipts checked, the others not."""
Checker = Callable[[Batch, Policy, Callable[[], Bases]], Checked]


def in_this_process(batch: Batch, policy: Policy, bases: Callable[[], Bases]) -> Checked:
    """Check span after span. ``bases`` tells where the trees begin that are open at that moment."""
    for span in batch.spans():
        yield span, check_span(span, policy, bases()) if span.plain else None


def in_processes(jobs: int, plan: Sequence[BatchFile]) -> Checker:
    """Check spans in ``jobs`` processes, a few ahead of the one that is joined next.

    A span is checked before the spans in front of it are, so the trees' beginnings come from the statements that follow: ``plan``
    is the input, which is read once more for them. They are hints; a wrong one costs time, not truth.
    """

    def check(batch: Batch, policy: Policy, _bases: Callable[[], Bases]) -> Checked:
        hints = _hints(plan)
        waiting: deque[tuple[Span, Future[Shard] | None]] = deque()
        with ProcessPoolExecutor(jobs, initializer=_start, initargs=(policy,)) as pool:
            try:
                for span in batch.spans():
                    while hints and hints[0][0] < span.first:
                        hints.popleft()
                    bases = hints[0][1] if hints else {}
                    future = pool.submit(_check, span, bases) if span.plain else None
                    waiting.append((span, future))
                    while len(waiting) > 2 * jobs:
                        yield _result(waiting.popleft())
                while waiting:
                    yield _result(waiting.popleft())
            except UnreadableError:
                while waiting:
                    yield _result(waiting.popleft())
                raise
            finally:
                pool.shutdown(cancel_futures=True)

    return check


def _result(checked: tuple[Span, Future[Shard] | None]) -> tuple[Span, Shard | None]:
    span, future = checked
    return span, None if future is None else future.result()


_policy: Policy


def _start(policy: Policy) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    global _policy  # one policy for the life of a worker
    _policy = policy


def _check(span: Span, bases: Bases) -> Shard:
    return check_span(span, _policy, bases)


def _hints(plan: Sequence[BatchFile]) -> deque[tuple[int, Bases]]:
    """For each statement of the input: its item number, and where the trees of its account begin until then."""
    found: list[tuple[int, Statement]] = []
    with suppress(UnreadableError):  # reading ends there, and the run that checks will tell
        found += ((item.number, claims) for item, claims in statements(plan))
    hints: deque[tuple[int, Bases]] = deque()
    for number, claims in found:
        firsts = {entry.stream: entry.first for entry in claims.streams}
        hints.append((number, {(claims.issuer, claims.account): firsts}))
    return hints

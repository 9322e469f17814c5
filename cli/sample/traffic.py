"""A simulated day of traffic over a provider's prompt cache, with known faults: for `receipt demo --cache`, the tests and the benchmark.

Three workloads share the day:

* documents: 50,000 requests with one system prompt of 1,500 tokens, cached for five minutes after each use;
* agents: tasks of 12 steps, each with a stable prefix of 8,000 tokens, of which the first 4,096 are the same for all tasks. At noon a deploy puts a
  timestamp at the front. Before, the provider withholds the credit of one hit in a hundred;
* chat: requests with a system prompt of 2,048 tokens to a provider that caches what it can; from 15:00 an eviction storm empties its cache for ten minutes.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import merge
from typing import BinaryIO

from receipts import Billed, Cache, CacheEntry, Counts, Issuer, KeySource, Period, Source
from receipts.cache_id import TOKENS_HMAC, CacheKey, token_ids

DAY = 1794268800000
"""2026-11-10, in ms."""
DAY_MS = 86_400_000
NOON, STORM, STORM_MS = DAY + DAY_MS // 2, DAY + 15 * 3_600_000, 600_000
TTL_MS = 300_000
STEPS, STEP_MS = 12, 15_000
AGENT_LENGTHS, DOCUMENT_LENGTHS, CHAT_LENGTHS = (
    (512, 1024, 2048, 4096, 8000),
    (512, 1500),
    (1024, 2048),
)
_CLAUDE, _GPT = "claude-sonnet-4-6", "gpt-5"
_VOCABULARY = 100_000


class PrefixCache:
    """A cache of prefixes with a lifetime that each use renews, and room for so many; the least recently used go first."""

    def __init__(self, room: int = 10_000) -> None:
        self._used: OrderedDict[bytes, int] = OrderedDict()
        self._room = room

    def hit(self, identifier: bytes, time: int) -> bool:
        """Whether a prefix is there; then it is used, else it is written. ``time`` in ms."""
        used = self._used.pop(identifier, None)
        self._used[identifier] = time
        if len(self._used) > self._room:
            self._used.popitem(last=False)
        return used is not None and time - used <= TTL_MS

    def clear(self) -> None:
        """Forget everything."""
        self._used.clear()


@dataclass(slots=True)
class Day:
    """What was played. ``withheld`` are the requests whose credit was kept back."""

    withheld: list[str] = field(default_factory=list)
    stormed: list[str] = field(default_factory=list)
    """Requests that missed because of the storm."""
    deployed: list[str] = field(default_factory=list)
    """Requests after the deploy."""
    receipts: int = 0


@dataclass(frozen=True, slots=True)
class _Planned:
    """A request to come."""

    time: int
    workload: str
    number: int


class Simulator:
    """Plays a day.

    Args:
        issuer: who signs.
        key: the signing key.
        seed: of all that is random.
        scale: the share of the requests that is played; 1 is the whole day.
    """

    def __init__(self, issuer: str, key: KeySource, *, seed: int = 1, scale: float = 1) -> None:
        self._issuer, self._key = issuer, key
        self._signer = Issuer(issuer, key)
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311  # a simulation
        self._scale = scale
        self._caches = {name: PrefixCache() for name in ("documents", "agents", "chat")}
        self._secret = CacheKey("acme", bytes(32)).for_time(DAY)
        self._own = {
            name: self._tokens(size)
            for name, size in (("documents", 1500), ("agents", 4096), ("chat", 2048))
        }
        self._ids = lru_cache(maxsize=64)(self._identifiers)

    def _tokens(self, count: int) -> tuple[int, ...]:
        return tuple(self._random.randrange(_VOCABULARY) for _ in range(count))

    def run(self, out: BinaryIO, account: str = "acme") -> Day:
        """Write all receipts of the day, and the statement."""
        day = Day()
        period = Period(self._issuer, account, DAY, DAY + DAY_MS)
        plan = merge(self._documents(), self._agents(), self._chat(), key=lambda one: one.time)
        for planned in plan:
            counts, cache = self._answer(planned, day)
            provider = "openai" if planned.workload == "chat" else "anthropic"
            issued = self._signer.issue(
                account, request=_name(planned), model=_GPT if planned.workload == "chat" else _CLAUDE,
                time=planned.time, counts=counts, stream=planned.workload, cache=cache,
                source=Source(provider, "messages" if provider == "anthropic" else "responses"),
                tags={"feature": planned.workload},
            )  # fmt: skip
            period.add(issued.stream, issued.sequence, issued.digest, issued.time, Billed(counts))
            out.write(issued.data)
            day.receipts += 1
        out.write(period.sign(self._key).data)
        return day

    # What is asked for.

    def _documents(self) -> Iterator[_Planned]:
        count = round(50_000 * self._scale)
        for n in range(count):
            yield _Planned(DAY + n * DAY_MS // count, "documents", n)

    def _agents(self) -> Iterator[_Planned]:
        """Tasks overlap a little."""
        tasks = round(360 * self._scale)
        steps = (
            (DAY + task * (DAY_MS - STEPS * STEP_MS) // tasks + step * STEP_MS, task * STEPS + step)
            for task in range(tasks)
            for step in range(STEPS)
        )
        for time, number in sorted(steps):
            yield _Planned(time, "agents", number)

    def _chat(self) -> Iterator[_Planned]:
        count = round(4320 * self._scale)
        for n in range(count):
            yield _Planned(DAY + n * DAY_MS // count, "chat", n)

    # What is answered.

    def _answer(self, planned: _Planned, day: Day) -> tuple[Counts, Cache]:
        return {"documents": self._document, "agents": self._agent, "chat": self._talk}[
            planned.workload
        ](planned, day)

    def _identifiers(
        self, what: str | int, stamp: tuple[int, ...], lengths: tuple[int, ...], model: str
    ) -> dict[int, bytes]:
        """Of a workload's own prefix, or of that of a task: the common front, and then the task's files."""
        if isinstance(what, int):
            files = random.Random(f"{self._seed} {what}")  # noqa: S311  # a simulation
            rest = tuple(files.randrange(_VOCABULARY) for _ in range(8000 - 4096))
            prefix = (*stamp, *self._own["agents"], *rest)
        else:
            prefix = self._own[what]
        return token_ids(model, prefix[: lengths[-1]], lengths, self._secret)

    def _document(self, planned: _Planned, _day: Day) -> tuple[Counts, Cache]:
        ids = self._ids("documents", (), DOCUMENT_LENGTHS, _CLAUDE)
        hit = self._caches["documents"].hit(ids[1500], planned.time)
        return self._marked(ids, 1500, 1500 + self._random.randrange(200, 800), hit)

    def _agent(self, planned: _Planned, day: Day) -> tuple[Counts, Cache]:
        stamp = tuple(map(int, str(planned.time))) if planned.time >= NOON else ()
        ids = self._ids(planned.number // STEPS, stamp, AGENT_LENGTHS, _CLAUDE)
        hit = self._caches["agents"].hit(ids[8000], planned.time)
        logical = 8000 + 150 * (1 + planned.number % STEPS)
        if planned.time >= NOON:
            day.deployed.append(_name(planned))
        elif hit and self._random.random() < 0.01:
            day.withheld.append(_name(planned))
            hit = False  # it is billed as if it were written once more
        return self._marked(ids, 8000, logical, hit)

    def _talk(self, planned: _Planned, day: Day) -> tuple[Counts, Cache]:
        ids = self._ids("chat", (), CHAT_LENGTHS, _GPT)
        if STORM <= planned.time < STORM + STORM_MS:
            self._caches["chat"].clear()
            day.stormed.append(_name(planned))
        hit = self._caches["chat"].hit(ids[2048], planned.time)
        logical = 2048 + self._random.randrange(100, 400)
        read = CacheEntry(TOKENS_HMAC, ids[2048], 2048) if hit else None
        return Counts(logical, 2048 if hit else 0, None, 150), Cache(read, (), _entries(ids))

    def _marked(
        self, ids: dict[int, bytes], prefix: int, logical: int, hit: bool
    ) -> tuple[Counts, Cache]:
        """A request that marks its prefix: it is read, or else written for five minutes."""
        entry = CacheEntry(TOKENS_HMAC, ids[prefix], prefix)
        if hit:
            return Counts(logical, prefix, {300: 0}, 100), Cache(entry, (), _entries(ids))
        return Counts(logical, 0, {300: prefix}, 100), Cache(None, (entry,), _entries(ids))


def _name(planned: _Planned) -> str:
    return f"{planned.workload}-{planned.number}"


def _entries(ids: dict[int, bytes]) -> tuple[CacheEntry, ...]:
    return tuple(CacheEntry(TOKENS_HMAC, identifier, length) for length, identifier in ids.items())

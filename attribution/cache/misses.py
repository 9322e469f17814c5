"""Why a request missed: where its prefix departs from what was sent before, and what kind of thing departs there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from attribution.cache.policy import CachePolicy
from attribution.cache.replay import Cache
from attribution.cache.traffic import Key, Request
from verifier import canonical, prompt_blocks

_VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\d|\d\d:\d\d(?::\d\d(?:\.\d+)?)?|\b1[5-9]\d{8,11}\b"  # dates, times, seconds or ms since 1970
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\b[0-9a-fA-F]{24,}\b"  # UUIDs, long hexadecimal ids
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:req|request|session|trace)[_-]?id"
)
_RUN = 3
"""So many requests in a row that depart in their first block mean that something there changes each time."""
_SNIPPET = 60


class Reason(StrEnum):
    """What a miss is put down to."""

    PROVIDER = "the provider's own reason"
    SHORT = "below the minimum length"
    FIRST = "new content"
    EXPIRED = "expired"
    MODEL = "model changed"
    ACCOUNT = "account changed"
    TOOLS = "tools changed"
    SYSTEM = "system changed"
    HEAD = "the front changed (tools or system)"
    VOLATILE = "an early volatile value"
    REORDERED = "blocks reordered"
    NOT_CREDITED = "not credited"
    UNKNOWN = "nothing known of the prefix"


@dataclass(slots=True)
class Miss:
    """Requests in a row of one workload that missed for one reason.

    ``shared`` and ``upto`` in tokens: the prefix departs after ``shared`` tokens, and before ``upto`` (None: not known). ``block`` is the first
    block of the request body that differs. ``texts`` are what stands there, before and now; only with the customer's own prompts.
    """

    reason: Reason
    model: str
    tags: tuple[tuple[str, str], ...]
    first: str
    """The first request."""
    since: int
    until: int
    requests: int = 1
    tokens: int = 0
    """Input tokens of the requests that were not cached."""
    shared: int = 0
    upto: int | None = None
    block: str | None = None
    detail: str | None = None
    texts: tuple[str, str] | None = None


@dataclass(slots=True)
class _Workload:
    """What is remembered of requests that are built alike."""

    shared_head: bool = False
    """Whether two of them had the same front once."""
    last: Request | None = None
    run: Miss | None = None
    """Of misses in the first block, one after the other."""


@dataclass(slots=True)
class Misses:
    """The misses of a period, grouped."""

    groups: list[Miss] = field(default_factory=list)
    _seen: dict[Key, int] = field(default_factory=dict)
    """When a prefix was sent last, in ms."""
    _fronts: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    """Model and account of the request that sent a front last, by the front itself."""
    _public: dict[tuple[str, bytes], str] = field(default_factory=dict)
    """The account that sent a prefix last, by recipe and identifier."""
    _workloads: dict[Any, _Workload] = field(default_factory=dict)
    _open: dict[Any, Miss] = field(default_factory=dict)

    def take(
        self, request: Request, cache: Cache, policy: CachePolicy | None, expected: int
    ) -> None:
        """The next request in time; ``expected`` tokens should have been credited."""
        workload = self._workloads.setdefault(request.workload, _Workload())
        lengths = [n for n, key in request.prefixes.items() if key in self._seen]
        head = next(iter(request.prefixes.values()), None)
        if (
            request.cached is not None
            and policy is not None
            and request.cached < self._possible(request, policy, expected)
        ):
            self._add(request, self._judge(request, cache, policy, workload, lengths), workload)
        elif request.cached:
            workload.run = None
        if head is not None:
            workload.shared_head = workload.shared_head or head in self._seen
        self._remember(request, workload)

    def _possible(self, request: Request, policy: CachePolicy, expected: int) -> int:
        """What the request could have had from a cache that held all of its prefixes."""
        longest = max(request.prefixes, default=0)
        return max(expected, policy.creditable(request.model, longest), 1)

    def _judge(
        self,
        request: Request,
        cache: Cache,
        policy: CachePolicy,
        workload: _Workload,
        lengths: list[int],
    ) -> Miss:
        shared = max(lengths, default=0)
        upto = next((n for n in request.prefixes if n > shared), None)
        miss = Miss(
            Reason.UNKNOWN, request.model, request.workload[2], request.request, request.time, request.time,
            shared=shared, upto=upto,
        )  # fmt: skip
        if request.miss is not None:
            miss.reason, miss.detail = Reason.PROVIDER, request.miss
        elif request.logical < policy.minimum_of(request.model):
            miss.reason = Reason.SHORT
        elif self._moved(request, miss) or _compare(request, workload.last, miss):
            pass
        elif not request.prefixes:
            miss.reason = Reason.UNKNOWN
        elif upto is None:
            miss.reason = self._held(request, cache, policy, shared)
        elif shared or not workload.shared_head:
            miss.reason = Reason.FIRST
        else:
            miss.reason = Reason.HEAD
        return miss

    def _held(self, request: Request, cache: Cache, policy: CachePolicy, shared: int) -> Reason:
        """The whole of the known prefix was sent before: too long ago, or not credited."""
        key = request.prefixes[shared]
        age = cache.age_ms(key, request.time)
        if age is None:
            age = request.time - self._seen[key]
        limit = 1000 * policy.ttl_s if policy.ttl_s is not None else None
        return Reason.EXPIRED if limit is not None and age > limit else Reason.NOT_CREDITED

    def _moved(self, request: Request, miss: Miss) -> bool:
        """Whether the same front was sent under another model or account before."""
        for key in reversed(request.prefixes.values()):
            account = self._public.get(key[1:])
            if account is not None and account != key[0] and key not in self._seen:
                miss.reason, miss.detail = (
                    Reason.ACCOUNT,
                    f"last sent by {account.split(' ', 1)[1]}",
                )
                return True
        front = _front(request)
        before = self._fronts.get(front) if front is not None else None
        if before is None or before == (request.model, request.account):
            return False
        model, account = before
        miss.reason = Reason.MODEL if model != request.model else Reason.ACCOUNT
        miss.detail = (
            f"last sent to {model}" if model != request.model else f"last sent by {account}"
        )
        return True

    def _remember(self, request: Request, workload: _Workload) -> None:
        for key in request.prefixes.values():
            self._seen[key] = request.time
            self._public[key[1:]] = key[0]
        front = _front(request)
        if front is not None:
            self._fronts[front] = (request.model, request.account)
        workload.last = request

    def _add(self, request: Request, miss: Miss, workload: _Workload) -> None:
        """Put a miss to those like it that came just before, or begin a new group."""
        if miss.reason is Reason.HEAD:
            group = workload.run
            if group is None:
                workload.run = miss
        else:
            workload.run = None
            place = (request.workload, miss.reason, miss.shared, miss.upto, miss.block, miss.detail)
            group = self._open.get(place)
            self._open.setdefault(place, miss)
        missing = request.logical - (request.cached or 0)
        if group is None:
            miss.tokens = missing
            self.groups.append(miss)
        else:
            group.requests += 1
            group.tokens += missing
            group.until = request.time
            if group.reason is Reason.HEAD and group.requests >= _RUN:
                group.reason = Reason.VOLATILE

    def by_tokens(self) -> list[Miss]:
        """The groups, the most expensive first."""
        return sorted(self.groups, key=lambda miss: (-miss.tokens, miss.since, miss.first))


def _front(request: Request) -> bytes | None:
    """The first block of the body, or the first 64 token ids: what a request of another model would share."""
    prompt = request.prompt
    if prompt is None:
        return None
    if prompt.tokens is not None:
        return repr(prompt.tokens[:64]).encode()
    return canonical(prompt_blocks(prompt.body)[:1]) if prompt.body is not None else None


def _compare(request: Request, last: Request | None, miss: Miss) -> bool:
    """Where the customer's own prompts of this request and of the one before it depart; False if they do not tell."""
    one, two = last.prompt if last else None, request.prompt
    if one is None or two is None:
        return False
    if one.body is not None and two.body is not None:
        return _compare_blocks(prompt_blocks(one.body), prompt_blocks(two.body), miss)
    if one.tokens is not None and two.tokens is not None:
        pairs = zip(one.tokens, two.tokens, strict=False)
        at = next(
            (i for i, (a, b) in enumerate(pairs) if a != b), min(len(one.tokens), len(two.tokens))
        )
        miss.shared, miss.upto = at, at + 1
        rest = one.tokens[at + 1 : at + 65]
        again = (
            any(two.tokens[i : i + len(rest)] == rest for i in range(at, at + 64))
            if rest
            else False
        )
        miss.reason = Reason.VOLATILE if again else Reason.FIRST
        return at < min(len(one.tokens), len(two.tokens))
    return False


def _compare_blocks(one: list[list[Any]], two: list[list[Any]], miss: Miss) -> bool:
    at = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
    if at is None:
        return False
    kind = str(two[at][0])
    miss.block = f"block {at} ({kind})"
    texts = _words(one[at][-1]), _words(two[at][-1])
    volatile = _volatile(*texts)
    miss.texts = _around(*texts)
    forms = [sorted(map(canonical, side)) for side in (one, two)]
    if forms[0] == forms[1] or _same_kind(one, two, kind):
        miss.reason = Reason.REORDERED
    elif volatile and one[at][0] == kind and kind != "message":
        miss.reason = Reason.VOLATILE
    elif kind == "tool" or one[at][0] == "tool":
        miss.reason = Reason.TOOLS
    elif kind == "system" or one[at][0] == "system":
        miss.reason = Reason.SYSTEM
    else:
        miss.reason = Reason.VOLATILE if at == 0 and volatile else Reason.FIRST
    return True


def _same_kind(one: list[list[Any]], two: list[list[Any]], kind: str) -> bool:
    """Whether the blocks of a kind are the same, but stand in another order."""
    mine = [[canonical(block) for block in side if block[0] == kind] for side in (one, two)]
    return kind != "message" and mine[0] != mine[1] and sorted(mine[0]) == sorted(mine[1])


def _words(block: Any) -> str:
    if isinstance(block, dict) and isinstance(block.get("text"), str):
        return str(block["text"])
    return canonical(block).decode()


def _volatile(one: str, two: str) -> bool:
    """Whether the texts depart inside of something that looks like a time, a date or an id."""
    at = _departure(one, two)
    return any(m.start() <= at < m.end() for text in (one, two) for m in _VOLATILE.finditer(text))


def _departure(one: str, two: str) -> int:
    pairs = zip(one, two, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(two)))


def _around(one: str, two: str) -> tuple[str, str]:
    """Both texts from a little before the place where they depart."""
    start = max(0, _departure(one, two) - 24)
    return one[start : start + _SNIPPET], two[start : start + _SNIPPET]

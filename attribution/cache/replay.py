"""The replay: which prefixes were in the cache under a published policy, and what should have been credited of them."""

from __future__ import annotations

from dataclasses import dataclass

from attribution.cache.policy import CachePolicy, Policies, Strength
from attribution.cache.traffic import Key, Request, own_prefixes

LONGEST_REQUEST_MS = 60_000
"""How long a request is assumed to take at most, if nothing else is said. A receipt has one time, that of the answer; so a credit counts as missing only if it
was certainly there for so long before, and for so long after."""


_LENGTHS = 32
"""So many lengths of prefixes that were written last are looked for in the customer's own prompts."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A request that was credited less than the policy says."""

    request: str
    item: int
    time: int
    model: str
    policy: str
    strength: Strength
    expected: int
    credited: int
    cost: int | None
    """Picounits that the difference cost, where the charge says what a token costs."""

    @property
    def tokens(self) -> int:
        """The difference."""
        return self.expected - self.credited

    @property
    def rank(self) -> tuple[int, int, int]:
        """By which the list is sorted: cost, tokens, and the earlier first."""
        return self.cost or 0, self.tokens, -self.item


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the policy says of a request."""

    shortfall: Shortfall | None
    """What is missing of its credit, if anything is."""
    is_known: bool
    """Whether anything says what its prefixes are, where it is long enough to have one."""
    undecided: int
    """Tokens that would be missing too, if no request took any time."""


@dataclass(slots=True)
class _Entry:
    """A prefix in the cache, since when, when it was used last, and how long it lives after that; in ms."""

    since: int
    used: int
    ttl_ms: int

    def held(self, time: int, margin: int) -> bool:
        """Whether it was certainly in the cache, if no request takes longer than a margin."""
        return self.since + margin <= time <= self.used + self.ttl_ms - margin


class Cache:
    """The provider's cache, as its policy describes it."""

    def __init__(self, policies: Policies, longest_request_ms: int = LONGEST_REQUEST_MS) -> None:
        self._margin = longest_request_ms
        self._policies = policies
        self._entries: dict[Key, _Entry] = {}
        self._written_lengths: dict[tuple[str, str], list[int]] = {}

    def policy(self, request: Request) -> CachePolicy | None:
        """The policy that holds for a request."""
        return self._policies.of(request.provider, request.ttl_s)

    def take(self, request: Request) -> Replayed | None:
        """Replay the next request; None: no policy says anything of it."""
        policy = self.policy(request)
        if policy is None or policy.ttl_s is None or policy.strength is Strength.NONE:
            return None
        self._add_own(request, policy)
        expected = self._expected(request, policy, self._margin)
        at_most = self._expected(request, policy, 0)
        self._note(request, policy, expected)
        credited = at_most if request.cached is None else max(request.cached, expected)
        return Replayed(
            _shortfall(request, policy, expected),
            _is_known(request, policy),
            max(0, at_most - credited),
        )

    def _expected(self, request: Request, policy: CachePolicy, margin: int) -> int:
        if policy.marked and not _is_marked(request):
            return 0  # nothing is read for a request that marks nothing
        lengths = [
            length
            for length, key in request.prefixes.items()
            if (entry := self._entries.get(key)) is not None and entry.held(request.time, margin)
        ]
        return policy.creditable(request.model, max(lengths, default=0))

    def age_ms(self, key: Key, time: int) -> int | None:
        """How long ago a prefix was used; None if it is not known to have been cached."""
        entry = self._entries.get(key)
        return None if entry is None else time - entry.used

    def _add_own(self, request: Request, policy: CachePolicy) -> None:
        """Prefixes from the customer's own tokens, at the lengths at which the policy can have an entry."""
        if request.prompt is None or request.prompt.tokens is None:
            return
        place, lengths = (request.account, request.model), list[int]()
        if not policy.marked:
            minimum = policy.minimum_of(request.model)
            lengths = list(range(minimum, len(request.prompt.tokens) + 1, policy.step))
        else:
            known = self._written_lengths.setdefault(place, [])
            marked = (request.cached or 0) + sum(request.writes.values())
            if sum(request.writes.values()) and marked not in known:
                known.append(marked)
                del known[:-_LENGTHS]
            lengths = sorted(known)
        own_prefixes(request, lengths)

    def _note(self, request: Request, policy: CachePolicy, expected: int) -> None:
        """What the request wrote and read."""
        ttl_ms = 1000 * (policy.ttl_s or 0)
        written = sum(request.writes.values())
        marked = (request.cached or 0) + written
        for length, key in request.prefixes.items():
            entry = self._entries.get(key)
            wrote = (
                not policy.marked or key in request.written or (written > 0 and length == marked)
            )
            if entry is None or entry.used + entry.ttl_ms < request.time:
                if wrote or key == request.read:
                    self._entries[key] = _Entry(request.time, request.time, ttl_ms)
            elif wrote:
                entry.used, entry.ttl_ms = request.time, max(entry.ttl_ms, ttl_ms)
            elif policy.renewed_by_read and length <= max(expected, request.cached or 0):
                entry.used = request.time


def _shortfall(request: Request, policy: CachePolicy, expected: int) -> Shortfall | None:
    if request.cached is None or expected <= request.cached:
        return None
    missing = expected - request.cached
    cost = None if request.saving is None else missing * request.saving
    return Shortfall(
        request.request, request.item, request.time, request.model, policy.name, policy.strength, expected,
        request.cached, cost,
    )  # fmt: skip


def _is_known(request: Request, policy: CachePolicy) -> bool:
    """Whether it is known what could be credited: too short a request, and one that marks nothing, has nothing to be credited."""
    if request.prefixes or request.logical < policy.minimum_of(request.model):
        return True
    prompt = request.prompt
    return policy.marked and prompt is not None and prompt.body is not None and not prompt.marked


def _is_marked(request: Request) -> bool:
    """Whether a request asked for a prefix to be cached: it was read or written, or its body says so."""
    if request.cached or sum(request.writes.values()):
        return True
    return request.prompt is not None and request.prompt.marked

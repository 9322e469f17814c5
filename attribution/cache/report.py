"""The report on a period's cache: credits that were due, hit rates, misses. The order of work is `cache_report`."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from attribution.cache.misses import Miss, Misses
from attribution.cache.policy import CachePolicy, Policies, Strength
from attribution.cache.rates import Rates, Table
from attribution.cache.replay import LONGEST_REQUEST_MS, Cache, Replayed, Shortfall
from attribution.cache.traffic import in_time_order
from verifier import Prompt, VerifiedRows

MOST = 1000
"""Shortfalls of a strength that are kept in detail, those that cost most; all are counted."""


@dataclass(slots=True)
class Missing:
    """Credits of one strength that are missing."""

    requests: int = 0
    tokens: int = 0
    checked: int = 0
    """Requests for which the policy says something."""
    unknown: int = 0
    """Of these, those of whose prefixes nothing is known: no identifiers, and no prompts."""
    undecided: int = 0
    undecided_tokens: int = 0
    """Of these, those that came so soon that a credit depends on how long requests take."""
    _kept: list[tuple[tuple[int, int, int], Shortfall]] = field(default_factory=list)

    def count(self, replayed: Replayed) -> None:
        """Count a request."""
        self.checked += 1
        self.unknown += not replayed.is_known
        self.undecided += replayed.undecided > 0
        self.undecided_tokens += replayed.undecided
        if replayed.shortfall is not None:
            self._add(replayed.shortfall)

    def _add(self, shortfall: Shortfall) -> None:
        """Count one, and keep it if it is among those that cost most."""
        self.requests += 1
        self.tokens += shortfall.tokens
        push = heapq.heappush if len(self._kept) < MOST else heapq.heappushpop
        push(self._kept, (shortfall.rank, shortfall))

    @property
    def listed(self) -> list[Shortfall]:
        """The kept ones, the most expensive first."""
        return [shortfall for _, shortfall in sorted(self._kept, reverse=True)]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A hit rate that the provider claims, against what the receipts show. Intervals, where receipts do not state the cached count."""

    claimed: Fraction
    by_tokens: tuple[Fraction, Fraction] | None
    by_requests: tuple[Fraction, Fraction] | None

    @property
    def discrepancy(self) -> bool:
        """Whether the claim fits neither the rate by tokens nor that by requests, to a tenth of a percent."""
        near = Fraction(1, 1000)
        intervals = [interval for interval in (self.by_tokens, self.by_requests) if interval]
        return bool(intervals) and not any(
            low - near <= self.claimed <= high + near for low, high in intervals
        )


@dataclass(slots=True)
class CacheReport:
    """What the receipts of a period say about the cache."""

    due: Missing = field(default_factory=Missing)
    """Under policies that promise."""
    expected: Missing = field(default_factory=Missing)
    """Under policies that do what they can."""
    table: Table = field(default_factory=Table)
    misses: list[Miss] = field(default_factory=list)
    policies: dict[str, CachePolicy] = field(default_factory=dict)
    """Those that were applied."""
    without_policy: dict[str, int] = field(default_factory=dict)
    """Requests to providers of which no policy is known."""
    claimed: Claimed | None = None
    longest_request_ms: int = LONGEST_REQUEST_MS
    receipts: int = 0
    observed: int = 0
    """Receipts of the batch that an observer signed, and not the biller."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: integers and text; rates as decimal text."""
        return {
            "report": 1,
            "receipts": self.receipts,
            "observed": self.observed,
            "policies": [policy.model_dump(mode="json") for policy in self.policies.values()],
            "without_policy": self.without_policy,
            "longest_request_ms": self.longest_request_ms,
            "due": _missing(self.due),
            "expected": _missing(self.expected),
            "all": _rates(self.table.all),
            **{f"by_{name}": {value: _rates(rates) for value, rates in sorted(rows.items())} for name, rows in self.table.by.items()},
            "by_hour": {str(hour * 3_600_000): _rates(rates) for hour, rates in sorted(self.table.hours.items())},
            "misses": [_miss(miss) for miss in self.misses],
            "claimed_hit_rate": None if self.claimed is None else _claimed(self.claimed),
        }  # fmt: skip


def cache_report(
    rows: VerifiedRows,
    policies: Policies,
    prompts: Mapping[str, Prompt],
    claimed: Decimal | None = None,
    longest_request_ms: int = LONGEST_REQUEST_MS,
    advance: Callable[[int], None] = lambda _more: None,
) -> CacheReport:
    """Replay the receipts of a batch in the order of their times.

    Args:
        rows: a verified batch, with `traffic.COLUMNS`.
        policies: what the providers have published.
        prompts: the customer's own prompts, by request id; may be empty.
        claimed: a hit rate that the provider claims, 0 to 1.
        longest_request_ms: how long a request takes at most.
        advance: hears of every receipt.

    Raises:
        NotVerifiedError: the batch is rejected.
        OSError: the rows cannot be read.
    """
    batch = rows.report
    report = CacheReport(
        longest_request_ms=longest_request_ms, receipts=batch.receipts, observed=batch.observed
    )
    cache, misses = Cache(policies, longest_request_ms), Misses()
    for request in in_time_order(rows, prompts):
        policy = cache.policy(request)
        replayed = cache.take(request)
        _count(report, request.provider, policy, replayed)
        shortfall = replayed and replayed.shortfall
        misses.take(request, cache, policy, shortfall.expected if shortfall else 0)
        report.table.add(request, policy)
        advance(1)
    report.misses = misses.by_tokens()
    if claimed is not None:
        rates = report.table.all
        report.claimed = Claimed(Fraction(claimed), rates.token_interval, rates.request_interval)
    return report


def _count(
    report: CacheReport, provider: str, policy: CachePolicy | None, replayed: Replayed | None
) -> None:
    if policy is None:
        report.without_policy[provider] = report.without_policy.get(provider, 0) + 1
        return
    report.policies[policy.name] = policy
    if replayed is not None:
        missing = report.due if policy.strength is Strength.PROMISED else report.expected
        missing.count(replayed)


def percent(rate: Fraction | None) -> str:
    """A rate in percent with one decimal, rounded half up; - if there is none."""
    if rate is None:
        return "-"
    tenths = (rate * 1000 + Fraction(1, 2)).__floor__()
    return f"{tenths // 10}.{tenths % 10}%" if tenths >= 0 else f"-{-tenths // 10}.{-tenths % 10}%"


def one_decimal(number: Fraction) -> str:
    """A number with one decimal, rounded half up."""
    tenths = (number * 10 + Fraction(1, 2)).__floor__()
    return f"{tenths // 10:,}.{tenths % 10}"


def _decimal(rate: Fraction | None) -> str | None:
    """Six decimals, rounded half up."""
    if rate is None:
        return None
    return str(Decimal((rate * 10**6 + Fraction(1, 2)).__floor__()).scaleb(-6))


def _missing(missing: Missing) -> dict[str, Any]:
    listed = [
        {
            "request": s.request, "item": s.item, "time": s.time, "model": s.model, "policy": s.policy,
            "expected": s.expected, "credited": s.credited, "difference": s.tokens,
            "cost_picounits": None if s.cost is None else str(s.cost),
        }
        for s in missing.listed
    ]  # fmt: skip
    return {
        "requests": missing.requests, "tokens": missing.tokens, "checked": missing.checked, "unknown": missing.unknown,
        "undecided": {"requests": missing.undecided, "tokens": missing.undecided_tokens}, "listed": listed,
    }  # fmt: skip


def _rates(rates: Rates) -> dict[str, Any]:
    return {
        "requests": rates.requests, "hits": rates.hits, "logical": rates.logical, "cached": rates.cached,
        "unstated": rates.unstated, "writes": rates.writes, "written": rates.written,
        "hit_rate_by_tokens": _decimal(rates.by_tokens), "hit_rate_by_requests": _decimal(rates.by_requests),
        "reads_per_write": _decimal(rates.reads_per_write), "premium_earned_back": rates.earned_back,
        "off_repeated": _decimal(rates.repeated_off),
    }  # fmt: skip


def _miss(miss: Miss) -> dict[str, Any]:
    return {
        "reason": str(miss.reason), "detail": miss.detail, "model": miss.model, "tags": dict(miss.tags),
        "requests": miss.requests, "tokens": miss.tokens, "first_request": miss.first, "since": miss.since,
        "until": miss.until, "shared_tokens": miss.shared, "departs_before": miss.upto, "block": miss.block,
        "texts": None if miss.texts is None else list(miss.texts),
    }  # fmt: skip


def _claimed(claimed: Claimed) -> dict[str, Any]:
    def interval(ends: tuple[Fraction, Fraction] | None) -> list[str | None] | None:
        return None if ends is None else [_decimal(end) for end in ends]

    return {
        "claimed": _decimal(claimed.claimed), "by_tokens": interval(claimed.by_tokens),
        "by_requests": interval(claimed.by_requests), "discrepancy": claimed.discrepancy,
    }  # fmt: skip

"""Where the hit rate of a line (a registered prefix at one model) broke, and since which deploy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Final, NamedTuple

from attribution.money.ledger.ledger import Ledger
from attribution.money.registry import Breakage, Deploy, Registry

_HEALTHY: Final = 7
_LEAST: Final = 3
_LEAST_BASELINE: Final = Fraction(1, 5)
NAMES_IT, NEAR_IN_TIME, NO_CAUSE = (
    "deploy names the prefix",
    "deploy near in time",
    "no cause shown",
)
_BUCKETS: Final = """
SELECT prefix, model, time // $1 AS bucket, count(*), sum(hit), sum(length)
FROM prefixes WHERE source < 3 GROUP BY ALL ORDER BY prefix, model, bucket
"""


class Watched(NamedTuple):
    """A day (or hour) of a line, by its number since 1970: requests, and tokens of the prefix."""

    bucket: int
    requests: int
    hit: int
    tokens: int

    @property
    def rate(self) -> Fraction:
        """Which part of the prefix was read from the cache."""
        return Fraction(self.hit, self.tokens)


class Fall(NamedTuple):
    """From a first bucket to the one it ends on (None: the period's end), and the rate before."""

    first: int
    end: int | None
    baseline: Fraction


@dataclass(frozen=True, slots=True)
class Break:
    """A break: of which line, when (ms, ``stop`` exclusive), and since which deploy."""

    number: int
    prefix: str
    model: str
    owner: str
    start: int
    stop: int
    baseline: Fraction
    cause: Deploy | None

    @property
    def evidence(self) -> str:
        """On what the cause rests."""
        if self.cause is None:
            return NO_CAUSE
        return NAMES_IT if self.prefix in self.cause.prefixes else NEAR_IN_TIME


def falls(days: Iterable[Watched], rules: Breakage) -> Iterator[Fall]:
    """Where a line broke.

    Args:
        days: in order; those with too few requests are passed over.
        rules: how far the rate has to fall, and to rise again.
    """
    healthy: list[Watched] = []
    fall: Fall | None = None
    for day in days:
        if day.requests < rules.min_requests:
            continue
        if fall is not None:
            if day.rate < rules.recover * fall.baseline:
                continue
            yield fall._replace(end=day.bucket)
            fall = None
        elif (baseline := _baseline(healthy)) is not None and day.rate < rules.drop * baseline:
            fall = Fall(day.bucket, None, baseline)
            continue
        healthy.append(day)
    if fall is not None:
        yield fall


def _baseline(healthy: Sequence[Watched]) -> Fraction | None:
    """The rate of the last healthy days; None: too few, or too low to fall."""
    last = healthy[-_HEALTHY:]
    if len(last) < _LEAST:
        return None
    baseline = Fraction(sum(day.hit for day in last), sum(day.tokens for day in last))
    return baseline if baseline >= _LEAST_BASELINE else None


def cause(prefix: str, fall: Fall, length: int, deploys: Sequence[Deploy]) -> Deploy | None:
    """The deploy since which a line is broken: the latest near the beginning that names the prefix, else that names none.

    Args:
        prefix: of the line.
        fall: when it fell.
        length: of a bucket, in ms.
        deploys: all that are known.
    """
    near = [
        (deploy.time, place, deploy)
        for place, deploy in enumerate(deploys)
        if (fall.first - 1) * length <= deploy.time < (fall.first + 1) * length
    ]
    for fitting in (
        [one for one in near if prefix in one[2].prefixes],
        [one for one in near if not one[2].prefixes],
    ):
        if fitting:
            return max(fitting, key=lambda one: one[:2])[2]
    return None


def find_breaks(ledger: Ledger, registry: Registry, end: int) -> list[Break]:
    """All breaks of a period, by prefix, model and time.

    Args:
        ledger: loaded.
        registry: with owners, deploys, and when a cache counts as broken.
        end: of the period, in ms.
    """
    length = registry.breakage.bucket.ms
    found: list[Break] = []
    lines = groupby(ledger.ask(_BUCKETS, [length]), key=lambda row: row[:2])
    for (prefix, model), rows in lines:
        for fall in falls([Watched(*row[2:]) for row in rows], registry.breakage):
            deploy = cause(prefix, fall, length, registry.deploys)
            start = fall.first * length if deploy is None else deploy.time
            stop = end if fall.end is None else fall.end * length
            owner = registry.prefixes[prefix].owner
            found.append(
                Break(len(found), prefix, model, owner, start, stop, fall.baseline, deploy)
            )
    return found

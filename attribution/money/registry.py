"""What an organisation says of itself: teams, tags, prefixes and their owners, deploys, pools. `cli` reads it from a file (finance.toml)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction


class Rule(StrEnum):
    """Who pays when a cache breaks."""

    OWNER_OF_PREFIX = "owner-of-prefix"
    LAST_TOUCH = "last-touch"
    SEVEN_DAYS = "7d"


class Bucket(StrEnum):
    """How hit rates are watched."""

    DAY = "day"
    HOUR = "hour"

    @property
    def ms(self) -> int:
        """Its length."""
        return 86_400_000 if self is Bucket.DAY else 3_600_000


@dataclass(frozen=True, slots=True)
class Team:
    """A registered team; ``budget`` and ``engineering`` (what work on the cache cost) in picounits."""

    name: str
    cost_center: str | None = None
    budget: int | None = None
    engineering: int = 0


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix with an owner: its length in tokens, and the identifiers that it has had, in hexadecimal."""

    name: str
    owner: str
    tokens: int
    ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Deploy:
    """What a team brought out, when (ms), and which prefixes it says that it touches; none: it does not say."""

    time: int
    team: str
    what: str
    prefixes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """A shared cost beside the invoice, in picounits, and by what it is split over customers.

    Attributes:
        name: of the pool.
        amount: picounits; negative: an adjustment in the organisation's favour.
        by: requests, tokens, spend, or driver.
        drivers: quantities by customer, for ``driver``.
        capacity: what was paid for, in the driver's unit; what nobody used stays apart.
    """

    name: str
    amount: int
    by: str
    drivers: Mapping[str, int] = field(default_factory=dict)
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Tagging:
    """The tagging contract: tags that every request has, the values they may have (absent: every one), who owns the rest."""

    required: Sequence[str] = ()
    owner: str | None = None
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Breakage:
    """When a cache counts as broken, and who pays (spec/attribution.md, Breaks)."""

    rule: Rule = Rule.SEVEN_DAYS
    bucket: Bucket = Bucket.DAY
    drop: Fraction = Fraction(1, 2)
    recover: Fraction = Fraction(4, 5)
    min_requests: int = 6


@dataclass(frozen=True, slots=True)
class Registry:
    """All of it. ``revenue`` in picounits by dimension (customer, feature) and value."""

    currency: str
    teams: Mapping[str, Team] = field(default_factory=dict)
    tagging: Tagging = field(default_factory=Tagging)
    prefixes: Mapping[str, Prefix] = field(default_factory=dict)
    deploys: Sequence[Deploy] = ()
    pools: Sequence[Pool] = ()
    revenue: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    owner_share: Fraction = Fraction(1, 5)
    platform: str | None = None
    keep: Fraction = Fraction(0)
    breakage: Breakage = field(default_factory=Breakage)

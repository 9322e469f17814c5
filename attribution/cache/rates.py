"""Hit rates, and whether writing was worth it: by model, identifier, tag and day. Integers and fractions, no float."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from attribution.cache.policy import CachePolicy
from attribution.cache.traffic import Request


@dataclass(slots=True)
class Rates:
    """Sums over requests, in tokens; prices in thousandths of a plain input token."""

    requests: int = 0
    hits: int = 0
    """Requests with cached tokens."""
    logical: int = 0
    cached: int = 0
    unstated: int = 0
    """Requests that do not state how much was cached."""
    unstated_logical: int = 0
    writes: int = 0
    """Requests that wrote."""
    written: int = 0
    premium: int = 0
    """What the written tokens cost more than plain ones."""
    saved: int = 0
    """What the cached tokens cost less."""

    def add(self, request: Request, policy: CachePolicy | None) -> None:
        """Count a request."""
        self.requests += 1
        if request.cached is None:
            self.unstated += 1
            self.unstated_logical += request.logical
            return
        written = sum(request.writes.values())
        self.hits += request.cached > 0
        self.logical += request.logical
        self.cached += request.cached
        self.writes += written > 0
        self.written += written
        if policy is not None:
            self.premium += written * (policy.write_price(request.model) - 1000)
            self.saved += request.cached * (1000 - policy.read_permille)

    @property
    def by_tokens(self) -> Fraction | None:
        """Cached of all input tokens, where stated; None if there are none."""
        return Fraction(self.cached, self.logical) if self.logical else None

    @property
    def by_requests(self) -> Fraction | None:
        """Requests with a hit of those that state it."""
        stated = self.requests - self.unstated
        return Fraction(self.hits, stated) if stated else None

    @property
    def token_interval(self) -> tuple[Fraction, Fraction] | None:
        """The hit rate by tokens if the requests that do not state it had no hit at all, and if all of their input was cached."""
        whole = self.logical + self.unstated_logical
        if not whole:
            return None
        return Fraction(self.cached, whole), Fraction(self.cached + self.unstated_logical, whole)

    @property
    def request_interval(self) -> tuple[Fraction, Fraction] | None:
        """The same by requests."""
        if not self.requests:
            return None
        return Fraction(self.hits, self.requests), Fraction(
            self.hits + self.unstated, self.requests
        )

    @property
    def reads_per_write(self) -> Fraction | None:
        """Requests that read, for each that wrote."""
        return Fraction(self.hits, self.writes) if self.writes else None

    @property
    def earned_back(self) -> bool | None:
        """Whether what was saved is at least the premium of the writes; None if nothing was written."""
        return self.saved >= self.premium if self.writes else None

    @property
    def repeated_off(self) -> Fraction | None:
        """How much less the cached and written tokens cost than plain ones: the discount on the repeated part."""
        repeated = 1000 * (self.cached + self.written)
        return Fraction(self.saved - self.premium, repeated) if repeated else None


class Table:
    """Rates of everything, and by dimension and value."""

    def __init__(self) -> None:
        self.all = Rates()
        self.by: dict[str, dict[str, Rates]] = {"model": {}, "tag": {}, "day": {}, "identifier": {}}
        self.hours: dict[int, Rates] = {}
        """By hour since 1970."""

    def add(self, request: Request, policy: CachePolicy | None) -> None:
        """Count a request."""
        self.all.add(request, policy)
        for dimension, value in _values(request):
            self.by[dimension].setdefault(value, Rates()).add(request, policy)
        self.hours.setdefault(request.time // 3_600_000, Rates()).add(request, policy)


def _values(request: Request) -> Iterator[tuple[str, str]]:
    yield "model", request.model
    yield "day", f"{datetime.fromtimestamp(request.time // 1000, UTC):%Y-%m-%d}"
    for name, value in request.tags.items():
        yield "tag", f"{name}={value}"
    for key in dict.fromkeys([*request.written, *([request.read] if request.read else [])]):
        yield "identifier", f"{key[1]} {key[2].hex()}"

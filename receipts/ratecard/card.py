"""A rate card: rows, and which of them a request has (spec/rate-card.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from receipts.errors import ReceiptError
from receipts.request import Source

_DAY: Final = 86_400_000
_MINUTE: Final = 60_000
TIER: Final = "tier"
"""The term that is the service tier (claim 13.4), where a row names it."""
_Group = tuple[str, str, frozenset[tuple[str, str]]]
"""Provider, a name of the model, terms."""


class UnpricedError(ReceiptError):
    """A rate card has no price for a request, or none that is one number."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A price: ``rate`` picounits for ``per`` of a unit, in lowest terms."""

    rate: int
    per: int = 1


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One row: which requests it is for, and its rates.

    Attributes:
        provider, model, aliases: whose model, and its other names.
        terms: all that select it besides; none is none.
        start, end: days since 1970-01-01 (UTC), ``end`` exclusive; None: no bound.
        above: it is for requests with more input tokens than this; None: for any.
        days: first and last weekday, both in, 1 is Monday; None: every day.
        hours: minutes of the day (UTC), the second exclusive; None: all day.
        input, cached, output: picounits a token; None: it has no such rate.
        writes: picounits a token, by TTL in s; 0: of a write whose TTL is not stated.
        parts: picounits a token of a part that is priced apart, or of ``reasoning``.
        units: of what stands beside the tokens.
    """

    provider: str
    model: str
    aliases: Sequence[str] = ()
    terms: Mapping[str, str] = field(default_factory=dict)
    start: int | None = None
    end: int | None = None
    above: int | None = None
    days: tuple[int, int] | None = None
    hours: tuple[int, int] | None = None
    input: int | None = None
    cached: int | None = None
    writes: Mapping[int, int] = field(default_factory=dict)
    output: int | None = None
    parts: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, Rate] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The model, and its aliases."""
        return (self.model, *self.aliases)

    @property
    def rank(self) -> tuple[int, bool]:
        """What wins over what: the size first, then whether it has a window."""
        has_window = self.days is not None or self.hours is not None
        return (-1 if self.above is None else self.above), has_window

    @property
    def weekdays(self) -> set[int]:
        """1 is Monday. The last one may be before the first one in the week."""
        first, last = self.days or (1, 7)
        return {day for day in range(1, 8) if (day - first) % 7 <= (last - first) % 7}

    def is_on(self, day: int) -> bool:
        """Whether a day is in its dates."""
        return (self.start is None or day >= self.start) and (self.end is None or day < self.end)

    def is_at(self, day: int, minute: int) -> bool:
        """Whether a minute of a day is in its window."""
        begin, end = self.hours or (0, 1440)
        return weekday(day) in self.weekdays and begin <= minute < end


def weekday(day: int) -> int:
    """Of a day since 1970-01-01, which was a Thursday; 1 is Monday."""
    return (day + 3) % 7 + 1


def groups(rows: Iterable[PriceRow]) -> dict[_Group, list[PriceRow]]:
    """The rows by provider, name of the model, and terms."""
    found: dict[_Group, list[PriceRow]] = {}
    for row in rows:
        for name in row.names:
            key = row.provider, name, frozenset(row.terms.items())
            found.setdefault(key, []).append(row)
    return found


class RateCard:
    """Prices. `receipts.ratecard.read_card` reads a signed one, `read_source` what a person writes.

    Attributes:
        issuer: who sets them.
        name: the issuer's name for the card.
        currency: three capital letters.
        rows: in the order of the card.
        digest: SHA-256 of its content, which charges name.
    """

    def __init__(self, issuer: str, name: str, currency: str, rows: Sequence[PriceRow], digest: bytes) -> None:  # fmt: skip
        self.issuer, self.name, self.currency = issuer, name, currency
        self.rows, self.digest = tuple(rows), digest
        self._groups = groups(rows)
        days = {row.start for row in rows} | {row.end for row in rows}
        self._days = sorted(day * _DAY for day in days if day is not None)
        self._minutes = {minute for row in rows for minute in row.hours or ()}
        self._has_windows = any(row.rank[1] for row in rows)

    def row(self, source: Source | None, model: str, logical: int, time: int) -> PriceRow:
        """The row for a request.

        Args:
            source: whom it was sent to, and its terms.
            model: its name.
            logical: its input tokens.
            time: in ms.

        Raises:
            UnpricedError: there is none.
        """
        day, rest = divmod(time, _DAY)
        for key in _keys(source, model):
            rows = [row for row in self._groups.get(key, ()) if row.is_on(day)]
            found = [
                row
                for row in rows
                if (row.above is None or row.above < logical) and row.is_at(day, rest // _MINUTE)
            ]
            if found:
                return max(found, key=lambda row: row.rank)
        provider = "nobody" if source is None else source.provider
        terms = {} if source is None else source.terms or {}
        wanted = ", ".join((provider, model, *(f"{name} {terms[name]}" for name in sorted(terms))))
        raise UnpricedError("charge", f"a row of the rate card for {wanted}", "none")

    def holds_until(self, time: int) -> int | None:
        """The first time after ``time``, in ms, at which another row may be selected; None: there is none."""
        later = [day for day in self._days if day > time]
        if self._has_windows:
            midnight = time // _DAY * _DAY
            marks = {0, 1440, *self._minutes}
            later += [at for mark in marks if (at := midnight + mark * _MINUTE) > time]
        return min(later, default=None)


def _keys(source: Source | None, model: str) -> Iterator[_Group]:
    """The groups that may have the row: those that name the tier come first."""
    if source is None:
        return
    terms = dict(source.terms or {})
    if source.tier is not None and TIER not in terms:
        yield source.provider, model, frozenset({**terms, TIER: source.tier}.items())
    yield source.provider, model, frozenset(terms.items())

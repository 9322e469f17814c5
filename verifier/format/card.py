"""What a rate card claims: the tables of spec/rate-card.md as types."""

from __future__ import annotations

from typing import NamedTuple


class Rate(NamedTuple):
    """A price: ``rate`` picounits for ``per`` of a unit, in lowest terms."""

    rate: int
    per: int = 1


class PriceRow(NamedTuple):
    """One row of a rate card: which requests it is for, and its rates.

    Attributes:
        number: its place in the card, from 0.
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

    number: int
    provider: str
    model: str
    aliases: tuple[str, ...]
    terms: dict[str, str]
    start: int | None
    end: int | None
    above: int | None
    days: tuple[int, int] | None
    hours: tuple[int, int] | None
    input: int | None
    cached: int | None
    writes: dict[int, int]
    output: int | None
    parts: dict[str, int]
    units: dict[str, Rate]

    @property
    def names(self) -> tuple[str, ...]:
        """The model, and its aliases."""
        return (self.model, *self.aliases)

    @property
    def is_windowed(self) -> bool:
        """Whether it is for some weekdays or hours only."""
        return self.days is not None or self.hours is not None

    def holds_on(self, day: int) -> bool:
        """Whether a day is in its dates."""
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)


class CardClaims(NamedTuple):
    """The claims of a rate card."""

    issuer: str
    name: str
    currency: str
    rows: tuple[PriceRow, ...]

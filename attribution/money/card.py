"""Prices by a card's rows (spec/attribution.md, Price of a request): which row a request has, and its lines under that row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from attribution.money.amounts import half_up
from attribution.money.prices import Line, Price, PriceError, TextRates
from attribution.money.rows import Row

_DAY_MS = 86_400_000
_PARTS = ("audio", "image", "video")
_OUTPUT = "output."


@dataclass(frozen=True, slots=True)
class CardRow:
    """One row: for what it holds, and its rates in picounits, tokens by the token, units as fractions.

    ``start`` and ``end`` in ms, ``end`` exclusive; ``above`` in tokens; ``days`` are 0 (Monday) to 6; ``hours`` in ms of the day, the
    end exclusive.
    """

    provider: str
    model: str
    start: int
    uncached: int
    cached: int
    output: int
    end: int | None = None
    above: int | None = None
    terms: Mapping[str, str] = field(default_factory=dict)
    days: frozenset[int] | None = None
    hours: tuple[int, int] | None = None
    writes: Mapping[int, int] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, Fraction] = field(default_factory=dict)

    @property
    def text(self) -> TextRates:
        """The rates of plain text."""
        return TextRates(self.uncached, self.cached, self.writes, self.output)

    def holds(self, row: Row) -> bool:
        """Whether it is for the time, the terms and the size of a request."""
        if row.time < self.start or (self.end is not None and row.time >= self.end):
            return False
        if self.above is not None and row.logical <= self.above:
            return False
        if self.days is not None and (row.time // _DAY_MS + 3) % 7 not in self.days:
            return False
        if self.hours is not None and not self.hours[0] <= row.time % _DAY_MS < self.hours[1]:
            return False
        return dict(row.terms) == dict(self.terms)

    @property
    def rank(self) -> tuple[int, bool]:
        """The row with the highest ``above`` wins; then one with days or hours."""
        timed = self.days is not None or self.hours is not None
        return (-1 if self.above is None else self.above), timed


class Card:
    """A `Pricer` over rows."""

    def __init__(self, rows: Sequence[CardRow]) -> None:
        self._rows: dict[tuple[str, str], list[CardRow]] = {}
        for row in rows:
            self._rows.setdefault((row.provider, row.model), []).append(row)

    def row(self, request: Row) -> CardRow:
        """The row for a request.

        Raises:
            PriceError: there is none, or two that are equal.
        """
        where = f"{request.provider}/{request.model}"
        fitting = [
            r for r in self._rows.get((request.provider, request.model), ()) if r.holds(request)
        ]
        if not fitting:
            raise PriceError(
                f"request {request.request}: the card has no row for {where} at its time and terms"
            )
        best = max(row.rank for row in fitting)
        found = [row for row in fitting if row.rank == best]
        if len(found) > 1:
            raise PriceError(f"request {request.request}: the card has two equal rows for {where}")
        return found[0]

    def rates(self, row: Row) -> TextRates:
        """The rates of plain text for a request."""
        return self.row(row).text

    def price(self, row: Row) -> Price:
        """The price of a request."""
        return _price(row, self.row(row))


def _price(row: Row, card: CardRow) -> Price:
    writes = row.writes or {}
    cached = row.cached or 0
    rates = {ttl: _write_rate(row, card, ttl) for ttl in writes}
    parts = list(_input_parts(row, card))
    apart = sum(plain for _, plain, _, _, _ in parts)
    apart_cached = sum(read for _, _, read, _, _ in parts)
    plain = row.logical - cached - sum(writes.values()) - apart
    lines = [
        Line("uncached", plain, plain * card.uncached),
        Line("cached", cached - apart_cached, (cached - apart_cached) * card.cached),
        *(Line(f"write.{ttl}", count, count * rates[ttl]) for ttl, count in writes.items()),
    ]
    full = (plain + cached - apart_cached + sum(writes.values())) * card.uncached
    saving = (cached - apart_cached) * (card.uncached - card.cached)
    for kind, count, read, rate, read_rate in parts:
        lines += [
            Line(f"input.{kind}", count, count * rate),
            Line(f"cached.{kind}", read, read * read_rate),
        ]
        full += (count + read) * rate
        saving += read * (rate - read_rate)
    premium = sum(count * (rates[ttl] - card.uncached) for ttl, count in writes.items())
    lines += _output(row, card)
    lines += _beside(row, card)
    kept = tuple(line for line in lines if line.quantity)
    return Price(kept, card.text, full, saving, premium, _uncertain(row, card, rates))


def _input_parts(row: Row, card: CardRow) -> Iterator[tuple[str, int, int, int, int]]:
    """Parts that are priced apart: kind, plain and cached tokens, and their rates."""
    for kind in _PARTS:
        count = row.units.get(f"input.{kind}")
        if count is None or f"input.{kind}" not in card.parts:
            continue
        read = row.units.get(f"cached.{kind}")
        read = read or 0
        rate = card.parts[f"input.{kind}"]
        yield kind, count - read, read, rate, card.parts.get(f"cached.{kind}", card.cached)


def _write_rate(row: Row, card: CardRow, ttl: int) -> int:
    """The rate of a write; of an unknown TTL the highest."""
    if ttl in card.writes:
        return card.writes[ttl]
    if ttl or not card.writes:
        raise PriceError(f"request {row.request}: the card has no rate for writes of {ttl} s")
    return max(card.writes.values())


def _output(row: Row, card: CardRow) -> Iterator[Line]:
    if row.output is None:
        return
    rest = row.output
    for name, rate in card.parts.items():
        if name.startswith(_OUTPUT) and name in row.units:
            rest -= row.units[name]
            yield Line(name, row.units[name], row.units[name] * rate)
    yield Line("output", rest, rest * card.output)


def _beside(row: Row, card: CardRow) -> Iterator[Line]:
    for name, count in row.units.items():
        if name.split(".")[0] in ("input", "cached", "output") and name.split(".")[1] in _INSIDE:
            continue
        if name not in card.units:
            if "/" in name:  # private: what is not priced is not billed
                continue
            raise PriceError(f"request {row.request}: the card has no rate for {name}")
        yield Line(name, count, half_up(count * card.units[name]))


_INSIDE = frozenset({*_PARTS, "citation"})


def _uncertain(row: Row, card: CardRow, rates: Mapping[int, int]) -> int:
    """How much less it may be: writes of an unknown TTL at the lowest rate, and all that may have been cached."""
    open_writes = (row.writes or {}).get(0, 0)
    less = open_writes * (rates[0] - min(card.writes.values())) if open_writes else 0
    if row.cached is None:
        most = row.logical - sum((row.writes or {}).values())
        less += most * max(0, card.uncached - card.cached)
    return less

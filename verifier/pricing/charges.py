"""A charge against the rate card that it names: recomputed line by line (R-18.2 to R-18.4; spec/verification.md, Rate cards)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from verifier.format.card import PriceRow, Rate
from verifier.format.claims import (
    BESIDE,
    CACHE_READ,
    CACHE_WRITE,
    OUTPUT,
    UNCACHED,
    Charge,
    ChargeLine,
)
from verifier.format.envelope import Fault
from verifier.item.faults import unequal
from verifier.pricing.card import RateCard
from verifier.pricing.line import PricedLine, UnpricedError
from verifier.pricing.price import Price, price
from verifier.pricing.usage import Usage

_CLASSES = {UNCACHED: "uncached", CACHE_READ: "cached", CACHE_WRITE: "write", OUTPUT: "output"}


class _Key(NamedTuple):
    """What a card has one line for."""

    kind: int
    ttl: int | None
    unit: str | None
    model: str | None

    def __str__(self) -> str:
        name = self.unit or _CLASSES[self.kind]
        ttl = "" if self.ttl is None else f", TTL {self.ttl} s"
        return f"{name}{ttl}" + ("" if self.model is None else f", {self.model}")


class _Figures(NamedTuple):
    quantity: int
    rate: int
    per: int

    def __str__(self) -> str:
        per = "" if self.per == 1 else f" for {self.per:,}"
        return f"{self.quantity:,} at {self.rate:,}{per}"


class Compared(NamedTuple):
    """What came of comparing a charge with its card.

    Attributes:
        faults: what is wrong with it.
        uncertain: whether the price is an interval, so that only its bounds were compared.
    """

    faults: list[Fault]
    uncertain: bool = False


def compare_charge(card: RateCard, usage: Usage, charge: Charge) -> Compared:
    """Compute a charge again.

    Args:
        card: the one that the charge names.
        usage: what was used.
        charge: what the receipt says.
    """
    if charge.currency != card.currency:
        field = "charge.currency"
        return Compared([unequal("charge-differs", field, card.currency, charge.currency)])
    try:
        found = price(card, usage)
    except UnpricedError as error:
        return Compared([unequal("charge-row-missing", error.field, error.expected, error.actual)])
    if found.uncertain:
        return Compared(list(_bounds(found, charge)), uncertain=True)
    return Compared(list(_lines(found.lines, charge.lines)))


def _lines(expected: Iterable[PricedLine], actual: Iterable[ChargeLine]) -> Iterator[Fault]:
    """R-18.3: every line that the card gives, and no other. The amounts are those of R-8.6."""
    due, told = _by_key(expected), _by_key(actual)
    for key in {**due, **told}:
        if due.get(key) != told.get(key):
            field = f"charge.lines ({key})"
            yield unequal("charge-differs", field, _shown(due, key), _shown(told, key))


def _by_key(lines: Iterable[PricedLine | ChargeLine]) -> dict[_Key, list[_Figures]]:
    found: dict[_Key, list[_Figures]] = {}
    for line in lines:
        if line.quantity:
            key = _Key(line.kind, line.ttl, line.unit, line.model)
            found.setdefault(key, []).append(_Figures(line.quantity, line.rate, line.per))
    return found


def _shown(lines: Mapping[_Key, list[_Figures]], key: _Key) -> str:
    return "; ".join(map(str, lines.get(key, ()))) or "no line"


def _bounds(found: Price, charge: Charge) -> Iterator[Fault]:
    """R-18.4: the receipt does not state what the price depends on, so it is held against the bounds, and the row's rates."""
    if not found.lower <= charge.amount <= found.amount:
        expected = f"{found.lower} to {found.amount}"
        yield _unequal(4, "charge.amount", expected, str(charge.amount))
    for i, line in enumerate(charge.lines):
        rates = _rates(found.row, line)
        if line.quantity and line.model is None and Rate(line.rate, line.per) not in rates:
            expected = " or ".join(str(rate.rate) for rate in rates) or "no such line"
            yield _unequal(4, f"charge.lines.{i}.rate", expected, str(line.rate))


def _rates(row: PriceRow, line: ChargeLine) -> list[Rate]:
    """The rates that a line may have."""
    if line.kind == BESIDE:
        return [row.units[line.unit]] if line.unit in row.units else []
    if line.kind == CACHE_WRITE:
        stated = [row.writes[line.ttl]] if line.ttl in row.writes else []
        rates: list[int | None] = [
            *(stated or (sorted(row.writes.values()) if line.ttl == 0 else []))
        ]
    elif line.unit is not None:
        rates = [row.parts.get(line.unit)]
    else:
        rates = [{UNCACHED: row.input, CACHE_READ: row.cached, OUTPUT: row.output}[line.kind]]
    return [Rate(rate) for rate in rates if rate is not None]


def _unequal(number: int, field: str, expected: str, actual: str) -> Fault:
    message = f"{field}: expected {expected}, found {actual}"
    return Fault(
        "charge-differs", message, rule=f"R-18.{number}", field=field, expected=expected, actual=actual
    )  # fmt: skip

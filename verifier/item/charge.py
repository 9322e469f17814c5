"""What a charge must satisfy: each line, their sum, and that they price what the receipt states (R-8.6; spec/receipt.md, identity 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from verifier.format.claims import (
    BESIDE,
    CACHE_READ,
    CACHE_WRITE,
    OUTPUT,
    UNCACHED,
    Charge,
    ChargeLine,
    Receipt,
    TokenCounts,
)
from verifier.format.envelope import Fault
from verifier.format.units import INSIDE, REASONING
from verifier.item.faults import unequal


class _Class(NamedTuple):
    """The tokens that lines price together: of a class, a TTL in s of cache writes, and a model where there are several."""

    kind: int
    ttl: int | None
    model: str | None

    def __str__(self) -> str:
        ttl = "" if self.ttl is None else f", TTL {self.ttl} s"
        return f"class {self.kind}{ttl}" + ("" if self.model is None else f", {self.model}")


def charge(receipt: Receipt) -> Iterator[Fault]:
    """R-8.6: each amount is quantity times rate, the charge is their sum, and the quantities are the receipt's."""
    if receipt.charge is None:
        return
    lines = receipt.charge.lines
    for i, line in enumerate(lines):
        if not is_rounded(line):
            field = f"charge.lines.{i}.amount"
            yield unequal("charge-mismatch", field, _rounded(line), line.amount)
    amount = sum(line.amount for line in lines)
    if amount != receipt.charge.amount:
        yield unequal("charge-mismatch", "charge.amount", amount, receipt.charge.amount)
    yield from _quantities(receipt, receipt.charge)


def is_rounded(line: ChargeLine) -> bool:
    """Whether the amount is quantity * rate / per, rounded half up, without a division."""
    return -line.per < 2 * (line.amount * line.per - line.quantity * line.rate) <= line.per


def _rounded(line: ChargeLine) -> int:
    return (2 * line.quantity * line.rate + line.per) // (2 * line.per)


def _quantities(receipt: Receipt, charge: Charge) -> Iterator[Fault]:
    """The lines of a class sum to its tokens, and those of a unit to the unit."""
    if receipt.cached is None:
        stated = "stated, since there is a charge"
        yield unequal("charge-mismatch", "input.cached", stated, "nothing")
        return
    due = _due(receipt)
    priced: Counter[_Class] = Counter(dict.fromkeys(due, 0))
    units: Counter[str] = Counter()
    for line in charge.lines:
        if line.kind != BESIDE:
            priced[_Class(line.kind, line.ttl, line.model)] += line.quantity
        if line.unit is not None:
            units[line.unit] += line.quantity
    for which, quantity in priced.items():
        if quantity != due.get(which, 0):
            field = f"charge.lines ({which})"
            yield unequal("charge-mismatch", field, due.get(which, 0), quantity)
    for unit, quantity in units.items():
        if quantity != (expected := _priced_apart(receipt, unit)):
            yield unequal("charge-mismatch", f"charge.lines ({unit})", expected, quantity)


def _due(receipt: Receipt) -> dict[_Class, int]:
    """The tokens of each class."""
    models: list[tuple[str | None, TokenCounts]] = [(None, receipt.counts)]
    due = {}
    for model, counts in models if receipt.models is None else receipt.models.items():
        written = counts.writes or {}
        due[_Class(UNCACHED, None, model)] = (counts.attributed or 0) - sum(written.values())
        due[_Class(CACHE_READ, None, model)] = counts.cached or 0
        due |= {_Class(CACHE_WRITE, ttl, model): tokens for ttl, tokens in written.items()}
        due[_Class(OUTPUT, None, model)] = counts.output or 0
    return due


def _priced_apart(receipt: Receipt, unit: str) -> int:
    """What the lines of a unit sum to; 0 where it is not stated, or not known."""
    units = receipt.units or {}
    if unit == REASONING:
        return receipt.reasoning or 0
    if unit not in units or unit not in INSIDE["logical"]:
        return units.get(unit, 0)
    cached = 0 if receipt.cached == 0 else units.get(unit.replace("input.", "cached."))
    return 0 if cached is None else units[unit] - cached

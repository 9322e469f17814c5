"""Sums over receipts (R-10.9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from verifier.format.claims import Receipt, TokenCounts, Totals

_Key = TypeVar("_Key")


@dataclass(slots=True)
class Sums:
    """Sums over receipts, in tokens; None: no receipt states the field. ``amounts`` in picounits.

    Corrections are summed apart: ``corrected`` is what they correct, ``corrections`` what they say instead.
    """

    logical: int | None = None
    cached: int | None = None
    attributed: int | None = None
    writes: dict[int, int] | None = None
    output: int | None = None
    reasoning: int | None = None
    amounts: dict[str, int] | None = None
    units: dict[str, int] | None = None
    corrected: Sums | None = None
    corrections: Sums | None = None
    uncounted: int = 0
    """Logical tokens of receipts that do not state how many of them were cached; of corrections too."""
    observed: int = 0
    """Receipts that are an observer's; corrections too."""

    def add(self, receipt: Receipt) -> None:
        """Add the counts of one receipt."""
        charge, corrects = receipt.charge, receipt.corrects
        self.observed += receipt.observed
        paid = (None, None) if charge is None else (charge.currency, charge.amount)
        if corrects is None:
            self.add_counts(receipt.counts, receipt.units, *paid)
            return
        self.corrected, self.corrections = self.corrected or Sums(), self.corrections or Sums()
        self.corrected.add_counts(
            corrects.counts, corrects.units, corrects.currency, corrects.amount
        )
        self.corrections.add_counts(receipt.counts, receipt.units, *paid)

    def add_counts(
        self,
        counts: TokenCounts,
        units: Mapping[str, int] | None,
        currency: str | None,
        amount: int | None,
    ) -> None:
        """Add counts in tokens, units, and an amount in picounits of a currency."""
        self.logical = (self.logical or 0) + counts.logical
        for name in ("cached", "attributed", "output", "reasoning"):
            if (tokens := getattr(counts, name)) is not None:
                setattr(self, name, (getattr(self, name) or 0) + tokens)
        if counts.cached is None:
            self.uncounted += counts.logical
        if counts.writes is not None:
            self.writes = _added(self.writes, counts.writes)
        if units is not None:
            self.units = _added(self.units, units)
        if currency is not None and amount is not None:
            self.amounts = _added(self.amounts, {currency: amount})

    def names(self) -> set[int | str]:
        """The TTLs and units that are summed, and those of corrections."""
        found: set[int | str] = {*(self.writes or ()), *(self.units or ())}
        for inner in (self.corrected, self.corrections):
            if inner is not None:
                found |= inner.names()
        return found

    def has(self, name: int | str) -> bool:
        """Whether a TTL or a unit is among them."""
        inner = (self.corrected, self.corrections)
        own = name in (self.writes or ()) or name in (self.units or ())
        return own or any(one is not None and one.has(name) for one in inner)

    def join(self, other: Sums) -> None:
        """Add the sums over other receipts."""
        for name in ("logical", "cached", "attributed", "output", "reasoning"):
            if (theirs := getattr(other, name)) is not None:
                setattr(self, name, (getattr(self, name) or 0) + theirs)
        self.uncounted += other.uncounted
        self.observed += other.observed
        if other.writes is not None:
            self.writes = _added(self.writes, other.writes)
        if other.amounts is not None:
            self.amounts = _added(self.amounts, other.amounts)
        if other.units is not None:
            self.units = _added(self.units, other.units)
        if other.corrected is not None and other.corrections is not None:
            self.corrected, self.corrections = self.corrected or Sums(), self.corrections or Sums()
            self.corrected.join(other.corrected)
            self.corrections.join(other.corrections)

    def as_totals(self) -> Totals:
        """The sums in the form of a statement's totals."""
        return Totals(
            self.logical,
            self.cached,
            self.attributed,
            self.writes,
            self.output,
            self.reasoning,
            self.amounts,
            self.units,
            None if self.corrected is None else self.corrected.as_totals(),
            None if self.corrections is None else self.corrections.as_totals(),
        )


def _added(sums: dict[_Key, int] | None, more: Mapping[_Key, int]) -> dict[_Key, int]:
    """Sums by key, with more of them. Most receipts have neither writes nor a charge, so a dictionary is made when it is needed."""
    if sums is None:
        return dict(more)
    for key, count in more.items():
        sums[key] = sums.get(key, 0) + count
    return sums


def sum_by_key(column: Iterable[Mapping[_Key, int] | None]) -> dict[_Key, int] | None:
    """The sums by TTL, unit or currency; None if nothing is stated."""
    total: dict[_Key, int] = {}
    for one in column:
        if one is not None:
            for key, count in one.items():
                total[key] = total.get(key, 0) + count
    return total or None


def sum_stated(column: tuple[int | None, ...]) -> int | None:
    """The sum of what is stated; None if nothing is."""
    stated = [tokens for tokens in column if tokens is not None]
    return sum(stated) if stated else None

"""Sums over receipts (R-10.9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from verifier.format.claims import Receipt, Totals

_Key = TypeVar("_Key")


@dataclass(slots=True)
class Sums:
    """Sums over receipts, in tokens; None: no receipt states the field. ``amounts`` in picounits."""

    logical: int | None = None
    cached: int | None = None
    attributed: int | None = None
    writes: dict[int, int] | None = None
    output: int | None = None
    reasoning: int | None = None
    amounts: dict[str, int] | None = None

    def add(self, receipt: Receipt) -> None:
        """Add the counts of one receipt."""
        self.logical = (self.logical or 0) + receipt.logical
        if receipt.cached is not None and receipt.attributed is not None:
            self.cached = (self.cached or 0) + receipt.cached
            self.attributed = (self.attributed or 0) + receipt.attributed
        if receipt.writes is not None:
            self.writes = _added(self.writes, receipt.writes)
        if receipt.output is not None:
            self.output = (self.output or 0) + receipt.output
        if receipt.reasoning is not None:
            self.reasoning = (self.reasoning or 0) + receipt.reasoning
        if receipt.charge is not None:
            amount = {receipt.charge.currency: receipt.charge.amount}
            self.amounts = _added(self.amounts, amount)

    def join(self, other: Sums) -> None:
        """Add the sums over other receipts."""
        for name in ("logical", "cached", "attributed", "output", "reasoning"):
            if (theirs := getattr(other, name)) is not None:
                setattr(self, name, (getattr(self, name) or 0) + theirs)
        if other.writes is not None:
            self.writes = _added(self.writes, other.writes)
        if other.amounts is not None:
            self.amounts = _added(self.amounts, other.amounts)

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
        )


def _added(sums: dict[_Key, int] | None, more: Mapping[_Key, int]) -> dict[_Key, int]:
    """Sums by key, with more of them. Most receipts have neither writes nor a charge, so a dictionary is made when it is needed."""
    if sums is None:
        return dict(more)
    for key, count in more.items():
        sums[key] = sums.get(key, 0) + count
    return sums

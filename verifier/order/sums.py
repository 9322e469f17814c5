"""Sums over receipts (R-10.9)."""

from __future__ import annotations

from dataclasses import dataclass, field

from verifier.format.claims import Receipt, Totals


@dataclass(slots=True)
class Sums:
    """Sums over receipts, in tokens; None: no receipt states the field. ``amounts`` in picounits."""

    logical: int | None = None
    cached: int | None = None
    attributed: int | None = None
    writes: dict[int, int] = field(default_factory=dict)
    output: int | None = None
    reasoning: int | None = None
    amounts: dict[str, int] = field(default_factory=dict)

    def add(self, receipt: Receipt) -> None:
        """Add the counts of one receipt."""
        self.logical = (self.logical or 0) + receipt.logical
        if receipt.cached is not None and receipt.attributed is not None:
            self.cached = (self.cached or 0) + receipt.cached
            self.attributed = (self.attributed or 0) + receipt.attributed
        if receipt.writes is not None:
            for ttl, tokens in receipt.writes.items():
                self.writes[ttl] = self.writes.get(ttl, 0) + tokens
        if receipt.output is not None:
            self.output = (self.output or 0) + receipt.output
        if receipt.reasoning is not None:
            self.reasoning = (self.reasoning or 0) + receipt.reasoning
        if receipt.charge is not None:
            currency = receipt.charge.currency
            self.amounts[currency] = self.amounts.get(currency, 0) + receipt.charge.amount

    def join(self, other: Sums) -> None:
        """Add the sums over other receipts."""
        for name in ("logical", "cached", "attributed", "output", "reasoning"):
            if (theirs := getattr(other, name)) is not None:
                setattr(self, name, (getattr(self, name) or 0) + theirs)
        for ttl, tokens in other.writes.items():
            self.writes[ttl] = self.writes.get(ttl, 0) + tokens
        for currency, amount in other.amounts.items():
            self.amounts[currency] = self.amounts.get(currency, 0) + amount

    def as_totals(self) -> Totals:
        """The sums in the form of a statement's totals."""
        return Totals(
            self.logical,
            self.cached,
            self.attributed,
            self.writes or None,
            self.output,
            self.reasoning,
            self.amounts or None,
        )

"""The totals of a statement: sums over its receipts, of each field that a receipt states (spec/statement.md, totals)."""

from __future__ import annotations

from typing import Any, Final

from receipts import limits
from receipts.labels import TOTALS
from receipts.request import Billed

_PICOUNITS: Final = 10**12
"""In a unit of a currency."""


class Totals:
    """Sums of tokens, of cache writes by TTL in s, of amounts in picounits by currency, and of units.

    Corrections are summed apart, and so is what they correct.
    """

    def __init__(self) -> None:
        self._plain, self._corrected, self._corrections = _Sums(), _Sums(), _Sums()
        self._has_corrections = False

    def add(self, billed: Billed, corrects: Billed | None = None) -> None:
        """Add what a receipt bills; ``corrects``: what the receipt billed that it corrects.

        Raises:
            ReceiptError: a currency or an amount is none.
        """
        if corrects is None:
            self._plain.add(billed)
            return
        self._has_corrections = True
        self._corrected.add(corrects)
        self._corrections.add(billed)

    def claims(self) -> dict[int, Any]:
        """The totals under their labels, in ascending order; without what no receipt states.

        Raises:
            ReceiptError: a sum, or the number of TTLs or units, is more than a statement can hold.
        """
        claims = self._plain.claims()
        if self._has_corrections:
            claims[TOTALS["corrected"]] = self._corrected.claims()
            claims[TOTALS["corrections"]] = self._corrections.claims()
        return claims


class _Sums:
    """Totals 1 to 8."""

    def __init__(self) -> None:
        self._tokens: dict[str, int] = {}
        self._writes: dict[int, int] = {}
        self._amounts: dict[str, int] = {}
        self._units: dict[str, int] = {}

    def add(self, billed: Billed) -> None:
        counts, currency = billed.counts, billed.currency
        if currency is not None:
            limits.currency("currency", currency)
            total = self._amounts.get(currency, 0) + limits.uint("amount", billed.amount)
            self._amounts[currency] = total
        stated = {
            "logical": counts.logical,
            "cached": counts.cached,
            "attributed": counts.attributed,
            "output": counts.output,
            "reasoning": counts.reasoning,
        }
        for name, tokens in stated.items():
            if tokens is not None:
                self._tokens[name] = self._tokens.get(name, 0) + tokens
        for ttl, tokens in (counts.writes or {}).items():
            self._writes[ttl] = self._writes.get(ttl, 0) + tokens
        for unit, quantity in (counts.units or {}).items():
            self._units[unit] = self._units.get(unit, 0) + quantity

    def claims(self) -> dict[int, Any]:
        found: dict[str, Any] = {
            name: limits.uint("total", tokens) for name, tokens in self._tokens.items()
        }
        if self._writes:
            found["writes"] = self._by_ttl()
        if self._amounts:
            found["amounts"] = {c: _amount(self._amounts[c]) for c in sorted(self._amounts)}
        if self._units:
            found["units"] = self._by_unit()
        return {label: found[name] for name, label in TOTALS.items() if name in found}

    def _by_ttl(self) -> dict[int, int]:
        limits.entries("totals.writes", self._writes, limits.MAX_TOTAL_WRITES, "TTLs")
        return {
            limits.uint("TTL", ttl): limits.uint("total", self._writes[ttl])
            for ttl in sorted(self._writes)
        }

    def _by_unit(self) -> dict[str, int]:
        limits.entries("totals.units", self._units, limits.MAX_TOTAL_UNITS, "units")
        return {
            unit: limits.uint("total", self._units[unit])
            for unit in limits.sorted_keys(self._units)
        }


def _amount(picounits: int) -> list[int]:
    """Whole units and picounits, since the sum may not fit 64 bits."""
    units, rest = divmod(picounits, _PICOUNITS)
    return [limits.uint("total", units), rest]

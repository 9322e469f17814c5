"""The totals of a statement: sums over its receipts, of each field that a receipt states (spec/statement.md, totals)."""

from __future__ import annotations

from typing import Any, Final

from receipts import limits
from receipts.errors import ReceiptError
from receipts.labels import TOTALS
from receipts.request import Counts

_PICOUNITS: Final = 10**12
"""In a unit of a currency."""


class Totals:
    """Sums of tokens, of cache writes by TTL in s, and of amounts in picounits by currency."""

    def __init__(self) -> None:
        self._tokens: dict[str, int] = {}
        self._writes: dict[int, int] = {}
        self._amounts: dict[str, int] = {}

    def add(self, counts: Counts, currency: str | None, amount: int) -> None:
        """Add a receipt's tokens, and its ``amount`` in picounits if it has a ``currency``.

        Raises:
            ReceiptError: the currency or the amount is none.
        """
        if currency is not None:
            limits.currency("currency", currency)
            total = self._amounts.get(currency, 0) + limits.uint("amount", amount)
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

    def claims(self) -> dict[int, Any]:
        """The totals under their labels, in ascending order; without what no receipt states.

        Raises:
            ReceiptError: a sum, or the number of TTLs, is more than a statement can hold.
        """
        found: dict[str, Any] = {
            name: limits.uint("total", tokens) for name, tokens in self._tokens.items()
        }
        if self._writes:
            found["writes"] = self._by_ttl()
        if self._amounts:
            found["amounts"] = {c: _amount(self._amounts[c]) for c in sorted(self._amounts)}
        return {label: found[name] for name, label in TOTALS.items() if name in found}

    def _by_ttl(self) -> dict[int, int]:
        if len(self._writes) > limits.MAX_TOTAL_WRITES:
            expected = f"at most {limits.MAX_TOTAL_WRITES} TTLs"
            raise ReceiptError("totals.writes", expected, len(self._writes))
        return {
            limits.uint("TTL", ttl): limits.uint("total", self._writes[ttl])
            for ttl in sorted(self._writes)
        }


def _amount(picounits: int) -> list[int]:
    """Whole units and picounits, since the sum may not fit 64 bits."""
    units, rest = divmod(picounits, _PICOUNITS)
    return [limits.uint("total", units), rest]

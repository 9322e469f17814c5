"""What a finding is worth in money, if it holds (spec/report.md, Worth)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

CHARGE: Final = "charge"
CARD: Final = "card"


@dataclass(frozen=True, slots=True)
class Worth:
    """By how much an account was charged too much, in picounits: between ``lower`` and ``upper``, by the receipt's charge or a card."""

    currency: str
    lower: int
    upper: int
    by: str

    def as_dict(self) -> dict[str, str]:
        """As JSON-ready data."""
        return {
            "currency": self.currency,
            "lower": str(self.lower),
            "upper": str(self.upper),
            "by": self.by,
        }


NOT_COMPUTED: Final = "it was not computed"
NO_RECEIPT: Final = "the finding is about no receipt that counts"
NOT_MONEY: Final = "the finding does not say what would be right"
NO_PRICE: Final = "the receipt states no charge, and no rate card that was given prices it"
TWO_PRICES: Final = "the receipt states no charge, and several rate cards price it"
NO_CARD: Final = "the rate card by which it would cost something else was not given"
NOT_REPRICED: Final = "what is expected cannot be priced"
"""Why there is no amount."""


def sums(worths: Iterable[Worth]) -> list[dict[str, Any]]:
    """The sums by currency, in their order."""
    found: dict[str, tuple[int, int]] = {}
    for one in worths:
        lower, upper = found.get(one.currency, (0, 0))
        found[one.currency] = lower + one.lower, upper + one.upper
    return [
        {"currency": currency, "lower": str(lower), "upper": str(upper)}
        for currency, (lower, upper) in sorted(found.items())
    ]

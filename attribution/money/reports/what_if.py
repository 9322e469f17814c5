"""What customers would cost at another hit rate, or by another card."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from attribution.money.amounts import half_up, money
from attribution.money.ledger.ledger import Ledger

_BY_MODEL: Final = """
SELECT customer, model, sum(amount), sum(saving), sum(premium), sum(coalesce(cached, 0)), sum(logical)
FROM receipts GROUP BY ALL ORDER BY ALL
"""
_OTHER: Final = """
SELECT customer, sum(other_price) FROM receipts GROUP BY customer ORDER BY customer
"""


def at_hit_rate(ledger: Ledger, rate: Fraction) -> list[dict[str, Any]]:
    """Each customer's cost if this part of its input came from the cache."""
    costs: dict[str | None, int] = {}
    for customer, _, amount, saving, premium, cached, logical in ledger.ask(_BY_MODEL):
        cost = amount
        if cached:
            gained = saving - premium
            cost = amount + gained - half_up(gained * rate * Fraction(logical, cached))
        costs[customer] = costs.get(customer, 0) + cost
    return [{"customer": customer, "cost": money(cost)} for customer, cost in costs.items()]


def by_other_card(ledger: Ledger) -> list[dict[str, Any]]:
    """Each customer's cost by the other card that the ledger was loaded with."""
    return [{"customer": key, "cost": money(cost)} for key, cost in ledger.ask(_OTHER)]

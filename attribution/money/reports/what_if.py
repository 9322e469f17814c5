"""What customers would cost at another hit rate, or if requests had another price."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from attribution.money.amounts import half_up, money
from attribution.money.ledger.ledger import Ledger
from attribution.money.prices import price_of
from attribution.money.rows import Row
from verifier import RateCard

Other = Callable[[Row], int]
"""Another price of a request, in picounits."""
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


def at_other_price(ledger: Ledger) -> list[dict[str, Any]]:
    """Each customer's cost by the other price that the ledger was loaded with."""
    return [{"customer": key, "cost": money(cost)} for key, cost in ledger.ask(_OTHER)]


def by_card(card: RateCard) -> Other:
    """The same counts by another card."""
    return lambda row: price_of(row, card).amount


def at_model(card: RateCard, before: str, provider: str, model: str) -> Other:
    """The requests of one model (``before``: provider/model) at the price of another one."""

    def other(row: Row) -> int:
        if row.model != before:
            return price_of(row, card).amount
        usage = row.usage._replace(provider=provider, model=model)
        return price_of(row._replace(usage=usage), card).amount

    return other


def with_term(card: RateCard, name: str, value: str) -> Other:
    """Requests under another term (processing: batch), where the card has a price for it; the others as they are."""

    def other(row: Row) -> int:
        usage = row.usage._replace(terms={**row.usage.terms, name: value})
        if card.row(usage, usage.counts.logical) is None:
            return price_of(row, card).amount
        return price_of(row._replace(usage=usage), card).amount

    return other

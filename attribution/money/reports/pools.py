"""Shared costs beside the invoice, split over customers by what drives them; what nobody used stays apart."""

from __future__ import annotations

from typing import Final

from attribution.money.amounts import split
from attribution.money.ledger.ledger import Ledger
from attribution.money.registry import Pool, Registry

_WEIGHTS: Final = """
SELECT customer, count(*), sum(logical + coalesce(output, 0)), sum(amount) FROM receipts GROUP BY customer ORDER BY customer
"""
_BY: Final = ("requests", "tokens", "spend")
Shares = dict[str, dict[str | None, int]]
"""Picounits by pool and customer, both in the order of keys."""


def pools(ledger: Ledger, registry: Registry) -> Shares:
    """What each customer bears of each pool."""
    rows = list(ledger.ask(_WEIGHTS))
    used = {name: {row[0]: row[1 + at] for row in rows} for at, name in enumerate(_BY)}
    return {
        pool.name: _shares(pool, used[pool.by] if pool.by in used else _drivers(pool))
        for pool in sorted(registry.pools, key=lambda pool: pool.name)
    }


def _drivers(pool: Pool) -> dict[str | None, int]:
    weights: dict[str | None, int] = {}
    if pool.capacity is not None:
        weights[None] = max(0, pool.capacity - sum(pool.drivers.values()))
    return weights | dict(sorted(pool.drivers.items()))


def _shares(pool: Pool, weights: dict[str | None, int]) -> dict[str | None, int]:
    """By largest remainder; without any weight it is nobody's."""
    if not any(weights.values()):
        return {None: pool.amount}
    return dict(zip(weights, split(pool.amount, list(weights.values())), strict=True))


def by_customer(shares: Shares) -> dict[str | None, int]:
    """All pools together."""
    found: dict[str | None, int] = {}
    for one in shares.values():
        for customer, amount in one.items():
            found[customer] = found.get(customer, 0) + amount
    return found

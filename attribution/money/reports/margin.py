"""Margins by customer and by feature, with and without the cache: how much of them depends on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from attribution.money.amounts import half_up, money, ratio
from attribution.money.ledger.leaves import Condition, Method, amounts, conditions
from attribution.money.ledger.ledger import Ledger
from attribution.money.registry import Registry

_COSTS: Final = """
SELECT {by}, count(*), sum(amount), sum(full_price), sum(input_cost), sum(logical) FROM receipts
WHERE {where} GROUP BY {by}
"""
_MILLION: Final = 10**6


@dataclass(frozen=True, slots=True)
class Account:
    """What a customer or a feature brought in and cost, in picounits; counts in requests and tokens."""

    revenue: int = 0
    pools: int = 0
    requests: int = 0
    cost: int = 0
    full: int = 0
    input_cost: int = 0
    logical: int = 0

    @property
    def margin(self) -> int:
        """What is left of the revenue."""
        return self.revenue - self.cost - self.pools

    @property
    def margin_without(self) -> int:
        """The same without the cache."""
        return self.revenue - self.full - self.pools

    def as_dict(self) -> dict[str, Any]:
        """The amounts, as text."""
        return {
            "revenue": money(self.revenue),
            "cost": money(self.cost),
            "cost_without_cache": money(self.full),
            "pools": money(self.pools),
            "margin": money(self.margin),
            "margin_without_cache": money(self.margin_without),
            "exposure": money(self.full - self.cost),
        }


Accounts = dict[str | None, Account]


def accounts(
    ledger: Ledger,
    by: str,
    revenue: Mapping[str, int],
    pools: Mapping[str | None, int],
    where: Sequence[Condition] = (),
) -> Accounts:
    """Every key that has requests, revenue or a share of a pool, in order.

    Args:
        ledger: loaded.
        by: customer or feature.
        revenue: picounits by key.
        pools: picounits by key.
        where: only what these requests cost.
    """
    condition, values = conditions(where)
    query = _COSTS.format(by=by, where=condition)
    costs = {key: sums for key, *sums in ledger.ask(query, values)}
    keys = {*costs, *revenue, *pools}
    return {
        key: Account(
            0 if key is None else revenue.get(key, 0), pools.get(key, 0), *costs.get(key, ())
        )
        for key in sorted(keys, key=lambda key: (key is not None, key or ""))
    }


def by_customer(
    ledger: Ledger, found: Accounts, where: Sequence[Condition] = ()
) -> list[dict[str, Any]]:
    """The margin of each customer, with unit costs; needs the methods direct and pooled."""
    pooled = amounts(ledger, Method.POOLED, "customer", where)
    return [
        {
            "customer": customer,
            **one.as_dict(),
            "cogs_share": ratio(one.cost + one.pools, one.revenue),
            "cost_per_request": money(half_up(Fraction(one.cost, one.requests))) if one.requests else None,
            "effective_input_price": ratio(one.input_cost, one.logical * _MILLION),
            "cross_subsidy": money(pooled.get(customer, 0) - one.cost),
        }
        for customer, one in found.items()
    ]  # fmt: skip


def by_feature(found: Accounts) -> list[dict[str, Any]]:
    """The margin of each feature; pools are the customers'."""
    rows = [{"feature": feature, **one.as_dict()} for feature, one in found.items()]
    for row in rows:
        del row["pools"]
    return rows


def profitable(found: Accounts) -> str | None:
    """Of the features with revenue, the share with a margin above 0."""
    earning = [one for one in found.values() if one.revenue > 0]
    return ratio(sum(one.margin > 0 for one in earning), len(earning))


def exposure(found: Accounts) -> dict[str, Any]:
    """Over all customers: what it costs if caching stops."""
    whole = Account(
        sum(one.revenue for one in found.values()),
        sum(one.pools for one in found.values()),
        0,
        sum(one.cost for one in found.values()),
        sum(one.full for one in found.values()),
    )
    return whole.as_dict()


def revenue_of(registry: Registry, dimension: str) -> Mapping[str, int]:
    """What is known of the revenue by customer or feature."""
    return registry.revenue.get(dimension, {})

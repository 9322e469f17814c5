"""What each team is charged, in cents that sum to the invoice; and what of its budget that is."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from attribution.money.amounts import half_up, money, places, ratio
from attribution.money.ledger.leaves import Method, amounts
from attribution.money.ledger.ledger import Ledger
from attribution.money.registry import Registry

_CENT: Final = 10**10
"""Picounits."""


def chargeback(ledger: Ledger, registry: Registry, method: Method) -> list[dict[str, Any]]:
    """The method's table by team in cents; what has no team goes to its named owner."""
    owed: dict[str | None, int] = {}
    for team, amount in amounts(ledger, method, "team").items():
        payer = registry.tagging.owner if team is None else team
        owed[payer] = owed.get(payer, 0) + amount
    payers = sorted(owed, key=lambda name: (name is not None, name or ""))
    cents = in_cents([owed[payer] for payer in payers])
    return [
        {"team": payer, "cost_center": _cost_center(registry, payer), "amount": places(share, 2)}
        for payer, share in zip(payers, cents, strict=True)
    ]


def in_cents(owed: list[int]) -> list[int]:
    """Picounits in cents that sum to the rounded total; what the floors leave goes to the largest remainders, ties to the earlier."""
    total = half_up(Fraction(sum(owed), _CENT))
    floors = [amount // _CENT for amount in owed]
    order = sorted(range(len(owed)), key=lambda at: (-(owed[at] % _CENT), at))
    for at in order[: total - sum(floors)]:
        floors[at] += 1
    return floors


def _cost_center(registry: Registry, team: str | None) -> str | None:
    found = None if team is None else registry.teams.get(team)
    return None if found is None else found.cost_center


def budgets(ledger: Ledger, registry: Registry, method: Method) -> list[dict[str, Any]]:
    """What teams with a budget have spent of it."""
    spent = amounts(ledger, method, "team")
    return [
        {
            "team": team.name,
            "budget": money(team.budget),
            "spent": money(spent.get(team.name, 0)),
            "left": money(team.budget - spent.get(team.name, 0)),
            "used": ratio(spent.get(team.name, 0), team.budget),
        }
        for _, team in sorted(registry.teams.items())
        if team.budget is not None
    ]

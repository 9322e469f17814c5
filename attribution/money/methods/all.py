"""The methods that are wanted, one after the other, and how they compare."""

from __future__ import annotations

from collections.abc import Iterable

from attribution.money.ledger.leaves import LEAVES, Method, table
from attribution.money.ledger.ledger import Ledger
from attribution.money.methods.direct import direct
from attribution.money.methods.platform_tax import platform_tax
from attribution.money.methods.pooled import pooled
from attribution.money.methods.warmup import warmup_adjusted
from attribution.money.registry import Registry

ALL = tuple(Method)


def allocate_all(ledger: Ledger, registry: Registry, methods: Iterable[Method] = ALL) -> None:
    """Fill ``leaves`` and ``allocated``.

    Args:
        ledger: loaded.
        registry: with the settings of the methods.
        methods: those that are wanted.

    Raises:
        ConservationError: leaves do not sum to the invoice.
    """
    ledger.db.execute(LEAVES)
    for method in methods:
        match method:
            case Method.DIRECT:
                direct(ledger)
            case Method.WARMUP_ADJUSTED:
                warmup_adjusted(ledger)
            case Method.PLATFORM_TAX:
                platform_tax(ledger, registry.platform, registry.keep)
            case Method.POOLED:
                pooled(ledger)


def compared(ledger: Ledger) -> dict[str | None, dict[Method, int]]:
    """What each team pays by each method."""
    found: dict[str | None, dict[Method, int]] = {}
    for method in ALL:
        for team, amount in table(ledger, method, ["team"]):
            found.setdefault(team, dict.fromkeys(ALL, 0))[method] = amount
    return dict(sorted(found.items(), key=lambda row: (row[0] is not None, row[0] or "")))

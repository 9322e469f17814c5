"""platform-tax: everyone pays its full price less one flat percentage, and the platform team reports one net saving."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from attribution.money.amounts import half_up, split
from attribution.money.ledger.leaves import DIMENSIONS, Method, allocate, leaves
from attribution.money.ledger.ledger import Key, Ledger


def platform_tax(ledger: Ledger, platform: str | None, keep: Fraction) -> None:
    """Allocate with the cache as overhead.

    Args:
        ledger: with its leaves.
        platform: the team that keeps a part of the net saving; None: its row has no team.
        keep: which part.
    """
    allocate(
        ledger, Method.PLATFORM_TAX, _amounts(leaves(ledger, "amount, full_price"), platform, keep)
    )


def _amounts(found: list[Key], platform: str | None, keep: Fraction) -> Iterator[tuple[Key, int]]:
    invoice = sum(amount for *_, amount, _ in found)
    prices = [full for *_, full in found]
    net = sum(prices) - invoice
    spread = net - half_up(keep * net) if any(prices) else 0
    left = invoice
    for leaf, full, share in zip(found, prices, split(spread, prices), strict=True):
        left -= full - share
        yield leaf[: len(DIMENSIONS)], full - share
    yield (platform, *[None] * (len(DIMENSIONS) - 1)), left

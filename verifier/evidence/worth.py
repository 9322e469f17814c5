"""What findings are worth: the receipts that they are about, priced as they are, and as they should be (spec/report.md, Worth)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from verifier.format.claims import Charge, TokenCounts
from verifier.order.index import RowBlock
from verifier.pricing.card import RateCard
from verifier.pricing.checking import CHARGE_COLUMNS
from verifier.pricing.line import UnpricedError
from verifier.pricing.price import price
from verifier.pricing.usage import Usage, usage_at
from verifier.report.findings import Finding
from verifier.report.worth import (
    CARD,
    CHARGE,
    NO_CARD,
    NO_PRICE,
    NO_RECEIPT,
    NOT_MONEY,
    NOT_REPRICED,
    TWO_PRICES,
    Worth,
)

WORTH_COLUMNS: Final = CHARGE_COLUMNS
"""The columns that this needs."""
_WHOLE: Final = frozenset(
    {
        "request-duplicate",
        "receipt-without-request",
        "commitment-repeated",
        "request-differs",
        "commitment-differs",
        "request-not-billable",
        "charge-row-missing",
    }
)
"""Codes by which nothing is due for the receipt."""
_COUNTS: Final = frozenset({"logical", "cached", "output", "reasoning"})


class _UnknownError(Exception):
    """It has no amount; the text says why."""


class Pricing:
    """Says what findings are worth, and when the receipt was that each is about.

    Args:
        cards: the rate cards that the caller gave.
        findings: all that are kept, in the order of the report: the first of a receipt has the amount.
    """

    def __init__(self, cards: Sequence[RateCard], findings: Iterable[Finding]) -> None:
        self._cards = {card.digest: card for card in cards}
        self._findings: dict[int, list[Finding]] = {}
        for finding in findings:
            finding.worth = NO_RECEIPT
            if finding.item is not None and finding.sequence is not None:
                self._findings.setdefault(finding.item, []).append(finding)
        self._items = sorted(self._findings)

    def see(self, block: RowBlock) -> None:
        """Receipts that are the last word on their requests."""
        begin = bisect_left(self._items, block.items[0])
        end = bisect_left(self._items, block.items[-1] + 1)
        for item in self._items[begin:end]:
            at = bisect_left(block.items, item)
            if block.items[at] == item:
                self._settle(self._findings[item], block, at)

    def _settle(self, findings: list[Finding], block: RowBlock, at: int) -> None:
        """The first finding that is worth something has the worth of the receipt; the others point to it."""
        for finding in findings:
            finding.time, finding.worth = block.times[at], NOT_MONEY
        told = [finding for finding in findings if finding.code in _WHOLE]
        differing = [finding for finding in findings if _corrects(finding)]
        usage, charge = usage_at(block, at), block.columns["charge"][at]
        try:
            if told:
                worth = self._price(usage, charge)
            elif differing:
                told, worth = differing, self._difference(differing, usage, charge)
            else:
                return
        except _UnknownError as error:
            for finding in told or differing:
                finding.worth = str(error)
            return
        for finding in findings if told[0].code in _WHOLE else told:
            finding.worth = told[0]
        told[0].worth = worth

    def _price(self, usage: Usage, charge: Charge | None) -> Worth:
        """What a receipt costs: its charge, or what the only card that has a price for it says."""
        if charge is not None:
            return Worth(charge.currency, charge.amount, charge.amount, CHARGE)
        found = [worth for card in self._cards.values() if (worth := _by_card(card, usage))]
        if len(found) != 1:
            raise _UnknownError(TWO_PRICES if found else NO_PRICE)
        return found[0]

    def _difference(
        self, findings: Sequence[Finding], usage: Usage, charge: Charge | None
    ) -> Worth:
        """What a receipt costs, less what it would cost as the findings say."""
        if charge is not None and all(f.field == "charge.amount" and f.code == "charge-mismatch" for f in findings):  # fmt: skip
            off = charge.amount - int(findings[0].expected or 0)
            return Worth(charge.currency, off, off, CHARGE)
        now = self._price(usage, charge)
        expected = _expected(usage, findings)
        cards = list(self._cards.values()) if charge is None else [self._named(charge)]
        due = [worth for card in cards if (worth := _by_card(card, expected))]
        if len(due) != 1 or due[0].currency != now.currency:
            raise _UnknownError(NOT_REPRICED)
        return Worth(now.currency, now.lower - due[0].upper, now.upper - due[0].lower, CARD)

    def _named(self, charge: Charge) -> RateCard:
        card = self._cards.get(charge.card)
        if card is None:
            raise _UnknownError(NO_CARD)
        return card


def _corrects(finding: Finding) -> bool:
    """Whether a finding says what would be right."""
    if finding.code == "charge-mismatch":
        return finding.field == "charge.amount"
    return finding.code in ("charge-differs", "count-differs")


def _by_card(card: RateCard, usage: Usage) -> Worth | None:
    try:
        found = price(card, usage)
    except UnpricedError:
        return None
    return Worth(card.currency, found.lower, found.amount, CARD)


def _expected(usage: Usage, findings: Iterable[Finding]) -> Usage:
    """What was used, as the findings say. An interval of two bounds does not survive a count that is not known."""
    right: dict[str, int] = {}
    for finding in findings:
        if finding.code != "count-differs":
            continue
        if finding.field not in _COUNTS or usage.models is not None or usage.units:
            raise _UnknownError(NOT_REPRICED)
        right[finding.field] = int(finding.expected or 0)
    return usage._replace(counts=_with(usage.counts, right))


def _with(counts: TokenCounts, right: Mapping[str, int]) -> TokenCounts:
    """Counts with others in their place; what was computed follows."""
    found = counts._replace(
        logical=right.get("logical", counts.logical), cached=right.get("cached", counts.cached),
        output=right.get("output", counts.output), reasoning=right.get("reasoning", counts.reasoning),
    )  # fmt: skip
    if found.cached is None:
        return found
    written = sum((found.writes or {}).values())
    attributed = found.logical - found.cached
    if attributed < written:
        raise _UnknownError(NOT_REPRICED)
    return found._replace(attributed=attributed)

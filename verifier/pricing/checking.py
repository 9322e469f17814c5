"""The charges of a batch against the rate cards that the caller gave, and what receipts without a charge would cost by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from verifier.format.claims import Charge, Receipt
from verifier.format.envelope import Fault
from verifier.order.index import RowBlock
from verifier.pricing.card import RateCard
from verifier.pricing.charges import compare_charge
from verifier.pricing.line import UnpricedError
from verifier.pricing.price import price
from verifier.pricing.usage import PRICED_COLUMNS, Usage, usage_at, usage_of
from verifier.report.cards import CardSummary
from verifier.report.findings import Finding, Findings, plural
from verifier.report.model import Check

CHARGE_COLUMNS: Final = frozenset({*PRICED_COLUMNS, "charge", "request"})
"""The columns that this needs."""


class ChargeChecks:
    """Prices receipt after receipt.

    Args:
        cards: which the caller gave.
        findings: where what is wrong goes.
    """

    def __init__(self, cards: Sequence[RateCard], findings: Findings) -> None:
        self._cards = {card.digest: card for card in cards}
        self._findings = findings
        self.summaries = {
            card.digest: CardSummary(card.issuer, card.name, card.currency, card.digest)
            for card in cards
        }
        self._passed = self._failed = self._unknown = self._uncertain = 0

    def add_blocks(self, blocks: Iterable[RowBlock]) -> None:
        """Check the receipts of a batch; a correction has the time of what it corrects."""
        for block in blocks:
            for at, charge in enumerate(block.columns["charge"]):
                faults = self._faults(usage_at(block, at), charge)
                for fault in faults:
                    self._findings.add(_finding(
                        fault, item=block.items[at], offset=block.offsets[at], issuer=block.issuer, account=block.account,
                        stream=block.stream, sequence=block.first + at, request=block.columns["request"][at],
                    ))  # fmt: skip

    def add_receipt(self, receipt: Receipt, item: int, offset: int) -> None:
        """Check one receipt, where it stands in the input."""
        for fault in self._faults(usage_of(receipt), receipt.charge):
            self._findings.add(_finding(
                fault, item=item, offset=offset, issuer=receipt.issuer, account=receipt.account,
                stream=receipt.stream, sequence=receipt.sequence, request=receipt.request,
            ))  # fmt: skip

    def check(self, charged: int) -> Check:
        """The scope, of so many receipts with a charge."""
        rest = charged - self._passed - self._failed - self._unknown
        reasons = {
            f"{plural(self._unknown, 'receipt')} charged by a card that was not given": self._unknown,
            f"{plural(self._uncertain, 'receipt')} held against the bounds only": self._uncertain,
            f"{plural(rest, 'receipt')} corrected, or of a time that is not here": rest,
        }
        told = "; ".join(reason for reason, count in reasons.items() if count)
        return Check("rate cards", self._passed, charged, self._failed, told or None)

    def _faults(self, usage: Usage, charge: Charge | None) -> list[Fault]:
        if charge is None:
            for digest, card in self._cards.items():
                _add_price(self.summaries[digest], card, usage)
            return []
        if (named := self._cards.get(charge.card)) is None:
            self._unknown += 1
            message = f"the charge names the rate card {charge.card.hex()}"
            return [Fault("card-unknown", message, field="charge.card", actual=charge.card.hex())]
        self.summaries[named.digest].charges += 1
        compared = compare_charge(named, usage, charge)
        self._failed += bool(compared.faults)
        self._passed += not compared.faults
        self._uncertain += compared.uncertain
        return compared.faults


def _add_price(summary: CardSummary, card: RateCard, usage: Usage) -> None:
    try:
        found = price(card, usage)
    except UnpricedError:
        summary.unpriced += 1
        return
    summary.priced += 1
    summary.lower += found.lower
    summary.upper += found.amount


def _finding(fault: Fault, **place: Any) -> Finding:
    group = place["issuer"], place["account"], fault.actual
    return Finding(
        fault.code, str(fault), fault.rule, field=fault.field, expected=fault.expected, actual=fault.actual, group=group,
        **place,
    )  # fmt: skip

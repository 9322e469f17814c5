"""What a report says of the rate cards that the caller gave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from verifier.report.escape import escape
from verifier.report.findings import plural
from verifier.report.totals import money


@dataclass(slots=True)
class CardSummary:
    """A rate card, and what it was used for.

    Attributes:
        issuer, name, currency: as the card says.
        digest: what charges name.
        charges: receipts whose charge names it, and was recomputed.
        priced: receipts without a charge that it has a price for: the caller's own computation, billed by nobody.
        unpriced: receipts without a charge that it has none for.
        lower, upper: between which amounts the priced ones cost, in picounits.
    """

    issuer: str
    name: str
    currency: str
    digest: bytes
    charges: int = 0
    priced: int = 0
    unpriced: int = 0
    lower: int = 0
    upper: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As JSON-ready data; amounts as decimal text of picounits."""
        return {
            "issuer": self.issuer,
            "name": self.name,
            "currency": self.currency,
            "digest": self.digest.hex(),
            "charges": self.charges,
            "priced": self.priced,
            "unpriced": self.unpriced,
            "lower": str(self.lower),
            "upper": str(self.upper),
        }


def card_rows(card: CardSummary) -> Iterator[tuple[str, str]]:
    """The same in words: names and values."""
    yield "rate card", f"{escape(card.name)} of {escape(card.issuer)}"
    yield "digest", card.digest.hex()
    yield "charges", f"{plural(card.charges, 'receipt')} with a charge by it"
    if card.priced:
        value = money(card.currency, card.upper)
        if card.lower != card.upper:
            value = f"{money(card.currency, card.lower)} to {value}"
        without = f"{plural(card.priced, 'receipt')} without a charge"
        yield "your price", f"{value} for {without}: your own computation, which nobody billed"
    if card.unpriced:
        yield "no price", f"{plural(card.unpriced, 'receipt')} without a charge"

"""How many items passed what: the scope lines of a report are made of these."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from verifier.format.claims import Receipt
from verifier.format.envelope import Kind
from verifier.item.opening import Opened

IDENTITY_CODES: Final = frozenset(
    {
        "cached-exceeds-logical",
        "attributed-mismatch",
        "writes-exceed-attributed",
        "cached-unstated",
        "reasoning-exceeds-output",
        "cache-entry-mismatch",
        "charge-mismatch",
        "parts-mismatch",
        "models-mismatch",
        "span-mismatch",
    }
)
"""The findings of step 8 that concern the numbers."""


@dataclass(slots=True)
class Counts:
    """How many items passed what.

    Attributes:
        items, receipts, statements: by what their headers say.
        formed: items whose envelope, header and claims are as the format says.
        signed: items with a valid signature by a trusted key that may sign them.
        agreeing: receipts whose numbers satisfy every identity.
        cached: receipts with cached tokens.
        identified: those of them that identify the prefix.
        identifying: receipts with any cache identifier.
        charged: receipts with a charge.
        timestamps: statements with timestamps or transparency receipts, which are not checked.
    """

    items: int = 0
    receipts: int = 0
    statements: int = 0
    formed: int = 0
    signed: int = 0
    agreeing: int = 0
    cached: int = 0
    identified: int = 0
    identifying: int = 0
    charged: int = 0
    timestamps: int = 0

    @classmethod
    def of(cls, opened: Opened) -> Counts:
        """What one item adds."""
        claims = opened.claims
        counts = cls(
            items=1,
            receipts=opened.kind is Kind.RECEIPT,
            statements=opened.kind is Kind.STATEMENT,
            formed=claims is not None,
            signed=opened.signed,
            timestamps=opened.timestamps,
        )
        if isinstance(claims, Receipt):
            counts.agreeing = not any(fault.code in IDENTITY_CODES for fault in opened.faults)
            counts.cached = bool(claims.cached)
            counts.identified = claims.cache_read is not None
            counts.identifying = bool(
                claims.cache_read or claims.cache_writes or claims.commitments
            )
            counts.charged = claims.charge is not None
        return counts

    @classmethod
    def spotless(
        cls,
        receipts: int,
        signed: int,
        cached: int,
        identified: int,
        identifying: int,
        charged: int,
    ) -> Counts:
        """What receipts add that came through steps 2 to 8 without a fault, but that their key may not be trusted."""
        return cls(
            items=receipts, receipts=receipts, formed=receipts, signed=signed, agreeing=receipts,
            cached=cached, identified=identified, identifying=identifying, charged=charged,
        )  # fmt: skip

    def add(self, other: Counts) -> None:
        """Add the counts of other items."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))

"""Which claims a pack can show, and by what (spec/pack.md, Manifest); a test compares the two."""

from __future__ import annotations

from typing import Final

from verifier.pack.manifest import Standing

TOLD_TWICE: Final = frozenset({
    "receipt-equivocation", "request-duplicate", "correction-repeated", "statement-equivocation", "statement-chain-broken",
    "statement-rollback",
})  # fmt: skip
"""Shown by equivocations."""
LEFT_OUT: Final = frozenset({"stream-unstated", "receipt-unstated", "received-omitted"})
"""Shown by a receipt and the statement of its time, which does not list it."""
_SIGNED: Final = TOLD_TWICE | LEFT_OUT | {
    "cached-exceeds-logical", "attributed-mismatch", "writes-exceed-attributed", "reasoning-exceeds-output", "cache-entry-mismatch",
    "charge-mismatch", "parts-mismatch", "models-mismatch", "span-mismatch", "chain-broken", "time-reversed", "correction-differs",
    "root-mismatch", "head-mismatch", "time-outside-period", "period-gap", "first-mismatch", "cache-id-conflict", "cache-id-shared",
    "charge-row-missing", "charge-differs",
}  # fmt: skip
_RECORD: Final = frozenset({
    "commitment-repeated", "request-differs", "commitment-differs", "request-not-billable", "count-differs", "model-differs",
    "tier-differs", "usage-differs", "time-differs", "received-differs", "cache-id-mismatch",
})  # fmt: skip


def standing(code: str) -> Standing:
    """The best standing that a claim of this code can have. What is about something that is *not* there cannot be shown by a pack."""
    if code in _SIGNED:
        return Standing.SIGNED
    return Standing.RECORD if code in _RECORD else Standing.ASSERTED

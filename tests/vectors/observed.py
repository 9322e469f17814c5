"""Vectors of receipts that an observer signed, and not the biller: claim 13, field 7, and R-8.12."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from receipts import equivocation, inclusion_proof
from tests.build import ISSUER, NOON, Batch, Stream, receipt_claims, sign_receipt
from tests.vectors.corrections import correcting
from tests.vectors.model import Vector

_USAGE = sha256(b"usage").digest()
SOURCE = {1: "anthropic", 2: "messages", 3: _USAGE, 4: "standard", 7: 1}
_EXPECTED = {"observers": [ISSUER]}
_ITEM = 2
"""Sequence 1 of stream gpu-7."""
_CHARGE = {1: "USD", 2: _USAGE, 3: 0, 4: [
    {1: 0, 3: 400, 4: 0, 5: 0}, {1: 1, 3: 2000, 4: 0, 5: 0}, {1: 2, 2: 300, 3: 600, 4: 0, 5: 0}, {1: 3, 3: 500, 4: 0, 5: 0},
]}  # fmt: skip


def _one(**change: Any) -> Batch:
    """A batch in which sequence 1 is an observer's; ``change`` replaces claims, by ``c`` and their label."""
    over = {13: SOURCE} | {int(label[1:]): value for label, value in change.items()}

    def put(sequence: int, claims: dict[int, Any]) -> dict[int, Any]:
        changed = claims | (over if sequence == 1 else {})
        return {label: value for label, value in changed.items() if value is not None}

    return Batch(one=Stream(change=put))


def _all() -> Batch:
    """A batch in which every receipt is an observer's."""
    return Batch(one=Stream(over={"source": SOURCE}), two=Stream("gpu-8", 2, over={"source": SOURCE}))  # fmt: skip


def vectors() -> Iterator[Vector]:
    yield from _honest()
    yield from _unexpected()
    yield from _claims()
    yield from _corrections()
    yield from _containers()


def _honest() -> Iterator[Vector]:
    yield Vector("observed", "R-8.12", "an observer's, as the caller expects", _all().items, options=_EXPECTED)  # fmt: skip
    yield Vector("observed-mixed", "R-8.12", "the issuer bills some requests, and observes one", _one().items, options=_EXPECTED)  # fmt: skip
    full = {1: "openai", 2: "responses", 3: _USAGE, 4: "flex", 5: "evicted", 6: {"speed": "fast"}, 7: 1}  # fmt: skip
    yield Vector("observed-full", "R-6.4", "every field of a source", _one(c13=full).items, options=_EXPECTED)  # fmt: skip
    least = {1: "openai", 2: "responses", 3: _USAGE, 7: 1}
    yield Vector("observed-least", "R-6.4", "the fields that it needs", _one(c13=least).items, options=_EXPECTED)  # fmt: skip
    sealed = _EXPECTED | {"signatures": "statement"}
    yield Vector("observed-sealed", "R-5.3", "the statement vouches for an observer's receipts too", _all().items, options=sealed)  # fmt: skip


def _unexpected() -> Iterator[Vector]:
    yield Vector("observed-unexpected", "R-8.12", "whoever is to bill says that it only observed", _all().items, "receipt-observed", 0)  # fmt: skip
    yield Vector("observed-one", "R-8.12", "one receipt of a biller is an observer's", _one().items, "receipt-observed", _ITEM)  # fmt: skip
    other = {"observers": ["https://observer.example.com"]}
    yield Vector("observed-other", "R-8.12", "another issuer is expected to observe", _one().items, "receipt-observed", _ITEM, options=other)  # fmt: skip


def _claims() -> Iterator[Vector]:
    charged = _one(c14=_CHARGE)
    yield Vector("observed-charge", "R-6.4", "an observer bills nothing", charged.items, "claims-invalid", _ITEM, options=_EXPECTED)  # fmt: skip
    span = _one(c10={1: 0, 2: 0, 3: 0}, c11=None, c17={"container.seconds": 1}, c19={1: NOON - 1, 2: NOON})  # fmt: skip
    yield Vector("observed-span", "R-6.4", "an observer sees calls", span.items, "claims-invalid", _ITEM, options=_EXPECTED)  # fmt: skip
    for name, comment, source in (
        ("no-usage", "the usage object that was observed has no hash", {1: "p", 2: "a", 7: 1}),
        ("zero", "0", SOURCE | {7: 0}),
        ("two", "2", SOURCE | {7: 2}),
        ("text", "a text", SOURCE | {7: "1"}),
        ("next", "field 8, which no source has", SOURCE | {8: 1}),
    ):
        items = _one(c13=source).items
        yield Vector(f"observed-{name}", "R-6.4", comment, items, "claims-invalid", _ITEM, options=_EXPECTED)  # fmt: skip


def _correction(before: dict[int, Any], after: dict[int, Any]) -> Batch:
    """A batch whose second receipt corrects the first, with the source of each."""

    def put(sequence: int, claims: dict[int, Any]) -> dict[int, Any]:
        if sequence > 1:
            return claims
        return claims | ({13: before} if sequence == 0 else correcting(claims[6]) | {13: after})

    return Batch(one=Stream(change=put))


def _corrections() -> Iterator[Vector]:
    billed = {1: "anthropic", 2: "messages", 3: _USAGE}
    both = _correction(SOURCE, SOURCE)
    yield Vector("observed-corrected", "R-9.10", "an observer read a usage object wrongly", both.items, options=_EXPECTED)  # fmt: skip
    for name, comment, sources in (
        ("away", "a bill is made hearsay", (billed, SOURCE)),
        ("into", "hearsay is made a bill", (SOURCE, billed)),
    ):
        items = _correction(*sources).items
        yield Vector(f"observed-corrected-{name}", "R-9.10", comment, items, "correction-differs", _ITEM, options=_EXPECTED)  # fmt: skip


def _containers() -> Iterator[Vector]:
    batch = _all()
    digests = [signed.digest for signed in batch.ones]
    proof = inclusion_proof(batch.ones[1].data, 1, digests, batch.statement.data)
    yield Vector("observed-proof", "R-8.12", "a proof for an observer's receipt", [proof], options=_EXPECTED)  # fmt: skip
    yield Vector("observed-proof-unexpected", "R-8.12", "the same, and nobody expects it", [proof], "receipt-observed", 0)  # fmt: skip
    one, two = (sign_receipt(receipt_claims(0) | {9: model, 13: SOURCE}) for model in ("a", "b"))
    yield Vector("observed-equivocation", "R-17.4", "an observer tells two stories", [equivocation(one.data, two.data)])  # fmt: skip

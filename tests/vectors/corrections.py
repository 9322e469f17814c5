"""Vectors of corrections: R-9.8 to R-9.10, their totals, and the last word in the customer's record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cbor2

from receipts import Signed, equivocation
from tests.build import (
    DECEMBER,
    NOON,
    STRANGER,
    Batch,
    Stream,
    encode,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.vectors.model import Vector

_RIGHT = {1: 3000, 2: 2500, 3: 500}
"""The input that is right: 500 more tokens were cached."""
_WRONG = {1: 3000, 2: 2000, 3: 1000, 4: {300: 600}}
_OUTPUT = {1: 500, 2: 120}
_REQUEST = "gpu-7-0"


def correcting(digest: bytes, **over: Any) -> dict[int, Any]:
    """Claims of a correction of the honest receipt with a digest; ``over`` replaces what it says of it, by label."""
    said = {1: digest, 2: _WRONG, 3: _OUTPUT} | {int(key[1:]): value for key, value in over.items()}
    return {
        8: _REQUEST,
        10: _RIGHT,
        20: {key: value for key, value in said.items() if value is not None},
    }


def _batch(**over: Any) -> Batch:
    """An honest batch whose second receipt corrects the first; ``over`` as of `correcting`, and claims by ``c`` and their label."""
    claims = {int(key[1:]): value for key, value in over.items() if key[0] == "c"}
    said = {key: value for key, value in over.items() if key[0] == "s"}

    def change(sequence: int, honest: dict[int, Any]) -> dict[int, Any]:
        if sequence != 1:
            return honest
        changed = honest | correcting(honest[6], **said) | claims
        return {label: value for label, value in changed.items() if value is not None}

    return Batch(one=Stream(change=change))


def _by_a_stranger(batch: Batch) -> list[bytes]:
    """The batch, whose correction another key signed, which nobody trusts."""
    head, one, correction, *rest = batch.items
    return [head, one, sign_receipt(cbor2.loads(cbor2.loads(correction)[0]), STRANGER).data, *rest]


def vectors() -> Iterator[Vector]:
    yield from _honest()
    yield from _faults()
    yield from _differing()
    yield from _claims()
    yield from _totals()
    yield from _two_stories()
    yield from _record()


def _honest() -> Iterator[Vector]:
    yield Vector("correction", "R-9.10", "500 more tokens were cached", _batch().items)
    chain = Batch(one=Stream(change=_chained))
    yield Vector("correction-chain", "R-9.10", "a correction is corrected in turn", chain.items)
    yield Vector("correction-later", "R-9.10", "in the period after", [*Batch().items, *_later()])


def _chained(sequence: int, honest: dict[int, Any]) -> dict[int, Any]:
    if sequence == 0:
        return honest
    first = correcting(honest[6])
    if sequence == 1:
        return honest | first
    return honest | correcting(honest[6], s2=_RIGHT) | {10: {1: 3000, 2: 2600, 3: 400}}


def _later() -> list[bytes]:
    """December: a correction of November's first receipt, and its statement."""
    batch = Batch()
    claims = receipt_claims(3, batch.ones[-1].digest, time=DECEMBER[0]) | correcting(batch.ones[0].digest)  # fmt: skip
    receipt = sign_receipt(claims)
    statement = statement_claims(
        {"gpu-7": [receipt]}, {"gpu-7": 3}, number=1, previous=batch.statement.digest, start=DECEMBER[0], end=DECEMBER[1],
    )  # fmt: skip
    return [receipt.data, sign_statement(statement).data]


def _faults() -> Iterator[Vector]:
    unknown = _batch(s1=bytes(32), c8="another")
    yield Vector("correction-of-nothing", "R-9.9", "no receipt has this digest", unknown.items, "correction-unknown", 2)  # fmt: skip
    items = _by_a_stranger(_batch())
    yield Vector("correction-unsigned", "R-4.1", "it is not validly signed, and what it names is: it corrects nothing, and is left aside", items, "key-unknown", 2)  # fmt: skip
    items = _by_a_stranger(unknown)
    yield Vector("correction-unsigned-of-nothing", "R-9.9", "it is not validly signed, and names no receipt that is here", items, "correction-unknown", 2, also=("key-unknown",))  # fmt: skip
    beside = _batch(s1=bytes(32))
    yield Vector("correction-beside", "R-9.6", "it does not correct the receipt that its request has here", beside.items, "request-duplicate", 2, also=("correction-unknown",))  # fmt: skip
    yield Vector("correction-apart", "R-9.9", "the batch of what it corrects is not given", _later(), "correction-unknown", 0, options={"known": [Batch().statement.data]})  # fmt: skip

    def twice(sequence: int, honest: dict[int, Any]) -> dict[int, Any]:
        return (
            honest if sequence == 0 else honest | correcting(_first().digest) | {9: f"m{sequence}"}
        )

    again = Batch(one=Stream(change=twice))
    yield Vector("correction-twice", "R-9.8", "two corrections of one receipt", again.items, "correction-repeated", 4)  # fmt: skip


def _first() -> Signed:
    return Batch().ones[0]


def _differing() -> Iterator[Vector]:
    for name, comment, over in (
        ("request", "another request", {"c8": "another"}),
        ("client", "another commitment", {"c16": bytes(32)}),
        ("span", "no request", {"c10": {1: 0, 2: 0, 3: 0}, "c11": None, "c17": {"container.seconds": 1}, "c19": {1: NOON - 1, 2: NOON}}),
        ("input", "the receipt said something else", {"s2": _WRONG | {2: 2001, 3: 999}}),
        ("writes", "it had writes", {"s2": {1: 3000, 2: 2000, 3: 1000}}),
        ("output", "it had another output", {"s3": {1: 501, 2: 120}}),
        ("no-output", "it had an output", {"s3": None}),
        ("units", "it had no units", {"s4": {"audio.ms": 1}}),
        ("amount", "it had no charge", {"s5": "USD", "s6": 1}),
    ):  # fmt: skip
        batch = _batch(**over)
        yield Vector(f"correction-other-{name}", "R-9.10", comment, batch.items, "correction-differs", 2)  # fmt: skip


def _claims() -> Iterator[Vector]:
    for name, comment, over in (
        ("no-digest", "which receipt is not said", {"s1": None}),
        ("no-input", "its input is not said", {"s2": None}),
        ("no-amount", "a currency without an amount", {"s5": "USD"}),
        ("no-currency", "an amount without a currency", {"s6": 1}),
        ("extra", "a field that there is not", {"s7": 1}),
    ):
        items = _batch(**over).items
        yield Vector(f"correction-claims-{name}", "R-6.4", comment, items, "claims-invalid", 2)


def _totals() -> Iterator[Vector]:
    batch = _batch()
    for name, comment, change in (
        ("gross", "the correction is in the sums of the others", {1: batch.claims[10][1] + 3000}),
        ("corrected", "what was corrected is wrong", {9: batch.claims[10][9] | {1: 2999}}),
        ("corrections", "what is right is wrong", {10: batch.claims[10][10] | {2: 2501}}),
        ("neither", "neither is there", {9: None, 10: None}),
    ):
        totals = {k: v for k, v in (batch.claims[10] | change).items() if v is not None}
        items = [*batch.receipts, sign_statement(batch.claims | {10: totals}).data]
        also = ("totals-mismatch",) if name == "neither" else ()
        yield Vector(f"correction-totals-{name}", "R-10.9", comment, items, "totals-mismatch", 5, also=also)  # fmt: skip
    for name, comment, change in (
        ("one", "one of the two is left out", {10: None}),
        ("inner", "totals inside of totals inside of totals", {9: {9: {1: 1}}}),
    ):
        totals = {k: v for k, v in (batch.claims[10] | change).items() if v is not None}
        items = [*batch.receipts, sign_statement(encode(batch.claims | {10: totals})).data]
        yield Vector(f"correction-totals-{name}", "R-6.4", comment, items, "claims-invalid", 5)
    honest = Batch()
    totals = honest.claims[10] | {9: {}, 10: {}}
    items = [*honest.receipts, sign_statement(honest.claims | {10: totals}).data]
    yield Vector("correction-totals-of-none", "R-10.9", "totals of corrections, where there are none", items, "totals-mismatch", 5, also=("totals-mismatch",))  # fmt: skip


def _two_stories() -> Iterator[Vector]:
    first = _first()
    one, two, chained = (
        sign_receipt(receipt_claims(n, bytes(32), stream=f"s{n}") | correcting(digest) | {9: f"m{n}"})
        for n, digest in ((1, first.digest), (2, first.digest), (3, bytes(32)))
    )  # fmt: skip
    yield Vector("equivocation-corrections", "R-17.4", "two corrections of one receipt", [equivocation(one.data, two.data)])  # fmt: skip
    for name, comment, other in (
        ("correction", "a receipt and its correction contradict nobody", first),
        ("correction-chain", "two corrections for one request, of two receipts", chained),
    ):
        yield Vector(f"equivocation-{name}", "R-17.4", comment, [equivocation(one.data, other.data)], "conflict-unproven", 0)  # fmt: skip


def _record() -> Iterator[Vector]:
    batch = _batch()
    names = ["gpu-7-0", "gpu-7-2", "gpu-8-0", "gpu-8-1"]
    rows = [{"request": name, "time": NOON} for name in names]
    right, wrong = ([rows[0] | {"cached": cached}, *rows[1:]] for cached in (2500, 2000))
    yield Vector("correction-record", "R-14.7", "the customer has what the last word says", batch.items, options={"requests": right})  # fmt: skip
    yield Vector("correction-record-count", "R-14.7", "the customer has what was corrected", batch.items, "count-differs", 2, options={"requests": wrong})  # fmt: skip
    received = [rows[0] | {"cached": 2500, "receipts": [batch.ones[0].data.hex()]}, *rows[1:]]
    yield Vector("correction-received", "R-14.14", "the receipt that came was wrong, and is corrected", batch.items, options={"requests": received})  # fmt: skip
    month = [rows[0], {"request": "gpu-7-1", "time": NOON}, *rows[1:]]
    yield Vector("correction-time", "R-14.11", "a month later: the time is that of the request", [*Batch().items, *_later()], options={"requests": month})  # fmt: skip
    yield Vector("correction-only", "R-14.2", "a correction of a request that the record does not have", _batch().items, "receipt-without-request", 2, options={"requests": rows[1:]})  # fmt: skip

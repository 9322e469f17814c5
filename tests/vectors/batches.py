"""Vectors of whole batches: the reading, the order, what is missing; and those of the other steps."""

from __future__ import annotations

from collections.abc import Iterator

import cbor2

from tests.build import NOON, NOVEMBER, OCTOBER, Batch, Stream, encode, sign_receipt, sign_statement
from tests.vectors import chain, statements
from tests.vectors.model import Vector, flip

_STATEMENT = 5
"""The item of the statement in the honest batch."""


def vectors() -> Iterator[Vector]:
    yield from _reading()
    yield from _order()
    yield from _missing()
    yield from statements.vectors()
    yield from chain.vectors()
    yield from _sealed()


def _reading() -> Iterator[Vector]:
    honest = Batch().items
    yield Vector("batch-honest", "R-15.1", "two interleaved streams and their statement", honest)
    yield Vector("batch-empty", "R-12.1", "no byte at all", [], "batch-empty")
    yield Vector(
        "batch-cut",
        "R-1.2",
        "the file ends inside the statement",
        [*honest[:-1], honest[-1][:-1]],
        "item-truncated",
        _STATEMENT,
    )
    yield Vector(
        "batch-cut-head",
        "R-1.2",
        "the file ends inside the head of an item",
        [*honest[:2], honest[2][:1] + b"\x59\x01"],
        "item-truncated",
        2,
    )
    yield Vector(
        "batch-trailing",
        "R-2.1",
        "a zero byte after the statement: an item, but not a signed object",
        [*honest, b"\x00"],
        "envelope-invalid",
        6,
    )
    yield Vector(
        "batch-break",
        "R-1.1",
        "a break byte after the statement",
        [*honest, b"\xff"],
        "item-malformed",
        6,
    )
    yield Vector(
        "batch-indefinite",
        "R-0.1",
        "the batch as an array of indefinite length",
        [b"\x9f", *honest, b"\xff"],
        no_verdict=True,
    )
    yield Vector(
        "batch-long-head",
        "R-1.1",
        "the content's length in four bytes instead of two",
        [*honest[:2], b"\x82\x5a\x00\x00" + honest[2][2:], *honest[3:]],
        "item-malformed",
        2,
    )
    yield Vector(
        "batch-huge-length",
        "R-1.3",
        "a content of 2^63 bytes is announced",
        [*honest[:2], b"\x82\x5b\x80" + bytes(7)],
        "item-too-large",
        2,
    )
    yield Vector(
        "batch-many-parts",
        "R-1.3",
        "an item of 1,000 parts",
        [*honest[:2], b"\x99\x03\xe8" + bytes(1000)],
        "item-too-large",
        2,
    )
    yield Vector(
        "batch-deep",
        "R-1.1",
        "an item nested 1,000 deep",
        [*honest[:2], b"\x81" * 1000 + b"\x00"],
        "item-malformed",
        2,
    )
    yield Vector(
        "batch-json",
        "R-0.1",
        "a JSON file",
        [b'{"provider": "anthropic", "api": "messages"}'],
        no_verdict=True,
    )
    for name, rule, comment, last, code in (
        ("cut-first-byte", "R-1.2", "the head of a signed object, and no more", b"\x82", "item-truncated"),
        ("simple-at-end", "R-1.1", "a simple value, and the file ends before its argument", b"\xf8", "item-malformed"),
        ("float-at-end", "R-1.1", "a float, and the file ends before its argument", b"\xf9", "item-malformed"),
        ("reserved-head", "R-1.1", "a head with the reserved additional information 28", b"\x1c", "item-malformed"),
        ("undefined", "R-1.1", "a simple value other than null", b"\x82\xf7\x00", "item-malformed"),
        ("null", "R-2.1", "null is an item, but not a signed object", b"\xf6", "envelope-invalid"),
        ("proof-inside", "R-2.1", "a proof does not stand in a batch", b"\x83\x00\x80\x00", "envelope-invalid"),
        ("text-not-utf8", "R-2.1", "text is not looked into when items are read", b"\x62\xc0\xaf", "envelope-invalid"),
    ):  # fmt: skip
        yield Vector(f"batch-{name}", rule, comment, [*honest, last], code, 6)


def _order() -> Iterator[Vector]:
    honest = Batch()
    one = honest.items
    yield Vector(
        "order-swapped",
        "R-9.3",
        "two receipts of a stream, swapped",
        [one[2], one[1], one[0], *one[3:]],
        "receipt-order",
        2,
    )
    yield Vector(
        "order-grouped",
        "R-9.3",
        "the streams one after the other: any interleaving is good",
        [one[0], one[2], one[4], one[1], one[3], one[5]],
    )
    yield Vector(
        "order-duplicate",
        "R-9.1",
        "a receipt twice in a row",
        [*one[:3], one[2], *one[3:]],
        "receipt-duplicate",
        3,
    )
    yield Vector(
        "order-duplicate-later",
        "R-9.1",
        "a receipt again, just before the statement",
        [*one[:5], one[0], one[5]],
        "receipt-duplicate",
        5,
    )
    other = sign_receipt(cbor2.loads(cbor2.loads(one[2])[0]) | {10: {1: 3000, 2: 0, 3: 3000}})
    yield Vector(
        "order-equivocation",
        "R-9.2",
        "another signed receipt for the same sequence, with fewer cached tokens",
        [*one[:3], other.data, *one[3:]],
        "receipt-equivocation",
        3,
    )
    tagged = sign_receipt(cbor2.loads(cbor2.loads(one[2])[0]) | {15: {"team": "other"}})
    yield Vector(
        "order-reissued",
        "R-9.4",
        "a receipt was issued again with another tag; the receipt after it still names the first one",
        [*one[:2], tagged.data, *one[3:]],
        "chain-broken",
        4,
    )
    back = Batch(
        one=Stream(change=lambda n, claims: claims | {7: claims[7] - 1001} if n == 1 else claims)
    )
    yield Vector(
        "order-time-reversed",
        "R-9.5",
        "the time goes back by one ms",
        back.items,
        "time-reversed",
        2,
    )
    same = Batch(
        one=Stream(change=lambda n, claims: claims | {7: claims[7] - 1000} if n == 1 else claims)
    )
    yield Vector("order-time-equal", "R-9.5", "two receipts of the same ms", same.items)
    billed = Batch(
        one=Stream(change=lambda n, claims: claims | {8: "gpu-8-0"} if n == 1 else claims)
    )
    yield Vector(
        "order-request-twice",
        "R-9.6",
        "two receipts of two streams for one request",
        billed.items,
        "request-duplicate",
        2,
    )
    reversed_time = Batch(
        one=Stream(change=lambda n, c: c | {6: bytes(32), 7: NOON - 1} if n == 1 else c)
    )
    yield Vector("order-broken-and-reversed", "R-9.4", "a receipt names another predecessor, and its time goes back",
                 reversed_time.items, "chain-broken", 2, also=("time-reversed",))  # fmt: skip
    broken = Batch(one=Stream(change=lambda n, c: c | {6: bytes(32)} if n == 1 else c))
    claims = cbor2.loads(encode(broken.claims))
    claims[9][0][4], claims[10][1] = bytes(32), 0
    yield Vector("order-broken-totals", "R-9.4", "in a broken chain root and totals, which are wrong here, are not compared",
                 [*broken.receipts, sign_statement(claims).data], "chain-broken", 2)  # fmt: skip
    yield Vector(
        "order-again-later",
        "R-9.1",
        "a receipt again, behind its statement",
        [*one, one[0]],
        "receipt-duplicate",
        6,
    )
    december = chain.december_of(honest)
    yield Vector("order-again-before-next", "R-9.1", "the last receipt of November again, before those of December",
                 [*one, one[4], *december.items], "receipt-duplicate", 6)  # fmt: skip
    other_last = sign_receipt(cbor2.loads(cbor2.loads(one[4])[0]) | {15: {"team": "other"}})
    yield Vector("order-equivocation-later", "R-9.2", "another receipt for a sequence that a statement has closed",
                 [*one, other_last.data], "receipt-equivocation", 6)  # fmt: skip


def _missing() -> Iterator[Vector]:
    one = Batch().items
    for name, gone in (("head", 0), ("middle", 2), ("tail", 4)):
        kept = [item for n, item in enumerate(one) if n != gone]
        yield Vector(
            f"missing-{name}",
            "R-10.2",
            f"a receipt was taken off the {name} of a stream",
            kept,
            "receipt-missing",
            4,
        )
    yield Vector(
        "missing-stream",
        "R-10.2",
        "all receipts of a stream were taken out",
        [one[0], one[2], one[4], one[5]],
        "receipt-missing",
        3,
    )
    yield Vector(
        "missing-all",
        "R-10.2",
        "only the statement is left",
        [one[5]],
        "receipt-missing",
        0,
        also=("receipt-missing",),
    )
    yield Vector(
        "missing-statement", "R-12.2", "the statement was cut off", one[:5], "statement-missing", 0
    )
    yield from _lost()


def _lost() -> Iterator[Vector]:
    """What a lost item explains, and what it does not."""
    honest = Batch()
    one = honest.items
    forged = flip(Stream("gpu-7", 1, over={"account": "other"}).receipts()[0].data, -1)
    yield Vector("missing-explained", "R-5.2", "a lost receipt, of whatever account, may be the missing one",
                 [one[0], forged, *one[2:]], "signature-invalid", 1)  # fmt: skip
    yield Vector("missing-more-than-lost", "R-10.2", "two receipts are missing, and only one item is lost",
                 [one[0], forged, one[4], one[5]], "receipt-missing", 3,
                 also=("receipt-missing", "signature-invalid"))  # fmt: skip
    later = sign_statement(honest.claims | {1: 2}, subject=(honest.claims[2], honest.claims[3]))
    yield Vector("missing-beside-lost-statement", "R-10.2", "a lost statement is not a possible missing receipt",
                 [*one[:4], later.data, one[5]], "receipt-missing", 5, also=("version-unknown",))  # fmt: skip
    unreadable = honest.statement.data.replace(b"token-statement+cose", b"token-statement+cosf")
    yield Vector("missing-statement-unreadable", "R-3.1", "an item with an unreadable header may have been the statement",
                 [*one[:5], unreadable], "header-invalid", 5)  # fmt: skip
    plain = flip(one[4], one[4].index(b"application") + 5)
    yield Vector("missing-statement-plain", "R-3.1", "the same where the item has the length of a receipt, for a named period",
                 [*one[:4], plain], "header-invalid", 4, options={"period": list(NOVEMBER)})  # fmt: skip
    yield Vector("missing-statement-lost-receipt", "R-12.2", "a lost receipt was not the statement",
                 [*one[:4], flip(one[4], -1)], "statement-missing", 0, also=("signature-invalid",))  # fmt: skip
    yield Vector("missing-statement-cut", "R-1.2", "where reading ended early, what is missing is not known",
                 [*one[:5], b"\x82"], "item-truncated", 5, options={"period": list(OCTOBER)})  # fmt: skip


def _sealed() -> Iterator[Vector]:
    """The statement's signature authenticates the receipts, if the caller wants no more."""
    sealed, every = {"signatures": "statement"}, {"signatures": "every"}
    honest = Batch()
    items = honest.items
    yield Vector(
        "sealed-honest", "R-5.3", "only the statement's signature is checked", items, options=sealed
    )
    broken = [*items[:2], flip(items[2], -1), *items[3:]]
    yield Vector("sealed-signature", "R-5.3", "a receipt's own signature does not hold, and is not checked",
                 broken, options=sealed)  # fmt: skip
    yield Vector("sealed-signature-every", "R-5.2", "the same, where the caller wants every signature",
                 broken, "signature-invalid", 2, options=every)  # fmt: skip
    changed = [*items[:2], items[2].replace(b"\x02\x19\x07\xd0", b"\x02\x19\x07\xd1"), *items[3:]]
    yield Vector("sealed-content", "R-5.2", "a changed count is not under the root, so every signature is checked",
                 changed, "signature-invalid", 2, options=sealed)  # fmt: skip
    unbalanced = Batch(
        one=Stream(change=lambda n, c: c | {10: {1: 3000, 2: 2000, 3: 900}} if n == 2 else c)
    ).items
    both = [*unbalanced[:2], flip(unbalanced[2], -1), *unbalanced[3:]]
    yield Vector("sealed-with-another-fault", "R-5.2", "another fault has every signature checked",
                 both, "signature-invalid", 2, options=sealed, also=("attributed-mismatch",))  # fmt: skip
    yield Vector("sealed-without-statement", "R-5.2", "without a statement nothing is sealed",
                 broken[:-1], "signature-invalid", 2, options=sealed, also=("statement-missing",))  # fmt: skip

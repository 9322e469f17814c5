"""Vectors of whole batches: order, statements, the chain of statements, completeness, and the reading itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cbor2

from receipts import Signed
from tests.build import (
    ACCOUNT,
    DECEMBER,
    ISSUER,
    KEY,
    NOVEMBER,
    OCTOBER,
    STRANGER,
    Batch,
    Stream,
    encode,
    jwk_set,
    sign_receipt,
    sign_statement,
    statement_claims,
    withhold,
)
from tests.vectors.model import Vector

_STATEMENT = 5
"""The item of the statement in the honest batch."""
_JANUARY = (1798761600000, 1801440000000)


def vectors() -> Iterator[Vector]:
    yield from _reading()
    yield from _order()
    yield from _missing()
    yield from _statements()
    yield from _splices()
    yield from _chains()
    yield from _completeness()
    yield from _identifiers()


def _reading() -> Iterator[Vector]:
    honest = Batch().items
    yield Vector("batch-honest", "two interleaved streams and their statement", honest)
    yield Vector("batch-empty", "no byte at all", [], "batch-empty")
    yield Vector(
        "batch-cut",
        "the file ends inside the statement",
        [*honest[:-1], honest[-1][:-1]],
        "item-truncated",
        _STATEMENT,
    )
    yield Vector(
        "batch-cut-head",
        "the file ends inside the head of an item",
        [*honest[:2], honest[2][:1] + b"\x59\x01"],
        "item-truncated",
        2,
    )
    yield Vector(
        "batch-trailing",
        "a zero byte after the statement: an item, but not a signed object",
        [*honest, b"\x00"],
        "envelope-invalid",
        6,
    )
    yield Vector(
        "batch-break", "a break byte after the statement", [*honest, b"\xff"], "item-malformed", 6
    )
    yield Vector(
        "batch-indefinite",
        "the batch as an array of indefinite length",
        [b"\x9f", *honest, b"\xff"],
        "item-malformed",
        0,
    )
    yield Vector(
        "batch-long-head",
        "the content's length in four bytes instead of two",
        [*honest[:2], b"\x82\x5a\x00\x00" + honest[2][2:], *honest[3:]],
        "item-malformed",
        2,
    )
    yield Vector(
        "batch-huge-length",
        "a content of 2^63 bytes is announced",
        [*honest[:2], b"\x82\x5b\x80" + bytes(7)],
        "item-too-large",
        2,
    )
    yield Vector(
        "batch-many-parts",
        "an item of 1,000 parts",
        [*honest[:2], b"\x99\x03\xe8" + bytes(1000)],
        "item-too-large",
        2,
    )
    yield Vector(
        "batch-deep",
        "an item nested 1,000 deep",
        [*honest[:2], b"\x81" * 1000 + b"\x00"],
        "item-malformed",
        2,
    )
    yield Vector(
        "batch-json",
        "a JSON file",
        [b'{"provider": "anthropic", "api": "messages"}'],
        "item-too-large",
        0,
    )


def _order() -> Iterator[Vector]:
    honest = Batch()
    one = honest.items
    yield Vector(
        "order-swapped",
        "two receipts of a stream, swapped",
        [one[2], one[1], one[0], *one[3:]],
        "receipt-order",
        2,
    )
    yield Vector(
        "order-grouped",
        "the streams one after the other: any interleaving is good",
        [one[0], one[2], one[4], one[1], one[3], one[5]],
    )
    yield Vector(
        "order-duplicate",
        "a receipt twice in a row",
        [*one[:3], one[2], *one[3:]],
        "receipt-duplicate",
        3,
    )
    yield Vector(
        "order-duplicate-later",
        "a receipt again, just before the statement",
        [*one[:5], one[0], one[5]],
        "receipt-duplicate",
        5,
    )
    other = sign_receipt(cbor2.loads(cbor2.loads(one[2])[0]) | {10: {1: 3000, 2: 0, 3: 3000}})
    yield Vector(
        "order-equivocation",
        "another signed receipt for the same sequence, with fewer cached tokens",
        [*one[:3], other.data, *one[3:]],
        "receipt-equivocation",
        3,
    )
    tagged = sign_receipt(cbor2.loads(cbor2.loads(one[2])[0]) | {15: {"team": "other"}})
    yield Vector(
        "order-reissued",
        "a receipt was issued again with another tag; the receipt after it still names the first one",
        [*one[:2], tagged.data, *one[3:]],
        "chain-broken",
        4,
    )
    back = Batch(
        one=Stream(change=lambda n, claims: claims | {7: claims[7] - 1001} if n == 1 else claims)
    )
    yield Vector(
        "order-time-reversed", "the time goes back by one ms", back.items, "time-reversed", 2
    )
    same = Batch(
        one=Stream(change=lambda n, claims: claims | {7: claims[7] - 1000} if n == 1 else claims)
    )
    yield Vector("order-time-equal", "two receipts of the same ms", same.items)
    billed = Batch(
        one=Stream(change=lambda n, claims: claims | {8: "gpu-8-0"} if n == 1 else claims)
    )
    yield Vector(
        "order-request-twice",
        "two receipts of two streams for one request",
        billed.items,
        "request-duplicate",
        2,
    )
    grouped = [one[0], withhold(honest.ones[1]), one[4], one[1], one[3], one[5]]
    yield Vector(
        "order-withheld",
        "a withheld receipt after the one before it",
        grouped,
        "content-withheld",
        1,
    )
    yield Vector(
        "order-withheld-first",
        "a withheld receipt stands first",
        [withhold(honest.ones[0]), one[2], one[4], one[1], one[3], one[5]],
        "content-withheld",
        0,
        also=("withheld-unplaced",),
    )


def _missing() -> Iterator[Vector]:
    one = Batch().items
    for name, gone in (("head", 0), ("middle", 2), ("tail", 4)):
        kept = [item for n, item in enumerate(one) if n != gone]
        yield Vector(
            f"missing-{name}",
            f"a receipt was taken off the {name} of a stream",
            kept,
            "receipt-missing",
            4,
        )
    yield Vector(
        "missing-stream",
        "all receipts of a stream were taken out",
        [one[0], one[2], one[4], one[5]],
        "receipt-missing",
        3,
    )
    yield Vector(
        "missing-all",
        "only the statement is left",
        [one[5]],
        "receipt-missing",
        0,
        also=("receipt-missing",),
    )
    yield Vector("missing-statement", "the statement was cut off", one[:5], "statement-missing", 0)


def _statement(claims: dict[int, Any], **kwargs: Any) -> list[bytes]:
    """The honest receipts under another statement."""
    return [*Batch().receipts, sign_statement(claims, **kwargs).data]


def _changed(path: list[Any], value: Any) -> list[bytes]:
    claims = cbor2.loads(encode(Batch().claims))
    target = claims
    for step in path[:-1]:
        target = target[step]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return _statement(claims)


def _statements() -> Iterator[Vector]:
    honest = Batch()
    yield Vector(
        "statement-root",
        "a wrong Merkle root",
        _changed([9, 0, 4], bytes(32)),
        "root-mismatch",
        _STATEMENT,
    )
    duplicated = _odd_leaf_root(honest)
    yield Vector(
        "statement-root-odd-leaf",
        "the root of a tree that duplicates its odd leaf",
        _changed([9, 0, 4], duplicated),
        "root-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "statement-head",
        "a wrong head",
        _changed([9, 0, 5], bytes(32)),
        "head-mismatch",
        _STATEMENT,
    )
    for label, name in enumerate(("logical", "cached", "attributed"), 1):
        yield Vector(
            f"statement-total-{name}",
            f"the total of {name} is one too high",
            _changed([10, label], honest.claims[10][label] + 1),
            "totals-mismatch",
            _STATEMENT,
        )
    yield Vector(
        "statement-total-writes",
        "the total of 5-minute writes is one too low",
        _changed([10, 4, 300], 2999),
        "totals-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "statement-total-ttl",
        "the writes are counted under another TTL",
        _changed([10, 4], {3600: 3000}),
        "totals-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "statement-total-output",
        "the total of output is one too high",
        _changed([10, 5], 2501),
        "totals-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "statement-total-absent",
        "a total is left out although receipts state the field",
        _changed([10, 6], None),
        "totals-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "statement-total-amount",
        "an amount, although no receipt has a charge",
        _changed([10, 7], {"USD": [0, 0]}),
        "totals-mismatch",
        _STATEMENT,
    )
    yield from _listings(honest)
    yield from _statement_claims(honest)


def _odd_leaf_root(batch: Batch) -> bytes:
    from receipts.merkle import leaf, node

    leaves = [leaf(receipt.digest) for receipt in batch.ones]
    return node(node(leaves[0], leaves[1]), node(leaves[2], leaves[2]))


def _listings(honest: Batch) -> Iterator[Vector]:
    ones, twos = honest.ones, honest.twos
    left_out = statement_claims({"gpu-7": ones})
    yield Vector(
        "statement-skips-stream",
        "a whole stream is left out",
        _statement(left_out),
        "stream-unstated",
        1,
    )
    shorter = statement_claims({"gpu-7": ones[:2], "gpu-8": twos})
    yield Vector(
        "statement-skips-tail",
        "the last receipt of a stream is left out",
        _statement(shorter),
        "receipt-unstated",
        4,
    )
    later = Batch(
        one=Stream(change=lambda n, claims: claims | {7: NOVEMBER[1]} if n == 2 else claims)
    )
    claims = statement_claims({"gpu-7": later.ones[:2], "gpu-8": later.twos})
    yield Vector(
        "statement-before-later-receipt",
        "a receipt of the next period stands before the statement",
        [*later.receipts, sign_statement(claims).data],
        "receipt-uncovered",
        4,
    )
    both = Batch(
        one=Stream(change=lambda n, claims: claims | {7: NOVEMBER[1]} if n == 2 else claims)
    )
    claims = statement_claims({"gpu-7": both.ones[:1], "gpu-8": both.twos})
    yield Vector(
        "statement-skips-before-later-receipt",
        "a receipt of the period and one of the next are left out: the first is a fault",
        [*both.receipts, sign_statement(claims).data],
        "receipt-unstated",
        2,
    )
    outside = Batch(one=Stream(change=lambda n, c: c | {7: NOVEMBER[1]} if n == 2 else c))
    yield Vector(
        "statement-lists-later-receipt",
        "the last receipt is from the first ms after the period",
        outside.items,
        "time-outside-period",
        4,
    )
    early = Batch(one=Stream(change=lambda n, c: c | {7: NOVEMBER[0] - 1} if n == 0 else c))
    yield Vector(
        "statement-lists-earlier-receipt",
        "the first receipt is from the last ms before the period",
        early.items,
        "time-outside-period",
        0,
    )
    more = cbor2.loads(encode(honest.claims))
    more[9][0][3] = 2**63
    yield Vector(
        "statement-lists-2-63",
        "a stream of 2^63 receipts is listed",
        _statement(more),
        "receipt-missing",
        _STATEMENT,
    )


def _statement_claims(honest: Batch) -> Iterator[Vector]:
    cases = {
        "version": ([1], 2), "unknown-field": ([11], 0), "kind-2": ([8], 2), "end-at-start": ([7], NOVEMBER[0]),
        "previous-at-0": ([5], bytes(32)), "stream-count-0": ([9, 0, 3], 0), "root-short": ([9, 0, 4], bytes(31)),
        "totals-missing": ([10], None), "totals-unknown": ([10, 8], 1), "amount-not-a-pair": ([10, 7], {"USD": 5}),
        "amount-picounits": ([10, 7], {"USD": [0, 10**12]}),
    }  # fmt: skip
    for name, (path, value) in cases.items():
        yield Vector(
            f"statement-claims-{name}",
            f"the claims of a statement: {name}",
            _changed(path, value),
            "claims-invalid",
            _STATEMENT,
        )
    unsorted = cbor2.loads(encode(honest.claims))
    unsorted[9].reverse()
    yield Vector(
        "statement-claims-unsorted",
        "the streams are not in order",
        _statement(unsorted),
        "claims-invalid",
        _STATEMENT,
    )
    doubled = cbor2.loads(encode(honest.claims))
    doubled[9].insert(0, doubled[9][0])
    yield Vector(
        "statement-claims-stream-twice",
        "a stream is listed twice",
        _statement(doubled),
        "claims-invalid",
        _STATEMENT,
    )
    yield Vector(
        "statement-header-account",
        "the header names another account",
        _statement(honest.claims, subject=(ISSUER, "other")),
        "claims-invalid",
        _STATEMENT,
    )
    receipt_inside = sign_statement(cbor2.loads(honest.ones[0].data)[0], subject=(ISSUER, ACCOUNT))
    yield Vector(
        "statement-of-receipt-claims",
        "the claims of a receipt under the header of a statement",
        [*honest.receipts, receipt_inside.data],
        "claims-invalid",
        _STATEMENT,
    )
    yield Vector(
        "statement-by-stranger",
        "the tail was cut, and the statement made again by somebody else",
        [
            *honest.receipts[:4],
            sign_statement(
                statement_claims({"gpu-7": honest.ones[:2], "gpu-8": honest.twos}), STRANGER
            ).data,
        ],
        "key-unknown",
        4,
    )
    expired = jwk_set(KEY, exp=NOVEMBER[1] // 1000)
    yield Vector(
        "statement-key-expired",
        "a key that expires at the end of the period cannot have signed after it",
        honest.items,
        "key-outside-window",
        _STATEMENT,
        expired,
    )
    yield Vector(
        "statement-withheld",
        "the statement's claims are withheld",
        [*honest.receipts, withhold(honest.statement)],
        "content-withheld",
        _STATEMENT,
    )
    stamped = _with_unprotected(honest.statement, {270: b"token", 394: [b"receipt"]})
    yield Vector(
        "statement-timestamps",
        "timestamps and transparency receipts are allowed, and not checked",
        [*honest.receipts, stamped],
    )
    foreign = _with_unprotected(honest.statement, {4: b"x"})
    yield Vector(
        "statement-unprotected-kid",
        "a key id in the unprotected header",
        [*honest.receipts, foreign],
        "envelope-invalid",
        _STATEMENT,
    )


def _with_unprotected(signed: Signed, header: dict[int, Any]) -> bytes:
    at = len(signed.data) - 68
    assert signed.data[at : at + 4] == b"\xa0\xf6\x58\x40"
    return signed.data[:at] + cbor2.dumps(header) + signed.data[at + 1 :]


def _splices() -> Iterator[Vector]:
    honest = Batch().items
    other_stream = Stream("gpu-9", 1).receipts()[0].data
    yield Vector(
        "splice-stream",
        "a receipt of another stream of the account",
        [*honest[:2], other_stream, *honest[2:]],
        "stream-unstated",
        2,
    )
    other_account = Stream("gpu-7", 1, over={"account": "other"}).receipts()[0].data
    yield Vector(
        "splice-account",
        "a receipt of another account",
        [*honest[:2], other_account, *honest[2:]],
        "statement-missing",
        2,
    )
    yield Vector(
        "splice-account-named",
        "a receipt of another account, and the caller names the account",
        [*honest[:2], other_account, *honest[2:]],
        "account-unexpected",
        2,
        options={"account": ACCOUNT},
    )
    other_issuer = (
        Stream("gpu-7", 1, over={"issuer": "https://other.example"}, key=STRANGER)
        .receipts()[0]
        .data
    )
    keys = {"several": [jwk_set(KEY), jwk_set(STRANGER, issuer="https://other.example")]}
    yield Vector(
        "splice-issuer",
        "a receipt of another trusted issuer",
        [*honest[:2], other_issuer, *honest[2:]],
        "statement-missing",
        2,
        keys,
    )
    later = Stream("gpu-9", 1, over={"time": DECEMBER[0]}).receipts()[0].data
    yield Vector(
        "splice-later",
        "a receipt of the next month",
        [*honest[:2], later, *honest[2:]],
        "receipt-uncovered",
        2,
    )


def _months() -> tuple[Batch, Batch]:
    """November and December of one account: gpu-7 goes on, gpu-8 ended, gpu-9 is new."""
    november = Batch()
    december = _december(november)
    return november, december


def _december(november: Batch, first: int = 3, **over: Any) -> Batch:
    before = november.ones[-1].digest
    return Batch(
        one=Stream("gpu-7", 3, first, before, over={"time": DECEMBER[0] + 5000}),
        two=Stream("gpu-9", 2, over={"time": DECEMBER[0] + 5000}),
        statement_over={
            "number": 1, "previous": november.statement.digest, "start": DECEMBER[0], "end": DECEMBER[1], **over,
        },
    )  # fmt: skip


def _chains() -> Iterator[Vector]:
    november, december = _months()
    both = [*november.items, *december.items]
    yield Vector("chain-two-months", "two batches, one after the other, are a batch", both)
    yield Vector(
        "chain-known",
        "the statement before is known from earlier",
        december.items,
        options={"known": [november.statement.data]},
    )
    idle = sign_statement(
        statement_claims(
            {}, number=1, previous=november.statement.digest, start=DECEMBER[0], end=DECEMBER[1]
        )
    )
    yield Vector("chain-idle", "an idle month is closed too", [*november.items, idle.data])
    late_receipts = Stream("gpu-late", 2).receipts()
    late = sign_statement(
        statement_claims(
            {"gpu-late": late_receipts}, number=1, previous=november.statement.digest, kind=1
        )
    )
    yield Vector(
        "chain-late",
        "receipts that came late, under a late statement",
        [*november.items, *(r.data for r in late_receipts), late.data],
    )

    def after(
        code: str | None,
        name: str,
        comment: str,
        item: int | None = 11,
        first: int = 3,
        also: tuple[str, ...] = (),
        **over: Any,
    ) -> Vector:
        changed = _december(november, first, **over)
        return Vector(
            f"chain-{name}",
            comment,
            [*november.items, *changed.items],
            code,
            item if code else None,
            also=also,
        )

    yield after(
        "statement-chain-broken",
        "previous",
        "previous is not the digest of the statement before",
        previous=bytes(32),
    )
    yield after("period-gap", "gap", "the period starts one ms too late", start=DECEMBER[0] + 1)
    yield after(
        "statement-rollback",
        "overlap",
        "the period starts before the one before has ended",
        start=DECEMBER[0] - 1,
    )
    yield after(
        "first-mismatch",
        "first-skips",
        "the stream goes on at 4; receipt 3 is in no statement",
        first=4,
    )
    restarted = _restarted(november)
    yield Vector(
        "chain-first-head",
        "the first receipt of December does not name the last one of November",
        [*november.items, *restarted.items],
        "first-mismatch",
        11,
    )
    fresh = _december(november)
    fresh_claims = statement_claims(
        {"gpu-7": fresh.ones, "gpu-9": fresh.twos},
        {"gpu-7": 3},
        number=2,
        previous=bytes(32),
        start=DECEMBER[0],
        end=DECEMBER[1],
    )
    yield Vector(
        "chain-number-missing",
        "a number is missing",
        [*november.items, *fresh.receipts, sign_statement(fresh_claims).data],
        "statement-gap",
        11,
    )
    at_one = Batch(one=Stream(first=1, before=bytes(32)))
    yield Vector(
        "chain-number-0-first",
        "statement 0 begins a stream at 1",
        at_one.items,
        "first-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "chain-number-0-late", "statement 0 is late", _changed([8], 1), "period-gap", _STATEMENT
    )
    late_open = sign_statement(
        statement_claims(
            {},
            number=1,
            previous=november.statement.digest,
            kind=1,
            start=DECEMBER[0],
            end=DECEMBER[1],
        )
    )
    yield Vector(
        "chain-late-open",
        "a late statement for a time that is not closed",
        [*november.items, late_open.data],
        "period-gap",
        6,
    )
    yield from _two_stories(november, december)


def _restarted(november: Batch) -> Batch:
    honest = _december(november)
    return Batch(
        one=replace(honest.one, before=bytes(32)),
        two=honest.two,
        statement_over={
            "number": 1,
            "previous": november.statement.digest,
            "start": DECEMBER[0],
            "end": DECEMBER[1],
        },
    )


def _two_stories(november: Batch, december: Batch) -> Iterator[Vector]:
    claims = cbor2.loads(encode(november.claims))
    claims[10][2] -= 1
    other = sign_statement(claims)
    yield Vector(
        "chain-two-for-one-number",
        "two signed statements for one number",
        [*november.items, other.data],
        "statement-equivocation",
        6,
    )
    yield Vector(
        "chain-copy",
        "the statement twice",
        [*november.items, november.statement.data],
        "statement-duplicate",
        6,
    )
    known = {"known": [other.data]}
    yield Vector(
        "chain-forked",
        "another statement of this number is known",
        november.items,
        "statement-equivocation",
        _STATEMENT,
        options=known,
    )
    unlinked = {"known": [other.data], "period": list(DECEMBER)}
    yield Vector(
        "chain-unlinked",
        "the known statement is not the one that this one names",
        december.items,
        "statement-chain-broken",
        _STATEMENT,
        options=unlinked,
    )
    numbered_5 = sign_statement(
        statement_claims({}, number=5, previous=bytes(32), start=DECEMBER[0], end=DECEMBER[1])
    )
    january = statement_claims({}, number=3, previous=bytes(32), start=_JANUARY[0], end=_JANUARY[1])
    yield Vector(
        "chain-rolled-back",
        "number 3 for January, but number 5 for December is known",
        [sign_statement(january).data],
        "statement-rollback",
        0,
        options={"known": [numbered_5.data], "period": list(_JANUARY)},
    )
    yield Vector(
        "chain-replayed",
        "an older batch again, and no period named",
        november.items,
        "statement-replayed",
        _STATEMENT,
        options={"known": [november.statement.data, december.statement.data]},
    )
    late_again = sign_statement(
        statement_claims({}, number=2, previous=december.statement.digest, kind=1)
    )
    again = _december(november, 1, number=2, previous=bytes(32))
    yield Vector(
        "chain-first-behind-gap",
        "number 1 is not at hand, but a stream of number 2 begins before the end of number 0",
        again.items,
        "first-mismatch",
        _STATEMENT,
        options={"known": [november.statement.data], "period": list(DECEMBER)},
    )
    yield Vector(
        "chain-late-withheld",
        "the batch of a period for which a later statement is known, that closes late receipts of it",
        november.items,
        "statement-replayed",
        _STATEMENT,
        options={
            "known": [november.statement.data, december.statement.data, late_again.data],
            "period": list(NOVEMBER),
        },
    )
    yield Vector(
        "chain-older-asked",
        "an older batch again, for the period that the caller names",
        november.items,
        options={
            "known": [november.statement.data, december.statement.data],
            "period": list(NOVEMBER),
        },
    )


def _identifiers() -> Iterator[Vector]:
    """One entry for each receipt: the first reads, the second and third commit."""

    def entries(*parts: dict[int, Any], **over: Any) -> Stream:
        def change(n: int, claims: dict[int, Any]) -> dict[int, Any]:
            cache = {1: parts[0]} if n == 0 else {3: [parts[n]]}
            return claims | {12: cache} | over.get(f"r{n}", {})

        return Stream("gpu-7", len(parts), change=change)

    one = {1: "tokens-hmac-sha256", 2: bytes(32), 3: 2000}
    yield Vector(
        "cache-id-agrees", "one identifier, three times", Batch(one=entries(one, one, one)).items
    )
    yield Vector(
        "cache-id-two-lengths",
        "one identifier for prefixes of two lengths",
        Batch(one=entries(one, one, one | {3: 1999})).items,
        "cache-id-conflict",
        4,
    )
    yield Vector(
        "cache-id-two-models",
        "one identifier under two models",
        Batch(one=entries(one, one, r1={9: "claude-haiku-4-5"})).items,
        "cache-id-conflict",
        2,
    )
    yield Vector(
        "cache-id-two-recipes",
        "the same bytes under another recipe are another identifier",
        Batch(one=entries(one, one | {1: "tokens-sha256", 3: 7})).items,
    )
    other = {"account": "other"}
    for name, recipe, code in (
        ("keyed", "tokens-hmac-sha256", "cache-id-shared"),
        ("public", "tokens-sha256", None),
    ):
        stream = entries(one | {1: recipe})
        shared = Batch(
            one=replace(stream, over=other),
            two=Stream("gpu-8", 1, over=other),
            statement_over=other,
        )
        yield Vector(
            f"cache-id-two-accounts-{name}",
            "one identifier under two accounts",
            [*Batch(one=stream).items, *shared.items],
            code,
            code and 4,
        )


def _completeness() -> Iterator[Vector]:
    honest = Batch().items
    november, december = _months()
    yield Vector(
        "period-exact",
        "the period that the caller names",
        honest,
        options={"period": list(NOVEMBER)},
    )
    day = [NOVEMBER[0] + 86_400_000, NOVEMBER[0] + 2 * 86_400_000]
    yield Vector("period-inside", "a day of the month", honest, options={"period": day})
    yield Vector(
        "period-two",
        "two months, two statements",
        [*november.items, *december.items],
        options={"period": [NOVEMBER[0], DECEMBER[1]]},
    )
    yield Vector(
        "period-other",
        "the statement is of another month",
        honest,
        "period-uncovered",
        options={"period": list(OCTOBER)},
    )
    yield Vector(
        "period-longer",
        "the caller asks for one ms more",
        honest,
        "period-uncovered",
        options={"period": [NOVEMBER[0], NOVEMBER[1] + 1]},
    )
    idle = sign_statement(statement_claims({}))
    yield Vector(
        "period-idle",
        "no receipts, and a statement that says so",
        [idle.data],
        options={"period": list(NOVEMBER)},
    )
    yield Vector(
        "account-absent",
        "there is nothing of the account that the caller names",
        [],
        "batch-empty",
        also=("statement-missing",),
        options={"account": "acme"},
    )

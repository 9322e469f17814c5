"""Vectors of statements against the receipts that they close (verification step 10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cbor2

from receipts import Signed
from tests.build import (
    ACCOUNT,
    DECEMBER,
    ISSUER,
    KEY,
    NOON,
    NOVEMBER,
    OCTOBER,
    SECOND,
    STRANGER,
    Batch,
    Stream,
    encode,
    jwk_set,
    sign_statement,
    statement_claims,
)
from tests.vectors.model import Vector

_STATEMENT = 5
"""The item of the statement in the honest batch."""


def vectors() -> Iterator[Vector]:
    yield from _statements()
    yield from _listings(Batch())
    yield from _statement_claims(Batch())
    yield from _unprotected()
    yield from _unlisted()
    yield from _splices()


def _statement(claims: dict[int, Any], **kwargs: Any) -> list[bytes]:
    """The honest receipts under another statement."""
    return [*Batch().receipts, sign_statement(claims, **kwargs).data]


def changed(path: list[Any], value: Any) -> list[bytes]:
    """The honest batch with one value of the statement's claims changed; None leaves it out."""
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
        "R-10.6",
        "a wrong Merkle root",
        changed([9, 0, 4], bytes(32)),
        "root-mismatch",
        _STATEMENT,
    )
    duplicated = _odd_leaf_root(honest)
    yield Vector(
        "statement-root-odd-leaf",
        "R-10.6",
        "the root of a tree that duplicates its odd leaf",
        changed([9, 0, 4], duplicated),
        "root-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "statement-head",
        "R-10.7",
        "a wrong head",
        changed([9, 0, 5], bytes(32)),
        "head-mismatch",
        _STATEMENT,
    )
    for label, name in enumerate(("logical", "cached", "attributed"), 1):
        yield Vector(
            f"statement-total-{name}",
            "R-10.9",
            f"the total of {name} is one too high",
            changed([10, label], honest.claims[10][label] + 1),
            "totals-mismatch",
            _STATEMENT,
        )
    yield Vector(
        "statement-total-writes",
        "R-10.9",
        "the total of 5-minute writes is one too low",
        changed([10, 4, 300], 2999),
        "totals-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "statement-total-ttl",
        "R-10.9",
        "the writes are counted under another TTL",
        changed([10, 4], {3600: 3000}),
        "totals-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "statement-total-output",
        "R-10.9",
        "the total of output is one too high",
        changed([10, 5], 2501),
        "totals-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "statement-total-absent",
        "R-10.9",
        "a total is left out although receipts state the field",
        changed([10, 6], None),
        "totals-mismatch",
        _STATEMENT,
    )
    yield Vector(
        "statement-total-amount",
        "R-10.9",
        "an amount, although no receipt has a charge",
        changed([10, 7], {"USD": [0, 0]}),
        "totals-mismatch",
        _STATEMENT,
    )


def _odd_leaf_root(batch: Batch) -> bytes:
    from receipts.merkle import leaf, node

    leaves = [leaf(receipt.digest) for receipt in batch.ones]
    return node(node(leaves[0], leaves[1]), node(leaves[2], leaves[2]))


def _listings(honest: Batch) -> Iterator[Vector]:
    ones, twos = honest.ones, honest.twos
    left_out = statement_claims({"gpu-7": ones})
    yield Vector(
        "statement-skips-stream",
        "R-10.3",
        "a whole stream is left out",
        _statement(left_out),
        "stream-unstated",
        1,
    )
    shorter = statement_claims({"gpu-7": ones[:2], "gpu-8": twos})
    yield Vector(
        "statement-skips-tail",
        "R-10.4",
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
        "R-10.5",
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
        "R-10.4",
        "a receipt of the period and one of the next are left out: the first is a fault",
        [*both.receipts, sign_statement(claims).data],
        "receipt-unstated",
        2,
    )
    outside = Batch(one=Stream(change=lambda n, c: c | {7: NOVEMBER[1]} if n == 2 else c))
    yield Vector(
        "statement-lists-later-receipt",
        "R-10.8",
        "the last receipt is from the first ms after the period",
        outside.items,
        "time-outside-period",
        4,
    )
    early = Batch(one=Stream(change=lambda n, c: c | {7: NOVEMBER[0] - 1} if n == 0 else c))
    yield Vector(
        "statement-lists-earlier-receipt",
        "R-10.8",
        "the first receipt is from the last ms before the period",
        early.items,
        "time-outside-period",
        0,
    )
    more = cbor2.loads(encode(honest.claims))
    more[9][0][3] = 2**63
    yield Vector(
        "statement-lists-2-63",
        "R-10.2",
        "a stream of 2^63 receipts is listed",
        _statement(more),
        "receipt-missing",
        _STATEMENT,
    )


def _statement_claims(honest: Batch) -> Iterator[Vector]:
    cases = {
        "unknown-field": ([11], 0), "kind-2": ([8], 2), "end-at-start": ([7], NOVEMBER[0]),
        "previous-at-0": ([5], bytes(32)), "stream-count-0": ([9, 0, 3], 0), "root-short": ([9, 0, 4], bytes(31)),
        "totals-missing": ([10], None), "totals-unknown": ([10, 8], 1), "amount-not-a-pair": ([10, 7], {"USD": 5}),
        "amount-picounits": ([10, 7], {"USD": [0, 10**12]}),
    }  # fmt: skip
    for name, (path, value) in cases.items():
        yield Vector(
            f"statement-claims-{name}",
            "R-6.4",
            f"the claims of a statement: {name}",
            changed(path, value),
            "claims-invalid",
            _STATEMENT,
        )
    unsorted = cbor2.loads(encode(honest.claims))
    unsorted[9].reverse()
    yield Vector(
        "statement-claims-unsorted",
        "R-6.4",
        "the streams are not in order",
        _statement(unsorted),
        "claims-invalid",
        _STATEMENT,
    )
    doubled = cbor2.loads(encode(honest.claims))
    doubled[9].insert(0, doubled[9][0])
    yield Vector(
        "statement-claims-stream-twice",
        "R-6.4",
        "a stream is listed twice",
        _statement(doubled),
        "claims-invalid",
        _STATEMENT,
    )
    yield Vector(
        "statement-header-account",
        "R-6.5",
        "the header names another account",
        _statement(honest.claims, subject=(ISSUER, "other")),
        "claims-invalid",
        _STATEMENT,
    )
    receipt_inside = sign_statement(cbor2.loads(honest.ones[0].data)[0], subject=(ISSUER, ACCOUNT))
    yield Vector(
        "statement-of-receipt-claims",
        "R-6.4",
        "the claims of a receipt under the header of a statement",
        [*honest.receipts, receipt_inside.data],
        "claims-invalid",
        _STATEMENT,
    )
    yield Vector(
        "statement-by-stranger",
        "R-4.1",
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
        "R-7.3",
        "a key that expires at the end of the period cannot have signed after it",
        honest.items,
        "key-outside-window",
        _STATEMENT,
        expired,
    )


def _with_unprotected(signed: Signed, header: dict[int, Any] | bytes) -> bytes:
    encoded = header if isinstance(header, bytes) else cbor2.dumps(header)
    at = len(signed.data) - 68
    assert signed.data[at : at + 4] == b"\xa0\xf6\x58\x40"
    return signed.data[:at] + encoded + signed.data[at + 1 :]


def _unprotected() -> Iterator[Vector]:
    """What may stand in the unprotected header of a statement."""
    honest = Batch()
    stamped = _with_unprotected(honest.statement, {270: b"token", 394: [b"receipt"]})
    yield Vector(
        "statement-timestamps",
        "R-2.2",
        "timestamps and transparency receipts are allowed, and not checked",
        [*honest.receipts, stamped],
    )
    foreign = _with_unprotected(honest.statement, {4: b"x"})
    yield Vector(
        "statement-unprotected-kid",
        "R-2.2",
        "a key id in the unprotected header",
        [*honest.receipts, foreign],
        "envelope-invalid",
        _STATEMENT,
    )
    token, receipts = b"\x19\x01\x0e\x45token", b"\x19\x01\x8a\x81\x47receipt"
    for name, comment, header in (
        ("order", "receipts before the timestamp", b"\xa2" + receipts + token),
        ("twice", "two timestamps", b"\xa2" + token + token),
        ("text", "the timestamp is text", b"\xa1\x19\x01\x0e\x65token"),
        ("array", "the receipts are not in an array", b"\xa1\x19\x01\x8a\x47receipt"),
        ("other", "another key beside the timestamp", b"\xa2" + token + b"\x19\x01\x0f\x40"),
    ):
        data = _with_unprotected(honest.statement, header)
        yield Vector(f"statement-unprotected-{name}", "R-2.2", comment, [*honest.receipts, data],
                     "envelope-invalid", _STATEMENT)  # fmt: skip
    subject = cbor2.dumps({1: ISSUER, 2: ACCOUNT})
    for name, comment, changed_subject in (
        ("not-utf8", "the account in the header is not UTF-8", subject[:-1] + b"\xff"),
        ("long-length", "a text length in the header in two bytes", subject[:-5] + b"\x78\x04acme"),
        ("no-account", "the header has an issuer only", cbor2.dumps({1: ISSUER})),
        ("order", "account before issuer", cbor2.dumps({2: ACCOUNT, 1: ISSUER})),
    ):
        data = signed_with_header(honest.statement, subject, changed_subject)
        yield Vector(f"statement-header-{name}", "R-3.1", comment, [*honest.receipts, data],
                     "header-invalid", _STATEMENT)  # fmt: skip


def signed_with_header(signed: Signed, old: bytes, new: bytes) -> bytes:
    """A statement whose protected header has other bytes in one place, signed again."""
    content, tag = cbor2.loads(signed.data)
    protected = cbor2.dumps(tag.value[0].replace(old, new))
    signature = KEY.private.sign(
        b"\x84\x6aSignature1" + protected + b"\x40\x58\x20" + signed.digest
    )
    cose = b"\xd2\x84" + protected + b"\xa0\xf6\x58\x40" + signature
    return b"\x82" + cbor2.dumps(content) + cose


def _unlisted() -> Iterator[Vector]:
    """Receipts that the statement does not list, around those that it does."""
    honest = Batch()
    times = (OCTOBER[0], NOON, DECEMBER[0])
    three = Stream("gpu-9", change=lambda n, c: c | {7: times[n]}).receipts()
    yield Vector("statement-skips-stream-middle", "R-10.3", "of a stream that is left out, one time is of the period",
                 [*honest.receipts, *(r.data for r in three), honest.statement.data], "stream-unstated", 5)  # fmt: skip
    outside = Stream("gpu-9", change=lambda n, c: c | {7: DECEMBER[0] + n}).receipts()
    yield Vector("statement-skips-stream-later", "R-10.5", "no time of the stream is of the period",
                 [*honest.receipts, *(r.data for r in outside), honest.statement.data], "receipt-uncovered", 5)  # fmt: skip

    def around(times: tuple[int, ...], **over: Any) -> list[bytes]:
        """Receipts 0 to 3, of which statement 1 lists 1 and 2."""
        receipts = Stream(count=4, change=lambda n, c: c | {7: times[n]}).receipts()
        claims = statement_claims(
            {"gpu-7": receipts[1:3]}, {"gpu-7": 1}, number=1, previous=bytes(32)
        )
        claims[9][0] |= over.get("entry", {})
        return [*(receipt.data for receipt in receipts), sign_statement(claims).data]

    before_and_after = (OCTOBER[0], NOON, NOON, DECEMBER[0])
    yield Vector("statement-between", "R-10.5", "a receipt before and one after the listed ones, of other times",
                 around(before_and_after), "receipt-uncovered", 0, also=("receipt-uncovered",))  # fmt: skip
    yield Vector("statement-between-root", "R-10.6", "with them the root is compared all the same",
                 around(before_and_after, entry={4: bytes(32)}), "root-mismatch", 4,
                 also=("receipt-uncovered", "receipt-uncovered"))  # fmt: skip
    yield Vector("statement-between-time", "R-10.8", "with them the times of the listed ones are looked at",
                 around((OCTOBER[0], OCTOBER[0], NOON, DECEMBER[0])), "time-outside-period", 1,
                 also=("receipt-uncovered", "receipt-uncovered"))  # fmt: skip
    back = Batch(
        one=Stream(change=lambda n, c: c | {7: OCTOBER[0]} if n == 1 else c),
        two=Stream("gpu-8", 1, key=SECOND),
    )
    yield Vector("statement-lists-earlier-behind", "R-10.8", "the time goes back out of the period, behind a receipt by another key",
                 back.items, "time-outside-period", 2, jwk_set(KEY, SECOND), also=("time-reversed",))  # fmt: skip
    late = Batch(one=Stream(change=lambda n, c: c | {7: DECEMBER[0] + n} if n else c))
    yield Vector("statement-lists-two-later", "R-10.8", "of two receipts of a later time, the first is named",
                 late.items, "time-outside-period", 2)  # fmt: skip


def _splices() -> Iterator[Vector]:
    honest = Batch().items
    other_stream = Stream("gpu-9", 1).receipts()[0].data
    yield Vector(
        "splice-stream",
        "R-10.3",
        "a receipt of another stream of the account",
        [*honest[:2], other_stream, *honest[2:]],
        "stream-unstated",
        2,
    )
    other_account = Stream("gpu-7", 1, over={"account": "other"}).receipts()[0].data
    yield Vector(
        "splice-account",
        "R-12.2",
        "a receipt of another account",
        [*honest[:2], other_account, *honest[2:]],
        "statement-missing",
        2,
    )
    yield Vector(
        "splice-account-named",
        "R-7.2",
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
        "R-12.2",
        "a receipt of another trusted issuer",
        [*honest[:2], other_issuer, *honest[2:]],
        "statement-missing",
        2,
        keys,
    )
    later = Stream("gpu-9", 1, over={"time": DECEMBER[0]}).receipts()[0].data
    yield Vector(
        "splice-later",
        "R-10.5",
        "a receipt of the next month",
        [*honest[:2], later, *honest[2:]],
        "receipt-uncovered",
        2,
    )

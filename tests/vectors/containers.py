"""Vectors of proofs and equivocations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cbor2

from receipts import Signed, SigningKey, equivocation, inclusion_proof
from tests.build import (
    DECEMBER,
    KEY,
    NOVEMBER,
    STRANGER,
    Batch,
    Stream,
    encode,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.vectors.model import Vector, flip
from tests.vectors.receipts import small_order_r


def vectors() -> Iterator[Vector]:
    yield from _proofs()
    yield from _proof_faults()
    yield from _proof_known()
    yield from _equivocations()
    yield from _equivocation_faults()
    yield from _witnesses()


def _proof(index: int, batch: Batch | None = None) -> bytes:
    batch = batch or Batch()
    digests = [receipt.digest for receipt in batch.ones]
    return inclusion_proof(batch.ones[index].data, index, digests, batch.statement.data)


def _proofs() -> Iterator[Vector]:
    for index in range(3):
        yield Vector(
            f"proof-{index}", "R-16.4", f"receipt {index} of a stream of three", [_proof(index)]
        )
    single = Batch(one=Stream(count=3), two=Stream("gpu-8", 2))
    alone = sign_statement(statement_claims({"gpu-7": single.ones[:1]}))
    yield Vector(
        "proof-of-one",
        "R-16.4",
        "a stream of one receipt: the path is empty",
        [b"\x83" + single.ones[0].data + b"\x80" + alone.data],
    )
    honest, batch = _proof(1), Batch()
    path_at = 1 + len(batch.ones[1].data)
    yield Vector(
        "proof-path-bit",
        "R-16.4",
        "one bit of the path",
        [flip(honest, path_at + 5)],
        "path-invalid",
        0,
    )
    wrong = b"\x83" + batch.ones[1].data + cbor2.dumps([bytes(32)]) + batch.statement.data
    yield Vector("proof-path-short", "R-16.4", "the path is too short", [wrong], "path-invalid", 0)
    long = b"\x83" + batch.ones[1].data + cbor2.dumps([bytes(32)] * 3) + batch.statement.data
    yield Vector("proof-path-long", "R-16.4", "the path is too long", [long], "path-invalid", 0)
    odd = b"\x83" + batch.ones[1].data + cbor2.dumps([bytes(31), bytes(32)]) + batch.statement.data
    yield Vector("proof-path-31", "R-16.4", "a hash of 31 bytes", [odd], "path-invalid", 0)
    not_path = b"\x83" + batch.ones[1].data + b"\x00" + batch.statement.data
    yield Vector(
        "proof-no-path", "R-16.1", "an integer instead of a path", [not_path], "envelope-invalid", 0
    )
    elsewhere = b"\x83" + batch.twos[1].data + honest[path_at:]
    yield Vector(
        "proof-other-stream",
        "R-16.4",
        "the path of another stream's receipt",
        [elsewhere],
        "path-invalid",
        0,
    )
    foreign = Stream("gpu-9", 1).receipts()[0].data
    yield Vector(
        "proof-unlisted-stream",
        "R-16.3",
        "a stream that the statement does not list",
        [b"\x83" + foreign + honest[path_at:]],
        "proof-mismatch",
        0,
    )
    beyond = Stream("gpu-7", 4).receipts()[3].data
    yield Vector(
        "proof-unlisted-sequence",
        "R-16.3",
        "a sequence that the statement does not list",
        [b"\x83" + beyond + honest[path_at:]],
        "proof-mismatch",
        0,
    )
    account = Stream("gpu-7", 2, over={"account": "other"}).receipts()[1].data
    yield Vector(
        "proof-other-account",
        "R-16.3",
        "a receipt of another account",
        [b"\x83" + account + honest[path_at:]],
        "proof-mismatch",
        0,
    )
    late = Batch(one=Stream(over={"time": DECEMBER[0]}))
    yield Vector(
        "proof-other-time",
        "R-16.3",
        "the receipt's time is outside the period",
        [_proof(1, late)],
        "proof-mismatch",
        0,
    )
    twice = b"\x83" + batch.ones[0].data + b"\x80" + batch.ones[1].data
    yield Vector(
        "proof-two-receipts",
        "R-16.2",
        "a receipt instead of the statement",
        [twice],
        "envelope-invalid",
        0,
    )
    yield Vector(
        "proof-trailing",
        "R-16.1",
        "a byte after the proof",
        [honest + b"\x00"],
        "item-malformed",
        0,
    )
    yield Vector("proof-cut", "R-16.1", "the proof ends early", [honest[:-1]], "item-truncated", 0)
    signature = len(honest) - 1
    yield Vector(
        "proof-statement-signature",
        "R-5.2",
        "one bit of the statement's signature",
        [flip(honest, signature)],
        "signature-invalid",
        1,
    )
    strange = (
        b"\x83" + sign_receipt(cbor2.loads(batch.ones[1].data)[0], STRANGER).data + honest[path_at:]
    )
    yield Vector(
        "proof-key-unknown",
        "R-4.1",
        "the receipt is signed by a key that is not trusted",
        [strange],
        "key-unknown",
        0,
    )
    yield Vector(
        "proof-for-a-period",
        "R-16.6",
        "the caller asks for a period, which a proof cannot show to be complete",
        [honest],
        "period-uncovered",
        options={"period": list(NOVEMBER)},
    )


def _equivocations() -> Iterator[Vector]:
    batch = Batch()
    other_receipt = sign_receipt(
        cbor2.loads(cbor2.loads(batch.ones[1].data)[0]) | {10: {1: 3000, 2: 0, 3: 3000}}
    )
    yield Vector(
        "equivocation-receipts",
        "R-17.4",
        "two receipts for one sequence",
        [equivocation(batch.ones[1].data, other_receipt.data)],
    )
    claims = cbor2.loads(encode(batch.claims))
    claims[10][2] -= 1
    other = sign_statement(claims)
    honest = equivocation(batch.statement.data, other.data)
    yield Vector("equivocation-statements", "R-17.4", "two statements for one number", [honest])
    unlinked = sign_statement(
        statement_claims({}, number=1, previous=bytes(32), start=DECEMBER[0], end=DECEMBER[1])
    )
    yield Vector(
        "equivocation-chain",
        "R-17.4",
        "a statement that names another predecessor",
        [equivocation(batch.statement.data, unlinked.data)],
    )
    overlapping = sign_statement(
        statement_claims({}, number=7, previous=bytes(32), start=NOVEMBER[0], end=NOVEMBER[1])
    )
    yield Vector(
        "equivocation-period",
        "R-17.4",
        "two numbers for overlapping periods",
        [equivocation(batch.statement.data, overlapping.data)],
    )
    linked = sign_statement(
        statement_claims(
            {}, number=1, previous=batch.statement.digest, start=DECEMBER[0], end=DECEMBER[1]
        )
    )
    yield Vector(
        "equivocation-none",
        "R-17.4",
        "two statements that follow each other",
        [equivocation(batch.statement.data, linked.data)],
        "conflict-unproven",
        0,
    )
    yield Vector(
        "equivocation-same",
        "R-17.4",
        "the same statement twice",
        [b"\x82" + batch.statement.data * 2],
        "conflict-unproven",
        0,
    )
    yield Vector(
        "equivocation-places",
        "R-17.4",
        "receipts of two sequences",
        [equivocation(batch.ones[0].data, batch.ones[1].data)],
        "conflict-unproven",
        0,
    )
    yield Vector(
        "equivocation-kinds",
        "R-17.4",
        "a receipt and a statement",
        [equivocation(batch.ones[0].data, other.data)],
        "conflict-unproven",
        0,
    )
    forged = sign_statement(claims, STRANGER)
    order = (
        [batch.statement, forged]
        if batch.statement.digest < forged.digest
        else [forged, batch.statement]
    )
    yield Vector(
        "equivocation-stranger",
        "R-4.1",
        "one of the two is signed by a stranger",
        [b"\x82" + b"".join(s.data for s in order)],
        "key-unknown",
        order.index(forged),
    )
    yield Vector(
        "equivocation-signature",
        "R-5.2",
        "one bit of a signature",
        [flip(honest, len(honest) - 1)],
        "signature-invalid",
        1,
    )


def _witnesses() -> Iterator[Vector]:
    """A proof by inclusion stands for its receipt, whatever the receipt's own signature."""
    batch = Batch()
    one = batch.ones[1]
    spoilt = _proof(1).replace(one.data, flip(one.data, -1))
    claims = cbor2.loads(cbor2.loads(one.data)[0])
    other = sign_receipt(claims | {10: {1: 3000, 2: 0, 3: 3000}})
    again = sign_receipt(claims | {4: "gpu-9"})
    yield Vector(
        "equivocation-requests",
        "R-17.4",
        "two receipts for one request",
        [equivocation(one.data, again.data)],
    )
    accounts = sign_receipt(claims | {3: "other", 4: "gpu-9"})
    yield Vector("equivocation-requests-accounts", "R-17.4", "one request id of two accounts",
                 [equivocation(one.data, accounts.data)], "conflict-unproven", 0)  # fmt: skip
    honest = equivocation(spoilt, other.data)
    at = 0 if honest[1:2] == b"\x83" else 1
    yield Vector(
        "equivocation-witness",
        "R-17.2",
        "a receipt whose signature does not hold, but which the statement seals",
        [honest],
    )
    small = _proof(1).replace(one.data, small_order_r(one.data))
    yield Vector("equivocation-witness-small-order", "R-17.2", "a sealed receipt whose signature has an R of small order: that gets rid of no witness",
                 [equivocation(small, other.data)])  # fmt: skip
    path_at = honest.index(flip(one.data, -1)) + len(one.data) + 5
    yield Vector("equivocation-witness-path", "R-17.2", "the path does not lead to the root", [flip(honest, path_at)], "path-invalid", at)  # fmt: skip
    stranger = sign_statement(batch.claims, STRANGER)
    by_stranger = spoilt.replace(batch.statement.data, stranger.data)
    yield Vector("equivocation-witness-stranger", "R-4.1", "the statement is signed by a stranger", [equivocation(by_stranger, other.data)],
                 "key-unknown", at)  # fmt: skip
    forged = spoilt.replace(batch.statement.data, flip(batch.statement.data, -1))
    yield Vector("equivocation-witness-forged", "R-5.2", "the signature of the statement does not hold",
                 [equivocation(forged, other.data)], "signature-invalid", at)  # fmt: skip
    kinds = _proof(1).replace(batch.statement.data, one.data)
    yield Vector("equivocation-witness-kinds", "R-17.2", "a proof of two receipts", [equivocation(kinds, other.data)], "envelope-invalid", 0)  # fmt: skip
    both = b"\x82" + b"".join(sorted((_proof(1), _proof(1)), key=len))
    yield Vector(
        "equivocation-witness-same",
        "R-17.4",
        "one receipt, twice proven",
        [both],
        "conflict-unproven",
        0,
    )


def _proof_faults() -> Iterator[Vector]:
    """Reading comes first; then both objects are looked at, as they would be in a batch."""
    batch = Batch()
    receipt, statement = batch.ones[1].data, batch.statement.data
    forged = flip(receipt, -1)
    yield Vector("proof-no-path-and-signature", "R-16.1", "no path, and a signature that does not hold: reading is first",
                 [b"\x83" + forged + b"\x00" + statement], "envelope-invalid", 0)  # fmt: skip
    path = _proof(1)[1 + len(receipt) : -len(statement)]
    yield Vector("proof-malformed", "R-16.1", "the receipt is no CBOR item in shortest form",
                 [b"\x83\xff" + path + statement], "item-malformed", 0)  # fmt: skip
    yield Vector("proof-statement-malformed", "R-16.1", "the statement is no CBOR item in shortest form",
                 [b"\x83" + receipt + path + b"\xff"], "item-malformed", 0)  # fmt: skip
    yield Vector("proof-of-integers", "R-2.1", "the receipt is an integer",
                 [b"\x83\x00" + path + statement], "envelope-invalid", 0)  # fmt: skip
    yield Vector("proof-signature", "R-5.2", "a proof is always checked with every signature",
                 [b"\x83" + forged + path + statement], "signature-invalid", 0,
                 options={"signatures": "statement"})  # fmt: skip
    short = Batch(
        one=Stream(change=lambda n, c: c | {10: {1: 3000, 2: 2000, 3: 900}} if n == 1 else c)
    )
    yield Vector("proof-identity", "R-8.2", "the receipt of a proof breaks an identity",
                 [_proof(1, short)], "attributed-mismatch", 0)  # fmt: skip
    yield Vector("proof-account", "R-7.2", "the statement is for another account than the caller named",
                 [_proof(1)], "account-unexpected", 0, options={"account": "other"}, also=("account-unexpected",))  # fmt: skip


def _proof_known() -> Iterator[Vector]:
    """The statement of a proof against a known one."""
    batch = Batch()
    claims = cbor2.loads(encode(batch.claims))
    claims[10][2] -= 1
    for name, rule, comment, known, code in (
        ("told-twice", "R-11.1", "another statement of this number is known", claims, "statement-equivocation"),
        ("known-gap", "R-16.5", "a gap between two statements is not what they prove by themselves",
         claims | {4: 1, 5: batch.statement.digest, 6: DECEMBER[0] + 1, 7: DECEMBER[1]}, None),
        ("unlinked", "R-11.2", "the known next statement names another one before",
         claims | {4: 1, 5: bytes(32), 6: DECEMBER[0], 7: DECEMBER[1]}, "statement-chain-broken"),
    ):  # fmt: skip
        options = {"known": [sign_statement(known).data]}
        yield Vector(
            f"proof-{name}", rule, comment, [_proof(1)], code, 1 if code else None, options=options
        )


def _equivocation_faults() -> Iterator[Vector]:
    batch = Batch()

    def told(over: dict[int, Any], key: SigningKey = KEY) -> Signed:
        return sign_receipt(cbor2.loads(cbor2.loads(batch.ones[1].data)[0]) | over, key)

    unbalanced = equivocation(batch.ones[1].data, told({10: {1: 3000, 2: 2000, 3: 900}}).data)
    other = told({9: "other"})
    honest = equivocation(batch.ones[1].data, other.data)
    yield Vector("equivocation-identity", "R-17.2", "one of two receipts breaks an identity: they contradict each other all the same",
                 [unbalanced])  # fmt: skip
    swapped = b"\x82" + b"".join(
        sorted((batch.ones[1].data, other.data), key=honest.index, reverse=True)
    )
    yield Vector("equivocation-order", "R-17.3", "the object with the smaller digest does not come first",
                 [swapped], "envelope-invalid", 0)  # fmt: skip
    stranger = told({9: "other"}, STRANGER)
    order = sorted((batch.ones[1], stranger), key=lambda signed: signed.digest)
    yield Vector("equivocation-stranger-receipt", "R-4.1", "a receipt of a stranger is not lost, and the conflict holds",
                 [b"\x82" + b"".join(one.data for one in order)], "key-unknown", order.index(stranger))  # fmt: skip
    yield Vector("equivocation-for-a-period", "R-17.5", "the caller asks for a period",
                 [honest], "period-uncovered", options={"period": list(NOVEMBER)})  # fmt: skip
    yield Vector("equivocation-trailing", "R-17.1", "a byte after the second object",
                 [honest + b"\x00"], "item-malformed", 0)  # fmt: skip
    yield Vector("equivocation-cut", "R-17.1", "the file ends where the second object is due",
                 [b"\x82" + batch.ones[1].data], "item-truncated", 0)  # fmt: skip
    yield Vector("equivocation-signature-sealed", "R-5.2", "an equivocation is always checked with every signature",
                 [flip(honest, -1)], "signature-invalid", 1, options={"signatures": "statement"})  # fmt: skip
    months = sign_statement(
        statement_claims({}, number=7, previous=bytes(32), start=NOVEMBER[0], kind=1)
    )
    yield Vector("equivocation-late", "R-17.4", "a late statement of a closed period contradicts nothing",
                 [equivocation(batch.statement.data, months.data)], "conflict-unproven", 0)  # fmt: skip
    account = sign_receipt(cbor2.loads(cbor2.loads(batch.ones[1].data)[0]) | {3: "other"})
    yield Vector("equivocation-accounts", "R-17.4", "two receipts of two accounts",
                 [equivocation(batch.ones[1].data, account.data)], "conflict-unproven", 0)  # fmt: skip

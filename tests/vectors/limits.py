"""Vectors of the limits of spec/receipt.md: each at its limit and one beyond.

The limits of streams and TTLs of an input (R-9.7) are in tests/test_limits.py: its input is too large to be stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2

from receipts import Signed, equivocation
from receipts.merkle import leaf, node
from tests.build import (
    ISSUER,
    KEY,
    NOVEMBER,
    Batch,
    Stream,
    encode,
    jwk_set,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.vectors.model import Vector, flip
from tests.vectors.statements import signed_with_header

STRINGS = 16_842_752
RECEIPT, STATEMENT, DATA_ITEMS = 65_536, 16_777_216, 1_500_000
CONTAINER = 34_000_000
LOST = 1_000
LISTED = 65_536
TTLS = 65_536
YEAR_10000 = 253402300800000
_NAME = 512


def input_streams() -> int:
    """The limit of streams of an input, as receipt.md states it."""
    return _stated("streams of an input, over all its accounts")


def input_ttls() -> int:
    """The limit of TTLs of an input, as receipt.md states it."""
    return _stated(
        "TTLs of `writes` and names of `units` in an input, counted for each of its accounts"
    )


def _stated(what: str) -> int:
    document = (Path(__file__).parents[2] / "spec/receipt.md").read_text()
    row = re.search(rf"\| {re.escape(what)} \| ([0-9,]+) \|", document)
    assert row
    return int(row[1].replace(",", ""))


def vectors() -> Iterator[Vector]:
    yield from _contents()
    yield from _items()
    yield from _nesting()
    yield from _names()
    yield from _sizes()
    yield from _times()
    yield from _lists()
    yield from _containers()
    yield from _lost()


def _alone(change: dict[int, Any], **over: Any) -> list[bytes]:
    """A batch of one receipt, with some claims replaced."""
    one = Stream(count=1, change=lambda _, claims: claims | change).receipts()
    return _closed(one, **over)


def _closed(receipts: list[Signed], **over: Any) -> list[bytes]:
    claims = cbor2.loads(cbor2.loads(receipts[0].data)[0])
    over = {"issuer": claims[2], "account": claims[3]} | over
    statement = sign_statement(statement_claims({claims[4]: receipts}, **over))
    return [*(receipt.data for receipt in receipts), statement.data]


def _vector(
    name: str,
    rule: str,
    comment: str,
    items: list[bytes],
    code: str | None = None,
    item: int = 0,
    **more: Any,
) -> Vector:
    return Vector(f"limit-{name}", rule, comment, items, code, item if code else None, **more)


def _pair(
    name: str,
    comment: str,
    at: list[bytes],
    beyond: list[bytes],
    rule: str,
    code: str,
    item: int = 0,
    **more: Any,
) -> Iterator[Vector]:
    """An honest input at a limit, and the fault that one more is."""
    yield _vector(name, rule, f"{comment}: at the limit", at, **more)
    yield _vector(f"{name}-beyond", rule, f"{comment}: one beyond", beyond, code, item, **more)


def _contents() -> Iterator[Vector]:
    """The content of a receipt and of a statement: bytes, and data items."""
    yield _vector(
        "receipt-content", "R-6.1", "a receipt with a content of 65,536 bytes", _receipt_of(RECEIPT)
    )
    yield Vector("receipt-too-large", "R-6.1", "a receipt with a content of 65,537 bytes", _receipt_of(RECEIPT + 1),
                 "item-too-large", 0)  # fmt: skip
    first, statement = _alone({})
    junk = sign_receipt(bytes(RECEIPT + 1)).data
    yield _vector("receipt-content-not-decoded", "R-6.1", "65,537 zero bytes: the size is judged before anything is decoded",
                  [first, junk, statement], "item-too-large", 1)  # fmt: skip
    yield _vector("statement-content", "R-10.2", "a statement with a content of 16,777,216 bytes, whose receipts are missing",
                  [_statement_of(STATEMENT)], "receipt-missing", codes_only=True)  # fmt: skip
    yield _vector("statement-content-beyond", "R-6.1", "a statement with a content of 16,777,217 bytes",
                  [_statement_of(STATEMENT + 1)], "item-too-large")  # fmt: skip
    yield _vector("statement-data-items", "R-6.4", "a statement with a content of 1,500,000 data items, in an unknown field",
                  [_statement_with(DATA_ITEMS)], "claims-invalid")  # fmt: skip
    yield _vector("statement-data-items-beyond", "R-6.1", "a statement with a content of 1,000,001 data items",
                  [_statement_with(DATA_ITEMS + 1)], "item-too-large")  # fmt: skip


def _receipt_of(size: int) -> list[bytes]:
    """A batch of one receipt, whose 64 tags give its content a size."""
    values = ["v" * 512] * 64

    def items() -> list[bytes]:
        return _alone({15: {f"{n:02}" + "k" * 510: value for n, value in enumerate(values)}})

    over = len(cbor2.loads(items()[0])[0]) - size
    for n in range(64):
        cut = min(over, 200)
        values[n], over = "v" * (512 - cut), over - cut
    return items()


def _statement_of(size: int) -> bytes:
    """A statement over 28,340 streams, whose names give its content a size."""
    rest = {2: 0, 3: 32, 4: bytes(32), 5: bytes(32)}
    streams = [{1: f"{n:06}" + "s" * 506, **rest} for n in range(28_340)]
    claims = statement_claims({}) | {9: streams}
    over = len(encode(claims)) - size
    for stream in streams[:3]:
        cut = min(over, 200)
        stream[1], over = stream[1][: 512 - cut], over - cut
    content = encode(claims)
    assert len(content) == size
    return sign_statement(content).data


def _statement_with(items: int) -> bytes:
    """A statement whose content is version 1 and an array of zeros: so many data items in all."""
    zeros = items - 5
    return sign_statement(b"\xa2\x01\x01\x11\x9a" + zeros.to_bytes(4, "big") + bytes(zeros)).data


def _items() -> Iterator[Vector]:
    """What is judged when an item is read: its strings, and its data items."""
    first, statement = _alone({})

    def stamped(strings: int) -> bytes:
        """The statement with a timestamp token, so that its strings have so many bytes."""
        content, tag = cbor2.loads(statement)
        token = bytes(strings - len(content) - len(tag.value[0]) - 64)
        return _with_unprotected(statement, cbor2.dumps({270: token}))

    yield from _pair("strings", "the strings of an item have 16,842,752 bytes", [first, stamped(STRINGS)],
                     [first, stamped(STRINGS + 1)], "R-1.3", "item-too-large", 1)  # fmt: skip
    ten = b"\x5a" + (10_000_000).to_bytes(4, "big")
    yield _vector("strings-announced", "R-1.3", "two strings of 10,000,000 bytes, and then a break: the second string is first",
                  [b"\x82" + ten + bytes(10_000_000) + ten + bytes(10_000_000) + b"\xff"], "item-too-large")  # fmt: skip
    yield _vector("strings-not-there", "R-1.3", "the second string is announced, and the file ends",
                  [b"\x82" + ten + bytes(10_000_000) + ten], "item-too-large")  # fmt: skip

    def logged(receipts: int) -> bytes:
        """The statement with so many transparency receipts."""
        return _with_unprotected(statement, cbor2.dumps({394: [b""] * receipts}))

    yield from _pair("items", "an item of 256 data items", [first, logged(246)], [first, logged(247)],
                     "R-1.3", "item-too-large", 1)  # fmt: skip


def _with_unprotected(statement: bytes, header: bytes) -> bytes:
    return statement[:-68] + header + statement[-67:]


def _nesting() -> Iterator[Vector]:
    """Eight arrays, maps and tags inside each other, and nine."""
    honest = _alone({})
    for kind, opened in (("arrays", b"\x81"), ("maps", b"\xa1\x00"), ("tags", b"\xd2")):
        yield _vector(f"nesting-{kind}", "R-2.1", f"eight {kind} inside each other are an item",
                      [*honest, opened * 8 + b"\x00"], "envelope-invalid", 2)  # fmt: skip
        yield _vector(f"nesting-{kind}-beyond", "R-1.1", f"nine {kind} inside each other are none",
                      [*honest, opened * 9 + b"\x00"], "item-malformed", 2)  # fmt: skip
    for arrays, code, rule, name in ((7, "claims-invalid", "R-6.4", ""), (8, "content-malformed", "R-6.3", "-beyond")):  # fmt: skip
        content = b"\xa2\x01\x01\x11" + b"\x81" * arrays + b"\x00"
        yield _vector(f"nesting-claims{name}", rule, f"{arrays} arrays inside each other, in the map of the claims",
                      [sign_receipt(content).data], code)  # fmt: skip


_ENTRY = {1: "tokens-sha256", 2: bytes(32), 3: 2000}
_SOURCE = {1: "anthropic", 2: "messages"}


def _named(name: str) -> dict[str, dict[int, Any]]:
    """Claims with a given text in one of the fields that hold a name, by field."""
    return {
        "issuer": {2: name}, "account": {3: name}, "stream": {4: name}, "request": {8: name}, "model": {9: name},
        "recipe": {12: {1: _ENTRY | {1: name}}}, "provider": {13: _SOURCE | {1: name}}, "api": {13: _SOURCE | {2: name}},
        "tier": {13: _SOURCE | {4: name}}, "miss": {13: _SOURCE | {5: name}}, "tag": {15: {name: "x"}},
    }  # fmt: skip


def _names() -> Iterator[Vector]:
    """Names of 1 to 512 bytes."""
    for size in (1, 512):
        name = "n" * size
        every = {key: value for claims in _named(name).values() for key, value in claims.items()}
        every |= {13: {1: name, 2: name, 4: name, 5: name}, 15: {name: name}}
        yield _vector(f"names-{size}", "R-6.4", f"every name has {size} bytes", _alone(every),
                      keys=jwk_set(KEY, issuer=name))  # fmt: skip
    honest = _alone({})
    for size, what in ((0, "empty"), (513, "long")):
        for field, claims in _named("n" * size).items():
            yield _vector(f"{field}-{what}", "R-6.4", f"a name of {size} bytes: {field}",
                          _lost_in(honest, claims), "claims-invalid")  # fmt: skip
        for place, old, new in (
            ("issuer", {1: ISSUER, 2: "acme"}, {1: "n" * size, 2: "acme"}),
            ("account", {1: ISSUER, 2: "acme"}, {1: ISSUER, 2: "n" * size}),
        ):
            signed = Signed(honest[1], sha256(cbor2.loads(honest[1])[0]).digest())
            data = signed_with_header(signed, cbor2.dumps(old), cbor2.dumps(new))
            yield _vector(f"header-{place}-{what}", "R-3.1", f"a name of {size} bytes in the header of a statement: {place}",
                          [honest[0], data], "header-invalid", 1)  # fmt: skip
    yield from _pair("tag-value", "the value of a tag has 512 bytes", _alone({15: {"k": "v" * 512}}),
                     _lost_in(honest, {15: {"k": "v" * 513}}), "R-6.4", "claims-invalid")  # fmt: skip
    yield _vector(
        "tag-value-empty", "R-6.4", "the value of a tag is empty", _alone({15: {"k": ""}})
    )


def _lost_in(honest: list[bytes], change: dict[int, Any]) -> list[bytes]:
    """The batch of one receipt with another receipt in its place, that is lost."""
    claims = cbor2.loads(cbor2.loads(honest[0])[0])
    return [sign_receipt(claims | change).data, honest[1]]


def _sizes() -> Iterator[Vector]:
    """Entries of maps and arrays, bytes of byte strings."""
    honest = _alone({})

    def tags(n: int) -> dict[int, Any]:
        return {15: {f"{i:02}": "" for i in range(n)}}

    def writes(n: int) -> dict[int, Any]:
        return {10: {1: 3000, 2: 2000, 3: 1000, 4: dict.fromkeys(range(n), 1)}}

    def cache(label: int, n: int) -> dict[int, Any]:
        return {12: {label: [_ENTRY | {2: bytes([i])} for i in range(n)]}}

    def charge(n: int) -> dict[int, Any]:
        line = {1: 3, 3: 1, 4: 1, 5: 1}
        lines = [{1: 0, 3: 1000, 4: 0, 5: 0}, {1: 1, 3: 2000, 4: 0, 5: 0}, *[line] * (n - 2)]
        counts = {10: {1: 3000, 2: 2000, 3: 1000}, 11: {1: max(n - 2, 0)}}
        return counts | {14: {1: "USD", 2: bytes(32), 3: max(n - 2, 0), 4: lines[:n]}}

    cases = {
        "tags": ("tags", 64, tags), "writes": ("TTLs of writes", 16, writes),
        "cache-writes": ("written prefixes", 64, lambda n: cache(2, n)),
        "commitments": ("committed prefixes", 64, lambda n: cache(3, n)),
        "lines": ("lines of a charge", 64, charge),
        "client": ("bytes of a client commitment", 64, lambda n: {16: bytes(n)}),
        "id": ("bytes of a cache identifier", 64, lambda n: {12: {1: _ENTRY | {2: bytes(n)}}}),
    }  # fmt: skip
    for name, (what, most, change) in cases.items():
        yield from _pair(name, f"{most} {what}", _alone(change(most)), _lost_in(honest, change(most + 1)),
                         "R-6.4", "claims-invalid")  # fmt: skip
        if name not in ("tags", "writes"):  # those are with the other vectors of claims
            yield _vector(
                f"{name}-none", "R-6.4", f"no {what}", _lost_in(honest, change(0)), "claims-invalid"
            )
    for name in ("client", "id"):
        yield _vector(
            f"{name}-1", "R-6.4", f"one of the {cases[name][0]}", _alone(cases[name][2](1))
        )
    prefix = {10: {1: 1, 2: 1, 3: 0}, 12: {1: _ENTRY | {3: 1}}}
    yield _vector("prefix-1", "R-6.4", "a prefix of 1 token", _alone(prefix))


def _times() -> Iterator[Vector]:
    """The last ms before the year 10000, which a period may end with."""
    last = {"start": YEAR_10000 - 2, "end": YEAR_10000}
    at = _alone({7: YEAR_10000 - 1}, **last)
    yield from _pair("time", "the time of a receipt is in the year 9999", at, _lost_in(at, {7: YEAR_10000}),
                     "R-6.4", "claims-invalid")  # fmt: skip
    for name, start, end in (
        ("end", NOVEMBER[0], YEAR_10000 + 1),
        ("start", YEAR_10000, YEAR_10000 + 1),
    ):
        data = sign_statement(statement_claims({}, start=start, end=end)).data
        yield _vector(f"{name}-beyond", "R-6.4", f"the {name} of a period is in the year 10000",
                      [data], "claims-invalid")  # fmt: skip


def _lists() -> Iterator[Vector]:
    """Streams and totals of a statement. They list receipts that are not here: with them the input would be too large."""
    entry = {2: 0, 3: 1, 4: bytes(32), 5: bytes(32)}

    def listing(streams: int) -> list[bytes]:
        listed = [{1: f"{n:05}", **entry} for n in range(streams)]
        return [sign_statement(statement_claims({}) | {9: listed}).data]

    yield _vector("listed-streams", "R-10.2", "a statement of 65,536 streams, whose receipts are missing", listing(LISTED),
                  "receipt-missing", codes_only=True)  # fmt: skip
    yield _vector(
        "listed-streams-beyond",
        "R-6.4",
        "a statement of 65,537 streams",
        listing(LISTED + 1),
        "claims-invalid",
    )

    def written(ttls: int) -> list[bytes]:
        return [
            sign_statement(statement_claims({}, totals={4: dict.fromkeys(range(ttls), 0)})).data
        ]

    yield _vector("total-writes", "R-10.9", "totals of writes by 65,536 TTLs, which no receipt states", written(TTLS),
                  "totals-mismatch")  # fmt: skip
    yield _vector(
        "total-writes-beyond",
        "R-6.4",
        "totals of writes by 65,537 TTLs",
        written(TTLS + 1),
        "claims-invalid",
    )
    yield _vector(
        "total-writes-none", "R-6.4", "totals of writes without a TTL", written(0), "claims-invalid"
    )
    lines = [
        {1: 0, 3: 1000, 4: 0, 5: 0},
        {1: 1, 3: 2000, 4: 0, 5: 0},
        {1: 3, 3: 1, 4: 10**12 - 1, 5: 10**12 - 1},
    ]
    charge = {1: "USD", 2: bytes(32), 3: 10**12 - 1, 4: lines}
    priced = {10: {1: 3000, 2: 2000, 3: 1000}, 11: {1: 1}, 14: charge}
    yield _vector("amount", "R-6.4", "an amount of 999,999,999,999 picounits", _alone(priced))
    lines = [*lines[:2], {1: 3, 3: 1, 4: 10**12, 5: 10**12}]
    yield _vector(
        "amount-unit",
        "R-10.9",
        "one picounit more is a unit",
        _alone(priced | {14: charge | {3: 10**12, 4: lines}}),
    )
    for name, comment, amounts in (
        ("none", "totals of amounts without a currency", {}),
        ("lower", "a currency in small letters", {"usd": [0, 0]}),
        ("long", "a currency of four letters", {"USDT": [0, 0]}),
        ("not-ascii", "a currency with a letter that is not A to Z", {"US\u00dc": [0, 0]}),
    ):  # fmt: skip
        data = sign_statement(statement_claims({}, totals={7: amounts})).data
        yield _vector(f"amounts-{name}", "R-6.4", comment, [data], "claims-invalid")
    top = {2: 2**64 - 1, 3: 2**64 - 1, 4: bytes(32), 5: bytes(32)}
    claims = statement_claims({}, number=1, previous=bytes(32)) | {9: [{1: "gpu-7", **top}]}
    yield _vector(
        "first-and-count",
        "R-10.2",
        "first + count exceeds 2^64",
        [sign_statement(claims).data],
        "receipt-missing",
    )


def _containers() -> Iterator[Vector]:
    """Proofs and equivocations: the whole, and the path."""
    batch = Batch()
    for hashes in (64, 65):
        path, root = [], leaf(batch.ones[0].digest)
        for n in range(hashes):
            path.append(bytes([n]) * 32)
            root = node(root, path[-1])
        claims = statement_claims({"gpu-7": batch.ones})
        claims[9][0] |= {3: 2**64 - 1, 4: root}
        proof = b"\x83" + batch.ones[0].data + cbor2.dumps(path) + sign_statement(claims).data
        if hashes == 64:
            yield _vector(
                "path", "R-16.1", "a path of 64 hashes, in a tree of 2^64 - 1 leaves", [proof]
            )
        else:
            yield _vector(
                "path-beyond", "R-16.1", "a path of 65 hashes", [proof], "envelope-invalid"
            )

    def stamped(strings: int, n: int) -> bytes:
        claims = batch.claims | {10: {1: n}}
        signed = sign_statement(claims).data
        content, tag = cbor2.loads(signed)
        token = bytes(strings - len(content) - len(tag.value[0]) - 64)
        return _with_unprotected(signed, cbor2.dumps({270: token}))

    largest = equivocation(stamped(STRINGS, 1), stamped(STRINGS, 2))
    yield _vector(
        "equivocation", "R-17.1", "two statements, the strings of which are at the limit", [largest]
    )
    proof = (
        b"\x83"
        + Stream(count=1).receipts()[0].data
        + b"\x80"
        + _closed(Stream(count=1).receipts())[1]
    )
    for name, rule, kind in (("proof", "R-16.1", proof), ("equivocation", "R-17.1", largest)):
        filled = kind + bytes(CONTAINER - len(kind))
        yield _vector(
            f"{name}-filled",
            rule,
            f"34,000,000 bytes: too many zeros after a good {name}",
            [filled],
            "item-malformed",
        )
        yield _vector(
            f"{name}-beyond",
            rule,
            f"34,000,001 bytes are no {name}",
            [filled + b"\x00"],
            "item-too-large",
        )


def _lost() -> Iterator[Vector]:
    """The 1,000th lost item ends the reading."""
    honest = Batch()
    forged = flip(honest.ones[0].data, -1)
    claims = cbor2.loads(encode(honest.claims))
    claims[10][1] += 1
    false = [*honest.receipts, sign_statement(claims).data]
    yield _vector("lost", "R-1.4", "999 lost items, and then a false total", [forged] * (LOST - 1) + false,
                  "totals-mismatch", LOST + 4, also=("signature-invalid",), codes_only=True)  # fmt: skip
    yield _vector("lost-beyond", "R-1.4", "1,000 lost items: the false total behind them is not read", [forged] * LOST + false,
                  "signature-invalid", codes_only=True)  # fmt: skip
    newer = sign_receipt({1: 2}).data
    yield _vector("lost-incomplete", "R-1.4", "items that are lost by version-unknown do not count", [newer] * LOST + false,
                  "totals-mismatch", LOST + 5, also=("version-unknown",), codes_only=True)  # fmt: skip
    yield _vector("lost-twice", "R-1.4", "copies of a receipt are lost items too", [honest.ones[0].data] * (LOST + 1) + false,
                  "receipt-duplicate", codes_only=True)  # fmt: skip

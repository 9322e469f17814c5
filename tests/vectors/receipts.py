"""Vectors of single receipts: each stands in an otherwise honest batch, as sequence 1 of stream gpu-7, item 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256, sha512
from typing import Any

import cbor2

from receipts import SigningKey
from receipts.signing import thumbprint
from tests.build import (
    KEY,
    NOON,
    SECOND,
    STRANGER,
    Batch,
    Stream,
    encode,
    jwk_set,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.vectors.model import Vector, flip
from tests.vectors.parts import curve, open_envelope, to_be_signed

_ITEM = 2
_ENTRY = {1: "tokens-hmac-sha256", 2: sha256(b"prefix").digest(), 3: 2000}
_CARD = sha256(b"rate card").digest()
_LINES = [
    {1: 0, 3: 400, 4: 3_000_000, 5: 1_200_000_000},
    {1: 1, 3: 2000, 4: 300_000, 5: 600_000_000},
    {1: 2, 2: 300, 3: 600, 4: 3_750_000, 5: 2_250_000_000},
    {1: 3, 3: 500, 4: 15_000_000, 5: 7_500_000_000},
]
_CHARGE = {1: "USD", 2: _CARD, 3: 11_550_000_000, 4: _LINES}


def vectors() -> Iterator[Vector]:
    yield from _honest()
    yield from _identities()
    yield from _charges()
    yield from _claims()
    yield from _versions()
    yield from _encodings()
    yield from _envelopes()
    yield from _headers()
    yield from _keys()
    yield from _key_sets()
    yield from _signatures()


def batch_with(change: Any) -> Batch:
    """A batch in which sequence 1 has the given claims (a dict of replacements, or the content's bytes)."""

    def put(sequence: int, claims: dict[int, Any]) -> Any:
        if sequence != 1:
            return claims
        if isinstance(change, bytes):
            return change
        if callable(change):
            return change(claims)
        return {label: value for label, value in (claims | change).items() if value is not None}

    return Batch(one=Stream(change=put))


def _vector(name: str, rule: str, comment: str, change: Any, code: str | None = None) -> Vector:
    return Vector(
        f"receipt-{name}", rule, comment, batch_with(change).items, code, _ITEM if code else None
    )


def _honest() -> Iterator[Vector]:
    yield _vector("ordinary", "R-15.1", "an ordinary receipt", {})
    yield _vector(
        "minimal",
        "R-6.4",
        "only the fields that a verified receipt needs",
        {10: {1: 0, 2: 0, 3: 0}, 11: None, 13: None, 15: None},
    )
    yield _vector("everything", "R-6.4", "every field that there is", {
        12: {1: _ENTRY, 2: [_ENTRY | {2: bytes(32), 3: 2600}], 3: [_ENTRY | {2: bytes(31), 3: 1000}, _ENTRY]},
        13: {1: "anthropic", 2: "messages", 3: _CARD, 4: "standard", 5: "tools_changed"},
        14: _CHARGE,
        15: {"env": "", "team": "search", "feature": "é ünïcode"},
        16: b"\x01" * 64,
    })  # fmt: skip
    for tokens in (0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63):
        yield _vector(
            f"width-{tokens}",
            "R-6.3",
            f"a count of {tokens}: the edges of the integer encodings",
            {10: {1: tokens, 2: 0, 3: tokens, 4: {0: tokens}}, 11: {1: tokens, 2: tokens}},
        )
    long = "n" * 512
    yield _vector("long-names", "R-6.4", "names of 512 bytes", {8: long, 9: long, 15: {long: long}})
    yield _vector(
        "not-normalised",
        "R-6.3",
        "text is compared byte for byte: e and a combining acute accent",
        {9: "cafe\u0301"},
    )
    yield _vector(
        "zero-writes",
        "R-8.3",
        "nothing was written, and that is stated",
        {10: {1: 10, 2: 10, 3: 0, 4: {0: 0, 300: 0, 3600: 0}}},
    )


def _identities() -> Iterator[Vector]:
    yield _vector(
        "cached-exceeds-logical",
        "R-8.1",
        "more cached than logical, attributed 0: a saturating subtraction would accept it",
        {10: {1: 3000, 2: 5000, 3: 0}},
        "cached-exceeds-logical",
    )
    yield _vector(
        "attributed-too-small",
        "R-8.2",
        "2000 + 900 is not 3000, validly signed",
        {10: {1: 3000, 2: 2000, 3: 900}},
        "attributed-mismatch",
    )
    yield _vector(
        "attributed-too-large",
        "R-8.2",
        "the customer pays for a cached token",
        {10: {1: 3000, 2: 2000, 3: 1001}},
        "attributed-mismatch",
    )
    yield _vector(
        "writes-exceed",
        "R-8.3",
        "1001 of 1000 computed tokens were written",
        {10: {1: 3000, 2: 2000, 3: 1000, 4: {300: 600, 3600: 401}}},
        "writes-exceed-attributed",
    )
    yield _vector(
        "reasoning-exceeds",
        "R-8.4",
        "501 of 500 output tokens were reasoning",
        {11: {1: 500, 2: 501}},
        "reasoning-exceeds-output",
    )
    yield _vector(
        "read-shorter",
        "R-8.5",
        "the prefix that was read is shorter than the cached tokens",
        {12: {1: _ENTRY | {3: 1999}}},
        "cache-entry-mismatch",
    )
    yield _vector(
        "read-without-hit",
        "R-8.5",
        "a prefix was read, but nothing was cached",
        {10: {1: 3000, 2: 0, 3: 3000}, 12: {1: _ENTRY}},
        "cache-entry-mismatch",
    )
    yield _vector(
        "write-longer",
        "R-8.5",
        "a written prefix is longer than the prompt",
        {12: {2: [_ENTRY | {3: 3001}]}},
        "cache-entry-mismatch",
    )
    yield _vector(
        "commitment-longer",
        "R-8.5",
        "a committed prefix is longer than the prompt",
        {12: {3: [_ENTRY, _ENTRY | {2: bytes(32), 3: 3001}]}},
        "cache-entry-mismatch",
    )
    wrong_line = [_LINES[0] | {5: 1_200_000_001}, *_LINES[1:]]
    yield _vector(
        "line-amount",
        "R-8.6",
        "a line is not tokens times rate",
        {14: _CHARGE | {3: 11_550_000_001, 4: wrong_line}},
        "charge-mismatch",
    )
    yield _vector(
        "charge-amount",
        "R-8.6",
        "the amount is one picounit more than the lines",
        {14: _CHARGE | {3: 11_550_000_001}},
        "charge-mismatch",
    )
    cached_as_input = [
        {1: 0, 3: 401, 4: 3_000_000, 5: 1_203_000_000}, {1: 1, 3: 2000, 4: 300_000, 5: 600_000_000}, *_LINES[2:],
    ]  # fmt: skip
    yield _vector(
        "line-tokens",
        "R-8.6",
        "a token more is charged as uncached input than the receipt has",
        {14: _CHARGE | {3: 11_553_000_000, 4: cached_as_input}},
        "charge-mismatch",
    )
    yield _vector(
        "line-missing",
        "R-8.6",
        "the cache write is in no line",
        {14: _CHARGE | {3: 9_300_000_000, 4: [_LINES[0], _LINES[1], _LINES[3]]}},
        "charge-mismatch",
    )
    yield _vector(
        "cached-unstated",
        "R-8.7",
        "cached tokens are not stated: unknown is not zero",
        {10: {1: 3000}},
        "cached-unstated",
    )
    required = _vector(
        "cache-id-missing",
        "R-8.8",
        "the caller requires cache identifiers",
        {10: {1: 3000, 2: 2000, 3: 1000}},
        "cache-id-missing",
    )
    with_ids = Batch(
        one=Stream(
            over={"cache": {1: _ENTRY}},
            change=lambda n, c: {k: v for k, v in c.items() if n != 1 or k != 12},
        ),
        two=Stream("gpu-8", 2, over={"cache": {1: _ENTRY}}),
    )
    yield Vector(
        required.id,
        required.rule,
        required.comment,
        with_ids.items,
        required.code,
        _ITEM,
        options={"require_cache_id": True},
    )


def _claims() -> Iterator[Vector]:
    for name, comment, change in (
        ("input-text-keys", "text keys in a map of integer keys", {10: {"logical": 3000}}),
        ("tags-integer-keys", "integer keys in a map of text keys", {15: {1: "search"}}),
        ("version-text", "the version is text", {1: "1"}),
        ("version-missing", "no version", {1: None}),
        ("unknown-field", "key 17, which no version has", {17: 0}),
        ("model-missing", "no model", {9: None}),
        ("previous-missing", "no previous, although the sequence is not 0", {6: None}),
        ("previous-short", "previous has 31 bytes", {6: bytes(31)}),
        ("request-empty", "an empty name", {8: ""}),
        ("model-long", "a name of 513 bytes", {9: "m" * 513}),
        ("time-text", "the time is text", {7: "2026-11-01"}),
        ("time-year-10000", "the first ms of the year 10000", {7: 253402300800000}),
        ("attributed-missing", "cached without attributed", {10: {1: 3000, 2: 2000}}),
        ("cached-missing", "attributed without cached", {10: {1: 3000, 3: 1000}}),
        ("writes-empty", "writes without an entry", {10: {1: 3000, 2: 2000, 3: 1000, 4: {}}}),
        ("logical-missing", "no logical count", {10: {2: 0, 3: 0}}),
        ("input-array", "input is an array", {10: [3000, 2000, 1000]}),
        ("output-empty", "output without tokens", {11: {2: 0}}),
        ("cache-empty", "cache without a field", {12: {}}),
        ("cache-prefix-zero", "a prefix of 0 tokens", {12: {3: [_ENTRY | {3: 0}]}}),
        ("cache-id-long", "an identifier of 65 bytes", {12: {3: [_ENTRY | {2: bytes(65)}]}}),
        ("source-usage-short", "a usage hash of 16 bytes", {13: {1: "p", 2: "a", 3: bytes(16)}}),
        ("charge-currency", "a currency in small letters", {14: _CHARGE | {1: "usd"}}),
        (
            "charge-ttl",
            "a TTL on a line that is no cache write",
            {14: _CHARGE | {4: [_LINES[0] | {2: 300}, *_LINES[1:]]}},
        ),
        ("tags-empty", "tags without an entry", {15: {}}),
        ("tags-number", "a tag that is a number", {15: {"team": 1}}),
        ("client-long", "a commitment of 65 bytes", {16: bytes(65)}),
        (
            "statement-claims",
            "the claims of a statement under the header of a receipt",
            lambda _: statement_claims({}),
        ),
    ):
        yield _vector(f"claims-{name}", "R-6.4", comment, change, "claims-invalid")
    first = Batch(
        one=Stream(
            change=lambda n, c: (
                c
                if n
                else {
                    **{k: v for k, v in c.items() if k < 6},
                    6: bytes(32),
                    **{k: v for k, v in c.items() if k > 6},
                }
            )
        )
    )
    yield Vector(
        "receipt-claims-previous-at-0",
        "R-6.4",
        "previous, although the sequence is 0",
        first.items,
        "claims-invalid",
        0,
    )


def _versions() -> Iterator[Vector]:
    """Another version is told before anything else of the content."""
    two = encode(receipt_claims(1, bytes(32)) | {1: 2})
    for name, comment, content in (
        ("claims-version", "version 2", two),
        ("version-0", "version 0, which never was", encode({1: 0})),
        ("version-largest", "the largest version", encode({1: 2**64 - 1})),
        ("version-other-form", "version 2, in a form that version 1 would refuse", b"\xa2\x01\x02\x02\xf5"),
        ("version-other-claims", "version 2, with claims that version 1 does not have", encode({1: 2, 17: [0]})),
        ("version-cut", "version 2, and nothing behind it", b"\xa2\x01\x02"),
    ):  # fmt: skip
        yield _vector(name, "R-6.2", comment, content, "version-unknown")
    claims = statement_claims({})
    statement = sign_statement(claims | {1: 2}, subject=(claims[2], claims[3]))
    yield Vector("statement-claims-version", "R-6.2", "a statement of version 2",
                 [*Batch().receipts, statement.data], "version-unknown", 5)  # fmt: skip
    streams = sign_statement(claims | {9: {}}, subject=(claims[2], claims[3]))
    yield Vector("statement-claims-streams", "R-6.4", "the streams of a statement are a map",
                 [*Batch().receipts, streams.data], "claims-invalid", 5)  # fmt: skip
    late = Batch(one=Stream(change=lambda n, c: c | {1: 2} if n else c))
    yield Vector("receipt-versions-twice", "R-6.2", "two receipts of version 2 are one finding",
                 late.items, "version-unknown", 2)  # fmt: skip


def _charges() -> Iterator[Vector]:
    """Lines of a class that the receipt does not have, and charges without counts to check them by."""
    without = {10: {1: 3000, 2: 2000, 3: 1000}, 11: None}
    lines = [_LINES[0] | {3: 1000, 5: 3_000_000_000}, _LINES[1]]
    nothing = _CHARGE | {3: 3_600_000_000, 4: [*lines, {1: 3, 3: 0, 4: 15_000_000, 5: 0}]}
    yield _vector(
        "charge-output-absent",
        "R-8.6",
        "a line of 0 tokens for an absent output",
        without | {14: nothing},
    )
    one = _CHARGE | {3: 3_615_000_000, 4: [*lines, {1: 3, 3: 1, 4: 15_000_000, 5: 15_000_000}]}
    yield _vector(
        "charge-output-invented",
        "R-8.6",
        "a token of an absent output is charged",
        without | {14: one},
        "charge-mismatch",
    )
    other_ttl = _CHARGE | {4: [*_LINES[:2], _LINES[2] | {2: 3600}, _LINES[3]]}
    moved = _vector(
        "charge-ttl-moved",
        "R-8.6",
        "the write is charged under another TTL: two classes are wrong",
        {14: other_ttl},
        "charge-mismatch",
    )
    yield replace(moved, also=("charge-mismatch",))
    unstated = {10: {1: 3000, 4: {300: 600}}, 14: _CHARGE}
    unchecked = _vector(
        "charge-without-cached",
        "R-8.6",
        "a charge, and cached is not stated",
        unstated,
        "charge-mismatch",
    )
    yield replace(unchecked, also=("cached-unstated",))


def _encodings() -> Iterator[Vector]:
    honest = encode(receipt_claims(1, bytes(32), request="gpu-7-1"))
    body = honest[1:]
    head = honest[:1]
    cases = {
        "duplicate-key": ("cached twice, 2000 and 0: which one counts?",
                          honest.replace(b"\x0a\xa4\x01\x19\x0b\xb8\x02\x19\x07\xd0", b"\x0a\xa5\x01\x19\x0b\xb8\x02\x19\x07\xd0\x02\x00")),
        "long-integer": ("3000 in four bytes instead of two", honest.replace(b"\x01\x19\x0b\xb8", b"\x01\x1a\x00\x00\x0b\xb8")),
        "long-length": ("a text length in two bytes instead of one", honest.replace(b"\x03\x64acme", b"\x03\x78\x04acme")),
        "unsorted": ("stream before account", honest.replace(b"\x03\x64acme\x04\x65gpu-7", b"\x04\x65gpu-7\x03\x64acme")),
        "indefinite-map": ("a map of indefinite length", b"\xbf" + body + b"\xff"),
        "indefinite-text": ("a text of indefinite length", honest.replace(b"\x03\x64acme", b"\x03\x7f\x62ac\x62me\xff")),
        "tag": ("a tag inside the claims", honest.replace(b"\x01\x19\x0b\xb8", b"\x01\xc1\x19\x0b\xb8")),
        "bignum": ("2^64, which only fits a bignum tag", honest.replace(b"\x01\x19\x0b\xb8", b"\x01\xc2\x49\x01" + bytes(8))),
        "float": ("3000.0", honest.replace(b"\x01\x19\x0b\xb8", b"\x01\xf9\x69\xdc")),
        "negative": ("-1", honest.replace(b"\x01\x19\x0b\xb8", b"\x01\x20")),
        "null": ("null instead of an absent field", honest.replace(b"\x02\x18\x78", b"\x02\xf6")),
        "true": ("true instead of 1", b"".join((head, b"\x01\xf5", body[2:]))),
        "surrogate": ("text that encodes a lone surrogate", honest.replace(b"\x03\x64acme", b"\x03\x63\xed\xa0\x80")),
        "overlong-utf8": ("text with an overlong slash", honest.replace(b"\x03\x64acme", b"\x03\x62\xc0\xaf")),
        "trailing": ("one byte after the claims", honest + b"\x00"),
        "cut": ("the last byte is missing", honest[:-1]),
        "empty": ("no byte at all", b""),
        "huge-length": ("a text of 2^63 bytes is announced", honest.replace(b"\x03\x64acme", b"\x03\x7b\x80" + bytes(7) + b"acme")),
        "huge-map": ("a map of 2^64-1 entries is announced", b"\xbb" + b"\xff" * 8 + body),
        "deep": ("arrays nested 10,000 deep", honest.replace(b"\x01\x19\x0b\xb8", b"\x01" + b"\x81" * 10_000 + b"\x00")),
        "bytes-key": ("a map key that is a byte string", b"\xa1\x41\x01\x00"),
        "bytes-key-inside": ("a map key that is a byte string, in the tags", honest.replace(b"\xa1\x64team", b"\xa1\x44team")),
        "array-key": ("a map key that is an array", b"\xa1\x80\x00"),
        "version-long": ("version 1 in two bytes instead of one", honest[:1] + b"\x01\x18\x01" + honest[3:]),
        "mixed-keys": ("a text key among integers", head[:0] + bytes((head[0] + 1,)) + body + b"\x61x\x00"),
        "shared-references": ("tags 28 and 29: a few bytes that unfold to megabytes",
                              b"\xd8\x1c\x82" + b"\xd8\x1c\x82\xd8\x1d\x00\xd8\x1d\x00" * 2),
    }  # fmt: skip
    for name, (comment, content) in cases.items():
        assert content != honest, name
        yield _vector(f"encoding-{name}", "R-6.3", comment, content, "content-malformed")


def _replace_item(raw: bytes) -> list[bytes]:
    items = Batch().items
    return [*items[:_ITEM], raw, *items[_ITEM + 1 :]]


def _envelopes() -> Iterator[Vector]:
    honest = Batch().ones[1]
    content = cbor2.loads(honest.data)[0]
    head = b"\x82" + cbor2.dumps(content)
    cose = honest.data[len(head) :]
    protected, signature = cose[2:122], cose[-64:]
    cases = {
        "attached": ("the digest is attached: the payload is not null", head + cose[:-67] + b"\x58\x20" + honest.digest + cose[-66:]),
        "content-null": ("null in the place of the content", b"\x82\xf6" + cose),
        "no-tag": ("a COSE_Sign1 without its tag", head + cose[1:]),
        "tag-98": ("tagged as COSE_Sign", head + b"\xd8\x62" + cose[1:]),
        "three": ("COSE_Sign1 with three elements", head + b"\xd2\x83" + protected + b"\xf6\x58\x40" + signature),
        "unprotected": ("something in the unprotected header", head + b"\xd2\x84" + protected + b"\xa1\x04\x41\x00\xf6\x58\x40" + signature),
        "timestamp": ("a timestamp token, which only a statement may have", head + cose[:-68] + b"\xa1\x19\x01\x0e\x41\x00" + cose[-67:]),
        "payload-empty": ("an empty payload instead of null", head + cose[:-67] + b"\x40" + cose[-66:]),
        "short-signature": ("a signature of 63 bytes", head + cose[:-66] + b"\x58\x3f" + signature[:63]),
        "long-signature": ("a signature of 65 bytes", head + cose[:-66] + b"\x58\x41" + signature + b"\x00"),
        "content-text": ("the content is text", b"\x82\x64acme" + cose),
        "one": ("an array of one", b"\x81" + cbor2.dumps(content)),
        "integer": ("an integer where a signed object should be", b"\x18\x2a"),
    }  # fmt: skip
    for name, (comment, raw) in cases.items():
        rule = "R-2.2" if name in ("unprotected", "timestamp") else "R-2.1"
        yield Vector(
            f"envelope-{name}", rule, comment, _replace_item(raw), "envelope-invalid", _ITEM
        )


def _signed_with_header(protected: bytes) -> bytes:
    """Sequence 1 of the honest batch, validly signed under another protected header."""
    honest = Batch().ones[1]
    content = cbor2.loads(honest.data)[0]
    bstr = cbor2.dumps(protected)
    signature = KEY.private.sign(b"\x84\x6aSignature1" + bstr + b"\x40\x58\x20" + honest.digest)
    return b"\x82" + cbor2.dumps(content) + b"\xd2\x84" + bstr + b"\xa0\xf6\x58\x40" + signature


def _headers() -> Iterator[Vector]:
    typ, ctyp = "application/vnd.token-receipt+cose", "application/vnd.token-receipt+cbor"
    honest = {1: -19, 4: KEY.kid, 16: typ, 258: -16, 259: ctyp}
    cases = {
        "eddsa": ("alg -8, the deprecated EdDSA", honest | {1: -8}),
        "es256": ("alg -7", honest | {1: -7}),
        "no-typ": ("no typ", {k: v for k, v in honest.items() if k != 16}),
        "other-typ": ("the typ of a report", honest | {16: "application/vnd.token-report+cose"}),
        "other-hash": ("payload-hash-alg SHA-512", honest | {258: -44}),
        "label-3": ("a content type in label 3, which RFC 9995 forbids", {**dict(list(honest.items())[:1]), 3: ctyp, **dict(list(honest.items())[1:])}),
        "crit": ("an additional critical parameter", {**dict(list(honest.items())[:1]), 2: [99], **dict(list(honest.items())[1:]), 99: 0}),
        "short-kid": ("a key id of 8 bytes", honest | {4: KEY.kid[:8]}),
        "empty": ("no header at all", {}),
    }  # fmt: skip
    for name, (comment, header) in cases.items():
        raw = _signed_with_header(cbor2.dumps(header) if header else b"")
        yield Vector(
            f"header-{name}", "R-3.1", comment, _replace_item(raw), "header-invalid", _ITEM
        )
    swapped = cbor2.dumps({4: KEY.kid, 1: -19, 16: typ, 258: -16, 259: ctyp})
    yield Vector(
        "header-order",
        "R-3.1",
        "the parameters in another order",
        _replace_item(_signed_with_header(swapped)),
        "header-invalid",
        _ITEM,
    )
    twice = b"\xa6" + cbor2.dumps(honest)[1:3] + cbor2.dumps(honest)[1:]
    yield Vector(
        "header-alg-twice",
        "R-3.1",
        "alg twice",
        _replace_item(_signed_with_header(twice)),
        "header-invalid",
        _ITEM,
    )


def _keys() -> Iterator[Vector]:
    by_stranger = sign_receipt(cbor2.loads(Batch().ones[1].data)[0], STRANGER).data
    yield Vector(
        "key-unknown",
        "R-4.1",
        "signed again by a key that is not trusted",
        _replace_item(by_stranger),
        "key-unknown",
        _ITEM,
    )
    batch = Batch()
    time = NOON + 1000
    second = 1000
    by_second = _replace_item(sign_receipt(cbor2.loads(batch.ones[1].data)[0], SECOND).data)

    def trust(**members: Any) -> dict[str, Any]:
        both = jwk_set(KEY)
        both["keys"] += jwk_set(SECOND, **members)["keys"]
        return both

    yield Vector("key-second", "R-4.1", "two keys of one issuer", by_second, keys=trust())
    yield Vector(
        "key-too-early",
        "R-7.3",
        "before the key may be used",
        by_second,
        "key-outside-window",
        _ITEM,
        trust(nbf=time // second + 1),
    )
    yield Vector(
        "key-just-valid",
        "R-7.3",
        "nbf <= time < exp, at both edges",
        by_second,
        keys=trust(nbf=time // second, exp=time // second + 1),
    )
    yield Vector(
        "key-expired",
        "R-7.3",
        "from the moment it expires, a key is not valid",
        by_second,
        "key-outside-window",
        _ITEM,
        trust(exp=time // second),
    )
    yield Vector(
        "key-revoked",
        "R-7.4",
        "from the moment it is revoked, a key is not valid",
        by_second,
        "key-revoked",
        _ITEM,
        trust(revoked={"revoked_at": time // second}),
    )
    yield Vector(
        "key-revoked-later",
        "R-7.4",
        "what a key signed for earlier times stays valid",
        by_second,
        keys=trust(revoked={"revoked_at": time // second + 1}),
    )
    other = jwk_set(KEY)
    other_issuer = {"iss": "https://other.example", "keys": jwk_set(SECOND)["keys"]}
    yield Vector(
        "key-of-another-issuer",
        "R-7.1",
        "a trusted key of another issuer signs in this one's name",
        by_second,
        "issuer-mismatch",
        _ITEM,
        {"several": [other, other_issuer]},
    )
    for name, public, comment in (
        (
            "identity",
            "01" + 31 * "00",
            "the identity: of 256 constructed signatures every one would verify",
        ),
        (
            "order-8",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "a point of order 8",
        ),
        ("mixed-order", mixed_order_key().hex(), "a sound key plus a point of order 8"),
        ("not-reduced", "ee" + 30 * "ff" + "7f", "y = p + 1, which is not reduced"),
        ("not-on-curve", "02" + 31 * "00", "no point of the curve"),
    ):
        raw, keys = _weakly_signed(bytes.fromhex(public))
        yield Vector(
            f"key-{name}",
            "R-4.2",
            f"a weak key: {comment}",
            _replace_item(raw),
            "key-weak",
            _ITEM,
            keys,
        )
    raw, keys = _weakly_signed(
        bytes.fromhex("01" + 31 * "00"), KEY.public + _scalar().to_bytes(32, "little")
    )
    yield Vector("key-identity-sound-r", "R-4.2", "a weak key, and a signature that would verify with a sound R: R = [s]B, S = s",
                 _replace_item(raw), "key-weak", _ITEM, keys)  # fmt: skip


def nested(arrays: int) -> list[Any]:
    """As many arrays, one inside of the other."""
    whole: list[Any] = []
    for _ in range(arrays - 1):
        whole = [whole]
    return whole


def _key_sets() -> Iterator[Vector]:
    """What a key file may hold. All are in the format of RFC 7517, with the member iss."""
    own = jwk_set(KEY)["keys"][0]
    rsa = {"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB", "alg": "RS256", "use": "sig"}
    without = {name: value for name, value in own.items() if name != "kid"}
    issuer, items = jwk_set(KEY)["iss"], Batch().items

    def vector(
        name: str, comment: str, *keys: dict[str, Any], accepted: bool, iss: str = issuer
    ) -> Vector:
        trust = {"iss": iss, "keys": list(keys)}
        return Vector(f"keys-{name}", "R-0.2", comment, items, keys=trust, no_verdict=not accepted)

    yield vector("other-kty", "a key of another kty is for something else", rsa, own, accepted=True)
    yield vector(
        "unknown-members",
        "members without a meaning here are ignored",
        own | {"x5c": []},
        accepted=True,
    )
    yield vector(
        "alg-eddsa", "the older name of the algorithm", own | {"alg": "EdDSA"}, accepted=True
    )
    yield vector("kid-twice", "one kid twice, with the same members", own, own, accepted=True)
    yield vector("nested", "64 arrays and objects inside each other: the set, its list, the key, and 61 more", own | {"x5c": nested(61)}, accepted=True)  # fmt: skip
    yield vector("nested-beyond", "65 of them", own | {"x5c": nested(62)}, accepted=False)
    yield vector("other-kty-only", "no key for this format", rsa, accepted=False)
    yield vector("none", "no key at all", accepted=False)
    yield vector("without-kid", "a key without kid", without, accepted=False)
    yield vector(
        "kid-of-another",
        "a kid that is not the thumbprint of x",
        own | {"kid": _kid(SECOND)},
        accepted=False,
    )
    yield vector(
        "kid-differing",
        "one kid twice, and only once with an end",
        own,
        own | {"exp": 2**40},
        accepted=False,
    )
    yield vector("private", "a private key", own | {"d": own["x"]}, accepted=False)
    yield vector("alg-other", "another algorithm", own | {"alg": "ES256"}, accepted=False)
    yield vector("use-enc", "a key for encryption", own | {"use": "enc"}, accepted=False)
    yield vector("without-issuer", "an empty iss", own, accepted=False, iss="")
    yield Vector("keys-two-issuers", "R-0.2", "two issuers list one kid", items, no_verdict=True,
                 keys={"several": [jwk_set(KEY), jwk_set(KEY, issuer="https://other.example")]})  # fmt: skip


def _kid(key: SigningKey) -> str:
    return str(jwk_set(key)["keys"][0]["kid"])


_ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")


def mixed_order_key(low: bytes = _ORDER_8) -> bytes:
    """The second key's point plus a point of small order: inside the curve, outside the prime-order subgroup."""

    def decode(public: bytes) -> tuple[int, int, int, int]:
        encoded = int.from_bytes(public, "little")
        y, sign = encoded & ~(1 << 255), encoded >> 255
        x = curve._recover_x(y)
        assert x is not None
        x = x if x & 1 == sign else curve._P - x
        return x, y, 1, x * y % curve._P

    x, y, z, _ = curve._add(decode(SECOND.public), decode(low))
    inverse = pow(z, -1, curve._P)
    x, y = x * inverse % curve._P, y * inverse % curve._P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _weakly_signed(
    public: bytes, signature: bytes = b"\x01" + bytes(63)
) -> tuple[bytes, dict[str, Any]]:
    """Sequence 1 under a weak key, with a signature that holds for the identity, such as R = identity, S = 0."""
    kid = thumbprint(public)
    honest = Batch().ones[1]
    content = cbor2.loads(honest.data)[0]
    cose = honest.data[len(b"\x82" + cbor2.dumps(content)) :].replace(KEY.kid, kid)
    raw = b"\x82" + cbor2.dumps(content) + cose[:-64] + signature
    keys = jwk_set(KEY)
    from receipts import jwk

    keys["keys"].append(jwk(public))
    return raw, keys


def _signatures() -> Iterator[Vector]:
    honest = Batch().ones[1].data
    at = honest.index(b"\x02\x19\x07\xd0") + 3
    yield Vector(
        "signature-count-changed",
        "R-5.2",
        "cached 2001 instead of 2000, not signed again",
        _replace_item(flip(honest, at)),
        "signature-invalid",
        _ITEM,
    )
    yield Vector(
        "signature-bit",
        "R-5.2",
        "one bit of the signature",
        _replace_item(flip(honest, len(honest) - 1)),
        "signature-invalid",
        _ITEM,
    )
    s = int.from_bytes(honest[-32:], "little")
    yield Vector(
        "signature-s-plus-l",
        "R-5.2",
        "S + L, which also satisfies the equation: malleable",
        _replace_item(honest[:-32] + (s + _ORDER).to_bytes(32, "little")),
        "signature-invalid",
        _ITEM,
    )
    yield Vector(
        "signature-small-order-r",
        "R-5.1",
        "R is the identity, and the equation holds: made with the private key",
        _replace_item(small_order_r(honest)),
        "signature-invalid",
        _ITEM,
    )
    yield Vector(
        "signature-of-another",
        "R-5.2",
        "the signature of another receipt",
        _replace_item(honest[:-64] + Batch().ones[2].data[-64:]),
        "signature-invalid",
        _ITEM,
    )
    as_statement = honest.replace(b"token-receipt+", b"token-report-+")
    yield Vector(
        "signature-typ-changed",
        "R-3.1",
        "another typ, not signed again",
        _replace_item(as_statement),
        "header-invalid",
        _ITEM,
    )
    yield Vector(
        "signature-small-order-r-unreduced",
        "R-5.1",
        "the same with the encoding y = p + 1 of the identity",
        _replace_item(small_order_r(honest, b"\xee" + 30 * b"\xff" + b"\x7f")),
        "signature-invalid",
        _ITEM,
    )


_ORDER = 2**252 + 27742317777372353535851937790883648493


def _scalar() -> int:
    """The secret scalar of the key, reduced: KEY.public is its multiple of the base point."""
    clamped = bytearray(sha512(KEY.private.private_bytes_raw()).digest()[:32])
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    return int.from_bytes(clamped, "little") % _ORDER


def small_order_r(raw: bytes, r: bytes = b"\x01" + bytes(31)) -> bytes:
    """The object with R = identity and S = k a: valid by the equation, refused by the rule on R."""
    envelope = open_envelope(raw)
    message = to_be_signed(envelope.protected, envelope.digest)
    k = int.from_bytes(sha512(r + KEY.public + message).digest(), "little")
    return raw[:-64] + r + (k * _scalar() % _ORDER).to_bytes(32, "little")

"""Targets: the decoders of CBOR, and a single item."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from functools import cache

import cbor2

from tests.build import SECOND, Batch, Stream, encode, receipt_claims
from tests.fuzz.mutation import mutated
from tests.fuzz.target import KEYS, Target, vectors
from verifier import NotABatchError, Policy, UnreadableError, bytes_source
from verifier.format import cbor, fields, receipt_schema
from verifier.format.claims import Receipt
from verifier.format.envelope import Fault, open_envelope
from verifier.format.fast_decoder import FastDecoder
from verifier.item.identities import check_receipt
from verifier.item.opening import open_item
from verifier.reading.framing import Batch as Reading

_MOST = 300
"""Bytes of strings of an item, for the target of the shell: small, so that the limit is met."""


@cache
def items() -> tuple[bytes, ...]:
    """The items of the vectors, each once, and some of the builder's."""
    found: dict[bytes, None] = {}
    for _, data in vectors():
        try:
            for span in Reading([bytes_source("v", data)]).spans():
                found.update(dict.fromkeys(raw for _, _, raw in span.items()))
        except (UnreadableError, NotABatchError):
            continue
    found.update(dict.fromkeys(rich().items))
    return tuple(found)


def rich() -> Batch:
    """A batch whose receipts have every field."""
    entry = {1: "tokens-hmac-sha256", 2: bytes(32), 3: 2000}
    lines = [
        {1: 0, 3: 400, 4: 3000, 5: 1_200_000},
        {1: 1, 3: 2000, 4: 300, 5: 600_000},
        {1: 2, 2: 300, 3: 600, 4: 3750, 5: 2_250_000},
        {1: 3, 3: 500, 4: 15_000, 5: 7_500_000},
    ]
    over = {
        "cache": {1: entry, 2: [entry | {3: 2600}], 3: [entry, entry]},
        "charge": {1: "USD", 2: bytes(32), 3: 11_550_000, 4: lines},
        "client": bytes(32), "tags": {"team": "search", "x": ""},
        "source": {1: "a", 2: "b", 3: bytes(32), 4: "t", 5: "m"},
    }  # fmt: skip
    return Batch(one=Stream(over=over))


def contents() -> Iterator[bytes]:
    """The claims of items, as bytes."""
    for raw in items():
        try:
            yield open_envelope(raw).content
        except Fault:
            continue
    yield from (encode(receipt_claims(n, bytes(32))) for n in (1, 24, 256, 2**32))
    yield from map(encode, (0, 2**64 - 1, b"x", "é", [1, [2, {}]], {1: 2, 24: {"a": [b""]}}))


def check_decode(data: bytes) -> str:
    """cbor2 is the oracle: what both accept is the same value, and has one encoding; what only one accepts has a reason."""
    try:
        value = cbor.decode(data)
    except cbor.CborError as error:
        assert not _is_plain(data), f"refused without a reason: {error}"
        return type(error).__name__ + " " + "".join(c for c in str(error) if c.isalpha())[:20]
    assert cbor2.loads(data) == value
    assert cbor2.dumps(value, canonical=True) == data
    return "decoded"


def _is_plain(data: bytes) -> bool:
    """Whether cbor2 reads the bytes, and writes them again, from what may occur in claims."""
    try:
        value = cbor2.loads(data)
        return _is_allowed(value, cbor.MAX_DEPTH) and cbor2.dumps(value, canonical=True) == data
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError):
        return False


def _is_allowed(value: object, depth: int) -> bool:
    if type(value) is int:
        return 0 <= value < 2**64
    if type(value) in (str, bytes):
        return True
    if type(value) is list:
        return depth > 0 and all(_is_allowed(v, depth - 1) for v in value)
    if type(value) is not dict or depth == 0:
        return False
    kinds = set(map(type, value))
    return (
        (kinds <= {int} or kinds <= {str})
        and all(_is_allowed(k, 1) for k in value)
        and all(_is_allowed(v, depth - 1) for v in value.values())
    )


class _EndError(Exception):
    pass


class _Shell:
    """R-1.1 to R-1.3 once more, by recursion."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.heads, self.room = data, 0, 0, _MOST

    def item(self, depth: int) -> None:
        if self.heads == 256:
            raise _EndError("CborTooLarge")
        self.heads += 1
        kind, number = self.head()
        if kind in (2, 3):
            self.string(number)
        elif kind in (4, 5, 6):
            if depth == 8:
                raise _EndError("CborError")
            for _ in range({4: number, 5: 2 * number, 6: 1}[kind]):
                self.item(depth + 1)

    def head(self) -> tuple[int, int]:
        rest = self.data[self.at : self.at + 9]
        if not rest:
            raise _EndError("CborTruncated")
        info = rest[0] & 31
        if (rest[0] >= 0xE0 and rest[0] != 0xF6) or info > 27:
            raise _EndError("CborError")
        width = (0, 1, 2, 4, 8)[max(0, info - 23)]
        if len(rest) < 1 + width:
            raise _EndError("CborTruncated")
        number = int.from_bytes(rest[1 : 1 + width]) if width else info
        if width and (number < 24 or (width > 1 and number < 256 ** (width // 2))):
            raise _EndError("CborError")
        self.at += 1 + width
        return rest[0] >> 5, number

    def string(self, length: int) -> None:
        self.room -= length
        if self.room < 0:
            raise _EndError("CborTooLarge")
        if self.at + length > len(self.data):
            raise _EndError("CborTruncated")
        self.at += length


def check_shell(data: bytes) -> str:
    """`cbor.item_end` and the recursion come to the same end."""
    shell = _Shell(data)
    try:
        shell.item(0)
    except _EndError as ends:
        expected: object = str(ends)
    else:
        expected = shell.at
    try:
        found: object = cbor.item_end(data, 0, _MOST)
    except cbor.CborError as error:
        found = type(error).__name__
    assert found == expected, f"item_end: {found}, by recursion: {expected}"
    return "an end" if isinstance(found, int) else str(found)


def _taken(decoder: FastDecoder, data: bytes) -> Receipt | None:
    """What the fast path takes: it looks at the identities of a charge and of units itself."""
    receipt = decoder.receipt(data)
    return None if receipt is None or check_receipt(receipt) else receipt


def check_fast(data: bytes) -> str:
    """What the fast decoder accepts, the plain way reads alike, and finds no fault in."""
    decoder = FastDecoder()
    plain = None
    try:
        receipt = receipt_schema.receipt(cbor.decode(data))
        plain = None if check_receipt(receipt) else receipt
    except (cbor.CborError, fields.ClaimsError):
        pass
    for warm in (b"", *_WARM):
        decoder.row(warm)
        fast = _taken(decoder, data)
        assert fast is None or fast == plain, f"fast: {fast}, plain: {plain}"
    again = _taken(decoder, data)
    assert again == fast
    return "fast" if fast is not None else "plain" if plain is not None else "refused"


_WARM = tuple(open_envelope(raw).content for raw in Batch().receipts)


@cache
def _honest() -> frozenset[tuple[bytes, bytes]]:
    """Contents and signatures of everything that the issuer of the vectors has signed."""
    found = set()
    for raw in items():
        try:
            envelope = open_envelope(raw)
        except Fault:
            continue
        found.add((envelope.content, envelope.signature))
    return frozenset(found)


def check_item(data: bytes) -> str:
    """Steps 2 to 8 for one item end in faults or in claims; nothing is signed that was not."""
    try:
        if cbor.item_end(data, 0, 1 << 24) != len(data):
            return "not one item"
    except cbor.CborError:
        return "not an item"
    opened = open_item(data, Policy(KEYS))
    opened.findings(0, 0)
    assert opened.lost == (opened.claims is None)
    if opened.signed and not opened.lost:
        envelope = open_envelope(data)
        assert (envelope.content, envelope.signature) in _honest(), "a signature that nobody made"
    return " ".join(fault.code for fault in opened.faults) or "no fault"


def _in_shells(seeds: list[bytes], numbers: random.Random) -> bytes:
    """Nested heads, as well as mutations."""
    if numbers.random() < 0.7:
        return mutated(seeds, numbers)
    parts = (b"\x80", b"\x81", b"\x82", b"\xa1", b"\xc1", b"\xd8\x20", b"\x98\x18", b"\x40", b"\x41a", b"\x00", b"\xf6", b"\x58\x19" + bytes(25), b"\x99\x01\x00")  # fmt: skip
    return b"".join(numbers.choices(parts, k=int(math.exp(numbers.random() * 6))))


TARGETS = (
    Target("cbor", contents, check_decode),
    Target("shell", lambda: itertools.chain(items(), contents()), check_shell, _in_shells),
    Target("fast", contents, check_fast),
    Target("item", lambda: (*items(), *Batch(key=SECOND).items), check_item),
)

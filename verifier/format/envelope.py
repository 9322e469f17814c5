"""The envelope of signed objects: its shape, its header and the bytes to be signed (verification steps 2, 3 and 5).

Headers are compared, not parsed: all but the key id (and, in a statement, issuer and account) is constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from verifier.format import cbor


class Kind(StrEnum):
    """What a signed object is, as its protected header says."""

    RECEIPT = "receipt"
    STATEMENT = "statement"


class Fault(Exception):  # noqa: N818  # a fault of an item is a result, not a failure of the program
    """A fault of an item; of steps 1 to 7 the first one ends the work on it.

    Attributes:
        code: of the finding that it becomes.
        rule: the rule that it breaks, where the code has several.
        offset: in the item, in bytes.
        field, expected, actual: which field is wrong, what it should be, and what it is.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        rule: str = "",
        offset: int | None = None,
        field: str | None = None,
        expected: str | None = None,
        actual: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.rule = rule
        self.offset = offset
        self.field = field
        self.expected = expected
        self.actual = actual


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed object, taken apart and not yet believed.

    Attributes:
        content: the encoded claims.
        content_at: where they begin in the item, in bytes.
        protected: the protected header.
        signature: 64 bytes.
        timestamps: whether the unprotected header holds timestamps or transparency receipts.
    """

    content: bytes
    content_at: int
    protected: bytes
    signature: bytes
    timestamps: bool

    @property
    def digest(self) -> bytes:
        """The identity of the object: SHA-256 of the content."""
        return sha256(self.content).digest()


@dataclass(frozen=True, slots=True)
class Header:
    """What a protected header says. ``subject`` is issuer and account, in a statement only."""

    kind: Kind
    kid: bytes
    subject: tuple[str, str] | None = None


def _text(value: str) -> bytes:
    """A text of 24 to 255 bytes."""
    return bytes((0x78, len(value))) + value.encode()


def _types(kind: str) -> bytes:
    """Labels 16, 258 and 259: type, hash of the payload, type of the content."""
    name = f"application/vnd.token-{kind}+"
    return b"\x10" + _text(name + "cose") + b"\x19\x01\x02\x2f\x19\x01\x03" + _text(name + "cbor")


_ALG_KID: Final = bytes.fromhex("0132 045820")
RECEIPT_HEAD: Final = b"\xa5" + _ALG_KID
RECEIPT_TAIL: Final = _types(Kind.RECEIPT)
_STATEMENT_HEAD: Final = b"\xa6" + _ALG_KID
_STATEMENT_TAIL: Final = _types(Kind.STATEMENT)
_KID: Final = slice(6, 38)
MAX_NAME: Final = 512
"""Bytes of a name (spec/receipt.md, Limits)."""
_CARD_TAIL: Final = _types("rate-card")
_REPORT_TAIL: Final = _types("report")
_PACK_TAIL: Final = _types("pack")
_MAX_SUBJECT: Final = 2 * (3 + MAX_NAME) + 4
"""Bytes of label 15 with two names of that length."""


def read_header(protected: bytes) -> Header:
    """Step 3: kind, key id and subject.

    Raises:
        Fault: ``header-invalid``.
    """
    if protected[:6] == RECEIPT_HEAD and protected[38:] == RECEIPT_TAIL:
        return Header(Kind.RECEIPT, protected[_KID])
    if protected[:6] == _STATEMENT_HEAD and protected.endswith(_STATEMENT_TAIL):
        subject = _subject(protected[38 : -len(_STATEMENT_TAIL)])
        if subject is not None:
            return Header(Kind.STATEMENT, protected[_KID], subject)
    raise Fault(
        "header-invalid",
        "the protected header is not the one that the format prescribes",
        field="protected",
        expected=f"{RECEIPT_HEAD.hex()} <kid> {RECEIPT_TAIL.hex()}, or that of a statement",
        actual=_shown(protected),
    )


def read_card_header(protected: bytes) -> bytes:
    """The key id in the protected header of a rate card, which is that of a receipt but for its types.

    Raises:
        Fault: ``header-invalid``.
    """
    return _read_plain_header(protected, _CARD_TAIL, "a rate card")


def read_pack_header(protected: bytes) -> bytes:
    """The key id in the protected header of the seal of a pack, which is that of a receipt but for its types.

    Raises:
        Fault: ``header-invalid``.
    """
    return _read_plain_header(protected, _PACK_TAIL, "the seal of a pack")


def _read_plain_header(protected: bytes, tail: bytes, what: str) -> bytes:
    if protected[:6] == RECEIPT_HEAD and protected[38:] == tail:
        return protected[_KID]
    raise Fault("header-invalid", f"the protected header is not that of {what}")


def read_report_header(protected: bytes) -> bytes:
    """The key id in the protected header of a report, which is that of a receipt but for its types.

    Raises:
        Fault: ``header-invalid``.
    """
    return _read_plain_header(protected, _REPORT_TAIL, "a report")


def _subject(encoded: bytes) -> tuple[str, str] | None:
    """Issuer and account in label 15, or None if it is not as spec/statement.md, Envelope, has it."""
    if encoded[:1] != b"\x0f" or len(encoded) > _MAX_SUBJECT:
        return None
    try:
        match cbor.decode(encoded[1:]):
            case {1: str() as issuer, 2: str() as account, **others} if not others:
                return (issuer, account) if _is_name(issuer) and _is_name(account) else None
    except cbor.CborError:
        return None
    return None


def _is_name(text: str) -> bool:
    return 1 <= len(text.encode()) <= MAX_NAME


def _shown(protected: bytes) -> str:
    return protected.hex() or "nothing" if len(protected) <= 256 else f"{len(protected)} bytes"


def to_be_signed(protected: bytes, digest: bytes) -> bytes:
    """The Sig_structure of RFC 9052 section 4.4 over the digest, without external data."""
    size = len(protected)
    head = bytes((0x58, size)) if size < 256 else b"\x59" + size.to_bytes(2)
    return b"\x84\x6aSignature1" + head + protected + b"\x40\x58\x20" + digest


def open_envelope(raw: bytes) -> Envelope:
    """Step 2: take a signed object apart. ``raw`` is one item, as `cbor.item_end` finds it.

    Raises:
        Fault: ``envelope-invalid``.
    """
    at = _expect(raw, 0, cbor.ARRAY, 2, "an array of two")
    content, after = _bytes(raw, at, "content")
    content_at = after - len(content)
    at = _expect(raw, after, cbor.TAG, 18, "tag 18 (COSE_Sign1)")
    at = _expect(raw, at, cbor.ARRAY, 4, "an array of four")
    protected, unprotected_at = _bytes(raw, at, "protected")
    at = _map_end(raw, unprotected_at)
    if raw[at : at + 1] != b"\xf6":
        raise _invalid("payload", "nil", raw[at : at + 4].hex(), at)
    signature, at = _bytes(raw, at + 1, "signature", 64)
    timestamps = _unprotected(raw, unprotected_at, protected)
    return Envelope(content, content_at, protected, signature, timestamps)


def _map_end(raw: bytes, at: int) -> int:
    """Where the unprotected header ends."""
    major, _, _ = _head(raw, at)
    if major != cbor.MAP:
        raise _invalid("unprotected", "a map", raw[at : at + 4].hex(), at)
    return cbor.item_end(raw, at, len(raw))


def _unprotected(raw: bytes, at: int, protected: bytes) -> bool:
    """R-2.2: empty, but for a statement's timestamps (270) and transparency receipts (394)."""
    _, entries, after = cbor.head(raw, at)
    if entries == 0:
        return False
    if not protected.startswith(_STATEMENT_HEAD):
        raise _invalid("unprotected", "an empty map", raw[at : at + 8].hex() + "...", at, "R-2.2")
    allowed = [270, 394]
    for _ in range(entries):
        major, label, after = cbor.head(raw, after)
        if major != cbor.UINT or label not in allowed:
            wanted = "the labels 270 and 394, in this order"
            raise _invalid("unprotected", wanted, f"{label}", at, "R-2.2")
        del allowed[: allowed.index(label) + 1]
        if not (_is_bytes(raw, after) if label == 270 else _is_array_of_bytes(raw, after)):
            wanted = "a byte string in 270, an array of them in 394"
            raise _invalid("unprotected", wanted, f"{label}", at, "R-2.2")
        after = cbor.item_end(raw, after, len(raw))
    return True


def _is_bytes(raw: bytes, at: int) -> bool:
    return cbor.head(raw, at)[0] == cbor.BYTES


def _is_array_of_bytes(raw: bytes, at: int) -> bool:
    major, count, at = cbor.head(raw, at)
    if major != cbor.ARRAY:
        return False
    for _ in range(count):
        if not _is_bytes(raw, at):
            return False
        at = cbor.item_end(raw, at, len(raw))
    return True


def _invalid(
    field: str, expected: str, actual: str, offset: int | None = None, rule: str = "R-2.1"
) -> Fault:
    message = f"{field}: expected {expected}, found {actual or 'nothing'}"
    return Fault(
        "envelope-invalid",
        message,
        rule=rule,
        offset=offset,
        field=field,
        expected=expected,
        actual=actual,
    )


def _expect(raw: bytes, at: int, major: int, argument: int, what: str) -> int:
    found, value, after = _head(raw, at)
    if (found, value) != (major, argument):
        raise _invalid("envelope", what, raw[at : at + 4].hex() or "nothing", at)
    return after


def _head(raw: bytes, at: int) -> tuple[int, int, int]:
    """A head inside an item that is known to be whole; an item that is too short has no next head."""
    if at >= len(raw):
        raise _invalid("envelope", "more", "the end of the item", at)
    return cbor.head(raw, at)


def _bytes(raw: bytes, at: int, field: str, size: int | None = None) -> tuple[bytes, int]:
    major, length, after = _head(raw, at)
    if major != cbor.BYTES or size not in (None, length):
        wanted = "a byte string" if size is None else f"a byte string of {size}"
        raise _invalid(field, wanted, raw[at : at + 4].hex(), at)
    return raw[after : after + length], after + length

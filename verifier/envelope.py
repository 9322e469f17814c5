"""The envelope of signed objects: its shape, its header and the bytes to be signed (verification steps 2, 3 and 5).

Headers are compared, not parsed: all but the key id (and, in a statement, issuer and account) is constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from verifier import cbor


class Kind(StrEnum):
    """What a signed object is, as its protected header says."""

    RECEIPT = "receipt"
    STATEMENT = "statement"


class Fault(Exception):  # noqa: N818  # a fault of an item is a result, not a failure of the program
    """The first fault of an item, which ends the work on it. ``offset`` is in the item, in bytes."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        offset: int | None = None,
        field: str | None = None,
        expected: str | None = None,
        actual: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset
        self.field = field
        self.expected = expected
        self.actual = actual


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed object, taken apart and not yet believed. ``content`` None: withheld."""

    content: bytes | None
    content_at: int
    protected: bytes
    payload: bytes | None
    signature: bytes
    timestamps: bool
    """Whether the unprotected header holds timestamps or transparency receipts."""

    @property
    def digest(self) -> bytes:
        """The identity of the object: SHA-256 of the content, or what a withheld object says it is."""
        return self.payload if self.content is None else sha256(self.content).digest()  # type: ignore[return-value]  # open_envelope


@dataclass(frozen=True, slots=True)
class Header:
    """What a protected header says. ``subject`` is issuer and account, in a statement only."""

    kind: Kind
    kid: bytes
    subject: tuple[str, str] | None = None


def _text(value: str) -> bytes:
    raw = value.encode()
    return (bytes((0x60 + len(raw),)) if len(raw) < 24 else bytes((0x78, len(raw)))) + raw


def _types(kind: Kind) -> bytes:
    """Labels 16, 258 and 259: type, hash of the payload, type of the content."""
    name = f"application/vnd.token-{kind}+"
    return b"\x10" + _text(name + "cose") + b"\x19\x01\x02\x2f\x19\x01\x03" + _text(name + "cbor")


_ALG_KID: Final = bytes.fromhex("0132 045820")
_MAX_PROTECTED: Final = 65_535
"""Far above what a header with an issuer and an account of 512 bytes takes."""
RECEIPT_HEAD: Final = b"\xa5" + _ALG_KID
RECEIPT_TAIL: Final = _types(Kind.RECEIPT)
_STATEMENT_HEAD: Final = b"\xa6" + _ALG_KID
_STATEMENT_TAIL: Final = _types(Kind.STATEMENT)
_KID: Final = slice(6, 38)


def read_header(protected: bytes) -> Header:
    """Step 3: kind, key id and subject.

    Raises:
        Fault: ``header-invalid``.
    """
    if protected[:6] == RECEIPT_HEAD and protected[38:] == RECEIPT_TAIL:
        return Header(Kind.RECEIPT, protected[_KID])
    if protected[:6] == _STATEMENT_HEAD and protected.endswith(_STATEMENT_TAIL):
        subject = protected[38 : -len(_STATEMENT_TAIL)]
        try:
            if subject[:1] == b"\x0f" and len(protected) <= _MAX_PROTECTED:
                value = cbor.decode(subject[1:])
                if isinstance(value, dict) and list(value) == [1, 2]:
                    issuer, account = value[1], value[2]  # type: ignore[index]  # keys are 1 and 2
                    if isinstance(issuer, str) and isinstance(account, str):
                        return Header(Kind.STATEMENT, protected[_KID], (issuer, account))
        except cbor.CborError:
            pass  # not a subject: told below, with all that is wrong with a header
    raise Fault(
        "header-invalid",
        "the protected header is not the one that the format prescribes",
        field="protected",
        expected=f"{RECEIPT_HEAD.hex()} <kid> {RECEIPT_TAIL.hex()}, or that of a statement",
        actual=_shown(protected),
    )


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
    content, after = _bytes_or_null(raw, at, "content")
    content_at = after - len(content or b"")
    at = _expect(raw, after, cbor.TAG, 18, "tag 18 (COSE_Sign1)")
    at = _expect(raw, at, cbor.ARRAY, 4, "an array of four")
    protected, at = _bytes(raw, at, "protected")
    unprotected_at, at = at, cbor.item_end(raw, at, len(raw))
    payload, at = _bytes_or_null(raw, at, "payload")
    signature, at = _bytes(raw, at, "signature", 64)
    if (content is None) != (payload is not None):
        wanted = "the digest, where the content is withheld" if content is None else "nil"
        raise _invalid("payload", wanted, "nil" if payload is None else f"{len(payload)} bytes")
    if payload is not None and len(payload) != 32:
        raise _invalid("payload", "a digest of 32 bytes", f"{len(payload)} bytes")
    timestamps = _unprotected(raw, unprotected_at, protected)
    return Envelope(content, content_at, protected, payload, signature, timestamps)


def _unprotected(raw: bytes, at: int, protected: bytes) -> bool:
    """Empty, but for a statement's timestamps (270) and transparency receipts (394)."""
    major, entries, after = cbor.head(raw, at)
    if major == cbor.MAP and entries == 0:
        return False
    if major != cbor.MAP or not protected.startswith(_STATEMENT_HEAD):
        raise _invalid("unprotected", "an empty map", raw[at : at + 8].hex() + "...")
    allowed = [270, 394]
    for _ in range(entries):
        major, label, after = cbor.head(raw, after)
        if major != cbor.UINT or label not in allowed:
            raise _invalid("unprotected", "the labels 270 and 394, in this order", f"{label}")
        del allowed[: allowed.index(label) + 1]
        kind, count, inner = cbor.head(raw, after)
        if kind != (cbor.BYTES if label == 270 else cbor.ARRAY):
            raise _invalid("unprotected", "a byte string in 270, an array in 394", f"{label}")
        for _ in range(count if kind == cbor.ARRAY else 0):
            _, inner = _bytes(raw, inner, "unprotected.394")
        after = cbor.item_end(raw, after, len(raw))
    return True


def _invalid(field: str, expected: str, actual: str, offset: int | None = None) -> Fault:
    message = f"{field}: expected {expected}, found {actual}"
    return Fault(
        "envelope-invalid", message, offset=offset, field=field, expected=expected, actual=actual
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


def _bytes_or_null(raw: bytes, at: int, field: str) -> tuple[bytes | None, int]:
    if raw[at : at + 1] == b"\xf6":
        return None, at + 1
    return _bytes(raw, at, field)

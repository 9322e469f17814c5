"""The envelope of everything that is signed: content, digest, COSE_Sign1 (spec/receipt.md, The signed object)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALG: Final = -19
"""Ed25519 (RFC 9864)."""
SHA_256: Final = -16
"""RFC 9054."""
RECEIPT: Final = "receipt"
STATEMENT: Final = "statement"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed object: its bytes as they go into a batch, and its digest."""

    data: bytes
    digest: bytes


def thumbprint(public: bytes) -> bytes:
    """The ``kid`` of a public key: COSE Key Thumbprint, SHA-256 (RFC 9679)."""
    return sha256(cbor2.dumps({1: 1, -1: 6, -2: public}, canonical=True)).digest()


def protected_header(kind: str, kid: bytes, subject: tuple[str, str] | None = None) -> bytes:
    """The protected header of a receipt, or of a statement about ``subject``: issuer and account."""
    media_type = f"application/vnd.token-{kind}"
    header: dict[int, object] = {1: ALG, 4: kid}
    if subject is not None:
        header[15] = {1: subject[0], 2: subject[1]}
    header |= {16: f"{media_type}+cose", 258: SHA_256, 259: f"{media_type}+cbor"}
    return cbor2.dumps(header)


def byte_string(value: bytes) -> bytes:
    """The CBOR encoding of a byte string."""
    return cbor2.dumps(value)


class Signer:
    """Signs the objects of one kind (and, for statements, one subject) with one key.

    All bytes but digest and signature are the same for each object, so they are encoded once.
    """

    def __init__(
        self, key: Ed25519PrivateKey, kind: str, subject: tuple[str, str] | None = None
    ) -> None:
        kid = thumbprint(key.public_key().public_bytes_raw())
        protected = byte_string(protected_header(kind, kid, subject))
        self._sign = key.sign
        # Sig_structure (RFC 9052 section 4.4): context, protected, no external data, digest.
        self._to_be_signed = b"\x84\x6aSignature1" + protected + b"\x40\x58\x20"
        self._cose_head = b"\xd2\x84" + protected

    def sign(self, content: bytes) -> Signed:
        """The signed object with this content."""
        digest = sha256(content).digest()
        signature = self._sign(self._to_be_signed + digest)
        cose = self._cose_head + b"\xa0\xf6\x58\x40" + signature
        return Signed(b"\x82" + byte_string(content) + cose, digest)

"""The envelope of everything that is signed: content, digest, COSE_Sign1 (spec/receipt.md, The signed object)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

try:
    from nacl.bindings import crypto_sign
except ImportError:  # an optional extra; the bytes are the same without it
    _HAS_PYNACL = False
else:
    _HAS_PYNACL = True

RECEIPT: Final = "receipt"
STATEMENT: Final = "statement"
RATE_CARD: Final = "rate-card"
REPORT: Final = "report"
PACK: Final = "pack"

CRYPTOGRAPHY: Final = "cryptography"
PYNACL: Final = "pynacl"
BACKENDS: Final = (PYNACL, CRYPTOGRAPHY) if _HAS_PYNACL else (CRYPTOGRAPHY,)
"""What is installed and can sign, the faster one first."""

# Parameters of COSE headers (RFC 9052, RFC 9596, RFC 9597, RFC 9995), claims of a CWT (RFC 8392), members of a COSE_Key (RFC 9053).
_ALG, _KID, _CWT_CLAIMS, _TYP, _PAYLOAD_HASH_ALG, _PREIMAGE_TYPE = 1, 4, 15, 16, 258, 259
_ISS, _SUB = 1, 2
_KTY, _CRV, _X = 1, -1, -2
_ED25519: Final = -19
"""The algorithm (RFC 9864)."""
_SHA_256: Final = -16
"""RFC 9054."""
_OKP, _CURVE_ED25519 = 1, 6
_SIGNATURE_SIZE: Final = 64
_MEDIA_TYPE: Final = "application/vnd.token-"


class Signed(NamedTuple):
    """A signed object: its bytes as they go into a batch, and its digest."""

    data: bytes
    digest: bytes


def thumbprint(public: bytes) -> bytes:
    """The ``kid`` of a public key: COSE Key Thumbprint, SHA-256 (RFC 9679)."""
    key = {_KTY: _OKP, _CRV: _CURVE_ED25519, _X: public}
    return sha256(cbor2.dumps(key, canonical=True)).digest()


def header_kind(protected: bytes) -> str:
    """What a protected header says that it is of: `RECEIPT`, `STATEMENT`, or something else.

    Raises:
        ValueError: it is no protected header.
    """
    header = cbor2.loads(protected)
    media_type = header.get(_TYP) if isinstance(header, Mapping) else None
    return str(media_type).removeprefix(_MEDIA_TYPE).removesuffix("+cose")


def protected_header(kind: str, kid: bytes, subject: tuple[str, str] | None = None) -> bytes:
    """The protected header of a receipt, or of a statement about ``subject``: issuer and account."""
    media_type = f"{_MEDIA_TYPE}{kind}"
    header: dict[int, object] = {_ALG: _ED25519, _KID: kid}
    if subject is not None:
        header[_CWT_CLAIMS] = {_ISS: subject[0], _SUB: subject[1]}
    header |= {
        _TYP: f"{media_type}+cose",
        _PAYLOAD_HASH_ALG: _SHA_256,
        _PREIMAGE_TYPE: f"{media_type}+cbor",
    }
    return cbor2.dumps(header)


def byte_string(value: bytes) -> bytes:
    """The CBOR encoding of a byte string. Nearly all have a size of two bytes."""
    size = len(value)
    if 0x100 <= size < 0x1_0000:
        return (0x59_0000 | size).to_bytes(3, "big") + value
    return cbor2.dumps(value)


def signing(key: Ed25519PrivateKey, backend: str = BACKENDS[0]) -> Callable[[bytes], bytes]:
    """The function that signs with a key. Ed25519 is deterministic: both libraries make the same signature."""
    if backend == CRYPTOGRAPHY:
        return key.sign
    secret = key.private_bytes_raw() + key.public_key().public_bytes_raw()

    def sign(message: bytes) -> bytes:
        signature: bytes = crypto_sign(message, secret)[:_SIGNATURE_SIZE]
        return signature

    return sign


class Signer:
    """Signs the objects of one kind (and, for statements, one subject) with one key.

    All bytes but digest and signature are the same for each object, so they are encoded once.

    Args:
        key: the private key.
        kind: `RECEIPT`, `STATEMENT`, `RATE_CARD`, `REPORT` or `PACK`.
        subject: issuer and account of a statement.
    """

    def __init__(
        self, key: Ed25519PrivateKey, kind: str, subject: tuple[str, str] | None = None
    ) -> None:
        kid = thumbprint(key.public_key().public_bytes_raw())
        protected = byte_string(protected_header(kind, kid, subject))
        self._sign = signing(key)
        # Sig_structure (RFC 9052 section 4.4): context, protected, no external data, digest.
        self._to_be_signed = b"\x84\x6aSignature1" + protected + b"\x40\x58\x20"
        # The unprotected header is empty, the payload is detached, and a signature has 64 bytes.
        self._cose_head = b"\xd2\x84" + protected + b"\xa0\xf6\x58\x40"

    def sign(self, content: bytes) -> Signed:
        """The signed object with this content."""
        return Signed(*self.seal(content))

    def seal(self, content: bytes) -> tuple[bytes, bytes]:
        """The same as two values: the bytes, and the digest."""
        digest = sha256(content).digest()
        signature = self._sign(self._to_be_signed + digest)
        return b"".join((b"\x82", byte_string(content), self._cose_head, signature)), digest

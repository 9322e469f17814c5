"""Signing keys: made, stored as PKCS#8 PEM, published as a JWK Set (spec/receipt.md, Keys)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from receipts import limits
from receipts.errors import KeyFileError, PassphraseError
from receipts.signing import thumbprint


class KeySource(Protocol):
    """Says which key signs: one `SigningKey`, always, or a `receipts.KeyFolder`, by the time."""

    def for_receipt(self, time: int, /) -> SigningKey:
        """The key for a receipt of a time, in ms.

        Raises:
            NoKeyError: none may sign then.
        """

    def for_statement(self, end: int, /) -> SigningKey:
        """The key for a statement on a period that ends at ``end``, in ms.

        Raises:
            NoKeyError: none may sign it.
        """

    def warn_before_end(self) -> None:
        """Called now and then by who signs all the time; warns before the last key ends."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An issuer's private key."""

    private: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: bytes | None = None) -> SigningKey:
        """The key in a PKCS#8 PEM file.

        Raises:
            PassphraseError: the passphrase is missing or wrong.
            KeyFileError: it is not such a file, or holds a key of another kind.
        """
        try:
            key = load_pem_private_key(pem, passphrase)
        except TypeError as error:
            raise PassphraseError(f"passphrase: {error}") from None
        except ValueError as error:
            if passphrase is not None:
                raise PassphraseError("the passphrase does not open the key") from None
            raise KeyFileError(f"not a private key in PKCS#8 PEM form: {error}") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFileError("the key is not an Ed25519 key")
        return cls(key)

    def to_pem(self, passphrase: bytes | None = None) -> bytes:
        """The key as PKCS#8 PEM, encrypted if there is a passphrase."""
        encryption: KeySerializationEncryption = NoEncryption()
        if passphrase is not None:
            encryption = BestAvailableEncryption(passphrase)
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)

    def for_receipt(self, _time: int) -> SigningKey:
        """The key itself: nothing is known of its window."""
        return self

    def for_statement(self, _end: int) -> SigningKey:
        """The key itself."""
        return self

    def warn_before_end(self) -> None:
        """No end is known that could be warned of."""

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def kid(self) -> bytes:
        """The key's identifier in the headers of what it signs (RFC 9679)."""
        return thumbprint(self.public)


def jwk(public: bytes, not_before: int | None = None, expires: int | None = None) -> dict[str, Any]:
    """A public key as a JWK (RFC 8037). ``not_before`` and ``expires`` in ms, on whole seconds."""
    members: dict[str, Any] = {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "Ed25519",
        "use": "sig",
        "kid": kid_text(thumbprint(public)),
        "x": _base64url(public),
    }
    for name, moment in (("nbf", not_before), ("exp", expires)):
        if moment is not None:
            members[name] = moment // 1000
    return members


def jwks(issuer: str, keys: list[dict[str, Any]]) -> bytes:
    """The key file that an issuer publishes.

    Raises:
        ReceiptError: no receipt can name such an issuer.
    """
    limits.name("issuer", issuer)
    return json.dumps({"iss": issuer, "keys": keys}, indent=2, ensure_ascii=False).encode() + b"\n"


def kid_text(kid: bytes) -> str:
    """A ``kid`` as key files write it: base64url without padding."""
    return _base64url(kid)


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()

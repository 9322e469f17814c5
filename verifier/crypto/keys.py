"""The keys that the caller trusts: JWK Sets of issuers (R-0.2; spec/receipt.md, Keys).

A key is trusted because the caller says so; nothing in a batch can add one.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from verifier.crypto import ed25519
from verifier.crypto.strict_json import strict_json

_KTY: Final = "OKP"
_CRV: Final = "Ed25519"


class KeyFileError(ValueError):
    """A key file cannot be used: what is wrong, and in which member."""


class KeyConflictError(KeyFileError):
    """One key is listed for two issuers, or with two windows."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """One public key of an issuer. Times in ms; ``None`` is no bound. A weak key verifies nothing."""

    kid: bytes
    issuer: str
    public: bytes
    not_before: int | None = None
    expires: int | None = None
    revoked: int | None = None

    @property
    def weakness(self) -> str | None:
        """Why the key must not be used, or None. Looked at when the key is used: a set may hold very many."""
        return _weakness(self.public)

    def may_sign(self, earliest: int, latest: int) -> bool:
        """Whether the key may sign receipts of all times from ``earliest`` to ``latest``, in ms."""
        ends = (end for end in (self.expires, self.revoked) if end is not None)
        return (self.not_before or 0) <= earliest and all(latest < end for end in ends)

    def verifier(self, backend: str) -> ed25519.Verify:
        """The function that checks this key's signatures."""
        return ed25519.verifier(self.public, backend)


_weakness = lru_cache(maxsize=1024)(ed25519.weakness)


def thumbprint(public: bytes) -> bytes:
    """The ``kid``: COSE Key Thumbprint, SHA-256 over ``{1: 1, -1: 6, -2: x}`` (RFC 9679)."""
    return hashlib.sha256(b"\xa3\x01\x01\x20\x06\x21" + _head(len(public)) + public).digest()


def _head(size: int) -> bytes:
    """That of a byte string in CBOR: the key of a set may have another size than 32 bytes, which is its weakness."""
    if size < 24:
        return bytes((0x40 | size,))
    of = next(of for of in (1, 2, 4, 8) if size < 1 << 8 * of)
    return bytes((0x57 + of.bit_length(),)) + size.to_bytes(of)


def kid_text(kid: bytes) -> str:
    """A ``kid`` as key files and reports write it: base64url without padding."""
    return urlsafe_b64encode(kid).rstrip(b"=").decode()


def read_jwks(data: bytes) -> list[TrustedKey]:
    """The keys of an issuer's JWK Set. A weak key is kept, marked as such, so that its use is a finding.

    Raises:
        KeyFileError: the file is not a JWK Set of this format.
    """
    try:
        document = strict_json(data)
    except ValueError as error:
        raise KeyFileError(f"not a JSON key file: {error}") from None
    issuer = _member(document, "iss", str, "key file")
    keys = _member(document, "keys", list, "key file")
    if not issuer or not _is_unicode(issuer):
        raise KeyFileError("iss is empty, or no Unicode text")
    if not keys:
        raise KeyFileError("keys is empty")
    found = [
        _read_key(key, issuer, f"keys[{i}]")
        for i, key in enumerate(keys)
        if _is_for_signatures(key, f"keys[{i}]")  # others are for something else
    ]
    if not found:
        raise KeyFileError(f"keys has none with kty {_KTY!r} and crv {_CRV!r}")
    return found


def by_kid(keys: Iterable[TrustedKey]) -> dict[bytes, TrustedKey]:
    """The keys by their ``kid``.

    Raises:
        KeyConflictError: two issuers, or two entries that differ, claim one key.
    """
    found: dict[bytes, TrustedKey] = {}
    for key in keys:
        known = found.setdefault(key.kid, key)
        if known != key:
            raise KeyConflictError(_difference(known, key))
    return found


def _difference(one: TrustedKey, two: TrustedKey) -> str:
    """Two entries of one ``kid`` are of one public key, so they differ in the owner or in the window."""
    if one.issuer != two.issuer:
        owners = f"{one.issuer!r} and {two.issuer!r}"
        return f"key {kid_text(one.kid)} is listed for two issuers, {owners}"
    members = (
        ("nbf", one.not_before, two.not_before),
        ("exp", one.expires, two.expires),
        ("revoked_at", one.revoked, two.revoked),
    )
    told = [f"{name} {_seconds(a)} and {_seconds(b)}" for name, a, b in members if a != b]
    return f"key {kid_text(one.kid)} of {one.issuer} is listed in two ways: {', '.join(told)}"


def _seconds(moment: int | None) -> str:
    return "absent" if moment is None else str(moment // 1000)


def _is_for_signatures(jwk: Any, where: str) -> bool:
    """Whether an entry of the set is a key of this format (RFC 7517 section 5)."""
    kind: tuple[str, Any] = (_member(jwk, "kty", str, where), jwk.get("crv"))
    return kind == (_KTY, _CRV)


def _read_key(jwk: Any, issuer: str, where: str) -> TrustedKey:
    if jwk.get("alg", "Ed25519") not in ("Ed25519", "EdDSA") or jwk.get("use", "sig") != "sig":
        raise KeyFileError(f"{where} is not a key for Ed25519 signatures")
    if "d" in jwk:
        raise KeyFileError(f"{where} holds a private key (member d)")
    public = _base64(_member(jwk, "x", str, where), f"{where}.x")
    kid = thumbprint(public)
    if _member(jwk, "kid", str, where) != kid_text(kid):
        raise KeyFileError(f"{where}.kid: expected {kid_text(kid)}, found {jwk['kid']!r}")
    return TrustedKey(
        kid=kid,
        issuer=issuer,
        public=public,
        not_before=_milliseconds(jwk, "nbf", where),
        expires=_milliseconds(jwk, "exp", where),
        revoked=_revoked_at(jwk, where),
    )


def _is_unicode(text: str) -> bool:
    """Whether a text from JSON is free of lone surrogates, which no claim can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _member(document: Any, name: str, kind: type, where: str) -> Any:
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise KeyFileError(f"{where} has no member {name!r} of type {kind.__name__}")
    return value


def _milliseconds(jwk: dict[str, Any], name: str, where: str) -> int | None:
    if name not in jwk:
        return None
    seconds = jwk[name]
    if type(seconds) is not int or not 0 <= seconds < 2**53:
        raise KeyFileError(f"{where}.{name}: expected whole seconds since 1970, found {seconds!r}")
    return seconds * 1000


def _revoked_at(jwk: dict[str, Any], where: str) -> int | None:
    if "revoked" not in jwk:
        return None
    revoked = _member(jwk, "revoked", dict, where)
    _member(revoked, "revoked_at", int, f"{where}.revoked")
    return _milliseconds(revoked, "revoked_at", f"{where}.revoked")


def _base64(value: str, where: str) -> bytes:
    try:
        raw = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:  # binascii.Error is one
        raw = b""
    if not raw or urlsafe_b64encode(raw).rstrip(b"=").decode() != value:
        raise KeyFileError(f"{where} is not base64url without padding")
    return raw

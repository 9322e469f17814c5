"""What binds the members of a pack: their digests, and the seal (R-19.3, R-19.4; spec/pack.md, Seal)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from verifier.crypto.ed25519 import SignatureError
from verifier.crypto.keys import KeyFileError, TrustedKey, by_kid, kid_text, read_jwks
from verifier.format.envelope import Envelope, Fault, open_envelope, read_pack_header, to_be_signed
from verifier.item.policy import Policy
from verifier.pack.archive import PackFault
from verifier.pack.manifest import MAKER, MANIFEST, SEAL, Manifest
from verifier.reading.framing import is_item

_HASH_HEAD: Final = b"\x58\x20"


@dataclass(frozen=True, slots=True)
class Maker:
    """Who signed a seal: the issuer that its key belongs to, and whether the caller trusts that key."""

    name: str
    kid: str
    trusted: bool


def alterations(manifest: Manifest, members: Mapping[str, bytes]) -> Iterator[PackFault]:
    """R-19.3: what is not as the manifest or the seal says."""
    for name, digest in sorted(manifest.members.items()):
        if sha256(members[name]).hexdigest() != digest:
            yield PackFault("pack-altered", "it is not what the manifest lists", "R-19.3", name)
    sealed = _HASH_HEAD + sha256(members[MANIFEST]).digest()
    seal = members[SEAL]
    content = seal if manifest.maker is None else _opened(seal).content
    if content != sealed:
        yield PackFault("pack-altered", "the seal is of another manifest", "R-19.3", SEAL)


def maker(manifest: Manifest, members: Mapping[str, bytes], policy: Policy) -> Maker | None:
    """R-19.4: who signed the seal; None: nobody did.

    Raises:
        PackFault: the signature does not hold.
    """
    if manifest.maker is None:
        return None
    envelope = _opened(members[SEAL])
    try:
        kid = read_pack_header(envelope.protected)
        own = by_kid(read_jwks(members[MAKER]))
    except Fault as fault:
        raise _unsigned(str(fault)) from None
    except KeyFileError:
        raise _unsigned(f"{MAKER} is no key file that can be used") from None
    trusted = policy.keys.get(kid)
    key = trusted or own.get(kid)
    if key is None or kid_text(kid) != manifest.maker:
        raise _unsigned("the key is not the maker's")
    _check_signature(envelope, key, policy)
    return Maker(key.issuer, kid_text(kid), trusted is not None)


def _check_signature(envelope: Envelope, key: TrustedKey, policy: Policy) -> None:
    if key.weakness is not None:
        raise _unsigned(f"the key must not be used: {key.weakness}")
    try:
        policy.verifier(key)(envelope.signature, to_be_signed(envelope.protected, envelope.digest))
    except SignatureError as error:
        raise _unsigned(str(error)) from None


def _opened(seal: bytes) -> Envelope:
    try:
        if not is_item(seal):
            raise _unsigned("it is not one CBOR item")
        return open_envelope(seal)
    except Fault as fault:
        raise _unsigned(str(fault)) from None


def _unsigned(message: str) -> PackFault:
    return PackFault("pack-altered", message, "R-19.4", SEAL)

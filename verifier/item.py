"""One item: verification steps 2 to 8, in the order of spec/verification.md.

`open_item` is the slow, plain form of the procedure. `verifier.quick` takes the common case faster and leaves everything
else to this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verifier import cbor, fields, schema
from verifier.claims import Receipt, Statement
from verifier.ed25519 import BACKENDS, SignatureError, Verify
from verifier.envelope import (
    Envelope,
    Fault,
    Header,
    Kind,
    open_envelope,
    read_header,
    to_be_signed,
)
from verifier.identities import check_receipt
from verifier.keys import TrustedKey, text

MAX_CONTENT = {Kind.RECEIPT: 65_536, Kind.STATEMENT: 16_777_216}
"""Bytes of content that a verifier accepts (spec/receipt.md and spec/statement.md, Limits)."""
MAX_PARTS = {Kind.RECEIPT: 65_536, Kind.STATEMENT: 1_000_000}
"""CBOR items in a content: more than any content within the limits of the tables can have."""


@dataclass(slots=True)
class Opened:
    """How far an item went through the steps, and the faults on the way."""

    kind: Kind | None = None
    digest: bytes = b""
    key: TrustedKey | None = None
    """None: the key is not trusted, so the signature was not checked."""
    claims: Receipt | Statement | None = None
    """None also if the content is withheld."""
    signed: bool = False
    """By a trusted key that may sign the item."""
    timestamps: bool = False
    faults: list[Fault] = field(default_factory=list)
    lost: bool = False
    """Whether the last fault ended the work on the item."""


@dataclass(slots=True)
class Policy:
    """What the caller trusts and demands."""

    keys: Mapping[bytes, TrustedKey]
    account: str | None = None
    require_cache_id: bool = False
    backend: str = BACKENDS[0]
    _verifiers: dict[bytes, Verify] = field(default_factory=dict)

    def verifier(self, key: TrustedKey) -> Verify:
        """The function that checks signatures of a sound key."""
        if key.kid not in self._verifiers:
            self._verifiers[key.kid] = key.verifier(self.backend)
        return self._verifiers[key.kid]


def open_item(raw: bytes, policy: Policy) -> Opened:
    """Steps 2 to 8 for one item. The first fault ends them, unless the step says "go on"."""
    opened = Opened()
    try:
        _open(raw, policy, opened)
    except Fault as fault:
        opened.faults.append(fault)
        opened.lost = True
    return opened


def _open(raw: bytes, policy: Policy, opened: Opened) -> None:
    envelope = open_envelope(raw)  # 2
    opened.timestamps = envelope.timestamps
    header = read_header(envelope.protected)  # 3
    opened.kind, opened.digest = header.kind, envelope.digest
    opened.key = policy.keys.get(header.kid)  # 4
    if opened.key is None:
        kid = text(header.kid)
        opened.faults.append(Fault("key-unknown", f"key {kid} is not trusted", actual=kid))
    else:
        _check_signature(envelope, opened.digest, opened.key, policy)  # 4, 5
        opened.signed = True
    if envelope.content is None:
        opened.faults.append(
            Fault("content-withheld", f"the claims of this {header.kind} are withheld")
        )
        return
    claims = _read_claims(envelope.content, header, envelope.content_at)  # 6
    opened.signed = _check_authority(claims, policy, opened) and opened.signed  # 7
    opened.claims = claims
    if isinstance(claims, Receipt):
        opened.faults += check_receipt(claims, require_cache_id=policy.require_cache_id)  # 8


def _check_signature(envelope: Envelope, digest: bytes, key: TrustedKey, policy: Policy) -> None:
    if key.weakness is not None:
        raise Fault("key-weak", f"the key must not be used: {key.weakness}")
    try:
        policy.verifier(key)(envelope.signature, to_be_signed(envelope.protected, digest))
    except SignatureError as error:
        raise Fault("signature-invalid", str(error)) from None


def _read_claims(content: bytes, header: Header, content_at: int) -> Receipt | Statement:
    """Step 6."""
    if len(content) > MAX_CONTENT[header.kind]:
        raise Fault("item-too-large", f"a content of {len(content)} bytes")
    try:
        value = cbor.decode(content, MAX_PARTS[header.kind])
    except cbor.CborError as error:
        offset = content_at + error.offset
        raise Fault("content-malformed", str(error), offset=offset, field="content") from None
    try:
        if header.subject is None:
            return schema.receipt(value)
        claims = schema.statement(value)
    except fields.ClaimsError as error:
        raise Fault(
            "claims-invalid",
            str(error),
            field=error.field,
            expected=error.expected,
            actual=error.actual,
        ) from None
    if header.subject != (claims.issuer, claims.account):
        raise Fault(
            "claims-invalid",
            "the header names another issuer or account than the claims",
            field="header 15",
            expected=f"{claims.issuer}, {claims.account}",
            actual=", ".join(header.subject),
        )
    return claims


def _check_authority(claims: Receipt | Statement, policy: Policy, opened: Opened) -> bool:
    """Step 7: is this the key of the issuer, the expected account, and may the key sign at this time?"""
    key = opened.key
    if key is not None and claims.issuer != key.issuer:
        opened.signed = False
        raise Fault(
            "issuer-mismatch",
            "the key belongs to another issuer",
            field="issuer",
            expected=key.issuer,
            actual=claims.issuer,
        )
    if policy.account not in (None, claims.account):
        raise Fault(
            "account-unexpected",
            f"the item is for account {claims.account!r}",
            field="account",
            expected=policy.account,
            actual=claims.account,
        )
    faults = [] if key is None else _check_window(claims, key)
    opened.faults += faults
    return not faults


def _check_window(claims: Receipt | Statement, key: TrustedKey) -> list[Fault]:
    """A statement is signed when its period is over, perhaps by a key that is younger than the period."""
    if isinstance(claims, Statement):
        moment, name, not_before = claims.end, "end", None
    else:
        moment, name, not_before = claims.time, "time", key.not_before
    faults = []
    if not_before is not None and moment < not_before:
        faults.append(_window("key-outside-window", name, f"at least {not_before}", moment))
    if key.expires is not None and moment >= key.expires:
        faults.append(_window("key-outside-window", name, f"less than {key.expires}", moment))
    if key.revoked is not None and moment >= key.revoked:
        faults.append(_window("key-revoked", name, f"less than {key.revoked}", moment))
    return faults


def _window(code: str, field: str, expected: str, actual: int) -> Fault:
    message = f"{field} is {actual}, the key allows {expected}"
    return Fault(code, message, field=field, expected=expected, actual=str(actual))

"""One item: verification steps 2 to 8, in the order of spec/verification.md.

`open_item` is the slow form of these steps, which explains every fault. `verifier.order.fast_path` takes the common case faster, and
leaves everything else to this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from verifier.crypto.ed25519 import SignatureError
from verifier.crypto.keys import TrustedKey, kid_text
from verifier.format import cbor, fields, receipt_schema, statement_schema
from verifier.format.claims import Receipt, Statement
from verifier.format.envelope import (
    Envelope,
    Fault,
    Header,
    Kind,
    open_envelope,
    read_header,
    to_be_signed,
)
from verifier.item.identities import check_receipt
from verifier.item.policy import Policy
from verifier.report.findings import Finding
from verifier.report.period import show_instant

MAX_CONTENT: Final = {Kind.RECEIPT: 65_536, Kind.STATEMENT: 16_777_216}
"""Bytes of content that a verifier accepts (spec/receipt.md, Limits)."""
MAX_PARTS: Final = {Kind.RECEIPT: 65_536, Kind.STATEMENT: 1_500_000}
"""Data items in a content. A receipt within its limit of bytes cannot have more."""
VERSION: Final = 1


@dataclass(slots=True)
class Opened:
    """How far an item came through the steps, and the faults on the way.

    Attributes:
        kind: what its header says it is; None: the header could not be read.
        digest: SHA-256 of the content.
        key: the trusted key of its ``kid``; None: it is not trusted, so no signature was checked.
        claims: None if they could not be read.
        signed: by a trusted key that may sign the item (in a sealed batch: unless the signature is wrong).
        timestamps: whether there are timestamps or transparency receipts, which are not checked.
        faults: in the order of the steps.
        lost: whether the last fault ended the work on the item.
    """

    kind: Kind | None = None
    digest: bytes = b""
    key: TrustedKey | None = None
    claims: Receipt | Statement | None = None
    signed: bool = False
    timestamps: bool = False
    faults: list[Fault] = field(default_factory=list)
    lost: bool = False

    def lose(self, fault: Fault) -> None:
        """A fault that ended the work. Where it came from is forgotten, and with it all that was decoded up to there."""
        fault.__context__ = None
        self.faults.append(fault.with_traceback(None))
        self.lost = True

    def findings(self, number: int, offset: int) -> list[Finding]:
        """The faults as findings; ``offset`` is where the item begins in its file, in bytes."""
        return [self._finding(fault, number, offset) for fault in self.faults]

    def _finding(self, fault: Fault, number: int, offset: int) -> Finding:
        place: dict[str, Any] = {
            "rule": fault.rule,
            "item": number,
            "offset": offset + (fault.offset or 0),
            "field": fault.field,
            "expected": fault.expected,
            "actual": fault.actual,
        }
        kid = fault.actual if fault.code == "key-unknown" else None
        if self.claims is None:
            return Finding(fault.code, str(fault), group=kid, **place)
        group = kid or (self.claims.issuer, self.claims.account)
        return Finding.about(self.claims, fault.code, str(fault), group=group, **place)


def open_item(
    raw: bytes, policy: Policy, *, signatures: bool = True, identities: bool = True
) -> Opened:
    """Steps 2 to 8 for one item. The first fault ends them, unless the rule says "go on".

    Args:
        raw: the item, as step 1 found it.
        policy: the trusted keys, and what else the caller demands.
        signatures: whether the signature of a receipt is checked (R-5.3); a statement's always is.
        identities: whether step 8 is taken.
    """
    opened = Opened()
    try:
        _open(raw, policy, opened, signatures=signatures, identities=identities)
    except Fault as fault:
        opened.lose(fault)
    return opened


def unknown_key(claims: Receipt, kid: bytes, **place: Any) -> Finding:
    """R-4.1, of receipts that have no other fault."""
    shown = kid_text(kid)
    message = f"key {shown} is not trusted"
    return Finding.about(claims, "key-unknown", message, actual=shown, group=shown, **place)


def open_unverified(raw: bytes) -> Opened:
    """Steps 2, 3 and 6: what an item claims, whoever signed it. Nothing of it may be believed."""
    opened = Opened()
    try:
        envelope = open_envelope(raw)
        header = read_header(envelope.protected)
        opened.kind, opened.digest = header.kind, envelope.digest
        opened.claims = _read_claims(envelope.content, header, envelope.content_at)
    except Fault as fault:
        opened.lose(fault)
    return opened


def _open(
    raw: bytes, policy: Policy, opened: Opened, *, signatures: bool, identities: bool
) -> None:
    envelope = open_envelope(raw)  # 2
    opened.timestamps = envelope.timestamps
    header = read_header(envelope.protected)  # 3
    opened.kind, opened.digest = header.kind, envelope.digest
    opened.key = policy.keys.get(header.kid)
    _check_key(opened, header)  # 4
    if opened.key is not None:
        if signatures or header.kind is Kind.STATEMENT:
            _check_signature(envelope, opened.digest, opened.key, policy)  # 5
        opened.signed = True
    claims = _read_claims(envelope.content, header, envelope.content_at)  # 6
    opened.signed = _check_authority(claims, policy, opened) and opened.signed  # 7
    opened.claims = claims
    if identities and isinstance(claims, Receipt):
        opened.faults += check_receipt(
            claims, require_cache_id=policy.require_cache_id, observers=policy.observers
        )  # 8


def _check_key(opened: Opened, header: Header) -> None:
    """Step 4. A receipt by an unknown key goes on; a statement by one is lost."""
    if opened.key is None:
        kid = kid_text(header.kid)
        unknown = Fault("key-unknown", f"key {kid} is not trusted", actual=kid)
        if header.kind is Kind.STATEMENT:
            raise unknown
        opened.faults.append(unknown)
    elif opened.key.weakness is not None:
        raise Fault("key-weak", f"the key must not be used: {opened.key.weakness}")


def _check_signature(envelope: Envelope, digest: bytes, key: TrustedKey, policy: Policy) -> None:
    """Step 5: R-5.1 and R-5.2."""
    try:
        policy.verifier(key)(envelope.signature, to_be_signed(envelope.protected, digest))
    except SignatureError as error:
        raise Fault("signature-invalid", str(error), rule=error.rule) from None


def check_version(content: bytes, content_at: int) -> None:
    """R-6.2: the version is judged before anything else in the content.

    Raises:
        Fault: ``version-unknown``.
    """
    try:
        major, entries, at = cbor.head(content, 0)
        if major != cbor.MAP or not entries or content[at : at + 1] != b"\x01":
            return
        major, version, _ = cbor.head(content, at + 1)
    except cbor.CborError:
        return  # it does not begin with a version: tell what is wrong
    if major == cbor.UINT and version != VERSION:
        raise Fault(
            "version-unknown",
            f"version {version} of the format",
            offset=content_at + at,
            field="version",
            expected=str(VERSION),
            actual=str(version),
        )


def _read_claims(content: bytes, header: Header, content_at: int) -> Receipt | Statement:
    """Step 6."""
    if len(content) > MAX_CONTENT[header.kind]:
        raise Fault("item-too-large", f"a content of {len(content)} bytes", rule="R-6.1")
    check_version(content, content_at)
    value = _decode(content, header.kind, content_at)
    try:
        if header.subject is None:
            return receipt_schema.receipt(value)
        claims = statement_schema.statement(value)
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
            rule="R-6.5",
            field="header 15",
            expected=f"{claims.issuer}, {claims.account}",
            actual=", ".join(header.subject),
        )
    return claims


def _decode(content: bytes, kind: Kind, content_at: int) -> cbor.Value:
    try:
        return cbor.decode(content, MAX_PARTS[kind])
    except cbor.CborTooLarge as error:
        raise Fault("item-too-large", str(error), rule="R-6.1") from None
    except cbor.CborError as error:
        offset = content_at + error.offset
        raise Fault("content-malformed", str(error), offset=offset, field="content") from None


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
            f"the item is for account '{claims.account}'",
            field="account",
            expected=policy.account,
            actual=claims.account,
        )
    faults = [] if key is None else _check_window(claims, key)
    opened.faults += faults
    return not faults


def _check_window(claims: Receipt | Statement, key: TrustedKey) -> list[Fault]:
    """R-7.3, R-7.4. A statement is signed when its period is over, perhaps by a key that is younger than the period."""
    if isinstance(claims, Statement):
        moment, name, not_before = claims.end, "end", None
    else:
        moment, name, not_before = claims.time, "time", key.not_before
    faults = []
    if not_before is not None and moment < not_before:
        faults.append(
            _window("key-outside-window", name, f"from {show_instant(not_before)}", moment)
        )
    if key.expires is not None and moment >= key.expires:
        faults.append(
            _window("key-outside-window", name, f"before {show_instant(key.expires)}", moment)
        )
    if key.revoked is not None and moment >= key.revoked:
        faults.append(_window("key-revoked", name, f"before {show_instant(key.revoked)}", moment))
    return faults


def _window(code: str, field: str, expected: str, moment: int) -> Fault:
    actual = show_instant(moment)
    message = f"{field} is {actual}, the key may sign {expected}"
    return Fault(code, message, field=field, expected=expected, actual=actual)

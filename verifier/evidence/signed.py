"""A signed report: who vouches for it (spec/report.md, The signed object)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from verifier.crypto.ed25519 import BACKENDS, SignatureError
from verifier.crypto.keys import TrustedKey, kid_text
from verifier.evidence.document import MAX_REPORT, ReportError
from verifier.format import cbor, labels
from verifier.format.envelope import (
    Envelope,
    Fault,
    open_envelope,
    read_report_header,
    to_be_signed,
)
from verifier.format.fields import ClaimsError, Fields, instant, name, version
from verifier.report.period import show_instant

_ROOM: Final = 2048
"""Bytes for the envelope and the other claims."""
_MAX_PARTS: Final = 16


class ReportSignatureError(ValueError):
    """The signature of a report is false."""


class SignedReport(NamedTuple):
    """A signed report.

    Attributes:
        issuer: who signs it.
        kid: the key, as text.
        time: the date that it bears, in ms.
        report: the object in its canonical form.
        unproven: why the signature proves nothing; None: it holds, by a trusted key.
    """

    issuer: str
    kid: str
    time: int | None
    report: bytes
    unproven: str | None


def read_signed_report(data: bytes, keys: Mapping[bytes, TrustedKey]) -> SignedReport:
    """A signed report, and whether its issuer signed it.

    Args:
        data: the signed object.
        keys: the trusted public keys by their ``kid`` (`by_kid`).

    Raises:
        ReportError: it is none.
        ReportSignatureError: a trusted key did not sign it, is weak, another issuer's, or may not sign at its date.
    """
    try:
        if len(data) > MAX_REPORT + _ROOM or cbor.item_end(data, 0, len(data)) != len(data):
            raise ReportError("it is not one signed report: it is too large, or something follows")
        envelope = open_envelope(data)
        kid = read_report_header(envelope.protected)
        issuer, time, report = _claims(cbor.decode(envelope.content, _MAX_PARTS))
    except cbor.CborError as error:
        raise ReportError(f"{error}, at byte {error.offset}") from None
    except (Fault, ClaimsError) as error:
        raise ReportError(str(error)) from None
    key, shown = keys.get(kid), kid_text(kid)
    if key is None:
        return SignedReport(issuer, shown, time, report, f"key {shown} is not trusted")
    _check(envelope, key, issuer, time)
    return SignedReport(issuer, shown, time, report, None)


def _check(envelope: Envelope, key: TrustedKey, issuer: str, time: int | None) -> None:
    if key.weakness is not None:
        raise ReportSignatureError(f"the key must not be used: {key.weakness}")
    try:
        signed = to_be_signed(envelope.protected, envelope.digest)
        key.verifier(BACKENDS[0])(envelope.signature, signed)
    except SignatureError as error:
        raise ReportSignatureError(str(error)) from None
    if key.issuer != issuer:
        raise ReportSignatureError(f"the key belongs to {key.issuer}, and the report is of {issuer}")  # fmt: skip
    if time is None and key.revoked is not None:
        raise ReportSignatureError("the key is revoked, and the report bears no date")
    if time is not None and not key.may_sign(time, time):
        raise ReportSignatureError(f"the key may not sign at the report's date, {show_instant(time)}")  # fmt: skip


def _claims(value: Any) -> tuple[str, int | None, bytes]:
    fields = Fields(value, labels.REPORT, "")
    fields.take("version", version)
    issuer = fields.take("issuer", name)
    time = fields.maybe("time", instant)
    report = fields.take("report", _bytes)
    fields.end()
    return issuer, time, report


def _bytes(value: Any, path: str) -> bytes:
    if not isinstance(value, bytes):
        raise ClaimsError(path, "a byte string", value)
    return value

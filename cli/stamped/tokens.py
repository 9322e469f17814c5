"""Answers of a time stamp authority, read and checked with the library rfc3161-client (an optional extra).

The one module that needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from rfc3161_client import (
    PKIStatus,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    _rust,
    decode_timestamp_response,
)

_SHA_256: Final = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_UNREADABLE: Final = (ValueError, LookupError, TypeError, OverflowError, x509.InvalidVersion, UnsupportedAlgorithm)  # fmt: skip
"""What the libraries raise for bytes that are no such thing; found by altering a true answer some thousand times."""


class TokenError(ValueError):
    """An answer or a request that cannot be read, or a token that is not validly signed: why."""


@dataclass(frozen=True, slots=True)
class Token:
    """What an authority answered. Nothing of it was checked.

    Attributes:
        response: the whole, for `check_token`.
        granted: whether it gave a time stamp.
        imprint: the SHA-256 that it is on; None: of another algorithm.
        time: when, as the authority says.
        nonce: of the request.
        signer: the certificate of the authority that signed; None: it is not in the token, and not among those given.
        others: the certificates that the token has besides.
    """

    response: TimeStampResponse
    granted: bool
    imprint: bytes | None
    time: datetime
    nonce: int | None
    signer: x509.Certificate | None
    others: tuple[x509.Certificate, ...]


def read_answer(data: bytes, given: Sequence[x509.Certificate]) -> Token | None:
    """The answer in a file; None if the authority gave no token. ``given``: where the signer's certificate may be, too.

    Raises:
        TokenError: it is none.
    """
    try:
        response = decode_timestamp_response(data)
        if response.status not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
            return None
        info, signed = response.tst_info, response.signed_data
        certificates = [_certificate(one) for one in signed.certificates]
        signers = list(signed.signer_infos)
        if len(signers) != 1:
            raise TokenError(f"expected 1 signer, found {len(signers)}")
        named = (signers[0].issuer, signers[0].serial_number)
        imprint = info.message_imprint
        return Token(
            response,
            granted=response.status == PKIStatus.GRANTED,
            imprint=imprint.message if imprint.hash_algorithm == _SHA_256 else None,
            time=info.gen_time,
            nonce=info.nonce,
            signer=next(
                (
                    one
                    for one in (*certificates, *given)
                    if (one.issuer, one.serial_number) == named
                ),
                None,
            ),
            others=tuple(certificates),
        )
    except TokenError:
        raise
    except _UNREADABLE as error:
        raise TokenError(str(error)) from None


def _certificate(data: bytes) -> x509.Certificate:
    """A certificate whose fields can be read, all that are asked for."""
    found = x509.load_der_x509_certificate(data)
    _ = found.subject, found.issuer, found.not_valid_before_utc, found.not_valid_after_utc
    return found


def request_nonce(data: bytes) -> int | None:
    """The nonce of a request.

    Raises:
        TokenError: it is no request.
    """
    try:
        nonce: int | None = _rust.parse_timestamp_request(data).nonce
    except _UNREADABLE as error:
        raise TokenError(str(error)) from None
    return nonce


def check_token(token: Token, chain: Sequence[x509.Certificate]) -> None:
    """Check the authority's signature; the first of the chain is the signer's certificate, the last one is trusted.

    Raises:
        TokenError: it does not hold.
    """
    builder = VerifierBuilder(
        tsa_certificate=chain[0], intermediates=list(chain[1:-1]), roots=[chain[-1]]
    )
    try:
        builder.build().verify(token.response, token.imprint or b"")
    except (VerificationError, *_UNREADABLE) as error:
        raise TokenError(str(error).split(": ErrorStack")[0]) from None

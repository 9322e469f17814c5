"""A statement as a SCITT signed statement (RFC 9943), which any COSE library verifies without knowing of this format."""

from __future__ import annotations

from typing import Final

import cbor2

_COSE_SIGN1: Final = 18


def scitt_statement(signed: bytes, digest: bytes) -> bytes:
    """The same COSE_Sign1 with the digest as its payload, in place of none: what is signed is the same (RFC 9995).

    Issuer and account are in the protected header (RFC 9597), and so are the media types of what the digest is of; the
    content itself is not in it.

    Args:
        signed: a signed statement.
        digest: of its content.
    """
    _, tag = cbor2.loads(signed)
    protected, unprotected, _, signature = tag.value
    message = cbor2.CBORTag(_COSE_SIGN1, [protected, unprotected, digest, signature])
    return cbor2.dumps(message, canonical=True)

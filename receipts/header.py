"""Byte sequences in HTTP headers and in comments of event streams: ``:base64:`` (RFC 9651, section 3.3.5)."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Final

RECEIPT: Final = b"token-receipt"
"""The response header that carries a signed receipt."""
CLIENT: Final = b"token-receipt-client"
"""The request header that carries the customer's commitment to its request (claim 16)."""
REQUEST: Final = b"token-receipt-request"
"""The response header that names the request id of the receipt, where that is not the id in the response."""
REPLAYED: Final = b"idempotent-replayed"
"""The response header that says ``true`` of a stored answer that is given once more."""
COMMENT: Final = b": token-receipt "
"""What a comment line of an event stream begins with that carries a signed receipt."""


def byte_sequence(value: bytes) -> bytes:
    """The serialised form."""
    return b":" + b64encode(value) + b":"


def parse_byte_sequence(text: bytes) -> bytes | None:
    """The bytes, or None if the text is not a byte sequence."""
    text = text.strip(b" ")
    if len(text) < 2 or text[:1] != b":" or text[-1:] != b":":
        return None
    try:
        return b64decode(text[1:-1], validate=True)
    except ValueError:
        return None

"""The limits of spec/receipt.md, and the checks that hold a field within them.

What a verifier must refuse must not be signed. Nothing is clamped: a field beyond its limit raises `ReceiptError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sized
from typing import Any, Final

from receipts.errors import ReceiptError

VERSION: Final = 1
"""The version of the format that is issued."""
MAX_UINT: Final = 2**64 - 1
MAX_TIME: Final = 253402300800000
"""The first ms of the year 10000."""
MAX_NAME: Final = 512
"""Bytes of a text."""
MAX_CONTENT: Final = 65_536
"""Bytes of the claims of a receipt."""
MAX_STATEMENT: Final = 16_777_216
"""Bytes of the claims of a statement."""
MAX_STREAMS: Final = 65_536
"""Streams of a statement, and of a batch over all its accounts."""
MAX_TOTAL_WRITES: Final = 65_536
"""TTLs in the totals of a statement."""
MAX_WRITES: Final = 16
"""TTLs of a receipt."""
MAX_TOTAL_UNITS: Final = 16_384
"""Units in the totals of a statement."""
MAX_MODELS: Final = 16
MAX_TERMS: Final = 16
MAX_ENTRIES: Final = 64
"""Tags, units, cache entries of a kind, lines of a charge."""
MAX_OCTETS: Final = 64
"""Bytes of a cache identifier, and of a customer's commitment."""
DIGEST_SIZE: Final = 32

_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def uint(field: str, value: Any, least: int = 0, most: int = MAX_UINT) -> int:
    """Check an unsigned integer. A bool is not one.

    Raises:
        ReceiptError: it is none, or is not in the range from ``least`` to ``most``.
    """
    if type(value) is not int or not least <= value <= most:
        raise ReceiptError(field, f"an integer from {least} to {most}", repr(value))
    return value


def instant(field: str, value: Any) -> int:
    """Check a time in ms.

    Raises:
        ReceiptError: it is no integer, or is not before the year 10000.
    """
    return uint(field, value, 0, MAX_TIME - 1)


def name(field: str, value: Any, least: int = 1) -> str:
    """Check a text of ``least`` to 512 bytes.

    Raises:
        ReceiptError: it is none, has no UTF-8 form, or has another size.
    """
    if type(value) is not str:
        raise ReceiptError(field, "text", repr(value))
    try:
        size = len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError:
        raise ReceiptError(field, "text without lone surrogates", ascii(value)) from None
    if not least <= size <= MAX_NAME:
        raise ReceiptError(field, f"text of {least} to {MAX_NAME} bytes", f"{size} bytes")
    return value


def octets(field: str, value: Any, least: int = 1, most: int = MAX_OCTETS) -> bytes:
    """Check a byte string of ``least`` to ``most`` bytes.

    Raises:
        ReceiptError: it is none, or has another size.
    """
    if type(value) is not bytes or not least <= len(value) <= most:
        size = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
        raise ReceiptError(field, f"{least} to {most} bytes", size)
    return value


def digest(field: str, value: Any) -> bytes:
    """Check a digest: 32 bytes.

    Raises:
        ReceiptError: it is none.
    """
    return octets(field, value, DIGEST_SIZE, DIGEST_SIZE)


def currency(field: str, value: Any) -> str:
    """Check the code of a currency: three capital letters A to Z (ISO 4217).

    Raises:
        ReceiptError: it is none.
    """
    if type(value) is not str or not _CURRENCY.fullmatch(value):
        raise ReceiptError(field, "three capital letters", repr(value))
    return value


def entries(field: str, value: Sized, most: int = MAX_ENTRIES, what: str = "entries") -> None:
    """Check that a collection has 1 to ``most`` entries.

    Raises:
        ReceiptError: it has none, or more.
    """
    if not 1 <= len(value) <= most:
        raise ReceiptError(field, f"1 to {most} {what}", len(value))


def content(field: str, encoded: bytes, most: int) -> bytes:
    """Check the size of encoded claims.

    Raises:
        ReceiptError: they have more than ``most`` bytes.
    """
    if len(encoded) > most:
        raise ReceiptError(field, f"at most {most} bytes of claims", len(encoded))
    return encoded


def sorted_keys(keys: Iterable[str]) -> list[str]:
    """Texts in the order of their encodings: shorter ones first, then bytewise (RFC 8949 section 4.2.1)."""
    return sorted(keys, key=_encoded_order)


def _encoded_order(key: str) -> tuple[int, bytes]:
    encoded = key.encode()
    return len(encoded), encoded

"""Numbers, texts and bytes of a receipt in their shortest form, for the fast decoder.

Every function takes the bytes and where a value begins, and returns the value and where it ends. Whatever is not
in order raises: `ValueError` here, `IndexError` where the bytes end early.
"""

from __future__ import annotations


def uint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned integer in its shortest form."""
    first = data[at]
    if first < 0x18:
        return first, at + 1
    if first == 0x19:
        value = data[at + 1] << 8 | data[at + 2]
        if value > 0xFF:
            return value, at + 3
    elif first == 0x18:
        value = data[at + 1]
        if value > 0x17:
            return value, at + 2
    elif first == 0x1A:
        value = int.from_bytes(data[at + 1 : at + 5])
        if value > 0xFFFF:
            return value, at + 5
    elif first == 0x1B:
        value = int.from_bytes(data[at + 1 : at + 9])
        if value > 0xFFFFFFFF:
            return value, at + 9
    raise ValueError


def text(data: bytes, at: int) -> tuple[str, int]:
    """A text of 1 to 255 bytes in its shortest form."""
    first = data[at]
    if 0x60 < first < 0x78:
        end = at + first - 0x5F
        return data[at + 1 : end].decode(), end
    if first == 0x78 and data[at + 1] > 0x17:
        end = at + 2 + data[at + 1]
        return data[at + 2 : end].decode(), end
    raise ValueError


def short_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """A byte string of 1 to 64."""
    first = data[at]
    if 0x40 < first < 0x58:
        end = at + first - 0x3F
        return data[at + 1 : end], end
    if first == 0x58 and 0x18 <= data[at + 1] <= 64:
        end = at + 2 + data[at + 1]
        return data[at + 2 : end], end
    raise ValueError

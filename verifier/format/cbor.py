"""A strict decoder for the CBOR of this format: RFC 8949 section 4.2.1, narrowed (spec/receipt.md).

It never repairs: an input that decodes here has exactly one encoding, the one it was given in.
Lengths are held against the bytes that are there before anything is allocated.
"""

from __future__ import annotations

from typing import Final, TypeAlias, Union

Value: TypeAlias = Union[  # noqa: UP007  # a recursive alias needs the string form
    int, bytes, str, list["Value"], dict[int, "Value"], dict[str, "Value"]
]

MAX_DEPTH: Final = 8
"""Levels of arrays and maps (spec/receipt.md, Encoding)."""

UINT, NINT, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
NULL: Final = 0xF6

KINDS: Final = (
    "an unsigned integer",
    "a negative integer",
    "a byte string",
    "a text string",
    "an array",
    "a map",
    "a tag",
    "a simple value or float",
)
_WIDTH_AT: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_LEAST: Final = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}


class CborError(ValueError):
    """The bytes are not in the required form. ``offset`` is where, in bytes."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class CborTruncated(CborError):  # noqa: N818  # CborError is in the name
    """The bytes end inside an item."""


class CborTooLarge(CborError):  # noqa: N818
    """The item has more parts, or longer ones, than the format allows."""


def head(data: bytes, at: int) -> tuple[int, int, int]:
    """Read the head of an item: major type, argument, offset of what follows.

    Raises:
        CborTruncated: the data ends inside the head.
        CborError: the argument is not in its shortest form, or of indefinite length.
    """
    if at >= len(data):
        raise CborTruncated("the data ends where an item should begin", at)
    major, info = data[at] >> 5, data[at] & 0x1F
    if info < 24:
        return major, info, at + 1
    width = _WIDTH_AT.get(info)
    if width is None:
        raise CborError("an indefinite length or a reserved head", at)
    after = at + 1 + width
    if after > len(data):
        raise CborTruncated("the data ends inside a head", at)
    argument = int.from_bytes(data[at + 1 : after])
    if argument < _LEAST[info]:
        raise CborError(f"{argument} is not in its shortest form", at)
    return major, argument, after


def decode(data: bytes, max_parts: int = 65_536) -> Value:
    """Decode one item that fills ``data`` and has at most ``max_parts`` items in it.

    Raises:
        CborError: any rule of spec/receipt.md, Encoding, is broken. With its offset.
    """
    decoder = _Decoder(data, max_parts)
    value = decoder.item(MAX_DEPTH)
    if decoder.at != len(data):
        raise CborError(f"{len(data) - decoder.at} bytes after the end", decoder.at)
    return value


class _Decoder:
    def __init__(self, data: bytes, parts_left: int) -> None:
        self.data = data
        self.at = 0
        self.parts_left = parts_left

    def item(self, depth: int) -> Value:
        start = self.at
        self.check_type(start)
        major, argument, self.at = head(self.data, start)
        self.parts_left -= 1
        if self.parts_left < 0:
            raise CborTooLarge("more items than the format allows", start)
        if major == UINT:
            return argument
        if major in (BYTES, TEXT):
            return self.string(start, major, argument)
        if major not in (ARRAY, MAP):
            raise _not_allowed(major, start)
        if depth == 0:
            raise CborError(f"nested deeper than {MAX_DEPTH} levels", start)
        if major == ARRAY:
            return [self.item(depth - 1) for _ in range(argument)]
        return self.map(argument, depth - 1)

    def check_type(self, at: int) -> None:
        """A float or a simple value is judged by its first byte, like in step 1."""
        if self.data[at : at + 1] > b"\xdf":
            raise _not_allowed(SIMPLE, at)

    def string(self, start: int, major: int, length: int) -> bytes | str:
        begin, self.at = self.at, self.at + length
        if self.at > len(self.data):
            raise CborTruncated(f"a string of {length} bytes ends after the data", start)
        raw = self.data[begin : self.at]
        if major == BYTES:
            return raw
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise CborError("text that is not valid UTF-8", start) from None

    def map(self, length: int, depth: int) -> Value:
        entries: dict[int | str, Value] = {}
        kind, before = None, b""
        for _ in range(length):
            start = self.at
            self.check_type(start)
            major, _, _ = head(self.data, start)
            if major not in (UINT, TEXT) or kind not in (None, major):
                raise CborError(f"{KINDS[major]} as a map key is not allowed here", start)
            key = self.item(depth)
            encoded = self.data[start : self.at]
            if encoded <= before:
                which = "twice" if encoded == before else "out of order"
                raise CborError(f"a map key {which}", start)
            kind, before = major, encoded
            entries[key] = self.item(depth)  # type: ignore[index]  # int or str, see kind
        return entries  # type: ignore[return-value]  # the keys are of one kind


def _not_allowed(major: int, at: int) -> CborError:
    return CborError(f"{KINDS[major]} is not allowed in claims", at)


def item_end(data: bytes, at: int, max_bytes: int, max_parts: int = 256) -> int:
    """Where the item at ``at`` ends: definite lengths, shortest heads, no floats, any other type (step 1).

    Args:
        data: the bytes, in which the item may not be whole yet.
        at: where it begins.
        max_bytes: of all its strings together.
        max_parts: heads that it may have.

    Raises:
        CborTruncated: it ends after the data (R-1.2).
        CborTooLarge: it has more parts or longer strings than allowed (R-1.3).
        CborError: it is not such an item (R-1.1).
    """
    open_items = [1]
    room = max_bytes
    for _ in range(max_parts):
        if data[at : at + 1] > b"\xdf" and data[at] != NULL:  # whether or not an argument follows
            raise CborError("a float or a simple value other than null", at)
        major, argument, after = head(data, at)
        open_items[-1] -= 1
        if major in (BYTES, TEXT):
            room -= argument
            if room < 0:
                raise CborTooLarge(f"strings of more than {max_bytes} bytes", at)
            after += argument
            if after > len(data):
                raise CborTruncated(f"a string of {argument} bytes ends after the data", at)
        elif major in (ARRAY, MAP, TAG):
            if len(open_items) > MAX_DEPTH:
                raise CborError(f"nested deeper than {MAX_DEPTH} levels", at)
            open_items.append({ARRAY: argument, MAP: 2 * argument, TAG: 1}[major])
        at = after
        while open_items[-1] == 0:
            open_items.pop()
            if not open_items:
                return at
    raise CborTooLarge(f"more than {max_parts} parts", at)

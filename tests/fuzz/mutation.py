"""Mutations of bytes, from a seed corpus. The same numbers give the same mutations."""

from __future__ import annotations

import random
from collections.abc import Sequence

TOKENS = (
    *(bytes([head]) for head in (0x00, 0x17, 0x18, 0x1B, 0x20, 0x40, 0x58, 0x60, 0x80, 0x82, 0x9B, 0x9F, 0xA0, 0xBB, 0xC2, 0xD2, 0xF6, 0xF9, 0xFF)),
    b"\x1b" + b"\xff" * 8, b"\x1b\x00\x00\xe6\x77\xd2\x1f\xdb\xff", b"\x5a\x7f\xff\xff\xff", b"\xd2\x84\x58\x76", b"\xa0\xf6\x58\x40",
    b"\xa1\x19\x01\x0e\x40", b"\x63\xed\xa0\x80", b"\x81" * 9, b"\xa1\x00" * 9, b"\x00" * 32, b"\x58\x20",
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\ud800", b"\\u0000", b"null", b"true", b"NaN", b"1e9", b"-1", b"0.5", b"9" * 20,
    b"18446744073709551616", b"9" * 4300, b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b"\r\n", b"'", b'""', b"=", b" ", b"\x1b[2J",
    b'"request":', b'"id":', b'"usage":', b'"iterations":', b'"time":', b'"created":', b'"status":', b'"tokens":', b'"extra":', b'"body":',
    b"data:", b"event: message_stop", b": token-receipt :", b"[DONE]", b'"kty":"OKP"', b'"x":', b'"d":', b'"nbf":', b'"revoked":',
)  # fmt: skip
"""What parsers of these formats look for, and the edges of their numbers."""


def mutated(seeds: Sequence[bytes], numbers: random.Random) -> bytes:
    """One of the seeds, changed one time or several."""
    data = bytearray(numbers.choice(seeds))
    for _ in range(numbers.choice((1, 1, 1, 2, 3, 5, 8))):
        numbers.choice(_CHANGES)(data, seeds, numbers)
    return bytes(data)


def _place(data: bytearray, numbers: random.Random) -> int:
    return numbers.randrange(len(data) + 1)


def _length(numbers: random.Random) -> int:
    return numbers.choice((1, 1, 2, 4, 8, 32, 64, 200))


def _flip(data, _seeds, numbers):
    if data:
        data[numbers.randrange(len(data))] ^= 1 << numbers.randrange(8)


def _byte(data, _seeds, numbers):
    if data:
        data[numbers.randrange(len(data))] = numbers.choice((0, 1, 0x7F, 0x80, 0xF6, 0xFF, numbers.randrange(256)))  # fmt: skip


def _count(data, _seeds, numbers):
    """One more or less, in a number of 1 to 8 bytes."""
    width, at = numbers.choice((1, 1, 2, 4, 8)), _place(data, numbers)
    if at + width <= len(data):
        value = int.from_bytes(data[at : at + width]) + numbers.choice((-1, 1))
        data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width)


def _delete(data, _seeds, numbers):
    at = _place(data, numbers)
    del data[at : at + _length(numbers)]


def _cut(data, _seeds, numbers):
    del data[_place(data, numbers) :]


def _repeat(data, _seeds, numbers):
    at, to = _place(data, numbers), _place(data, numbers)
    data[to:to] = data[at : at + _length(numbers)] * numbers.choice((1, 1, 2, 40))


def _insert(data, _seeds, numbers):
    at = _place(data, numbers)
    data[at:at] = numbers.randbytes(_length(numbers))


def _token(data, _seeds, numbers):
    at, token = _place(data, numbers), numbers.choice(TOKENS)
    data[at : at + numbers.choice((0, len(token)))] = token


def _splice(data, seeds, numbers):
    other = numbers.choice(seeds)
    begin, end = sorted(numbers.randrange(len(other) + 1) for _ in range(2))
    at = _place(data, numbers)
    data[at : at + numbers.choice((0, end - begin))] = other[begin:end]


def _swap(data, _seeds, numbers):
    one, two, three = sorted(_place(data, numbers) for _ in range(3))
    data[one:three] = data[two:three] + data[one:two]


_CHANGES = (_flip, _byte, _count, _delete, _cut, _repeat, _insert, _token, _token, _splice, _swap)

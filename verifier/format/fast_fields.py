"""The fields of an ordinary receipt, each by a function, for the fast decoder.

Every function takes the bytes and where a value begins, and returns the value and where it ends. Whatever is not
in order raises: `ValueError` here, `IndexError` where the bytes end early.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from verifier.format.charge_schema import can_price, is_reduced
from verifier.format.claims import BESIDE, CACHE_WRITE, CacheEntry, Charge, ChargeLine, Source
from verifier.format.fast_values import short_bytes, text, uint
from verifier.format.fields import MAX_TIME
from verifier.format.units import is_unit

_Value = TypeVar("_Value")
CachedPrefixes = tuple[CacheEntry | None, tuple[CacheEntry, ...], tuple[CacheEntry, ...]]
"""The entry that was read, those that were written, and commitments."""


def place(data: bytes, at: int) -> tuple[int, bytes | None, int, int]:
    """A sequence, previous (None: the sequence is 0) and time, of any width."""
    sequence, at = uint(data, at)
    previous = None
    if sequence:
        if data[at : at + 3] != b"\x06\x58\x20":
            raise ValueError
        previous = data[at + 3 : at + 35]
        at += 35
    if data[at] != 7:
        raise ValueError
    time, at = uint(data, at + 1)
    if time >= MAX_TIME:
        raise ValueError
    return sequence, previous, time, at


def input_tokens(data: bytes, at: int) -> tuple[int, int, int, int, int]:
    """The label and head of the input map, and logical, cached and attributed tokens, of any width."""
    entries = data[at + 1]
    if data[at] != 10 or data[at + 2] != 1:
        raise ValueError
    logical, at = uint(data, at + 3)
    if data[at] != 2:
        raise ValueError
    cached, at = uint(data, at + 1)
    if data[at] != 3:
        raise ValueError
    attributed, at = uint(data, at + 1)
    return entries, logical, cached, attributed, at


def writes(data: bytes, at: int, most: int) -> tuple[dict[int, int], int]:
    """Cache writes by TTL, which are no more than ``most``."""
    entries = data[at] - 0xA0
    if not 1 <= entries <= 16:
        raise ValueError
    at += 1
    tokens_by_ttl, before = {}, -1
    for _ in range(entries):
        if data[at] == 0x19 and data[at + 1]:
            ttl = data[at + 1] << 8 | data[at + 2]
            at += 3
        else:
            ttl, at = uint(data, at)
        if data[at] == 0x19 and data[at + 1]:
            tokens = data[at + 1] << 8 | data[at + 2]
            at += 3
        else:
            tokens, at = uint(data, at)
        if ttl <= before:
            raise ValueError
        before = ttl
        tokens_by_ttl[ttl] = tokens
        most -= tokens
    if most < 0:
        raise ValueError
    return tokens_by_ttl, at


def output(data: bytes, at: int) -> tuple[int, int | None, int]:
    """Output and reasoning tokens, which satisfy identity 3, and where they end."""
    entries = data[at]
    if data[at + 1] != 1 or entries not in (0xA1, 0xA2):
        raise ValueError
    output, at = uint(data, at + 2)
    if entries == 0xA1:
        return output, None, at
    if data[at] != 2:
        raise ValueError
    reasoning, at = uint(data, at + 1)
    if reasoning > output:
        raise ValueError
    return output, reasoning, at


def cache(data: bytes, at: int, logical: int, cached: int) -> tuple[CachedPrefixes, int]:
    """Cache entries, which satisfy identity 4."""
    left = data[at] - 0xA0
    at += 1
    if not 1 <= left <= 3:
        raise ValueError
    read = None
    writes: tuple[CacheEntry, ...] = ()
    commitments: tuple[CacheEntry, ...] = ()
    if data[at] == 1:
        read, at = _entry(data, at + 1, cached)
        left -= 1
        if read.prefix != cached:
            raise ValueError
    if left and data[at] == 2:
        writes, at = _entries(data, at + 1, logical)
        left -= 1
    if left and data[at] == 3:
        commitments, at = _entries(data, at + 1, logical)
        left -= 1
    if left:
        raise ValueError
    return (read, writes, commitments), at


def _entries(data: bytes, at: int, longest: int) -> tuple[tuple[CacheEntry, ...], int]:
    length = data[at] - 0x80
    if not 1 <= length < 24:
        raise ValueError
    at += 1
    entries = []
    for _ in range(length):
        entry, at = _entry(data, at, longest)
        entries.append(entry)
    return tuple(entries), at


def _entry(data: bytes, at: int, longest: int) -> tuple[CacheEntry, int]:
    if data[at : at + 2] != b"\xa3\x01":
        raise ValueError
    recipe, at = text(data, at + 2)
    if data[at] != 2:
        raise ValueError
    identifier, at = short_bytes(data, at + 1)
    if data[at] != 3:
        raise ValueError
    prefix, at = uint(data, at + 1)
    if not 1 <= prefix <= longest:
        raise ValueError
    return CacheEntry(recipe, identifier, prefix), at


def source(data: bytes, at: int) -> tuple[Source, int | None, int]:
    """The source, where in it the hash of the usage object is, and where it ends."""
    left = data[at] - 0xA2
    if data[at + 1] != 1 or not 0 <= left <= 5:
        raise ValueError
    provider, at = text(data, at + 2)
    if data[at] != 2:
        raise ValueError
    api, at = text(data, at + 1)
    usage = usage_at = tier = miss = terms = None
    if left and data[at : at + 3] == b"\x03\x58\x20":
        usage_at = at + 3
        usage = data[usage_at : usage_at + 32]
        at += 35
        left -= 1
    if left and data[at] == 4:
        tier, at = text(data, at + 1)
        left -= 1
    if left and data[at] == 5:
        miss, at = text(data, at + 1)
        left -= 1
    if left and data[at] == 6:
        if data[at + 1] > 0xB0:
            raise ValueError
        terms, at = tags(data, at + 1)
        left -= 1
    observed = left == 1 and usage is not None and data[at : at + 2] == b"\x07\x01"
    if observed:
        at += 2
    elif left:
        raise ValueError
    return Source(provider, api, usage, tier, miss, terms, observed), usage_at, at


def charge(data: bytes, at: int) -> tuple[Charge, int]:
    """Currency, card, amount and lines, which are as they are to be, each by itself."""
    currency = data[at + 3 : at + 6]
    if data[at : at + 3] != b"\xa4\x01\x63" or not (currency.isalpha() and currency.isupper()):
        raise ValueError
    if data[at + 6 : at + 9] != b"\x02\x58\x20" or data[at + 41] != 3:
        raise ValueError
    card = data[at + 9 : at + 41]
    amount, at = uint(data, at + 42)
    length = data[at + 1] - 0x80
    if data[at] != 4 or not 1 <= length < 24:
        raise ValueError
    at += 2
    lines = []
    for _ in range(length):
        line, at = _line(data, at)
        lines.append(line)
    return Charge(currency.decode(), card, amount, tuple(lines)), at


def _line(data: bytes, at: int) -> tuple[ChargeLine, int]:
    """A line of one model."""
    left, kind = data[at] - 0xA4, data[at + 2]
    if data[at + 1] != 1 or kind > BESIDE or left < 0:
        raise ValueError
    at += 3
    ttl = unit = per = None
    if kind == CACHE_WRITE:
        if data[at] != 2:
            raise ValueError
        ttl, at = uint(data, at + 1)
        left -= 1
    numbers = []
    for label in (3, 4, 5):
        if data[at] != label:
            raise ValueError
        number, at = uint(data, at + 1)
        numbers.append(number)
    if left and data[at] == 6:
        unit, at = text(data, at + 1)
        left -= 1
    if left and data[at] == 7:
        per, at = uint(data, at + 1)
        left -= 1
    quantity, rate, amount = numbers
    if left or not can_price(kind, unit) or not is_reduced(rate, per):
        raise ValueError
    return ChargeLine(kind, ttl, quantity, rate, amount, unit, per or 1), at


def units(data: bytes, at: int) -> tuple[dict[str, int], int]:
    """Quantities by the name of their unit."""
    found, at = _map(data, at, uint)
    if not all(map(is_unit, found)):
        raise ValueError
    return found, at


def tags(data: bytes, at: int) -> tuple[dict[str, str], int]:
    """Tags, or terms of the source: texts by texts."""
    return _map(data, at, text)


def _map(
    data: bytes, at: int, read: Callable[[bytes, int], tuple[_Value, int]]
) -> tuple[dict[str, _Value], int]:
    length = data[at] - 0xA0
    if not 1 <= length < 24:
        raise ValueError
    at += 1
    found: dict[str, _Value] = {}
    before = b""
    for _ in range(length):
        start = at
        key, at = text(data, at)
        encoded = data[start:at]
        if encoded <= before:
            raise ValueError
        before = encoded
        found[key], at = read(data, at)
    return found, at

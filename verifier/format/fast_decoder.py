"""The claims of an ordinary receipt, fast: one pass over the bytes, without intermediate values.

`FastDecoder.receipt` returns exactly what `cbor.decode` and `schema.receipt` would return, if the receipt has the usual
fields and no fault in its numbers; else None, which means "take the slow way". It never reports a fault itself.
tests/test_fast_decoder.py holds the two ways together.

Every function takes the bytes and where a value begins, and returns the value and where it ends. Whatever is not
in order raises: `ValueError` here, `IndexError` where the bytes end early.
"""

from __future__ import annotations

import struct
from typing import Any, Final, Generic, TypeVar

from verifier.format.charge_schema import can_price, is_reduced
from verifier.format.claims import (
    BESIDE,
    CACHE_WRITE,
    CacheEntry,
    Charge,
    ChargeLine,
    Receipt,
    Source,
)
from verifier.format.fields import MAX_TIME
from verifier.format.units import is_unit

_USUAL_INPUT: Final = struct.Struct(">IHHHHH")
"""0a aN 01 19 LLLL 02 19 CCCC 03 19 AAAA."""
_USUAL_PLACE: Final = struct.Struct(">BHHB32sHQ")
"""19 SSSS 06 58 20 <32 bytes> 07 1b TTTTTTTTTTTTTTTT."""
_RECENT: Final = 7
"""So many encodings besides the last one are kept of a field."""
_Value = TypeVar("_Value")
Names = tuple[str, str, str]
"""Issuer, account, stream."""
_Cache = tuple[CacheEntry | None, tuple[CacheEntry, ...], tuple[CacheEntry, ...]]
Row = tuple[Any, ...]
"""The claims of an ordinary receipt, in this order."""
NAMES, SEQUENCE, PREVIOUS, TIME, REQUEST, MODEL, LOGICAL, CACHED, ATTRIBUTED, WRITES = range(10)
OUTPUT, REASONING, CACHE, SOURCE, USAGE, CHARGE, TAGS, CLIENT, UNITS = range(10, 19)


class _Recent(Generic[_Value]):
    """The encodings of the last few values of one field, the latest first, to compare with before parsing."""

    def __init__(self) -> None:
        self._known: list[tuple[bytes, _Value]] = []

    def find(self, data: bytes, at: int) -> tuple[bytes, _Value] | None:
        """The value that is encoded at ``at``, and its encoding, if it is one of the last few."""
        for known in self._known:
            if data.startswith(known[0], at):
                return known
        return None

    def add(self, data: bytes, at: int, end: int, value: _Value) -> tuple[bytes, _Value]:
        """Remember the value that is encoded from ``at`` to ``end``."""
        if end > len(data):  # a slice would not fail; what is remembered must be all there
            raise IndexError
        known = (data[at:end], value)
        self._known = [known, *self._known[:_RECENT]]
        return known


class FastDecoder:
    """Reads receipts one after the other.

    The receipts of a stream share issuer, account and stream, and mostly model, source and tags. So the reader keeps the
    encoding of the last ones, and compares before it parses.
    """

    def __init__(self) -> None:
        nothing = b"\xff"  # which begins no claim
        self._head: tuple[bytes, Names] = (nothing, ("", "", ""))
        self._heads = _Recent[Names]()
        self._model: tuple[bytes, str] = (nothing, "")
        self._models = _Recent[str]()
        self._source: tuple[bytes, bytes, Source] = (nothing, b"", Source("", "", None, None, None))
        self._tags: tuple[bytes, dict[str, str]] = (nothing, {})
        self._recent_tags = _Recent[dict[str, str]]()

    def receipt(self, data: bytes) -> Receipt | None:
        """The claims, or None if they are not an ordinary receipt's: ``cached`` stated, and every identity of the tokens kept.

        Those of a charge and of units are not looked at.
        """
        row = self.row(data)
        return None if row is None else receipt_of(row)

    def row(self, data: bytes) -> Row | None:
        """The same as a plain tuple, for who reads very many."""
        try:
            return self._row(data)
        except (IndexError, ValueError, struct.error):
            return None

    def _row(self, data: bytes) -> Row | None:
        size = len(data)
        head, names = self._head
        if not data.startswith(head, 1):
            head, names = self._read_head(data)
        at = 1 + len(head)

        # 5 to 7: sequence, previous and time, which mostly take two, 32 and eight bytes.
        previous: bytes | None
        one, sequence, six, size_of, previous, seven, time = _USUAL_PLACE.unpack_from(data, at)
        if (
            one == 0x19
            and sequence > 0xFF
            and six == 0x0658
            and size_of == 0x20
            and seven == 0x071B
            and 0xFFFFFFFF < time < MAX_TIME
        ):
            at += _USUAL_PLACE.size
            fields = 0xAA
        else:
            sequence, previous, time, at = _place(data, at)
            fields = 0xA9 if previous is None else 0xAA
        length = data[at + 1] - 0x60
        if data[at] != 8:
            return None
        if 0 < length < 0x18:
            begin = at + 2
        elif length == 0x18:
            begin, length = at + 3, data[at + 2]
            if length < 0x18:
                return None
        else:
            return None
        at = begin + length
        request = data[begin:at]
        if not request.isascii():
            request.decode()
        encoded, model = self._model
        if not data.startswith(encoded, at):
            encoded, model = self._read_model(data, at)
        at += len(encoded)

        # 10: input, which satisfies identities 1 and 2. Its three counts mostly take two bytes each.
        head, logical, two, cached, three, attributed = _USUAL_INPUT.unpack_from(data, at)
        if (
            head & 0xFF00FFFF == 0x0A000119
            and two == 0x0219
            and three == 0x0319
            and logical > 0xFF < cached
            and attributed > 0xFF
        ):
            entries = data[at + 1]
            at += 14
        else:
            entries, logical, cached, attributed, at = _input(data, at)
        if cached + attributed != logical:
            return None
        writes = None
        if entries == 0xA4:
            if data[at] != 4:
                return None
            writes, at = _writes(data, at + 1, attributed)
        elif entries != 0xA3:
            return None

        output = reasoning = cache = source = usage = charge = tags = client = units = None
        if at < size and data[at] == 11:
            fields += 1
            if data[at + 1 : at + 4] == b"\xa1\x01\x19" and data[at + 4]:
                output = data[at + 4] << 8 | data[at + 5]
                at += 6
            else:
                output, reasoning, at = _output(data, at + 1)
        if at < size and data[at] == 12:
            fields += 1
            cache, at = _cache(data, at + 1, logical, cached)
        if at < size and data[at] == 13:
            fields += 1
            before, after, source = self._source
            begin = at + len(before)
            if data.startswith(before, at) and data.startswith(after, begin + 32):
                usage = data[begin : begin + 32]
                at = begin + 32 + len(after)
            else:
                source, usage, at = self._read_source(data, at)
        if at < size and data[at] == 14:
            fields += 1
            charge, at = _charge(data, at + 1)
        if at < size and data[at] == 15:
            fields += 1
            encoded, tags = self._tags
            if not data.startswith(encoded, at):
                encoded, tags = self._read_tags(data, at)
            at += len(encoded)
        if at < size and data[at] == 16:
            fields += 1
            client, at = _short_bytes(data, at + 1)
        if at < size and data[at] == 17:
            fields += 1
            units, at = _units(data, at + 1)
        if at != size or data[0] != fields:
            return None
        return (
            names, sequence, previous, time, request, model, logical, cached, attributed, writes,
            output, reasoning, cache, source, usage, charge, tags, client, units,
        )  # fmt: skip

    def _read_head(self, data: bytes) -> tuple[bytes, Names]:
        """Version, issuer, account, stream, and the label of the sequence."""
        known = self._heads.find(data, 1)
        if known is None:
            if data[1:4] != b"\x01\x01\x02":
                raise ValueError
            issuer, at = _text(data, 4)
            if data[at] != 3:
                raise ValueError
            account, at = _text(data, at + 1)
            if data[at] != 4:
                raise ValueError
            stream, at = _text(data, at + 1)
            if data[at] != 5:
                raise ValueError
            known = self._heads.add(data, 1, at + 1, (issuer, account, stream))
        self._head = known
        return known

    def _read_model(self, data: bytes, at: int) -> tuple[bytes, str]:
        """The label of the model, and the model."""
        known = self._models.find(data, at)
        if known is None:
            if data[at] != 9:
                raise ValueError
            model, end = _text(data, at + 1)
            known = self._models.add(data, at, end, model)
        self._model = known
        return known

    def _read_source(self, data: bytes, at: int) -> tuple[Source, bytes | None, int]:
        """The label of the source, and the source. The hash of the usage object is different in each receipt."""
        source, usage_at, end = _source(data, at + 1)
        if usage_at is not None and end <= len(data):
            self._source = data[at:usage_at], data[usage_at + 32 : end], source
        return source, source.usage, end

    def _read_tags(self, data: bytes, at: int) -> tuple[bytes, dict[str, str]]:
        """The label of the tags, and the tags."""
        known = self._recent_tags.find(data, at)
        if known is None:
            tags, end = _tags(data, at + 1)
            known = self._recent_tags.add(data, at, end, tags)
        self._tags = known
        return known


def receipt_of(row: Row) -> Receipt:
    """A row as claims."""
    names, *place, request, model, logical, cached, attributed, writes = row[:OUTPUT]
    output, reasoning, cache, source, usage, charge, tags, client, units = row[OUTPUT:]
    if source is not None and usage is not None:
        source = source._replace(usage=usage)
    counts = (logical, cached, attributed, writes, output, reasoning)
    more = (source, charge, tags, client, units)
    cached_prefixes = cache or (None, (), ())
    return Receipt._make(
        (
            *names,
            *place,
            request.decode(),
            model,
            *counts,
            *cached_prefixes,
            *more,
            None,
            None,
            None,
        )
    )


def _place(data: bytes, at: int) -> tuple[int, bytes | None, int, int]:
    """A sequence, previous (None: the sequence is 0) and time, of any width."""
    sequence, at = _uint(data, at)
    previous = None
    if sequence:
        if data[at : at + 3] != b"\x06\x58\x20":
            raise ValueError
        previous = data[at + 3 : at + 35]
        at += 35
    if data[at] != 7:
        raise ValueError
    time, at = _uint(data, at + 1)
    if time >= MAX_TIME:
        raise ValueError
    return sequence, previous, time, at


def _uint(data: bytes, at: int) -> tuple[int, int]:
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


def _text(data: bytes, at: int) -> tuple[str, int]:
    """A text of 1 to 255 bytes in its shortest form."""
    first = data[at]
    if 0x60 < first < 0x78:
        end = at + first - 0x5F
        return data[at + 1 : end].decode(), end
    if first == 0x78 and data[at + 1] > 0x17:
        end = at + 2 + data[at + 1]
        return data[at + 2 : end].decode(), end
    raise ValueError


def _short_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """A byte string of 1 to 64."""
    first = data[at]
    if 0x40 < first < 0x58:
        end = at + first - 0x3F
        return data[at + 1 : end], end
    if first == 0x58 and 0x18 <= data[at + 1] <= 64:
        end = at + 2 + data[at + 1]
        return data[at + 2 : end], end
    raise ValueError


def _input(data: bytes, at: int) -> tuple[int, int, int, int, int]:
    """The label and head of the input map, and logical, cached and attributed tokens, of any width."""
    entries = data[at + 1]
    if data[at] != 10 or data[at + 2] != 1:
        raise ValueError
    logical, at = _uint(data, at + 3)
    if data[at] != 2:
        raise ValueError
    cached, at = _uint(data, at + 1)
    if data[at] != 3:
        raise ValueError
    attributed, at = _uint(data, at + 1)
    return entries, logical, cached, attributed, at


def _writes(data: bytes, at: int, most: int) -> tuple[dict[int, int], int]:
    """Cache writes by TTL, which are no more than ``most``."""
    entries = data[at] - 0xA0
    if not 1 <= entries <= 16:
        raise ValueError
    at += 1
    writes, before = {}, -1
    for _ in range(entries):
        if data[at] == 0x19 and data[at + 1]:
            ttl = data[at + 1] << 8 | data[at + 2]
            at += 3
        else:
            ttl, at = _uint(data, at)
        if data[at] == 0x19 and data[at + 1]:
            tokens = data[at + 1] << 8 | data[at + 2]
            at += 3
        else:
            tokens, at = _uint(data, at)
        if ttl <= before:
            raise ValueError
        before = ttl
        writes[ttl] = tokens
        most -= tokens
    if most < 0:
        raise ValueError
    return writes, at


def _output(data: bytes, at: int) -> tuple[int, int | None, int]:
    """Output and reasoning tokens, which satisfy identity 3, and where they end."""
    entries = data[at]
    if data[at + 1] != 1 or entries not in (0xA1, 0xA2):
        raise ValueError
    output, at = _uint(data, at + 2)
    if entries == 0xA1:
        return output, None, at
    if data[at] != 2:
        raise ValueError
    reasoning, at = _uint(data, at + 1)
    if reasoning > output:
        raise ValueError
    return output, reasoning, at


def _cache(data: bytes, at: int, logical: int, cached: int) -> tuple[_Cache, int]:
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
    recipe, at = _text(data, at + 2)
    if data[at] != 2:
        raise ValueError
    identifier, at = _short_bytes(data, at + 1)
    if data[at] != 3:
        raise ValueError
    prefix, at = _uint(data, at + 1)
    if not 1 <= prefix <= longest:
        raise ValueError
    return CacheEntry(recipe, identifier, prefix), at


def _source(data: bytes, at: int) -> tuple[Source, int | None, int]:
    """The source, where in it the hash of the usage object is, and where it ends."""
    left = data[at] - 0xA2
    if data[at + 1] != 1 or not 0 <= left <= 4:
        raise ValueError
    provider, at = _text(data, at + 2)
    if data[at] != 2:
        raise ValueError
    api, at = _text(data, at + 1)
    usage = usage_at = tier = miss = terms = None
    if left and data[at : at + 3] == b"\x03\x58\x20":
        usage_at = at + 3
        usage = data[usage_at : usage_at + 32]
        at += 35
        left -= 1
    if left and data[at] == 4:
        tier, at = _text(data, at + 1)
        left -= 1
    if left and data[at] == 5:
        miss, at = _text(data, at + 1)
        left -= 1
    if left and data[at] == 6:
        if data[at + 1] > 0xB0:
            raise ValueError
        terms, at = _tags(data, at + 1)
        left -= 1
    if left:
        raise ValueError
    return Source(provider, api, usage, tier, miss, terms), usage_at, at


def _charge(data: bytes, at: int) -> tuple[Charge, int]:
    """Currency, card, amount and lines, which are as they are to be, each by itself."""
    currency = data[at + 3 : at + 6]
    if data[at : at + 3] != b"\xa4\x01\x63" or not (currency.isalpha() and currency.isupper()):
        raise ValueError
    if data[at + 6 : at + 9] != b"\x02\x58\x20" or data[at + 41] != 3:
        raise ValueError
    card = data[at + 9 : at + 41]
    amount, at = _uint(data, at + 42)
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
        ttl, at = _uint(data, at + 1)
        left -= 1
    numbers = []
    for label in (3, 4, 5):
        if data[at] != label:
            raise ValueError
        number, at = _uint(data, at + 1)
        numbers.append(number)
    if left and data[at] == 6:
        unit, at = _text(data, at + 1)
        left -= 1
    if left and data[at] == 7:
        per, at = _uint(data, at + 1)
        left -= 1
    quantity, rate, amount = numbers
    if left or not can_price(kind, unit) or not is_reduced(rate, per):
        raise ValueError
    return ChargeLine(kind, ttl, quantity, rate, amount, unit, per or 1), at


def _units(data: bytes, at: int) -> tuple[dict[str, int], int]:
    length = data[at] - 0xA0
    if not 1 <= length < 24:
        raise ValueError
    at += 1
    units, before = {}, b""
    for _ in range(length):
        start = at
        unit, at = _text(data, at)
        encoded = data[start:at]
        if encoded <= before or not is_unit(unit):
            raise ValueError
        before = encoded
        units[unit], at = _uint(data, at)
    return units, at


def _tags(data: bytes, at: int) -> tuple[dict[str, str], int]:
    length = data[at] - 0xA0
    if not 1 <= length < 24:
        raise ValueError
    at += 1
    tags, before = {}, b""
    for _ in range(length):
        start = at
        key, at = _text(data, at)
        encoded = data[start:at]
        if encoded <= before:
            raise ValueError
        before = encoded
        tags[key], at = _text(data, at)
    return tags, at

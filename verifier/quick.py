"""The claims of an ordinary receipt, fast: one pass over the bytes, without intermediate values.

`QuickReader.receipt` returns exactly what `cbor.decode` and `schema.receipt` would return, if the receipt has the usual
fields and no fault in its numbers; else None, which means "take the slow way". It never reports a fault itself.
tests/test_quick.py holds the two ways together.

Every function takes the bytes and where a value begins, and returns the value and where it ends. Whatever is not
in order raises: `ValueError` here, `IndexError` where the bytes end early.
"""

from __future__ import annotations

from verifier.claims import CacheEntry, Receipt, Source
from verifier.schema import MAX_TIME

_Names = tuple[str, str, str]
_Input = tuple[int, int, int, dict[int, int] | None]
_Cache = tuple[CacheEntry | None, tuple[CacheEntry, ...], tuple[CacheEntry, ...]]


class QuickReader:
    """Reads receipts one after the other.

    The receipts of a stream share issuer, account and stream, and mostly tags. So the reader keeps the encoding of the last
    ones, and compares before it parses.
    """

    def __init__(self) -> None:
        self._head = b"\xff"  # which begins no receipt
        self._names: _Names = ("", "", "")
        self._tags = b"\xff"
        self._tag_values: dict[str, str] = {}
        self._source = (b"\xff", b"")
        self._source_values = Source("", "", None, None, None)

    def receipt(self, data: bytes) -> Receipt | None:
        """The claims, or None if they are not an ordinary receipt's: ``cached`` stated, every identity kept."""
        try:
            return self._receipt(data)
        except (IndexError, ValueError):
            return None

    def _receipt(self, data: bytes) -> Receipt | None:
        size = len(data)
        fields = 9  # 1 to 5 and 7 to 10 are always there; the map's head must agree with the rest
        if data.startswith(self._head, 1):
            names, at = self._names, 1 + len(self._head)
        else:
            names, at = self._read_head(data)
        sequence, at = _uint(data, at)
        previous = None
        if sequence:
            if data[at : at + 3] != b"\x06\x58\x20":
                return None
            previous = data[at + 3 : at + 35]
            at += 35
            fields = 10
        if data[at] != 7:
            return None
        time, at = _uint(data, at + 1)
        if data[at] != 8 or time >= MAX_TIME:
            return None
        request, at = _text(data, at + 1)
        if data[at] != 9:
            return None
        model, at = _text(data, at + 1)
        if data[at] != 10:
            return None
        (logical, cached, attributed, writes), at = _input(data, at + 1)

        output = reasoning = source = tags = client = None
        cache: _Cache = (None, (), ())
        if at < size and data[at] == 11:
            fields += 1
            (output, reasoning), at = _output(data, at + 1)
        if at < size and data[at] == 12:
            fields += 1
            cache, at = _cache(data, at + 1, logical, cached)
        if at < size and data[at] == 13:
            fields += 1
            source, at = self._read_source(data, at + 1)
        if at < size and data[at] == 15:
            fields += 1
            tags, at = self._read_tags(data, at + 1)
        if at < size and data[at] == 16:
            fields += 1
            client, at = _short_bytes(data, at + 1)
        if at != size or data[0] != 0xA0 + fields:
            return None
        counts = (logical, cached, attributed, writes, output, reasoning)
        return Receipt._make(
            (
                *names,
                sequence,
                previous,
                time,
                request,
                model,
                *counts,
                *cache,
                source,
                None,
                tags,
                client,
            )
        )

    def _read_head(self, data: bytes) -> tuple[_Names, int]:
        """Version, issuer, account, stream, and the label of the sequence."""
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
        self._head, self._names = data[1 : at + 1], (issuer, account, stream)
        return self._names, at + 1

    def _read_source(self, data: bytes, at: int) -> tuple[Source, int]:
        """The source: all but the hash of the usage object is mostly that of the last receipt."""
        before, after = self._source
        usage_at = at + len(before)
        if data.startswith(before, at) and data.startswith(after, usage_at + 32):
            provider, api, _, tier, miss = self._source_values
            usage = data[usage_at : usage_at + 32]
            return Source(provider, api, usage, tier, miss), usage_at + 32 + len(after)
        source, found_at, end = _source(data, at)
        if found_at is not None:
            self._source = data[at:found_at], data[found_at + 32 : end]
            self._source_values = source
        return source, end

    def _read_tags(self, data: bytes, at: int) -> tuple[dict[str, str], int]:
        if data.startswith(self._tags, at):
            return self._tag_values, at + len(self._tags)
        tags, end = _tags(data, at)
        self._tags, self._tag_values = data[at:end], tags
        return tags, end


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


def _input(data: bytes, at: int) -> tuple[_Input, int]:
    """Logical, cached, attributed and writes, which satisfy identities 1 and 2."""
    entries = data[at]
    if data[at + 1] != 1 or entries not in (0xA3, 0xA4):
        raise ValueError
    logical, at = _uint(data, at + 2)
    if data[at] != 2:
        raise ValueError
    cached, at = _uint(data, at + 1)
    if data[at] != 3:
        raise ValueError
    attributed, at = _uint(data, at + 1)
    if cached + attributed != logical:
        raise ValueError
    if entries == 0xA3:
        return (logical, cached, attributed, None), at
    if data[at] != 4:
        raise ValueError
    writes, at = _writes(data, at + 1, attributed)
    return (logical, cached, attributed, writes), at


def _writes(data: bytes, at: int, most: int) -> tuple[dict[int, int], int]:
    entries = data[at] - 0xA0
    if not 1 <= entries <= 16:
        raise ValueError
    at += 1
    writes, written, before = {}, 0, -1
    for _ in range(entries):
        ttl, at = _uint(data, at)
        tokens, at = _uint(data, at)
        if ttl <= before:
            raise ValueError
        before = ttl
        written += tokens
        writes[ttl] = tokens
    if written > most:
        raise ValueError
    return writes, at


def _output(data: bytes, at: int) -> tuple[tuple[int, int | None], int]:
    """Output and reasoning tokens, which satisfy identity 3."""
    entries = data[at]
    if data[at + 1] != 1 or entries not in (0xA1, 0xA2):
        raise ValueError
    output, at = _uint(data, at + 2)
    if entries == 0xA1:
        return (output, None), at
    if data[at] != 2:
        raise ValueError
    reasoning, at = _uint(data, at + 1)
    if reasoning > output:
        raise ValueError
    return (output, reasoning), at


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
    if data[at + 1] != 1 or not 0 <= left <= 3:
        raise ValueError
    provider, at = _text(data, at + 2)
    if data[at] != 2:
        raise ValueError
    api, at = _text(data, at + 1)
    usage = usage_at = tier = miss = None
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
    if left:
        raise ValueError
    return Source(provider, api, usage, tier, miss), usage_at, at


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

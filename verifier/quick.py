"""The claims of an ordinary receipt, fast: one pass over the bytes, no intermediate values.

`receipt` either returns exactly what `cbor.decode` and `schema.receipt` would return for a receipt without any fault in its
numbers, or None: "look at it the slow way". It never reports a fault itself. tests/test_quick.py holds the two together.
"""

from __future__ import annotations

from verifier.claims import CacheEntry, Receipt, Source
from verifier.schema import MAX_TIME


def receipt(data: bytes) -> Receipt | None:
    """The claims, if they are an ordinary receipt's: every identity holds and ``cached`` is stated."""
    try:
        return _receipt(data)
    except (IndexError, ValueError):
        # The bytes ended early, a number was not in its shortest form, or text was not UTF-8.
        return None


def _uint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned integer in its shortest form, and where it ends."""
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
    """A text of 1 to 255 bytes in its shortest form, and where it ends."""
    first = data[at]
    if 0x60 < first < 0x78:
        end = at + first - 0x5F
        return data[at + 1 : end].decode(), end
    if first == 0x78 and data[at + 1] > 0x17:
        end = at + 2 + data[at + 1]
        return data[at + 2 : end].decode(), end
    raise ValueError


def _receipt(data: bytes) -> Receipt | None:
    size = len(data)
    fields = (
        9  # 1 to 5 and 7 to 10; counted to the end, since the map's head says how many there are
    )
    if data[1:4] != b"\x01\x01\x02":
        return None
    issuer, at = _text(data, 4)
    if data[at] != 3:
        return None
    account, at = _text(data, at + 1)
    if data[at] != 4:
        return None
    stream, at = _text(data, at + 1)
    if data[at] != 5:
        return None
    sequence, at = _uint(data, at + 1)
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
    if data[at] != 8:
        return None
    request, at = _text(data, at + 1)
    if data[at] != 9:
        return None
    model, at = _text(data, at + 1)

    # 10: input. Entries left: logical, cached, attributed and perhaps writes.
    entries = data[at + 1]
    if data[at] != 10 or data[at + 2] != 1 or not 0xA3 <= entries <= 0xA4:
        return None
    logical, at = _uint(data, at + 3)
    if data[at] != 2:
        return None
    cached, at = _uint(data, at + 1)
    if data[at] != 3:
        return None
    attributed, at = _uint(data, at + 1)
    if cached + attributed != logical or time >= MAX_TIME:
        return None
    writes = None
    if entries == 0xA4:
        entries = data[at + 1]
        if data[at] != 4 or not 0xA1 <= entries <= 0xB0:
            return None
        at += 2
        writes = {}
        written, before = 0, -1
        for _ in range(entries - 0xA0):
            ttl, at = _uint(data, at)
            tokens, at = _uint(data, at)
            if ttl <= before:
                return None
            before = ttl
            written += tokens
            writes[ttl] = tokens
        if written > attributed:
            return None

    output = reasoning = read = source = tags = client = None
    cache_writes: tuple[CacheEntry, ...] = ()
    commitments: tuple[CacheEntry, ...] = ()
    label = data[at] if at < size else 0
    if label == 11:
        fields += 1
        entries = data[at + 1]
        if data[at + 2] != 1 or not 0xA1 <= entries <= 0xA2:
            return None
        output, at = _uint(data, at + 3)
        if entries == 0xA2:
            if data[at] != 2:
                return None
            reasoning, at = _uint(data, at + 1)
            if reasoning > output:
                return None
        label = data[at] if at < size else 0
    if label == 12:
        fields += 1
        entries = data[at + 1] - 0xA0
        at += 2
        if not 1 <= entries <= 3:
            return None
        if data[at] == 1:
            read, at = _entry(data, at + 1)
            entries -= 1
            if read.prefix != cached:
                return None
        if entries and data[at] == 2:
            cache_writes, at = _entries(data, at + 1, logical)
            entries -= 1
        if entries and data[at] == 3:
            commitments, at = _entries(data, at + 1, logical)
            entries -= 1
        if entries:
            return None
        label = data[at] if at < size else 0
    if label == 13:
        fields += 1
        source, at = _source(data, at + 1)
        label = data[at] if at < size else 0
    if label == 15:
        fields += 1
        tags, at = _tags(data, at + 1)
        label = data[at] if at < size else 0
    if label == 16:
        fields += 1
        client, at = _short_bytes(data, at + 1)
    if at != size or data[0] != 0xA0 + fields:
        return None
    return Receipt._make(
        (
            issuer,
            account,
            stream,
            sequence,
            previous,
            time,
            request,
            model,
            logical,
            cached,
            attributed,
            writes,
            output,
            reasoning,
            read,
            cache_writes,
            commitments,
            source,
            None,
            tags,
            client,
        )
    )


def _short_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """A byte string of 1 to 64, and where it ends."""
    first = data[at]
    if 0x40 < first < 0x58:
        end = at + first - 0x3F
        return data[at + 1 : end], end
    if first == 0x58 and 0x18 <= data[at + 1] <= 64:
        end = at + 2 + data[at + 1]
        return data[at + 2 : end], end
    raise ValueError


def _entry(data: bytes, at: int) -> tuple[CacheEntry, int]:
    if data[at : at + 2] != b"\xa3\x01":
        raise ValueError
    recipe, at = _text(data, at + 2)
    if data[at] != 2:
        raise ValueError
    identifier, at = _short_bytes(data, at + 1)
    if data[at] != 3:
        raise ValueError
    prefix, at = _uint(data, at + 1)
    if not prefix:
        raise ValueError
    return CacheEntry(recipe, identifier, prefix), at


def _entries(data: bytes, at: int, most: int) -> tuple[tuple[CacheEntry, ...], int]:
    length = data[at]
    if not 0x81 <= length <= 0x97:
        raise ValueError
    at += 1
    entries = []
    for _ in range(length - 0x80):
        entry, at = _entry(data, at)
        if entry.prefix > most:
            raise ValueError
        entries.append(entry)
    return tuple(entries), at


def _source(data: bytes, at: int) -> tuple[Source, int]:
    entries = data[at] - 0xA2
    if data[at + 1] != 1 or not 0 <= entries <= 3:
        raise ValueError
    provider, at = _text(data, at + 2)
    if data[at] != 2:
        raise ValueError
    api, at = _text(data, at + 1)
    usage = tier = miss = None
    if entries and data[at : at + 3] == b"\x03\x58\x20":
        usage = data[at + 3 : at + 35]
        at += 35
        entries -= 1
    if entries and data[at] == 4:
        tier, at = _text(data, at + 1)
        entries -= 1
    if entries and data[at] == 5:
        miss, at = _text(data, at + 1)
        entries -= 1
    if entries:
        raise ValueError
    return Source(provider, api, usage, tier, miss), at


def _tags(data: bytes, at: int) -> tuple[dict[str, str], int]:
    length = data[at]
    if not 0xA1 <= length <= 0xB7:
        raise ValueError
    at += 1
    tags = {}
    before = b""
    for _ in range(length - 0xA0):
        start = at
        key, at = _text(data, at)
        encoded = data[start:at]
        if encoded <= before:
            raise ValueError
        before = encoded
        tags[key], at = _text(data, at)
    return tags, at

"""Claims as bytes: those of an ordinary request by templates, all others by `receipts.claims` and cbor2.

Both ways give the same bytes, the deterministic encoding (RFC 8949 section 4.2.1); a test holds them together. The templates take what
is surely right, and leave all else to the other way: what is wrong is said there, and there only.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import cbor2

from receipts import limits
from receipts.claims import request_claims
from receipts.labels import CACHE, CACHE_ENTRY, INPUT, OUTPUT, RECEIPT, SOURCE, SPAN
from receipts.request import Cache, CacheEntry, Counts, Request, Source

_BYTES, _TEXT, _ARRAY, _MAP = 2, 3, 4, 5
"""Major types (RFC 8949 section 3.1); that of an unsigned integer is 0."""


EncodedClaims = tuple[int, bytes, int | None]
"""The claims of a receipt that do not depend on its place: how many they are; their labels and values, one after the other, without the
head of the map; and in ms, the end of the span that the receipt is for, if it is for one."""


class _UnusualError(Exception):
    """Nothing for the templates: unusual, or wrong."""


def encoded_claims(request: Request) -> EncodedClaims:
    """The claims of a request, checked and encoded.

    Raises:
        ReceiptError: a field breaks a rule of spec/receipt.md.
    """
    try:
        return _by_template(**request)
    except (_UnusualError, KeyError, TypeError, UnicodeEncodeError):
        pass  # a KeyError is also a number or a size that is in no table
    claims: dict[int, Any] = request_claims(**request)
    span = claims.get(RECEIPT["span"])
    # The labels are in ascending order, so the plain encoding is the deterministic one. The head of so small a map is a byte.
    data = cbor2.dumps(claims)[1:]
    return len(claims), data, None if span is None else span[SPAN["end"]]


def _heads(major: int, sizes: range) -> dict[int, bytes]:
    """The heads of values of a major type, by size."""
    plain = {size: cbor2.dumps(size) for size in sizes}
    return {size: bytes((head[0] | major << 5, *head[1:])) for size, head in plain.items()}


_SMALL: Final = _heads(0, range(0x100))
_NAMES: Final = _heads(_TEXT, range(1, limits.MAX_NAME + 1))
_TEXTS: Final = _heads(_TEXT, range(limits.MAX_NAME + 1))
_OCTETS: Final = _heads(_BYTES, range(1, limits.MAX_OCTETS + 1))
_TAGS: Final = _heads(_MAP, range(1, limits.MAX_ENTRIES + 1))
_KINDS: Final = _heads(_MAP, range(1, len(CACHE) + 1))
_ENTRIES: Final = _heads(_ARRAY, range(1, limits.MAX_ENTRIES + 1))
_WRITES: Final = _heads(_MAP, range(1, limits.MAX_WRITES + 1))
_RECEIPTS: Final = _heads(_MAP, range(len(RECEIPT) + 1))
_DIGEST: Final = b"\x58\x20"
"""The head of a digest: 32 bytes."""
_KEPT: Final = 1024
"""Models, sources, and sets of TTLs and of tags whose bytes are kept: requests mostly have those of others before them."""


def _uint(value: int) -> bytes:
    """An unsigned integer in its shortest form."""
    if type(value) is not int:
        raise _UnusualError
    if value < 0x100:
        return _SMALL[value]  # negative numbers are not in there
    if value < 0x1_0000:
        return (0x19_0000 | value).to_bytes(3, "big")
    if value < 0x1_0000_0000:
        return (0x1A_0000_0000 | value).to_bytes(5, "big")
    if value < 1 << 64:
        return (0x1B << 64 | value).to_bytes(9, "big")
    raise _UnusualError


def _text(value: str, heads: Mapping[int, bytes] = _NAMES) -> bytes:
    """A text of a size that has a head: 1 to 512 bytes."""
    if type(value) is not str:
        raise _UnusualError
    data = value.encode()
    return heads[len(data)] + data


def _map(heads: Mapping[int, bytes], entries: list[bytes]) -> bytes:
    """A map of a size that has a head. No encoded key is the beginning of another one, so entries sort as their keys do."""
    entries.sort()
    return heads[len(entries)] + b"".join(entries)


def _pairs(table: Mapping[str, int], *names: str) -> bytes:
    """A template for some fields of a map: the label of each, and a place for its value."""
    return b"".join(b"%c%%b" % table[name] for name in names)


def _fields(table: Mapping[str, int], *names: str) -> bytes:
    """A template for a map with just these fields."""
    return b"%c" % (0xA0 | len(names)) + _pairs(table, *names)


_REQUEST: Final = b"%c" % RECEIPT["request"]
_MODEL: Final = _pairs(RECEIPT, "model")
_LOGICAL: Final = _pairs(RECEIPT, "input") % _fields(INPUT, "logical")
_CACHED: Final = _pairs(RECEIPT, "input") % _fields(INPUT, "logical", "cached", "attributed")
_WRITTEN: Final = _pairs(RECEIPT, "input") % _fields(
    INPUT, "logical", "cached", "attributed", "writes"
)
_OUTPUT: Final = _pairs(RECEIPT, "output") % _fields(OUTPUT, "tokens")
_REASONED: Final = _pairs(RECEIPT, "output") % _fields(OUTPUT, "tokens", "reasoning")
_CACHE: Final = _pairs(RECEIPT, "cache")
_READ: Final = _pairs(CACHE, "read")
_CACHE_WRITES: Final = _pairs(CACHE, "writes")
_COMMITMENTS: Final = _pairs(CACHE, "commitments")
_ENTRY: Final = _fields(CACHE_ENTRY, "recipe", "id", "prefix")
_SOURCE: Final = _pairs(RECEIPT, "source") % _fields(SOURCE, "provider", "api", "usage")
_TIERED: Final = _pairs(RECEIPT, "source") % _fields(SOURCE, "provider", "api", "usage", "tier")
_TIER: Final = _pairs(SOURCE, "tier")
_TAGGED: Final = _pairs(RECEIPT, "tags")
_CLIENT: Final = _pairs(RECEIPT, "client")
_PLACE: Final = _pairs(RECEIPT, "version", "issuer", "account", "stream")
_SEQUENCE: Final = b"%c" % RECEIPT["sequence"]
_PREVIOUS: Final = b"%c" % RECEIPT["previous"] + _DIGEST
_TIME: Final = b"%c" % RECEIPT["time"]


def _by_template(
    request: str,
    model: str,
    counts: Counts,
    cache: Cache | None = None,
    source: Source | None = None,
    tags: Mapping[str, str] | None = None,
    client: bytes | None = None,
    **others: object,
) -> EncodedClaims:
    if others or type(counts) is not Counts or counts.units:
        raise _UnusualError
    parts = [_REQUEST, _text(request), _model(model), _input(counts)]
    if counts.output is not None or counts.reasoning is not None:
        parts.append(_output(counts.output, counts.reasoning))
    if cache is not None:
        parts.append(_cache(cache, counts))
    if source is not None:
        parts.append(_source(source))
    if tags:
        parts.append(_tags(tags))
    if client is not None:
        parts.append(_CLIENT % _octets(client))
    return len(parts) - 1, b"".join(parts), None


@lru_cache(_KEPT, typed=True)
def _model(model: str) -> bytes:
    return _MODEL % _text(model)


def _input(counts: Counts) -> bytes:
    logical, cached, writes = counts.logical, counts.cached, counts.writes
    if cached is None:
        if writes is not None:
            raise _UnusualError
        return _LOGICAL % _uint(logical)
    computed = logical - cached
    if writes is None:
        return _CACHED % (_uint(logical), _uint(cached), _uint(computed))
    if type(writes) is not dict:
        raise _UnusualError
    template, ttls = _written(*writes)
    values = [_uint(logical), _uint(cached), _uint(computed)]
    for ttl in ttls:
        tokens = writes[ttl]
        computed -= tokens
        values.append(_uint(tokens))
    if computed < 0:
        raise _UnusualError
    return template % tuple(values)


@lru_cache(_KEPT, typed=True)
def _written(*ttls: int) -> tuple[bytes, tuple[int, ...]]:
    """A template for input that was written with these TTLs, and the TTLs in its order."""
    ordered = tuple(sorted(ttls))
    writes = b"".join([_uint(ttl).replace(b"%", b"%%") + b"%b" for ttl in ordered])
    return _WRITTEN % (b"%b", b"%b", b"%b", _WRITES[len(ttls)] + writes), ordered


def _output(tokens: Any, reasoning: int | None) -> bytes:
    if reasoning is None:
        return _OUTPUT % _uint(tokens)
    if reasoning > tokens:
        raise _UnusualError
    return _REASONED % (_uint(tokens), _uint(reasoning))


def _cache(cache: Cache, counts: Counts) -> bytes:
    read, kinds = cache.read, []
    if read is not None:
        if read.prefix != counts.cached:
            raise _UnusualError
        kinds.append(_READ % _entry(read, counts))
    for template, entries in ((_CACHE_WRITES, cache.writes), (_COMMITMENTS, cache.commitments)):
        if entries:
            encoded = [_entry(entry, counts) for entry in entries]
            kinds.append(template % (_ENTRIES[len(encoded)] + b"".join(encoded)))
    return _CACHE % (_KINDS[len(kinds)] + b"".join(kinds))


def _entry(entry: CacheEntry, counts: Counts) -> bytes:
    if type(entry) is not CacheEntry or not 1 <= entry.prefix <= counts.logical:
        raise _UnusualError
    return _ENTRY % (_text(entry.recipe), _octets(entry.id), _uint(entry.prefix))


def _source(source: Source) -> bytes:
    if type(source) is not Source or source.terms or source.observed or source.miss is not None:
        raise _UnusualError
    usage = source.usage
    if type(usage) is not bytes or len(usage) != limits.DIGEST_SIZE:
        raise _UnusualError
    before, after = _around_usage(source.provider, source.api, source.tier)
    return before + usage + after


@lru_cache(_KEPT, typed=True)
def _around_usage(provider: str, api: str, tier: str | None) -> tuple[bytes, bytes]:
    """What stands before and behind the digest of the usage object."""
    named = _text(provider), _text(api), _DIGEST
    if tier is None:
        return _SOURCE % named, b""
    after = _TIER % _text(tier)
    return (_TIERED % (*named, _text(tier))).removesuffix(after), after


def _tags(tags: Mapping[str, str]) -> bytes:
    if type(tags) is not dict:
        raise _UnusualError
    return _tagged(*tags, *tags.values())


@lru_cache(_KEPT, typed=True)
def _tagged(*names: str) -> bytes:
    """The tags of keys, and their values in the same order."""
    half = len(names) // 2
    encoded = [
        _text(key) + _text(value, _TEXTS)
        for key, value in zip(names[:half], names[half:], strict=True)
    ]
    return _TAGGED % _map(_TAGS, encoded)


def _octets(value: bytes) -> bytes:
    """A byte string of a size that has a head: 1 to 64 bytes."""
    if type(value) is not bytes:
        raise _UnusualError
    return _OCTETS[len(value)] + value


def encoded_place(issuer: str, account: str, stream: str) -> bytes:
    """What all receipts of a stream begin with: claims 1 to 4. The names have been checked."""
    return _PLACE % (_uint(limits.VERSION), _text(issuer), _text(account), _text(stream))


def in_place(
    place: bytes, sequence: int, previous: bytes | None, time: int, claims: EncodedClaims
) -> bytes:
    """All claims of a receipt.

    Args:
        place: as `encoded_place` returns it.
        sequence: of the receipt.
        previous: the digest of the receipt before it, if it is not the first one.
        time: in ms.
        claims: the others.
    """
    pairs, data, _ = claims
    number, moment = _uint(sequence), _uint(time)
    if previous is None:
        return b"".join((_RECEIPTS[pairs + 6], place, _SEQUENCE, number, _TIME, moment, data))
    head = _RECEIPTS[pairs + 7]
    return b"".join((head, place, _SEQUENCE, number, _PREVIOUS, previous, _TIME, moment, data))

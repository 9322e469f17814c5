"""From decoded CBOR to the claims of a receipt or a statement (verification step 6).

One function a table of spec/receipt.md and spec/statement.md, in the order of the tables. What leaves this
module has every field of the right type and size; whether the values agree with each other is another question.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

from verifier.format import labels
from verifier.format.claims import (
    CACHE_WRITE,
    LATE,
    OUTPUT,
    REGULAR,
    CacheEntry,
    Charge,
    ChargeLine,
    Receipt,
    Source,
    Statement,
    StreamEntry,
    Totals,
)
from verifier.format.fields import (
    MAX_TIME,
    ClaimsError,
    Fields,
    digest,
    instant,
    listed,
    name,
    positive,
    short_bytes,
    text,
    uint,
    uint_map,
    version,
)

MAX_STREAMS: Final = 65536


def receipt(value: Any) -> Receipt:
    """The claims of a receipt.

    Raises:
        ClaimsError: a field is missing, unknown, or of a wrong type or size.
    """
    fields = Fields(value, labels.RECEIPT, "")
    fields.take("version", version)
    issuer, account, stream = (fields.take(n, name) for n in ("issuer", "account", "stream"))
    sequence = fields.take("sequence", uint)
    previous = fields.take("previous", digest) if sequence else None
    time, request, model = fields.take("time", instant), *fields.take_all(name, "request", "model")
    logical, cached, attributed, writes = fields.take("input", _input)
    output, reasoning = fields.maybe("output", _output) or (None, None)
    read, cache_writes, commitments = fields.maybe("cache", _cache) or (None, (), ())
    source, charge = fields.maybe("source", _source), fields.maybe("charge", _charge)
    tags, client = fields.maybe("tags", _tags), fields.maybe("client", short_bytes)
    fields.end()
    return Receipt(
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
        charge,
        tags,
        client,
    )


def statement(value: Any) -> Statement:
    """The claims of a statement.

    Raises:
        ClaimsError: a field is missing, unknown, or of a wrong type or size.
    """
    fields = Fields(value, labels.STATEMENT, "")
    fields.take("version", version)
    issuer, account = fields.take_all(name, "issuer", "account")
    number = fields.take("number", uint)
    previous = fields.take("previous", digest) if number else None
    start, end = fields.take("start", instant), fields.take("end", _period_end)
    if end <= start:
        raise ClaimsError("end", f"more than start, {start}", end)
    kind = fields.take("kind", _kind)
    streams, totals = fields.take("streams", _streams), fields.take("totals", _totals)
    fields.end()
    return Statement(issuer, account, number, previous, start, end, kind, streams, totals)


def _period_end(value: Any, path: str) -> int:
    if not 1 <= uint(value, path) <= MAX_TIME:
        raise ClaimsError(path, f"1 to {MAX_TIME}", value)
    return int(value)


def _kind(value: Any, path: str) -> int:
    if value not in (REGULAR, LATE):
        raise ClaimsError(path, "0 (regular) or 1 (late)", value)
    return int(value)


def _input(value: Any, path: str) -> tuple[int, int | None, int | None, dict[int, int] | None]:
    fields = Fields(value, labels.INPUT, path)
    logical, cached = fields.take("logical", uint), fields.maybe("cached", uint)
    attributed = None if cached is None else fields.take("attributed", uint)
    writes = fields.maybe("writes", _writes)
    fields.end()
    return logical, cached, attributed, writes


def _writes(value: Any, path: str) -> dict[int, int]:
    return uint_map(value, path, 16)


def _output(value: Any, path: str) -> tuple[int, int | None]:
    fields = Fields(value, labels.OUTPUT, path)
    counts = fields.take("tokens", uint), fields.maybe("reasoning", uint)
    fields.end()
    return counts


def _cache(
    value: Any, path: str
) -> tuple[CacheEntry | None, tuple[CacheEntry, ...], tuple[CacheEntry, ...]]:
    fields = Fields(value, labels.CACHE, path)
    if not value:
        raise ClaimsError(path, "at least one field", value)
    read = fields.maybe("read", _cache_entry)
    writes = fields.maybe("writes", _cache_entries) or ()
    commitments = fields.maybe("commitments", _cache_entries) or ()
    fields.end()
    return read, writes, commitments


def _cache_entries(value: Any, path: str) -> tuple[CacheEntry, ...]:
    return tuple(
        _cache_entry(entry, f"{path}.{i}") for i, entry in enumerate(listed(value, path, 64))
    )


def _cache_entry(value: Any, path: str) -> CacheEntry:
    fields = Fields(value, labels.CACHE_ENTRY, path)
    entry = CacheEntry(
        fields.take("recipe", name), fields.take("id", short_bytes), fields.take("prefix", positive)
    )
    fields.end()
    return entry


def _source(value: Any, path: str) -> Source:
    fields = Fields(value, labels.SOURCE, path)
    source = Source(
        fields.take("provider", name),
        fields.take("api", name),
        fields.maybe("usage", digest),
        fields.maybe("tier", name),
        fields.maybe("miss", name),
    )
    fields.end()
    return source


def _charge(value: Any, path: str) -> Charge:
    fields = Fields(value, labels.CHARGE, path)
    charge = Charge(
        fields.take("currency", _currency),
        fields.take("card", digest),
        fields.take("amount", uint),
        fields.take("lines", _charge_lines),
    )
    fields.end()
    return charge


def _currency(value: Any, path: str) -> str:
    if not (
        isinstance(value, str)
        and len(value) == 3
        and value.isascii()
        and value.isupper()
        and value.isalpha()
    ):
        raise ClaimsError(path, "three capital letters", value)
    return value


def _charge_lines(value: Any, path: str) -> tuple[ChargeLine, ...]:
    return tuple(
        _charge_line(line, f"{path}.{i}") for i, line in enumerate(listed(value, path, 64))
    )


def _charge_line(value: Any, path: str) -> ChargeLine:
    fields = Fields(value, labels.CHARGE_LINE, path)
    kind = fields.take("class", _charge_class)
    ttl = fields.take("ttl", uint) if kind == CACHE_WRITE else None
    line = ChargeLine(kind, ttl, *fields.take_all(uint, "tokens", "rate", "amount"))
    fields.end()
    return line


def _charge_class(value: Any, path: str) -> int:
    if uint(value, path) > OUTPUT:
        raise ClaimsError(path, "a token class, 0 to 3", value)
    return int(value)


def _tags(value: Any, path: str) -> dict[str, str]:
    if not isinstance(value, dict) or not 1 <= len(value) <= 64:
        raise ClaimsError(path, "a map of 1 to 64 entries", value)
    for key, tag in value.items():
        name(key, f"{path} key")
        text(tag, f"{path}.{key}", 0)
    return value


def _streams(value: Any, path: str) -> tuple[StreamEntry, ...]:
    if not isinstance(value, list) or len(value) > MAX_STREAMS:
        raise ClaimsError(path, f"an array of at most {MAX_STREAMS}", value)
    streams = tuple(_stream(entry, f"{path}.{i}") for i, entry in enumerate(value))
    for before, entry in itertools.pairwise(streams):
        if entry.stream.encode() <= before.stream.encode():
            raise ClaimsError(
                path, f"streams in ascending order, after {before.stream!r}", entry.stream
            )
    return streams


def _stream(value: Any, path: str) -> StreamEntry:
    fields = Fields(value, labels.STREAM, path)
    entry = StreamEntry(
        fields.take("stream", name),
        fields.take("first", uint),
        fields.take("count", positive),
        *fields.take_all(digest, "root", "head"),
    )
    fields.end()
    return entry


def _totals(value: Any, path: str) -> Totals:
    fields = Fields(value, labels.TOTALS, path)
    logical, cached, attributed = (
        fields.maybe(n, uint) for n in ("logical", "cached", "attributed")
    )
    writes = fields.maybe("writes", _total_writes)
    output, reasoning = fields.maybe("output", uint), fields.maybe("reasoning", uint)
    amounts = fields.maybe("amounts", _amounts)
    fields.end()
    return Totals(logical, cached, attributed, writes, output, reasoning, amounts)


def _total_writes(value: Any, path: str) -> dict[int, int]:
    return uint_map(value, path, MAX_STREAMS)


def _amounts(value: Any, path: str) -> dict[str, int]:
    if not isinstance(value, dict) or not value:
        raise ClaimsError(path, "a map of at least 1 entry", value)
    return {_currency(c, f"{path} key"): _amount(a, f"{path}.{c}") for c, a in value.items()}


def _amount(value: Any, path: str) -> int:
    """``[units, picounits]`` as picounits (spec/statement.md, totals)."""
    if not isinstance(value, list) or len(value) != 2:
        raise ClaimsError(path, "[units, picounits]", value)
    units, picounits = (uint(part, path) for part in value)
    if picounits >= 10**12:
        raise ClaimsError(path, "picounits less than 1e12", picounits)
    return units * 10**12 + picounits

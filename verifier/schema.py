"""From decoded CBOR to the claims of a receipt or a statement (verification step 6).

One function a table of spec/receipt.md and spec/statement.md, in the order of the tables. What leaves this
module has every field of the right type and size; whether the values agree with each other is another question.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final

from verifier import labels
from verifier.claims import (
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

MAX_NAME: Final = 512
MAX_STREAMS: Final = 65536
MAX_TIME: Final = 253402300800000
"""The first ms of the year 10000."""


class ClaimsError(ValueError):
    """A field of the claims breaks the tables: which, what was expected, what is there."""

    def __init__(self, field: str, expected: str, actual: object) -> None:
        super().__init__(f"{field}: expected {expected}, found {describe(actual)}")
        self.field = field
        self.expected = expected
        self.actual = describe(actual)


def receipt(value: Any) -> Receipt:
    """The claims of a receipt.

    Raises:
        ClaimsError: a field is missing, unknown, or of a wrong type or size.
    """
    fields = _Fields(value, labels.RECEIPT, "")
    fields.take("version", _version)
    issuer, account, stream = (fields.take(n, _name) for n in ("issuer", "account", "stream"))
    sequence = fields.take("sequence", _uint)
    previous = fields.take("previous", _digest) if sequence else None
    time, request, model = fields.take("time", _time), *fields.take_all(_name, "request", "model")
    logical, cached, attributed, writes = fields.take("input", _input)
    output, reasoning = fields.maybe("output", _output) or (None, None)
    read, cache_writes, commitments = fields.maybe("cache", _cache) or (None, (), ())
    source, charge = fields.maybe("source", _source), fields.maybe("charge", _charge)
    tags, client = fields.maybe("tags", _tags), fields.maybe("client", _short_bytes)
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
    fields = _Fields(value, labels.STATEMENT, "")
    fields.take("version", _version)
    issuer, account = fields.take_all(_name, "issuer", "account")
    number = fields.take("number", _uint)
    previous = fields.take("previous", _digest) if number else None
    start, end = fields.take("start", _time), fields.take("end", _period_end)
    if end <= start:
        raise ClaimsError("end", f"more than start, {start}", end)
    kind = fields.take("kind", _kind)
    streams, totals = fields.take("streams", _streams), fields.take("totals", _totals)
    fields.end()
    return Statement(issuer, account, number, previous, start, end, kind, streams, totals)


class _Fields:
    """The fields of one map, taken one by one; what is left at the end is unknown."""

    def __init__(self, value: Any, table: labels.Table, path: str) -> None:
        if not isinstance(value, dict) or not all(isinstance(key, int) for key in value):
            raise ClaimsError(path or "claims", "a map with integer keys", value)
        self._left = dict(value)
        self._keys = {name: key for key, name in table.items()}
        self._path = f"{path}." if path else ""

    def take(self, name: str, check: Callable[[Any, str], Any]) -> Any:
        value = self.maybe(name, check)
        if value is None:
            raise ClaimsError(self._path + name, "this field", None)
        return value

    def take_all(self, check: Callable[[Any, str], Any], *names: str) -> tuple[Any, ...]:
        return tuple(self.take(name, check) for name in names)

    def maybe(self, name: str, check: Callable[[Any, str], Any]) -> Any:
        value = self._left.pop(self._keys[name], None)
        return None if value is None else check(value, self._path + name)

    def end(self) -> None:
        for key in self._left:
            named = {key: name for name, key in self._keys.items()}
            raise ClaimsError(
                f"{self._path}{named.get(key, key)}", "no such field here", self._left[key]
            )


def _version(value: Any, path: str) -> int:
    if value != 1:
        raise ClaimsError(path, "1", value)
    return 1


def _uint(value: Any, path: str) -> int:
    if not isinstance(value, int):
        raise ClaimsError(path, "an unsigned integer", value)
    return value


def _positive(value: Any, path: str) -> int:
    if _uint(value, path) < 1:
        raise ClaimsError(path, "at least 1", value)
    return int(value)


def _time(value: Any, path: str) -> int:
    if _uint(value, path) >= MAX_TIME:
        raise ClaimsError(path, f"ms before the year 10000, less than {MAX_TIME}", value)
    return int(value)


def _period_end(value: Any, path: str) -> int:
    if not 1 <= _uint(value, path) <= MAX_TIME:
        raise ClaimsError(path, f"1 to {MAX_TIME}", value)
    return int(value)


def _kind(value: Any, path: str) -> int:
    if value not in (REGULAR, LATE):
        raise ClaimsError(path, "0 (regular) or 1 (late)", value)
    return int(value)


def _text(value: Any, path: str, least: int) -> str:
    if not isinstance(value, str) or not least <= len(value.encode()) <= MAX_NAME:
        raise ClaimsError(path, f"text of {least} to {MAX_NAME} bytes", value)
    return value


def _name(value: Any, path: str) -> str:
    return _text(value, path, 1)


def _digest(value: Any, path: str) -> bytes:
    if not isinstance(value, bytes) or len(value) != 32:
        raise ClaimsError(path, "a byte string of 32", value)
    return value


def _short_bytes(value: Any, path: str) -> bytes:
    if not isinstance(value, bytes) or not 1 <= len(value) <= 64:
        raise ClaimsError(path, "a byte string of 1 to 64", value)
    return value


def _input(value: Any, path: str) -> tuple[int, int | None, int | None, dict[int, int] | None]:
    fields = _Fields(value, labels.INPUT, path)
    logical, cached = fields.take("logical", _uint), fields.maybe("cached", _uint)
    attributed = None if cached is None else fields.take("attributed", _uint)
    writes = fields.maybe("writes", _writes)
    fields.end()
    return logical, cached, attributed, writes


def _writes(value: Any, path: str) -> dict[int, int]:
    return _uint_map(value, path, 16)


def _uint_map(value: Any, path: str, most: int) -> dict[int, int]:
    if not isinstance(value, dict) or not 1 <= len(value) <= most:
        raise ClaimsError(path, f"a map of 1 to {most} entries", value)
    for key, tokens in value.items():
        _uint(key, f"{path} key")
        _uint(tokens, f"{path}.{key}")
    return value


def _output(value: Any, path: str) -> tuple[int, int | None]:
    fields = _Fields(value, labels.OUTPUT, path)
    counts = fields.take("tokens", _uint), fields.maybe("reasoning", _uint)
    fields.end()
    return counts


def _cache(
    value: Any, path: str
) -> tuple[CacheEntry | None, tuple[CacheEntry, ...], tuple[CacheEntry, ...]]:
    fields = _Fields(value, labels.CACHE, path)
    if not value:
        raise ClaimsError(path, "at least one field", value)
    read = fields.maybe("read", _cache_entry)
    writes = fields.maybe("writes", _cache_entries) or ()
    commitments = fields.maybe("commitments", _cache_entries) or ()
    fields.end()
    return read, writes, commitments


def _cache_entries(value: Any, path: str) -> tuple[CacheEntry, ...]:
    return tuple(
        _cache_entry(entry, f"{path}.{i}") for i, entry in enumerate(_list(value, path, 64))
    )


def _cache_entry(value: Any, path: str) -> CacheEntry:
    fields = _Fields(value, labels.CACHE_ENTRY, path)
    entry = CacheEntry(
        fields.take("recipe", _name),
        fields.take("id", _short_bytes),
        fields.take("prefix", _positive),
    )
    fields.end()
    return entry


def _list(value: Any, path: str, most: int) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise ClaimsError(path, f"an array of 1 to {most}", value)
    return value


def _source(value: Any, path: str) -> Source:
    fields = _Fields(value, labels.SOURCE, path)
    source = Source(
        fields.take("provider", _name),
        fields.take("api", _name),
        fields.maybe("usage", _digest),
        fields.maybe("tier", _name),
        fields.maybe("miss", _name),
    )
    fields.end()
    return source


def _charge(value: Any, path: str) -> Charge:
    fields = _Fields(value, labels.CHARGE, path)
    charge = Charge(
        fields.take("currency", _currency),
        fields.take("card", _digest),
        fields.take("amount", _uint),
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
    return tuple(_charge_line(line, f"{path}.{i}") for i, line in enumerate(_list(value, path, 64)))


def _charge_line(value: Any, path: str) -> ChargeLine:
    fields = _Fields(value, labels.CHARGE_LINE, path)
    kind = fields.take("class", _charge_class)
    ttl = fields.take("ttl", _uint) if kind == CACHE_WRITE else None
    line = ChargeLine(kind, ttl, *fields.take_all(_uint, "tokens", "rate", "amount"))
    fields.end()
    return line


def _charge_class(value: Any, path: str) -> int:
    if _uint(value, path) > OUTPUT:
        raise ClaimsError(path, "a token class, 0 to 3", value)
    return int(value)


def _tags(value: Any, path: str) -> dict[str, str]:
    if not isinstance(value, dict) or not 1 <= len(value) <= 64:
        raise ClaimsError(path, "a map of 1 to 64 entries", value)
    for key, tag in value.items():
        _name(key, f"{path} key")
        _text(tag, f"{path}.{key}", 0)
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
    fields = _Fields(value, labels.STREAM, path)
    entry = StreamEntry(
        fields.take("stream", _name),
        fields.take("first", _uint),
        fields.take("count", _positive),
        *fields.take_all(_digest, "root", "head"),
    )
    fields.end()
    return entry


def _totals(value: Any, path: str) -> Totals:
    fields = _Fields(value, labels.TOTALS, path)
    logical, cached, attributed = (
        fields.maybe(n, _uint) for n in ("logical", "cached", "attributed")
    )
    writes = fields.maybe("writes", _total_writes)
    output, reasoning = fields.maybe("output", _uint), fields.maybe("reasoning", _uint)
    amounts = fields.maybe("amounts", _amounts)
    fields.end()
    return Totals(logical, cached, attributed, writes, output, reasoning, amounts)


def _total_writes(value: Any, path: str) -> dict[int, int]:
    return _uint_map(value, path, MAX_STREAMS)


def _amounts(value: Any, path: str) -> dict[str, int]:
    if not isinstance(value, dict) or not value:
        raise ClaimsError(path, "a map of at least 1 entry", value)
    return {_currency(c, f"{path} key"): _amount(a, f"{path}.{c}") for c, a in value.items()}


def _amount(value: Any, path: str) -> int:
    """``[units, picounits]`` as picounits (spec/statement.md, totals)."""
    if not isinstance(value, list) or len(value) != 2:
        raise ClaimsError(path, "[units, picounits]", value)
    units, picounits = (_uint(part, path) for part in value)
    if picounits >= 10**12:
        raise ClaimsError(path, "picounits less than 1e12", picounits)
    return units * 10**12 + picounits


def describe(value: object) -> str:
    """A value of decoded claims in few words, for messages."""
    match value:
        case None:
            return "nothing"
        case int():
            return str(value)
        case str():
            return f"text of {len(value.encode())} bytes" if len(value) > 64 else repr(value)
        case bytes():
            return f"a byte string of {len(value)}"
        case list():
            return f"an array of {len(value)}"
        case dict():
            return f"a map of {len(value)}"
    raise TypeError(value)

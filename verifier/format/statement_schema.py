"""From decoded CBOR to the claims of a statement (verification step 6).

One function a table of spec/statement.md, in the order of the tables.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

from verifier.format import labels
from verifier.format.charge_schema import currency
from verifier.format.claims import LATE, REGULAR, Statement, StreamEntry, Totals
from verifier.format.counts_schema import units
from verifier.format.fields import (
    ClaimsError,
    Fields,
    digest,
    instant,
    name,
    period_end,
    positive,
    uint,
    uint_map,
    version,
)

MAX_STREAMS: Final = 65_536
MAX_UNIT_TOTALS: Final = 16_384


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
    start, end = fields.take("start", instant), fields.take("end", period_end)
    if end <= start:
        raise ClaimsError("end", f"more than start, {start}", end)
    kind = fields.take("kind", _kind)
    streams, totals = fields.take("streams", _streams), fields.take("totals", _totals)
    fields.end()
    return Statement(issuer, account, number, previous, start, end, kind, streams, totals)


def _kind(value: Any, path: str) -> int:
    if value not in (REGULAR, LATE):
        raise ClaimsError(path, "0 (regular) or 1 (late)", value)
    return int(value)


def _streams(value: Any, path: str) -> tuple[StreamEntry, ...]:
    if not isinstance(value, list) or len(value) > MAX_STREAMS:
        raise ClaimsError(path, f"an array of at most {MAX_STREAMS}", value)
    streams = tuple(_stream(entry, f"{path}.{i}") for i, entry in enumerate(value))
    for before, entry in itertools.pairwise(streams):
        if entry.stream.encode() <= before.stream.encode():
            raise ClaimsError(
                path, f"streams in ascending order, after '{before.stream}'", entry.stream
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
    sums = _sums(fields)
    corrected, corrections = fields.maybe("corrected", _inner_totals), None
    if corrected is not None:
        corrections = fields.take("corrections", _inner_totals)
    fields.end()
    return sums._replace(corrected=corrected, corrections=corrections)


def _inner_totals(value: Any, path: str) -> Totals:
    fields = Fields(value, labels.TOTALS, path)
    sums = _sums(fields)
    fields.end()
    return sums


def _sums(fields: Fields) -> Totals:
    """Totals 1 to 8."""
    logical, cached, attributed = (
        fields.maybe(n, uint) for n in ("logical", "cached", "attributed")
    )
    writes = fields.maybe("writes", _total_writes)
    output, reasoning = fields.maybe("output", uint), fields.maybe("reasoning", uint)
    amounts, unit_totals = fields.maybe("amounts", _amounts), fields.maybe("units", _total_units)
    return Totals(logical, cached, attributed, writes, output, reasoning, amounts, unit_totals)


def _total_writes(value: Any, path: str) -> dict[int, int]:
    return uint_map(value, path, MAX_STREAMS)


def _total_units(value: Any, path: str) -> dict[str, int]:
    return units(value, path, MAX_UNIT_TOTALS)


def _amounts(value: Any, path: str) -> dict[str, int]:
    if not isinstance(value, dict) or not value:
        raise ClaimsError(path, "a map of at least 1 entry", value)
    return {currency(c, f"{path} key"): _amount(a, f"{path}.{c}") for c, a in value.items()}


def _amount(value: Any, path: str) -> int:
    """``[units, picounits]`` as picounits (spec/statement.md, totals)."""
    if not isinstance(value, list) or len(value) != 2:
        raise ClaimsError(path, "[units, picounits]", value)
    units, picounits = (uint(part, path) for part in value)
    if picounits >= 10**12:
        raise ClaimsError(path, "picounits less than 1e12", picounits)
    return units * 10**12 + picounits

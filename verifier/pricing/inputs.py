"""The input tokens of a request at the rates of a row: how many of each kind were cached, or between how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from verifier.format.card import PriceRow
from verifier.format.claims import CACHE_READ, CACHE_WRITE, UNCACHED, TokenCounts
from verifier.format.units import INSIDE
from verifier.pricing.line import PricedLine, UnpricedError


class Kind(NamedTuple):
    """Tokens of one kind: plain ones, or a part that the row prices apart.

    Attributes:
        tokens: all of them but for those written to a cache.
        low, high: between how many of them were cached.
        input, cached: their rates.
        input_unit, cached_unit: what their lines name; None: they stand in the line of the plain ones.
    """

    tokens: int
    low: int
    high: int
    input: int | None
    cached: int | None
    input_unit: str | None = None
    cached_unit: str | None = None

    @property
    def saving(self) -> int:
        """What a cached token costs less than a computed one; 0 where it cannot be either of the two."""
        return 0 if self.input is None or self.cached is None else self.input - self.cached


def kinds_of(row: PriceRow, counts: TokenCounts, units: Mapping[str, int]) -> list[Kind]:
    """The kinds of the input tokens, the plain ones first.

    Raises:
        UnpricedError: the row has no rate for some of them, or they cannot be told apart.
    """
    parts = [kind for kind in _parts(row, counts, units) if kind is not None]
    written = sum((counts.writes or {}).values())
    plain = counts.logical - written - sum(kind.tokens for kind in parts)
    low, high = 0, plain
    if counts.cached is not None:
        low = max(0, counts.cached - sum(kind.high for kind in parts))
        high = min(plain, counts.cached - sum(kind.low for kind in parts))
    if low > high:
        expected = "tokens of its parts that can be told from those written to a cache"
        raise UnpricedError("units", expected, "more of them than are left")
    kinds = [Kind(plain, low, high, row.input, row.cached), *parts]
    for kind in kinds:
        if kind.input is None and kind.tokens > kind.low:
            raise UnpricedError("input", "a rate for input tokens", "none")
        if kind.cached is None and kind.high > 0:
            raise UnpricedError("input.cached", "a rate for cached tokens", "none")
    return kinds


def _parts(row: PriceRow, counts: TokenCounts, units: Mapping[str, int]) -> list[Kind | None]:
    pairs = zip(INSIDE["logical"], INSIDE["cached"], strict=True)
    return [_part(row, counts.cached, units, *pair) for pair in pairs]


def _part(
    row: PriceRow, cached: int | None, units: Mapping[str, int], part: str, cached_part: str
) -> Kind | None:
    """A part that the row prices apart, where the receipt states it; what of it was cached may not be known."""
    rates = row.parts
    if part not in rates and cached_part not in rates:
        return None
    stated = units.get(cached_part)
    tokens = units.get(part, stated)
    if tokens is None:
        return None
    if stated is not None and stated > tokens:
        raise UnpricedError(f"units.{cached_part}", f"at most {part}, {tokens}", str(stated))
    low = high = stated if stated is not None else 0
    if stated is None and cached != 0:
        high = tokens if cached is None else min(tokens, cached)
    return Kind(
        tokens,
        low,
        high,
        rates.get(part, row.input),
        rates.get(cached_part, row.cached),
        part if part in rates else None,
        cached_part if cached_part in rates else None,
    )


def spread(kinds: Sequence[Kind], cached: int | None, *, dear: bool) -> list[int]:
    """How many tokens of each kind are cached where that costs the most (``dear``) or the least.

    Args:
        kinds: of the input tokens.
        cached: all cached tokens; None: not stated.
        dear: which of the two bounds.
    """
    found = [kind.low for kind in kinds]
    left = None if cached is None else cached - sum(found)
    for at in sorted(range(len(kinds)), key=lambda at: kinds[at].saving, reverse=not dear):
        room = kinds[at].high - kinds[at].low
        if left is not None:
            found[at] += min(room, left)
            left -= min(room, left)
        elif (kinds[at].saving < 0) is dear:
            found[at] += room
    return found


def input_lines(row: PriceRow, counts: TokenCounts, kinds: Sequence[Kind], *, dear: bool) -> list[PricedLine]:  # fmt: skip
    """The lines of the input at a bound of its price: uncached, cached, writes."""
    quantities: dict[tuple[int, str | None, int | None], int] = {}
    for kind, cached in zip(kinds, spread(kinds, counts.cached, dear=dear), strict=True):
        uncached_key = (UNCACHED, kind.input_unit, kind.input)
        cached_key = (CACHE_READ, kind.cached_unit, kind.cached)
        for key, quantity in ((uncached_key, kind.tokens - cached), (cached_key, cached)):
            quantities[key] = quantities.get(key, 0) + quantity
    lines = [
        PricedLine(kind, None, quantity, rate, unit)
        for (kind, unit, rate), quantity in sorted(quantities.items(), key=_order)
        if quantity and rate is not None
    ]
    written = (counts.writes or {}).items()
    return lines + [
        PricedLine(CACHE_WRITE, ttl, tokens, write_rates(row, ttl)[dear])
        for ttl, tokens in sorted(written)
        if tokens
    ]


def _order(item: tuple[tuple[int, str | None, int | None], int]) -> tuple[int, str]:
    (kind, unit, _), _ = item
    return kind, unit or ""


def write_rates(row: PriceRow, ttl: int) -> tuple[int, int]:
    """Between which rates a write of a TTL costs; of one that is not stated, each rate of the row may be it.

    Raises:
        UnpricedError: the row has no rate for it.
    """
    if ttl in row.writes:
        return row.writes[ttl], row.writes[ttl]
    if ttl or not row.writes:
        raise UnpricedError(f"input.writes.{ttl}", "a rate for writes of this TTL", "none")
    return min(row.writes.values()), max(row.writes.values())

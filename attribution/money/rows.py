"""What attribution needs of a receipt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from verifier import RowBlock, VerifiedRows

COLUMNS: Final = (
    "request", "model", "logical", "cached", "writes", "output", "reasoning", "cache", "source", "tags", "units",
)  # fmt: skip
"""The columns of verified rows that are read."""
_NOTHING: Final[Mapping[str, Any]] = {}


class Row(NamedTuple):
    """One request: counts in tokens, time in ms; None is unknown, never zero.

    Attributes:
        item: its number in the input, which no other row has.
        time: when.
        request: its identifier.
        provider: who served it.
        model: by the provider's name.
        terms: what else selects its price.
        logical: input tokens.
        cached: those of them that the cache served.
        writes: those of them that were written to the cache, by TTL in s; 0: not known.
        output: output tokens.
        reasoning: those of them that are reasoning.
        units: parts and units by name.
        entries: prefixes that the receipt names (read, written, committed): identifier in hexadecimal, and length.
        miss: the provider's own reason for a miss.
        tags: as they stand in the receipt.
    """

    item: int
    time: int
    request: str
    provider: str
    model: str
    terms: Mapping[str, str]
    logical: int
    cached: int | None
    writes: Mapping[int, int] | None
    output: int | None
    reasoning: int | None
    units: Mapping[str, int]
    entries: frozenset[tuple[str, int]]
    miss: str | None
    tags: Mapping[str, str]


def verified(rows: VerifiedRows, *, incomplete: bool = False) -> Iterator[Row]:
    """The last word on each request of a verified batch; in the order of the blocks.

    Args:
        rows: with `COLUMNS`.
        incomplete: whether an incomplete verdict is good enough.

    Raises:
        NotVerifiedError: the verdict is not good enough.
    """
    for block in rows.blocks(incomplete=incomplete):
        yield from _of_block(block)


def _of_block(block: RowBlock) -> Iterator[Row]:
    columns = [block.columns[name] for name in COLUMNS]
    for item, time, *values in zip(block.items, block.times, *columns, strict=True):
        request, model, logical, cached, writes, output, reasoning, cache, source, tags, units = (
            values
        )
        terms = dict(source.terms or _NOTHING) if source else {}
        if source and source.tier is not None:
            terms["tier"] = source.tier
        yield Row(
            item, time, request, source.provider if source else "", model, terms, logical, cached, writes, output,
            reasoning, units or _NOTHING, _entries(cache), source.miss if source else None, tags or _NOTHING,
        )  # fmt: skip


def _entries(cache: Any) -> frozenset[tuple[str, int]]:
    if cache is None:
        return frozenset()
    read, writes, commitments = cache
    entries = (*writes, *commitments) if read is None else (read, *writes, *commitments)
    return frozenset((entry.id.hex(), entry.prefix) for entry in entries)

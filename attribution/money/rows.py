"""What attribution needs of a receipt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from verifier import PRICED_COLUMNS, RowBlock, Usage, VerifiedRows, usage_at

COLUMNS: Final = (*PRICED_COLUMNS, "request", "cache", "tags")
"""The columns of verified rows that are read."""
_NOTHING: Final[Mapping[str, Any]] = {}


class Row(NamedTuple):
    """One request.

    Attributes:
        item: its number in the input, which no other row has.
        request: its identifier.
        usage: what it used, of which model, when. Absent counts are unknown, never zero.
        entries: prefixes that the receipt names (read, written, committed): identifier in hexadecimal, and length in tokens.
        miss: the provider's own reason for a miss.
        tags: as they stand in the receipt.
        place: where it stands: issuer, account, stream and sequence.
    """

    item: int
    request: str
    usage: Usage
    entries: frozenset[tuple[str, int]]
    miss: str | None
    tags: Mapping[str, str]
    place: tuple[str, str, str, int]

    @property
    def model(self) -> str:
        """As keys have it: provider/model."""
        return f"{self.usage.provider or ''}/{self.usage.model}"


def verified(rows: VerifiedRows, *, incomplete: bool = False) -> Iterator[Row]:
    """The last word on each request of a verified batch; in the order of the blocks.

    Args:
        rows: with `COLUMNS`.
        incomplete: whether an incomplete verdict is good enough.

    Raises:
        NotVerifiedError: the verdict is not good enough.
    """
    for block in rows.blocks(incomplete=incomplete):
        for at in range(len(block.items)):
            yield _row(block, at)


def _row(block: RowBlock, at: int) -> Row:
    columns = block.columns
    source = columns["source"][at]
    return Row(
        block.items[at], columns["request"][at], usage_at(block, at), _entries(columns["cache"][at]),
        source.miss if source else None, columns["tags"][at] or _NOTHING,
        (block.issuer, block.account, block.stream, block.first + at),
    )  # fmt: skip


def _entries(cache: Any) -> frozenset[tuple[str, int]]:
    if cache is None:
        return frozenset()
    read, writes, commitments = cache
    entries = (*writes, *commitments) if read is None else (read, *writes, *commitments)
    return frozenset((entry.id.hex(), entry.prefix) for entry in entries)

"""What a price depends on: what was used, of which model, under which terms, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from verifier.format.claims import Receipt, Source, TokenCounts
from verifier.order.index import RowBlock

PRICED_COLUMNS: Final = (
    "model", "logical", "cached", "attributed", "writes", "output", "reasoning", "units", "models", "source",
)  # fmt: skip
"""The columns of a block that `usage_at` needs."""
_COUNTS: Final = ("logical", "cached", "attributed", "writes", "output", "reasoning")


class Usage(NamedTuple):
    """What a request used.

    Attributes:
        provider: who was asked; None: the receipt does not say it, and no row of a card is for it.
        model: of the request.
        terms: what else selects the price (claim 13.6).
        tier: the service tier (claim 13.4).
        time: in ms.
        counts: tokens.
        units: parts of them, and what stands beside them.
        models: the counts by model, where several models made the response.
    """

    provider: str | None
    model: str
    terms: Mapping[str, str]
    tier: str | None
    time: int
    counts: TokenCounts
    units: Mapping[str, int]
    models: Mapping[str, TokenCounts] | None = None


def usage_of(receipt: Receipt) -> Usage:
    """What a receipt says that was used."""
    return _usage(
        receipt.source, receipt.model, receipt.time, receipt.counts, receipt.units, receipt.models
    )


def usage_at(block: RowBlock, at: int) -> Usage:
    """The same of a receipt in a block that has `PRICED_COLUMNS`. The time is the block's: a correction has that of what it corrects."""
    columns = block.columns
    counts = TokenCounts(*(columns[name][at] for name in _COUNTS))
    return _usage(
        columns["source"][at], columns["model"][at], block.times[at], counts, columns["units"][at], columns["models"][at],
    )  # fmt: skip


def _usage(
    source: Source | None,
    model: str,
    time: int,
    counts: TokenCounts,
    units: Mapping[str, int] | None,
    models: Mapping[str, TokenCounts] | None,
) -> Usage:
    provider, terms, tier = (None, None, None)
    if source is not None:
        provider, terms, tier = source.provider, source.terms, source.tier
    return Usage(provider, model, terms or {}, tier, time, counts, units or {}, models)

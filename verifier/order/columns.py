"""Rows of the fast decoder as columns, and their sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from verifier.format.fast_decoder import (
    ATTRIBUTED,
    CACHE,
    CACHED,
    CHARGE,
    CLIENT,
    LOGICAL,
    MODEL,
    OUTPUT,
    REASONING,
    REQUEST,
    SEQUENCE,
    SOURCE,
    TAGS,
    UNITS,
    USAGE,
    WRITES,
    Row,
)  # fmt: skip
from verifier.order.sums import Sums, sum_by_key, sum_stated


def column_of(fields: Sequence[Row], name: str) -> Any:
    """One column, as `verifier.format.claims.Receipt` has its values."""
    if name in ("models", "span", "corrects"):  # receipts with these are left to the slow path
        return (None,) * len(fields[SEQUENCE])
    if name == "request":
        return tuple([request.decode() for request in fields[REQUEST]])
    if name == "source":
        return tuple(
            [
                source if usage is None else source._replace(usage=usage)
                for source, usage in zip(fields[SOURCE], fields[USAGE], strict=True)
            ]
        )
    return fields[_PLACES[name]]


_PLACES: Final = {
    "model": MODEL, "logical": LOGICAL, "cached": CACHED, "attributed": ATTRIBUTED, "writes": WRITES, "output": OUTPUT,
    "reasoning": REASONING, "cache": CACHE, "charge": CHARGE, "tags": TAGS, "client": CLIENT, "units": UNITS,
}  # fmt: skip


def sums_of(fields: Sequence[Row]) -> Sums:
    """The sums over receipts, all of which state logical, cached and attributed tokens."""
    charges = [charge for charge in fields[CHARGE] if charge is not None]
    return Sums(
        logical=sum(fields[LOGICAL]),
        cached=sum(fields[CACHED]),
        attributed=sum(fields[ATTRIBUTED]),
        writes=sum_by_key(fields[WRITES]),
        output=sum_stated(fields[OUTPUT]),
        reasoning=sum_stated(fields[REASONING]),
        amounts=sum_by_key([{charge.currency: charge.amount} for charge in charges]),
        units=sum_by_key(fields[UNITS]),
        observed=sum([source is not None and source.observed for source in fields[SOURCE]]),
    )

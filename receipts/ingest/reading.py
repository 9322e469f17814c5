"""What a reader gives: the counts of a response, what selects their price, and what was stated and not read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from receipts.request import Counts

_Key = TypeVar("_Key")
OWN = ""
"""The model of a response itself, where a usage object names others beside it."""


class Shape(StrEnum):
    """Whether an API's input count includes what was read from the cache and written to it."""

    ADDITIVE = "additive"
    """It does not: the logical count is the sum."""
    SUBSET = "subset"
    """It does: what was read and written are parts of it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a usage object says.

    Attributes:
        counts: the tokens and the other units.
        tier: the service tier, in the provider's word.
        terms: what else selects the price: ``processing``, ``speed``, ``region``, ``search``.
        models: the counts by model, where several made the response; they sum to ``counts``. The empty name is the model of the
            response itself (`by_model`).
        unread: members that state something and are in none of the above, each with the reason; an index of an array is ``*``.
    """

    counts: Counts
    tier: str | None = None
    terms: Mapping[str, str] | None = None
    models: Mapping[str, Counts] | None = None
    unread: Mapping[str, str] = field(default_factory=dict)

    def by_model(self, model: str) -> dict[str, Counts] | None:
        """The counts by model, where ``model`` is that of the response; None: it made all of it."""
        named: dict[str, list[Counts]] = {}
        for name, counts in (self.models or {}).items():
            named.setdefault(name or model, []).append(counts)
        if set(named) <= {model}:
            return None
        return {name: summed(parts) for name, parts in named.items()}


def summed(parts: Iterable[Counts]) -> Counts:
    """The sum of counts. Where one of them does not state a count, that of the sum is unknown."""
    parts = list(parts)
    return Counts(
        logical=sum(part.logical for part in parts),
        cached=_sum(part.cached for part in parts),
        writes=_by_key(part.writes for part in parts),
        output=_sum(part.output for part in parts),
        reasoning=_sum(part.reasoning for part in parts),
        units=_by_key(part.units for part in parts),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _by_key(parts: Iterable[Mapping[_Key, int] | None]) -> dict[_Key, int] | None:
    total: dict[_Key, int] = {}
    for part in parts:
        for key, count in (part or {}).items():
            total[key] = total.get(key, 0) + count
    return total or None

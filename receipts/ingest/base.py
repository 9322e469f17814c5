"""What the usage objects of all providers have in common: strict counts, and the counts that come of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from receipts.errors import UsageError
from receipts.limits import MAX_UINT
from receipts.request import Counts

Tokens = Annotated[int, Field(strict=True, ge=0, le=MAX_UINT)]
"""A count: an integer, not a float, a text or a bool, and not negative."""


class Usage(BaseModel):
    """A provider's object. Members that are not named are the provider's business, and stay in the usage hash."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Shape(StrEnum):
    """Whether an API's input count includes what was read from the cache and written to it."""

    ADDITIVE = "additive"
    """It does not: the logical count is the sum."""
    SUBSET = "subset"
    """It does: what was read and written are parts of it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a usage object says: the tokens, and the service tier if it names one."""

    counts: Counts
    tier: str | None = None


_Usage = TypeVar("_Usage", bound=Usage)


def parse(model: type[_Usage], usage: Mapping[str, Any]) -> _Usage:
    """Read a usage object.

    Raises:
        UsageError: a member is missing or not a count. Only the first is named.
    """
    try:
        return model.model_validate(usage)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "usage"
        if first["type"] == "missing":
            raise UsageError(field, "is missing") from None
        raise UsageError(field, f"{first['msg']}, found {first['input']!r}") from None


def stated(field: str, tokens: int | None) -> int:
    """A count that an additive API must state, since the logical count is a sum over it.

    Raises:
        UsageError: it is null or absent, which is unknown, and not zero.
    """
    if tokens is None:
        raise UsageError(field, "is not stated, so the logical count is unknown")
    return tokens


def split_writes(
    field: str, total: int | None, by_ttl: Mapping[int, int | None]
) -> dict[int, int] | None:
    """Cache writes by TTL in s: the stated ones, and under 0 the rest of the total, whose TTL is unknown.

    Raises:
        UsageError: the parts are more than the total.
    """
    known = {ttl: tokens for ttl, tokens in by_ttl.items() if tokens is not None}
    if total is None:
        return known or None
    rest = total - sum(known.values())
    if rest < 0:
        raise UsageError(
            field, f"expected the sum of its parts, {total - rest}, or more, found {total}"
        )
    return {0: rest, **known} if rest or not known else known


def add_writes(parts: Iterable[Mapping[int, int] | None]) -> dict[int, int] | None:
    """The sum of cache writes by TTL; None if no part states any."""
    total: dict[int, int] = {}
    for part in parts:
        for ttl, tokens in (part or {}).items():
            total[ttl] = total.get(ttl, 0) + tokens
    return total or None


def check_total(field: str, total: int | None, counts: Counts) -> None:
    """The provider's own total, where it gives one, is input plus output.

    Raises:
        UsageError: it is not.
    """
    expected = counts.logical + (counts.output or 0)
    if total is not None and total != expected:
        raise UsageError(field, f"expected input plus output, {expected}, found {total}")


def check_parts(field: str, counts: Counts) -> Counts:
    """In a subset API, what was read and what was written are different parts of the input.

    Raises:
        UsageError: together they are more than the input.
    """
    parts = (counts.cached or 0) + sum((counts.writes or {}).values())
    if parts > counts.logical:
        raise UsageError(
            field, f"expected at least what was read and written, {parts}, found {counts.logical}"
        )
    return counts


def proven_zero(total: int | None, parts: Mapping[str, int | None]) -> dict[str, int]:
    """The parts of a total. One that is absent counts as zero only where the total proves that it is.

    Raises:
        UsageError: a part is absent, and the total does not account for it.
    """
    stated_sum = sum(tokens for tokens in parts.values() if tokens is not None)
    for field, tokens in parts.items():
        if tokens is None and total != stated_sum:
            raise UsageError(field, "is not stated, and the total does not show that it is zero")
    return {field: tokens or 0 for field, tokens in parts.items()}


def last_usage(usages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The final usage of a stream: of every field the last value that is not null.

    The usage objects of a stream are cumulative, and a later one may leave fields out; so they are neither added up
    nor is the first one taken. A list (``iterations``) is a field like any other.
    """
    final: dict[str, Any] = {}
    for usage in usages:
        for field, value in usage.items():
            before = final.get(field)
            if isinstance(value, Mapping):
                final[field] = last_usage([before if isinstance(before, Mapping) else {}, value])
            elif value is not None or field not in final:
                final[field] = value
    return final

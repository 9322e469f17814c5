"""Counts in a provider's usage object: strict, and where they are stated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MOST: Final = 2**64
"""No receipt states such a number."""


class UsageError(ValueError):
    """A usage object cannot be what it says: which field, and why."""


def count(name: str, value: object) -> int:
    """A count, or a time, as a receipt may state it.

    Raises:
        UsageError: it is none.
    """
    if type(value) is not int or value < 0:
        raise UsageError(f"{name} is a whole number, found {value!r}")
    if value >= MOST:
        raise UsageError(f"{name} is a whole number below 2^64")
    return value


def stated(usage: Mapping[str, Any], **paths: tuple[str, ...]) -> dict[str, int]:
    """Of each count, the first of some places that states it."""
    counts = {}
    for name, places in paths.items():
        for place in places:
            value: Any = usage
            for member in place.split("."):
                value = value.get(member) if isinstance(value, Mapping) else None
            if value is not None:
                counts[name] = count(place, value)
                break
    return counts

"""Integers that a reader of JSON does not round."""

from __future__ import annotations

from typing import Any, Final

LARGEST: Final = 2**53 - 1
"""The largest integer that is a JSON number here; a larger one is decimal text."""


def exact(value: Any) -> Any:
    """Integers that a JSON reader may round are decimal text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= LARGEST else str(value)
    if isinstance(value, dict):
        return {name: exact(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return value

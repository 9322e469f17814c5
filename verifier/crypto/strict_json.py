"""JSON of which two readers cannot make two things: no member twice, no fraction, and no endless depth."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

_LONGEST: Final = 40
"""Characters of a name or a number that a message shows."""
_DEEPEST: Final = 64


def strict_json(data: bytes, deepest: int = _DEEPEST) -> Any:
    """The value of a text in UTF-8.

    Args:
        data: the text.
        deepest: how many arrays and objects may be inside each other.

    Raises:
        ValueError: it is no JSON, has a member twice, a number that is not whole, or is nested deeper.
    """
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float
        )  # fmt: skip
    except RecursionError:
        raise _too_deep(deepest) from None
    level = [value]
    for _ in range(deepest + 1):
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]  # fmt: skip
        if not inner:
            return value
        level = [one for values in inner for one in values]
    raise _too_deep(deepest)


def _too_deep(deepest: int) -> ValueError:
    return ValueError(f"nested deeper than {deepest}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        times = Counter(name for name, _ in pairs)
        raise ValueError(
            f"member {next(n for n in times if times[n] > 1)[:_LONGEST]!r} occurs twice"
        )
    return members


def _no_float(number: str) -> None:
    raise ValueError(f"{number[:_LONGEST]} is not a whole number")

"""JSON of which two readers cannot make two things: no member twice, and no fraction."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

_LONGEST: Final = 40
"""Characters of a name or a number that a message shows."""


def strict_json(data: bytes) -> Any:
    """The value of a text in UTF-8.

    Raises:
        ValueError: it is no JSON, has a member twice, or a number that is not whole.
        RecursionError: it is nested too deeply.
    """
    return json.loads(
        data.decode(), object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float
    )


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

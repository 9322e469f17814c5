"""Expressions that say where a count stands: ``a | b`` are two names of one count, ``a + b`` are parts that add up.

A name is the dotted path of a member.
"""

from __future__ import annotations

from functools import lru_cache

from receipts.ingest.members import Names


@lru_cache(maxsize=1024)
def parsed(expression: str) -> tuple[Names, ...]:
    """The parts of an expression, each with its names."""
    split = (part.split("|") for part in expression.split("+") if part.strip())
    return tuple(tuple(name.strip() for name in part) for part in split)


def names(expression: str) -> Names:
    """The names of an expression that has one part, or none."""
    (only,) = parsed(expression) or ((),)
    return only

"""Leaves: what a method gives to each combination of the dimensions. A table is a sum of leaves, so all tables of a method agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from attribution.money.ledger.ledger import Key, Ledger

DIMENSIONS: Final = ("team", "feature", "environment", "customer", "surface", "model", "day")
"""Of a leaf, in the order of keys."""
_ALL: Final = ", ".join(DIMENSIONS)

LEAVES: Final = f"""
CREATE TABLE leaves AS             -- of what each method is made; direct is `amount`
SELECT {_ALL}, sum(amount)::HUGEINT AS amount, sum(full_price)::HUGEINT AS full_price,
    sum(full_input)::HUGEINT AS full_input, sum(input_cost + storage)::HUGEINT AS shared
FROM receipts GROUP BY ALL ORDER BY ALL;
CREATE TABLE allocated (method VARCHAR, {", ".join(f"{name} {'DATE' if name == 'day' else 'VARCHAR'}" for name in DIMENSIONS)}, amount HUGEINT);
"""  # noqa: S608  # names of our own


class Method(StrEnum):
    """How the invoice is allocated."""

    DIRECT = "direct"
    WARMUP_ADJUSTED = "warmup-adjusted"
    PLATFORM_TAX = "platform-tax"
    POOLED = "pooled"


class ConservationError(AssertionError):
    """The leaves of a method do not sum to the invoice: a defect of this program."""


def leaves(ledger: Ledger, values: str) -> list[Key]:
    """All leaves in the order of their keys, each with some sums: the dimensions first.

    Args:
        ledger: with its leaves.
        values: columns of ``leaves``.
    """
    return list(ledger.ask(f"SELECT {_ALL}, {values} FROM leaves ORDER BY {_ALL}"))  # noqa: S608  # names of our own


def allocate(ledger: Ledger, method: Method, amounts: Iterable[tuple[Key, int]]) -> None:
    """Store what a method gives to leaves; a leaf may come several times.

    Raises:
        ConservationError: it is not the invoice.
    """
    ledger.bulk("allocated", [(str(method), *leaf, amount) for leaf, amount in amounts])
    check(ledger, method)


def check(ledger: Ledger, method: Method) -> None:
    """The leaves sum to the invoice, to the picounit.

    Raises:
        ConservationError: they do not.
    """
    query = "SELECT (SELECT coalesce(sum(amount), 0) FROM allocated WHERE method = ?), (SELECT coalesce(sum(amount), 0) FROM receipts)"
    given, invoice = ledger.one(query, [str(method)])
    if given != invoice:
        raise ConservationError(f"{method}: {given} picounits are allocated of {invoice}")


def table(
    ledger: Ledger, method: Method, by: Sequence[str], where: Sequence[tuple[str, str | None]] = ()
) -> list[Key]:
    """The sums of a method by some dimensions, in the order of their keys.

    Args:
        ledger: with what the method allocates.
        method: which.
        by: dimensions; none: one sum.
        where: only leaves with these values.
    """
    chosen = [_dimension(name) for name in by]
    conditions = [
        "method = ?",
        *(f"{_dimension(name)} IS NOT DISTINCT FROM ?" for name, _ in where),
    ]
    keys = ", ".join(chosen)
    comma = ", " if chosen else ""
    query = (
        f"SELECT {keys}{comma}sum(amount) FROM allocated WHERE {' AND '.join(conditions)} "  # noqa: S608  # names of our own
        + (f"GROUP BY {keys} ORDER BY {keys}" if chosen else "HAVING count(*) > 0")
    )
    return list(ledger.ask(query, [str(method), *(value for _, value in where)]))


def amounts(ledger: Ledger, method: Method, dimension: str) -> dict[str | None, int]:
    """What a method gives to each value of one dimension."""
    return {key: amount for key, amount in table(ledger, method, [dimension])}  # noqa: C416  # for mypy


def _dimension(name: str) -> str:
    if name not in DIMENSIONS:
        raise ValueError(f"{name} is no dimension: {', '.join(DIMENSIONS)}")
    return name

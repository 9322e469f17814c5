"""Leaves: what a method gives to each combination of the dimensions. A table is a sum of leaves, so all tables of a method agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from attribution.money.ledger.ledger import Key, Ledger

DIMENSIONS: Final = ("team", "feature", "environment", "customer", "surface", "model", "day")
"""Of a leaf, in the order of keys."""
OF_REQUESTS: Final = ("session", "user")
"""What requests have besides, where they are tagged."""
Condition = tuple[str, str | None]
"""A dimension, and the value that it has; None: none."""
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
    ledger: Ledger, method: Method, by: Sequence[str], where: Sequence[Condition] = ()
) -> list[Key]:
    """The sums of a method by some dimensions, in the order of their keys.

    Args:
        ledger: with what the method allocates.
        method: which.
        by: of `DIMENSIONS`; none: one sum.
        where: only leaves with these values.
    """
    return _sums(ledger, "allocated", by, [("method", str(method)), *where])


def table_of_requests(
    ledger: Ledger, by: Sequence[str], where: Sequence[Condition] = ()
) -> list[Key]:
    """What requests cost directly, also by what leaves do not have: session and user."""
    return _sums(ledger, "receipts", by, where)


def _sums(ledger: Ledger, source: str, by: Sequence[str], where: Sequence[Condition]) -> list[Key]:
    keys = ", ".join(f'"{name}"' for name in by)
    condition, values = conditions(where)
    columns = f"{keys}, sum(amount)" if by else "sum(amount)"
    order = f"GROUP BY {keys} ORDER BY {keys}" if by else "HAVING count(*) > 0"
    query = f"SELECT {columns} FROM {source} WHERE {condition} {order}"  # noqa: S608  # names of our own
    return list(ledger.ask(query, values))


def conditions(where: Sequence[Condition]) -> tuple[str, list[str | None]]:
    """Conditions as SQL, and their values."""
    parts = [f'"{name}" IS NOT DISTINCT FROM ?' for name, _ in where]
    return " AND ".join(["TRUE", *parts]), [value for _, value in where]


def amounts(
    ledger: Ledger, method: Method, dimension: str, where: Sequence[Condition] = ()
) -> dict[str | None, int]:
    """What a method gives to each value of one dimension."""
    return {key: amount for key, amount in table(ledger, method, [dimension], where)}  # noqa: C416  # for mypy

"""Queries of the reader's own, over views: read-only, without files, without a network (spec/exports.md, Tables)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from attribution.money.exports.tables import EXPORTED, view
from attribution.money.ledger.ledger import Key, Ledger

_ROWS: Final = 20_000


class QueryError(ValueError):
    """A query is none that reads, or DuckDB does not take it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gives.

    Attributes:
        names: of the columns.
        types: of the columns, as DuckDB calls them.
        rows: some of which are in memory at once.
    """

    names: list[str]
    types: list[str]
    rows: Iterator[Key]


def query(ledger: Ledger, text: str) -> Answer:
    """Ask a ledger, over the views of `EXPORTED`. It is closed for everything but reading from then on.

    Raises:
        QueryError: it is not one SELECT, or cannot be answered.
    """
    import duckdb  # heavy, and not always there

    ledger.db.execute("CREATE SCHEMA views")
    for name in EXPORTED:
        ledger.db.execute(f"CREATE VIEW views.{name} AS {view(name)}")
    ledger.lock("views")
    db = ledger.db
    try:
        statements = db.extract_statements(text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise QueryError("expected one SELECT")
        found = db.execute(statements[0])
        names, types = ([str(column[at]) for column in found.description] for at in (0, 1))
        return Answer(names, types, _rows(found))
    except duckdb.Error as error:
        raise QueryError(str(error)) from None


def _rows(found: Any) -> Iterator[Key]:
    """The rows.

    Raises:
        QueryError: it fails on the way.
    """
    import duckdb

    try:
        while block := found.fetchmany(_ROWS):
            yield from block
    except duckdb.Error as error:
        raise QueryError(str(error)) from None

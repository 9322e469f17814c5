"""A ledger: the database of one period, in a temporary file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final

from attribution.money.ledger.appending import append
from attribution.money.ledger.loading import Loading, Terms
from attribution.money.ledger.schema import PREFIXES, TABLES
from attribution.money.prices import priced
from attribution.money.registry import Registry
from attribution.money.rows import Row
from verifier import RateCard

_ROWS: Final = 20_000
"""Rows in memory at once."""
_MEMORY: Final = "700MB"
"""What DuckDB may take; beyond it goes to the disk."""
Key = tuple[Any, ...]


class NoDuckDBError(RuntimeError):
    """DuckDB or pyarrow is not installed (extra ``finance``)."""


class Ledger:
    """The tables of `schema`, and how to ask them. Close it when it is not needed any more."""

    def __init__(self) -> None:
        try:
            import duckdb  # heavy, and not always there
        except ImportError as error:
            raise NoDuckDBError(str(error)) from None
        self._folder = TemporaryDirectory(prefix="receipt-ledger-")
        self._path = Path(self._folder.name, "ledger.duckdb")
        self._settings = {
            "default_null_order": "nulls_first",
            "memory_limit": _MEMORY,
            "temp_directory": self._folder.name,
        }
        unordered = {"preserve_insertion_order": "false"}
        self.db = duckdb.connect(self._path, config={**self._settings, **unordered})
        self._be_silent()
        self.db.execute(TABLES)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the database."""
        self.db.close()
        self._folder.cleanup()

    def load(
        self,
        rows: Iterable[Row],
        card: RateCard,
        registry: Registry,
        other: Callable[[Row], int] | None = None,
    ) -> None:
        """Price requests, store them, and find the prefix of each.

        Args:
            rows: in any order.
            card: by which they are priced.
            registry: whose teams, tags and prefixes count.
            other: another price of a request, in picounits, which stands beside.

        Raises:
            PriceError: a card does not price a request.
        """
        loading = Loading(self.db, Terms(registry, other))
        for row, price in priced(rows, card):
            loading.add(row, price)
        loading.flush()
        ids = [(key, prefix.name) for prefix in registry.prefixes.values() for key in prefix.ids]
        self.insert("registered_ids", ids)
        self.insert("registered", [(p.name, p.owner, p.tokens) for p in registry.prefixes.values()])
        self.db.execute(PREFIXES)

    def _be_silent(self) -> None:
        """A bar of progress would go to stdout, where figures go."""
        self.db.execute("SET enable_progress_bar = false")

    def lock(self, schema: str) -> None:
        """Open the database once more, for nothing but reading it: no file, no network, no other setting.

        Args:
            schema: where a query looks for a name first.
        """
        import duckdb

        self.db.close()
        closed = {f"auto{what}_known_extensions": "false" for what in ("install", "load")}
        closed["enable_external_access"] = "false"
        self.db = duckdb.connect(self._path, read_only=True, config={**self._settings, **closed})
        self._be_silent()
        self.db.execute(f"SET search_path = '{schema}'")
        self.db.execute("SET lock_configuration = true")

    def insert(self, table: str, rows: Sequence[Key]) -> None:
        """Add a few rows to a table."""
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self.db.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608  # names of our own

    def bulk(self, table: str, rows: Iterable[Key]) -> None:
        """Add many rows to a table."""
        append(self.db, table, rows)

    def ask(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[Key]:
        """The rows of a query, some at a time."""
        cursor = self.db.cursor().execute(query, parameters)
        while block := cursor.fetchmany(_ROWS):
            yield from block

    def one(self, query: str, parameters: Sequence[Any] = ()) -> Key:
        """The only row of a query."""
        (row,) = self.ask(query, parameters)
        return row

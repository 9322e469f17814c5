"""Rows into tables, a block at a time, by way of Arrow."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

BLOCK: Final = 50_000
"""Rows in memory at once."""


def append(db: Any, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Add rows to a table; integers may have up to 38 digits.

    Args:
        db: the connection.
        table: its name.
        rows: as the table's columns.
    """
    import pyarrow as pa  # heavy, and not always there

    described = db.execute(f"DESCRIBE {table}").fetchall()
    kinds = {
        "BOOLEAN": pa.bool_(),
        "BIGINT": pa.int64(),
        "INTEGER": pa.int32(),
        "HUGEINT": pa.decimal128(38, 0),
        "VARCHAR": pa.string(),
        "DATE": pa.date32(),
    }
    names, types = [row[0] for row in described], [kinds[row[1]] for row in described]
    remaining = iter(rows)
    while block := list(islice(remaining, BLOCK)):
        columns = [
            pa.array(values, kind)
            for values, kind in zip(zip(*block, strict=True), types, strict=True)
        ]
        db.register("block", pa.table(columns, names))
        db.execute(f"INSERT INTO {table} SELECT * FROM block")  # noqa: S608  # names of our own
        db.unregister("block")

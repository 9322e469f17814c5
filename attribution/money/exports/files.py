"""Rows of cells as CSV and as Parquet. Numbers are decimals of scale 12; what is absent is empty, or null."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from io import TextIOWrapper
from itertools import islice
from typing import Any, BinaryIO, Final

from attribution.money.exports.focus import Cell

_ROWS: Final = 20_000
"""Rows in memory at once."""
_TIMES: Final = frozenset({"BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"})  # fmt: skip
_NUMBERS: Final = frozenset({
    "BilledCost", "ConsumedQuantity", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "ListCost", "ListUnitPrice",
    "PricingQuantity", "x_CacheTtl", "x_CacheSaving", "x_CachePremium", "x_Receipts",
})  # fmt: skip


def write_csv(stream: BinaryIO, columns: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> int:
    """Write rows as CSV (RFC 4180); how many there are."""
    text = TextIOWrapper(stream, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([_text(row[name]) for name in columns])
        count += 1
    text.flush()
    text.detach()
    return count


def _text(cell: Cell) -> str:
    """A cell as text; a number has a point, by which a reader knows that it is a decimal."""
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        text = f"{cell:f}"
        return text if "." in text else f"{text}.0"
    return f"{cell:%Y-%m-%dT%H:%M:%SZ}" if isinstance(cell, datetime) else cell


def write_parquet(
    stream: BinaryIO,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Cell]],
    metadata: Mapping[str, str],
) -> int:
    """Write rows as Parquet; how many there are."""
    import pyarrow as pa  # heavy, and not always there

    schema = pa.schema([(name, _kind(name)) for name in columns], dict(metadata))
    return write_batches(stream, schema, _batches(schema, rows))


def _batches(schema: Any, rows: Iterable[Mapping[str, Cell]]) -> Iterator[Any]:
    import pyarrow as pa

    remaining = iter(rows)
    while block := list(islice(remaining, _ROWS)):
        columns = [pa.array([row[one.name] for row in block], one.type) for one in schema]
        yield pa.record_batch(columns, schema=schema)


def _kind(name: str) -> Any:
    import pyarrow as pa

    if name in _NUMBERS:
        return pa.decimal128(38, 12)
    return pa.timestamp("ms", "UTC") if name in _TIMES else pa.string()


def write_batches(stream: BinaryIO, schema: Any, batches: Iterable[Any]) -> int:
    """Write Arrow's record batches as Parquet; how many rows there are."""
    from pyarrow import parquet

    count = 0
    with parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count

"""The tables of a ledger for others: as views of DuckDB, and as Parquet (spec/exports.md, Tables)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final, NamedTuple

from attribution.money.exports.files import write_batches
from attribution.money.ledger.ledger import Ledger

_ROWS: Final = 20_000


class Exported(NamedTuple):
    """A table: from what it is, its columns as SQL, those that are counts and those that are money, and by what it is ordered."""

    source: str
    columns: str
    counts: tuple[str, ...]
    money: tuple[str, ...]
    order: str


EXPORTED: Final[Mapping[str, Exported]] = {
    "receipts": Exported(
        "receipts",
        'item, issuer, account, stream, sequence, time, day, hour, request, provider, model, terms, team, stated_team, feature, environment, customer, surface, session, "user", prefix_tag, logical, cached, written, output, reasoning, amount, full_price, saving, premium, storage, uncertain, miss',
        ("sequence", "logical", "cached", "written", "output", "reasoning"),
        ("amount", "full_price", "saving", "premium", "storage", "uncertain"),
        "item",
    ),
    "lines": Exported(
        "lines",
        "item, class, kind, ttl, sku, quantity, rate, per, amount, saved, extra",
        ("ttl", "quantity", "per"),
        ("rate", "amount", "saved", "extra"),
        "item, kind, class, sku, rate, quantity",
    ),
    "leaves": Exported(
        "allocated",
        "method, team, feature, environment, customer, surface, model, day, sum(amount)::HUGEINT AS amount",
        (),
        ("amount",),
        "ALL",
    ),
    "prefixes": Exported(
        "prefixes",
        "item, prefix, owner, identifier, length, hit, missed, excess",
        ("length", "hit", "missed"),
        ("excess",),
        "item",
    ),
}


def view(name: str) -> str:
    """The query of a table; money is in picounits."""
    table = EXPORTED[name]
    grouped = " GROUP BY ALL ORDER BY ALL" if "sum(" in table.columns else ""
    return f"SELECT {table.columns} FROM main.{table.source}{grouped}"  # noqa: S608  # names of our own


def write_table(stream: BinaryIO, ledger: Ledger, name: str, metadata: Mapping[str, str]) -> int:
    """Write a table as Parquet; how many rows it has."""
    table = EXPORTED[name]
    whole = ", ".join(
        f"{column}::DECIMAL(38, 0) AS {column}" for column in (*table.counts, *table.money)
    )
    query = f"SELECT * REPLACE ({whole}) FROM ({view(name)}) ORDER BY {table.order}"  # noqa: S608  # the same
    reader = ledger.db.sql(query).to_arrow_reader(_ROWS)
    schema = _in_units(reader.schema, table.money).with_metadata(dict(metadata))
    return write_batches(stream, schema, _scaled(reader, schema))


def _in_units(schema: Any, money: tuple[str, ...]) -> Any:
    """The schema, with money in units of the currency."""
    import pyarrow as pa  # heavy, and not always there

    for name in money:
        schema = schema.set(schema.get_field_index(name), pa.field(name, pa.decimal128(38, 12)))
    return schema


def _scaled(reader: Any, schema: Any) -> Iterator[Any]:
    """The batches of a reader. Picounits are units of the currency with 12 decimals: the integers stay, and only their type changes."""
    import pyarrow as pa

    for batch in reader:
        columns = [
            column if column.type == field.type
            else pa.Array.from_buffers(field.type, len(column), column.buffers(), column.null_count, column.offset)
            for column, field in zip(batch.columns, schema, strict=True)
        ]  # fmt: skip
        yield pa.record_batch(columns, schema=schema)

"""The receipts of a batch and the calls of a record, in a temporary database on the disk: it takes little memory whatever their number."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from verifier.customer.calls import COMPLETE, Call
from verifier.customer.differences import (
    packed,
    packed_models,
    packed_units,
    priced_reasoning,
    text,
)
from verifier.customer.record import Record, RecordError, has_calls, read_calls
from verifier.order.corrections import Corrections
from verifier.order.index import RowBlock

_FOR_A_SPAN: Final = (
    "calls.units IS NOT NULL AND NOT calls.seen AND coalesce(calls.logical, calls.output) IS NULL"
)
"""A line of a log that is for a span of time: it states units, and nothing that a request has."""
TEN_YEARS_MS: Final = 315_576_000_000
_STATED: Final = (
    "request, client, model, logical, cached, output, reasoning, writes, units, tier, usage"
)
"""The columns of `differences.Stated`."""
_SCHEMA: Final = """
CREATE TABLE receipts (item INTEGER PRIMARY KEY, offset INTEGER, issuer TEXT, account TEXT, stream TEXT, sequence TEXT, digest BLOB,
                       time INTEGER, fingerprint BLOB, span INTEGER, span_end INTEGER, corrects BLOB, models TEXT, last_word INTEGER, request TEXT, client BLOB, model TEXT,
                       logical TEXT, cached TEXT, output TEXT, reasoning TEXT, writes TEXT, units TEXT, tier TEXT, usage BLOB);
CREATE VIEW batch AS SELECT * FROM receipts WHERE last_word;
CREATE TABLE calls (call INTEGER PRIMARY KEY, file TEXT, number INTEGER, place TEXT, asked INTEGER, host TEXT, source TEXT,
                    account TEXT, first INTEGER, last INTEGER, due INTEGER, closed INTEGER, replay INTEGER, answered INTEGER,
                    named INTEGER, seen INTEGER, ours INTEGER, models TEXT, request TEXT, client BLOB, model TEXT, logical TEXT, cached TEXT, output TEXT, reasoning TEXT,
                    writes TEXT, units TEXT, tier TEXT, usage BLOB);
CREATE TABLE received (call INTEGER, item INTEGER, place TEXT, raw BLOB, mine INTEGER);
CREATE TABLE pairs (item INTEGER, call INTEGER, named INTEGER);
CREATE TABLE faulty (item INTEGER PRIMARY KEY);
"""


def stated_columns(table: str) -> str:
    """The columns of what a receipt or a call states."""
    return ", ".join(f"{table}.{name}" for name in _STATED.split(", "))


def open_tables(blocks: Iterable[RowBlock], corrections: Corrections) -> sqlite3.Connection:
    """A database with the receipts of a batch: all of them, and as ``batch`` the last words, with the times of what they correct.

    Args:
        blocks: the collected receipts, with `record.RECORD_COLUMNS`.
        corrections: those of them that correct others.
    """
    db = sqlite3.connect("", isolation_level=None)
    db.executescript(_SCHEMA)
    db.execute("BEGIN")
    db.executemany(f"INSERT INTO receipts VALUES ({_marks(25)})", _batch_rows(blocks))
    db.executemany(
        "UPDATE receipts SET last_word = 0 WHERE item = ?",
        ((item,) for item in corrections.superseded),
    )
    db.executemany(
        "UPDATE receipts SET time = ? WHERE item = ?",
        ((word.time, word.item) for word in corrections.last_words()),
    )  # fmt: skip
    for column in ("request", "client", "fingerprint", "corrects", "digest"):
        db.execute(f"CREATE INDEX receipts_{column} ON receipts ({column})")
    return db


def _batch_rows(blocks: Iterable[RowBlock]) -> Iterator[tuple[Any, ...]]:
    names = (
        "fingerprint", "request", "client", "model", "logical", "cached", "output", "reasoning", "writes", "units", "models", "source",
        "charge", "span", "corrects",
    )  # fmt: skip
    for block in blocks:
        places = zip(block.items, block.offsets, range(block.first, block.next), block.digests(), block.times, strict=True)  # fmt: skip
        columns = zip(*(block.columns[name] for name in names), strict=True)
        for (item, offset, sequence, digest, time), values in zip(places, columns, strict=True):
            fingerprint, request, client, model, *counts, writes, units, models, source, charge, span, corrects = values  # fmt: skip
            tier, usage = (None, None) if source is None else (source.tier, source.usage)
            start, end = (None, None) if span is None else span
            billed = packed_units({**(units or {}), **priced_reasoning(charge)})
            yield (
                item, offset, block.issuer, block.account, block.stream, str(sequence), digest, time, fingerprint, start, end,
                None if corrects is None else corrects.receipt, packed_models(models), 1, request, client, model, *map(text, counts),
                packed(writes), billed, tier, usage,
            )  # fmt: skip


def load_calls(db: sqlite3.Connection, record: Record) -> dict[str, set[str]]:
    """The calls of a record. Those of a wallet that is only given for its receipts are not asked for: they need none.

    Returns:
        By log, the names of its columns.

    Raises:
        RecordError: the record cannot be read.
        OSError: the record cannot be read, or there is no room.
    """
    names: dict[str, set[str]] = {path: set() for path in (*record.requests, *record.received)}
    wallets = [
        path
        for path in dict.fromkeys(record.received)
        if path not in record.requests and has_calls(path)
    ]
    for paths, asked in ((dict.fromkeys(record.requests), True), (wallets, False)):
        for path in paths:
            db.executemany(
                f"INSERT INTO calls VALUES ({_marks(29)})",
                (_call_row(path, number, call, asked, record.margin) for number, call in read_calls(path, names[path])),
            )  # fmt: skip
    for columns in ("request", "client", "file, number", "source"):
        db.execute(f"CREATE INDEX calls_{columns.partition(',')[0]} ON calls ({columns})")
    keep_replays(db)
    return names


def _call_row(path: str, number: int, call: Call, asked: bool, margin: int) -> tuple[Any, ...]:
    first, last = call.window(margin)
    usage, counts = call.usage, call.usage.counts
    whole = call.outcome in (None, COMPLETE)
    return (
        None, path, number, call.where, asked, call.host, call.source, call.account, first, last, asked and call.is_due,
        call.closed, call.replay, call.answered is not None, call.request is not None,
        call.shown, None, packed_models(_models(call)) if whole else None, call.request, call.commitment,
        call.model or call.requested_model, text(counts.get("logical")), text(counts.get("cached")),
        text(counts.get("output")) if whole else None, text(counts.get("reasoning")) if whole else None,
        packed(usage.writes), packed_units(usage.units) if whole else None, usage.tier, usage.digest if whole else None,
    )  # fmt: skip


def _models(call: Call) -> dict[str, Any] | None:
    """The counts by model that a call shows; what names no model is of the one that the response names."""
    models = call.usage.models
    return (
        None if models is None else {name or call.model or "": one for name, one in models.items()}
    )


def keep_replays(db: sqlite3.Connection) -> None:
    """An answer is a stored one only if the record has the call that it was first given to."""
    db.execute(
        "UPDATE calls SET replay = 0 WHERE replay AND (request IS NULL"
        " OR request NOT IN (SELECT request FROM calls WHERE NOT replay AND request IS NOT NULL))"
    )
    db.execute("UPDATE calls SET due = 0 WHERE replay")


def check_times(db: sqlite3.Connection, covered: Sequence[tuple[int, int]]) -> None:
    """That the times of a record are in the unit that they are said to be in.

    Raises:
        RecordError: a call is more than ten years away from every period of the batch.
    """
    if not covered:
        return
    first = min(start for start, _ in covered) - TEN_YEARS_MS
    last = max(end for _, end in covered) + TEN_YEARS_MS
    far = db.execute(
        "SELECT place, first FROM calls WHERE first < ? OR first > ? LIMIT 1", (first, last)
    ).fetchone()
    if far is not None:
        raise RecordError(
            f"{far[0]}: the time is more than ten years away from the batch; it is in milliseconds, or RFC 3339"
        )


def pair(db: sqlite3.Connection) -> None:
    """The calls of each receipt: those with its request id, or else that with its commitment.

    Of several receipts for one request the first is held against the calls: the others are `request-duplicate` already.
    """
    db.execute(
        "INSERT INTO pairs SELECT min(item), call, 1 FROM batch JOIN calls USING (request) WHERE calls.ours"
        f" AND (span IS NULL OR {_FOR_A_SPAN}) GROUP BY call"
    )
    db.execute("CREATE INDEX pairs_item ON pairs (item)")
    # The first attempt at what was answered to the second: it has no id, and the receipt echoes it.
    db.execute(
        "INSERT INTO pairs SELECT item, call, 2 FROM batch JOIN calls ON calls.client = batch.client"
        " WHERE span IS NULL AND calls.ours AND calls.request IS NULL AND item IN (SELECT item FROM pairs)"
    )
    db.execute(
        "INSERT INTO pairs SELECT item, call, 0 FROM batch JOIN calls ON calls.client = batch.client"
        " WHERE span IS NULL AND calls.ours AND item NOT IN (SELECT item FROM pairs)"
        " AND batch.request NOT IN (SELECT request FROM calls WHERE ours AND request IS NOT NULL)"
    )
    db.execute("CREATE INDEX pairs_call ON pairs (call)")


def _marks(count: int) -> str:
    return ", ".join("?" * count)

"""Cache identifiers across the batch (verification step 13): one identifier, one prefix length, one model, one account.

Only receipts that state an identifier take part. The comparison is made in a temporary SQLite database on the disk.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, Final

from verifier.customer.cache_id import KEYED, vllm_parameters
from verifier.order.index import RowBlock
from verifier.order.temporary import errors_of_the_disk
from verifier.report.findings import Finding, Findings, plural
from verifier.report.model import Check

_SCHEMA: Final = """
CREATE TABLE entries (recipe TEXT, id BLOB, prefix TEXT, model TEXT, issuer TEXT, account TEXT, keyed INTEGER,
                      is_read INTEGER, time INTEGER, item INTEGER);
"""
_DIFFERENT: Final = "min(prefix) <> max(prefix) OR min(model) <> max(model)"
_TWO_ACCOUNTS: Final = "max(keyed) AND min(account) <> max(account)"
_COUNTS: Final = f"""
SELECT (SELECT count(*) FROM (SELECT DISTINCT recipe, id FROM entries)),
       (SELECT count(*) FROM (SELECT recipe, id FROM entries GROUP BY issuer, recipe, id HAVING {_DIFFERENT}
                        UNION SELECT recipe, id FROM entries GROUP BY recipe, id HAVING {_TWO_ACCOUNTS})),
       (SELECT count(*) FROM entries r WHERE is_read AND NOT EXISTS
          (SELECT 1 FROM entries e WHERE (e.recipe, e.id) = (r.recipe, r.id) AND e.time <= r.time AND e.item <> r.item))
"""  # only the conditions above
_INDEX: Final = "CREATE INDEX by_id ON entries (recipe, id, time, item)"
_ANY_MODEL: Final = ""
"""Of recipes of vLLM, whose identifiers are not bound to a model. No model has this name."""


@errors_of_the_disk()
def check_identifiers(blocks: Iterable[RowBlock], findings: Findings) -> Check:
    """What the identifiers of a batch say about each other.

    Args:
        blocks: the collected receipts, in the order of the input.
        findings: where what is found goes.

    Raises:
        OSError: there is no room for a temporary file.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.execute(_SCHEMA)
        db.execute("BEGIN")
        db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _rows(blocks))
        db.execute(_INDEX)
        for finding in itertools.chain(_conflicts(db), _shared(db)):
            findings.add(finding)
        total, failed, first = db.execute(_COUNTS).fetchone()
    seen = f"{plural(first, 'read')} of a prefix that is seen here for the first time"
    return Check(
        "one identifier, one prefix", total - failed, total, failed, seen if first else None
    )


def _rows(blocks: Iterable[RowBlock]) -> Iterator[tuple[Any, ...]]:
    for block in blocks:
        columns = block.columns
        if "cache" not in columns:
            continue
        rows = zip(block.items, block.times, columns["model"], columns["cache"], strict=True)
        for item, time, model, cache in rows:
            if cache is None:
                continue
            read, writes, commitments = cache
            for entry in (read, *writes, *commitments):
                if entry is not None:
                    bound = model if vllm_parameters(entry.recipe) is None else _ANY_MODEL
                    yield (
                        entry.recipe, entry.id, str(entry.prefix), bound, block.issuer, block.account,
                        entry.recipe in KEYED, entry is read, time, item,
                    )  # fmt: skip


def _conflicts(db: sqlite3.Connection) -> Iterator[Finding]:
    """R-13.1: the first receipt that gives an identifier another length or model than the first one."""
    for issuer, recipe, identifier in db.execute(
        f"SELECT issuer, recipe, id FROM entries GROUP BY issuer, recipe, id HAVING {_DIFFERENT} ORDER BY min(item)"
    ):
        rows = db.execute(
            "SELECT prefix, model, item FROM entries WHERE (issuer, recipe, id) = (?, ?, ?) ORDER BY item, rowid",
            (issuer, recipe, identifier),
        )
        prefix, model, item = next(rows)
        other = next(row for row in rows if row[:2] != (prefix, model))
        first, second = (
            f"{row[0]} tokens of {row[1] or 'any model'}" for row in ((prefix, model), other)
        )
        yield Finding(
            "cache-id-conflict", f"{recipe} {identifier.hex()} is {first} in item {item}, {second} here",
            item=other[2], field="cache", expected=first, actual=identifier.hex(),
        )  # fmt: skip


def _shared(db: sqlite3.Connection) -> Iterator[Finding]:
    """R-13.2: identifiers under an account's key that another account has too."""
    for recipe, identifier in db.execute(
        f"SELECT recipe, id FROM entries GROUP BY recipe, id HAVING {_TWO_ACCOUNTS} ORDER BY min(item)"
    ):
        rows = db.execute(
            "SELECT account, item FROM entries WHERE (recipe, id) = (?, ?) ORDER BY item, rowid",
            (recipe, identifier),
        )
        account, item = next(rows)
        other = next(row for row in rows if row[0] != account)
        yield Finding(
            "cache-id-shared", f"{recipe} {identifier.hex()} is of account '{account}' in item {item}",
            item=other[1], field="cache", expected=account, actual=identifier.hex(),
        )  # fmt: skip

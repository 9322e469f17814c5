"""Cache identifiers across the batch (verification step 13): one identifier, one prefix length, one model, one account.

A second pass, made only if a receipt states an identifier. The comparison is made in a temporary SQLite database on the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from verifier.batch import BatchFile
from verifier.cache_id import KEYED, vllm_parameters
from verifier.claims import Receipt
from verifier.findings import Finding
from verifier.reading import readable_items
from verifier.report import Check
from verifier.words import plural

_SCHEMA = """
CREATE TABLE entries (recipe TEXT, id BLOB, prefix TEXT, bound TEXT, account TEXT, is_read INTEGER, time INTEGER, item INTEGER);
"""
_INDEX = "CREATE INDEX by_id ON entries (recipe, id, time, item)"


def check_identifiers(sources: Sequence[BatchFile]) -> tuple[list[Finding], Check]:
    """What the identifiers of a batch say about each other.

    Raises:
        OSError: a file cannot be read, or there is no room for the temporary file.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.execute(_SCHEMA)
        db.execute("BEGIN")
        db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _rows(sources))
        db.execute(_INDEX)
        findings = [*_conflicts(db), *_shared(db)]
        failed = len({finding.actual for finding in findings})
        (total,) = db.execute(
            "SELECT count(*) FROM (SELECT DISTINCT recipe, id FROM entries)"
        ).fetchone()
        (first,) = db.execute(
            "SELECT count(*) FROM entries r WHERE is_read AND NOT EXISTS (SELECT 1 FROM entries e"
            " WHERE (e.recipe, e.id) = (r.recipe, r.id) AND (e.time, e.item) < (r.time, r.item))"
        ).fetchone()
    reason = (
        f"{plural(first, 'read')} of a prefix that is seen here for the first time"
        if first
        else None
    )
    return findings, Check("one identifier, one prefix", total - failed, total, failed, reason)


def _rows(sources: Sequence[BatchFile]) -> Iterator[tuple[Any, ...]]:
    for item in readable_items(sources):
        claims = item.claims
        if isinstance(claims, Receipt):
            for entry in (claims.cache_read, *claims.cache_writes, *claims.commitments):
                if entry is not None:
                    yield (
                        entry.recipe, entry.id, str(entry.prefix), claims.model if vllm_parameters(entry.recipe) is None else "any model", f"{claims.issuer} {claims.account}",
                        entry is claims.cache_read, claims.time, item.number,
                    )  # fmt: skip


def _conflicts(db: sqlite3.Connection) -> Iterator[Finding]:
    """The first receipt that gives an identifier another length or model than the receipt before."""
    for recipe, identifier in db.execute(
        "SELECT recipe, id FROM entries GROUP BY recipe, id"
        " HAVING min(prefix) <> max(prefix) OR min(bound) <> max(bound) ORDER BY min(item)"
    ).fetchall():
        rows = db.execute(
            "SELECT prefix, bound, item FROM entries WHERE (recipe, id) = (?, ?) ORDER BY item",
            (recipe, identifier),
        ).fetchall()
        prefix, model, item = rows[0]
        other = next(row for row in rows if row[:2] != (prefix, model))
        yield Finding(
            "cache-id-conflict",
            f"{recipe} {identifier.hex()} is {prefix} tokens of {model} in item {item}, {other[0]} tokens of {other[1]} here",
            item=other[2], field="cache", expected=f"{prefix} tokens of {model}", actual=identifier.hex(),
        )  # fmt: skip


def _shared(db: sqlite3.Connection) -> Iterator[Finding]:
    """Identifiers under an account's key that another account has too."""
    for recipe, identifier in db.execute(
        "SELECT recipe, id FROM entries GROUP BY recipe, id HAVING min(account) <> max(account) ORDER BY min(item)"
    ).fetchall():
        if recipe in KEYED:
            (account, item), *rows = db.execute(
                "SELECT account, item FROM entries WHERE (recipe, id) = (?, ?) ORDER BY item",
                (recipe, identifier),
            ).fetchall()
            other = next(row for row in rows if row[0] != account)
            yield Finding(
                "cache-id-shared",
                f"{recipe} {identifier.hex()} is of account {account.split(' ')[1]!r} in item {item}",
                item=other[1], field="cache", expected=account, actual=identifier.hex(),
            )  # fmt: skip

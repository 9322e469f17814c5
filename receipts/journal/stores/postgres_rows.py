"""The tables of a journal in PostgreSQL, and what is asked of them.

Names are kept as the bytes of their UTF-8 form: they sort by their code points as in a file, whatever the database's encoding and
collation are, and may have U+0000. In ``receipts.request`` stands the letter r and a request id; or of a correction, the letter
c and the digest of what it corrects.
"""

from __future__ import annotations

from typing import Final

from psycopg import errors

from receipts.issuer import Head, Issued
from receipts.journal.stores.session import Connection
from receipts.journal.stores.store import Place

Group = list[tuple[str | bytes, Issued]]
"""Receipts, each with the second part of its key."""

VERSION: Final = 1
LOCK: Final = 0x52435054
"""The advisory lock of those who make a journal: "RCPT"."""
SCHEMA: Final = """
CREATE TABLE journal (version INTEGER NOT NULL, issuer TEXT NOT NULL, id TEXT NOT NULL);
CREATE TABLE receipts (
  account BYTEA NOT NULL, stream BYTEA NOT NULL, sequence BIGINT NOT NULL, request BYTEA NOT NULL, time BIGINT NOT NULL,
  digest BYTEA NOT NULL, data BYTEA NOT NULL,
  PRIMARY KEY (account, stream, sequence), UNIQUE (account, request)
);
CREATE TABLE statements (account BYTEA NOT NULL, number BIGINT NOT NULL, data BYTEA NOT NULL, PRIMARY KEY (account, number));
CREATE TABLE archives (account BYTEA NOT NULL, number BIGINT NOT NULL, file BYTEA NOT NULL, receipts BIGINT NOT NULL,
  PRIMARY KEY (account, number))
"""
TABLES: Final = """
SELECT to_regclass('journal') IS NOT NULL,
  (SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p'))
"""
JOURNAL: Final = "SELECT version, issuer, id FROM journal"
NEW_JOURNAL: Final = "INSERT INTO journal VALUES (%s, %s, %s)"
HEADS: Final = """
SELECT place.number, head.sequence, head.digest, head.time
FROM unnest(%b::bytea[], %b::bytea[]) WITH ORDINALITY AS place (account, stream, number)
CROSS JOIN LATERAL (
  SELECT sequence, digest, time FROM receipts
  WHERE receipts.account = place.account AND receipts.stream = place.stream ORDER BY sequence DESC LIMIT 1
) AS head
"""
KNOWN: Final = """
SELECT key.number
FROM unnest(%b::bytea[], %b::bytea[]) WITH ORDINALITY AS key (account, request, number)
CROSS JOIN LATERAL (
  SELECT 1 FROM receipts WHERE receipts.account = key.account AND receipts.request = key.request LIMIT 1
) AS there
"""
"""Both go by the index from row to row, whatever the planner believes of the tables."""
INSERT: Final = """
INSERT INTO receipts (account, stream, sequence, request, time, digest, data)
SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::bigint[], %b::bytea[], %b::bigint[], %b::bytea[], %b::bytea[])
"""
ENTRY: Final = "SELECT data, digest FROM receipts WHERE account = %b AND request = %b"
ACCOUNTS: Final = """
WITH RECURSIVE found (account) AS (
  (SELECT account FROM receipts ORDER BY account LIMIT 1)
  UNION ALL
  SELECT (SELECT account FROM receipts WHERE account > found.account ORDER BY account LIMIT 1)
  FROM found WHERE found.account IS NOT NULL
)
SELECT account FROM found WHERE account IS NOT NULL UNION SELECT account FROM statements ORDER BY account
"""
"""From account to account, not from receipt to receipt."""
STREAMS: Final = """
WITH RECURSIVE found (stream) AS (
  (SELECT stream FROM receipts WHERE account = %(account)b ORDER BY stream LIMIT 1)
  UNION ALL
  SELECT (
    SELECT stream FROM receipts WHERE account = %(account)b AND stream > found.stream ORDER BY stream LIMIT 1
  ) FROM found WHERE found.stream IS NOT NULL
)
SELECT stream FROM found WHERE stream IS NOT NULL ORDER BY stream
"""
OPEN: Final = """
SELECT sequence, data FROM receipts
WHERE account = %(account)b AND stream = %(stream)b AND sequence >= %(first)s AND time < %(before)s
ORDER BY sequence LIMIT %(page)s
"""
RECEIPTS: Final = """
SELECT sequence, data FROM receipts
WHERE account = %(account)b AND stream = %(stream)b AND sequence >= %(first)s AND sequence < %(end)s
ORDER BY sequence LIMIT %(page)s
"""
RECEIPT: Final = "SELECT digest FROM receipts WHERE account = %b AND stream = %b AND sequence = %s"
DIGESTS: Final = """
SELECT place.number, receipt.digest
FROM unnest(%b::bytea[], %b::bigint[]) WITH ORDINALITY AS place (stream, sequence, number)
CROSS JOIN LATERAL (
  SELECT digest FROM receipts
  WHERE receipts.account = %b AND receipts.stream = place.stream AND receipts.sequence = place.sequence LIMIT 1
) AS receipt
"""
EMPTY: Final = """
UPDATE receipts SET data = '' WHERE account = %b AND stream = %b AND sequence >= %s AND sequence < %s
"""
NEW_ARCHIVE: Final = """
INSERT INTO archives VALUES (%b, %s, %b, %s)
ON CONFLICT (account, number) DO UPDATE SET file = EXCLUDED.file, receipts = EXCLUDED.receipts
"""
ARCHIVED: Final = "SELECT number, file, receipts FROM archives WHERE account = %b ORDER BY number"
STATEMENTS: Final = "SELECT data FROM statements WHERE account = %b ORDER BY number"
STATEMENT: Final = "SELECT data FROM statements WHERE account = %b AND number = %s"
NEW_STATEMENT: Final = "INSERT INTO statements VALUES (%b, %s, %b) ON CONFLICT DO NOTHING"
_IN_A_CIRCLE: Final = (errors.DeadlockDetected, errors.SerializationFailure)


def key_column(key: str | bytes) -> bytes:
    """What stands in the column ``request``."""
    return b"r" + key.encode() if isinstance(key, str) else b"c" + key


def insert(db: Connection, group: Group) -> None:
    """Write a group. Where writers waited for each other in a circle, the server wrote nothing of it, and it is sent again.

    Raises:
        psycopg.errors.UniqueViolation: another writer was faster; nothing of it is written.
    """
    # In an order that is the same for all writers, so that they seldom wait so.
    rows = sorted(
        (r.account.encode(), r.stream.encode(), r.sequence, key_column(key), r.time, r.digest, r.data)
        for key, r in group
    )  # fmt: skip
    columns = [list(column) for column in zip(*rows, strict=True)]
    while True:
        try:
            db.execute(INSERT, columns)
        except _IN_A_CIRCLE:
            continue
        return


def heads(db: Connection, places: list[Place]) -> dict[Place, Head]:
    """Where streams stand."""
    columns = [account.encode() for account, _ in places], [stream.encode() for _, stream in places]
    rows = db.execute(HEADS, columns, binary=True).fetchall()
    return {places[number - 1]: Head(*head) for number, *head in rows}


def has(db: Connection, issued: Issued) -> bool:
    """Whether this receipt, and no other one, is in its place."""
    values = issued.account.encode(), issued.stream.encode(), issued.sequence
    return column(db, RECEIPT, *values) == [issued.digest]


def column(db: Connection, query: str, *values: bytes | int) -> list[bytes]:
    """The rows of a query with one column of bytes."""
    return [found for (found,) in db.execute(query, values, binary=True).fetchall()]

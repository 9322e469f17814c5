"""What `SqliteStore` asks of SQLite."""

from __future__ import annotations

from typing import Final

SCHEMA: Final = """
CREATE TABLE issuer (name TEXT NOT NULL, journal TEXT NOT NULL);
CREATE TABLE receipts (
  account TEXT NOT NULL, stream TEXT NOT NULL, sequence INTEGER NOT NULL, request TEXT NOT NULL, time INTEGER NOT NULL,
  digest BLOB NOT NULL, data BLOB NOT NULL,
  UNIQUE (account, stream, sequence), UNIQUE (account, request)
);
CREATE TABLE statements (account TEXT NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (account, number));
CREATE TABLE archives (account TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, receipts INTEGER NOT NULL,
  PRIMARY KEY (account, number));
"""
HEAD: Final = """
SELECT sequence, digest, time FROM receipts WHERE account = ? AND stream = ? ORDER BY sequence DESC LIMIT 1
"""
KNOWN: Final = """
WITH asked (account, request) AS (VALUES {})
SELECT asked.* FROM asked CROSS JOIN receipts USING (account, request)
"""
ADD: Final = "INSERT INTO receipts VALUES {}"
ENTRY: Final = "SELECT data, digest FROM receipts WHERE account = ? AND request = ?"
ACCOUNTS: Final = """
WITH RECURSIVE found (account) AS (
  SELECT min(account) FROM receipts
  UNION ALL
  SELECT (SELECT min(account) FROM receipts WHERE account > found.account) FROM found WHERE found.account IS NOT NULL
)
SELECT account FROM found WHERE account IS NOT NULL UNION SELECT account FROM statements ORDER BY account
"""
"""From account to account, not from receipt to receipt."""
STREAMS: Final = """
WITH RECURSIVE found (stream) AS (
  SELECT min(stream) FROM receipts WHERE account = ?1
  UNION ALL
  SELECT (SELECT min(stream) FROM receipts WHERE account = ?1 AND stream > found.stream) FROM found WHERE found.stream IS NOT NULL
)
SELECT stream FROM found WHERE stream IS NOT NULL ORDER BY stream
"""
DIGEST: Final = "SELECT digest FROM receipts WHERE account = ? AND stream = ? AND sequence = ?"
RUN: Final = "FROM receipts WHERE account = ? AND stream = ? AND sequence >= ? AND sequence < ?"
WITHOUT_DATA: Final = f"SELECT account, stream, sequence, request, time, digest, x'' {RUN}"
ARCHIVED: Final = "SELECT number, file, receipts FROM archives WHERE account = ? ORDER BY number"
OPEN: Final = """
SELECT data FROM receipts WHERE account = ? AND stream = ? AND sequence >= ? AND time < ? ORDER BY sequence
"""
RECEIPTS: Final = """
SELECT data FROM receipts WHERE account = ? AND stream = ? AND sequence >= ? AND sequence < ? ORDER BY sequence
"""
STATEMENT: Final = "SELECT data FROM statements WHERE account = ? AND number = ?"
STATEMENTS: Final = "SELECT data FROM statements WHERE account = ? ORDER BY number"

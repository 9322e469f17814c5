"""Wallets as spec/record.md describes them, written without `receipts.wallet`."""

import json
import sqlite3

from tests.build import NOON, USAGE

COLUMNS = {
    "number": "INTEGER PRIMARY KEY", "sent": "INTEGER NOT NULL", "answered": "INTEGER", "host": "TEXT NOT NULL", "path": "TEXT NOT NULL",
    "credential": "BLOB", "account": "TEXT", "status": "INTEGER", "outcome": "TEXT", "replay": "INTEGER NOT NULL",
    "commitment": "BLOB NOT NULL", "nonce": "BLOB NOT NULL", "requested_model": "TEXT", "model": "TEXT", "request": "TEXT", "usage": "TEXT", "tier": "TEXT", "tools": "TEXT",
}  # fmt: skip


class TestWallet:
    """A wallet of version 2."""

    __test__ = False

    def __init__(self, path="wallet.db"):
        self.db = sqlite3.connect(path, isolation_level=None)
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self.db.executescript(
            f"CREATE TABLE IF NOT EXISTS calls ({columns});"
            "CREATE TABLE IF NOT EXISTS receipts (call INTEGER NOT NULL, data BLOB NOT NULL);"
            "PRAGMA application_id=0x52435057; PRAGMA user_version=2"
        )

    def call(self, request, *receipts, **over):
        """A call that was answered; returns its number."""
        line = {
            "sent": NOON, "answered": NOON + 1000, "host": "api.example.com", "path": "/v1/messages", "status": 200,
            "outcome": "complete", "replay": 0, "commitment": (request or "none").encode(), "nonce": bytes(32),
            "requested_model": "claude-sonnet-4-6", "model": "claude-sonnet-4-6", "request": request, "usage": json.dumps(USAGE),
        } | over  # fmt: skip
        marks = ", ".join("?" * len(line))
        cursor = self.db.execute(
            f"INSERT INTO calls ({', '.join(line)}) VALUES ({marks})",  # noqa: S608
            [*line.values()],
        )
        for receipt in receipts:
            self.receipt(cursor.lastrowid, receipt)
        return cursor.lastrowid

    def receipt(self, call, data):
        """A receipt that came with a call."""
        self.db.execute("INSERT INTO receipts VALUES (?, ?)", (call, data))

    def close(self):
        self.db.close()

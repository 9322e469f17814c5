"""Whose call it is: which of a record's calls are of the account whose batch is verified (spec/record.md, "Whose call it is")."""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

_BY_ITSELF: Final = """
UPDATE calls SET ours = CASE
  WHEN account <> :account THEN 0
  WHEN source IS NULL THEN 1
  WHEN request IN (SELECT request FROM batch) OR client IN (SELECT client FROM batch WHERE client IS NOT NULL) THEN 1
  ELSE (SELECT max(received.mine) FROM received WHERE received.call = calls.call)
END
"""
_OF_SOURCES: Final = """
SELECT source, max(host), coalesce(sum(ours), 0), coalesce(sum(NOT ours), 0), sum(due AND ours IS NULL), coalesce(max(account = :account), 0),
  coalesce(sum(ours AND account IS NULL), 0), coalesce(sum(NOT ours AND account IS NULL), 0)
FROM calls WHERE source IS NOT NULL GROUP BY source
"""


class Strangers(NamedTuple):
    """Calls that are not held against the batch: those due a receipt of an unknown account, and of somebody else."""

    unknown: int
    others: int


def divide(db: sqlite3.Connection, account: str | None) -> Strangers:
    """Settle in ``calls.ours`` which calls are of an account; None: the batch has none.

    That it states another account comes first; then what the batch and the receipts tell; then what is known of other calls of its source; then
    that it states this account, and what is known of its host.
    """
    db.execute(_BY_ITSELF, {"account": account})
    sources = db.execute(_OF_SOURCES, {"account": account}).fetchall()
    nothing_known = not any(ours or theirs for _, _, ours, theirs, *_ in sources)
    hosts = {host for _, host, ours, *_ in sources if ours}
    unknown = 0
    for source, host, ours, theirs, due, stated, named, named_other in sources:
        # Without credentials, as after a redirect to another host, calls of two accounts look alike.
        mixed = bool(ours and theirs and not stated)
        anonymous = source.endswith(" ")
        known = (ours or theirs) and not (mixed and anonymous)
        # Two providers may call the customer by one name: that is not enough to miss receipts of one of them.
        settled = bool(ours) if known else stated and (nothing_known or host in hosts)
        db.execute("UPDATE calls SET ours = ? WHERE source = ? AND ours IS NULL", (settled, source))
        if not known and not settled and (stated or nothing_known or host in hosts):
            unknown += due
        if mixed and not anonymous:
            unknown += min(named, named_other)  # a call that states its account is no stranger
    (others,) = db.execute("SELECT count(*) FROM calls WHERE NOT ours").fetchone()
    return Strangers(unknown, others - unknown)

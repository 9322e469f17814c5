"""Closing a period of a batch or of a journal: which receipts belong to it, what the statement before was, and what is written where.

    with open("batch.cbor", "rb") as batch, open("closed.cbor", "wb") as out:
        closed = close_batch(batch, out, Closing(issuer, key, start, end))

    closed = close_journal("issuer.db", out, Closing(issuer, key, start, end), "acme")

    with Journals(["issuer.db"], issuer) as journals:
        for account in journals.accounts():
            (settled,) = journals.settle([journals.prepare(account, Closing(issuer, key, start, end))])
            journals.write(settled.statements[-1], out)

An issuer signs only over receipts that its customers would accept. This package does not verify; the caller's ``check`` does,
and is given exactly what would be closed.
"""

from receipts.closing.batch import close_batch
from receipts.closing.closing import (
    AccountError,
    ArchivedError,
    Check,
    Closed,
    Closing,
    OldJournalError,
    closed,
)
from receipts.closing.journal import close_journal
from receipts.closing.journals import Journals
from receipts.closing.objects import KeptStatement, corrected
from receipts.closing.settling import Prepared, Settled

__all__ = [
    "AccountError",
    "ArchivedError",
    "Check",
    "Closed",
    "Closing",
    "Journals",
    "KeptStatement",
    "OldJournalError",
    "Prepared",
    "Settled",
    "close_batch",
    "close_journal",
    "closed",
    "corrected",
]

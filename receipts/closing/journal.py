"""Closing a period of an account in a journal: its receipts and the statement become a batch, and the statement stays in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from receipts.closing.closing import Check, Closed, Closing, unchecked
from receipts.closing.journals import Journals


def close_journal(
    location: str,
    out: BinaryIO,
    closing: Closing,
    account: str,
    *,
    others: Sequence[str] = (),
    check: Check = unchecked,
) -> Closed:
    """Close a period of an account in a journal, and write its batch; or write it again, if the period is closed already.

    The receipts are those that no statement closes, of times before the end of the period. The statement is in the journal before the
    first byte is written: what somebody may hold is never forgotten, and of two callers at once, both write the same statement. Issuing
    goes on meanwhile. A late statement (`LATE`) is signed whenever there are receipts for it, else the last one is written again.

    An account is closed at one place: its statements are in one journal. If it has receipts in several, because several machines issue,
    all of them are given, each time. `Journals` closes many accounts.

    Args:
        location: the file or the URL of the journal that has the account's statements.
        out: where the batch goes.
        closing: the period.
        account: whose.
        others: the files and URLs of more journals with receipts of the account.
        check: called with the path of a file that holds the receipts, before anything is signed.

    Raises:
        ReceiptError: the period does not continue where the last one ended, a receipt does not belong into it, or nothing is known of
            the account.
        OldJournalError: receipts that a statement closes are in none of the journals, or are others there.
        ArchivedError: the period is closed, and its receipts have moved out of the journals.
        AccountError: two journals have one stream, or statements of the account; or a statement cannot be read.
        JournalError: one is not there, is no journal of this issuer, or cannot be read or written.
        OSError: there is no room, or ``out`` cannot be written.
    """
    with Journals((location, *others), closing.issuer) as journals:
        (settled,) = journals.settle([journals.prepare(account, closing, check=check)])
        return journals.write(settled.statements[-1], out, settled.left)

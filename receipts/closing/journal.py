"""Closing a period of a journal: its receipts and the statement become a batch, and the statement stays in the journal."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from receipts import limits
from receipts.closing.chain import add_receipt, chain
from receipts.closing.closing import Check, Closed, Closing, closed, unchecked
from receipts.closing.objects import KeptReceipt, KeptStatement, kept_object, kept_objects
from receipts.errors import BatchError, JournalError
from receipts.journal import Store
from receipts.statement import LATE, Period


def close_journal(
    path: str, out: BinaryIO, closing: Closing, account: str, *, check: Check = unchecked
) -> Closed:
    """Close a period of an account in a journal, and write its batch; or write it again, if the period is closed already.

    The receipts are those that no statement closes, of times before the end of the period. The statement is in the journal before the
    first byte is written: what somebody may hold is never forgotten, and of two callers at once, both write the same statement. Issuing
    goes on meanwhile. A late statement (`LATE`) is signed whenever there are receipts for it, else the last one is written again.

    Args:
        path: the journal's file.
        out: where the batch goes.
        closing: the period.
        account: whose.
        check: called with the path of a file that holds the receipts, before anything is signed.

    Raises:
        ReceiptError: the period does not continue where the last one ended, or a receipt does not belong into it.
        JournalError: the file is not there, is no journal of this issuer, or cannot be read or written.
        OSError: there is no room, or ``out`` cannot be written.
    """
    limits.name("account", account)
    store = Store(path, closing.issuer, create=False)
    try:
        with TemporaryDirectory(prefix="receipt-close-") as folder:
            spool = Path(folder, "receipts.cbor")
            while (done := _close(store, out, closing, account, spool, check)) is None:
                pass  # somebody else closed a period meanwhile: look again where the account stands
            return done
    finally:
        store.close()


def _close(
    store: Store, out: BinaryIO, closing: Closing, account: str, spool: Path, check: Check
) -> Closed | None:
    """Close, or write again; None if the statement's number was given to another one in the meantime."""
    statements = [_statement(data) for data in store.statements(account)]
    previous = chain(statements).previous
    done = previous.streams if previous else {}
    with store.snapshot(), spool.open("wb") as target:
        target.writelines(store.open_receipts(account, done, closing.end))
    same = _last(statements, closing)
    if same is not None and (closing.kind != LATE or not spool.stat().st_size):
        return _write_again(store, same, out)
    check(str(spool))
    period = closing.period(account, previous)
    _add_all(period, spool)
    signed = period.sign(closing.key)
    if not store.add_statement(account, period.number, signed.data):
        return None
    with spool.open("rb") as source:
        shutil.copyfileobj(source, out)
    out.write(signed.data)
    return closed(period, signed)


def _add_all(period: Period, spool: Path) -> None:
    with spool.open("rb") as receipts:
        for item in kept_objects(receipts):
            if isinstance(item, KeptReceipt):
                add_receipt(period, item)


def _statement(data: bytes) -> KeptStatement:
    try:
        found = kept_object(data)
    except BatchError as error:
        raise JournalError(f"the journal's statement cannot be read: {error}") from None
    if not isinstance(found, KeptStatement):
        raise JournalError("the journal holds a receipt where a statement belongs")
    return found


def _last(statements: Sequence[KeptStatement], closing: Closing) -> KeptStatement | None:
    """The last statement for a period, if there is one."""
    wanted = (closing.start, closing.end, closing.kind)
    same = [one for one in statements if (one.start, one.end, one.kind) == wanted]
    return same[-1] if same else None


def _write_again(store: Store, statement: KeptStatement, out: BinaryIO) -> Closed:
    for entry in statement.streams:
        out.writelines(store.receipts(statement.account, entry.name, entry.first, entry.count))
    out.write(statement.data)
    return Closed(
        statement.account,
        statement.number,
        statement.start,
        statement.end,
        sum(entry.count for entry in statement.streams),
        statement.digest,
    )

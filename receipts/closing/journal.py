"""Closing a period of a journal: its receipts and the statement become a batch, and the statement stays in the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from receipts import limits
from receipts.closing.chain import add_receipt, chain
from receipts.closing.closing import Check, Closed, Closing, OldJournalError, unchecked
from receipts.closing.objects import KeptReceipt, KeptStatement, kept_object, kept_objects
from receipts.errors import BatchError, JournalError
from receipts.journal import Store, open_store
from receipts.statement import LATE, Period


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
    all of them are given, each time.

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
        JournalError: one is not there, is no journal of this issuer, or cannot be read or written; two journals have one stream, or
            statements of the account.
        OSError: there is no room, or ``out`` cannot be written.
    """
    limits.name("account", account)
    with _opened((location, *others), closing.issuer) as stores:
        _check_apart(stores, account)
        with TemporaryDirectory(prefix="receipt-close-") as folder:
            spool = Path(folder, "receipts.cbor")
            while (done := _close(stores, out, closing, account, spool, check)) is None:
                pass  # somebody else closed a period meanwhile: look again where the account stands
            return done


@contextmanager
def _opened(locations: Sequence[str], issuer: str) -> Iterator[list[Store]]:
    with ExitStack() as opened:
        stores = []
        for location in locations:
            stores.append(open_store(location, issuer, create=False))
            opened.callback(stores[-1].close)
        yield stores


def _check_apart(stores: Sequence[Store], account: str) -> None:
    """One journal has the statements, and no two have one stream: else there may be two stories."""
    for store in stores[1:]:
        if store.statements(account):
            raise JournalError(
                f"{store.place} has statements of {account}, and so may {stores[0].place}"
            )
    where: dict[str, Store] = {}
    for store in stores:
        for stream in store.streams(account):
            other = where.setdefault(stream, store)
            if other is not store:
                raise JournalError(f"stream {stream!r} is in both {other.place} and {store.place}")


def _close(
    stores: Sequence[Store],
    out: BinaryIO,
    closing: Closing,
    account: str,
    spool: Path,
    check: Check,
) -> Closed | None:
    """Close, or write again; None if the statement's number was given to another one in the meantime."""

    def digests() -> list[bytes]:
        return [_statement(data).digest for data in stores[0].statements(account)]

    closing.standing(account, digests, False)
    statements = [_statement(data) for data in stores[0].statements(account)]
    _check_whole(stores, account, statements)
    previous = chain(statements).previous
    done = previous.streams if previous else {}
    with spool.open("wb") as target:
        for store in stores:
            with store.snapshot():
                target.writelines(store.open_receipts(account, done, closing.end))
    same = _last(statements, closing)
    if same is not None and (closing.kind != LATE or not spool.stat().st_size):
        closing.standing(account, digests, True)
        return _write(stores, same, out, left=_count(spool))
    known = bool(statements) or any(store.streams(account) for store in stores)
    closing.check_known(account, known=known)
    check(str(spool))
    period = closing.period(account, previous)
    _add_all(period, spool)
    signed = period.sign(closing.key)
    closing.claim(account, period.number, signed.digest)
    if not stores[0].add_statement(account, period.number, signed.data):
        return None
    closing.standing(account, digests, True)
    return _write(stores, _statement(signed.data), out)


def _check_whole(
    stores: Sequence[Store], account: str, statements: Sequence[KeptStatement]
) -> None:
    """What was closed is still there: a journal that is an old copy of itself gives its places a second time."""
    closed = {entry.name: (entry, one.number) for one in statements for entry in one.streams}
    for name, (entry, number) in closed.items():
        sequence = entry.first + entry.count - 1
        found = [data for store in stores for data in store.receipts(account, name, sequence, 1)]
        if [kept_object(data).digest for data in found] != [entry.head]:
            what = f"statement {number} of {account} closes receipt {sequence} of stream {name!r}"
            instead = "another one is in its place" if found else "it is not there"
            places = ", ".join(store.place for store in stores)
            raise OldJournalError(f"{what}, and in {places} {instead}")


def _count(spool: Path) -> int:
    with spool.open("rb") as receipts:
        return sum(1 for _ in kept_objects(receipts))


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


def _write(
    stores: Sequence[Store], statement: KeptStatement, out: BinaryIO, left: int = 0
) -> Closed:
    """The batch of a statement that is in the journal: the first time and every time, the same bytes."""
    for entry in statement.streams:
        for store in stores:  # one of them has it
            out.writelines(store.receipts(statement.account, entry.name, entry.first, entry.count))
    out.write(statement.data)
    return Closed(
        statement.account,
        statement.number,
        statement.start,
        statement.end,
        sum(entry.count for entry in statement.streams),
        statement.digest,
        left,
    )

"""What journals hold of an account: its statements, whether all that they close is still there, and the batch of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from receipts.closing.closing import AccountError, ArchivedError, OldJournalError
from receipts.closing.objects import KeptReceipt, KeptStatement, KeptStream, kept_object
from receipts.errors import BatchError, JournalError
from receipts.journal import Store


def check_apart(stores: Sequence[Store], account: str) -> None:
    """One journal has the statements, and no two have one stream: else there may be two stories.

    Raises:
        AccountError: it is otherwise.
    """
    for store in stores[1:]:
        if store.statements(account):
            raise AccountError(
                f"{store.place} has statements of {account}, and so may {stores[0].place}"
            )
    where: dict[str, Store] = {}
    for store in stores if len(stores) > 1 else ():
        for stream in store.streams(account):
            other = where.setdefault(stream, store)
            if other is not store:
                raise AccountError(f"stream {stream!r} is in both {other.place} and {store.place}")


def kept_statements(store: Store, account: str) -> list[KeptStatement]:
    """The statements of an account, by number.

    Raises:
        AccountError: one cannot be read.
    """
    return [kept_statement(data) for data in store.statements(account)]


def kept_statement(data: bytes) -> KeptStatement:
    """A statement that a journal holds.

    Raises:
        AccountError: it is none.
    """
    try:
        found = kept_object(data)
    except BatchError as error:
        raise AccountError(f"the journal's statement cannot be read: {error}") from None
    if isinstance(found, KeptReceipt):
        raise AccountError("the journal holds a receipt where a statement belongs")
    return found


def check_whole(stores: Sequence[Store], account: str, statements: Sequence[KeptStatement]) -> None:
    """What was closed is still there: a journal that is an old copy of itself gives its places a second time.

    Raises:
        OldJournalError: the last closed receipt of a stream is not there, or another one is in its place; or a statement of which receipts
            were archived is not there.
    """
    for store in stores:
        for number in store.archived(account):
            if number >= len(statements):
                what = (
                    f"receipts of statement {number} of {account} were archived from {store.place}"
                )
                raise OldJournalError(f"{what}, and {stores[0].place} has no such statement")
    closed = {entry.name: (entry, one.number) for one in statements for entry in one.streams}
    last = {name: entry.first + entry.count - 1 for name, (entry, _) in closed.items()}
    found = [store.digests(account, list(last.items())) for store in stores]
    for name, (entry, number) in closed.items():
        there = [one[place] for one in found if (place := (name, last[name])) in one]
        if there != [entry.head]:
            what = f"statement {number} of {account} closes receipt {last[name]} of stream {name!r}"
            instead = "another one is in its place" if there else "it is not there"
            places = ", ".join(store.place for store in stores)
            raise OldJournalError(f"{what}, and in {places} {instead}")


def check_kept(stores: Sequence[Store], statement: KeptStatement) -> None:
    """The receipts that a statement closes have not moved out of the journals.

    Raises:
        ArchivedError: they have.
    """
    for store in stores:
        moved = store.archived(statement.account).get(statement.number)
        if moved is not None:
            raise ArchivedError(statement.account, statement.number, moved.file)


def write_batch(stores: Sequence[Store], statement: KeptStatement, out: BinaryIO) -> None:
    """Write the batch of a statement that is in the journal: the first time and every time, the same bytes.

    Raises:
        ArchivedError: its receipts have moved out of the journals.
        OldJournalError: a receipt that it closes is not there.
    """
    check_kept(stores, statement)
    for entry in statement.streams:
        out.writelines(_receipts(stores, statement, entry))
    out.write(statement.data)


def _receipts(
    stores: Sequence[Store], statement: KeptStatement, entry: KeptStream
) -> Iterator[bytes]:
    """The receipts of a stream that a statement closes; one of the journals has them."""
    count = 0
    for store in stores:
        for data in store.receipts(statement.account, entry.name, entry.first, entry.count):
            if not data:  # they have moved meanwhile
                check_kept(stores, statement)
                raise JournalError(f"{store.place} holds an empty receipt of {statement.account}")
            count += 1
            yield data
    if count != entry.count:
        raise OldJournalError(
            f"statement {statement.number} of {statement.account} closes {entry.count} receipts of stream {entry.name!r},"
            f" and in {', '.join(store.place for store in stores)} there are {count}"
        )

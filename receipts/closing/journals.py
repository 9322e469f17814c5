"""`Journals`: the journals of an issuer, opened once to close many accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import BinaryIO

from receipts import limits
from receipts.closing.archive import Held, archivable
from receipts.closing.books import check_apart, write_batch
from receipts.closing.closing import Check, Closed, Closing, closed, unchecked
from receipts.closing.objects import KeptStatement
from receipts.closing.settling import Prepared, Settled, add_all, prepare
from receipts.journal import Store, open_store


class Journals:
    """The journals of an issuer. An account is closed from all of those that have receipts of it, together.

    Args:
        locations: the files and URLs of the journals.
        issuer: whose they are.

    Raises:
        JournalError: one is not there, or is no journal of this issuer.
    """

    def __init__(self, locations: Sequence[str], issuer: str) -> None:
        self._stores: list[Store] = []
        self._issuer = issuer
        with ExitStack() as opened:
            for location in locations:
                self._stores.append(open_store(location, issuer, create=False))
                opened.callback(self._stores[-1].close)
            folder = opened.enter_context(TemporaryDirectory(prefix="receipt-close-"))
            self._spool = Path(folder, "receipts.cbor")
            self._opened = opened.pop_all()

    def __enter__(self) -> Journals:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    def accounts(self) -> list[str]:
        """All accounts with a receipt or a statement, sorted by their code points.

        Raises:
            JournalError: a journal cannot be read.
        """
        return sorted({account for store in self._stores for account in store.accounts()})

    def settle(self, prepared: Sequence[Prepared]) -> list[Settled]:
        """Keep the statements of accounts in the journal, all at once. Their batches can be written then.

        Where somebody else closed a period of an account meanwhile, it is looked at again where the account stands.

        Raises:
            ReceiptError, AccountError: as `prepare`, of one of the accounts; of the others nothing is lost if they are settled again.
            JournalError: a journal cannot be read or written.
        """
        while any(one.signed for one in prepared):
            with prepared[0].closing.together():
                for one in prepared:
                    one.claim()
            kept = add_all(prepared)
            prepared = [
                one.kept() if one.signed is None or one.place in kept else self._prepared(one)
                for one in prepared
            ]
        written = [one for one in prepared if one.statements]
        if written:
            with written[0].closing.together():
                for one in written:
                    one.tell()
        return [Settled(one.statements, one.left) for one in prepared]

    def prepare(
        self,
        account: str,
        closing: Closing,
        *,
        first: str = "",
        check: Check = unchecked,
        if_due: bool = False,
    ) -> Prepared:
        """Sign the statement of a period, unless the period is closed already. It is not kept yet, and must not be shown to anybody.

        Args:
            account: whose.
            closing: the period. A late statement (`LATE`) is signed whenever there are receipts for it.
            first: the ``id`` of the journal that has the account's statements; without, it is the first of them.
            check: called with the path of a file that holds the receipts, before anything is signed.
            if_due: sign nothing where nothing is due: no receipt came late, or there is neither a statement nor a receipt of a
                time before the end of the period. The account began later then.

        Raises:
            ReceiptError: the period does not continue where the last one ended, a receipt does not belong into it, or nothing is
                known of the account.
            AccountError: what the journals hold of the account cannot be closed; an `OldJournalError` if it is less than what was closed.
            JournalError: a journal cannot be read.
            OSError: there is no room for the file that is checked.
        """
        limits.name("account", account)
        stores = tuple(sorted(self._stores, key=lambda store: store.id != first))
        return self._prepared(Prepared(stores, account, closing, check, if_due))

    def _prepared(self, asked: Prepared) -> Prepared:
        check_apart(asked.stores, asked.account)
        return prepare(asked, self._spool)

    def archivable(self, before: int) -> Iterator[KeptStatement]:
        """The statements of all accounts whose period ended at or before a time (ms), and whose receipts are still in the journals.

        Raises:
            AccountError: a statement cannot be read.
            JournalError: a journal cannot be read.
        """
        for account in self.accounts():
            yield from archivable(self._stores, account, before)

    def held(self, batch: BinaryIO, name: str) -> list[KeptStatement]:
        """The statements of a batch that a journal has byte for byte, and of which each receipt is in both, at its place.

        Receipts are compared by digest. Signatures are not looked at.

        Args:
            batch: it is read once.
            name: what errors call it.

        Raises:
            BatchError: it cannot be read, or has a receipt or a statement that is another one in the journals.
            JournalError: a journal cannot be read.
        """
        return Held(self._stores, self._issuer).statements(batch, name)

    def archive(self, statement: KeptStatement, file: str) -> None:
        """Delete the bytes of the receipts that a statement closes. Their places, request ids, digests and times stay.

        Args:
            statement: one that `held` returned.
            file: where its batch is; who asks for it is told so.

        Raises:
            JournalError: a journal cannot be written.
        """
        runs = [(entry.name, entry.first, entry.count) for entry in statement.streams]
        for store in self._stores:
            store.archive(statement.account, statement.number, runs, file)

    def compact(self) -> None:
        """Give back to the file system what was archived. Issuing goes on.

        Raises:
            JournalError: a journal cannot be written.
        """
        for store in self._stores:
            store.compact()

    def write(self, statement: KeptStatement, out: BinaryIO, left: int = 0) -> Closed:
        """Write the batch of a statement that `settle` returned: each time the same bytes.

        Raises:
            ArchivedError: its receipts have moved out of the journals.
            OldJournalError: a receipt that it closes is not there.
            JournalError: a journal cannot be read.
            OSError: ``out`` cannot be written.
        """
        write_batch(self._stores, statement, out)
        return closed(statement, statement.digest, left)

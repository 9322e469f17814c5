"""What closing a batch and closing a journal have in common: the period that is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from receipts.closing.chain import Chain
from receipts.closing.objects import KeptStatement
from receipts.errors import JournalError, ReceiptError
from receipts.keys import KeySource
from receipts.statement import REGULAR, Period


class AccountError(JournalError):
    """What journals hold of an account cannot be closed, or written; others may be."""


class OldJournalError(AccountError):
    """A journal lacks what its account's statements close: it is an old copy, or another one that belongs to it is not given."""


class ArchivedError(AccountError):
    """The receipts of a statement have moved out of the journal.

    Attributes:
        file: where they should be.
    """

    def __init__(self, account: str, number: int, file: str) -> None:
        super().__init__(
            f"the receipts of statement {number} of {account} were archived: they should be in {file}"
        )
        self.file = file


Check = Callable[[str], None]
"""Called with the path of a file that holds what is to be closed; it raises what it likes to stop that. The file is
gone afterwards."""


Claim = Callable[[str, int, bytes], None]
"""Called with account, number and digest of a statement before anything of it is kept or written; it raises what it likes to stop that."""


Standing = Callable[[str, Callable[[], Sequence[bytes]], bool], None]
"""Called with an account, what reads the digests of all its statements in the journal, by number, and whether the last of them is about
to be written; it raises what it likes to stop that. First before anything is signed, and once more before the first byte is written."""


Together = Callable[[], AbstractContextManager[None]]
"""Entered around the claims of several accounts, and once more around their standing: what is noted inside must be durable, and may become
so all at once, when it is left."""


def unclaimed(_account: str, _number: int, _digest: bytes) -> None:
    """Nobody else closes the account."""


def anywhere(_account: str, _read: Callable[[], Sequence[bytes]], _told: bool) -> None:
    """Nobody else knows where the statements of a journal stand."""


def unchecked(_path: str) -> None:
    """No check."""


@dataclass(frozen=True, slots=True)
class Closing:
    """A period that is to be closed, and who signs.

    Attributes:
        issuer: as in the receipts.
        key: the signing key, or the folder that has it.
        start: of the period, in ms.
        end: of the period, in ms, exclusive.
        kind: `REGULAR`, or `LATE` for receipts of a time that is closed already.
        empty: whether an account may be closed that has neither a receipt nor a statement yet; its name may be mistyped.
        claim: makes sure that no other place closes an account.
        standing: makes sure that a journal has every statement that was given before: it may be an old copy of itself.
        together: makes that of several accounts one.
    """

    issuer: str
    key: KeySource
    start: int
    end: int
    kind: int = REGULAR
    empty: bool = False
    claim: Claim = unclaimed
    standing: Standing = anywhere
    together: Together = nullcontext

    def check_known(self, account: str, *, known: bool) -> None:
        """Raise that nothing is known of an account, unless that is meant.

        Raises:
            ReceiptError: it has neither a receipt nor a statement.
        """
        if not known and not self.empty:
            raise ReceiptError("account", "one with a receipt or a statement", account)

    def period(self, account: str, known: Chain) -> Period:
        """The period of an account, without receipts yet.

        Raises:
            ClosedError: it is closed already.
            ReceiptError: it does not continue where the previous one ended.
        """
        if self.kind == REGULAR:
            known.check_open(account, self.start, self.end)
        return Period(
            self.issuer, account, self.start, self.end, kind=self.kind, previous=known.previous
        )


@dataclass(frozen=True, slots=True)
class Closed:
    """A statement of an account that is in a batch now.

    Attributes:
        account: whose.
        number: of the statement.
        start: of the period, in ms.
        end: of the period, in ms, exclusive.
        receipts: how many it closes.
        digest: of the statement.
        left: receipts of a time before ``end`` that are in no statement: they came after the period was closed, and need a late one.
    """

    account: str
    number: int
    start: int
    end: int
    receipts: int
    digest: bytes
    left: int = 0


def closed(period: Period | KeptStatement, digest: bytes, left: int = 0) -> Closed:
    """What there is to tell about a period whose statement has this digest."""
    return Closed(
        period.account, period.number, period.start, period.end, period.receipts, digest, left
    )

"""Where the statements of an account stand, before the next one is signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from receipts.closing.objects import KeptReceipt, KeptStatement, kept_objects
from receipts.errors import BatchError, ClosedError
from receipts.statement import REGULAR, Period, Previous


@dataclass(slots=True)
class Chain:
    """The statements of an account.

    Attributes:
        previous: the last one, and what all of them say together; None before the first.
        after: the number of its item in the batch that is closed; receipts before that are closed already.
        known: whether the account has a receipt or a statement.
        digests: of the statements, by number.
        periods: of the regular statements, by number: start and end in ms.
    """

    previous: Previous | None = None
    after: int = -1
    known: bool = False
    digests: dict[int, bytes] = field(default_factory=dict)
    periods: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, statement: KeptStatement) -> None:
        """Add a statement; whatever their order, the last one is that of the highest number.

        Raises:
            BatchError: there is another one of its number.
        """
        self.known = True
        if self.digests.setdefault(statement.number, statement.digest) != statement.digest:
            raise BatchError(f"there are two statements {statement.number} of {statement.account}")
        last = self.previous or Previous(statement.number, statement.digest, statement.end, {})
        if statement.number > last.number:
            last = replace(last, number=statement.number, digest=statement.digest)
        streams = dict(last.streams)
        for entry in statement.streams:
            streams[entry.name] = max(streams.get(entry.name, 0), entry.first + entry.count)
        if statement.kind == REGULAR:
            self.periods[statement.number] = statement.start, statement.end
        end = max(last.end, statement.end) if statement.kind == REGULAR else last.end
        self.previous = replace(last, streams=streams, end=end)

    def check_open(self, account: str, start: int, end: int) -> None:
        """Make sure that a period, in ms, is not closed, as a whole.

        Raises:
            ClosedError: it is.
        """
        if self.previous is None or end > self.previous.end:
            return
        for number, period in sorted(self.periods.items()):
            if period[0] <= start < period[1]:
                raise ClosedError(account, start, number, period)


def chain(statements: Iterable[KeptStatement]) -> Chain:
    """The chain of one account's statements."""
    found = Chain()
    for statement in statements:
        found.add(statement)
    return found


def chains(
    issuer: str, batch: BinaryIO, previous: Sequence[BinaryIO], account: str | None
) -> dict[str, Chain]:
    """The accounts to close, each with its statements.

    Args:
        issuer: whose.
        batch: what is closed.
        previous: batches with the statements before.
        account: the account to close, which may have no receipts; None for all in the batch.

    Raises:
        BatchError: a batch cannot be read, or two statements have one number.
    """
    found: dict[str, Chain] = {} if account is None else {account: Chain()}
    for earlier in previous:
        for item in kept_objects(earlier, str(getattr(earlier, "name", "a batch before"))):
            if isinstance(item, KeptStatement) and item.issuer == issuer:
                found.setdefault(item.account, Chain()).add(item)
    wanted = set() if account is None else {account}
    for number, item in enumerate(kept_objects(batch)):
        if item.issuer != issuer or account not in (None, item.account):
            continue
        wanted.add(item.account)
        own = found.setdefault(item.account, Chain())
        own.known = True
        if isinstance(item, KeptStatement):
            own.add(item)
            own.after = number
    return {name: found[name] for name in sorted(wanted)}


def add_receipt(period: Period, receipt: KeptReceipt) -> None:
    """Add a receipt to the period that closes it.

    Raises:
        ReceiptError: it does not belong there.
    """
    period.add(
        receipt.stream,
        receipt.sequence,
        receipt.digest,
        receipt.time,
        receipt.billed,
        None if receipt.corrects is None else receipt.corrects.billed,
    )

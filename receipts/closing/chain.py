"""Where the statements of an account stand, before the next one is signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from receipts.closing.objects import KeptReceipt, KeptStatement, kept_objects
from receipts.statement import REGULAR, Period, Previous


@dataclass(slots=True)
class Chain:
    """The statements of an account.

    Attributes:
        previous: the last one, and what all of them say together; None before the first.
        after: the number of its item in the batch that is closed; receipts before that are closed already.
        known: whether the account has a receipt or a statement.
    """

    previous: Previous | None = None
    after: int = -1
    known: bool = False

    def add(self, statement: KeptStatement) -> None:
        """Go on to the next statement."""
        self.known = True
        before = self.previous
        streams = dict(before.streams) if before else {}
        streams |= {entry.name: entry.first + entry.count for entry in statement.streams}
        regular = statement.kind == REGULAR or before is None
        end = statement.end if regular or before is None else before.end
        self.previous = Previous(statement.number, statement.digest, end, streams)


def chain(statements: Iterable[KeptStatement]) -> Chain:
    """The chain of one account's statements, given by number."""
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
        BatchError: a batch cannot be read.
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
        receipt.counts,
        currency=receipt.currency,
        amount=receipt.amount,
    )

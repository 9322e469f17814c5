"""From what journals hold of an account to a signed statement, and from there to one that is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from receipts.closing.books import check_whole, kept_statement, kept_statements
from receipts.closing.chain import add_receipt, chain
from receipts.closing.closing import Check, Closing
from receipts.closing.objects import KeptReceipt, KeptStatement, kept_objects
from receipts.journal import Store
from receipts.signing import Signed
from receipts.statement import LATE, Period


@dataclass(frozen=True, slots=True)
class Settled:
    """A period of an account that is closed.

    Attributes:
        statements: of the period, by number: one that is regular, or all that are late. Each can be written now.
        left: receipts of a time before the end of the period that are in no statement: they came after it was closed.
    """

    statements: tuple[KeptStatement, ...]
    left: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A period of an account on its way.

    Attributes:
        stores: of the journals; the first has the account's statements.
        account: whose.
        closing: the period.
        check: of the receipts, before anything is signed.
        if_due: whether nothing is signed where nothing is due.
        statements: of the period, which are kept in the journal.
        left: as of `Settled`.
        number: of the statement that is signed and not kept yet.
        signed: that statement; None: there is none.
    """

    stores: tuple[Store, ...]
    account: str
    closing: Closing
    check: Check
    if_due: bool
    statements: tuple[KeptStatement, ...] = ()
    left: int = 0
    number: int = 0
    signed: Signed | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Account and number of the statement that is signed."""
        return self.account, self.number

    def claim(self) -> None:
        """Make sure that the signed statement, if there is one, may be kept here."""
        if self.signed is not None:
            self.closing.claim(self.account, self.number, self.signed.digest)

    def kept(self) -> Prepared:
        """The same, when the signed statement is in the journal."""
        if self.signed is None:
            return self
        statement = kept_statement(self.signed.data)
        return replace(self, statements=(*self.statements, statement), signed=None)

    def tell(self) -> None:
        """Make sure that what is in the journal may be written now."""
        self.closing.standing(self.account, self.digests, True)

    def digests(self) -> list[bytes]:
        """Of all statements in the journal, by number."""
        return [one.digest for one in kept_statements(self.stores[0], self.account)]


def add_all(prepared: Iterable[Prepared]) -> set[tuple[str, int]]:
    """Keep the signed statements, each in the journal of its account; return the places of those that were not given before."""
    by_store: dict[str, tuple[Store, list[tuple[str, int, bytes]]]] = {}
    for one in prepared:
        if one.signed is not None:
            _, rows = by_store.setdefault(one.stores[0].id, (one.stores[0], []))
            rows.append((*one.place, one.signed.data))
    return {place for store, rows in by_store.values() for place in store.add_statements(rows)}


def prepare(asked: Prepared, spool: Path) -> Prepared:
    """What there is of the period already, or a statement that is signed now; ``spool`` is a file to work with."""
    stores, account, closing = asked.stores, asked.account, asked.closing
    closing.standing(account, asked.digests, False)
    statements = kept_statements(stores[0], account)
    check_whole(stores, account, statements)
    found = chain(statements)
    previous = found.previous
    _collect(asked, previous.streams if previous else {}, spool)
    has_receipts = spool.stat().st_size > 0
    wanted = (closing.start, closing.end, closing.kind)
    same = tuple(one for one in statements if (one.start, one.end, one.kind) == wanted)
    if same and (closing.kind != LATE or not has_receipts):
        return replace(asked, statements=same, left=_count(spool), signed=None)
    if asked.if_due and not has_receipts and (closing.kind == LATE or not statements):
        return replace(asked, signed=None)
    known = bool(statements) or any(store.streams(account) for store in stores)
    closing.check_known(account, known=known)
    asked.check(str(spool))
    period = closing.period(account, found)
    _add_all(period, spool)
    signed = period.sign(closing.key)
    return replace(asked, statements=same, number=period.number, signed=signed)


def _collect(asked: Prepared, closed: Mapping[str, int], spool: Path) -> None:
    with spool.open("wb") as target:
        for store in asked.stores:
            with store.snapshot():
                target.writelines(store.open_receipts(asked.account, closed, asked.closing.end))


def _count(spool: Path) -> int:
    with spool.open("rb") as receipts:
        return sum(1 for _ in kept_objects(receipts))


def _add_all(period: Period, spool: Path) -> None:
    with spool.open("rb") as receipts:
        for item in kept_objects(receipts):
            if isinstance(item, KeptReceipt):
                add_receipt(period, item)

"""The state of one run through the procedure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from verifier.evidence.figures import FIGURE_COLUMNS
from verifier.evidence.worth import WORTH_COLUMNS
from verifier.format.claims import Statement
from verifier.order.collection import AccountName, Collection
from verifier.order.index import RowBlock
from verifier.order.part import Demand, Part
from verifier.pricing.checking import CHARGE_COLUMNS, ChargeChecks
from verifier.procedure import checks
from verifier.procedure.question import Question
from verifier.reading.framing import Batch
from verifier.report.figures import Figures
from verifier.report.findings import Conflict, Findings
from verifier.report.model import Check
from verifier.statements.completeness import Ledger

MAX_LOST: Final = 1000
"""So many lost items end the reading (R-1.4)."""


@dataclass(slots=True)
class Ending:
    """How the reading ended: at the end of the input, unless one of these is set.

    Attributes:
        at_fault: at a fault of step 1, or one stream too many (R-9.7).
        at_lost: after too many lost items (R-1.4).
    """

    at_fault: bool = False
    at_lost: bool = False

    @property
    def early(self) -> bool:
        """Whether there is more input than was read."""
        return self.at_fault or self.at_lost

    @property
    def told(self) -> str | None:
        """The same in words."""
        if self.at_fault:
            return "reading ended at a fault; what follows is unknown"
        return f"reading ended after {MAX_LOST} items that are lost" if self.at_lost else None


class Run:
    """What is known so far.

    Attributes:
        question: what is asked.
        demand: what is wanted of the items.
        batch: the input.
        opened: what came of steps 2 to 8, but for the receipts.
        collection: the receipts.
        ledgers: the statements, by account.
        ending: how the reading ended.
        conflicts: proofs of equivocation.
        omitted: some of the received receipts that are not in the batch.
        raw_statements: the validly signed statements of the input.
        identifier_checks, record_checks: the scope of steps 13 and 14.
        figures: what a report shows in pictures, if it is wanted.
        charge_checks: what comes of the rate cards (R-18.1 to R-18.4).
    """

    def __init__(self, question: Question, *, signatures: bool) -> None:
        columns = question.columns
        if question.record is not None:
            columns |= question.record.columns
        if question.cards:
            columns |= CHARGE_COLUMNS
        if question.figures:
            columns |= FIGURE_COLUMNS | WORTH_COLUMNS
        self.question = question
        self.demand = Demand(question.policy, columns, signatures)
        self.batch = Batch(question.sources)
        self.opened = Part()
        self.collection = Collection(self.opened.findings)
        self.ledgers: dict[AccountName, Ledger] = {}
        self.ending = Ending()
        self.conflicts: list[Conflict] = []
        self.omitted: list[bytes] = []
        self.raw_statements: list[tuple[Statement, bytes]] = []
        self.identifier_checks: list[Check] = []
        self.record_checks = [checks.CUSTOMER]
        self.figures: Figures | None = None
        self.charge_checks = ChargeChecks(question.cards, self.opened.findings)

    @property
    def findings(self) -> Findings:
        """Those so far."""
        return self.opened.findings

    @property
    def holds_every_statement(self) -> bool:
        """Whether all was read, and no item is lost that was, or may have been, a statement (step 12)."""
        return not (self.ending.early or self.opened.lost_statements)

    def ledger(self, account: AccountName) -> Ledger:
        """The statements of an account."""
        return self.ledgers.setdefault(account, Ledger())

    def last_words(self, *, timed: bool = False) -> Iterator[RowBlock]:
        """The receipts that no other one corrects; corrections have the times of what they correct (``timed``: or are left out)."""
        return self.collection.corrections.blocks(self.collection.index, timed=timed)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """What only the run needs is forgotten; the index goes on with the report, if there is one."""
        self.collection.close(index=error is not None)

"""What came of closing every account, in words and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from cli.batch_folder import INDEX
from cli.closing_all import Batch, Outcome, Refusal, Task
from cli.terminal import complain, plural, say, warn
from receipts import LATE
from verifier import show_period

_SHOWN: Final = 10
_LOOK: Final = "look at the year and the month, and at the journal"


@dataclass(slots=True)
class Done:
    """What became of the accounts.

    Attributes:
        batches: what is in the folder now.
        refused: accounts that could not be closed.
        later: accounts without a statement, whose first receipt is of a time after the period.
    """

    batches: list[Batch] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    later: list[str] = field(default_factory=list)

    def add(self, account: str, outcome: Outcome) -> None:
        """An account is done."""
        batches, refusal = outcome
        self.batches += batches
        if refusal is not None:
            self.refused.append(refusal)
        elif not batches:
            self.later.append(account)

    def is_mistaken(self, task: Task) -> bool:
        """Whether nothing was closed, although a period was to be: it is another one that is meant, or another journal."""
        return task.closing.kind != LATE and not self.batches

    def document(self, task: Task) -> dict[str, Any]:
        """It, as ``--json`` says it."""
        return {
            "folder": task.out, "index": INDEX, "statements": [batch.row() for batch in self.batches],
            "refused": [asdict(one) for one in self.refused],
            "later": [] if task.closing.kind == LATE else self.later,
        }  # fmt: skip

    def tell(self, task: Task) -> None:
        """It in words."""
        for batch in self.batches:
            if batch.closed.left:
                those = plural(batch.closed.left, "receipt")
                warn(f"{those} of {batch.closed.account} came after this was closed: receipt close --late --all")  # fmt: skip
        hints: set[str | None] = set()  # each is said once
        for one in self.refused:
            complain(f"{one.account}: {one.reason}", None if one.hint in hints else one.hint)
            hints.add(one.hint)
        if self.is_mistaken(task):
            period = show_period(task.closing.start, task.closing.end)
            complain(f"nothing was closed in {period}{self._begin_later(': ')}", _LOOK)
        else:
            receipts = plural(sum(batch.closed.receipts for batch in self.batches), "receipt")
            say(f"{plural(len(self.batches), 'statement')} over {receipts} in {task.out}")
            if task.closing.kind != LATE and self.later:
                say(self._begin_later(""))
        if self.refused:
            say(f"{plural(len(self.refused), 'account')} could not be closed; mend the cause, then run this again")  # fmt: skip

    def _begin_later(self, before: str) -> str:
        """Which accounts have their first receipt later."""
        if not self.later:
            return ""
        names = ", ".join(self.later[:_SHOWN])
        more = f" and {len(self.later) - _SHOWN:,} more" if len(self.later) > _SHOWN else ""
        have = "has its" if len(self.later) == 1 else "have their"
        return f"{before}{plural(len(self.later), 'account')} {have} first receipt later: {names}{more}"

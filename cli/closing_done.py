"""What came of closing every account, in words and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from cli.batch_folder import INDEX
from cli.closing_all import Batch, Outcome, Refusal, Task
from cli.terminal import complain, plural, say, warn
from receipts import LATE, Closed, Closing
from receipts.journal import shown
from verifier import show_period

_SHOWN: Final = 10
_LOOK: Final = "look at the year and the month, and at the journal"


def late_command(locations: Sequence[str], keys: str, closing: Closing, *more: str) -> str:
    """What to type to close what came late; without the password of a URL."""
    journals = [word for one in locations for word in ("--journal", shown(one))]
    period = show_period(closing.start, closing.end)
    words = ["receipt", "close", *journals, "--keys", keys, "--period", period, "--late", *more]
    return shlex.join(words)


def tell_left(closed: Iterable[Closed], command: str) -> None:
    """Warn of receipts that came after their period was closed, and say what to type."""
    left = [one for one in closed if one.left]
    for one in left:
        warn(f"{plural(one.left, 'receipt')} of {one.account} came after this was closed")
    if left:
        warn(f"a late statement closes that: {command}")


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
        return task.closing.kind != LATE and not (self.batches or self.refused)

    def document(self, task: Task) -> dict[str, Any]:
        """It, as ``--json`` says it."""
        return {
            "folder": task.out, "index": INDEX, "statements": [batch.row() for batch in self.batches],
            "refused": [asdict(one) for one in self.refused],
            "later": [] if task.closing.kind == LATE else self.later,
        }  # fmt: skip

    def tell(self, task: Task) -> None:
        """It in words."""
        tell_left([batch.closed for batch in self.batches], late_command(
            task.locations, task.folder.path, task.closing, "--all", "--out", task.out
        ))  # fmt: skip
        hints: set[str | None] = set()  # each is said once
        for one in self.refused:
            complain(f"{one.account}: {one.reason}", None if one.hint in hints else one.hint)
            hints.add(one.hint)
        if self.is_mistaken(task):
            period = show_period(task.closing.start, task.closing.end)
            complain(f"nothing was closed in {period}{self._begin_later(': ')}", _LOOK)
        elif self.batches or not self.refused:
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

"""What a finding code stands for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What one finding makes of the verdict (R-15.1)."""

    REJECTED = "rejected"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Rule:
    """One finding code: its severity, the rules of spec/verification.md it comes from, its meaning, the next step.

    ``grouped``: it has one cause for many items, so it is reported once for a `Finding.group`, with a count.
    """

    severity: Severity
    rules: tuple[str, ...]
    meaning: str
    hint: str
    grouped: bool = False


def rejected(rules: str, meaning: str, hint: str) -> Rule:
    """A code that shows something false; ``rules`` apart by spaces."""
    return Rule(Severity.REJECTED, tuple(rules.split()), meaning, hint)


def incomplete(rules: str, meaning: str, hint: str, *, grouped: bool = False) -> Rule:
    """A code that shows something missing."""
    return Rule(Severity.INCOMPLETE, tuple(rules.split()), meaning, hint, grouped)

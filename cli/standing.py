"""How something outside of a batch stands to it: a verdict of its own, beside that of the verification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any, Final, NamedTuple

import click

from cli.terminal import style
from verifier import Severity, Verdict, escape

_WIDTH: Final = 78
"""Of a line, without the two columns that all stand in."""
_SHOWN: Final = 300
"""Characters of a text that may come from others."""
_VALUES: Final = 14
"""The column of values, behind their names."""


class Code(NamedTuple):
    """A kind of finding: the rule, how severe it is, what it means, and what to do."""

    rule: str
    severity: Severity
    meaning: str
    hint: str


class StandingFinding(NamedTuple):
    """One fault: its code, the file or place that it is in, and what is wrong there."""

    code: str
    where: str
    message: str


@dataclass(slots=True)
class Standing:
    """What came of one comparison.

    Attributes:
        subject: what the batch was compared with.
        codes: the findings that there can be.
        facts: what was found out: names and values.
        findings: what is wrong or missing.
        evidence: files that prove a finding to others, by their name.
    """

    subject: str
    codes: Mapping[str, Code]
    facts: list[tuple[str, str]] = field(default_factory=list)
    findings: list[StandingFinding] = field(default_factory=list)
    evidence: dict[str, bytes] = field(default_factory=dict)

    def found(self, code: str, where: str, message: str) -> None:
        """Add a finding."""
        self.findings.append(StandingFinding(code, where, message))

    @property
    def verdict(self) -> Verdict:
        """Rejected if something is false, incomplete if something was not shown."""
        severities = {self.codes[one.code].severity for one in self.findings}
        if Severity.REJECTED in severities:
            return Verdict.REJECTED
        return Verdict.INCOMPLETE if severities else Verdict.VERIFIED

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: text, in a stable order."""
        return {
            "verdict": str(self.verdict),
            "facts": [{"name": name, "value": value} for name, value in self.facts],
            "findings": [
                {
                    "code": one.code,
                    "rule": self.codes[one.code].rule,
                    "severity": str(self.codes[one.code].severity),
                    "where": one.where,
                    "message": one.message,
                }
                for one in self.findings
            ],
        }

    def print(self, *, quiet: bool) -> None:
        """Print the verdict, and with it what was found."""
        verdict = str(self.verdict)
        click.echo(f"{style(verdict, verdict)}: {self.subject}")
        for line in () if quiet else self._lines():
            click.echo(f"  {line}")

    def _lines(self) -> Iterator[str]:
        for name, value in self.facts:
            yield from _wrapped(f"{escape(name, _SHOWN):<13} {escape(value, _SHOWN)}", _VALUES)
        for one in self.findings:
            code = self.codes[one.code]
            yield f"{style(str(code.severity), str(code.severity))} {one.code}"
            yield from _wrapped(escape(one.where, _SHOWN), 4)
            yield from _wrapped(f"{code.meaning}: {escape(one.message, _SHOWN)}", 4)
            yield from _wrapped(f"hint: {code.hint}", 4)


def _wrapped(text: str, indent: int) -> list[str]:
    """On lines of a terminal; a word that is longer has a line of its own."""
    first = "" if indent == _VALUES else " " * indent
    return wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=" " * indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip

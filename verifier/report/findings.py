"""The findings of one verification."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final

from verifier.format.claims import Receipt, Statement
from verifier.report.codes import RULES, Severity
from verifier.report.worth import NOT_COMPUTED, Worth

KEPT: Final = 10_000
"""So many findings of one code are kept; the rest is counted."""
LISTED: Final = 100
"""So many of them are shown; the rest goes into a file."""
LISTED_IN_ALL: Final = 1000


@dataclass(slots=True)
class Finding:
    """One fault, and where it is.

    Attributes:
        code: one of `RULES`.
        message: what is wrong with this item, in words.
        rule: the rule of spec/verification.md that it breaks; by default the first one of its code.
        file: the name of the input file.
        item: the number of the item in the input, from 0.
        offset: where the item, or the fault in it, begins in the file, in bytes.
        issuer, account, stream, sequence, request: of the receipt, where they are known.
        number: of the statement.
        field: the name of the field that is wrong.
        expected, actual: what the field should be, and what it is.
        count: the number of items that the finding stands for.
        group: what findings of a grouped code are counted by.
        time: of the receipt, in ms; known in a report with figures.
        worth: in money; another finding of the same receipt, which has the worth of both; or why it is not known.
    """

    code: str
    message: str
    rule: str = ""
    file: str | None = None
    item: int | None = None
    offset: int | None = None
    issuer: str | None = None
    account: str | None = None
    stream: str | None = None
    sequence: int | None = None
    request: str | None = None
    number: int | None = None
    field: str | None = None
    expected: str | int | None = None
    actual: str | int | None = None
    count: int = 1
    group: Hashable = None
    time: int | None = None
    worth: Worth | Finding | str = NOT_COMPUTED

    def __post_init__(self) -> None:
        self.rule = self.rule or RULES[self.code].rules[0]

    @classmethod
    def about(cls, claims: Receipt | Statement, code: str, message: str, **place: Any) -> Finding:
        """A finding about a receipt or a statement. ``place`` has any of the other attributes."""
        subject: dict[str, Any] = {"issuer": claims.issuer, "account": claims.account}
        if isinstance(claims, Statement):
            subject |= {"number": claims.number}
        else:
            subject |= {
                "stream": claims.stream,
                "sequence": claims.sequence,
                "request": claims.request,
            }
        return cls(code, message, **subject | place)

    @property
    def severity(self) -> Severity:
        """The severity that the closed list gives to the code."""
        return RULES[self.code].severity

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON-ready data, without the fields that do not apply."""
        names = (one.name for one in fields(self) if one.name not in ("group", "worth"))
        known = {name: value for name in names if (value := getattr(self, name)) is not None}
        return {"severity": str(self.severity), **known, "hint": RULES[self.code].hint}


@dataclass(slots=True)
class Findings:
    """The findings of one verification: exact counts, bounded detail, in the order of the input."""

    kept: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    _told: dict[str, int] = field(default_factory=dict)
    """By code, how many are kept in detail."""
    _groups: dict[tuple[str, Hashable], Finding] = field(default_factory=dict)
    """Of codes with groups, those that are kept."""

    def add(self, finding: Finding) -> None:
        """Record a finding, or add its count to the one that stands for its group."""
        code = finding.code
        self.counts[code] = self.counts.get(code, 0) + finding.count
        if RULES[code].grouped and (first := self._groups.get((code, finding.group))):
            first.count += finding.count
            return
        told = self._told.get(code, 0)
        if told == KEPT:
            return
        self._told[code] = told + 1
        self.kept.append(finding)
        if RULES[code].grouped:
            self._groups[code, finding.group] = finding

    def count_more(self, code: str, count: int) -> None:
        """Count findings of which no detail is kept."""
        if count:
            self.counts[code] = self.counts.get(code, 0) + count

    def extend(self, other: Findings) -> None:
        """Append the findings of the part of the input that follows."""
        for finding in other.kept:
            self.add(finding)
        for code, count in other.counts.items():
            counted = sum(finding.count for finding in other.kept if finding.code == code)
            self.counts[code] += count - counted

    def __contains__(self, code: str) -> bool:
        return code in self.counts

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.kept)

    @property
    def left_out(self) -> dict[str, int]:
        """By code, how many items no finding that is kept stands for."""
        there: dict[str, int] = {}
        for finding in self.kept:
            there[finding.code] = there.get(finding.code, 0) + finding.count
        return {code: count - there.get(code, 0) for code, count in self.counts.items()}

    def in_input_order(self) -> list[Finding]:
        """The findings by item, of an item in the order of the closed list; those without an item last."""
        order = {code: place for place, code in enumerate(RULES)}
        return sorted(
            self.kept,
            key=lambda f: (
                f.item is None,
                f.item or 0,
                order[f.code],
                f.stream or "",
                f.sequence or 0,
            ),
        )


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two signed objects that cannot both be honest, ready to be kept as a proof."""

    code: str
    one: bytes
    two: bytes


def listed_places(codes: Iterable[str]) -> Iterator[int]:
    """Which of many findings are shown: the first ones of each code, and no more than `LISTED_IN_ALL`."""
    told: dict[str, int] = {}
    shown = 0
    for place, code in enumerate(codes):
        told[code] = told.get(code, 0) + 1
        if told[code] <= LISTED and shown < LISTED_IN_ALL:
            shown += 1
            yield place


def listed(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Those of many findings that are shown."""
    every = list(findings)
    return (every[place] for place in listed_places(one.code for one in every))


def plural(count: int, noun: str) -> str:
    """A count with its noun: 1 receipt, 2 receipts."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

"""The result of a verification: verdict, scope, totals, findings. Pure data, the same for the same input.

The text form is in `verifier.report.text`; `Report.as_dict` is what ``--json`` prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from verifier.format.claims import LATE, Receipt, Statement, Totals
from verifier.report.cards import CardSummary
from verifier.report.codes import RULES, Severity
from verifier.report.findings import Conflict, Findings
from verifier.report.period import reaches_out

FORMAT = 1
"""Version of the JSON form."""


class Verdict(StrEnum):
    """What a verification came to (spec/verification.md)."""

    VERIFIED = "verified"
    REJECTED = "rejected"
    INCOMPLETE = "incomplete"

    @property
    def exit_code(self) -> int:
        """0 verified, 1 rejected, 3 incomplete; 2 is for usage errors."""
        return {Verdict.VERIFIED: 0, Verdict.REJECTED: 1, Verdict.INCOMPLETE: 3}[self]


class Subject(StrEnum):
    """What was verified."""

    BATCH = "batch"
    PROOF = "proof"
    EQUIVOCATION = "equivocation"


@dataclass(frozen=True, slots=True)
class Check:
    """The scope of one check: ``passed`` of ``of``, ``failed``, and why the rest was not checked."""

    name: str
    passed: int
    of: int
    failed: int = 0
    not_checked: str | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """A file that was read: its name as given, its size in bytes and its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StatementSummary:
    """A statement of the input."""

    claims: Statement
    digest: bytes


@dataclass(slots=True)
class AccountSummary:
    """What the input holds for one issuer and account. Sums over all collected receipts, in which corrections stand apart.

    ``uncounted``: logical tokens of receipts that do not state how many of them were cached. ``observed``: receipts that are
    an observer's, and not the biller's.
    """

    issuer: str
    account: str
    receipts: int = 0
    streams: int = 0
    totals: Totals = field(default_factory=Totals)
    uncounted: int = 0
    statements: list[StatementSummary] = field(default_factory=list)
    observed: int = 0


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """A signed object that a proof or an equivocation consists of."""

    kind: str
    digest: bytes
    claims: Receipt | Statement


@dataclass(slots=True)
class Report:
    """Everything a verification has to say.

    Attributes:
        subject: what was verified: a batch, a proof or an equivocation.
        inputs: the files, each with its size and SHA-256.
        keys: the trusted keys that signed something in the input, as their ``kid``.
        period: the period that the caller named, in ms, end exclusive.
        account: the account name that the caller named.
        accounts: what the input holds, by issuer and account.
        checks: the scope: for each check how much passed, and what was not checked.
        findings: what is wrong or missing.
        objects: what a proof or an equivocation consists of; empty for a batch.
        conflicts: proofs of equivocation, as signed objects.
        statements: those of the input with a valid signature, and their bytes: what a caller may remember.
        cards: the rate cards that the caller gave, and what came of them.
    """

    subject: Subject
    inputs: list[Input]
    keys: list[str]
    period: tuple[int, int] | None
    account: str | None
    accounts: list[AccountSummary]
    checks: list[Check]
    findings: Findings
    objects: list[ObjectSummary] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    statements: list[tuple[Statement, bytes]] = field(default_factory=list)
    cards: list[CardSummary] = field(default_factory=list)

    @property
    def receipts(self) -> int:
        """Those that were collected, or that a proof or an equivocation consists of."""
        collected = sum(account.receipts for account in self.accounts)
        return collected + sum(isinstance(one.claims, Receipt) for one in self.objects)

    @property
    def observed(self) -> int:
        """Those of them that are signed by an observer, not by the biller."""
        collected = sum(account.observed for account in self.accounts)
        return collected + sum(_is_observed(one.claims) for one in self.objects)

    @property
    def beyond(self) -> list[StatementSummary]:
        """The regular statements that close more than the period that the caller named. The sums are of all that they close."""
        if self.period is None:
            return []
        return [
            one
            for account in self.accounts
            for one in account.statements
            if one.claims.kind != LATE
            and reaches_out(one.claims.start, one.claims.end, self.period)
        ]

    @property
    def verdict(self) -> Verdict:
        """Step 15."""
        severities = {RULES[code].severity for code in self.findings.counts}
        if Severity.REJECTED in severities:
            return Verdict.REJECTED
        return Verdict.INCOMPLETE if severities else Verdict.VERIFIED

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-ready data: integers and text, stable order."""
        return {
            "report": FORMAT,
            "verdict": str(self.verdict),
            "subject": str(self.subject),
            "inputs": [{"name": i.name, "size": i.size, "sha256": i.sha256} for i in self.inputs],
            "keys": self.keys,
            "period": None if self.period is None else _period(*self.period),
            "account": self.account,
            "beyond": [{"account": one.claims.account, **_statement(one)} for one in self.beyond],
            "observed": self.observed,
            "accounts": [_account(account) for account in self.accounts],
            "objects": [_object(one) for one in self.objects],
            "cards": [card.as_dict() for card in self.cards],
            "checks": [_check(check) for check in self.checks],
            "findings": [finding.as_dict() for finding in self.findings.in_input_order()],
            "finding_counts": dict(sorted(self.findings.counts.items())),
        }


def _is_observed(claims: Receipt | Statement) -> bool:
    return isinstance(claims, Receipt) and claims.observed


def _period(start: int, end: int) -> dict[str, int]:
    return {"start": start, "end": end}


def _check(check: Check) -> dict[str, Any]:
    return {
        "check": check.name,
        "passed": check.passed,
        "failed": check.failed,
        "of": check.of,
        "not_checked": check.not_checked,
    }


def _account(account: AccountSummary) -> dict[str, Any]:
    return {
        "issuer": account.issuer,
        "account": account.account,
        "receipts": account.receipts,
        "observed": account.observed,
        "streams": account.streams,
        "totals": _totals(account.totals),
        "logical_without_cached": account.uncounted,
        "statements": [_statement(statement) for statement in account.statements],
    }


def _object(one: ObjectSummary) -> dict[str, Any]:
    claims = one.claims
    place: dict[str, Any] = {"issuer": claims.issuer, "account": claims.account}
    if isinstance(claims, Statement):
        place |= {"number": claims.number, **_period(claims.start, claims.end)}
    else:
        place |= {"stream": claims.stream, "sequence": claims.sequence, "request": claims.request}
        place |= {"observed": claims.observed}
    return {"kind": one.kind, "digest": one.digest.hex(), **place}


def _totals(totals: Totals) -> dict[str, Any]:
    """Tokens; amounts as decimal text of picounits, since they may not fit the integers of a JSON reader."""
    known = {name: value for name, value in totals._asdict().items() if value is not None}
    for name in ("corrected", "corrections"):
        if name in known:
            known[name] = _totals(known[name])
    if totals.writes is not None:
        known["writes"] = {str(ttl): tokens for ttl, tokens in sorted(totals.writes.items())}
    if totals.units is not None:
        known["units"] = dict(sorted(totals.units.items()))
    if totals.amounts is not None:
        known["amounts"] = {c: str(amount) for c, amount in sorted(totals.amounts.items())}
    return known


def _statement(statement: StatementSummary) -> dict[str, Any]:
    claims = statement.claims
    return {
        "number": claims.number,
        "kind": "late" if claims.kind == LATE else "regular",
        **_period(claims.start, claims.end),
        "streams": len(claims.streams),
        "receipts": sum(entry.count for entry in claims.streams),
        "digest": statement.digest.hex(),
    }

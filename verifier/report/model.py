"""The result of a verification: verdict, scope, totals, findings. Pure data, the same for the same input.

The text form is in `verifier.report.text`, the object of spec/report.md in `verifier.report.form`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from verifier.format.claims import LATE, Receipt, Statement, Totals
from verifier.report.cards import CardSummary
from verifier.report.codes import RULES, Severity
from verifier.report.figures import Figures
from verifier.report.findings import Conflict, Findings
from verifier.report.period import reaches_out


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
    PACK = "pack"


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
    """A file that was read: its name as given, its size in bytes, its SHA-256 in hexadecimal, and what it was read as.

    ``role`` is one of `ROLES`.
    """

    name: str
    size: int
    sha256: str
    role: str = "batch"


ROLES: Final = (
    "batch", "keys", "previous", "memory", "card", "requests", "received", "prompts", "cache-key", "aliases"
)  # fmt: skip
"""What a file can be read as, in the order of a report."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A trusted key that signed something in the input: its ``kid`` as text, and the issuer that it belongs to."""

    kid: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a verification: what its caller demanded.

    Attributes:
        period: that must be complete, in ms, end exclusive.
        account: that every item must be for.
        require_cache_id: whether cached receipts must have a cache identifier.
        observers: the issuers that need not bill.
        signatures: which are checked: ``every``, or those of a ``statement``.
        margin: how far the clocks of both sides may be apart, in ms; None: no record was given.
    """

    period: tuple[int, int] | None = None
    account: str | None = None
    require_cache_id: bool = False
    observers: tuple[str, ...] = ()
    signatures: str = "every"
    margin: int | None = None


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


@dataclass(frozen=True, slots=True)
class ClaimSummary:
    """A claim of a pack.

    Attributes:
        number: of the finding in the report on the batch.
        standing: what it is worth (spec/pack.md, Manifest).
        finding: what was found.
        unproven: why it was not reached again; None: it was, or is only asserted.
        told_twice: whether it rests on two signed objects that contradict each other.
    """

    number: int
    standing: str
    finding: Mapping[str, str]
    unproven: str | None
    told_twice: bool


@dataclass(slots=True)
class Report:
    """Everything a verification has to say.

    Attributes:
        subject: what was verified: a batch, a proof or an equivocation.
        inputs: the files, each with its size and SHA-256.
        signers: the trusted keys that signed something in the input, by their ``kid``.
        named: the trusted keys that something in the input names, whether or not it is signed.
        asked: the options.
        accounts: what the input holds, by issuer and account.
        checks: the scope: for each check how much passed, and what was not checked.
        findings: what is wrong or missing.
        objects: what a proof or an equivocation consists of; empty for a batch.
        conflicts: proofs of equivocation, as signed objects.
        statements: those of the input with a valid signature, and their bytes: what a caller may remember.
        cards: the rate cards that the caller gave, and what came of them.
        figures: what it shows in pictures, if that was asked for.
        dated: the date that the caller gives the report, in ms; no clock is read.
        claims: what a pack claims.
    """

    subject: Subject
    inputs: list[Input]
    signers: list[Signer]
    named: list[Signer]
    asked: Asked
    accounts: list[AccountSummary]
    checks: list[Check]
    findings: Findings
    objects: list[ObjectSummary] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    statements: list[tuple[Statement, bytes]] = field(default_factory=list)
    cards: list[CardSummary] = field(default_factory=list)
    figures: Figures | None = None
    dated: int | None = None
    claims: list[ClaimSummary] = field(default_factory=list)

    @property
    def period(self) -> tuple[int, int] | None:
        """The period that the caller named, in ms, end exclusive."""
        return self.asked.period

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


def _is_observed(claims: Receipt | Statement) -> bool:
    return isinstance(claims, Receipt) and claims.observed

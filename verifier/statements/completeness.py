"""Is anything missing that was asked for? (verification step 12)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from verifier.format.claims import LATE, REGULAR, Statement
from verifier.order.collection import Account, AccountName
from verifier.report.findings import Finding, plural
from verifier.report.intervals import Intervals
from verifier.report.model import StatementSummary
from verifier.report.period import reaches_out, show
from verifier.statements.chain import Chain, Seen
from verifier.statements.settlement import Settlement

Period = tuple[int, int]
"""Start and end, in ms, end exclusive."""


@dataclass(slots=True)
class Ledger:
    """The statements of an account.

    Attributes:
        seen: those of the input, without copies.
        digests, numbers: theirs.
        settlements: each against its receipts.
        chain: each against the one before.
        absent: known statements that are not in the input.
    """

    seen: list[Seen] = field(default_factory=list)
    digests: set[bytes] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    settlements: list[Settlement] = field(default_factory=list)
    chain: Chain = field(default_factory=Chain)
    absent: list[Statement] = field(default_factory=list)

    def add(self, seen: Seen) -> None:
        """The next statement of the input."""
        self.seen.append(seen)
        self.digests.add(seen.digest)
        self.numbers.add(seen.claims.number)

    @property
    def summaries(self) -> list[StatementSummary]:
        """What a report says about the statements."""
        return [StatementSummary(seen.claims, seen.digest) for seen in self.seen]

    @property
    def covered(self) -> list[Period]:
        """The periods of the regular statements."""
        return [(s.claims.start, s.claims.end) for s in self.seen if s.claims.kind == REGULAR]


def check_completeness(
    accounts: Mapping[AccountName, Account],
    ledgers: Mapping[AccountName, Ledger],
    account: str | None,
    period: Period | None,
) -> Iterator[Finding]:
    """R-12.2 and R-12.3: what keeps the receipts from being complete.

    Args:
        accounts: what was collected.
        ledgers: the statements.
        account: the account name that the caller named.
        period: the one that the caller named.
    """
    for (issuer, name), collected in accounts.items():
        if collected.receipts:
            message = f"no statement closes {plural(collected.receipts, 'receipt')}"
            yield Finding(
                "statement-missing", message, item=collected.first_item, issuer=issuer, account=name,
                count=collected.receipts, group=(issuer, name),
            )  # fmt: skip
    places = sorted({*accounts, *ledgers})
    if account is not None and all(name != account for _, name in places):
        message = f"there is nothing of account '{account}'"
        yield Finding("statement-missing", message, account=account)
    if period is None:
        return
    for issuer, name in places:
        for start, end in uncovered(period, ledgers.get((issuer, name), Ledger()).covered):
            yield Finding(
                "period-uncovered", f"no statement of '{name}' covers {show(start, end)}", issuer=issuer, account=name,
                expected=show(*period), actual=f"not {show(start, end)}",
            )  # fmt: skip


def check_replayed(
    ledgers: Mapping[AccountName, Ledger], period: Period | None
) -> Iterator[Finding]:
    """R-12.4: a known statement without which the input is not all that there is for what was asked."""
    for ledger in ledgers.values():
        if not ledger.seen:
            continue
        newest = max(ledger.seen, key=lambda seen: seen.claims.number)
        if absent := _concerning(period, newest.claims, ledger.absent):
            message = f"statement {max(absent)} is known, and not in the input"
            yield Finding.about(newest.claims, "statement-replayed", message, item=newest.item)


def _concerning(period: Period | None, newest: Statement, absent: Iterable[Statement]) -> list[int]:
    """Their numbers."""
    if period is None:
        return [claims.number for claims in absent if claims.number > newest.number]
    start, end = period  # that a regular statement is absent shows as a hole
    return [c.number for c in absent if c.kind == LATE and c.start < end and start < c.end]


def uncovered(period: Period, covered: Iterable[Period]) -> list[Period]:
    """The parts of a period that no regular statement covers."""
    intervals = Intervals()
    for start, end in covered:
        intervals.add(start, end)
    return intervals.missing(*period)


def beyond(period: Period | None, covered: Iterable[Period]) -> int:
    """How many regular statements reach out of the named period."""
    if period is None:
        return 0
    return sum(reaches_out(start, end, period) for start, end in covered)


def late_apart(ledgers: Mapping[AccountName, Ledger]) -> Iterator[Finding]:
    """R-14.18: late statements whose period no regular statement of the input covers."""
    for ledger in ledgers.values():
        for seen in ledger.seen:
            claims = seen.claims
            if claims.kind != LATE or not claims.streams:
                continue
            if uncovered((claims.start, claims.end), ledger.covered):
                message = f"statement {claims.number} closes receipts of {show(claims.start, claims.end)}, whose own statement is not here"
                yield Finding.about(claims, "late-apart", message, item=seen.item)

"""Is anything missing that was asked for? (verification step 12)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from verifier.chain import Chain, Seen
from verifier.claims import LATE, REGULAR, Statement
from verifier.findings import Finding
from verifier.intervals import Intervals
from verifier.report import StatementSummary
from verifier.segment import Segment, Sums
from verifier.settlement import Settlement
from verifier.shard import Account


@dataclass(slots=True)
class Ledger:
    """What is known of one issuer and account."""

    totals: Sums = field(default_factory=Sums)
    receipts: int = 0
    streams: set[str] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)
    """Statements of the input that a trusted key has signed."""
    summaries: list[StatementSummary] = field(default_factory=list)
    digests: set[bytes] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    collected: dict[str, Intervals] = field(default_factory=dict)
    """By stream, the sequences that were collected before a statement of the input."""
    settlements: list[Settlement] = field(default_factory=list)
    chain: Chain = field(default_factory=Chain)
    absent: list[Statement] = field(default_factory=list)
    """Known statements that are not in the input."""


def check_completeness(
    ledgers: Mapping[Account, Ledger],
    unclosed: Iterable[Segment],
    account: str | None,
    period: tuple[int, int] | None,
) -> Iterator[Finding]:
    """Everything that keeps the receipts from being complete.

    Args:
        ledgers: what is known of each account.
        unclosed: receipts that no statement followed.
        account: the one that the caller named.
        period: the one that the caller named, in ms.
    """
    for segment in unclosed:
        yield Finding(
            "statement-missing", f"{segment.receipts} receipts are closed by no statement", item=segment.first_item,
            issuer=segment.issuer, account=segment.account, count=segment.receipts, group=(segment.issuer, segment.account),
        )  # fmt: skip
    if account is not None and not any(name == account for _, name in ledgers):
        yield Finding(
            "statement-missing", f"there is nothing of account {account!r}", account=account
        )
    for place, ledger in ledgers.items():
        yield from _check_period(place, ledger, period)


def _check_period(
    account: Account, ledger: Ledger, period: tuple[int, int] | None
) -> Iterator[Finding]:
    issuer, name = account
    if period is not None:
        for start, end in uncovered(period, [s.claims for s in ledger.summaries if s.trusted]):
            yield Finding(
                "period-uncovered", f"no statement of {name!r} covers {start} to {end}", issuer=issuer, account=name,
                expected=f"{period[0]} to {period[1]}", actual=f"not {start} to {end}",
            )  # fmt: skip
    if ledger.seen:
        newest = max(ledger.seen, key=lambda seen: seen.claims.number)
        if absent := _concerning(period, newest.claims, ledger.absent):
            message = f"statement {max(absent)} is known, and not in the input"
            yield about(newest.claims, "statement-replayed", message, newest.item)


def _concerning(
    period: tuple[int, int] | None, newest: Statement, absent: Iterable[Statement]
) -> list[int]:
    """Numbers of absent statements without which the input is not all that there is for what was asked."""
    if period is None:
        return [claims.number for claims in absent if claims.number > newest.number]
    start, end = period  # that a regular statement is absent shows as a hole
    return [c.number for c in absent if c.kind == LATE and c.start < end and start < c.end]


def uncovered(period: tuple[int, int], statements: Iterable[Statement]) -> list[tuple[int, int]]:
    """The parts of a period, in ms, that no regular statement covers."""
    covered = Intervals()
    for claims in statements:
        if claims.kind == REGULAR:
            covered.add(claims.start, claims.end)
    return covered.missing(*period)


def beyond(period: tuple[int, int] | None, statements: Iterable[StatementSummary]) -> int:
    """How many regular statements reach out of the named period."""
    if period is None:
        return 0
    regular = [s.claims for s in statements if s.claims.kind == REGULAR]
    return sum(c.start < period[0] < c.end or c.start < period[1] < c.end for c in regular)


def about(claims: Statement, code: str, message: str, item: int | None) -> Finding:
    """A finding about a statement."""
    return Finding(
        code, message, item=item, issuer=claims.issuer, account=claims.account, number=claims.number
    )

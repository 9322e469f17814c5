"""The verification of a batch: the numbered procedure of spec/verification.md, from reading to the verdict.

`verify_batch` is the procedure; steps 2 to 8 are in `verifier.item`, step 9 in `verifier.segment`, step 10 in `verifier.settlement`,
step 11 in `verifier.chain`. Everything that the procedure needs comes in as arguments; it opens what `BatchFile` opens and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

from verifier import scope
from verifier.batch import Batch, BatchFile, Span, UnreadableError
from verifier.cache_view import check_identifiers
from verifier.chain import Chain, Conflict, Seen, check_chain
from verifier.claims import LATE, REGULAR, Statement
from verifier.envelope import Kind
from verifier.findings import Finding, Findings
from verifier.intervals import Intervals
from verifier.item import Opened, Policy
from verifier.keys import text
from verifier.known import Known, nothing_known
from verifier.memory import known_statement
from verifier.prompts import compare_prompts, load_key
from verifier.record import Record, RecordError
from verifier.report import AccountSummary, Check, Input, Report, StatementSummary, Subject
from verifier.requests import RequestLog
from verifier.second_look import ChangedError, compare_roots, looked_up, second_look
from verifier.segment import Place, Segment, Sums
from verifier.settlement import Settlement, Unlisted, Unrooted, settle
from verifier.shard import MAX_REPEATS, Account, Bases, Shard
from verifier.spans import Checker, in_this_process
from verifier.two_sided import compare


@dataclass(slots=True)
class _Ledger:
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


class _Verification:
    """The state of one run through the procedure."""

    def __init__(self, policy: Policy, requests: RequestLog) -> None:
        self.policy = policy
        self.requests = requests
        self.open = Shard()
        """Receipts since the last statement of each account, and the findings so far."""
        self.ledgers: dict[Account, _Ledger] = {}
        self.lost_statements = 0
        self.unreadable = False
        self.conflicts: list[Conflict] = []
        self.unlisted: list[Unlisted] = []
        self.unrooted: list[Unrooted] = []
        self.raw_statements: list[tuple[Statement, bytes]] = []
        self.identifier_checks: list[Check] = []
        self.record_checks = [scope.CUSTOMER]

    def signers(self) -> list[str]:
        """The trusted keys that were used, as their ``kid``."""
        return sorted(text(kid) for kid in self.open.signers)

    @property
    def findings(self) -> Findings:
        return self.open.findings

    def ledger(self, account: Account) -> _Ledger:
        return self.ledgers.setdefault(account, _Ledger())

    # Steps 2 to 9: receipts.

    def bases(self) -> Bases:
        """Where the trees of the open streams begin, for the part of the input that follows."""
        return {account: segment.bases for account, segment in self.open.segments.items()}

    def add(self, span: Span, shard: Shard) -> None:
        """Join what came of a span; where it cannot be judged apart, take its items one by one."""
        if not self.open.join(shard):
            for number, offset, raw in span.items():
                self.open.take(number, offset, raw, self.policy)
        self._hand_on_requests()

    def _hand_on_requests(self) -> None:
        for packed in self.open.requests:
            self.requests.add(packed)
        self.open.requests.clear()

    # Steps 2 to 10: any other item.

    def take(self, span: Span) -> None:
        (number, offset, raw) = next(span.items())
        opened = self.open.open(number, offset, raw, self.policy)
        if opened.kind is Kind.STATEMENT:
            self._take_statement(number, raw, opened)
            return
        # An item without a readable header may have been a receipt or a statement.
        self.lost_statements += opened.kind is None
        self.open.take_opened(number, offset, opened)
        self._hand_on_requests()

    def _take_statement(self, number: int, raw: bytes, opened: Opened) -> None:
        claims = opened.claims
        if opened.lost or not isinstance(claims, Statement):
            self.lost_statements += 1
            return
        account = (claims.issuer, claims.account)
        ledger = self.ledger(account)
        if opened.key is None:  # anybody may have signed it: it closes nothing
            self.lost_statements += 1
            ledger.summaries.append(StatementSummary(claims, opened.digest, trusted=False))
            return
        segment = self.open.segments.pop(account, None) or Segment(*account, number)
        self.open.place = None
        self._enter(ledger, segment)
        if opened.digest in ledger.digests:
            message = f"statement {claims.number} is in the input already"
            self.findings.add(_about(claims, "statement-duplicate", message, number))
            return
        ledger.digests.add(opened.digest)
        ledger.summaries.append(StatementSummary(claims, opened.digest, trusted=True))
        befores = {stream: runs[0].before for stream, runs in segment.streams.items()}
        ledger.seen.append(Seen(claims, opened.digest, raw, number, befores))
        if opened.signed:
            self.raw_statements.append((claims, raw))
        if claims.number not in ledger.numbers:
            self._close(ledger, claims, segment, number)
        ledger.numbers.add(claims.number)

    def _close(self, ledger: _Ledger, claims: Statement, segment: Segment, number: int) -> None:
        """Step 10."""
        settlement = settle(claims, segment, number, self.open.lost)
        for finding in settlement.findings:
            self.findings.add(finding)
        self.unlisted += settlement.unlisted
        self.unrooted += settlement.unrooted
        ledger.settlements.append(settlement)

    def _enter(self, ledger: _Ledger, segment: Segment) -> None:
        """Count what a segment holds, and find sequences that an earlier segment held already."""
        ledger.totals.join(segment.totals)
        ledger.receipts += segment.receipts
        ledger.streams.update(segment.streams)
        for stream, runs in segment.streams.items():
            collected = ledger.collected.setdefault(stream, Intervals())
            for begin, end in [
                again for run in runs for again in collected.add(run.first, run.next)
            ]:
                for sequence in range(begin, end):
                    self.open.repeat(Place(segment.issuer, segment.account, stream, sequence))

    # Steps 9, 11 and 12: when all is read.

    def finish(self, sources: Sequence[BatchFile]) -> None:
        """Step 9, what needs all of the input: nothing twice."""
        self.unclosed = list(self.open.segments.values())
        for segment in self.unclosed:
            self._enter(self.ledger((segment.issuer, segment.account)), segment)
        self._judge_unlisted(sources)
        for finding in compare_roots(sources, self.policy, self.unrooted):
            self.findings.add(finding)
        suspects = list(dict.fromkeys(nsmallest(MAX_REPEATS, self.requests.repeated())))
        if suspects or self.open.repeats:
            repeats = list(dict.fromkeys(self.open.repeats))
            findings, conflicts = second_look(sources, self.policy, repeats, suspects)
            for finding in findings:
                self.findings.add(finding)
            self.conflicts += conflicts

    def _judge_unlisted(self, sources: Sequence[BatchFile]) -> None:
        """Step 10, where it takes the time of a receipt that the first pass did not keep."""
        wanted = {one.inner for one in self.unlisted if one.inner is not None}
        found = looked_up(sources, wanted) if wanted else {}
        for one in self.unlisted:
            if one.inner is not None:
                if one.inner not in found:
                    raise ChangedError("the input changed while it was read")
                one.look(*found[one.inner])
            self.findings.add(one.finding)

    def check_chains(self, known: Known) -> None:
        """Step 11."""
        for account, ledger in self.ledgers.items():
            earlier = [
                seen
                for one in known(*account)
                if (seen := known_statement(one, account, self.policy))
            ]
            ledger.absent = [s.claims for s in earlier if s.digest not in ledger.digests]
            ledger.chain = check_chain([*earlier, *ledger.seen])
            for finding in ledger.chain.findings:
                self.findings.add(finding)
            self.conflicts += ledger.chain.conflicts

    def check_completeness(self, period: tuple[int, int] | None) -> None:
        """Step 12."""
        if not self.open.counts.items and not self.unreadable:
            self.findings.add(Finding("batch-empty", "the input holds no item"))
        if self.unreadable or self.lost_statements:
            return
        for segment in self.unclosed:
            self._unclosed(segment)
        if self.policy.account is not None and not any(
            a == self.policy.account for _, a in self.ledgers
        ):
            message = f"there is nothing of account {self.policy.account!r}"
            self.findings.add(Finding("statement-missing", message, account=self.policy.account))
        for account, ledger in self.ledgers.items():
            self._check_period(account, ledger, period)

    def check_identifiers(self, sources: Sequence[BatchFile]) -> None:
        """Step 13."""
        if self.open.counts.identifying:
            findings, check = check_identifiers(sources)
            for finding in findings:
                self.findings.add(finding)
            self.identifier_checks = [check]

    def check_record(
        self, record: Record, sources: Sequence[BatchFile], period: tuple[int, int] | None
    ) -> None:
        """Step 14."""
        if len(self.ledgers) > 1:
            raise RecordError(
                "the batch holds several accounts: name the one of your record (--account)"
            )
        closed = [s.claims for one in self.ledgers.values() for s in one.summaries if s.trusted]
        covered = [(c.start, c.end) for c in closed if c.kind == REGULAR]
        if period is not None:
            covered = [(max(s, period[0]), min(e, period[1])) for s, e in covered]
        result = compare(sources, self.policy, record, covered)
        if record.prompts:
            key = load_key(record.cache_key) if record.cache_key is not None else None
            findings, checks = compare_prompts(sources, record.prompts, key)
            result.findings += findings
            result.checks += checks
        for finding in result.findings:
            self.findings.add(finding)
        self.conflicts += result.conflicts
        self.record_checks = result.checks

    def _unclosed(self, segment: Segment) -> None:
        message = f"{segment.receipts} receipts are closed by no statement"
        self.findings.add(
            Finding(
                "statement-missing",
                message,
                item=segment.first_item,
                issuer=segment.issuer,
                account=segment.account,
                count=segment.receipts,
                group=(segment.issuer, segment.account),
            )
        )

    def _check_period(
        self, account: Account, ledger: _Ledger, period: tuple[int, int] | None
    ) -> None:
        issuer, name = account
        if period is not None:
            for start, end in uncovered(period, [s.claims for s in ledger.summaries]):
                message = f"no statement of {name!r} covers {start} to {end}"
                found = Finding("period-uncovered", message, issuer=issuer, account=name)
                found.expected, found.actual = (
                    f"{period[0]} to {period[1]}",
                    f"not {start} to {end}",
                )
                self.findings.add(found)
        if ledger.seen:
            newest = max(ledger.seen, key=lambda seen: seen.claims.number)
            if absent := _concerning(period, newest.claims, ledger.absent):
                message = f"statement {max(absent)} is known, and not in the input"
                self.findings.add(_about(newest.claims, "statement-replayed", message, newest.item))


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


def _about(claims: Statement, code: str, message: str, item: int | None) -> Finding:
    return Finding(
        code, message, item=item, issuer=claims.issuer, account=claims.account, number=claims.number
    )


def verify_batch(
    sources: Sequence[BatchFile],
    policy: Policy,
    *,
    period: tuple[int, int] | None = None,
    known: Known = nothing_known,
    checker: Checker = in_this_process,
    record: Record | None = None,
) -> Report:
    """Verify a batch (spec/verification.md).

    Args:
        sources: the files of the batch, in order.
        policy: what the caller trusts and demands.
        period: the period that the caller expects, in ms, end exclusive.
        known: the signed statements that the caller knows from earlier.
        checker: who checks the spans of plain receipts: this process, or several.
        record: the customer's own record.

    Raises:
        OSError: a file cannot be read, or there is no room for the temporary file.
        RecordError: the record cannot be read.
    """
    batch = Batch(sources)
    with RequestLog() as requests:
        run = _Verification(policy, requests)
        try:
            for span, shard in checker(batch, policy, run.bases):  # 1 to 9
                if shard is None:
                    run.take(span)  # 2 to 10
                else:
                    run.add(span, shard)
        except UnreadableError as fault:
            run.unreadable = True
            message = str(fault)
            found = Finding(fault.code, message, item=fault.number, offset=fault.offset)
            run.findings.add(found)
        run.finish(sources)  # 9
    run.check_chains(known)  # 11
    run.check_completeness(period)  # 12
    run.check_identifiers(sources)  # 13
    if record is not None:
        run.check_record(record, sources, period)  # 14
    return _report(run, batch, period)  # 15


def _report(run: _Verification, batch: Batch, period: tuple[int, int] | None) -> Report:
    for finding in run.findings:
        finding.file = _file_of(batch, finding.item)
    ledgers = run.ledgers.items()
    accounts = [
        AccountSummary(
            *account, one.receipts, len(one.streams), one.totals.as_totals(), one.summaries
        )
        for account, one in sorted(ledgers)
    ]
    settlements = [settlement for _, one in ledgers for settlement in one.settlements]
    statements = [summary for account in accounts for summary in account.statements]
    streams = sum(len(summary.claims.streams) for summary in statements)
    collected = sum(account.receipts for account in accounts)
    checks = [
        *scope.item_checks(run.open.counts, run.findings),
        *scope.order_checks(collected, run.open.lost, run.findings),
        *scope.statement_checks(settlements, streams, run.findings),
        scope.chain_check(
            sum(one.chain.linked for _, one in ledgers), len(statements), run.findings
        ),
        scope.period_check(period, len(accounts), beyond(period, statements), run.findings),
        *run.identifier_checks,
        *run.record_checks,
    ]
    inputs = [Input(file.name, file.size, file.sha256) for file in batch.files]
    return Report(
        Subject.BATCH,
        inputs,
        run.signers(),
        period,
        run.policy.account,
        accounts,
        checks,
        run.findings,
        conflicts=run.conflicts,
        statements=run.raw_statements,
    )


def _file_of(batch: Batch, item: int | None) -> str | None:
    """The file that holds an item."""
    names = [file.name for file in batch.files if item is not None and file.first_item <= item]
    return names[-1] if names else None

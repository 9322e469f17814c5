"""One run through the procedure: its state, and its steps. Their order is in `verifier.procedure`."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest

from verifier import scope
from verifier.batch import BatchFile, Span
from verifier.cache_view import check_identifiers
from verifier.chain import Conflict, Seen, check_chain
from verifier.claims import REGULAR, Statement
from verifier.completeness import Ledger, about, check_completeness
from verifier.envelope import Kind
from verifier.findings import Finding, Findings
from verifier.intervals import Intervals
from verifier.item import Opened, Policy
from verifier.keys import text
from verifier.known import Known
from verifier.memory import known_statement
from verifier.prompt_check import compare_prompts
from verifier.prompts import load_key
from verifier.record import Record, RecordError
from verifier.report import Check, StatementSummary
from verifier.requests import RequestLog
from verifier.second_look import ChangedError, compare_roots, looked_up, second_look
from verifier.segment import Place, Segment
from verifier.settlement import Unlisted, Unrooted, settle
from verifier.shard import MAX_REPEATS, Account, Bases, Shard
from verifier.two_sided import compare


class Verification:
    """The state of one run through the procedure."""

    def __init__(self, policy: Policy, requests: RequestLog) -> None:
        self.policy = policy
        self.requests = requests
        self.open = Shard()
        """Receipts since the last statement of each account, and the findings so far."""
        self.ledgers: dict[Account, Ledger] = {}
        self.unclosed: list[Segment] = []
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
        """Those so far."""
        return self.open.findings

    def ledger(self, account: Account) -> Ledger:
        """What is known of an issuer and account."""
        return self.ledgers.setdefault(account, Ledger())

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
        """Take the one item of a span that is not plain."""
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
            self.findings.add(about(claims, "statement-duplicate", message, number))
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

    def _close(self, ledger: Ledger, claims: Statement, segment: Segment, number: int) -> None:
        """Step 10."""
        settlement = settle(claims, segment, number, self.open.lost)
        for finding in settlement.findings:
            self.findings.add(finding)
        self.unlisted += settlement.unlisted
        self.unrooted += settlement.unrooted
        ledger.settlements.append(settlement)

    def _enter(self, ledger: Ledger, segment: Segment) -> None:
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
        for finding in check_completeness(self.ledgers, self.unclosed, self.policy.account, period):
            self.findings.add(finding)

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

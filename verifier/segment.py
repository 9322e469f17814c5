"""The receipts of one issuer and account between two statements, in order (verification step 9).

Receipts are collected in runs: consecutive sequences of one stream. A run is a few numbers and hashes, however long it is,
and runs that meet are joined. A batch in good order has one run a stream; a gap or a receipt out of place makes more.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field
from typing import NamedTuple

from verifier.claims import Receipt, Totals
from verifier.findings import Finding, Findings
from verifier.merkle import Range
from verifier.requests import request_prefix


@dataclass(slots=True)
class Run:
    """Consecutive receipts of one stream, from sequence ``first`` to ``next - 1``."""

    first: int
    next: int
    before: bytes | None
    """What the first receipt names as previous; None also if it is withheld."""
    head: bytes
    """Digest of the last receipt."""
    first_time: int | None
    last_time: int | None
    """ms, of the first and last receipt that is not withheld; None if there is none."""
    first_item: int
    first_request: str | None
    last_item: int
    tree: Range | None
    """None where the position in the tree is not known."""
    unbroken: bool = True
    withheld: int = 0

    def join(self, later: Run) -> str | None:
        """Add the run that follows; return the finding code if it does not fit."""
        code = None
        if later.before is not None and later.before != self.head:
            self.unbroken = False
            code = "chain-broken"
        elif None not in (self.last_time, later.first_time) and later.first_time < self.last_time:  # type: ignore[operator]
            code = "time-reversed"
        self.next, self.head = later.next, later.head
        self.first_time = later.first_time if self.first_time is None else self.first_time
        self.last_time = self.last_time if later.last_time is None else later.last_time
        self.last_item = later.last_item
        self.unbroken = self.unbroken and later.unbroken
        self.withheld += later.withheld
        if self.tree is not None and later.tree is not None:
            self.tree.join(later.tree)
        else:
            self.tree = None
        return code


class Place(NamedTuple):
    """The place of a receipt: its stream, and its sequence there."""

    issuer: str
    account: str
    stream: str
    sequence: int


@dataclass(slots=True)
class Segment:
    """What was collected for one issuer and account since its last statement."""

    issuer: str
    account: str
    first_item: int
    bases: dict[str, int] = field(default_factory=dict)
    """By stream, the sequence that is leaf 0; without an entry, the first one that is collected."""
    streams: dict[str, list[Run]] = field(default_factory=dict)
    totals: Sums = field(default_factory=lambda: Sums())
    receipts: int = 0
    withheld: int = 0
    request_prefix: bytes = b""

    def __post_init__(self) -> None:
        self.request_prefix = request_prefix(self.issuer, self.account)

    def collect(
        self, receipt: Receipt, digest: bytes, item: int, findings: Findings
    ) -> Place | None:
        """Put a receipt in its place; a sequence that is there already is not put, but returned."""
        run = self._single(receipt.stream, receipt.sequence, digest, item)
        run.before, run.first_request = receipt.previous, receipt.request
        run.first_time = run.last_time = receipt.time
        if not self._place(run, receipt.stream, findings):
            return Place(self.issuer, self.account, receipt.stream, receipt.sequence)
        self.receipts += 1
        self.totals.add(receipt)
        return None

    def collect_withheld(self, stream: str, digest: bytes, item: int, findings: Findings) -> None:
        """Put a withheld receipt after the last one of the stream."""
        run = self._single(stream, self.streams[stream][-1].next, digest, item)
        run.withheld = 1
        self._place(run, stream, findings)
        self.receipts += 1
        self.withheld += 1

    def put(self, stream: str, base: int, run: Run, sums: Sums) -> None:
        """Put a whole run of a stream of which there is none yet, with the sums over it."""
        self.bases[stream] = base
        self.streams[stream] = [run]
        self.receipts += run.next - run.first
        self.totals.join(sums)

    def fits(self, later: Segment) -> bool:
        """Whether what was collected apart, from the items that follow, can be joined to this."""
        for stream, runs in later.streams.items():
            base = later.bases[stream]
            if self.bases.get(stream, base) != base:
                return False
            if stream in self.streams and self.streams[stream][-1].next > runs[0].first:
                return False
        return True

    def join(self, later: Segment, findings: Findings) -> None:
        """Add what was collected apart, from the items that follow and that `fits`."""
        for stream, runs in later.streams.items():
            self.bases[stream] = later.bases[stream]
            for run in runs:
                self._place(run, stream, findings)
        self.receipts += later.receipts
        self.withheld += later.withheld
        self.totals.join(later.totals)

    def _single(self, stream: str, sequence: int, digest: bytes, item: int) -> Run:
        base = self.bases.setdefault(stream, sequence)
        tree = None
        if sequence >= base:
            tree = Range(sequence - base, sequence - base)
            tree.append(digest)
        return Run(sequence, sequence + 1, None, digest, None, None, item, None, item, tree)

    def _place(self, run: Run, stream: str, findings: Findings) -> bool:
        """Insert a run among those of its stream, and join it with its neighbours; False if it overlaps."""
        runs = self.streams.setdefault(stream, [])
        at = bisect(runs, run.first, key=lambda other: other.first)
        if at and runs[at - 1].next > run.first:
            return False
        if at < len(runs):
            findings.add(self._order(run, stream, runs[-1]))
        runs.insert(at, run)
        for i in (at, at - 1):
            if i >= 0 and i + 1 < len(runs) and runs[i].next == runs[i + 1].first:
                self._join(runs, i, stream, findings)
        return True

    def _join(self, runs: list[Run], i: int, stream: str, findings: Findings) -> None:
        later = runs.pop(i + 1)
        code = runs[i].join(later)
        if code is not None:
            findings.add(self._at(code, _MESSAGES[code], stream, later))

    def _order(self, run: Run, stream: str, last: Run) -> Finding:
        message = f"sequence {run.first} stands after {last.next - 1}"
        return self._at("receipt-order", message, stream, run)

    def _at(self, code: str, message: str, stream: str, run: Run) -> Finding:
        """A finding about the first receipt of a run."""
        return Finding(
            code,
            message,
            item=run.first_item,
            issuer=self.issuer,
            account=self.account,
            stream=stream,
            sequence=run.first,
            request=run.first_request,
        )


_MESSAGES = {
    "chain-broken": "previous is not the digest of the receipt before it",
    "time-reversed": "the time is before that of the receipt before it",
}


@dataclass(slots=True)
class Sums:
    """Sums over receipts, in tokens; None: no receipt states the field. ``amounts`` in picounits."""

    logical: int | None = None
    cached: int | None = None
    attributed: int | None = None
    writes: dict[int, int] = field(default_factory=dict)
    output: int | None = None
    reasoning: int | None = None
    amounts: dict[str, int] = field(default_factory=dict)

    def add(self, receipt: Receipt) -> None:
        """Add the counts of one receipt."""
        self.logical = (self.logical or 0) + receipt.logical
        if receipt.cached is not None and receipt.attributed is not None:
            self.cached = (self.cached or 0) + receipt.cached
            self.attributed = (self.attributed or 0) + receipt.attributed
        if receipt.writes is not None:
            for ttl, tokens in receipt.writes.items():
                self.writes[ttl] = self.writes.get(ttl, 0) + tokens
        if receipt.output is not None:
            self.output = (self.output or 0) + receipt.output
        if receipt.reasoning is not None:
            self.reasoning = (self.reasoning or 0) + receipt.reasoning
        if receipt.charge is not None:
            currency = receipt.charge.currency
            self.amounts[currency] = self.amounts.get(currency, 0) + receipt.charge.amount

    def join(self, other: Sums) -> None:
        """Add the sums over other receipts."""
        for name in ("logical", "cached", "attributed", "output", "reasoning"):
            if (theirs := getattr(other, name)) is not None:
                setattr(self, name, (getattr(self, name) or 0) + theirs)
        for ttl, tokens in other.writes.items():
            self.writes[ttl] = self.writes.get(ttl, 0) + tokens
        for currency, amount in other.amounts.items():
            self.amounts[currency] = self.amounts.get(currency, 0) + amount

    def as_totals(self) -> Totals:
        """The sums in the form of a statement's totals."""
        return Totals(
            self.logical,
            self.cached,
            self.attributed,
            self.writes or None,
            self.output,
            self.reasoning,
            self.amounts or None,
        )

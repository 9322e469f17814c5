"""A part of the input that is checked on its own: verification steps 2 to 9 over consecutive items.

What comes of it is small and joins with that of the items before: counts, sums, runs of receipts with their Merkle
ranges, findings. So parts can be checked in other processes, or on other machines, and still add up to one verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from verifier.claims import Receipt, Statement
from verifier.envelope import Fault, Kind
from verifier.findings import Finding, Findings
from verifier.item import Opened, Policy, open_item
from verifier.requests import request_key
from verifier.segment import Place, Segment

Account = tuple[str, str]
"""Issuer and account."""
Bases = Mapping[Account, Mapping[str, int]]
"""By account and stream, the sequence of the first receipt that the next statement lists."""

MAX_REPEATS = 1000
"""So many receipts with a sequence that was there already are looked at a second time."""


IDENTITY_CODES = frozenset(
    {
        "cached-exceeds-logical",
        "attributed-mismatch",
        "writes-exceed-attributed",
        "cached-unstated",
        "reasoning-exceeds-output",
        "cache-entry-mismatch",
        "charge-mismatch",
    }
)
"""The findings of step 8 that concern the numbers."""


@dataclass(slots=True)
class Counts:
    """How many items passed what; the scope lines of the report are made of these."""

    items: int = 0
    receipts: int = 0
    statements: int = 0
    formed: int = 0
    """Items whose envelope, header and claims are as the format says."""
    signed: int = 0
    """Items with a valid signature by a trusted key that may sign them."""
    agreeing: int = 0
    """Receipts whose numbers satisfy every identity."""
    cached: int = 0
    """Receipts with cached tokens."""
    identified: int = 0
    """Those of them that identify the prefix."""
    identifying: int = 0
    """Receipts with any cache identifier."""
    charged: int = 0
    """Receipts with a charge."""
    timestamps: int = 0
    """Statements with timestamps or transparency receipts, which are not checked."""

    def add(self, other: Counts) -> None:
        """Add the counts of other items."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))


@dataclass(slots=True)
class Shard:
    """What came of checking consecutive items, none of which is a statement."""

    bases: Bases = field(default_factory=dict)
    segments: dict[Account, Segment] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    counts: Counts = field(default_factory=Counts)
    requests: list[bytes] = field(default_factory=list)
    """Packed keys of the requests, for `verifier.requests`."""
    repeats: list[Place] = field(default_factory=list)
    repeated: int = 0
    """Receipts with a sequence that was there already; more than ``repeats`` if there are very many."""
    signers: set[bytes] = field(default_factory=set)
    """The trusted keys that signed something, by ``kid``."""
    lost: int = 0
    """Items that fell out in steps 2 to 7 and may have been any receipt."""
    place: tuple[Account, str] | None = None
    """Account and stream of the last receipt: where a withheld one would belong."""

    def segment(self, issuer: str, account: str, item: int) -> Segment:
        """What was collected for an issuer and account since its last statement."""
        segment = self.segments.get((issuer, account))
        if segment is None:
            bases = dict(self.bases.get((issuer, account), {}))
            segment = self.segments[issuer, account] = Segment(issuer, account, item, bases)
        return segment

    def base(self, account: Account, stream: str, first: int) -> int:
        """The sequence that is leaf 0 of a stream's tree; ``first`` if nothing is known of it."""
        segment = self.segments.get(account)
        bases = self.bases.get(account, {}) if segment is None else segment.bases
        return bases.get(stream, first)

    def collect(self, receipt: Receipt, digest: bytes, item: int) -> None:
        """Step 9 for one receipt."""
        segment = self.segment(receipt.issuer, receipt.account, item)
        repeat = segment.collect(receipt, digest, item, self.findings)
        self.place = (receipt.issuer, receipt.account), receipt.stream
        if repeat is None:
            self.requests.append(request_key(segment.request_prefix, receipt.request))
        else:
            self.repeat(repeat)

    def repeat(self, repeat: Place) -> None:
        """Remember a receipt whose sequence was there already, for a second look."""
        self.repeated += 1
        if len(self.repeats) < MAX_REPEATS:
            self.repeats.append(repeat)

    def open(self, number: int, offset: int, raw: bytes, policy: Policy) -> Opened:
        """Steps 2 to 8 for one item, the plain way."""
        opened = open_item(raw, policy)
        for fault in opened.faults:
            self.findings.add(finding(fault, number, offset, opened))
        self._count(opened)
        return opened

    def _count(self, opened: Opened) -> None:
        counts, claims = self.counts, opened.claims
        counts.items += 1
        counts.signed += opened.signed
        if opened.signed and opened.key is not None:
            self.signers.add(opened.key.kid)
        counts.formed += claims is not None
        counts.timestamps += opened.timestamps
        counts.statements += opened.kind is Kind.STATEMENT
        counts.receipts += opened.kind is Kind.RECEIPT
        if isinstance(claims, Receipt):
            counts.agreeing += not any(fault.code in IDENTITY_CODES for fault in opened.faults)
            counts.cached += bool(claims.cached)
            counts.identified += claims.cache_read is not None
            counts.identifying += bool(
                claims.cache_read or claims.cache_writes or claims.commitments
            )
            counts.charged += claims.charge is not None

    def count_spotless(self, receipts: int, cached: int, identified: int, identifying: int) -> None:
        """Count receipts that came through steps 2 to 8 without a fault."""
        counts = self.counts
        counts.add(
            Counts(
                receipts, receipts, 0, receipts, receipts, receipts, cached, identified, identifying
            )
        )

    def take(self, number: int, offset: int, raw: bytes, policy: Policy) -> None:
        """Steps 2 to 9 for one item that is not a statement, the plain way."""
        self.take_opened(number, offset, self.open(number, offset, raw, policy))

    def take_opened(self, number: int, offset: int, opened: Opened) -> None:
        """Step 9 for an item that is not a statement."""
        if opened.lost:
            self.lost += 1
        elif isinstance(opened.claims, Receipt):
            self.collect(opened.claims, opened.digest, number)
        else:
            self.take_withheld(opened.digest, number, offset)

    def take_withheld(self, digest: bytes, number: int, offset: int) -> None:
        """Step 9 for a withheld receipt: it belongs after the item before it."""
        segment = self.segments.get(self.place[0]) if self.place else None
        if self.place is None or segment is None:
            message = "a withheld receipt stands first, or after a statement"
            self.findings.add(Finding("withheld-unplaced", message, item=number, offset=offset))
            self.lost += 1
        else:
            segment.collect_withheld(self.place[1], digest, number, self.findings)

    def join(self, later: Shard) -> bool:
        """Add what came of the items that follow; False, and no change, if they cannot be judged apart."""
        if not all(
            key not in self.segments or self.segments[key].fits(segment)
            for key, segment in later.segments.items()
        ):
            return False
        for key, segment in later.segments.items():
            if key in self.segments:
                self.segments[key].join(segment, self.findings)
            else:
                self.segments[key] = segment
        self.requests += later.requests
        self.findings.extend(later.findings)
        self.counts.add(later.counts)
        for repeat in later.repeats:
            self.repeat(repeat)
        self.repeated += later.repeated - len(later.repeats)
        self.lost += later.lost
        self.signers |= later.signers
        self.place = later.place or self.place
        return True


def finding(fault: Fault, number: int, offset: int, opened: Opened) -> Finding:
    """A fault of one item as a finding; ``offset`` is where the item begins in its file."""
    found = Finding(
        fault.code,
        str(fault),
        item=number,
        offset=offset + (fault.offset or 0),
        field=fault.field,
        expected=fault.expected,
        actual=fault.actual,
    )
    claims = opened.claims
    if isinstance(claims, Statement):
        found.issuer, found.account, found.number = claims.issuer, claims.account, claims.number
    elif claims is not None:
        found.issuer, found.account, found.stream = claims.issuer, claims.account, claims.stream
        found.sequence, found.request = claims.sequence, claims.request
    found.group = fault.actual if fault.code == "key-unknown" else (found.issuer, found.account)
    return found

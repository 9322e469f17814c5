"""A part of the input, taken through steps 2 to 8 on its own: in this process or another one, on the fast path or the slow one."""

from __future__ import annotations

from dataclasses import dataclass, field

from verifier.format.claims import Receipt
from verifier.format.envelope import Kind
from verifier.item.opening import Opened, open_item
from verifier.item.policy import Policy
from verifier.order.block import Block, Item, single
from verifier.order.counts import Counts
from verifier.order.fast_path import FastPath
from verifier.reading.framing import Span
from verifier.report.codes import RULES, Severity
from verifier.report.findings import Findings


@dataclass(frozen=True, slots=True)
class Demand:
    """What is wanted of the items of an input.

    Attributes:
        policy: the trusted keys, and what else the caller demands.
        columns: of receipts, for later steps (`block.COLUMNS`).
        signatures: whether receipts' own signatures are checked (R-5.3).
        identities: whether step 8 is taken (R-17.2).
    """

    policy: Policy
    columns: frozenset[str] = frozenset()
    signatures: bool = True
    identities: bool = True


@dataclass(slots=True)
class Part:
    """What came of steps 2 to 8 for consecutive items.

    Attributes:
        blocks: of receipts, those of a stream in the order of the input.
        findings: so far.
        counts: how many items passed what.
        signers: the trusted keys that signed something, by ``kid``, as far as signatures were checked.
        named: the trusted keys that an item names, whether or not it is signed.
        lost: items that fell out.
        lost_rejected: those of them with a finding that rejects (R-1.4).
        lost_receipts: those that may have been any receipt (R-10.2).
        lost_statements: those that were, or may have been, a statement (step 12).
        untrusted_statements: those that are statements by a key that is not trusted (R-4.1).
    """

    blocks: list[Block] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    counts: Counts = field(default_factory=Counts)
    signers: set[bytes] = field(default_factory=set)
    named: set[bytes] = field(default_factory=set)
    lost: int = 0
    lost_rejected: int = 0
    lost_receipts: int = 0
    lost_statements: int = 0
    untrusted_statements: int = 0

    def open(self, item: Item, demand: Demand) -> Opened:
        """Steps 2 to 8 for one item, on the slow path."""
        opened = open_item(
            item.raw, demand.policy, signatures=demand.signatures, identities=demand.identities
        )
        for finding in opened.findings(item.number, item.offset):
            self.findings.add(finding)
        self.counts.add(Counts.of(opened))
        if opened.key is not None:
            self.named.add(opened.key.kid)
        checked = demand.signatures or opened.kind is Kind.STATEMENT
        if checked and opened.signed and opened.key is not None:
            self.signers.add(opened.key.kid)
        if opened.lost:
            code = opened.faults[-1].code
            self.lose(opened.kind, rejected=RULES[code].severity is Severity.REJECTED)
            self.untrusted_statements += code == "key-unknown" and opened.kind is Kind.STATEMENT
        return opened

    def lose(self, kind: Kind | None, *, rejected: bool = True) -> None:
        """Count an item that is lost. ``kind`` None: its header could not be read."""
        self.lost += 1
        self.lost_rejected += rejected
        self.lost_receipts += kind is not Kind.STATEMENT
        self.lost_statements += kind is not Kind.RECEIPT

    def join(self, later: Part) -> None:
        """Add what came of the items that follow, but for their blocks."""
        self.findings.extend(later.findings)
        self.counts.add(later.counts)
        self.signers |= later.signers
        self.named |= later.named
        self.lost += later.lost
        self.lost_rejected += later.lost_rejected
        self.lost_receipts += later.lost_receipts
        self.lost_statements += later.lost_statements
        self.untrusted_statements += later.untrusted_statements


def open_span(span: Span, demand: Demand, fast: FastPath) -> Part:
    """Steps 2 to 8 for a uniform span: fast where nothing is wrong, and slowly elsewhere."""
    part, at = Part(), 0
    while at < len(span):
        tried = fast.tried(span, at)
        if tried.clean:
            part.blocks += tried.blocks
            part.counts.add(tried.counts)
            if tried.unknown is not None:
                part.findings.add(tried.unknown)
            elif tried.signer is not None:
                part.named.add(tried.signer.kid)
                part.signers |= {tried.signer.kid} if demand.signatures else set()
        else:
            for place in span.items(at, at + tried.count):
                item = Item(*place)
                opened = part.open(item, demand)
                if isinstance(opened.claims, Receipt) and not opened.lost:
                    part.blocks.append(single(opened.claims, opened.digest, item, demand.columns))
        at += tried.count
    return part

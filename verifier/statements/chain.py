"""The statements of one account, against each other (verification step 11)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from verifier.format.claims import LATE, REGULAR, Statement, StreamEntry
from verifier.report.findings import Conflict, Finding, Findings
from verifier.report.period import show_instant


@dataclass(frozen=True, slots=True)
class Seen:
    """A statement whose signature was checked.

    Attributes:
        claims: what it says.
        digest: of its content.
        raw: its bytes.
        item: its number in the input; None if the caller knew it before.
        signed: whether a trusted key that may sign it has signed it.
        befores: by stream, what the receipt at `first` names as previous, where it was collected.
    """

    claims: Statement
    digest: bytes
    raw: bytes
    item: int | None = None
    signed: bool = True
    befores: Mapping[str, bytes | None] = field(default_factory=dict)


@dataclass(slots=True)
class Chain:
    """What the statements of one account say about each other."""

    findings: Findings = field(default_factory=Findings)
    conflicts: list[Conflict] = field(default_factory=list)
    linked: int = 0
    """Statements of the input whose predecessor was at hand, or that have none (number 0)."""

    def tell(self, code: str, message: str, about: Seen, other: Seen | None = None) -> None:
        """Record a fault between statements, at the one that is in the input; never between two known ones."""
        if about.item is None and other is not None:
            about, other = other, about
        if about.item is None:
            return
        self.findings.add(Finding.about(about.claims, code, message, item=about.item))
        if other is not None and code in CONFLICTS and about.signed and other.signed:
            self.conflicts.append(Conflict(code, about.raw, other.raw))


CONFLICTS: Final = frozenset(
    {"statement-equivocation", "statement-chain-broken", "statement-rollback"}
)
"""Faults that two signed statements prove by themselves (spec/statement.md, Equivocation)."""


def check_chain(statements: Sequence[Seen]) -> Chain:
    """All faults between the statements of one account; copies of a statement count once."""
    chain = Chain()
    by_number = _by_number(statements, chain)
    state = _State(chain)
    for number, same in sorted(by_number.items()):
        _check_links(same, by_number.get(number - 1, []), chain)
        state.follow(same[0])
    _check_gaps(by_number, chain)
    return chain


def _by_number(statements: Sequence[Seen], chain: Chain) -> dict[int, list[Seen]]:
    """R-11.1. The different statements of each number: those of the input first, then the known ones by their digests."""
    found: dict[int, dict[bytes, Seen]] = {}
    order = sorted(statements, key=lambda s: (s.item is None, s.item or 0, s.digest))
    for seen in order:
        found.setdefault(seen.claims.number, {}).setdefault(seen.digest, seen)
    by_number = {number: list(same.values()) for number, same in found.items()}
    for number, (first, *others) in by_number.items():
        for other in others:
            message = f"another statement {number} is signed as well"
            chain.tell("statement-equivocation", message, other, first)
    return by_number


def _check_links(same: list[Seen], before: list[Seen], chain: Chain) -> None:
    """R-11.2: ``previous`` is the digest of a statement numbered one less, of which there are ``before``."""
    digests = {other.digest for other in before}
    for seen in same:
        number = seen.claims.number
        if before and seen.claims.previous not in digests:
            message = f"previous is not the digest of statement {number - 1}"
            chain.tell("statement-chain-broken", message, seen, before[0])
        if seen.item is not None and (before or number == 0):
            chain.linked += 1


def _check_gaps(by_number: dict[int, list[Seen]], chain: Chain) -> None:
    """R-11.6: a number is missing between two statements of the input."""
    mine = [n for n, same in sorted(by_number.items()) if same[0].item is not None]
    for before, after in itertools.pairwise(mine):
        missing = next((n for n in range(before + 1, after) if n not in by_number), None)
        if missing is not None:
            message = f"statement {missing} is missing before this one"
            chain.tell("statement-gap", message, by_number[after][0])


@dataclass(frozen=True, slots=True)
class _Appearance:
    """Where a stream was closed last, and by which statement."""

    next: int
    head: bytes
    by: Seen

    @property
    def number(self) -> int:
        """Of the statement."""
        return self.by.claims.number


class _State:
    """What the statements so far, in the order of their numbers, say about the next one."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.regular: Seen | None = None
        self.streams: dict[str, _Appearance] = {}
        self.whole_from = 0
        """From this number on, all statements are at hand."""
        self.next_number = 0

    def follow(self, seen: Seen) -> None:
        claims = seen.claims
        if claims.number != self.next_number:
            self.whole_from = claims.number
        self._check_period(seen)
        for entry in claims.streams:
            self._check_first(seen, entry)
            appearance = _Appearance(entry.first + entry.count, entry.head, seen)
            self.streams[entry.stream] = appearance
        if claims.kind == REGULAR:
            self.regular = seen
        self.next_number = claims.number + 1

    def _check_period(self, seen: Seen) -> None:
        """R-11.3 and R-11.4."""
        claims, before = seen.claims, self.regular
        if claims.number == 0 and claims.kind == LATE:
            message = "statement 0 is late, but no period is closed before it"
            self.chain.tell("period-gap", message, seen)
        if before is None:
            return
        end, closed = before.claims.end, f"statement {before.claims.number} ends"
        at_hand = before.claims.number >= self.whole_from
        if claims.kind == REGULAR and claims.start < end:
            message = (
                f"it starts at {show_instant(claims.start)}, before {closed} at {show_instant(end)}"
            )
            self.chain.tell("statement-rollback", message, seen, before)
        elif at_hand and claims.kind == REGULAR and claims.start != end:
            message = f"it starts at {show_instant(claims.start)}, {closed} at {show_instant(end)}"
            self.chain.tell("period-gap", message, seen, before)
        elif at_hand and claims.kind == LATE and claims.end > end:
            message = f"it is late and ends at {show_instant(claims.end)}, but only the time to {show_instant(end)} is closed"
            self.chain.tell("period-gap", message, seen, before)

    def _check_first(self, seen: Seen, entry: StreamEntry) -> None:
        """R-11.5."""
        before = self.streams.get(entry.stream)
        if before is None:
            if self.whole_from == 0 and entry.first != 0:
                message = f"stream '{entry.stream}' begins at {entry.first}, expected 0"
                self.chain.tell("first-mismatch", message, seen)
            return
        at_hand = before.number >= self.whole_from
        if entry.first < before.next or (at_hand and entry.first != before.next):
            message = f"stream '{entry.stream}' begins at {entry.first}, but was closed up to {before.next - 1}"
            self.chain.tell("first-mismatch", message, seen, before.by)
        elif (
            entry.first == before.next
            and seen.befores.get(entry.stream, before.head) != before.head
        ):
            message = (
                f"the first receipt of stream '{entry.stream}' does not follow the last one closed"
            )
            self.chain.tell("first-mismatch", message, seen, before.by)


def contradict(one: Seen, two: Seen) -> bool:
    """Whether two statements of one account prove a fault by themselves."""
    return bool(check_chain([one, two]).conflicts)

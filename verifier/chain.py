"""The statements of one issuer and account, against each other (verification step 11)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from verifier.claims import LATE, REGULAR, Statement, StreamEntry
from verifier.findings import Finding


@dataclass(frozen=True, slots=True)
class Seen:
    """A statement whose signature was checked. ``item`` is None if the caller knew it before this input."""

    claims: Statement
    digest: bytes
    raw: bytes
    item: int | None = None
    befores: dict[str, bytes | None] = field(default_factory=dict)
    """By stream, what the first receipt names as previous, where that receipt is in the input."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two signed objects that cannot both be honest, ready to be kept as a proof."""

    code: str
    one: bytes
    two: bytes


@dataclass(slots=True)
class Chain:
    """What the statements of one issuer and account say about each other."""

    findings: list[Finding] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    linked: int = 0
    """Statements of the input whose predecessor was at hand, or that have none (number 0)."""

    def tell(self, code: str, message: str, about: Seen, other: Seen | None = None) -> None:
        """Record a fault between statements, at the one that is in the input; never between two known ones."""
        if about.item is None and other is not None:
            about, other = other, about
        if about.item is None:
            return
        claims = about.claims
        self.findings.append(
            Finding(
                code,
                message,
                item=about.item,
                issuer=claims.issuer,
                account=claims.account,
                number=claims.number,
            )
        )
        if other is not None and code in CONFLICTS:
            self.conflicts.append(Conflict(code, about.raw, other.raw))


CONFLICTS = frozenset({"statement-equivocation", "statement-chain-broken", "statement-rollback"})
"""Faults that two signed statements prove by themselves (spec/statement.md, Equivocation)."""


def check_chain(statements: Sequence[Seen]) -> Chain:
    """All faults between the statements of one issuer and account; copies of a statement count once."""
    chain = Chain()
    by_number = _by_number(statements, chain)
    state = _State(chain)
    before: list[Seen] = []
    for number in sorted(by_number):
        before = by_number.get(number - 1, [])
        digests = {other.digest for other in before}
        for seen in by_number[number]:
            _check_link(seen, before, digests, chain)
        state.follow(by_number[number][0])
    _check_gaps(by_number, chain)
    return chain


def _by_number(statements: Sequence[Seen], chain: Chain) -> dict[int, list[Seen]]:
    """The different statements of each number; more than one is an equivocation."""
    by_number: dict[int, list[Seen]] = {}
    place: dict[bytes, int] = {}
    for seen in statements:
        number = seen.claims.number
        same = by_number.setdefault(number, [])
        copy = place.get(seen.digest)
        if copy is not None:
            if same[copy].item is None:  # known before; faults are told of the one in the input
                same[copy] = seen
            continue
        place[seen.digest] = len(same)
        for other in same[:1]:
            chain.tell(
                "statement-equivocation",
                f"another statement {number} is signed as well",
                seen,
                other,
            )
        same.append(seen)
    return by_number


def _check_link(seen: Seen, before: list[Seen], digests: set[bytes], chain: Chain) -> None:
    """``previous`` is the digest of the statement numbered one less, of which there are ``before``."""
    number = seen.claims.number
    if before and seen.claims.previous not in digests:
        message = f"previous is not the digest of statement {number - 1}"
        chain.tell("statement-chain-broken", message, seen, before[0])
    if seen.item is not None and (before or number == 0):
        chain.linked += 1


def _check_gaps(by_number: dict[int, list[Seen]], chain: Chain) -> None:
    """A number is missing between two statements of the input."""
    mine = sorted(n for n, same in by_number.items() if any(seen.item is not None for seen in same))
    for before, after in itertools.pairwise(mine):
        missing = before + 1
        while missing in by_number:
            missing += 1
        if missing < after:
            last = next(seen for seen in by_number[after] if seen.item is not None)
            chain.tell("statement-gap", f"statement {missing} is missing before this one", last)


class _State:
    """What the statements so far, in the order of their numbers, say about the next one."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.last: Seen | None = None
        self.regular: Seen | None = None
        self.regular_is_last = False
        """Whether all statements since the last regular one are at hand."""
        self.streams: dict[str, StreamEntry] = {}
        """Where each stream was closed last, as far as it is known."""
        self.contiguous_streams: set[str] = set()
        """Those of them of which all statements since are at hand."""
        self.from_zero = False

    def follow(self, seen: Seen) -> None:
        number = seen.claims.number
        contiguous = self.last is not None and self.last.claims.number == number - 1
        if not contiguous:
            self.contiguous_streams, self.from_zero, self.regular_is_last = (
                set(),
                number == 0,
                False,
            )
        self._check_period(seen)
        for entry in seen.claims.streams:
            self._check_first(seen, entry)
            self.streams[entry.stream] = entry
            self.contiguous_streams.add(entry.stream)
        if seen.claims.kind == REGULAR:
            self.regular, self.regular_is_last = seen, True
        self.last = seen

    def _check_period(self, seen: Seen) -> None:
        claims, before = seen.claims, self.regular
        if claims.number == 0 and claims.kind == LATE:
            self.chain.tell(
                "period-gap", "statement 0 is late, but no period is closed before it", seen
            )
        if before is None:
            return
        end = before.claims.end
        if claims.kind == REGULAR and claims.start < end:
            message = f"it starts at {claims.start}, before statement {before.claims.number} ends at {end}"
            self.chain.tell("statement-rollback", message, seen, before)
        elif self.regular_is_last and claims.kind == REGULAR and claims.start != end:
            message = f"it starts at {claims.start}, statement {before.claims.number} ends at {end}"
            self.chain.tell("period-gap", message, seen, before)
        elif self.regular_is_last and claims.kind == LATE and claims.end > end:
            message = f"it is late and ends at {claims.end}, but only the time to {end} is closed"
            self.chain.tell("period-gap", message, seen, before)

    def _check_first(self, seen: Seen, entry: StreamEntry) -> None:
        before = self.streams.get(entry.stream)
        if before is None and not self.from_zero:
            return
        expected = 0 if before is None else before.first + before.count
        if before is not None and entry.stream not in self.contiguous_streams:
            if entry.first < expected:
                message = f"stream {entry.stream!r} begins at {entry.first}, but was closed up to {expected - 1}"
                self.chain.tell("first-mismatch", message, seen)
        elif entry.first != expected:
            message = f"stream {entry.stream!r} begins at {entry.first}, expected {expected}"
            self.chain.tell("first-mismatch", message, seen)
        elif before is not None and seen.befores.get(entry.stream) not in (None, before.head):
            message = (
                f"the first receipt of stream {entry.stream!r} does not follow the last one closed"
            )
            self.chain.tell("first-mismatch", message, seen)


def conflict(one: Seen, two: Seen) -> str | None:
    """The code of the fault that two statements of one issuer and account prove, or None."""
    found: Iterator[str] = (c.code for c in check_chain([one, two]).conflicts)
    return next(found, None)

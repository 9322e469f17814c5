"""The receipts of an input, collected by account and stream (verification step 9).

What is collected is in order: the sequences of a stream rise. So a stream takes a few numbers and hashes, however long it is.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from itertools import chain
from sys import intern
from typing import Final

from verifier.crypto.merkle import Range
from verifier.order.block import Block
from verifier.order.corrections import Corrections
from verifier.order.index import ReceiptIndex
from verifier.order.requests import AccountName as AccountName
from verifier.order.requests import Repeated, RequestLog
from verifier.order.sums import Sums
from verifier.report.findings import KEPT, Findings

MAX_STREAMS: Final = 65_536
"""Streams of an input, over all its accounts (spec/receipt.md, Limits)."""
MAX_NAMES: Final = 65_536
"""TTLs of writes and names of units of an input, counted for each of its accounts."""


class InputTooLargeError(Exception):
    """The input has more streams, TTLs or units than the format allows: the reading ends."""


@dataclass(slots=True)
class Stream:
    """The receipts of a stream that were collected since the last statement of the account.

    Attributes:
        first, next: the first sequence, and the one after the last.
        gaps: first sequence and end of each gap between them, one after the other.
        before: what the first receipt names as previous.
        head: digest of the last receipt.
        last_time: its time, in ms.
        earliest, latest: of all times, in ms.
        first_item: the item of the first receipt.
        tree: over the digests; None if there is a gap.
        broken: whether a receipt names another predecessor than the one that is here.
    """

    first: int
    next: int
    before: bytes | None
    head: bytes
    last_time: int
    earliest: int
    latest: int
    first_item: int
    tree: Range | None
    broken: bool = False
    gaps: array[int] | None = None

    @classmethod
    def of(cls, block: Block) -> Stream:
        """A stream that begins with a block."""
        tree = Range()
        tree.extend(block.digests)
        times = block.times
        return cls(
            block.first, block.next, block.before, block.digests[-1], times[-1], min(times), max(times), block.items[0], tree
        )  # fmt: skip

    def extend(self, block: Block, findings: Findings) -> None:
        """Add the receipts that follow."""
        if block.first == self.next:
            if block.before != self.head:
                self.broken = True
                message = "previous is not the digest of the receipt before it"
                findings.add(block.finding("chain-broken", message, field="previous"))
            if block.times[0] < self.last_time:
                message = "the time is before that of the receipt before it"
                findings.add(block.finding("time-reversed", message, field="time"))
            if self.tree is not None:
                self.tree.extend(block.digests)
        else:
            self.gaps = self.gaps or array("Q")
            self.gaps.extend((self.next, block.first))
            self.tree = None
        self.next, self.head, self.last_time = block.next, block.digests[-1], block.times[-1]
        self.earliest = min(self.earliest, min(block.times))
        self.latest = max(self.latest, max(block.times))

    def missing(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of ``begin`` to ``end - 1`` that were not collected."""
        gaps = iter(self.gaps or ())
        holes = chain([(begin, self.first)], zip(gaps, gaps, strict=True), [(self.next, end)])
        for first, stop in holes:
            if max(first, begin) < min(stop, end):
                yield max(first, begin), min(stop, end)


@dataclass(slots=True)
class _Closed:
    """What was collected of an account before its last statement; ``next`` by stream."""

    next: dict[str, int] = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums)
    receipts: int = 0


@dataclass(slots=True)
class Account:
    """What was collected of an account.

    Attributes:
        streams: since its last statement.
        sums: over the receipts since then.
        receipts: how many there are.
        first_item: the item of the first of them.
        closed: what was collected before; None: no statement was here yet.
    """

    streams: dict[str, Stream] = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums)
    receipts: int = 0
    first_item: int | None = None
    closed: _Closed | None = None

    def clear(self) -> None:
        """The streams were held against a statement; from here on they begin anew."""
        self.closed = self.closed or _Closed()
        self.closed.next |= {name: stream.next for name, stream in self.streams.items()}
        self.closed.sums.join(self.sums)
        self.closed.receipts += self.receipts
        self.streams, self.sums, self.receipts, self.first_item = {}, Sums(), 0, None

    def next(self, stream: str) -> int | None:
        """The sequence after the highest one of a stream in all of the input; None: it has none."""
        if (current := self.streams.get(stream)) is not None:
            return current.next
        return None if self.closed is None else self.closed.next.get(stream)

    @property
    def total_streams(self) -> int:
        """The streams in all of the input."""
        closed = self.closed.next if self.closed is not None else {}
        return len(closed) + sum(name not in closed for name in self.streams)

    def new_names(self, sums: Sums) -> int:
        """How many TTLs and units of some receipts no receipt of the account had, in all of the input."""
        before = [self.sums] if self.closed is None else [self.sums, self.closed.sums]
        return sum(not any(known.has(name) for known in before) for name in sums.names())

    @property
    def total_receipts(self) -> int:
        """The receipts in all of the input."""
        return self.receipts + (self.closed.receipts if self.closed is not None else 0)

    @property
    def total_sums(self) -> Sums:
        """The sums over them."""
        if self.closed is None:
            return self.sums
        sums = Sums()
        sums.join(self.closed.sums)
        sums.join(self.sums)
        return sums


class Collection:
    """All receipts that come through steps 2 to 9.

    Args:
        findings: where what is found goes.
    """

    def __init__(self, findings: Findings) -> None:
        self.accounts: dict[AccountName, Account] = {}
        self.findings = findings
        self.index = ReceiptIndex()
        self.requests = RequestLog()
        self.corrections = Corrections()
        self.repeats: list[Block] = []
        """Receipts whose sequence is not above all that were collected of their stream: what they are, the index can tell."""
        self._streams = 0
        self._names = 0

    def close(self, *, index: bool) -> None:
        """Forget the requests; and the index, with the corrections, or not."""
        self.requests.close()
        if index:
            self.index.close()
            self.corrections.close()

    def account(self, name: AccountName) -> Account:
        """What was collected of an account."""
        account = self.accounts.get(name)
        if account is None:
            # An input of many accounts has few issuers.
            account = self.accounts[intern(name[0]), name[1]] = Account()
        return account

    def follow(self, blocks: Sequence[Block]) -> bool:
        """Whether the receipts of each block stand above all that were collected of their stream, and above the blocks before."""
        ends: dict[tuple[str, str, str], int] = {}
        for block in blocks:
            names = (block.issuer, block.account, block.stream)
            if block.first < ends.get(names, self._next(block) or 0):
                return False
            ends[names] = block.next
        return True

    def _next(self, block: Block) -> int | None:
        account = self.accounts.get((block.issuer, block.account))
        return None if account is None else account.next(block.stream)

    def add(self, block: Block) -> None:
        """Collect receipts that follow.

        Raises:
            InputTooLargeError: R-9.7.
            OSError: there is no room for the index.
        """
        self._count(block)
        name = (block.issuer, block.account)
        account = self.account(name)
        stream = account.streams.get(block.stream)
        if stream is None:
            account.streams[block.stream] = Stream.of(block)
        else:
            stream.extend(block, self.findings)
        if account.first_item is None:
            account.first_item = block.items[0]
        account.receipts += len(block.items)
        account.sums.join(block.sums)
        position = self.index.add(block)
        if block.corrects is None:
            self.requests.add(name, block.requests, block.items)
        else:
            self.corrections.add(block, position)

    def _count(self, block: Block) -> None:
        """Its stream, and the names in its sums (R-9.7)."""
        streams = self._streams + (self._next(block) is None)
        account = self.accounts.get((block.issuer, block.account)) or Account()
        names = self._names + account.new_names(block.sums)
        if streams > MAX_STREAMS or names > MAX_NAMES:
            message = f"this receipt begins stream number {streams}"
            if names > MAX_NAMES:
                message = f"with this receipt there are {names} TTLs and units, of which an input may have {MAX_NAMES}"
            self.findings.add(block.finding("input-too-large", message))
            raise InputTooLargeError
        self._streams, self._names = streams, names

    def has_room_for(self, blocks: list[Block]) -> bool:
        """Whether the blocks can all be added, whatever their streams, TTLs and units."""
        names = sum(len(block.sums.names()) for block in blocks)
        return self._streams + len(blocks) <= MAX_STREAMS and self._names + names <= MAX_NAMES


def first_repeated(log: RequestLog) -> tuple[list[Repeated], int]:
    """The items whose request stands in an earlier one too: the first of them, and how many there are."""
    kept: list[tuple[int, Repeated]] = []
    total = 0
    for repeated in log.repeated():
        total += 1
        push = heappush if len(kept) < KEPT else heappushpop
        push(kept, (-repeated.item, repeated))
    return [repeated for _, repeated in sorted(kept, reverse=True)], total

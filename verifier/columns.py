"""Receipts of one stream at a time, fast: what `Segment.collect` does one by one, for many that are in perfect order.

The checks are those of verification step 9, made on whole columns: all sequences, all previous digests, all times. A stream that
is not in order is not judged here.
"""

from __future__ import annotations

from operator import le

from verifier.merkle import Range
from verifier.quick import (
    ATTRIBUTED,
    CACHE,
    CACHED,
    LOGICAL,
    OUTPUT,
    PREVIOUS,
    REASONING,
    REQUEST,
    SEQUENCE,
    TIME,
    WRITES,
    Row,
)  # fmt: skip
from verifier.segment import Run, Sums


class Column:
    """Receipts of one stream, in the order of the input, with their digests."""

    __slots__ = ("digests", "first_item", "last_item", "rows")

    def __init__(self, first_item: int) -> None:
        self.first_item = self.last_item = first_item
        self.rows: list[Row] = []
        self.digests: list[bytes] = []

    @property
    def first(self) -> int:
        """The first sequence."""
        return int(self.rows[0][SEQUENCE])

    @property
    def earliest(self) -> int:
        """The first time, in ms."""
        return int(self.rows[0][TIME])

    @property
    def latest(self) -> int:
        """The last time, in ms."""
        return int(self.rows[-1][TIME])

    def run(self, base: int) -> Run | None:
        """The receipts as a run, or None if they are not in perfect order. ``base``: the sequence of leaf 0."""
        rows, digests = self.rows, self.digests
        times = [row[TIME] for row in rows]
        if (
            self.first < base
            or [row[SEQUENCE] for row in rows] != list(range(self.first, self.first + len(rows)))
            or [row[PREVIOUS] for row in rows[1:]] != digests[:-1]
            or not all(map(le, times, times[1:]))
        ):
            return None
        tree = Range(self.first - base, self.first - base)
        tree.extend(digests)
        return Run(
            first=self.first,
            next=self.first + len(rows),
            before=rows[0][PREVIOUS],
            head=digests[-1],
            first_time=self.earliest,
            last_time=self.latest,
            first_item=self.first_item,
            first_request=rows[0][REQUEST].decode(),
            last_item=self.last_item,
            tree=tree,
        )

    def request_keys(self, prefix: bytes) -> list[bytes]:
        """What stands for the requests (`requests.request_key`)."""
        return [prefix + row[REQUEST] for row in self.rows]

    def sums(self) -> Sums:
        """The sums over the receipts, all of which state logical, cached and attributed tokens."""
        rows = self.rows
        sums = Sums(
            logical=sum([row[LOGICAL] for row in rows]),
            cached=sum([row[CACHED] for row in rows]),
            attributed=sum([row[ATTRIBUTED] for row in rows]),
            output=_sum_stated([row[OUTPUT] for row in rows]),
            reasoning=_sum_stated([row[REASONING] for row in rows]),
        )
        total: dict[int, int] = {}
        for row in rows:
            if row[WRITES]:
                for ttl, tokens in row[WRITES].items():
                    total[ttl] = total.get(ttl, 0) + tokens
        sums.writes = total
        return sums

    def cached(self) -> int:
        """How many receipts have cached tokens."""
        return sum([row[CACHED] > 0 for row in self.rows])

    def identifying(self) -> int:
        """How many have any cache identifier."""
        return sum([row[CACHE] is not None for row in self.rows])

    def identified(self) -> int:
        """How many identify the prefix that was read."""
        return sum([row[CACHE] is not None and row[CACHE][0] is not None for row in self.rows])


def _sum_stated(column: list[int | None]) -> int | None:
    """The sum of what is stated; None if nothing is."""
    stated = [tokens for tokens in column if tokens is not None]
    return sum(stated) if stated else None

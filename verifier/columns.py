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

    __slots__ = ("_fields", "digests", "first_item", "last_item", "rows")

    def __init__(self, first_item: int) -> None:
        self.first_item = self.last_item = first_item
        self.rows: list[Row] = []
        self.digests: list[bytes] = []
        self._fields: list[Row] = []

    def close(self) -> None:
        """All rows are here: turn them into one tuple a field, which most checks want."""
        self._fields = list(zip(*self.rows, strict=True))

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
        fields, digests, count = self._fields, self.digests, len(self.rows)
        times = fields[TIME]
        if (
            self.first < base
            or fields[SEQUENCE] != tuple(range(self.first, self.first + count))
            or list(fields[PREVIOUS][1:]) != digests[:-1]
            or not all(map(le, times, times[1:]))
        ):
            return None
        tree = Range(self.first - base, self.first - base)
        tree.extend(digests)
        return Run(
            first=self.first,
            next=self.first + count,
            before=fields[PREVIOUS][0],
            head=digests[-1],
            first_time=self.earliest,
            last_time=self.latest,
            first_item=self.first_item,
            first_request=fields[REQUEST][0].decode(),
            last_item=self.last_item,
            tree=tree,
        )

    def request_keys(self, prefix: bytes) -> list[bytes]:
        """What stands for the requests (`requests.request_key`)."""
        return [prefix + request for request in self._fields[REQUEST]]

    def sums(self) -> Sums:
        """The sums over the receipts, all of which state logical, cached and attributed tokens."""
        fields = self._fields
        sums = Sums(
            logical=sum(fields[LOGICAL]),
            cached=sum(fields[CACHED]),
            attributed=sum(fields[ATTRIBUTED]),
            output=_sum_stated(fields[OUTPUT]),
            reasoning=_sum_stated(fields[REASONING]),
        )
        total: dict[int, int] = {}
        for writes in fields[WRITES]:
            if writes:
                for ttl, tokens in writes.items():
                    total[ttl] = total.get(ttl, 0) + tokens
        sums.writes = total
        return sums

    def cached(self) -> int:
        """How many receipts have cached tokens."""
        return len(self.rows) - self._fields[CACHED].count(0)

    def identifying(self) -> int:
        """How many have any cache identifier."""
        return len(self.rows) - self._fields[CACHE].count(None)

    def identified(self) -> int:
        """How many identify the prefix that was read."""
        return sum([cache is not None and cache[0] is not None for cache in self._fields[CACHE]])


def _sum_stated(column: tuple[int | None, ...]) -> int | None:
    """The sum of what is stated; None if nothing is."""
    stated = [tokens for tokens in column if tokens is not None]
    return sum(stated) if stated else None

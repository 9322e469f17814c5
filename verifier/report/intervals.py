"""Which of a row of integers are there, like the milliseconds that are covered."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Intervals:
    """Half-open intervals of integers, kept sorted and apart."""

    def __init__(self) -> None:
        self._begins: list[int] = []
        self._ends: list[int] = []

    def add(self, begin: int, end: int) -> None:
        """Add an interval."""
        first = bisect_left(self._ends, begin)
        last = bisect_right(self._begins, end)
        touched = list(zip(self._begins[first:last], self._ends[first:last], strict=True))
        self._begins[first:last] = [min(begin, *(b for b, _ in touched))] if touched else [begin]
        self._ends[first:last] = [max(end, *(e for _, e in touched))] if touched else [end]

    def there(self) -> list[tuple[int, int]]:
        """Those that are there."""
        return list(zip(self._begins, self._ends, strict=True))

    def missing(self, begin: int, end: int) -> list[tuple[int, int]]:
        """The parts of an interval that are not there."""
        gaps, at = [], begin
        for there_begin, there_end in zip(self._begins, self._ends, strict=True):
            if at >= end:
                break
            if at < there_begin:
                gaps.append((at, min(there_begin, end)))
            at = max(at, there_end)
        return [*gaps, (at, end)] if at < end else gaps

"""Sums by slots of time, which grow wider as the time between the first and the last grows: there are never many."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from verifier.report.figures import Tally

MOST: Final = 62
"""Slots."""
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_STEPS: Final = (_MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR, _DAY, 7 * _DAY, 28 * _DAY)


class Slots:
    """The sums so far.

    Attributes:
        step: the width of a slot, in ms.
        slots: by number since 1970.
    """

    def __init__(self) -> None:
        self._steps = _widths()
        self.step = next(self._steps)
        self.slots: dict[int, Tally] = {}

    def at(self, time: int) -> Tally:
        """The sums of the slot of a time."""
        while (found := self.slots.get(time // self.step)) is None:
            number = time // self.step
            if max(number, *self.slots, number) - min(number, *self.slots, number) < MOST:
                found = self.slots[number] = Tally()
                break
            self._widen()
        return found

    def _widen(self) -> None:
        wider = next(self._steps)
        slots: dict[int, Tally] = {}
        for number, tally in self.slots.items():
            slots.setdefault(number * self.step // wider, Tally()).join(tally)
        self.step, self.slots = wider, slots

    def parts(self, times: array[int]) -> Iterator[tuple[int, int]]:
        """Where ascending times can be cut, so that each part is of one slot."""
        self.at(times[0]), self.at(times[-1])
        first, last = times[0] // self.step, times[-1] // self.step
        cuts = [bisect_left(times, number * self.step) for number in range(first + 1, last + 1)]
        yield from ((begin, end) for begin, end in pairwise([0, *cuts, len(times)]) if begin < end)


def _widths() -> Iterator[int]:
    yield from _STEPS
    width = _STEPS[-1]
    while True:
        width *= 2
        yield width

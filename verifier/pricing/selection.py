"""Which row of a rate card a request has: one, or none (spec/rate-card.md, Selection)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from verifier.format.card import PriceRow
from verifier.format.card_schema import MAX_DAY
from verifier.format.fields import ClaimsError
from verifier.pricing.usage import Usage

_DAY: Final = 86_400_000
_MINUTE: Final = 60_000
MAX_GROUP: Final = 128
"""Rows of one provider, model and terms."""
TIER: Final = "tier"
"""The term that is claim 13.4; it selects only where a row names it."""
_Group = tuple[str, str, frozenset[tuple[str, str]]]
"""Provider, a name of the model, terms."""


class Selection:
    """The rows of a card, by what they are for.

    Args:
        rows: in the order of the card.

    Raises:
        ClaimsError: two rows hold for one request, or the rows of a model leave a gap.
    """

    def __init__(self, rows: Iterable[PriceRow]) -> None:
        self._groups: dict[_Group, list[PriceRow]] = {}
        for row in rows:
            for name in row.names:
                group = (row.provider, name, frozenset(row.terms.items()))
                self._groups.setdefault(group, []).append(row)
        distinct = {tuple(row.number for row in held): held for held in self._groups.values()}
        for held in distinct.values():
            _check(held)

    def row(self, usage: Usage, logical: int) -> PriceRow | None:
        """The row for a request with so many input tokens; None: there is none."""
        day, rest = divmod(usage.time, _DAY)
        for group in _groups_of(usage):
            rows = [row for row in self._groups.get(group, ()) if row.holds_on(day)]
            if rows:
                return _selected(rows, day, rest // _MINUTE, logical)
        return None


def _groups_of(usage: Usage) -> Iterator[_Group]:
    """The rows that name the tier come first."""
    if usage.provider is None:
        return
    terms = frozenset(usage.terms.items())
    if usage.tier is not None and TIER not in usage.terms:
        yield usage.provider, usage.model, terms | {(TIER, usage.tier)}
    yield usage.provider, usage.model, terms


def _selected(rows: list[PriceRow], day: int, minute: int, logical: int) -> PriceRow | None:
    """Of rows that hold on a day: the highest ``above``, and there a window before none."""
    weekday = (day + 3) % 7 + 1  # 1970-01-01 was a Thursday, 4
    fitting = [
        row
        for row in rows
        if (row.above is None or row.above < logical) and _in_window(row, weekday, minute)
    ]
    return max(fitting, key=_rank, default=None)


def _rank(row: PriceRow) -> tuple[int, bool]:
    return (-1 if row.above is None else row.above), row.is_windowed


def _in_window(row: PriceRow, weekday: int, minute: int) -> bool:
    in_hours = row.hours is None or row.hours[0] <= minute < row.hours[1]
    return in_hours and weekday in weekdays(row)


def weekdays(row: PriceRow) -> frozenset[int]:
    """The weekdays that a row is for; the last one may be before the first one in the week."""
    if row.days is None:
        return _WEEK
    first, last = row.days
    return frozenset((first + i - 1) % 7 + 1 for i in range((last - first) % 7 + 1))


_WEEK: Final = frozenset(range(1, 8))


def _check(rows: list[PriceRow]) -> None:
    """No two rows of a group hold for one request, and one holds at every time between its first and its last day."""
    if len(rows) > MAX_GROUP:
        place = f"rows.{rows[MAX_GROUP].number}"
        raise ClaimsError(place, f"{MAX_GROUP} rows of one model and its terms", len(rows))
    ranks: dict[tuple[int, bool], list[PriceRow]] = {}
    for row in rows:
        ranks.setdefault(_rank(row), []).append(row)
    for equal in ranks.values():
        equal.sort(key=_start)
        for i, row in enumerate(equal):
            for other in equal[i + 1 :]:
                if _start(other) >= _end(row):
                    break
                if _meet(row, other):
                    earlier, later = sorted((row.number, other.number))
                    expected = f"another time or size than row {earlier}"
                    raise ClaimsError(f"rows.{later}", expected, "the same")
    _check_gaps(rows, ranks.get((-1, False), []))


def _meet(one: PriceRow, two: PriceRow) -> bool:
    """Whether both hold at some time."""
    begin = max(one.start or 0, two.start or 0)
    end = min(_end(one), _end(two))
    if begin >= end:
        return False
    if one.hours and two.hours and (one.hours[1] <= two.hours[0] or two.hours[1] <= one.hours[0]):
        return False
    days = weekdays(one) & weekdays(two)
    if end - begin < len(_WEEK):
        days &= {(day + 3) % 7 + 1 for day in range(begin, end)}
    return bool(days)


def _check_gaps(rows: list[PriceRow], always: list[PriceRow]) -> None:
    """The rows for every size, weekday and hour follow each other, and no other row holds before or after them."""
    row = rows[0]
    if not always:
        expected = "a row of this model and its terms without above, days and hours"
        raise ClaimsError(f"rows.{row.number}", expected, None)
    inner = sorted(always, key=_start)
    for before, after in pairwise(inner):
        if before.end != after.start:
            raise ClaimsError(f"rows.{after.number}.from", f"day {before.end}, where row {before.number} ends", after.start)  # fmt: skip
    first, last = inner[0], inner[-1]
    for row in rows:
        if _start(row) < _start(first):
            raise ClaimsError(f"rows.{row.number}.from", f"day {first.start}, where row {first.number} begins, or later", row.start)  # fmt: skip
        if last.end is not None and (row.end is None or row.end > last.end):
            raise ClaimsError(f"rows.{row.number}.until", f"day {last.end}, where row {last.number} ends, or earlier", row.end)  # fmt: skip


def _end(row: PriceRow) -> int:
    return MAX_DAY if row.end is None else row.end


def _start(row: PriceRow) -> int:
    return -1 if row.start is None else row.start

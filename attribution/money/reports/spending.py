"""Spend by day: days that cost much more than those before, and the week that rose most."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from attribution.money.amounts import money
from attribution.money.ledger.ledger import Ledger
from attribution.money.reports.spike import Span

_DAYS: Final = """
SELECT day, sum(amount) FROM receipts GROUP BY day ORDER BY day
"""
_WEEK: Final = 7


def spend_by_day(ledger: Ledger) -> dict[date, int]:
    """Picounits of each day that has requests."""
    return dict(ledger.ask(_DAYS))


def spike_days(spent: dict[date, int], first: date, end: date) -> list[dict[str, Any]]:
    """Days that cost more than 1.3 times the mean of the seven calendar days before.

    Args:
        spent: by day.
        first: of the period.
        end: the day after its last one.
    """
    found = []
    day = first + timedelta(_WEEK)
    while day < end:
        before = sum(spent.get(day - timedelta(back), 0) for back in range(1, _WEEK + 1))
        if 10 * _WEEK * spent.get(day, 0) > 13 * before:
            found.append({"day": str(day), "spend": money(spent.get(day, 0))})
        day += timedelta(1)
    return found


def risen_most(spent: dict[date, int], first: date, end: date) -> tuple[Span, Span] | None:
    """The calendar week (from Monday, whole in the period) that rose most over the one before; None: there are no two weeks.

    Args:
        spent: by day.
        first: of the period.
        end: the day after its last one.
    """
    monday = first + timedelta(-first.weekday() % _WEEK)
    found: list[tuple[int, date]] = []
    while monday + timedelta(2 * _WEEK) <= end:
        second = monday + timedelta(_WEEK)
        rise = _spend(spent, second) - _spend(spent, monday)
        found.append((rise, monday))
        monday = second
    if not found:
        return None
    start = max(found, key=lambda one: one[0])[1]
    middle, stop = start + timedelta(_WEEK), start + timedelta(2 * _WEEK)
    return (start, middle), (middle, stop)


def _spend(spent: dict[date, int], monday: date) -> int:
    return sum(spent.get(monday + timedelta(day), 0) for day in range(_WEEK))

"""Days and times of day as a person writes them: dates, ``mon-fri``, ``01:00-04:00``."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

_EPOCH: Final = date(1970, 1, 1)
_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS: Final = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")


def read_day(text: str) -> int | None:
    """``2026-10-16`` in days since 1970-01-01; None: it is none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return (day - _EPOCH).days if day.isoformat() == text and day >= _EPOCH else None


def show_day(day: int | None) -> str:
    """A day in words; None: no bound."""
    return "no bound" if day is None else (_EPOCH + timedelta(days=day)).isoformat()


def read_weekdays(text: str) -> tuple[int, int] | None:
    """``mon-fri`` or ``sat``: first and last, 1 is Monday; None: it is none."""
    first, _, last = text.partition("-")
    last = last if "-" in text else first
    if first not in _WEEK or last not in _WEEK:
        return None
    return _WEEK.index(first) + 1, _WEEK.index(last) + 1


def show_weekdays(days: tuple[int, int]) -> str:
    """``mon-fri``."""
    first, last = (_WEEK[day - 1] for day in days)
    return first if first == last else f"{first}-{last}"


def read_hours(text: str) -> tuple[int, int] | None:
    """``01:00-04:00`` in minutes of the day, at most to ``24:00``; None: it is none."""
    match = _HOURS.fullmatch(text)
    if match is None:
        return None
    h1, m1, h2, m2 = map(int, match.groups())
    begin, end = 60 * h1 + m1, 60 * h2 + m2
    return (begin, end) if max(m1, m2) < 60 and begin < end <= 1440 else None


def show_hours(hours: tuple[int, int]) -> str:
    """``01:00-04:00``."""
    begin, end = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in hours)
    return f"{begin}-{end}"

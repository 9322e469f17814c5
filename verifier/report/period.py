"""Periods as people write them: a month, a day, or start/end. All in UTC, the end exclusive."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BEGINS = re.compile(r"\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}", re.ASCII)
_EXPECTED = "a month (2026-11), a day (2026-11-22) or start/end (2026-11-01/2026-12-01)"
_LAST = 253402300800000


class PeriodError(ValueError):
    """A text does not name a period."""


def parse(text: str) -> tuple[int, int]:
    """``2026-11``, ``2026-11-22``, or ``start/end`` with days or RFC 3339 times, as (start, end) in ms.

    Raises:
        PeriodError: the text is not of these forms, or the end is not after the start.
    """
    start_text, slash, end_text = text.partition("/")
    if slash:
        start, end = _between(text, start_text, end_text)
    elif match := _MONTH.fullmatch(text):
        year, month = int(match[1]), int(match[2])
        start = _milliseconds(_day(text, year, month, 1))
        end = (
            _LAST
            if (year, month) == (9999, 12)
            else _milliseconds(_day(text, year + month // 12, month % 12 + 1, 1))
        )
    elif _DAY.fullmatch(text):
        start = instant(text)
        end = start + 86_400_000
    else:
        raise PeriodError(f"{text!r} is not {_EXPECTED}")
    if end <= start:
        raise PeriodError(f"{text!r}: the end is not after the start")
    return start, end


def _between(text: str, start: str, end: str) -> tuple[int, int]:
    for part in (start, end):
        if not _BEGINS.match(part):
            raise PeriodError(f"{text!r} is not {_EXPECTED}: {part!r} is not a day or a time")
    return instant(start), instant(end)


def instant(text: str) -> int:
    """A day (its first moment) or an RFC 3339 time with its offset, as ms since 1970.

    Raises:
        PeriodError: it is neither, or before 1970, or finer than a ms.
    """
    try:
        if _DAY.fullmatch(text):
            moment = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        else:
            moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise PeriodError(f"{text!r} is not a day or a time: {error}") from None
    if moment.tzinfo is None:
        raise PeriodError(f"{text!r} has no time zone; write it with Z or an offset")
    if moment < _EPOCH or moment.microsecond % 1000:
        raise PeriodError(f"{text!r} is before 1970 or not in whole milliseconds")
    return _milliseconds(moment)


def show_instant(ms: int) -> str:
    """A time in ms as RFC 3339 text; only the day, if it is midnight."""
    if ms >= _LAST:
        return "10000-01-01"
    moment = _EPOCH + timedelta(milliseconds=ms)
    if ms % 86_400_000 == 0:
        return moment.date().isoformat()
    precision = "milliseconds" if ms % 1000 else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def show(start: int, end: int) -> str:
    """A period in the shortest of the forms that `parse` reads."""
    for length in (7, 10):
        text = show_instant(start)[:length]
        try:
            if parse(text) == (start, end):
                return text
        except PeriodError:
            continue
    return f"{show_instant(start)}/{show_instant(end)}"


def reaches_out(start: int, end: int, period: tuple[int, int]) -> bool:
    """Whether times in ms begin before a period and go on in it, or begin in it and go on behind it."""
    return start < period[0] < end or start < period[1] < end


def _day(text: str, year: int, month: int, day: int) -> datetime:
    if year < 1970:
        raise PeriodError(f"{text!r} is before 1970")
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError as error:
        raise PeriodError(f"{text!r}: {error}") from None


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)

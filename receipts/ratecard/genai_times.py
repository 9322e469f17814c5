"""When a price of genai-prices holds: its list of conditions, the last active one winning, as dates and hours that do not overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

_EPOCH = date(1970, 1, 1)


class When(NamedTuple):
    """Days since 1970-01-01 and minutes of the day in which one price holds; None: no bound."""

    start: int | None
    end: int | None
    hours: tuple[int, int] | None


def times(entries: Sequence[Any], more_days: Sequence[int], at: int | None) -> Iterator[tuple[When, Any, bool]]:  # fmt: skip
    """The times of entries, each with its prices, and whether another one is in its way.

    Args:
        entries: with a ``constraint`` and ``prices``.
        more_days: days on which something else begins.
        at: the day that is asked for; None: all.
    """
    days = sorted({*more_days, *(day for entry in entries if (day := start_of(entry)) is not None)})
    starts: list[int | None] = [None, *days]
    for start, end in zip(starts, [*days, None], strict=True):
        inside = (start is None or at is None or start <= at) and (end is None or at is None or at < end)  # fmt: skip
        if not inside:
            continue
        active = [entry for entry in entries if _hours(entry) or _is_active(entry, start)]
        always = [place for place, entry in enumerate(active) if not _hours(entry)]
        shown = (None, None) if at is not None else (start, end)
        last = always[-1] if always else -1
        yield When(*shown, None), (active[last] if always else entries[0]).prices, False
        taken: list[tuple[int, int]] = []
        for entry in reversed(active[last + 1 :]):
            for hours in _hours(entry):
                meets = any(hours[0] < other[1] and other[0] < hours[1] for other in taken)
                taken.append(hours)
                yield When(*shown, hours), entry.prices, meets


def start_of(entry: Any) -> int | None:
    """The day on which an entry begins to hold; None: it always did, or holds by the hour."""
    start: date | None = getattr(entry.constraint, "start_date", None)
    return None if start is None else (start - _EPOCH).days


def _is_active(entry: Any, day: int | None) -> bool:
    start = start_of(entry)
    return start is None or (day is not None and start <= day)


def _hours(entry: Any) -> list[tuple[int, int]]:
    """The hours of an entry in minutes of the day (UTC); over midnight there are two."""
    first: time | None = getattr(entry.constraint, "start_time", None)
    if first is None:
        return []
    begin, end = _minute(first), _minute(entry.constraint.end_time)
    if begin < end:
        return [(begin, end)]
    return [hours for hours in ((begin, 1440), (0, end)) if hours[0] < hours[1]]


def _minute(moment: time) -> int:
    if moment.tzinfo is not None:
        moment = datetime.combine(_EPOCH, moment).astimezone(UTC).time()
    return 60 * moment.hour + moment.minute

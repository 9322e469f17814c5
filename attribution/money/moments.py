"""Times as text."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant(ms: int) -> str:
    """A time in ms as RFC 3339 text, to the second; finer where it is not whole seconds."""
    precision = "milliseconds" if ms % 1000 else "seconds"
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def day_of(ms: int) -> date:
    """The UTC day of a time in ms."""
    return (_EPOCH + timedelta(milliseconds=ms)).date()

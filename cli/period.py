"""Moments, as people write them in options and usage files."""

from __future__ import annotations

from typing import Final

from verifier import parse_period

_END: Final = "9999-12-31T23:59:59.999Z"


def moment(text: str) -> int:
    """A day (its first moment) or an RFC 3339 time with its offset, as ms since 1970: where a period that begins then starts.

    Raises:
        PeriodError: it is neither, or before 1970, or finer than a ms.
    """
    return parse_period(f"{text}/{_END}")[0]

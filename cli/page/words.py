"""Numbers, money and times of a report as a reader sees them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from verifier import show_instant, show_period

_DIGITS: Final = 12
_PICOUNITS: Final = 10**_DIGITS
DASH: Final = "\u2013"
NONE: Final = "\u2014"
"""Where there is nothing, or nothing is known."""


def number(count: int | str) -> str:
    """A count with commas; one that is text is beyond what JSON holds."""
    return f"{int(count):,}"


def amount(picounits: str) -> str:
    """An amount as a decimal number: exact, with two digits at least."""
    value = int(picounits)
    whole, rest = divmod(abs(value), _PICOUNITS)
    digits = f"{rest:0{_DIGITS}d}".rstrip("0").ljust(2, "0")
    return f"{'-' if value < 0 else ''}{whole:,}.{digits}"


def money(sums: dict[str, Any]) -> str:
    """An amount with its currency, or between which ones it is."""
    lower, upper = amount(sums["lower"]), amount(sums["upper"])
    both = lower if lower == upper else f"{lower} to {upper}"
    return f"{both} {sums['currency']}"


def moneys(sums: Iterable[dict[str, Any]]) -> str | None:
    """Amounts of several currencies; None: there are none."""
    return " + ".join(map(money, sums)) or None


def instant(ms: int | str) -> str:
    """A time."""
    return show_instant(int(ms))


def period(start_end: dict[str, Any]) -> str:
    """A period."""
    return show_period(int(start_end["start"]), int(start_end["end"]))


def rate(part: int, whole: int) -> str:
    """A part of a whole in per cent, with one digit; cut, not rounded, so that not all is never 100.0 %."""
    if not whole:
        return NONE
    tenths = 1000 * part // whole
    return f"{tenths // 10}.{tenths % 10} %"


def plural(count: int | str, noun: str) -> str:
    """A count and its noun."""
    return f"{number(count)} {noun}{'' if int(count) == 1 else 's'}"

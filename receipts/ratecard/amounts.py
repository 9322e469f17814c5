"""Quoted prices as fractions of picounits, exactly: "3.00" for a million tokens is 3,000,000 for one."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from receipts.limits import MAX_UINT
from receipts.ratecard.card import Rate

TOKENS: Final = 1_000_000
"""A price of tokens is for so many."""
_HOUR_MS: Final = 3_600_000
_QUOTED: Final = {
    "input.characters": 1_000_000,
    "input.pixels": 1_000_000,
    "input.messages": 1,
    "input.images": 1_000,
    "output.images": 1_000,
    "output.video_ms": _HOUR_MS,
    "container.seconds": 3_600,
    "storage.token_seconds": 3_600_000_000,
}
_QUOTED_BY_KIND: Final = {"requests": 1_000, "pages": 1_000, "audio": _HOUR_MS}
_PICOUNITS: Final = 10**12
_MOST_DIGITS: Final = 18
"""Behind a picounit."""
_DECIMAL: Final = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,30}))?")


def quoted(unit: str) -> int:
    """For how many of a unit its price is, unless the source says it (spec/rate-card.md, Source form)."""
    if "/" in unit:
        return 1
    return _QUOTED.get(unit) or _QUOTED_BY_KIND[unit.partition(".")[0]]


def read_rate(text: str, quantity: int) -> Rate | None:
    """A decimal number for a quantity, in lowest terms; None: it is none, or too large."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    price = Fraction(int(match[1] + (match[2] or "")), 10 ** len(match[2] or ""))
    found = price * _PICOUNITS / quantity
    rate = Rate(found.numerator, found.denominator)
    return rate if max(rate.rate, rate.per) <= MAX_UINT else None


def show_rate(rate: Rate, quantity: int) -> str | None:
    """The decimal number for a quantity; None: it has no end."""
    amount = Fraction(rate.rate, rate.per) * quantity
    digits = 0
    while 10**digits % amount.denominator:
        digits += 1
        if digits > _MOST_DIGITS:
            return None
    return decimal(amount.numerator * (10**digits // amount.denominator), digits + 12)


def decimal(value: int, digits: int) -> str:
    """An integer with so many of its digits behind the point, at least two of them shown."""
    whole, rest = divmod(value, 10**digits)
    return f"{whole}." + f"{rest:0{digits}d}".rstrip("0").ljust(2, "0")

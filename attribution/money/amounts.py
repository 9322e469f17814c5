"""Exact arithmetic with money: integers in picounits (1e-12 of a currency), and nothing is rounded without saying how."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

PICO: Final = 10**12
"""Picounits of one unit of a currency."""
_PLACES: Final = 12
_LONGEST: Final = 40


def half_up(number: Fraction) -> int:
    """The nearest integer, ties up (spec/attribution.md, Numbers)."""
    return (2 * number.numerator + number.denominator) // (2 * number.denominator)


def money(amount: int) -> str:
    """Picounits as decimal text with 12 places."""
    return places(amount, _PLACES)


def places(number: int, count: int) -> str:
    """An integer with its last ``count`` digits behind the point."""
    whole, rest = divmod(abs(number), 10**count)
    return f"{'-' if number < 0 else ''}{whole}.{rest:0{count}d}"


def rounded(number: Fraction, count: int) -> str:
    """A fraction with ``count`` decimals, half up."""
    return places(half_up(number * 10**count), count)


def ratio(part: int, whole: int, count: int = 6) -> str | None:
    """A ratio with ``count`` decimals, half up; None where the divisor is 0."""
    return None if whole == 0 else rounded(Fraction(part, whole), count)


def exact(text: str) -> Fraction | None:
    """A plain decimal text as a fraction; None: it is none."""
    if len(text) > _LONGEST or not text.isascii() or set(text) - set("-.0123456789"):
        return None
    try:
        return Fraction(Decimal(text))
    except InvalidOperation:
        return None


def picounits(text: str) -> int | None:
    """A decimal text in units of the currency, as picounits; None: it is no decimal text, or finer than a picounit."""
    number = exact(text)
    if number is None or (number * PICO).denominator != 1:
        return None
    return (number * PICO).numerator


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Largest remainder: ``total`` in shares by weight that sum to it exactly; ties go to the earlier one.

    Args:
        total: in picounits (or cents); negative totals are split as positive ones, and negated.
        weights: none is negative; one at least is not 0, if the total is not 0.

    Raises:
        ZeroDivisionError: there is something to split, and no weight.
    """
    if total < 0:
        return [-share for share in split(-total, weights)]
    if total == 0:
        return [0] * len(weights)
    whole = sum(weights)
    shares, rests = [], []
    for place, weight in enumerate(weights):
        share, rest = divmod(total * weight, whole)
        shares.append(share)
        rests.append((-rest, place))
    for _, place in sorted(rests)[: total - sum(shares)]:
        shares[place] += 1
    return shares

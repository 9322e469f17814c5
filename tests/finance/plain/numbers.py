"""Rounding, splitting, keys, texts."""

from collections import defaultdict
from fractions import Fraction
from math import floor

PICO = 10**12
DAY = 86_400_000


def half_up(number):
    return floor(Fraction(number) + Fraction(1, 2))


def remainders(total, weights):
    """Largest remainder, over weights in the order of their keys."""
    if total < 0:
        return {key: -share for key, share in remainders(-total, weights).items()}
    whole = sum(weights.values())
    exact = {key: Fraction(total * weight, whole) for key, weight in weights.items()}
    shares = {key: floor(one) for key, one in exact.items()}
    by_remainder = sorted(exact, key=lambda key: shares[key] - exact[key])  # ties stay in order
    for key in by_remainder[: total - sum(shares.values())]:
        shares[key] += 1
    return shares


def none_first(key):
    """A key, or a tuple of them, in the order that none comes before all."""
    parts = key if isinstance(key, tuple) else (key,)
    return [(part is not None, "" if part is None else part) for part in parts]


def in_order(mapping):
    return {key: mapping[key] for key in sorted(mapping, key=none_first)}


def summed(pairs):
    found = defaultdict(int)
    for key, amount in pairs:
        found[key] += amount
    return in_order(found)


def money(amount):
    sign, digits = "-" if amount < 0 else "", f"{abs(amount):013}"
    return f"{sign}{digits[:-12]}.{digits[-12:]}"


def ratio(part, whole, decimals=6):
    if not whole:
        return None
    number = half_up(Fraction(part) / whole * 10**decimals)
    digits = f"{abs(number):0{decimals + 1}}"
    return f"{'-' if number < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"

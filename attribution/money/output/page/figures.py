"""The figures of a document, as a page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from attribution.money.amounts import PICO, half_up, places

_FINE: Final = 6
_COARSE: Final = 2
_MUCH: Final = 10 * PICO
"""From this invoice on, cents are fine enough."""


def picounits_of(amount: str) -> int:
    """An amount of a document, which has 12 places."""
    return int(amount.replace(".", ""))


class Figures:
    """A document, and how its amounts are shown: with 2 decimals, or 6 where there is little money; half up."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.currency: str = document["currency"]
        invoice = picounits_of(document["totals"]["invoice"])
        self._decimals = _COARSE if invoice >= _MUCH else _FINE

    def amount(self, text: str) -> str:
        """An amount for a table."""
        return self.of(picounits_of(text))

    def fine(self, text: str) -> str:
        """An amount of a single request: with 6 decimals, whatever the others have."""
        return _grouped(half_up(Fraction(picounits_of(text), 10**_FINE)), _FINE)

    def of(self, picounits: int) -> str:
        """Picounits for a table."""
        rounded = half_up(Fraction(picounits, 10 ** (12 - self._decimals)))
        return _grouped(rounded, self._decimals)

    def with_currency(self, picounits: int) -> str:
        """Picounits for a sentence."""
        return f"{self.of(picounits)} {self.currency}"


def _grouped(number: int, decimals: int) -> str:
    """An integer with its last digits behind the point, and commas before it."""
    whole, _, rest = places(abs(number), decimals).partition(".")
    return f"{'-' if number < 0 else ''}{int(whole):,}.{rest}"


def percent(share: Fraction | None) -> str:
    """A share as percent with one decimal."""
    return "-" if share is None else f"{places(half_up(share * 1000), 1)}%"


def share_of(part: int, whole: int) -> Fraction | None:
    """None, where there is nothing to have a share of."""
    return None if whole == 0 else Fraction(part, whole)

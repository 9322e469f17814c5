"""One line of a price, and why there may be none."""

from __future__ import annotations

from typing import Final, NamedTuple

from verifier.format.claims import CACHE_READ, CACHE_WRITE, OUTPUT, UNCACHED

_NAMES: Final = {UNCACHED: "uncached", CACHE_READ: "cached", OUTPUT: "output"}


class PricedLine(NamedTuple):
    """``quantity`` of a class at ``rate`` picounits for ``per`` of them, as a charge line has it.

    Attributes:
        kind: the class, 0 to 4.
        ttl: in s, of cache writes only.
        quantity: tokens, or of class 4 what the unit counts.
        rate: picounits for ``per`` of them.
        unit: what of the class is priced apart.
        per: for how many the rate is.
        model: whose tokens they are, where several models made the response.
    """

    kind: int
    ttl: int | None
    quantity: int
    rate: int
    unit: str | None = None
    per: int = 1
    model: str | None = None

    @property
    def amount(self) -> int:
        """In picounits: quantity * rate / per, rounded half up."""
        return (2 * self.quantity * self.rate + self.per) // (2 * self.per)

    @property
    def name(self) -> str:
        """What the line is for: ``uncached``, ``cached``, ``write.300``, ``output``, or the part or unit by its name."""
        if self.unit is not None:
            return self.unit
        return f"write.{self.ttl}" if self.kind == CACHE_WRITE else _NAMES[self.kind]


class UnpricedError(ValueError):
    """A rate card has no price for a request.

    Attributes:
        field: of the receipt, what has none.
        expected: what the card would have to have, or the receipt to state.
        actual: what is there.
    """

    def __init__(self, field: str, expected: str, actual: str) -> None:
        super().__init__(f"{field}: expected {expected}, found {actual}")
        self.field, self.expected, self.actual = field, expected, actual

"""What a request costs, as attribution needs it. Who prices is exchangeable: anything that has `Pricer.price`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from attribution.money.rows import Row


class PriceError(ValueError):
    """A request that the card does not price: no row for it, or no rate for something that it used."""


class Line(NamedTuple):
    """A class of a request by its name (uncached, cached, write.300, output, a part or a unit): quantity, and picounits."""

    name: str
    quantity: int
    amount: int


class TextRates(NamedTuple):
    """Picounits a token of plain text in one row of the card; ``writes`` by TTL in s."""

    uncached: int
    cached: int
    writes: Mapping[int, int]
    output: int


class Price(NamedTuple):
    """A request under a card, in picounits (spec/attribution.md, Price of a request).

    Attributes:
        lines: what it costs, by class.
        rates: of the card's row.
        full_input: what its input costs if there were no cache.
        saving: what cached tokens cost less than plain ones.
        premium: what written tokens cost more than plain ones.
        uncertain: how much less it may be, where the receipt leaves that open.
    """

    lines: tuple[Line, ...]
    rates: TextRates
    full_input: int
    saving: int
    premium: int
    uncertain: int

    @property
    def amount(self) -> int:
        """The actual price."""
        return sum(line.amount for line in self.lines)

    @property
    def input_cost(self) -> int:
        """What the input lines cost."""
        return sum(line.amount for line in self.lines if is_input(line.name))

    @property
    def storage(self) -> int:
        """What the storage of a cache costs."""
        return sum(line.amount for line in self.lines if line.name == STORAGE)


class Pricer(Protocol):
    """Prices requests."""

    def price(self, row: Row) -> Price:
        """The price of a request.

        Raises:
            PriceError: the card does not price it.
        """

    def rates(self, row: Row) -> TextRates:
        """The rates of plain text for a request.

        Raises:
            PriceError: the card has no row for it.
        """


STORAGE = "storage.token_seconds"
_INPUT_PARTS = frozenset(
    f"{side}.{kind}" for side in ("input", "cached") for kind in ("audio", "image", "video")
)


def is_input(name: str) -> bool:
    """Whether a line is one of the input: uncached, cached, written, or a part of them. Units beside are not, whatever they are called."""
    return name in ("uncached", "cached") or name.startswith("write.") or name in _INPUT_PARTS


def priced(rows: Iterator[Row], pricer: Pricer) -> Iterator[tuple[Row, Price]]:
    """Each request with its price, whose identity holds: full price - actual price = saving - premium - storage.

    Raises:
        PriceError: the card does not price one, or the identity does not hold.
    """
    for row in rows:
        price = pricer.price(row)
        gained = price.saving - price.premium
        if price.full_input - price.input_cost != gained:
            raise PriceError(
                f"request {row.request}: full price less actual price is not saving less premium"
            )
        yield row, price

"""What requests cost: each is priced by the card (spec/rate-card.md), and its identity is checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from attribution.money.amounts import PICO
from attribution.money.rows import Row
from verifier import Price, PricedLine, PriceRow, RateCard, UnpricedError, price

CACHE_READ, CACHE_WRITE, OUTPUT, BESIDE = 1, 2, 3, 4
"""Classes of lines (spec/receipt.md, claim 14)."""
_INPUT: Final = range(OUTPUT)
"""Those that are input: uncached, cached, written."""
_MOST: Final = 10**27
"""Picounits."""
_LAST_MS: Final = 253_402_300_800_000
"""The year 10000, in ms since 1970."""


class PriceError(ValueError):
    """The card does not price a request: it has no row for it, or no rate for something that it used."""

    def __init__(self, request: str, what: str) -> None:
        super().__init__(f"request {request}: {what}")


def priced(rows: Iterable[Row], card: RateCard) -> Iterator[tuple[Row, Price]]:
    """Each request with its price, for which full price - actual price = saving - premium - storage.

    Raises:
        PriceError: the card does not price one, or the identity does not hold.
    """
    for row in rows:
        found = price_of(row, card)
        gained = found.read_saving - found.write_premium - found.storage
        if found.full - found.amount != gained:
            raise PriceError(
                row.request, f"saved {gained}, but the prices are {found.full - found.amount} apart"
            )
        _check_size(row, found)
        yield row, found


def _check_size(row: Row, found: Price) -> None:
    """Sums of what is smaller fit into the 38 digits of the tables, and its day is a day.

    Raises:
        PriceError: it is not.
    """
    if (
        max(found.amount, found.full, row.usage.counts.logical * abs(saving_rate(found.row)))
        >= _MOST
    ):
        raise PriceError(row.request, f"an amount of {_MOST // PICO} or more")
    if row.usage.time >= _LAST_MS:
        raise PriceError(row.request, "a time after the year 9999")


def price_of(row: Row, card: RateCard) -> Price:
    """The price of a request.

    Raises:
        PriceError: the card does not price it.
    """
    try:
        return price(card, row.usage)
    except UnpricedError as error:
        raise PriceError(row.request, str(error)) from None


def input_cost(lines: Iterable[PricedLine]) -> int:
    """What the input lines cost: uncached, cached, written, and parts of them."""
    return sum(line.amount for line in lines if is_input(line))


def is_input(line: PricedLine) -> bool:
    """Whether a line is one of the input."""
    return line.kind in _INPUT


def saving_rate(row: PriceRow) -> int:
    """How much less a cached token of plain text costs than a computed one; 0 where the row does not have both."""
    return 0 if row.input is None or row.cached is None else row.input - row.cached


def premium_rate(row: PriceRow, ttl: int) -> int:
    """How much more a token of plain text costs that is written for ``ttl`` s; where the row has no such rate, at most."""
    base = row.input or 0
    return row.writes.get(ttl, max(row.writes.values(), default=base)) - base

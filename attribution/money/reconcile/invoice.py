"""What an invoice says, whatever export it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from attribution.money.amounts import PICO

_DECIMAL: Final = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLACES: Final = 12
"""Decimals of a picounit."""
_SIGNIFICANT: Final = 12
"""Digits that a sum of doubles has: one holds 15, and each addition may cost some of them."""
_TAX: Final = "tax"
Place = tuple[int, int]
"""Line and column, from 1."""


class InvoiceError(ValueError):
    """An export cannot be used: where, what had to be there, and what is."""

    def __init__(self, file: str, place: Place, field: str, expected: str, found: str) -> None:
        self.file, (self.line, self.column) = file, place
        self.field, self.expected, self.found = field, expected, found
        where = f"{file}, line {self.line}, column {self.column}"
        super().__init__(f"{where}: {field}: expected {expected}, found {found}")


class Key(NamedTuple):
    """What is compared: a line of the price (spec/attribution.md, What a request costs) of a model (provider/model) on a UTC day."""

    day: date
    model: str
    line: str


class Amount(NamedTuple):
    """An amount as an export writes it.

    Attributes:
        value: in picounits, exactly.
        decimals: how many it has, in units of the currency.
    """

    value: Fraction
    decimals: int


@dataclass(frozen=True, slots=True)
class Billed:
    """The rows of one key, summed. None: the export does not state it.

    Attributes:
        quantity: tokens, or whatever the line counts.
        amount: in picounits.
        rows: how many that say something; each is rounded by itself.
    """

    quantity: int | None = None
    amount: Fraction | None = None
    rows: int = 0

    def plus(self, other: Billed) -> Billed:
        """Both together; what one of them does not state, both do not."""
        return Billed(
            None if None in (self.quantity, other.quantity) else (self.quantity or 0) + (other.quantity or 0),
            None if None in (self.amount, other.amount) else (self.amount or 0) + (other.amount or Fraction(0)),
            self.rows + other.rows,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Naming:
    """How an export calls things, where it is not as receipts do.

    Attributes:
        columns: its names of columns, by ours (plain CSV).
        models: provider/model, by its names.
        classes: lines, by its names.
        items: provider/model and line, by a text that names both.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Other(NamedTuple):
    """A charge that is not for usage, and why that is legitimate: a tax, a credit."""

    day: date
    text: str
    cause: str
    amount: Fraction


@dataclass(slots=True)
class Invoice:
    """All files of an export.

    Attributes:
        lines: by key.
        others: charges that are not for usage.
        unread: what could not be compared, in words; it makes the verdict incomplete.
        ignored: columns and members that are not read, in the order in which they were met.
        decimals: of the finest amount.
        pages: of each whether more follow.
        binary: whether amounts are sums of doubles.
    """

    binary: bool = False
    lines: dict[Key, Billed] = field(default_factory=dict)
    others: list[Other] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, None] = field(default_factory=dict)
    currencies: dict[str, None] = field(default_factory=dict)
    decimals: int = 0
    pages: list[bool] = field(default_factory=list)
    _whole: int = 1

    def add(self, key: Key, quantity: int | None, amount: Amount | None) -> None:
        """A row of the export."""
        value = None if amount is None else self.seen(amount)
        row = Billed(quantity, value, 1 if quantity or value else 0)
        self.lines[key] = self.lines[key].plus(row) if key in self.lines else row

    def seen(self, amount: Amount) -> Fraction:
        """The value of an amount, whose decimals count from now on."""
        self.decimals = max(self.decimals, amount.decimals)
        self._whole = max(self._whole, len(str(abs(amount.value) // PICO)))
        return amount.value

    def charge(self, day: date, text: str, cause: str, amount: Amount) -> None:
        """A row that is not for usage. Nobody has to accept a fee because it is called one: only a tax, or less to pay, explains itself."""
        value = self.seen(amount)
        if value > 0 and cause.lower() != _TAX:
            self.skip(f"{cause}: {text}")
        else:
            self.others.append(Other(day, text, cause, value))

    def skip(self, what: str) -> None:
        """A row that cannot be compared."""
        self.unread[what] = self.unread.get(what, 0) + 1

    def ignore(self, names: list[str]) -> None:
        """Columns or members that are not read."""
        self.ignored |= dict.fromkeys(names)

    def end(self) -> None:
        """All files are read."""
        if self.pages and all(self.pages):
            self.skip("pages of the export after the last one that is here")

    def keep(self, first: date, end: date) -> int:
        """Leave out what is not of these days, ``end`` exclusive; how many lines and charges that were."""
        before = len(self.lines) + len(self.others)
        self.lines = {key: one for key, one in self.lines.items() if first <= key.day < end}
        self.others = [one for one in self.others if first <= one.day < end]
        return before - len(self.lines) - len(self.others)

    @property
    def tolerance(self) -> Fraction:
        """Half of the last decimal, in picounits."""
        decimals = min(self.decimals, _PLACES)
        if self.binary:
            decimals = min(decimals, max(0, _SIGNIFICANT - self._whole))
        return Fraction(PICO, 2 * 10**decimals)


def amount_of(text: str, per: int = 1) -> Amount | None:
    """A decimal text as an amount; None: it is none.

    Args:
        text: as the export writes it.
        per: how many of its units are one of the currency, a power of ten (cents: 100).
    """
    if not _DECIMAL.fullmatch(text):
        return None
    exponent = Decimal(text).as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) else 0
    return Amount(Fraction(text) * PICO / per, max(0, decimals + len(str(per)) - 1))


def count_of(text: str, unit: int = 1) -> int | None:
    """A quantity, which is whole in single units (``12.345`` thousands are); None: it is none."""
    if not _DECIMAL.fullmatch(text):
        return None
    found = Fraction(text) * unit
    return found.numerator if found.denominator == 1 else None


def day_of(text: str) -> date | None:
    """The day of an ISO date, or of a time in UTC; None: it is none."""
    day, rest = text[:10], text[10:]
    if not _DAY.fullmatch(day) or not re.fullmatch(
        r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|\+00:?00| UTC)?)?", rest
    ):
        return None
    try:
        return date.fromisoformat(day)
    except ValueError:
        return None

"""The source of a rate card, a TOML file that a person writes (spec/rate-card.md, Source form): every error says where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeVar

from receipts import limits
from receipts.errors import ReceiptError
from receipts.ratecard.amounts import TOKENS, quoted, read_rate
from receipts.ratecard.card import PriceRow, Rate
from receipts.ratecard.checks import RowError, check_rows
from receipts.ratecard.days import read_day, read_hours, read_weekdays
from receipts.toml_file import Member, read_toml
from receipts.units import is_beside

_TOP: Final = ("name", "issuer")
_ROW: Final = (
    "aliases", "terms", "from", "until", "above", "days", "hours", "input", "cached", "writes", "output", "parts", "units",
)  # fmt: skip
_PRICE: Final = 'a price as text, for instance "3.00"'
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class CardSource:
    """What a source says.

    Attributes:
        currency: three capital letters.
        rows: checked, by themselves and with each other.
        name, issuer: if it says them.
    """

    currency: str
    rows: list[PriceRow]
    name: str | None = None
    issuer: str | None = None


def read_source(data: bytes, file: str) -> CardSource:
    """Read a source.

    Args:
        data: the bytes of the file.
        file: its name, for errors.

    Raises:
        TomlFileError: a member is wrong, missing or unknown, or the rows do not go together.
    """
    members = read_toml(data, file).members(("currency", "price"), _TOP)
    currency = members["currency"].text()
    try:
        limits.currency("currency", currency)
    except ReceiptError as error:
        raise members["currency"].error(error.expected) from None
    prices = members["price"].items()
    rows = [_row(price) for price in prices]
    try:
        check_rows(rows)
    except RowError as error:
        raise _found(prices[error.row], error.member).error(error.expected, error.actual) from None
    except ReceiptError as error:
        raise members["price"].error(error.expected, error.actual) from None
    name, issuer = (members[one].text() if one in members else None for one in _TOP)
    return CardSource(currency, rows, name, issuer)


def _found(price: Member, member: str | None) -> Member:
    """Where a row, or a member of it, stands in the source."""
    if member is None:
        return price
    name, _, inner = member.partition(".")
    table = price.table()
    if name not in table:
        return price
    found = table[name]
    return found.table()[inner] if inner and isinstance(found.value, dict) else found


def _row(price: Member) -> PriceRow:
    members = price.members(("provider", "model"), _ROW)

    def maybe(name: str, read: Callable[[Member], _Value]) -> _Value | None:
        return read(members[name]) if name in members else None

    return PriceRow(
        members["provider"].text(),
        members["model"].text(),
        tuple(alias.text() for alias in maybe("aliases", Member.texts) or ()),
        maybe("terms", _terms) or {},
        maybe("from", _day),
        maybe("until", _day),
        maybe("above", _above),
        maybe("days", _reader(read_weekdays, "weekdays, mon-fri or sat")),
        maybe("hours", _reader(read_hours, "hours of a day, 01:00-04:00 or 22:00-24:00")),
        maybe("input", _of_tokens),
        maybe("cached", _of_tokens),
        maybe("writes", _writes) or {},
        maybe("output", _of_tokens),
        maybe("parts", _parts) or {},
        maybe("units", _units) or {},
    )


def _filled(member: Member) -> Mapping[str, Member]:
    table = member.table()
    if not table:
        raise member.error("at least one", "none")
    return table


def _terms(member: Member) -> dict[str, str]:
    return {name: term.text() for name, term in _filled(member).items()}


def _day(member: Member) -> int:
    value = member.value
    is_date = isinstance(value, date) and not isinstance(value, datetime)
    found = read_day(value.isoformat() if is_date else value) if is_date or isinstance(value, str) else None  # fmt: skip
    if found is None:
        raise member.error("a date, 2026-10-16")
    return found


def _above(member: Member) -> int:
    if type(member.value) is not int or member.value < 0:
        raise member.error("a number of tokens")
    return member.value


def _reader(
    read: Callable[[str], tuple[int, int] | None], expected: str
) -> Callable[[Member], tuple[int, int]]:
    def reading(member: Member) -> tuple[int, int]:
        found = read(member.value) if isinstance(member.value, str) else None
        if found is None:
            raise member.error(expected)
        return found

    return reading


def _rate(member: Member, quantity: int) -> Rate:
    if isinstance(member.value, float):
        raise member.error(f"{_PRICE}, since a float is not exact", f"the float {member.value}")
    found = read_rate(member.value, quantity) if isinstance(member.value, str) else None
    if found is None:
        raise member.error(_PRICE)
    return found


def _of_tokens(member: Member) -> int:
    rate = _rate(member, TOKENS)
    if rate.per != 1:
        expected = "a whole number of picounits a token: at most 6 decimals for a million"
        raise member.error(expected)
    return rate.rate


def _writes(member: Member) -> dict[int, int]:
    found = {}
    for ttl, price in _filled(member).items():
        if not ttl.isascii() or not ttl.isdecimal() or str(int(ttl)) != ttl or int(ttl) > limits.MAX_UINT:  # fmt: skip
            raise price.error("a TTL in seconds", f"{ttl!a}")
        found[int(ttl)] = _of_tokens(price)
    return found


def _parts(member: Member) -> dict[str, int]:
    return {part: _of_tokens(price) for part, price in _filled(member).items()}


def _units(member: Member) -> dict[str, Rate]:
    return {unit: _unit(unit, price) for unit, price in _filled(member).items()}


def _unit(unit: str, member: Member) -> Rate:
    """The price of a unit, for its usual quantity or for one that stands beside it."""
    if not is_beside(unit):
        expected = "a unit beside the tokens, or a private one with a /"
        raise member.error(expected, "another name")
    if not isinstance(member.value, dict):
        return _rate(member, quoted(unit))
    members = member.members(("price", "for"))
    quantity = members["for"].value
    if type(quantity) is not int or not 1 <= quantity <= limits.MAX_UINT:
        raise members["for"].error("a quantity of at least 1")
    return _rate(members["price"], quantity)

"""From decoded CBOR to the claims of a rate card (spec/rate-card.md, Claims)."""

from __future__ import annotations

from math import gcd
from typing import Any, Final

from verifier.format import labels
from verifier.format.card import CardClaims, PriceRow, Rate
from verifier.format.charge_schema import currency
from verifier.format.fields import (
    ClaimsError,
    Fields,
    listed,
    name,
    name_map,
    uint,
    uint_map,
    version,
)
from verifier.format.units import PARTS, REASONING, is_beside

MAX_ROWS: Final = 16_384
MAX_NAMES: Final = 16
"""Aliases, terms and TTLs of a row."""
MAX_UNITS: Final = 64
_PRICED_PARTS: Final = PARTS | {REASONING}
MAX_DAY: Final = 2_932_897
"""The first day of the year 10000, since 1970-01-01."""
_OF_INPUT: Final = ("input.", "cached.")


def rate_card(value: Any) -> CardClaims:
    """The claims of a rate card; that its rows go together, `verifier.pricing` checks.

    Raises:
        ClaimsError: they break their tables.
    """
    fields = Fields(value, labels.RATE_CARD, "")
    fields.take("version", version)
    issuer, title = fields.take_all(name, "issuer", "name")
    money = fields.take("currency", currency)
    rows = fields.take("rows", _rows)
    fields.end()
    return CardClaims(issuer, title, money, rows)


def _rows(value: Any, path: str) -> tuple[PriceRow, ...]:
    return tuple(_row(row, i, f"{path}.{i}") for i, row in enumerate(listed(value, path, MAX_ROWS)))


def _row(value: Any, number: int, path: str) -> PriceRow:
    fields = Fields(value, labels.PRICE_ROW, path)
    provider, model = fields.take_all(name, "provider", "model")
    row = PriceRow(
        number,
        provider,
        model,
        fields.maybe("aliases", _aliases) or (),
        fields.maybe("terms", _terms) or {},
        fields.maybe("from", _day),
        fields.maybe("until", _day),
        fields.maybe("above", uint),
        fields.maybe("days", _weekdays),
        fields.maybe("hours", _hours),
        fields.maybe("input", uint),
        fields.maybe("cached", uint),
        fields.maybe("writes", _writes) or {},
        fields.maybe("output", uint),
        fields.maybe("parts", _parts) or {},
        fields.maybe("units", _units) or {},
    )
    fields.end()
    _check(row, path)
    return row


def _check(row: PriceRow, path: str) -> None:
    """What the fields of a row demand of each other."""
    if row.start is not None and row.end is not None and row.start >= row.end:
        raise ClaimsError(f"{path}.until", f"more than from, {row.start}", row.end)
    if len(set(row.names)) < len(row.names):
        raise ClaimsError(f"{path}.aliases", "each name once", list(row.aliases))
    rated = (row.input, row.output, row.units or None)
    if all(rate is None for rate in rated):
        raise ClaimsError(path, "a rate for input, output or a unit", None)
    of_input = row.cached is not None or row.writes or any(map(_is_of_input, row.parts))
    if row.input is None and of_input:
        raise ClaimsError(f"{path}.input", "a rate, since other input has one", None)
    if row.output is None and any(not _is_of_input(part) for part in row.parts):
        raise ClaimsError(f"{path}.output", "a rate, since a part of the output has one", None)
    if row.cached is None and any(part.startswith("cached.") for part in row.parts):
        raise ClaimsError(f"{path}.cached", "a rate, since cached parts have one", None)


def _is_of_input(part: str) -> bool:
    return part.startswith(_OF_INPUT)


def _aliases(value: Any, path: str) -> tuple[str, ...]:
    return tuple(name(one, f"{path}.{i}") for i, one in enumerate(listed(value, path, MAX_NAMES)))


def _terms(value: Any, path: str) -> dict[str, str]:
    return name_map(value, path, MAX_NAMES, name)


def _day(value: Any, path: str) -> int:
    if uint(value, path) >= MAX_DAY:
        raise ClaimsError(path, f"days before the year 10000, less than {MAX_DAY}", value)
    return int(value)


def _pair(value: Any, path: str) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ClaimsError(path, "an array of two", value)
    return uint(value[0], path), uint(value[1], path)


def _weekdays(value: Any, path: str) -> tuple[int, int]:
    first, last = _pair(value, path)
    if not (1 <= first <= 7 and 1 <= last <= 7):
        raise ClaimsError(path, "two weekdays, 1 to 7", value)
    return first, last


def _hours(value: Any, path: str) -> tuple[int, int]:
    begin, end = _pair(value, path)
    if not 0 <= begin < end <= 1440:
        raise ClaimsError(path, "two minutes of a day, the second one later, at most 1440", value)
    return begin, end


def _writes(value: Any, path: str) -> dict[int, int]:
    return uint_map(value, path, MAX_NAMES)


def _parts(value: Any, path: str) -> dict[str, int]:
    parts = name_map(value, path, MAX_UNITS, uint)
    for part in parts:
        if part not in _PRICED_PARTS:
            raise ClaimsError(f"{path}.{part}", "a part of the tokens", part)
    return parts


def _units(value: Any, path: str) -> dict[str, Rate]:
    units = name_map(value, path, MAX_UNITS, _rate)
    for unit in units:
        if not is_beside(unit):
            raise ClaimsError(f"{path}.{unit}", "a unit beside the tokens", unit)
    return units


def _rate(value: Any, path: str) -> Rate:
    rate, per = _pair(value, path)
    if per < 1 or gcd(rate, per) != 1:
        raise ClaimsError(path, "a rate and for how many it is, in lowest terms", value)
    return Rate(rate, per)

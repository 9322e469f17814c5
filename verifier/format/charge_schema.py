"""From decoded CBOR to claim 14, the charge (verification step 6)."""

from __future__ import annotations

from math import gcd
from typing import Any

from verifier.format import labels
from verifier.format.claims import (
    BESIDE,
    CACHE_READ,
    CACHE_WRITE,
    OUTPUT,
    UNCACHED,
    Charge,
    ChargeLine,
)
from verifier.format.fields import ClaimsError, Fields, digest, listed, name, uint
from verifier.format.units import INSIDE, REASONING, is_beside

_PRICED = {
    UNCACHED: INSIDE["logical"],
    CACHE_READ: INSIDE["cached"],
    CACHE_WRITE: (),
    OUTPUT: (*INSIDE["output"], REASONING),
}
"""What of a class a line can price apart."""


def charge(value: Any, path: str) -> Charge:
    """Claim 14.

    Raises:
        ClaimsError: it breaks its table.
    """
    fields = Fields(value, labels.CHARGE, path)
    found = Charge(
        fields.take("currency", currency),
        fields.take("card", digest),
        fields.take("amount", uint),
        fields.take("lines", _lines),
    )
    fields.end()
    return found


def currency(value: Any, path: str) -> str:
    """The code of a currency."""
    if not (
        isinstance(value, str)
        and len(value) == 3
        and value.isascii()
        and value.isupper()
        and value.isalpha()
    ):
        raise ClaimsError(path, "three capital letters", value)
    return value


def _lines(value: Any, path: str) -> tuple[ChargeLine, ...]:
    return tuple(_line(line, f"{path}.{i}") for i, line in enumerate(listed(value, path, 64)))


def _line(value: Any, path: str) -> ChargeLine:
    fields = Fields(value, labels.CHARGE_LINE, path)
    kind = fields.take("class", _class)
    ttl = fields.take("ttl", uint) if kind == CACHE_WRITE else None
    quantity, rate, amount = fields.take_all(uint, "quantity", "rate", "amount")
    unit = fields.take("unit", name) if kind == BESIDE else fields.maybe("unit", name)
    per, model = fields.maybe("per", uint), fields.maybe("model", name)
    fields.end()
    if not can_price(kind, unit):
        raise ClaimsError(f"{path}.unit", f"a unit that class {kind} prices apart", unit)
    if not is_reduced(rate, per):
        raise ClaimsError(f"{path}.per", f"2 or more, with no divisor of the rate, {rate}", per)
    return ChargeLine(kind, ttl, quantity, rate, amount, unit, per or 1, model)


def can_price(kind: int, unit: str | None) -> bool:
    """Whether a line of a class may name a unit; None: it names none."""
    if kind == BESIDE:
        return unit is not None and is_beside(unit)
    return unit is None or unit in _PRICED[kind]


def is_reduced(rate: int, per: int | None) -> bool:
    """Whether a rate is for a number of units that it has no divisor with; None: it is for one."""
    return per is None or (per > 1 and gcd(rate, per) == 1)


def _class(value: Any, path: str) -> int:
    if uint(value, path) > BESIDE:
        raise ClaimsError(path, "a class, 0 to 4", value)
    return int(value)

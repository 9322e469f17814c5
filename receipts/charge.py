"""What a request costs, as claim 14 of a receipt: every token in one line of its class (spec/receipt.md, identity 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import gcd
from typing import Any, Final

from receipts import limits
from receipts.errors import ReceiptError
from receipts.labels import CHARGE, CHARGE_LINE
from receipts.request import (
    BESIDE,
    CACHE_READ,
    CACHE_WRITE,
    CLASSES,
    OUTPUT,
    UNCACHED,
    Charge,
    ChargeLine,
    Counts,
)
from receipts.units import INSIDE, REASONING, is_beside

_Class = tuple[int, int | None, str | None]
"""A class, the TTL in s where it is that of cache writes, and the model where there are several."""
_Models = Mapping[str, Counts] | None
_APART: Final = {
    UNCACHED: INSIDE["logical"],
    CACHE_READ: INSIDE["cached"],
    CACHE_WRITE: (),
    OUTPUT: (*INSIDE["output"], REASONING),
}
"""What of a class can be priced apart."""


def charge_claims(charge: Charge, counts: Counts, models: _Models = None) -> dict[int, Any]:
    """The claim for a charge, in the order of the labels.

    Raises:
        ReceiptError: a field breaks a rule, or the lines are not those of the receipt's tokens.
    """
    currency = limits.currency("charge.currency", charge.currency)
    limits.entries("charge.lines", charge.lines, what="lines")
    lines = [_line(f"charge.lines.{i}", line, models) for i, line in enumerate(charge.lines)]
    _check_classes(charge, counts, models)
    _check_units(charge, counts)
    amount = sum(line[CHARGE_LINE["amount"]] for line in lines)
    return {
        CHARGE["currency"]: currency,
        CHARGE["card"]: limits.digest("charge.card", charge.card),
        CHARGE["amount"]: limits.uint("charge.amount", amount),
        CHARGE["lines"]: lines,
    }


def _line(field: str, line: ChargeLine, models: _Models) -> dict[int, Any]:
    line_class = limits.uint(f"{field}.class", line.line_class, most=CLASSES[-1])
    claims: dict[int, Any] = {CHARGE_LINE["class"]: line_class}
    if (line.ttl is None) is (line_class == CACHE_WRITE):
        raise ReceiptError(f"{field}.ttl", "a TTL for cache writes, and only for them", line.ttl)
    if line.ttl is not None:
        claims[CHARGE_LINE["ttl"]] = limits.uint(f"{field}.ttl", line.ttl)
    for name in ("quantity", "rate"):
        claims[CHARGE_LINE[name]] = limits.uint(f"{field}.{name}", getattr(line, name))
    per = limits.uint(f"{field}.per", line.per, 1)
    claims[CHARGE_LINE["amount"]] = limits.uint(f"{field}.amount", line.amount)
    _check_unit(field, line)
    if line.unit is not None:
        claims[CHARGE_LINE["unit"]] = line.unit
    if per > 1:
        if gcd(line.rate, per) > 1:
            raise ReceiptError(f"{field}.per", f"no divisor of the rate, {line.rate}", per)
        claims[CHARGE_LINE["per"]] = per
    if (line.model is not None) if models is None else (line.model not in models):
        expected = "nothing, since one model made it" if models is None else "one of the models"
        raise ReceiptError(f"{field}.model", expected, line.model)
    if line.model is not None:
        claims[CHARGE_LINE["model"]] = line.model
    return claims


def _check_unit(field: str, line: ChargeLine) -> None:
    """A line names what its class can price apart."""
    if line.line_class == BESIDE:
        if line.unit is None or not is_beside(limits.name(f"{field}.unit", line.unit)):
            raise ReceiptError(f"{field}.unit", "a unit beside the tokens", line.unit)
    elif line.unit is not None and line.unit not in _APART[line.line_class]:
        raise ReceiptError(
            f"{field}.unit", f"what class {line.line_class} can price apart", line.unit
        )


def _check_classes(charge: Charge, counts: Counts, models: _Models) -> None:
    """Every token of the receipt is in exactly one line of its class."""
    due = _due(counts, models)
    priced: Counter[_Class] = Counter()
    for line in charge.lines:
        if line.line_class != BESIDE:
            priced[line.line_class, line.ttl, line.model] += line.quantity
    for key in {**due, **priced}:
        expected, actual = due.get(key, 0), priced[key]
        if expected != actual:
            line_class, ttl, model = key
            which = f"class {line_class}" if ttl is None else f"class {line_class}, TTL {ttl} s"
            which += "" if model is None else f", {model}"
            raise ReceiptError(f"charge.lines ({which})", f"{expected} tokens", actual)


def _due(counts: Counts, models: _Models) -> dict[_Class, int]:
    """The tokens of each class; an absent output has none."""
    due: dict[_Class, int] = {}
    if counts.cached is None:
        raise ReceiptError("input.cached", "a number, since there is a charge", "nothing")
    of: list[tuple[str | None, Counts]] = [(None, counts)]
    for model, own in of if models is None else models.items():
        writes = own.writes or {}
        due[UNCACHED, None, model] = (own.attributed or 0) - sum(writes.values())
        due[CACHE_READ, None, model] = own.cached or 0
        due |= {(CACHE_WRITE, ttl, model): tokens for ttl, tokens in writes.items()}
        due[OUTPUT, None, model] = own.output or 0
    return due


def _check_units(charge: Charge, counts: Counts) -> None:
    """What is priced apart is all that the receipt states of it."""
    priced: Counter[str] = Counter()
    for line in charge.lines:
        if line.unit is not None:
            priced[line.unit] += line.quantity
    for unit, quantity in priced.items():
        if quantity != (expected := _priced_apart(unit, counts)):
            raise ReceiptError(f"charge.lines ({unit})", expected, quantity)


def _priced_apart(unit: str, counts: Counts) -> int:
    """What the lines of a unit sum to; 0 where it is not stated, or not known."""
    units = counts.units or {}
    if unit == REASONING:
        return counts.reasoning or 0
    if unit not in units or unit not in INSIDE["logical"]:
        return units.get(unit, 0)
    cached = 0 if counts.cached == 0 else units.get(unit.replace("input.", "cached."))
    return 0 if cached is None else units[unit] - cached


def repriced(charge: Charge, counts: Counts) -> Charge:
    """The charge for other counts at the same rates: what a correction of counts mostly comes with.

    Args:
        charge: of what was billed first, by one model.
        counts: what is right.

    Raises:
        ReceiptError: the rates do not say what these counts cost: some of it had no line, or lines of several rates.
    """
    due = _due(counts, None)
    lines: dict[tuple[int, int | None, str | None], ChargeLine] = {}
    for line in charge.lines:
        key = line.line_class, line.ttl, line.unit
        same = lines.get(key, line)
        if (same.rate, same.per) != (line.rate, line.per):
            raise ReceiptError("charge", f"one rate for class {line.line_class}", "several")
        lines[key] = line
    apart = Counter({key: _priced_apart(key[2], counts) for key in lines if key[2] is not None})
    for (line_class, ttl, _), quantity in due.items():
        rest = quantity - sum(n for key, n in apart.items() if key[:2] == (line_class, ttl))
        key = line_class, ttl, None
        if rest and key not in lines:
            raise ReceiptError("charge", f"a rate for class {line_class}", "none")
        apart[key] = rest
    return replace(
        charge, lines=[replace(line, quantity=apart[key]) for key, line in lines.items()]
    )

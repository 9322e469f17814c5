"""JSON in the canonical form of RFC 8785, for the text recipe of cache identifiers (spec/cache-id.md)."""

from __future__ import annotations

import json
import math
from typing import Any, Final

_LARGEST: Final = 2**53 - 1


class CanonicalError(ValueError):
    """A value has no canonical form."""


def canonical(value: Any) -> bytes:
    """The canonical form of what `json.loads` returns.

    Raises:
        CanonicalError: a number is not finite, or an integer is beyond 2^53; or a text has a lone surrogate.
    """
    try:
        return _form(value).encode()
    except UnicodeEncodeError:
        raise CanonicalError("a lone surrogate") from None
    except RecursionError:
        raise CanonicalError("nested too deeply") from None


def _form(value: Any) -> str:
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise CanonicalError(f"{value} is beyond 2^53")
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return f"[{','.join(map(_form, value))}]"
    members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
    return "{" + ",".join(f"{_form(name)}:{_form(inner)}" for name, inner in members) + "}"


def _number(value: float) -> str:
    """ECMAScript's Number.prototype.toString (RFC 8785 section 3.2.2.3): the shortest digits, as Python has them too."""
    if not math.isfinite(value):
        raise CanonicalError(f"{value} is not finite")
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0)
    if whole == "0":
        point -= 1 + len(fraction) - len(fraction.lstrip("0"))
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = f"{'+' if point > 0 else '-'}{abs(point - 1)}"
    head = digits[0] if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{sign}{head}e{power}"

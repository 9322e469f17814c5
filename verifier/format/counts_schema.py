"""From decoded CBOR to counts: claims 10, 11 and 17 of a receipt, which stand inside of claims 18 and 20 too (verification step 6)."""

from __future__ import annotations

from typing import Any, Final

from verifier.format import labels
from verifier.format.claims import TokenCounts
from verifier.format.fields import ClaimsError, Fields, name_map, uint, uint_map
from verifier.format.units import is_unit

MAX_UNITS: Final = 64
_MAX_TTLS: Final = 16


def counts(fields: Fields) -> TokenCounts:
    """The fields ``input``, and ``output`` where it is there.

    Raises:
        ClaimsError: one of them breaks its table.
    """
    before_output = fields.take("input", _input)
    return TokenCounts(*before_output, *(fields.maybe("output", _output) or (None, None)))


def units(value: Any, path: str, most: int = MAX_UNITS) -> dict[str, int]:
    """Quantities by unit, with 1 to ``most`` entries.

    Raises:
        ClaimsError: a name is neither in the registry nor private, or a quantity is none.
    """
    quantities = name_map(value, path, most, uint)
    for unit in quantities:
        if not is_unit(unit):
            raise ClaimsError(f"{path} key", "a unit of the registry, or one with a /", unit)
    return quantities


def _input(value: Any, path: str) -> tuple[int, int | None, int | None, dict[int, int] | None]:
    fields = Fields(value, labels.INPUT, path)
    logical, cached = fields.take("logical", uint), fields.maybe("cached", uint)
    attributed = None if cached is None else fields.take("attributed", uint)
    writes = fields.maybe("writes", _writes)
    fields.end()
    return logical, cached, attributed, writes


def _writes(value: Any, path: str) -> dict[int, int]:
    return uint_map(value, path, _MAX_TTLS)


def _output(value: Any, path: str) -> tuple[int, int | None]:
    fields = Fields(value, labels.OUTPUT, path)
    tokens = fields.take("tokens", uint), fields.maybe("reasoning", uint)
    fields.end()
    return tokens

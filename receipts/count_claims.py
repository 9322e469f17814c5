"""Counts, checked and put under their labels: claims 10, 11, 17 and 18 of a receipt (identities 1 to 3, 6 and 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from receipts import limits
from receipts.errors import ReceiptError
from receipts.labels import INPUT, MODEL, OUTPUT
from receipts.request import Counts
from receipts.units import INSIDE, PARTS, is_unit

_LOGICAL: Final = INPUT["logical"]
_CACHED: Final = INPUT["cached"]
_ATTRIBUTED: Final = INPUT["attributed"]
_WRITES: Final = INPUT["writes"]
_TOKENS: Final = OUTPUT["tokens"]
_REASONING: Final = OUTPUT["reasoning"]


def input_claims(counts: Counts) -> dict[int, Any]:
    """Claim 10; identities 1 and 2.

    Raises:
        ReceiptError: a count is none, or is more than what it lies in.
    """
    logical, cached = limits.uint("input.logical", counts.logical), counts.cached
    claims: dict[int, Any] = {_LOGICAL: logical}
    computed = logical
    if cached is not None:
        if limits.uint("input.cached", cached) > logical:
            raise ReceiptError("input.cached", f"at most logical, {logical}", cached)
        computed = logical - cached
        claims[_CACHED], claims[_ATTRIBUTED] = cached, computed
    if counts.writes is not None:
        claims[_WRITES] = _writes(counts.writes, computed)
    return claims


def _writes(writes: Mapping[int, int], computed: int) -> dict[int, int]:
    limits.entries("input.writes", writes, limits.MAX_WRITES)
    checked = {
        limits.uint("input.writes TTL", ttl): limits.uint(f"input.writes.{ttl}", writes[ttl])
        for ttl in sorted(writes)
    }
    written = sum(checked.values())
    if written > computed:
        raise ReceiptError("input.writes", f"at most the computed tokens, {computed}", written)
    return checked


def output_claims(counts: Counts) -> dict[int, int] | None:
    """Claim 11; identity 3.

    Raises:
        ReceiptError: a count is none, or there is more reasoning than output.
    """
    if counts.output is None:
        if counts.reasoning is not None:
            raise ReceiptError(
                "output.reasoning", "nothing without output tokens", counts.reasoning
            )
        return None
    claims = {_TOKENS: limits.uint("output.tokens", counts.output)}
    if counts.reasoning is not None:
        claims[_REASONING] = limits.uint("output.reasoning", counts.reasoning)
        if counts.reasoning > counts.output:
            raise ReceiptError("output.reasoning", f"at most {counts.output}", counts.reasoning)
    return claims


def unit_claims(counts: Counts) -> dict[str, int]:
    """Claim 17; identity 6.

    Raises:
        ReceiptError: a unit is not in the registry and not private, or parts are more than what they lie in.
    """
    units = counts.units or {}
    limits.entries("units", units)
    for unit in units:
        if not is_unit(limits.name("units key", unit)):
            raise ReceiptError("units key", "a unit of the registry, or one with a /", repr(unit))
        limits.uint(f"units.{unit}", units[unit])
    if not PARTS.isdisjoint(units):
        _check_parts(units, counts)
    return {unit: units[unit] for unit in limits.sorted_keys(units)}


def _check_parts(units: Mapping[str, int], counts: Counts) -> None:
    inputs, cached, outputs = (
        {part: units[part] for part in parts if part in units} for parts in INSIDE.values()
    )
    _at_most("units.input", inputs.values(), counts.logical)
    for part, tokens in cached.items():
        if (whole := part.replace("cached.", "input.")) in inputs:
            _at_most(f"units.{part}", [tokens], inputs[whole])
    _at_most("units.cached", cached.values(), counts.cached or 0)
    computed = [
        tokens - cached.get(part.replace("input.", "cached."), 0)
        for part, tokens in inputs.items()
        if counts.cached == 0 or part.replace("input.", "cached.") in cached
    ]
    most = counts.logical if counts.attributed is None else counts.attributed
    _at_most("units.input - units.cached", computed, most)
    if outputs:
        _at_most("units.output", [*outputs.values(), counts.reasoning or 0], counts.output or 0)


def _at_most(field: str, parts: Iterable[int], most: int) -> None:
    total = sum(parts)
    if total > most:
        raise ReceiptError(field, f"at most {most}", total)


def model_claims(models: Mapping[str, Counts], counts: Counts) -> dict[str, dict[int, Any]]:
    """Claim 18; identity 7.

    Raises:
        ReceiptError: the counts of the models do not sum to those of the receipt.
    """
    if not 2 <= len(models) <= limits.MAX_MODELS:
        raise ReceiptError("models", f"2 to {limits.MAX_MODELS} models", len(models))
    expected = summed(list(models.values()))
    for field in ("logical", "cached", "writes", "output", "reasoning"):
        if getattr(counts, field) != getattr(expected, field):
            raise ReceiptError(
                f"models ({field})", getattr(counts, field), getattr(expected, field)
            )
    claims: dict[str, dict[int, Any]] = {}
    for model in limits.sorted_keys({limits.name("models key", name): 0 for name in models}):
        claims[model] = {MODEL["input"]: input_claims(models[model])}
        if (output := output_claims(models[model])) is not None:
            claims[model][MODEL["output"]] = output
    return claims


def summed(counts: Sequence[Counts]) -> Counts:
    """The counts of a response, of those of its models; a count is stated if all of them state it (spec/receipt.md, identity 7)."""
    written: dict[int, int] = {}
    for one in counts:
        for ttl, tokens in (one.writes or {}).items():
            written[ttl] = written.get(ttl, 0) + tokens
    outputs = [one.output for one in counts if one.output is not None]
    return Counts(
        sum(one.logical for one in counts),
        _sum_of_all([one.cached for one in counts]),
        written or None,
        sum(outputs) if outputs else None,
        _sum_of_all([one.reasoning for one in counts if one.output is not None]),
    )


def _sum_of_all(counts: Sequence[int | None]) -> int | None:
    stated = [count for count in counts if count is not None]
    return sum(stated) if stated and len(stated) == len(counts) else None

"""What a receipt states against what the customer saw of its call (R-14.4, R-14.5, R-14.7 to R-14.11)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from verifier.customer.calls import is_one_model
from verifier.format.claims import Charge, Receipt, Source, TokenCounts
from verifier.format.units import REASONING
from verifier.report.shown import shown

COUNTS = ("logical", "cached", "output", "reasoning")


_NOTHING = {(field, "0", None) for field in ("cached", "output", "reasoning")}
"""A count of 0 and none are the same."""


class Stated(NamedTuple):
    """What a receipt states, or a call: counts as text, since SQLite's integers end at 2^63; ``writes`` and ``units`` as `packed`."""

    request: str | None
    client: bytes | None
    model: str | None
    logical: str | None
    cached: str | None
    output: str | None
    reasoning: str | None
    writes: str | None
    units: str | None
    tier: str | None
    usage: bytes | None


class Difference(NamedTuple):
    """A claim that is not what the customer saw."""

    code: str
    field: str
    expected: str
    actual: str

    @property
    def message(self) -> str:
        """In words."""
        return f"{self.field}: the customer has {self.expected}, the receipt says {self.actual}"


def packed(writes: Mapping[int, int] | None) -> str | None:
    """Writes by TTL as a text that is equal if they are; TTLs with 0 tokens say nothing."""
    if writes is None:
        return None
    return json.dumps({str(ttl): str(tokens) for ttl, tokens in sorted(writes.items()) if tokens})


def packed_units(units: Mapping[str, int] | None) -> str | None:
    """Quantities by unit as a text that is equal if they are."""
    return json.dumps({unit: str(units[unit]) for unit in sorted(units)}) if units else None


def packed_models(models: Mapping[str, TokenCounts] | None) -> str | None:
    """The logical and output counts by model."""
    if models is None:
        return None
    return json.dumps(
        {name: [str(one.logical), str(one.output or 0)] for name, one in models.items()}
    )


def unpacked_models(models: str) -> dict[str, tuple[int, int]]:
    """The same, back."""
    return {name: (int(one), int(two)) for name, (one, two) in json.loads(models).items()}


def priced_reasoning(charge: Charge | None) -> dict[str, int]:
    """Reasoning tokens that have a price of their own, as a unit."""
    lines = () if charge is None else charge.lines
    priced = sum(line.quantity for line in lines if line.unit == REASONING)
    return {REASONING: priced} if priced else {}


def unpacked_units(units: str | None) -> dict[str, int]:
    """The same, back."""
    return {unit: int(quantity) for unit, quantity in json.loads(units or "{}").items()}


def text(count: int | None) -> str | None:
    """A count as text."""
    return None if count is None else str(count)


def stated(claims: Receipt) -> Stated:
    """What a receipt states."""
    source = claims.source or Source("", "", None, None, None)
    return Stated(
        claims.request, claims.client, claims.model, text(claims.logical), text(claims.cached), text(claims.output),
        text(claims.reasoning), packed(claims.writes), packed_units(claims.units), source.tier, source.usage,
    )  # fmt: skip


def differences(receipt: Stated, call: Stated, aliases: Mapping[str, str]) -> Iterator[Difference]:
    """R-14.7 to R-14.10. What the call leaves open is not compared."""
    same = True
    for field in COUNTS:
        ours, theirs = getattr(call, field), getattr(receipt, field)
        if ours is not None and theirs != ours and (field, ours, theirs) not in _NOTHING:
            same = False
            yield Difference("count-differs", field, ours, theirs or "nothing")
    if call.writes is not None and not _are_written(receipt.writes, call.writes):
        same = False
        yield Difference("count-differs", "writes", _shown(call.writes), _shown(receipt.writes))
    if call.units is not None:
        billed = unpacked_units(receipt.units)
        for unit, quantity in unpacked_units(call.units).items():
            if billed.get(unit, 0) != quantity:
                same = False
                yield Difference(
                    "count-differs", f"units.{unit}", str(quantity), str(billed.get(unit, 0))
                )
    if call.model is not None and not is_one_model(receipt.model or "", call.model, aliases):
        yield Difference("model-differs", "model", call.model, receipt.model or "nothing")
    if None not in (receipt.tier, call.tier) and receipt.tier != call.tier:
        same = False
        yield Difference("tier-differs", "source.tier", str(call.tier), str(receipt.tier))
    if same and receipt.usage and call.usage and receipt.usage != call.usage:
        yield Difference("usage-differs", "source.usage", call.usage.hex(), receipt.usage.hex())


def _shown(writes: str | None) -> str:
    return shown(writes and {int(ttl): int(tokens) for ttl, tokens in json.loads(writes).items()})


def _are_written(theirs: str | None, ours: str) -> bool:
    """Whether the writes are those of the call, which may not know all TTLs: what it has for 0 is of some other one, or of 0."""
    if theirs == ours or (theirs is None and ours == packed({})):
        return True
    receipt, call = (
        {ttl: int(tokens) for ttl, tokens in json.loads(writes or "{}").items()}
        for writes in (theirs, ours)
    )
    known = (receipt.get(ttl, 0) >= tokens for ttl, tokens in call.items() if ttl != "0")
    return "0" in call and all(known) and sum(receipt.values()) == sum(call.values())


def misfit(
    receipt: Stated,
    time: int,
    call: Stated,
    window: tuple[int | None, int | None],
    aliases: Mapping[str, str],
    *,
    closed: bool,
) -> Difference | None:
    """The first thing in which a receipt does not fit the call that it came with (R-14.14); None: it fits."""
    if call.request is not None and receipt.request != call.request:
        return Difference("request-differs", "request", call.request, receipt.request or "nothing")
    if receipt.client is not None and call.client is not None and receipt.client != call.client:
        return Difference("commitment-differs", "client", call.client.hex(), receipt.client.hex())
    if closed:
        return Difference("request-not-billable", "status", "a call that is billed", "none")
    first = next(differences(receipt, call, aliases), None)
    return first or outside(time, window)


def outside(time: int, window: tuple[int | None, int | None]) -> Difference | None:
    """R-14.11."""
    first, last = window
    if first is None or last is None or first <= time <= last:
        return None
    return Difference("time-differs", "time", f"{first} to {last}", str(time))

"""The charge for a request, from a rate card (spec/rate-card.md, Price). Only what has one price is charged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from receipts.ratecard.card import PriceRow, RateCard, UnpricedError
from receipts.request import (
    BESIDE,
    CACHE_READ,
    CACHE_WRITE,
    OUTPUT,
    UNCACHED,
    Charge,
    ChargeLine,
    Counts,
    Source,
)
from receipts.units import INSIDE, PARTS, REASONING

_KINDS: Final = tuple(zip(INSIDE["logical"], INSIDE["cached"], strict=True))
_Apart = tuple[int, int, str | None, int]
"""Class, tokens, part, rate."""


def price(
    card: RateCard,
    model: str,
    counts: Counts,
    source: Source | None,
    time: int,
    models: Mapping[str, Counts] | None = None,
) -> Charge:
    """What a request costs under a card.

    Args:
        card: which the charge names by its digest.
        model: of the request.
        counts: its tokens and units.
        source: whom it was sent to, and its terms.
        time: that of its receipt, in ms.
        models: the counts by model, where several models made the response.

    Raises:
        UnpricedError: the card has no row or no rate for it, or the counts do not say which of several prices it has.
    """
    row = card.row(source, model, counts.logical, time)
    lines: list[ChargeLine] = []
    if models is None:
        lines += _tokens(row, counts, None)
    else:
        rows = {name: card.row(source, name, own.logical, time) for name, own in models.items()}
        _check_models(rows, model, row, counts)
        for name, own in models.items():
            lines += _tokens(rows[name], own, name)
    lines += _beside(row, counts, None if models is None else model)
    lines = [line for line in lines if line.quantity] or lines[:1]
    return Charge(card.currency, card.digest, lines)


def _check_models(rows: Mapping[str, PriceRow], model: str, row: PriceRow, counts: Counts) -> None:
    """What is stated of all models together cannot be priced at the rows of each."""
    units = counts.units or {}
    for part in PARTS:
        if units.get(part) and any(part in one.parts for one in rows.values()):
            raise UnpricedError("charge", f"{part} of each model, which has a price", "one number")
    if model not in rows and any(units.get(unit) for unit in row.units):
        raise UnpricedError("charge", f"one of the models, for units: {', '.join(rows)}", model)


def _tokens(row: PriceRow, counts: Counts, model: str | None) -> Iterator[ChargeLine]:
    """The lines of the tokens of one model; some may have the quantity 0."""
    if counts.cached is None or counts.attributed is None:
        raise UnpricedError("charge", "the number of cached tokens, on which the price depends", "nothing")  # fmt: skip
    writes = counts.writes or {}
    apart = [*_parts(row, counts)]
    uncached = counts.attributed - sum(writes.values()) - _sum(apart, UNCACHED)
    cached = counts.cached - _sum(apart, CACHE_READ)
    if uncached < 0:
        raise UnpricedError("charge", "tokens of parts that can be told from written ones", "more")
    yield _line(UNCACHED, uncached, row.input, "input", model)
    yield from (_line(kind, n, rate, str(part), model, part) for kind, n, part, rate in apart)
    yield _line(CACHE_READ, cached, row.cached, "cached input", model)
    for ttl, tokens in writes.items():
        rate = _write_rate(row, ttl) if tokens else 0
        yield ChargeLine(CACHE_WRITE, tokens, rate, ttl, model=model)
    yield from _output(row, counts, model)


def _line(
    kind: int, tokens: int, rate: int | None, what: str, model: str | None, unit: str | None = None
) -> ChargeLine:
    if rate is None and tokens:
        raise UnpricedError("charge", f"a price of {what}", "none on the rate card")
    return ChargeLine(kind, tokens, rate or 0, unit=unit, model=model)


def _sum(apart: list[_Apart], kind: int) -> int:
    return sum(tokens for its_kind, tokens, _, _ in apart if its_kind == kind)


def _parts(row: PriceRow, counts: Counts) -> Iterator[_Apart]:
    """What of the input has a price of its own."""
    units = counts.units or {}
    for part, cached_part in _KINDS:
        whole, cached = units.get(part), units.get(cached_part)
        if whole is not None and cached is None:
            if counts.cached and (part in row.parts or cached_part in row.parts) and whole:
                raise UnpricedError("charge", f"how much of {part} was cached, on which the price depends", "nothing")  # fmt: skip
            cached = 0
        if whole is not None and cached is not None and part in row.parts:
            yield UNCACHED, whole - cached, part, row.parts[part]
        if cached is not None and cached_part in row.parts:
            yield CACHE_READ, cached, cached_part, row.parts[cached_part]


def _write_rate(row: PriceRow, ttl: int) -> int:
    if ttl in row.writes:
        return row.writes[ttl]
    rates = set(row.writes.values())
    if ttl or not rates:
        raise UnpricedError("charge", f"a price of writes for {ttl} s", "none on the rate card")
    if len(rates) > 1:
        raise UnpricedError("charge", "the TTL of what was written, on which the price depends", "nothing")  # fmt: skip
    return rates.pop()


def _output(row: PriceRow, counts: Counts, model: str | None) -> Iterator[ChargeLine]:
    units = counts.units or {}
    apart = {part: units[part] for part in INSIDE["output"] if part in row.parts and part in units}
    if REASONING in row.parts and counts.output:
        if counts.reasoning is None:
            raise UnpricedError("charge", "how much of the output was reasoning, on which the price depends", "nothing")  # fmt: skip
        apart[REASONING] = counts.reasoning
    yield _line(OUTPUT, (counts.output or 0) - sum(apart.values()), row.output, "output", model)
    yield from (_line(OUTPUT, n, row.parts[part], part, model, part) for part, n in apart.items())


def _beside(row: PriceRow, counts: Counts, model: str | None) -> Iterator[ChargeLine]:
    units = counts.units or {}
    for unit, rate in row.units.items():
        if unit in units:
            yield ChargeLine(BESIDE, units[unit], rate.rate, unit=unit, per=rate.per, model=model)

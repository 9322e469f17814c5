"""The price of the tokens of one model, exactly or as an interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from verifier.format.card import PriceRow
from verifier.format.claims import CACHE_READ, CACHE_WRITE, OUTPUT, UNCACHED, TokenCounts
from verifier.format.units import INSIDE, REASONING
from verifier.pricing.inputs import input_lines, kinds_of, spread, write_rates
from verifier.pricing.line import PricedLine, UnpricedError


class Tokens(NamedTuple):
    """The price of the tokens of one model, in picounits; see `Price`."""

    lines: list[PricedLine]
    lower: int
    full_input: int
    read_saving: int
    write_premium: int


def tokens_of(
    row: PriceRow, counts: TokenCounts, units: Mapping[str, int], model: str | None
) -> Tokens:
    """The price of all tokens of one model.

    Raises:
        UnpricedError: the row has no rate for some of them, or they cannot be told apart.
    """
    return plain(row, counts, model) or bounded(row, counts, units, model)


def plain(row: PriceRow, counts: TokenCounts, model: str | None) -> Tokens | None:
    """The same, fast, where the row has no parts and the counts say all; None: elsewhere, and where something is wrong."""
    u, c, o, cached, output = row.input, row.cached, row.output, counts.cached, counts.output or 0
    if row.parts or cached is None or u is None or (cached and c is None) or (output and o is None):
        return None
    writes, lines, premium = counts.writes or {}, [], 0
    uncached = counts.logical - cached - sum(writes.values())
    if uncached < 0 or not writes.keys() <= row.writes.keys():
        return None
    if uncached:
        lines.append(PricedLine(UNCACHED, None, uncached, u, None, 1, model))
    if cached:
        lines.append(PricedLine(CACHE_READ, None, cached, c or 0, None, 1, model))
    for ttl in sorted(writes):
        if tokens := writes[ttl]:
            lines.append(PricedLine(CACHE_WRITE, ttl, tokens, row.writes[ttl], None, 1, model))
            premium += tokens * (row.writes[ttl] - u)
    if output:
        lines.append(PricedLine(OUTPUT, None, output, o or 0, None, 1, model))
    amount = sum([line.quantity * line.rate for line in lines])
    saving = cached * (u - c) if c is not None else 0
    return Tokens(lines, amount, counts.logical * u, saving, premium)


def bounded(
    row: PriceRow, counts: TokenCounts, units: Mapping[str, int], model: str | None
) -> Tokens:
    """The same in every case: both bounds."""
    kinds = kinds_of(row, counts, units)
    bounds = [
        input_lines(row, counts, kinds, dear=dear) + _output_lines(row, counts, units, dear=dear)
        for dear in (False, True)
    ]
    lower, lines = bounds
    base = row.input or 0
    written = (counts.writes or {}).items()
    full_input = sum((kind.input or 0) * kind.tokens for kind in kinds)
    cached = spread(kinds, counts.cached, dear=True)
    return Tokens(
        [line._replace(model=model) for line in lines],
        sum(line.amount for line in lower),
        full_input + base * sum(tokens for _, tokens in written),
        sum(kind.saving * tokens for kind, tokens in zip(kinds, cached, strict=True)),
        sum((write_rates(row, ttl)[1] - base) * tokens for ttl, tokens in written if tokens),
    )


def _output_lines(
    row: PriceRow, counts: TokenCounts, units: Mapping[str, int], *, dear: bool
) -> list[PricedLine]:
    """The output, and what of it is priced apart. Reasoning that is not stated may be all or nothing of the rest."""
    if not counts.output:
        return []
    if row.output is None:
        raise UnpricedError("output", "a rate for output tokens", "none")
    apart = {part: units[part] for part in INSIDE["output"] if part in row.parts and part in units}
    rest = counts.output - sum(apart.values())
    if REASONING in row.parts:
        reasoned = counts.reasoning
        if reasoned is None:
            stated = sum(units.get(part, 0) for part in INSIDE["output"])
            most = counts.output - stated
            reasoned = most if (row.parts[REASONING] > row.output) is dear or most < 0 else 0
        apart[REASONING], rest = reasoned, rest - reasoned
    if min([rest, *apart.values()]) < 0:
        raise UnpricedError("units", f"at most {counts.output} tokens of the output", "more")
    quantities: list[tuple[str | None, int]] = [(None, rest), *apart.items()]
    return [
        PricedLine(OUTPUT, None, quantity, row.output if part is None else row.parts[part], part)
        for part, quantity in quantities
        if quantity
    ]

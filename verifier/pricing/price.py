"""What a request costs under a rate card, line by line, in picounits (spec/rate-card.md, Price).

Where a receipt does not state what the price depends on, the price is an interval: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from verifier.format.card import PriceRow
from verifier.format.claims import BESIDE, OUTPUT, TokenCounts
from verifier.format.units import PARTS
from verifier.pricing.card import RateCard
from verifier.pricing.line import PricedLine, UnpricedError
from verifier.pricing.tokens import Tokens, tokens_of
from verifier.pricing.usage import Usage

STORAGE: Final = "storage.token_seconds"


class Price(NamedTuple):
    """What a request costs, in picounits.

    Attributes:
        lines: of the upper bound: uncached, cached, writes, output, each with its parts, then units. None has the quantity 0.
        amount: their sum, the actual price A. Where the receipt does not state all, its upper bound.
        lower: the lower bound; mostly the same.
        full: the full price F: the same request if there were no cache; without storage.
        full_input: the part of it that is input tokens.
        read_saving: S, what the cached tokens cost less than computed ones (of the upper bound, as the two below).
        write_premium: W, what the written tokens cost more than computed ones.
        storage: G, the amount of ``storage.token_seconds``.
        row: of the card, for the model of the request. Its rates are those of plain text.
    """

    lines: tuple[PricedLine, ...]
    amount: int
    lower: int
    full: int
    full_input: int
    read_saving: int
    write_premium: int
    storage: int
    row: PriceRow

    @property
    def uncertain(self) -> int:
        """How far the two bounds are apart."""
        return self.amount - self.lower


def price(card: RateCard, usage: Usage) -> Price:
    """What a request costs. A - F = W + G - S, exactly.

    Args:
        card: with its rows.
        usage: what was used (`usage_of`, `usage_at`).

    Raises:
        UnpricedError: the card has no row for it, or the row has no rate for something that it used.
    """
    row = _row(card, usage, usage.model, usage.counts.logical)
    if usage.models is None:
        tokens = [tokens_of(row, usage.counts, usage.units, None)]
    else:
        tokens = _by_model(card, usage, usage.models, row)
    beside = _beside(row, usage)
    storage = sum(line.amount for line in beside if line.unit == STORAGE)
    lines = [line for one in tokens for line in one.lines]
    amount = sum(line.amount for line in lines)
    units = sum(line.amount for line in beside)
    full_input = sum(one.full_input for one in tokens)
    output = sum(line.amount for line in lines if line.kind == OUTPUT)
    return Price(
        (*lines, *beside),
        amount + units,
        sum(one.lower for one in tokens) + units,
        full_input + output + units - storage,
        full_input,
        sum(one.read_saving for one in tokens),
        sum(one.write_premium for one in tokens),
        storage,
        row,
    )


def _row(card: RateCard, usage: Usage, model: str, logical: int) -> PriceRow:
    asked = usage if model == usage.model else usage._replace(model=model)
    row = card.row(asked, logical)
    if row is None:
        terms = ", ".join(f"{name} {term}" for name, term in sorted(usage.terms.items()))
        wanted = f"{usage.provider}, {model}, " + (terms or "no terms")
        raise UnpricedError("model", f"a row for {wanted}", "none")
    return row


def _by_model(
    card: RateCard, usage: Usage, models: Mapping[str, TokenCounts], of_response: PriceRow
) -> list[Tokens]:
    """The tokens of several models, each at its own row. Parts are not stated by model, so they cannot be priced apart."""
    rows = {model: _row(card, usage, model, counts.logical) for model, counts in models.items()}
    for part in usage.units:  # in the order of the receipt
        if part in PARTS and usage.units[part] and any(part in row.parts for row in rows.values()):
            raise UnpricedError(f"units.{part}", "the part by model", "one number")
    if usage.model not in models and any(usage.units.get(unit) for unit in of_response.units):
        raise UnpricedError("model", "one of the models", usage.model)
    return [tokens_of(rows[model], counts, {}, model) for model, counts in models.items()]


def _beside(row: PriceRow, usage: Usage) -> list[PricedLine]:
    """What stands beside the tokens, where the row has a price for it."""
    model = None if usage.models is None else usage.model
    return [
        PricedLine(BESIDE, None, usage.units[unit], rate.rate, unit, rate.per, model)
        for unit, rate in sorted(row.units.items())
        if usage.units.get(unit)
    ]

"""What moves of a session to another backend forfeited: the cache that was warm at the one before."""

from __future__ import annotations

import json
from typing import Any, Final

from attribution.money.amounts import money
from attribution.money.ledger.ledger import Key, Ledger
from attribution.money.prices import PriceError
from verifier import PriceRow, RateCard, TokenCounts, Usage

LONGEST_GAP_MS: Final = 300_000
_MOVES: Final = f"""
WITH steps AS (                    -- each request of a session with the one before it
    SELECT *, lag(model) OVER s AS model_before, lag(provider) OVER s AS provider_before, lag(terms) OVER s AS terms_before,
        lag(time) OVER s AS time_before, lag(coalesce(cached, 0) + coalesce(written, 0)) OVER s AS warm
    FROM receipts WHERE session IS NOT NULL
    WINDOW s AS (PARTITION BY session ORDER BY time, request, item)
)
SELECT model_before, model, team, provider_before, terms_before, time, request,
    least(warm, logical) AS front, logical, coalesce(cached, 0), coalesce(output, 0), amount
FROM steps
WHERE model_before <> model AND time - time_before <= {LONGEST_GAP_MS} AND least(warm, logical) > 0
ORDER BY ALL
"""  # noqa: S608  # numbers of our own


def routing(ledger: Ledger, card: RateCard) -> list[dict[str, Any]]:
    """Moves by the two models and the team: what was paid, and what it had cost to stay.

    Raises:
        PriceError: the card does not say what it had cost.
    """
    sums: dict[tuple[str, str, str | None], list[int]] = {}
    for move in ledger.ask(_MOVES):
        forfeited, paid, stayed = _costs(move, card)
        total = sums.setdefault(move[:3], [0, 0, 0, 0])
        for at, value in enumerate((1, forfeited, paid, stayed)):
            total[at] += value
    return [
        {
            "from": before, "to": after, "team": team, "moves": moves, "forfeited": money(forfeited),
            "paid": money(paid), "had_it_stayed": money(stayed), "loss": money(paid - stayed),
        }
        for (before, after, team), (moves, forfeited, paid, stayed) in sorted(sums.items(), key=_order)
    ]  # fmt: skip


def _order(item: tuple[tuple[str, str, str | None], list[int]]) -> tuple[str, str, bool, str]:
    (before, after, team), _ = item
    return before, after, team is not None, team or ""


def _costs(move: Key, card: RateCard) -> tuple[int, int, int]:
    """Forfeited, paid, and had it stayed."""
    *_, front, logical, cached, output, amount = move
    row = _row(move, card, logical)
    plain = row.input or 0
    read = plain if row.cached is None else row.cached
    stayed = (logical - front) * plain + front * read + output * (row.output or 0)
    return max(0, front - cached) * (plain - read), amount, stayed


def _row(move: Key, card: RateCard, logical: int) -> PriceRow:
    """The row of the backend before, for the time and size of the request."""
    model, _, _, provider, terms, time, request, *_ = move
    selecting, tier = json.loads(terms)
    counts = TokenCounts(logical, None, None, None, None, None)
    usage = Usage(
        provider or None, model.removeprefix(f"{provider}/"), selecting, tier, time, counts, {}
    )
    row = card.row(usage, logical)
    if row is None:
        raise PriceError(request, f"the card has no row for {model}, where its session was before")
    return row

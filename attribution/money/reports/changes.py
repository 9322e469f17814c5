"""What changed in how the models are asked: the same again and again, and features that moved to another model."""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any, Final

from attribution.money.amounts import half_up, money
from attribution.money.ledger.ledger import Key, Ledger
from attribution.money.moments import instant

_LEAST: Final = 10
"""Requests of a run that is told."""
_REPEATS: Final = f"""
WITH steps AS (                    -- each request with the one of its size before it: does it begin a run?
    SELECT *, coalesce(time - lag(time) OVER same > 60000, TRUE)::INTEGER AS begins FROM receipts WHERE logical > 0
    WINDOW same AS (PARTITION BY team, feature, customer, model, logical ORDER BY time, request, item)
),
runs AS (
    SELECT *, sum(begins) OVER (PARTITION BY team, feature, customer, model, logical ORDER BY time, request, item
        ROWS UNBOUNDED PRECEDING) AS run FROM steps
)
SELECT team, feature, customer, model, min(time), max(time), logical, count(*), sum(amount),
    sum(amount) - first(amount ORDER BY time, request, item)
FROM runs GROUP BY team, feature, customer, model, logical, run HAVING count(*) >= {_LEAST}
ORDER BY team, feature, customer, model, min(time), logical
"""  # noqa: S608  # a number of our own
_WEEKS: Final = """
SELECT feature, date_trunc('week', day)::DATE AS week, model, count(*), sum(amount)
FROM receipts WHERE feature IS NOT NULL AND logical > 0 GROUP BY ALL ORDER BY feature, week, model
"""


def repeats(ledger: Ledger) -> list[dict[str, Any]]:
    """Runs of requests of one size, by one customer: retries, it may be, of which each was paid."""
    return [
        {
            "team": team, "feature": feature, "customer": customer, "model": model, "first": instant(first), "last": instant(last),
            "logical": logical, "requests": requests, "spend": money(spend), "after_the_first": money(after),
        }
        for team, feature, customer, model, first, last, logical, requests, spend, after in ledger.ask(_REPEATS)
    ]  # fmt: skip


def moved_features(ledger: Ledger, least: int) -> list[dict[str, Any]]:
    """Features that asked another model than the week before for most of their requests.

    Args:
        ledger: loaded.
        least: requests of a feature in a week; weeks with fewer are passed over.
    """
    found: list[dict[str, Any]] = []
    for feature, rows in groupby(ledger.ask(_WEEKS), key=lambda row: row[0]):
        weeks = [(week, list(cells)) for week, cells in groupby(rows, key=lambda row: row[1])]
        counted = [(week, _week(cells)) for week, cells in weeks]
        kept = [(week, sums) for week, sums in counted if sums[1] >= least]
        for (_, before), (week, after) in pairwise(kept):
            if before[0] != after[0]:
                found.append(
                    {
                        "feature": feature, "week": str(week), "from": before[0], "to": after[0], "requests": after[1],
                        "cost_per_request_before": _each(before), "cost_per_request": _each(after),
                    }
                )  # fmt: skip
    return found


def _week(cells: list[Key]) -> tuple[str, int, int]:
    """The model with the most requests, of equal ones the lower name; all requests, and what they cost."""
    first = max(cells, key=lambda cell: cell[3])
    return first[2], sum(cell[3] for cell in cells), sum(cell[4] for cell in cells)


def _each(week: tuple[str, int, int]) -> str:
    _, requests, amount = week
    return money(half_up(Fraction(amount, requests)))

"""Prefixes over time, those that nobody owns, and what depends on each."""

from __future__ import annotations

from typing import Any, Final

from attribution.money.amounts import money, ratio
from attribution.money.ledger.ledger import Ledger

_TREND: Final = """
SELECT {span} AS span, prefix, sum(length), sum(hit), sum(hit * saving_rate), sum(excess)
FROM prefixes GROUP BY ALL ORDER BY span, prefix
"""
_SPANS: Final = {"week": "date_trunc('week', day)::DATE", "day": "day"}
_UNOWNED: Final = """
SELECT prefix, count(*), sum(hit), sum(hit * saving_rate), list_sort(list(DISTINCT team) FILTER (team IS NOT NULL))
FROM prefixes WHERE source = 3 GROUP BY prefix ORDER BY prefix
"""
_EXPOSED: Final = """
SELECT prefix, owner, count(*), sum(hit), sum(hit * saving_rate), sum(inner_premium)
FROM prefixes GROUP BY ALL ORDER BY prefix
"""


def trend(ledger: Ledger, span: str) -> list[dict[str, Any]]:
    """Hit rate, saving and excess of each prefix by ``week`` (its Monday) or ``day``, all models together."""
    return [
        {
            span: str(when), "prefix": prefix, "tokens": tokens, "hit": hit, "hit_rate": ratio(hit, tokens),
            "saving": money(saving), "excess": money(excess),
        }
        for when, prefix, tokens, hit, saving, excess in ledger.ask(_TREND.format(span=_SPANS[span]))
    ]  # fmt: skip


def unowned(ledger: Ledger) -> list[dict[str, Any]]:
    """Prefixes that several teams share and nobody has registered."""
    return [
        {
            "prefix": prefix, "requests": requests, "hit_tokens": hit, "saving": money(saving), "teams": teams,
        }
        for prefix, requests, hit, saving, teams in ledger.ask(_UNOWNED)
    ]  # fmt: skip


def exposed(ledger: Ledger) -> list[dict[str, Any]]:
    """What it costs if the cache of one prefix stops: what its hits save, less what writing it costs."""
    return [
        {
            "prefix": prefix, "owner": owner, "requests": requests, "hit_tokens": hit, "saving": money(saving),
            "write_premium": money(premium), "exposure": money(saving - premium),
        }
        for prefix, owner, requests, hit, saving, premium in ledger.ask(_EXPOSED)
    ]  # fmt: skip

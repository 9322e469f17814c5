"""How much of the spend is attributed cleanly, what the rest lacks, and who owns it."""

from __future__ import annotations

from typing import Any, Final

from attribution.money.amounts import money, ratio
from attribution.money.ledger.ledger import Ledger
from attribution.money.registry import Registry

_CLEAN: Final = """
SELECT count(*), count(*) FILTER (gaps = 0), coalesce(sum(amount), 0), coalesce(sum(amount) FILTER (gaps = 0), 0)
FROM receipts
"""
_GAPS: Final = """
SELECT tag, reason, count(*), sum(amount) FROM gaps JOIN receipts USING (item) GROUP BY ALL ORDER BY ALL
"""


def attributed(ledger: Ledger, registry: Registry) -> dict[str, Any]:
    """The attributed share, and the gaps by tag and reason."""
    requests, clean, spend, clean_spend = ledger.one(_CLEAN)
    return {
        "requests": requests,
        "clean_requests": clean,
        "spend": money(spend),
        "clean_spend": money(clean_spend),
        "share": ratio(clean_spend, spend),
        "owner": registry.tagging.owner,
        "gaps": [
            {"tag": tag, "reason": reason, "requests": count, "spend": money(amount)}
            for tag, reason, count, amount in ledger.ask(_GAPS)
        ],
    }

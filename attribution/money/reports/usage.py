"""What was used: classes by team, computed tokens by model, and whether the columns of usage are there at all."""

from __future__ import annotations

from typing import Any, Final

from attribution.money.amounts import money
from attribution.money.ledger.ledger import Ledger
from attribution.money.moments import instant

_CLASSES: Final = """
SELECT team, class, sum(quantity), sum(lines.amount) FROM lines JOIN receipts USING (item) GROUP BY ALL
UNION ALL
SELECT team, 'output: of it reasoning', sum(reasoning), 0 FROM receipts WHERE reasoning > 0 GROUP BY team
ORDER BY 1, 2
"""
_CAPACITY: Final = """
SELECT model, hour, sum(logical - coalesce(cached, 0) + coalesce(output, 0)) FROM receipts GROUP BY ALL ORDER BY ALL
"""
_COLUMNS: Final = {
    "input": "logical", "cached": "cached", "writes": "written", "output": "output", "model": "model",
    "team": "stated_team", "surface": "surface",
}  # fmt: skip
_NUMBERS: Final = ("input", "cached", "writes", "output")
_HOUR_MS: Final = 3_600_000


def classes(ledger: Ledger) -> list[dict[str, Any]]:
    """Quantity and amount by team and class; output includes reasoning."""
    return [
        {"team": team, "class": name, "quantity": quantity, "amount": money(amount)}
        for team, name, quantity, amount in ledger.ask(_CLASSES)
    ]


def capacity(ledger: Ledger) -> list[dict[str, Any]]:
    """Tokens that were computed, by model, and the hour with the most (of equal ones the earliest)."""
    hours: dict[str, list[tuple[int, int]]] = {}
    for model, hour, tokens in ledger.ask(_CAPACITY):
        hours.setdefault(model, []).append((hour, tokens))
    found = []
    for model, counted in hours.items():
        peak, most = max(counted, key=lambda one: one[1])
        whole = sum(tokens for _, tokens in counted)
        found.append(
            {
                "model": model,
                "computed_tokens": whole,
                "peak_hour": instant(peak * _HOUR_MS),
                "peak_tokens": most,
            }
        )
    return found


def audit(ledger: Ledger) -> list[dict[str, Any]]:
    """For each provider: which columns are stated, and which say anything."""
    counts = ", ".join(
        f"count({column}), count({column}) FILTER ({column} <> {0 if name in _NUMBERS else repr('')})"
        for name, column in _COLUMNS.items()
    )
    query = f"SELECT provider, {counts} FROM receipts WHERE logical > 0 GROUP BY provider ORDER BY provider"  # noqa: S608  # names of our own
    found = []
    for provider, *numbers in ledger.ask(query):
        for place, column in enumerate(_COLUMNS):
            present, nonzero = numbers[2 * place : 2 * place + 2]
            verdict = "missing" if not present else "ok" if nonzero else "always zero"
            found.append(
                {
                    "provider": provider,
                    "column": column,
                    "present": present,
                    "nonzero": nonzero,
                    "verdict": verdict,
                }
            )
    return found

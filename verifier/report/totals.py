"""Totals as rows of a report: a name, and a value in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from verifier.format.claims import Totals
from verifier.report.escape import escape

_PICOUNITS: Final = 10**12
_TTL: Final = {
    0: "TTL not stated",
    300: "5 min",
    1800: "30 min",
    3600: "1 h",
    43200: "12 h",
    86400: "24 h",
}


def totals_rows(totals: Totals, uncounted: int) -> Iterator[tuple[str, str]]:
    """The totals, and where there are corrections, what they changed.

    Args:
        totals: the sums.
        uncounted: logical tokens of receipts that do not state a cached count.
    """
    if totals.logical is not None:
        yield "logical", f"{totals.logical:,} input tokens"
    if totals.cached is not None and totals.attributed is not None:
        yield "cached", f"{totals.cached:,}"
        yield "attributed", f"{totals.attributed:,}"
    if uncounted:
        yield "not counted", f"{uncounted:,} of logical, of receipts without a cached count"
    if totals.writes is not None:
        yield (
            "of it writes",
            ", ".join(
                f"{_TTL.get(ttl, f'{ttl} s')}: {tokens:,}"
                for ttl, tokens in sorted(totals.writes.items())
            ),
        )
    if totals.output is not None:
        reasoning = "" if totals.reasoning is None else f", of it reasoning {totals.reasoning:,}"
        yield "output", f"{totals.output:,} tokens{reasoning}"
    for unit, quantity in sorted((totals.units or {}).items()):
        yield "unit", f"{escape(unit)}: {quantity:,}"
    for currency, amount in sorted((totals.amounts or {}).items()):
        yield "charged", money(currency, amount)
    if totals.corrected is not None and totals.corrections is not None:
        yield "corrected", _brief(totals.corrected)
        yield "instead", _brief(totals.corrections)
        yield from _net(totals, totals.corrected, totals.corrections)


def _brief(totals: Totals) -> str:
    counts = [("logical", totals.logical), ("cached", totals.cached), ("output", totals.output)]
    words = [f"{name} {count:,}" for name, count in counts if count is not None]
    words += [f"{escape(unit)} {count:,}" for unit, count in sorted((totals.units or {}).items())]
    words += [money(*amount) for amount in sorted((totals.amounts or {}).items())]
    return ", ".join(words)


def _net(totals: Totals, before: Totals, after: Totals) -> Iterator[tuple[str, str]]:
    """What is owed, all in all: a credit for an earlier period can be more than what this one bills."""
    amounts = [one.amounts or {} for one in (totals, before, after)]
    for currency in sorted({currency for one in amounts for currency in one}):
        plain, less, more = (one.get(currency, 0) for one in amounts)
        yield "net", money(currency, plain - less + more)


def money(currency: str, amount: int) -> str:
    """An amount in picounits, as a decimal number with all twelve digits."""
    sign, picounits = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{picounits // _PICOUNITS:,}.{picounits % _PICOUNITS:012d} {currency}"

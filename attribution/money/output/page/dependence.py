"""What depends on the cache, and how it went over time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Final

from attribution.money.output.page.figures import Figures, percent, picounits_of, share_of
from attribution.money.output.page.markup import paragraph, section, side_by_side, table
from attribution.money.output.page.plots import LINES, Bar, bars, columns, rates

_MOST: Final = 10
"""Rows of tables that could be long."""


def exposure(found: Figures) -> str:
    """What happens to the margin if caching stops working."""
    whole = {name: picounits_of(amount) for name, amount in found.document["exposure"].items()}
    money = found.with_currency
    told = f"If caching stops, the same requests cost {money(whole['exposure'])} more."
    if whole["revenue"]:
        margins = money(whole["margin"]), money(whole["margin_without_cache"])
        told += f" The margin, with shared costs, falls from {margins[0]} to {margins[1]}."
    else:
        told += " No revenue is registered, so there is no margin to tell."
    rows = sorted(found.document["exposure_by_prefix"], key=_exposed, reverse=True)
    plot = [Bar(row["prefix"], _exposed(row), found.of(_exposed(row))) for row in rows[:_MOST]]
    parts = [
        paragraph(told),
        *([side_by_side([bars(f"Exposure by prefix in {found.currency}", plot)])] if plot else []),
        _prefixes(found, rows),
        _customers(found),
    ]
    return section("What depends on the cache", parts)


def _exposed(row: dict[str, Any]) -> int:
    return picounits_of(row["exposure"])


def _prefixes(found: Figures, rows: list[dict[str, Any]]) -> str:
    cells = [
        [row["prefix"], row["owner"], f"{row['requests']:,}", *(found.amount(row[name]) for name in ("saving", "write_premium", "exposure"))]
        for row in rows
    ]  # fmt: skip
    names = ["prefix", "owner", "requests", "saving", "write premium", "exposure"]
    return table("Exposure by prefix", names, cells, 2)


def _customers(found: Figures) -> str:
    rows = sorted(found.document["margin"], key=_exposed, reverse=True)
    names = ["revenue", "cost", "margin", "margin_without_cache", "exposure"]
    cells = [[row["customer"], *(found.amount(row[name]) for name in names)] for row in rows[:_MOST]]  # fmt: skip
    caption = "Customers with the greatest exposure"
    if len(rows) > _MOST:
        caption += f", {_MOST} of {len(rows):,}"
    return table(caption, ["customer", *(name.replace("_", " ") for name in names)], cells)


def over_time(found: Figures) -> str:
    """Spend, saving and hit rates by week (or day)."""
    rows = found.document["trend"]
    span = "day" if rows and "day" in rows[0] else "week"
    spent = _spent(found, span)
    names = sorted({*spent, *(row[span] for row in rows)})
    saving, excess, hit, tokens = (
        _sums(rows, span, names, name) for name in ("saving", "excess", "hit", "tokens")
    )
    labels = [name[5:] for name in names]
    spending = [spent.get(name, 0) for name in names]
    cells = [
        [name, found.of(spending[at]), found.of(saving[at]), found.of(excess[at]), percent(share_of(hit[at], tokens[at]))]
        for at, name in enumerate(names)
    ]  # fmt: skip
    plots = [
        columns(f"Spend by {span} in {found.currency}", labels, {"spend": spending}, _top(found, spending)),
        columns(f"Saving and excess by {span} in {found.currency}", labels, {"saving": saving, "excess": excess},
                _top(found, [*saving, *excess])),
        _hit_rates(rows, span, names),
    ]  # fmt: skip
    words = "Excess is what requests with a prefix paid above a full hit of the cache."
    head = [span, "spend", "saving", "excess", "hit rate"]
    parts = [
        paragraph(words),
        side_by_side(plots),
        table(f"By {span}", head, cells),
        _rates(rows, span, names),
    ]
    return section(f"{span.capitalize()} by {span}", parts)


def _spent(found: Figures, span: str) -> dict[str, int]:
    spent: dict[str, int] = {}
    for row in found.document["methods"]["direct"]["day"]:
        day = date.fromisoformat(row["day"])
        start = str(day - timedelta(day.weekday()) if span == "week" else day)
        spent[start] = spent.get(start, 0) + picounits_of(row["amount"])
    return spent


def _sums(rows: list[dict[str, Any]], span: str, names: list[str], name: str) -> list[int]:
    sums = dict.fromkeys(names, 0)
    for row in rows:
        value = row[name]
        sums[row[span]] += value if isinstance(value, int) else picounits_of(value)
    return [*sums.values()]


def _top(found: Figures, values: list[int]) -> str:
    return found.of(max([0, *values]))


def _largest(rows: list[dict[str, Any]]) -> list[str]:
    """Prefixes, those with the most tokens first."""
    tokens: dict[str, int] = {}
    for row in rows:
        tokens[row["prefix"]] = tokens.get(row["prefix"], 0) + row["tokens"]
    return sorted(tokens, key=lambda prefix: (-tokens[prefix], prefix))


def _hit_rates(rows: list[dict[str, Any]], span: str, names: list[str]) -> str:
    known = {(row["prefix"], row[span]): Fraction(row["hit_rate"]) for row in rows}
    largest = _largest(rows)
    series = {prefix: [known.get((prefix, name)) for name in names] for prefix in largest}
    few = "" if len(largest) <= LINES else f", the {LINES} largest prefixes"
    return rates(f"Hit rate by {span}{few}", [name[5:] for name in names], series)


def _rates(rows: list[dict[str, Any]], span: str, names: list[str]) -> str:
    known = {(row["prefix"], row[span]): percent(Fraction(row["hit_rate"])) for row in rows}
    cells = [
        [prefix, *_of_prefix(known, prefix, names)] for prefix in _largest(rows)
    ]  # fmt: skip
    return table(f"Hit rate of each prefix by {span}", ["prefix", *names], cells)


def _of_prefix(known: dict[tuple[str, str], str], prefix: str, names: list[str]) -> Iterator[str]:
    return (known.get((prefix, name), "-") for name in names)

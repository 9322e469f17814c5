"""What was spent, by whom, and what the cache saved: the first parts of the page."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from attribution.money.output.page.figures import Figures, percent, picounits_of, share_of
from attribution.money.output.page.markup import figures, paragraph, section, side_by_side, table
from attribution.money.output.page.plots import Bar, bars

_MOST: Final = 20
"""Bars of a plot."""
_METHODS: Final = ("direct", "warmup-adjusted", "platform-tax", "pooled")


def in_short(found: Figures) -> str:
    """The figures that everything else explains."""
    return figures(_in_short(found))


def _in_short(found: Figures) -> Iterator[tuple[str, str, str]]:
    totals, attributed = found.document["totals"], found.document["attributed"]
    invoice, full, net = (picounits_of(totals[name]) for name in ("invoice", "full_price", "net_saving"))  # fmt: skip
    requests = f"{found.document['receipts']:,} requests"
    yield "Spend", found.with_currency(invoice), requests
    yield "Without the cache", found.with_currency(full), "the same requests at full price"
    saved = f"{percent(share_of(net, full))} of the full price"
    yield "Saved by the cache", found.with_currency(net), saved
    share = None if attributed["share"] is None else Fraction(attributed["share"])
    owner = attributed["owner"]
    rest = "the rest has no owner" if owner is None else f"the rest is owned by {owner}"
    yield "Attributed cleanly", percent(share), rest
    uncertain = picounits_of(found.document["uncertain"])
    if uncertain:
        yield "Uncertain", found.with_currency(uncertain), "the spend may be less by this much"


def spend(found: Figures) -> str:
    """Spend by team: as it is charged, and by the other methods."""
    document = found.document
    compared = [
        [row["team"], *(found.amount(row[method]) for method in _METHODS)]
        for row in document["compare"]
    ]
    charged = [
        [row["team"], row["cost_center"] or "-", row["amount"]] for row in document["chargeback"]
    ]
    caption = f"Chargeback in {found.currency}, method {document['method']}"
    parts = [
        side_by_side([_bars_by(found, "team"), _bars_by(found, "model")]),
        table("Spend by team, by each method", ["team", *_METHODS], compared),
        table("Spend by model", ["model", "amount"], _rows_by(found, "model")),
        table(caption, ["team", "cost center", "amount"], charged, 2),
        *_budgets(found),
    ]
    return section("Spend", parts)


def _bars_by(found: Figures, dimension: str) -> str:
    """The spend of the method by a dimension, the most first."""
    method = found.document["method"]
    amounts = [(row[dimension], picounits_of(row["amount"])) for row in found.document["methods"][method][dimension]]  # fmt: skip
    amounts.sort(key=lambda one: -one[1])
    few = f", the {_MOST} largest" if len(amounts) > _MOST else ""
    plot = [Bar(name, amount, found.of(amount)) for name, amount in amounts[:_MOST]]
    return bars(f"Spend by {dimension} in {found.currency}, method {method}{few}", plot)


def _rows_by(found: Figures, dimension: str) -> list[list[str | None]]:
    rows = found.document["methods"][found.document["method"]][dimension]
    return [[row[dimension], found.amount(row["amount"])] for row in rows]


def _budgets(found: Figures) -> Iterator[str]:
    rows = found.document.get("budgets", [])
    if rows:
        cells = [
            [row["team"], *(found.amount(row[name]) for name in ("budget", "spent", "left"))]
            for row in rows
        ]
        yield table("Budgets", ["team", "budget", "spent", "left"], cells)


def contributions(found: Figures) -> str:
    """The cache tax: which teams the cache earned something, and which it cost."""
    document = found.document
    rule = document["breakage"]
    rows = document["cache_tax"][rule]
    names = [name for name in rows[0] if name != "team"] if rows else ["net"]
    last = "net_of_engineering" if "net_of_engineering" in names else "net"
    ordered = sorted(rows, key=lambda row: -picounits_of(row[last]))
    plot = [Bar(row["team"], picounits_of(row[last]), found.amount(row[last])) for row in ordered]
    cells = [[row["team"], *(found.amount(row[name]) for name in names)] for row in rows]
    words = (
        "Above zero a team's requests saved more than its misses, broken caches, warm-ups, writes and storage cost; "
        f"below zero they cost more. Who pays when a cache breaks: rule {rule}."
    )
    parts = [
        paragraph(words),
        side_by_side([bars(f"Net contribution by team in {found.currency}", plot)]),
        table("Credit and costs of the cache by team", ["team", *(name.replace("_", " ") for name in names)], cells),
    ]  # fmt: skip
    return section("Who contributes, and who draws", parts)

"""What was spent, by whom, and what the cache saved: the first parts of the page."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from attribution.money.output.page.figures import Figures, percent, picounits_of, share_of
from attribution.money.output.page.markup import figures, paragraph, section, side_by_side, table
from attribution.money.output.page.plots import Bar, bars

_METHODS = ("direct", "warmup-adjusted", "platform-tax", "pooled")


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
    document, method = found.document, found.document["method"]
    rows = [
        (row["team"], picounits_of(row["amount"])) for row in document["methods"][method]["team"]
    ]
    plot = [Bar(team, amount, found.of(amount)) for team, amount in rows]
    columns = [found.amount(row[method]) for row in document["compare"] for method in _METHODS]
    each = len(_METHODS)
    compared = [
        [row["team"], *columns[each * at : each * (at + 1)]]
        for at, row in enumerate(document["compare"])
    ]
    charged = [
        [row["team"], row["cost_center"] or "-", row["amount"]] for row in document["chargeback"]
    ]
    parts = [
        side_by_side([bars(f"Spend by team in {found.currency}, method {method}", plot), _by_model(found)]),
        table("Spend by team, by each method", ["team", *_METHODS], compared),
        table(f"Chargeback in {found.currency}, method {method}", ["team", "cost center", "amount"], charged, 2),
        *_budgets(found),
    ]  # fmt: skip
    return section("Spend", parts)


def _by_model(found: Figures) -> str:
    method = found.document["method"]
    rows = [
        (row["model"], picounits_of(row["amount"]))
        for row in found.document["methods"][method]["model"]
    ]
    plot = [Bar(model, amount, found.of(amount)) for model, amount in rows]
    return bars(f"Spend by model in {found.currency}", plot)


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
    plot = [Bar(row["team"], picounits_of(row[last]), found.amount(row[last])) for row in rows]
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

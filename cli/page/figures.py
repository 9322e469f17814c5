"""The pictures of a report, each with its numbers in a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cli.page import charts
from cli.page.blocks import folded, section, table
from cli.page.markup import Markup, tag, together
from cli.page.words import DASH, instant, number, plural, rate

_TOKENS: Final[tuple[tuple[str, str], ...]] = (("attributed", "computed"), ("cached", "read from a cache"), ("unstated", "cached not stated"))  # fmt: skip
_FOUND: Final = (("findings", "findings"),)
_OPEN: Final = 8
"""So many streams are shown without a click."""


def pictures(report: dict[str, Any]) -> Markup | None:
    """Tokens over time, hit rate by model, coverage of the streams, findings over time."""
    figures = report["figures"]
    if figures is None or not figures["time"]:
        return None
    return together(
        _tokens(figures), _models(figures), _streams(figures), _found(figures, report["codes"])
    )


def _tokens(figures: dict[str, Any]) -> Markup:
    slots = [
        slot
        | {"unstated": max(0, int(slot["logical"]) - int(slot["cached"]) - int(slot["attributed"]))}
        for slot in figures["time"]
    ]
    parts = [one for one in _TOKENS if one[0] != "unstated" or any(s["unstated"] for s in slots)]
    rows = [
        (
            instant(s["start"]), number(s["receipts"]), number(s["logical"]), number(s["cached"]), number(s["attributed"]),
            rate(int(s["cached"]), int(s["logical"])),
        )
        for s in slots
    ]  # fmt: skip
    heads = ("From", "Receipts", "Logical", "Cached", "Attributed", "Hit rate")
    return section(
        "tokens",
        "Input tokens over time",
        charts.legend(parts),
        charts.bars(slots, parts, "Input tokens over time, computed and read from a cache"),
        folded("The numbers", table(heads, rows, caption=f"Input tokens, by {_step(figures)}", numbers=1)),
    )  # fmt: skip


def _step(figures: dict[str, Any]) -> str:
    minutes = int(figures["step"]) // 60_000
    for size, noun in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            return noun if minutes == size else plural(minutes // size, noun)
    return plural(minutes, "minute")


def _models(figures: dict[str, Any]) -> Markup:
    rows = [
        (
            one["model"],
            charts.share(int(one["cached"]), int(one["logical"])),
            rate(int(one["cached"]), int(one["logical"])),
            number(one["cached"]),
            number(one["logical"]),
            number(one["receipts"]),
        )
        for one in figures["models"]
    ]
    heads = ("Model", "Share", "Hit rate", "Cached", "Logical", "Receipts")
    caption = "Of each model's input tokens, how many were read from a cache"
    more = int(figures["models_left_out"])
    return section(
        "models",
        "Hit rate by model",
        table(heads, rows, caption=caption, numbers=2),
        tag("p", f"{plural(more, 'more model')} with fewer tokens.", class_="note") if more else None,
    )  # fmt: skip


def _streams(figures: dict[str, Any]) -> Markup:
    rows = [
        (
            one["stream"],
            charts.coverage(one),
            f"{number(one['receipts'])} of {number(int(one['next']) - int(one['first']))}",
            _runs(one),
        )
        for one in figures["streams"]
    ]
    heads = ("Stream", "Sequences", "Receipts", "Missing sequences")
    caption = "Each stream counts its receipts from 0, without a gap"
    more = int(figures["streams_left_out"])
    all_rows = table(heads, rows, caption=caption)
    gaps = sum(int(one["gaps"]) for one in figures["streams"])
    summary = (
        f"{plural(len(rows), 'stream')}, {plural(gaps, 'gap')}" if gaps or len(rows) > _OPEN else ""
    )
    return section(
        "streams",
        "Coverage of the sequences",
        folded(summary, all_rows, opened=len(rows) <= 3 * _OPEN) if summary else all_rows,
        tag("p", f"{plural(more, 'more stream')} with fewer gaps.", class_="note") if more else None,
    )  # fmt: skip


def _runs(stream: dict[str, Any]) -> str:
    if not int(stream["gaps"]):
        return "none"
    runs = [
        number(a) if a == b else f"{number(a)}{DASH}{number(b)}" for a, b in stream["missing"][:5]
    ]
    more = int(stream["gaps"]) - len(runs)
    return ", ".join(runs) + (f", and {plural(more, 'more gap')}" if more > 0 else "")


def _found(figures: dict[str, Any], codes: Sequence[dict[str, Any]]) -> Markup | None:
    if not codes:
        return None
    slots, undated = figures["time"], int(figures["undated"])
    rows = [(instant(s["start"]), number(s["findings"])) for s in slots if int(s["findings"])]
    note = f"{plural(undated, 'finding')} of no receipt, so of no time." if undated else None
    if not rows:
        return section("found", "Findings over time", tag("p", note or "None has a time."))
    return section(
        "found",
        "Findings over time",
        charts.bars(slots, _FOUND, "Findings over time"),
        tag("p", note, class_="note") if note else None,
        folded("The numbers", table(("From", "Findings"), rows, caption=f"Findings, by {_step(figures)}", numbers=1)),
    )  # fmt: skip

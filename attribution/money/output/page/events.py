"""What happened: broken caches, untagged traffic, spikes, repeated requests."""

from __future__ import annotations

from typing import Any, Final

from attribution.money.output.page.figures import Figures, picounits_of
from attribution.money.output.page.markup import section, table

_MOST: Final = 10
"""Rows of tables that could be long."""


def events(found: Figures) -> str:
    """Each kind of event, and what it cost."""
    parts = [_breaks(found), _unowned(found), _gaps(found), _repeats(found), _moved(found), _spike_days(found), _spike(found)]  # fmt: skip
    return section("What happened", parts)


def _breaks(found: Figures) -> str:
    rule = found.document["breakage"]
    cells = [
        [
            row["prefix"], row["model"], _cause(row),
            ", ".join(f"{team} {found.amount(amount)}" for team, amount in row["pays"][rule].items()),
            row["start"][:10], row["end"][:10], f"{row['requests']:,}",
        ]
        for row in found.document["breaks"]
    ]  # fmt: skip
    names = ["prefix", "model", "cause", "who pays", "from", "to", "requests"]
    return table("Broken caches", names, cells, 4)


def _cause(row: dict[str, Any]) -> str:
    cause, reasons = row["cause"], ", ".join(row["provider_reasons"])
    told = (
        row["evidence"]
        if cause is None
        else f"{cause['team']}: {cause['what']} ({row['evidence']})"
    )
    return f"{told}; provider: {reasons}" if reasons else str(told)


def _unowned(found: Figures) -> str:
    cells = [
        [row["prefix"], ", ".join(row["teams"]), f"{row['requests']:,}", found.amount(row["saving"])]
        for row in found.document["unowned_prefixes"]
    ]  # fmt: skip
    return table("Prefixes without an owner", ["prefix", "teams", "requests", "saving"], cells, 2)


def _gaps(found: Figures) -> str:
    cells = [
        [row["tag"], row["reason"], f"{row['requests']:,}", found.amount(row["spend"])]
        for row in found.document["attributed"]["gaps"]
    ]
    return table("Requests that lack a tag", ["tag", "reason", "requests", "spend"], cells, 2)


def _repeats(found: Figures) -> str:
    rows = sorted(found.document["repeats"], key=lambda row: picounits_of(row["spend"]), reverse=True)  # fmt: skip
    cells = [
        [
            row["team"], row["feature"], row["customer"], row["model"], row["first"][:16] + "Z", f"{row['requests']:,}",
            found.amount(row["spend"]),
        ]
        for row in rows[:_MOST]
    ]  # fmt: skip
    names = ["team", "feature", "customer", "model", "from", "requests", "spend"]
    return table("The same request again and again", names, cells, 4)


def _moved(found: Figures) -> str:
    cells = [
        [row["feature"], row["week"], row["from"], row["to"], found.fine(row["cost_per_request_before"]), found.fine(row["cost_per_request"])]
        for row in found.document["moved_features"]
    ]  # fmt: skip
    names = ["feature", "week", "from", "to", "a request before", "a request after"]
    return table("Features that moved to another model", names, cells, 4)


def _spike_days(found: Figures) -> str:
    cells = [[row["day"], found.amount(row["spend"])] for row in found.document["spike_days"]]
    caption = "Days that cost more than 1.3 times the week before"
    return table(caption, ["day", "spend"], cells)


def _spike(found: Figures) -> str:
    spike = found.document.get("spike")
    if spike is None:
        return table("What rose most from one week to the next", [], [])
    rows = sorted(spike["rows"], key=_rise, reverse=True)[:_MOST]
    names = ["before", "after", "volume", "mix", "new_or_ended", "size", "hit_rate", "price"]
    cells = [[row["feature"], row["model"], *(found.amount(row[name]) for name in names)] for row in rows]  # fmt: skip
    (first, _), (second, end) = spike["before"], spike["after"]
    caption = f"What rose most, from the time {first} to {second} to the time {second} to {end}"
    heads = ["feature", "model", *(name.replace("_", " ") for name in names)]
    return table(caption, heads, cells, 2)


def _rise(row: dict[str, Any]) -> int:
    return picounits_of(row["after"]) - picounits_of(row["before"])

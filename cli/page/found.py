"""The findings of a report: by money, and one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cli.page.blocks import folded, section, table
from cli.page.markup import Markup, tag, together
from cli.page.words import NONE, instant, money, moneys, number, plural

Report = dict[str, Any]
_OPEN: Final = 8
"""So many findings of one code are shown without a click."""


def by_money(report: Report) -> Markup:
    """The findings by code: what is worth most first."""
    if not report["codes"]:
        return section("findings-by-money", "Findings", tag("p", "There are none."))
    codes = sorted(report["codes"], key=lambda one: (-_most(one), -int(one["count"]), one["code"]))
    rows = [
        (
            tag("a", one["code"], href=f"#of-{one['code']}"),
            tag("span", one["severity"], class_=f"badge {one['severity']}"),
            one["meaning"],
            number(one["count"]),
            moneys(one["amounts"]) or "not known",
        )
        for one in codes
    ]
    heads = ("Finding", "Severity", "What it means", "Items", "Worth")
    unknown = any(int(one["unknown"]) for one in codes)
    note = "Not known is not zero: these findings say that something is wrong, and not by how much."
    return section(
        "findings-by-money",
        "Findings by money",
        table(heads, rows, caption="What each finding would change in the bill, if it holds", numbers=3),
        tag("p", note, class_="note") if unknown else None,
    )  # fmt: skip


def _most(code: dict[str, Any]) -> int:
    return max((int(one["upper"]) for one in code["amounts"]), default=-1)


def findings(report: Report) -> Markup | None:
    """All findings that the report lists, by code."""
    if not report["findings"]:
        return None
    by_code: dict[str, list[dict[str, Any]]] = {}
    for one in report["findings"]:
        by_code.setdefault(one["code"], []).append(one)
    codes = {one["code"]: one for one in report["codes"]}
    beside = report["findings_csv"]
    more = None
    if beside is not None:
        left = int(beside["left_out"])
        more = tag(
            "p", f"This page lists {plural(len(report['findings']), 'finding')}. The file beside it (.findings.csv, SHA-256 ",
            tag("code", beside["sha256"]), f") has {number(beside['rows'])}",
            f", and {plural(left, 'item')} more are counted only." if left else ".", class_="note",
        )  # fmt: skip
    return section("findings", "Findings in detail", more, *(_of_code(codes.get(code), found) for code, found in by_code.items()))  # fmt: skip


def _of_code(code: dict[str, Any] | None, found: Sequence[dict[str, Any]]) -> Markup:
    first = found[0]
    worth = moneys(code["amounts"]) if code else None
    summary = together(
        tag("span", first["severity"], class_=f"badge {first['severity']}"), " ", tag("strong", first["code"]),
        f" {NONE} {plural(code['count'] if code else len(found), 'item')}", f", {worth}" if worth else None,
    )  # fmt: skip
    heads = ("No.", "Clause", "Where", "What is wrong", "Expected", "Actual", "Worth")
    rows = [
        (
            tag("a", number(one["finding"]), id=f"finding-{int(one['finding'])}"), one["rule"], _place(one), one["message"],
            _said(one, "expected"), _said(one, "actual"), _worth(one["worth"]),
        )
        for one in found
    ]  # fmt: skip
    left = int(code["left_out"]) if code else 0
    return tag(
        "div",
        folded(
            summary, tag("p", f"Next: {first['hint']}.", class_="note"), table(heads, rows, caption=f"What was found of {first['code']}"),
            tag("p", f"{plural(left, 'more item')} not listed here.", class_="note") if left else None,
            opened=len(found) <= _OPEN,
        ),
        id=f"of-{first['code']}", class_="of-code",
    )  # fmt: skip


def _said(finding: dict[str, Any], name: str) -> str:
    value = finding.get(name)
    return NONE if value is None else str(value)


def _place(finding: dict[str, Any]) -> str:
    parts = [
        f"{label} {finding[name]}"
        for name, label in (
            ("account", "account"), ("stream", "stream"), ("sequence", "sequence"), ("request", "request"), ("number", "statement"),
            ("file", "file"), ("item", "item"), ("offset", "byte"),
        )
        if name in finding
    ]  # fmt: skip
    if "time" in finding:
        parts.append(instant(finding["time"]))
    return ", ".join(parts) or NONE


def _worth(worth: dict[str, Any]) -> str:
    if "with" in worth:
        return f"with {number(worth['with'])}"
    if "unknown" in worth:
        return f"not known: {worth['unknown']}"
    return f"{money(worth)} (by the {worth['by']})"

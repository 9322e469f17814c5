"""The other sections of a report's page: checks, inputs, accounts, and what is not shown."""

from __future__ import annotations

from typing import Any, Final

from cli.page.blocks import folded, section, table
from cli.page.markup import Markup, tag, together
from cli.page.words import NONE, amount, number, period, plural

Report = dict[str, Any]


def checks(report: Report) -> Markup:
    """What was checked, and what was not."""
    rows = [
        (
            one["check"], _result(one),
            f"{number(one['passed'])} of {number(one['of'])}", number(one["failed"]), one["not_checked"] or NONE,
        )
        for one in report["checks"]
    ]  # fmt: skip
    heads = ("Check", "Result", "Passed", "Failed", "Not checked, because")
    return section("checks", "What was checked", table(heads, rows, caption="The scope of this verification"))  # fmt: skip


def _result(check: dict[str, Any]) -> Markup:
    """Nothing fails where there is nothing: that is not shown as something that passed."""
    if check["result"] == "passed" and not int(check["of"]):
        return tag("span", "nothing to check", class_="badge")
    result = check["result"]
    return tag("span", result, class_=f"badge {result.replace(' ', '-')}")


def bound(report: Report) -> Markup:
    """The files, options and programs that the report depends on."""
    options = report["options"]
    inputs = [
        (one["role"], one["name"], number(one["size"]), tag("code", one["sha256"]))
        for one in report["inputs"]
    ]
    asked = [
        ("period", period(options["period"]) if options["period"] else "none named"),
        ("account", options["account"] or "any"),
        ("signatures", options["signatures"]),
        ("cache identifiers required", "yes" if options["require_cache_id"] else "no"),
        ("observers", ", ".join(options["observers"]) or "none"),
        ("margin between the clocks", NONE if options["margin"] is None else f"{number(options['margin'])} ms"),
        ("verifier", f"{report['verifier']['name']} {report['verifier']['version']}"),
        ("specification", f"verification, version {report['specification']['version']}, draft {report['specification']['draft']}"),
    ]  # fmt: skip
    return section(
        "inputs", "What it was made from",
        tag("p", "Whoever has these files makes the same report again, byte for byte. Other files give another report."),
        table(("Read as", "Name", "Bytes", "SHA-256"), inputs, caption="Inputs"),
        table(("Option", "Value"), asked, caption="Options and versions"),
    )  # fmt: skip


def accounts(report: Report) -> Markup | None:
    """What the input holds of each account, and the statements that close it."""
    if not report["accounts"]:
        return _claims(report) if report["claims"] else _objects(report)
    more = int(report["accounts_left_out"])
    shown = [_account(one) for one in report["accounts"]]
    left = tag("p", f"{plural(more, 'more account')}.", class_="note") if more else None
    return section("accounts", "Accounts and statements", *shown, left)


def _account(account: dict[str, Any]) -> Markup:
    totals = account["totals"]
    rows = [(name, number(totals[name])) for name in ("logical", "cached", "attributed", "output", "reasoning") if name in totals]  # fmt: skip
    rows += [(_writes(ttl), number(count)) for ttl, count in totals.get("writes", {}).items()]
    rows += [(unit, number(count)) for unit, count in totals.get("units", {}).items()]
    rows += [(f"charged, {name}", amount(sum_)) for name, sum_ in totals.get("amounts", {}).items()]
    statements = [
        (number(s["number"]), s["kind"], period(s), number(s["receipts"]), number(s["streams"]), tag("code", s["digest"]))
        for s in account["statements"]
    ]  # fmt: skip
    heads = ("Number", "Kind", "Period", "Receipts", "Streams", "Digest")
    return folded(
        together(tag("strong", account["account"]), f" of {account['issuer']} {NONE} {plural(account['receipts'], 'receipt')}"),
        table(("Total", "Sum"), rows, caption="Totals over its receipts", numbers=1),
        table(heads, statements, caption="Statements") if statements else tag("p", "No statement closes them.", class_="note"),
        opened=True,
    )  # fmt: skip


def _writes(ttl: str) -> str:
    return "writes, TTL not stated" if ttl == "0" else f"writes for {number(ttl)} s"


def _objects(report: Report) -> Markup | None:
    if not report["objects"]:
        return None
    rows = [
        (
            one["kind"], one["issuer"], one["account"],
            f"statement {number(one['number'])}, {period(one)}" if one["kind"] == "statement"
            else f"stream {one['stream']}, sequence {number(one['sequence'])}, request {one['request']}",
            tag("code", one["digest"]),
        )
        for one in report["objects"]
    ]  # fmt: skip
    return section("objects", "The signed objects", table(("Kind", "Issuer", "Account", "Which", "Digest"), rows, caption="What it consists of"))  # fmt: skip


SHOWN_BY: Final = {
    "signed": "by the issuer's own signatures",
    "record": "by the issuer's signature and the customer's record",
    "asserted": "by the word of who made the pack: not shown",
}
_PLACE: Final = ("issuer", "account", "stream", "sequence", "request", "number")


def _claims(report: Report) -> Markup:
    """What a pack claims, and whether that was reached again."""
    rows = [
        (
            number(one["claim"]), one["finding"]["code"],
            ", ".join(f"{name} {one['finding'][name]}" for name in _PLACE if name in one["finding"]),
            one["finding"].get("expected", NONE), one["finding"].get("actual", NONE), SHOWN_BY[one["standing"]],
            "yes" if one["reached"] else one["why_not"] or "no",
        )
        for one in report["claims"]
    ]  # fmt: skip
    heads = ("Claim", "Finding", "About", "Expected", "Found", "Shown", "Reached again")
    return section("claims", "Claims of the pack", table(heads, rows, caption="Claims"))


def not_proven(report: Report) -> Markup:
    """What nobody should read into this report."""
    items = (tag("li", one["text"]) for one in report["not_proven"])
    return section("not-proven", "What this report does not show", tag("ul", *items))

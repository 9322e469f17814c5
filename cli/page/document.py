"""The whole page of a report: one file, no network, the same bytes for the same report."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from cli.page.blocks import table
from cli.page.figures import pictures
from cli.page.found import by_money, findings
from cli.page.markup import Markup, tag, together
from cli.page.sections import accounts, bound, checks, not_proven
from cli.page.words import NONE, instant, moneys, number, period, plural, rate

Report = dict[str, Any]
_VERDICTS: Final = {
    "verified": ("\u2713", "Nothing is false, and the receipts are complete for the period."),
    "rejected": ("\u2715", "Something is false. The findings say what, where, and by which clause."),
    "incomplete": ("?", "Nothing is false, but completeness was not shown."),
}  # fmt: skip
_STATED: Final = (
    "Nothing is false, and the receipts are complete for the period that the statements name."
)
_SUBJECTS: Final = {
    "proof": "The receipt is signed, and is among those of the statement.",
    "equivocation": "Both objects are signed, and they cannot both be true.",
}
"""What *verified* means for a proof."""
_PACKS: Final = {
    "verified": "Each claim of the pack was reached again from its evidence.",
    "rejected": "The pack was altered, or a claim does not follow from its evidence.",
    "incomplete": "Nothing is false, but a claim rests on the word of who made the pack, or the keys are the pack's own.",
}
_COMMAND: Final = "receipt report check report.json"


@dataclass(frozen=True, slots=True)
class Embed:
    """A verifier inside of the page, which checks the report when it is opened.

    Attributes:
        script: a classic script. It finds its place in the page as the element ``recheck``, and says there what it found.
        data: what it reads, by name: each is the text of an element ``embedded-<name>``, base64 for bytes.
        policy: what it needs of the Content-Security-Policy besides, for instance ``worker-src blob:``.
        command: what checks the same without the page.
    """

    script: str
    data: Mapping[str, str] = field(default_factory=dict)
    policy: str = ""
    command: str = _COMMAND


def render_html(report: Report, embed: Embed | None = None) -> bytes:
    """The page of a report object that is as spec/report.md says.

    Args:
        report: the object.
        embed: a verifier inside of the page.
    """
    style, script = _resource("report.css"), _resource("report.js")
    scripts = [script] if embed is None else [script, embed.script]
    body = together(
        _first_screen(report, embed),
        tag("main", _sections(report)),
        tag("footer", tag("p", f"{report['verifier']['name']} {report['verifier']['version']}, report version {number(report['report'])}")),
        *_embedded(embed), *(_script(one) for one in scripts),
    )  # fmt: skip
    head = together(
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, scripts, embed)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{report['verdict']}: verification report"),
        tag("style", Markup(style)),
    )
    page = tag("html", tag("head", head), tag("body", body), lang="en")
    return f"<!doctype html>\n{page}\n".encode()


def _resource(name: str) -> str:
    return files("cli.page").joinpath(name).read_text(encoding="utf-8")


def _script(source: str) -> Markup:
    if "</script" in source.lower() or "<!--" in source:
        raise ValueError("a script that would end its own element")
    return tag("script", Markup(source))


def _embedded(embed: Embed | None) -> list[Markup]:
    """Data for the script: not run by any browser, and without a character that would end the element."""
    data = {} if embed is None else embed.data
    return [
        tag("script", Markup(json.dumps(text).replace("<", "\\u003c")), type="application/json", id=f"embedded-{name}")
        for name, text in data.items()
    ]  # fmt: skip


def _policy(style: str, scripts: list[str], embed: Embed | None) -> str:
    allowed = " ".join(_hash(script) for script in scripts)
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {allowed}; base-uri 'none'; form-action 'none'"
    return f"{policy}; {embed.policy}" if embed is not None and embed.policy else policy


def _hash(source: str) -> str:
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"


def _first_screen(report: Report, embed: Embed | None) -> Markup:
    verdict = report["verdict"]
    mark, meaning = _VERDICTS[verdict]
    if report["subject"] == "pack":
        meaning = _PACKS[verdict]
    elif verdict == "verified":
        meaning = _SUBJECTS.get(
            report["subject"], meaning if report["options"]["period"] else _STATED
        )
    return tag(
        "header",
        tag("p", "Verification report", f", {instant(report['dated'])}" if report["dated"] is not None else None, class_="kind"),
        tag("h1", tag("span", mark, class_="mark", aria_hidden="true"), verdict.capitalize(), class_=verdict),
        tag("p", meaning, class_="meaning"),
        _observed(report), _unchecked(report), _recheck(embed), _subject(report), _three(report), by_money(report),
    )  # fmt: skip


def _observed(report: Report) -> Markup | None:
    """Whose word it is stands next to the verdict (spec/verification.md, What a verdict does not say)."""
    if not int(report["observed"]):
        return None
    of = sum(int(one["of_biller"]) + int(one["of_observer"]) for one in report["parties"])
    whose = f"{number(report['observed'])} of {plural(of, 'receipt')} are signed by an observer, not by who bills."
    return tag("p", tag("strong", whose), " They show nothing of what the biller says.", class_="observed")  # fmt: skip


def _unchecked(report: Report) -> Markup | None:
    """What the verdict does not cover stands beside it."""
    names = [one["check"] for one in report["checks"] if one["result"] == "not checked"]
    if not names:
        return None
    return tag("p", f"Not checked: {', '.join(names)}. ", tag("a", "Why", href="#checks"), class_="unchecked")  # fmt: skip


def _recheck(embed: Embed | None) -> Markup:
    """Where an embedded verifier says what it found; without one, how to check."""
    if embed is not None:
        words = "This page checks its receipts itself. Without scripts it cannot; then: "
    else:
        words = "This page is a copy of what was found. Check it with the files that it names: "
    command = _COMMAND if embed is None else embed.command
    return tag("p", words, tag("code", command), id="recheck", role="status")


def _subject(report: Report) -> Markup:
    """Period and parties. A pack has neither: it has claims."""
    if report["subject"] == "pack":
        return together()
    asked = report["options"]["period"]
    covered = [one for account in report["accounts"] for one in account["covered"]]
    if asked is not None:
        holes = sum(len(account["holes"] or ()) for account in report["accounts"])
        time = period(asked) + (f" {NONE} {plural(holes, 'hole')} in it" if holes else "")
    elif covered:
        time = ", ".join(dict.fromkeys(map(period, covered[:5]))) + " (as stated; none was named)"
    else:
        time = "not closed by a statement"
    rows = [_party(one) for one in report["parties"][:5]]
    heads = ("Issuer", "Account", "Whose word it is", "Signed by")
    more = len(report["parties"]) - len(rows) + int(report["accounts_left_out"])
    return together(
        tag("dl", tag("dt", "Period"), tag("dd", time), class_="period"),
        table(heads, rows, caption="Parties") if rows else None,
        tag("p", f"And {plural(more, 'more account')}, below.", class_="note") if more else None,
    )


def _party(party: dict[str, Any]) -> tuple[str, ...]:
    biller, observer = int(party["of_biller"]), int(party["of_observer"])
    words = [plural(biller, "receipt") + " of the biller"] if biller else []
    words += [plural(observer, "receipt") + " of an observer"] if observer else []
    signers = together(*(tag("code", kid) for kid in party["signers"]))
    return party["issuer"], party["account"], ", ".join(words) or "no receipt", signers or "no trusted key"  # fmt: skip


def _three(report: Report) -> Markup:
    """The three figures that matter: what there is, what it costs, and how much of it is in question."""
    if report["subject"] == "pack":
        return _list_of_three(_three_of_pack(report))
    worth = moneys(report["worth"]["amounts"])
    found = sum(int(count) for count in report["finding_counts"].values())
    figures = [
        (plural(sum(int(one["of_biller"]) + int(one["of_observer"]) for one in report["parties"]), "receipt"), "in this input"),
        _billed(report),
        (worth, "in question, as far as it is known") if worth else (plural(found, "item") if found else "No findings", "with findings, none with an amount" if found else "nothing to dispute"),
    ]  # fmt: skip
    return _list_of_three(figures)


def _three_of_pack(report: Report) -> list[tuple[str, str]]:
    """How many claims there are, how many were reached again, and what is the matter with the pack itself."""
    reached = sum(bool(one["reached"]) for one in report["claims"])
    found = sum(int(count) for count in report["finding_counts"].values())
    return [
        (plural(len(report["claims"]), "claim"), "in this pack"),
        (number(reached), "reached again, from the evidence alone"),
        (plural(found, "finding"), "about the pack itself"),
    ]


def _list_of_three(figures: Sequence[tuple[str, str]]) -> Markup:
    return tag(
        "ul",
        *(tag("li", tag("strong", value), " ", tag("span", words)) for value, words in figures),
        class_="three",
    )


def _billed(report: Report) -> tuple[str, str]:
    """What the accounts are charged; without charges, the tokens."""
    sums: dict[str, int] = {}
    for account in report["accounts"]:
        for currency, picounits in _net(account["totals"]).items():
            sums[currency] = sums.get(currency, 0) + picounits
    if sums:
        amounts = [{"currency": c, "lower": str(s), "upper": str(s)} for c, s in sorted(sums.items())]  # fmt: skip
        return moneys(amounts) or NONE, "charged by these receipts"
    logical = sum(int(one["totals"].get("logical", 0)) for one in report["accounts"])
    cached = sum(int(one["totals"].get("cached", 0)) for one in report["accounts"])
    if not logical:
        return NONE, "no charges, and no tokens"
    return number(logical), f"input tokens, {rate(cached, logical)} from a cache"


def _net(totals: dict[str, Any]) -> dict[str, int]:
    """Amounts with what corrections put in place of others."""
    found = {c: int(one) for c, one in totals.get("amounts", {}).items()}
    for name, sign in (("corrected", -1), ("corrections", 1)):
        for currency, one in totals.get(name, {}).get("amounts", {}).items():
            found[currency] = found.get(currency, 0) + sign * int(one)
    return found


def _sections(report: Report) -> Markup:
    return together(
        pictures(report),
        findings(report),
        checks(report),
        accounts(report),
        not_proven(report),
        bound(report),
    )

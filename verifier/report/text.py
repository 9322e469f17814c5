"""A report as text for a terminal of 80 columns. Nothing that a batch holds reaches the terminal unescaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from verifier.format.claims import LATE, Statement, Totals
from verifier.report import period
from verifier.report.cards import card_rows
from verifier.report.codes import RULES
from verifier.report.escape import escape
from verifier.report.findings import Finding, listed, plural
from verifier.report.model import (
    AccountSummary,
    Check,
    ClaimSummary,
    ObjectSummary,
    Report,
    StatementSummary,
    Subject,
    Verdict,
)
from verifier.report.totals import totals_rows

Style = Callable[[str, str], str]
"""Takes a text and what it is (a verdict, ``heading``), and returns it with or without colour."""

_SHOWN = 100
"""Accounts of a report."""
_SUBJECTS = {
    Subject.BATCH: "",
    Subject.PROOF: " (a proof for one receipt)",
    Subject.EQUIVOCATION: " (a proof that the issuer told two stories)",
    Subject.PACK: " (a pack: claims, and their evidence)",
}
_MEANING = {
    Verdict.VERIFIED: "nothing is false, and the receipts are complete for the period",
    Verdict.REJECTED: "something is false",
    Verdict.INCOMPLETE: "nothing is false, but completeness was not shown",
}
_STATED = "nothing is false, and complete for the period that the statements name"
_PROVEN = {
    Subject.PROOF: "the receipt is signed and is among those of the statement",
    Subject.EQUIVOCATION: "both are signed, and they cannot both be true",
    Subject.PACK: "each claim was reached again from its evidence",
}


def render(report: Report, style: Style = lambda text, _: text) -> str:
    """The report as text, lines ended by a newline."""
    return "".join(f"{line}\n" for line in _lines(report, style))


def _lines(report: Report, style: Style) -> Iterator[str]:
    names = ", ".join(escape(file.name) for file in report.inputs if file.role == "batch")
    verdict = report.verdict
    yield f"{style(str(verdict), str(verdict))}: {names}{_SUBJECTS[report.subject]}"
    yield from _signer(report)
    yield f"  {_meaning(report)}"
    yield from _beyond(report)
    for account in report.accounts[:_SHOWN]:
        yield ""
        yield from _account(account)
    if (more := len(report.accounts) - _SHOWN) > 0:
        yield from ("", f"  {plural(more, 'more account')}: --json lists all")
    for one in report.objects:
        yield ""
        yield from _object(one)
    if report.claims:
        yield from ("", style("  claims", "heading"))
    for claim in report.claims:
        yield from _claim(claim)
    for card in report.cards:
        yield ""
        yield from _rows(card_rows(card))
    yield ""
    yield style("  checked", "heading")
    for check in report.checks:
        yield from _check(check)
    if report.findings.counts:
        yield ""
        yield style("  findings", "heading")
        ordered = report.findings.in_input_order()
        numbers = {id(finding): number for number, finding in enumerate(ordered, 1)}
        for finding in listed(ordered):
            yield from _finding(numbers[id(finding)], finding, style)
        yield from _omitted(report)


def _signer(report: Report) -> Iterator[str]:
    """Who signed, where it is not the biller."""
    if not report.observed:
        return
    if report.observed == report.receipts:
        yield "  signed by the observer, not by the biller"
        return
    of = f"{report.observed:,} of {plural(report.receipts, 'receipt')}"
    yield f"  {of} signed by an observer, not by the biller"


def _beyond(report: Report) -> Iterator[str]:
    """What the statements close besides the period that was asked for."""
    if report.beyond:
        shown = ", ".join(dict.fromkeys(_statement(one) for one in report.beyond[:_SHOWN]))
        yield from _wrapped(f"more than the period is closed, and in the sums: {shown}", 2)


def _meaning(report: Report) -> str:
    """What the verdict says, in one line."""
    if report.verdict is Verdict.VERIFIED:
        return _PROVEN.get(report.subject, _MEANING[report.verdict] if report.period else _STATED)
    if report.subject is Subject.PACK:
        return _of_pack(report)
    if report.verdict is Verdict.INCOMPLETE and "key-unknown" in report.findings:
        return "nothing is false as far as it goes, but it was not shown who signed it"
    return _MEANING[report.verdict]


def _of_pack(report: Report) -> str:
    if report.verdict is Verdict.REJECTED:
        return "it was altered, or a claim does not follow from its evidence"
    if "claim-asserted" in report.findings:
        return "nothing is false, but a claim rests on the word of who made the pack"
    return "nothing is false, but under the pack's own keys: compare them with the issuer's"


def _account(account: AccountSummary) -> Iterator[str]:
    yield from _row("issuer", escape(account.issuer))
    yield from _row("account", escape(account.account))
    for statement in account.statements:
        yield from _row("period", _statement(statement))
    if not account.statements:
        yield from _row("period", "not closed by a statement")
    receipts, streams = plural(account.receipts, "receipt"), plural(account.streams, "stream")
    yield from _row("receipts", f"{receipts} in {streams}")
    if account.observed:
        yield from _row("observed", f"{account.observed:,} of them, not signed by the biller")
    yield from _rows(totals_rows(account.totals, account.uncounted))


def _object(one: ObjectSummary) -> Iterator[str]:
    claims = one.claims
    yield from _row(one.kind, one.digest.hex())
    yield from _row("issuer", escape(claims.issuer))
    yield from _row("account", escape(claims.account))
    if isinstance(claims, Statement):
        yield from _row("number", f"{claims.number}")
        yield from _row("period", period.show(claims.start, claims.end))
        return
    yield from _row("stream", f"{escape(claims.stream)}, sequence {claims.sequence}")
    yield from _row("request", escape(claims.request))
    yield from _row("model", escape(claims.model))
    if claims.observed:
        yield from _row("observed", "by the issuer, which does not bill")
    yield from _row("time", period.show_instant(claims.time))
    charge = claims.charge
    amounts = None if charge is None else {charge.currency: charge.amount}
    uncounted = claims.logical if claims.cached is None else 0
    yield from _rows(totals_rows(Totals(*claims.counts, amounts, claims.units), uncounted))
    if claims.corrects is not None:
        yield from _row("corrects", claims.corrects.receipt.hex())


_WORTH = {
    "signed": "reached again, from the issuer's own signatures",
    "record": "reached again, from the issuer's signature and the customer's record",
    "asserted": "not shown: it rests on the word of who made the pack",
}

_TOLD_TWICE = "reached again, from two signed objects: a proof that the issuer told two stories"


def _claim(claim: ClaimSummary) -> Iterator[str]:
    finding = claim.finding
    yield f"  {claim.number:>4}  {finding['code']}: {RULES[finding['code']].meaning}"
    place = ", ".join(
        f"{name} {escape(finding[name])}"
        for name in ("account", "stream", "sequence", "request")
        if name in finding
    )
    if place:
        yield from _wrapped(place, 8)
    if "expected" in finding or "actual" in finding:
        named = f"{escape(finding['field'])}: " if "field" in finding else ""
        expected, actual = (escape(finding.get(name, "-"), 100) for name in ("expected", "actual"))
        yield from _wrapped(f"{named}expected {expected}, found {actual}", 8)
    worth = _TOLD_TWICE if claim.told_twice else _WORTH[claim.standing]
    yield from _wrapped(worth if claim.unproven is None else f"NOT reached: {escape(claim.unproven, 300)}", 8)  # fmt: skip


def _statement(statement: StatementSummary) -> str:
    claims = statement.claims
    late = ", late" if claims.kind == LATE else ""
    return f"{period.show(claims.start, claims.end)} (statement {claims.number}{late})"


def _rows(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in rows:
        yield from _row(name, value)


def _row(name: str, value: str) -> Iterator[str]:
    """A name and its value, which goes on below itself where the line is full."""
    label = f"  {name:<13} "
    for line in _wrapped(value, len(label)):
        yield label + line.strip()
        label = " " * len(label)


def _check(check: Check) -> Iterator[str]:
    state = f"{check.passed:,} of {check.of:,}"
    if check.failed:
        state += f", failed {check.failed:,}"
    if not check.of or (not check.passed and not check.failed and check.not_checked):
        state = "not checked" if check.not_checked else "nothing to check"
    yield f"  {check.name:<28} {state}"
    if check.not_checked:
        yield from _wrapped(check.not_checked, 6)


def _finding(number: int, finding: Finding, style: Style) -> Iterator[str]:
    times = f" ({finding.count:,} items)" if finding.count > 1 else ""
    yield f"  {style(str(finding.severity), str(finding.severity))} {finding.code}{times}"
    yield from _wrapped(", ".join([f"finding {number}", *_place(finding)]), 6)
    yield from _wrapped(f"{RULES[finding.code].meaning}: {escape(finding.message, 300)}", 6)
    if finding.expected is not None:
        yield from _wrapped(f"expected {escape(str(finding.expected), 140)}", 8)
        yield from _wrapped(f"found {escape(str(finding.actual), 140)}", 8)
    yield from _wrapped(f"hint: {RULES[finding.code].hint}", 6)


def _place(finding: Finding) -> list[str]:
    parts = []
    if finding.item is not None:
        of = f" of {escape(finding.file)}" if finding.file else ""
        byte = "" if finding.offset is None else f", byte {finding.offset}"
        parts.append(f"item {finding.item}{of}{byte}")
    for name in ("account", "stream", "sequence", "request", "number"):
        value = getattr(finding, name)
        if value is not None:
            label = "statement" if name == "number" else name
            parts.append(f"{label} {escape(str(value))}")
    return parts


def _omitted(report: Report) -> Iterator[str]:
    for code, count in sorted(report.findings.counts.items()):
        shown = sum(finding.count for finding in listed(report.findings) if finding.code == code)
        if count > shown:
            yield f"  and {count - shown:,} more of {code}"


def _wrapped(text: str, indent: int, width: int = 80) -> Iterator[str]:
    """Words on lines of at most ``width``; a word that is longer has a line of its own."""
    line = ""
    for word in text.split(" "):
        if line and indent + len(line) + 1 + len(word) > width:
            yield " " * indent + line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield " " * indent + line

"""A report as the object of spec/report.md: what ``--json`` prints, and what every file of a report is made from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import PurePath
from typing import Any, Final

from verifier.format.claims import LATE, Receipt, Statement, Totals
from verifier.report.exact import exact
from verifier.report.findings import Finding
from verifier.report.intervals import Intervals
from verifier.report.listing import findings_of
from verifier.report.model import (
    ROLES,
    AccountSummary,
    Asked,
    Check,
    ClaimSummary,
    Input,
    ObjectSummary,
    Report,
    StatementSummary,
)
from verifier.report.table import csv_lines, worth_of
from verifier.report.unproven import not_proven
from verifier.report.version import FORMAT, NAME, SPECIFICATION, VERSION

LISTED_ACCOUNTS: Final = 1000


def as_object(report: Report) -> dict[str, Any]:
    """The report as JSON-ready data: integers and text, in a stable order."""
    findings = all_findings(report)
    found = {
        "report": FORMAT,
        "specification": SPECIFICATION,
        "verifier": {"name": NAME, "version": VERSION},
        "dated": report.dated,
        "subject": str(report.subject),
        "verdict": str(report.verdict),
        "inputs": [_input(one) for one in _by_role(report.inputs)],
        "options": _options(report.asked),
        "parties": list(islice(_parties(report), LISTED_ACCOUNTS)),
        "beyond": [{"account": one.claims.account, **_statement(one)} for one in report.beyond],
        "observed": report.observed,
        "accounts": [_account(one, report.period) for one in report.accounts[:LISTED_ACCOUNTS]],
        "accounts_left_out": max(0, len(report.accounts) - LISTED_ACCOUNTS),
        "objects": [_object(one) for one in report.objects],
        "claims": [_claim(claim) for claim in report.claims],
        "cards": [card.as_dict() for card in report.cards],
        "checks": [_check(check) for check in report.checks],
        **findings_of(report.findings, findings),
        "figures": None if report.figures is None else report.figures.as_dict(),
        "not_proven": not_proven(report),
    }
    return {name: exact(value) for name, value in found.items()}


def findings_csv(report: Report) -> Iterator[bytes]:
    """The lines of the CSV file whose SHA-256 the object has, if it does not list all findings."""
    return csv_lines(exact(finding) for finding in all_findings(report))


def all_findings(report: Report) -> list[dict[str, Any]]:
    """All findings that are kept, numbered in the order of the input."""
    ordered = report.findings.in_input_order()
    numbers = {id(finding): place for place, finding in enumerate(ordered, 1)}
    return [_finding(one, numbers) for one in ordered]


def base_name(name: str) -> str:
    """The name of a file without its folders, which are nobody's business; what is no text is written out."""
    shown = PurePath(name).name or name
    return shown.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _by_role(inputs: list[Input]) -> list[Input]:
    return sorted(inputs, key=lambda one: ROLES.index(one.role))


def _input(one: Input) -> dict[str, Any]:
    return {"role": one.role, "name": base_name(one.name), "size": one.size, "sha256": one.sha256}


def _options(asked: Asked) -> dict[str, Any]:
    return {
        "period": None if asked.period is None else _period(*asked.period),
        "account": asked.account,
        "require_cache_id": asked.require_cache_id,
        "observers": sorted(asked.observers),
        "signatures": str(asked.signatures),
        "margin": asked.margin,
    }


def _parties(report: Report) -> Iterator[dict[str, Any]]:
    """Each issuer and account, whose word its receipts are, and the trusted keys of the issuer that signed something."""
    sides = {(a.issuer, a.account): [a.receipts - a.observed, a.observed] for a in report.accounts}
    for one in report.objects:
        side = sides.setdefault((one.claims.issuer, one.claims.account), [0, 0])
        if isinstance(one.claims, Receipt):
            side[one.claims.observed] += 1
    for (issuer, account), (billed, observed) in sorted(sides.items()):
        signers = [signer.kid for signer in report.signers if signer.issuer == issuer]
        yield {
            "issuer": issuer,
            "account": account,
            "signers": signers,
            "of_biller": billed,
            "of_observer": observed,
        }


def _period(start: int, end: int) -> dict[str, int]:
    return {"start": start, "end": end}


def _check(check: Check) -> dict[str, Any]:
    return {
        "check": check.name,
        "result": _result(check),
        "passed": check.passed,
        "failed": check.failed,
        "of": check.of,
        "not_checked": check.not_checked,
    }


def _result(check: Check) -> str:
    if check.failed:
        return "failed"
    if check.passed == check.of and not check.not_checked:
        return "passed"
    return "passed in part" if check.passed else "not checked"


def _account(account: AccountSummary, asked: tuple[int, int] | None) -> dict[str, Any]:
    covered = Intervals()
    for one in account.statements:
        if one.claims.kind != LATE:
            covered.add(one.claims.start, one.claims.end)
    holes = None if asked is None else [_period(*hole) for hole in covered.missing(*asked)]
    return {
        "issuer": account.issuer,
        "account": account.account,
        "receipts": account.receipts,
        "observed": account.observed,
        "streams": account.streams,
        "totals": _totals(account.totals),
        "logical_without_cached": account.uncounted,
        "covered": [_period(*there) for there in covered.there()],
        "holes": holes,
        "statements": [_statement(statement) for statement in account.statements],
    }


def _object(one: ObjectSummary) -> dict[str, Any]:
    claims = one.claims
    place: dict[str, Any] = {"issuer": claims.issuer, "account": claims.account}
    if isinstance(claims, Statement):
        place |= {"number": claims.number, **_period(claims.start, claims.end)}
    else:
        place |= {"stream": claims.stream, "sequence": claims.sequence, "request": claims.request}
        place |= {"observed": claims.observed}
    return {"kind": one.kind, "digest": one.digest.hex(), **place}


def _claim(claim: ClaimSummary) -> dict[str, Any]:
    return {
        "claim": claim.number,
        "standing": claim.standing,
        "finding": dict(claim.finding),
        "reached": claim.standing != "asserted" and claim.unproven is None,
        "why_not": claim.unproven,
    }


def _totals(totals: Totals) -> dict[str, Any]:
    """Tokens; amounts as decimal text of picounits."""
    known = {name: value for name, value in totals._asdict().items() if value is not None}
    for name in ("corrected", "corrections"):
        if name in known:
            known[name] = _totals(known[name])
    if totals.writes is not None:
        known["writes"] = {str(ttl): tokens for ttl, tokens in sorted(totals.writes.items())}
    if totals.units is not None:
        known["units"] = dict(sorted(totals.units.items()))
    if totals.amounts is not None:
        known["amounts"] = {c: str(amount) for c, amount in sorted(totals.amounts.items())}
    return known


def _statement(statement: StatementSummary) -> dict[str, Any]:
    claims = statement.claims
    return {
        "number": claims.number,
        "kind": "late" if claims.kind == LATE else "regular",
        **_period(claims.start, claims.end),
        "streams": len(claims.streams),
        "receipts": sum(entry.count for entry in claims.streams),
        "digest": statement.digest.hex(),
    }


def _finding(finding: Finding, numbers: dict[int, int]) -> dict[str, Any]:
    known = {
        "finding": numbers[id(finding)],
        **finding.as_dict(),
        "worth": worth_of(finding.worth, numbers),
    }
    if "file" in known:
        known["file"] = base_name(known["file"])
    return known

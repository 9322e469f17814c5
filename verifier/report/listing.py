"""The part of the object that tells of findings: those that are listed, and sums over all of them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from verifier.report.codes import RULES
from verifier.report.exact import exact
from verifier.report.findings import Finding, Findings, listed_places
from verifier.report.table import csv_lines
from verifier.report.worth import Worth, sums


def findings_of(findings: Findings, kept: list[dict[str, Any]]) -> dict[str, Any]:
    """The members of the object on findings.

    Args:
        findings: what was found.
        kept: all that are kept, as the object has them.
    """
    listed = [kept[place] for place in listed_places([one["code"] for one in kept])]
    left_out = findings.left_out
    codes = [_code(code, findings, _count(listed, code)) for code in sorted(findings.counts)]
    return {
        "findings": listed,
        "finding_counts": dict(sorted(findings.counts.items())),
        "codes": codes,
        "findings_csv": None if len(listed) == len(kept) else _csv(kept, sum(left_out.values())),
        "worth": {
            "amounts": sums(_worths(findings)),
            "unknown": sum(one["unknown"] for one in codes),
        },
    }


def _csv(kept: list[dict[str, Any]], left_out: int) -> dict[str, Any]:
    digest = sha256()
    for line in csv_lines(exact(finding) for finding in kept):
        digest.update(line)
    return {"rows": len(kept), "sha256": digest.hexdigest(), "left_out": left_out}


def _count(findings: Iterable[dict[str, Any]], code: str) -> int:
    return sum(finding["count"] for finding in findings if finding["code"] == code)


def _worths(findings: Iterable[Finding]) -> Iterable[Worth]:
    return (one.worth for one in findings if isinstance(one.worth, Worth))


def _code(code: str, findings: Findings, listed: int) -> dict[str, Any]:
    rule, count = RULES[code], findings.counts[code]
    own = [finding for finding in findings if finding.code == code]
    known = sum(one.count for one in own if not isinstance(one.worth, str))
    return {
        "code": code,
        "severity": str(rule.severity),
        "rules": list(rule.rules),
        "meaning": rule.meaning,
        "count": count,
        "left_out": count - listed,
        "amounts": sums(_worths(own)),
        "unknown": count - known,
    }

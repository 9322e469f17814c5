"""The scope of a verification: for each check, how much passed, and what was not checked and why."""

from __future__ import annotations

from collections.abc import Iterable

from verifier.order.counts import IDENTITY_CODES, Counts
from verifier.order.part import Part
from verifier.report.findings import Findings, plural
from verifier.report.model import Check
from verifier.statements.completeness import Period
from verifier.statements.settlement import Settlement

_FORMAT = frozenset(
    {
        "item-malformed",
        "item-truncated",
        "item-too-large",
        "envelope-invalid",
        "header-invalid",
        "content-malformed",
        "claims-invalid",
    }
)
_SIGNATURES = frozenset(
    {"key-weak", "signature-invalid", "issuer-mismatch", "key-outside-window", "key-revoked"}
)
_ORDER = frozenset(
    {"receipt-duplicate", "receipt-equivocation", "receipt-order", "chain-broken", "time-reversed"}
)
_LISTED = frozenset({"receipt-missing", "stream-unstated", "receipt-unstated", "receipt-uncovered"})
_CHAIN = frozenset(
    {
        "statement-equivocation",
        "statement-chain-broken",
        "statement-rollback",
        "period-gap",
        "first-mismatch",
        "statement-gap",
    }
)


def _count(findings: Findings, codes: Iterable[str]) -> int:
    return sum(findings.counts.get(code, 0) for code in codes)


def of_items(
    opened: Part, findings: Findings, charges: Check | None, *, early: str | None, sealed: bool
) -> list[Check]:
    """Steps 1 to 8: what concerns each item by itself.

    Args:
        opened: what came of these steps.
        findings: all of them.
        charges: that of the rate cards; None: no card was given.
        early: where the reading ended before its end; None: it did not.
        sealed: whether receipts' own signatures were left to the statements (R-5.3).
    """
    counts = opened.counts
    return [
        _format(counts, findings, early),
        _sealed(counts) if sealed else _signatures(counts, findings),
        _arithmetic(counts, findings),
        _cache_ids(counts),
        *_charges(counts, charges),
        *_timestamps(counts),
    ]


def _format(counts: Counts, findings: Findings, early: str | None) -> Check:
    failed = _count(findings, _FORMAT)
    unread = _count(findings, ("item-malformed", "item-truncated"))
    # What is too large to be read is no item either; and a container can have a fault beside those of its items.
    of = max(counts.items + unread, counts.formed + failed)
    closed = of - counts.formed - failed
    reason = early
    if early is None and closed > 0:
        reason = f"{plural(closed, 'item')} not decoded, for the reasons that the findings name"
    return Check("format", counts.formed, of, failed, reason)


def _signatures(counts: Counts, findings: Findings) -> Check:
    failed = min(_count(findings, _SIGNATURES), counts.items - counts.signed)
    unknown = findings.counts.get("key-unknown", 0)
    reason = f"{plural(unknown, 'item')} signed by keys that are not trusted" if unknown else None
    return Check("signatures", counts.signed, counts.items, failed, reason)


def _sealed(counts: Counts) -> Check:
    reason = f"{plural(counts.receipts, 'receipt')} vouched for by the statement, their own signatures not checked"
    return Check("signatures", counts.statements, counts.items, 0, reason)


def _arithmetic(counts: Counts, findings: Findings) -> Check:
    unstated = findings.counts.get("cached-unstated", 0)
    failed = min(
        _count(findings, IDENTITY_CODES - {"cached-unstated"}), counts.receipts - counts.agreeing
    )
    rest = counts.receipts - counts.agreeing - failed - unstated
    reasons = (
        [f"{plural(unstated, 'receipt')} without a count of cached tokens"] if unstated else []
    )
    reasons += [f"{plural(rest, 'receipt')} not readable"] if rest > 0 else []
    return Check("arithmetic", counts.agreeing, counts.receipts, failed, "; ".join(reasons) or None)


def _cache_ids(counts: Counts) -> Check:
    missing = counts.cached - counts.identified
    reason = (
        f"{plural(missing, 'receipt')} with cached tokens, without an identifier of the prefix"
        if missing
        else None
    )
    return Check("cache identifiers stated", counts.identified, counts.cached, 0, reason)


def _charges(counts: Counts, checked: Check | None) -> list[Check]:
    if not counts.charged:
        return []
    reason = "the rate cards that the charges name were not given (--card FILE)"
    return [checked or Check("rate cards", 0, counts.charged, 0, reason)]


def _timestamps(counts: Counts) -> list[Check]:
    reason = "this version does not check timestamps and transparency receipts"
    return [Check("timestamps", 0, counts.timestamps, 0, reason)] if counts.timestamps else []


def of_billers(receipts: int, observed: int) -> list[Check]:
    """Whose word the receipts are, if some are an observer's."""
    reason = f"{plural(observed, 'receipt')} of an observer, who states what the provider's usage objects said"
    return (
        [Check("signed by the biller", receipts - observed, receipts, 0, reason)]
        if observed
        else []
    )


def of_order(collected: int, lost: int, findings: Findings) -> list[Check]:
    """Step 9: order and uniqueness of the receipts."""
    failed = min(_count(findings, _ORDER), collected + lost)
    doubles = findings.counts.get("request-duplicate", 0)
    reason = f"{plural(lost, 'item')} fell out before" if lost else None
    return [
        Check("sequence and chain", collected - min(failed, collected), collected, failed, reason),
        Check("one receipt a request", collected - doubles, collected, doubles, reason),
    ]


def of_statements(
    settlements: list[Settlement], streams: int, untrusted: int, findings: Findings
) -> list[Check]:
    """Step 10: each statement against its receipts; ``untrusted`` statements fell out for their key (R-4.1)."""
    wrong_roots = _count(findings, ("root-mismatch", "head-mismatch"))
    roots = sum(settlement.roots for settlement in settlements)
    totals = sum(settlement.totals for settlement in settlements)
    wrong_totals = findings.counts.get("totals-mismatch", 0)
    reasons = "; ".join(dict.fromkeys(c.unchecked for c in settlements if c.unchecked)) or None
    if not settlements:
        by = f"{plural(untrusted, 'statement')} by a key that is not trusted"
        reasons = by if untrusted else "there is no statement"
    unlisted = _count(findings, _LISTED)
    listed = len(settlements) if not unlisted else 0
    return [
        Check(
            "receipts as listed",
            listed,
            len(settlements),
            unlisted,
            None if settlements else reasons,
        ),
        Check("Merkle roots", max(0, roots - wrong_roots), streams, wrong_roots, reasons),
        Check("totals", totals - bool(wrong_totals), len(settlements), wrong_totals, reasons),
    ]


def of_chain(linked: int, statements: int, findings: Findings) -> Check:
    """Step 11: each statement against the one before it."""
    failed = _count(findings, _CHAIN)
    unlinked = statements - linked
    reason = None
    if unlinked > 0:
        reason = f"{plural(unlinked, 'statement')} without the one before at hand (--previous FILE)"
    return Check(
        "link to the statement before", max(0, linked - failed), statements, failed, reason
    )


def of_period(
    period: Period | None, accounts: int, beyond: int, findings: Findings, *, whole: bool
) -> Check:
    """Step 12: the caller's period; ``beyond`` statements close more than that. ``whole``: no item is lost that may be a statement."""
    if period is None:
        reason = "no period was named (--period); the statements' own is reported"
        return Check("period", 0, accounts, 0, reason)
    if not whole:
        return Check(
            "period", 0, accounts, 0, "items of the input are lost that are or may be statements"
        )
    failed = findings.counts.get("period-uncovered", 0)
    outside = f"{plural(beyond, 'statement')} also of a time outside it" if beyond else None
    return Check("period", accounts if not failed else 0, accounts, failed, outside)


CUSTOMER = Check(
    "customer's own record", 0, 0, 0, "no record of the customer's own requests was given"
)
"""What only the customer can compare (spec/verification.md, What a verdict does not say)."""

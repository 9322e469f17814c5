"""A reconciliation as one document, as `receipt reconcile --json` prints it, and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from attribution.money.amounts import half_up, money
from attribution.money.reconcile.compare import Compared, Difference, What
from attribution.money.reconcile.invoice import Invoice, Other
from verifier import Verdict


def verdict_of(compared: Compared, invoice: Invoice) -> Verdict:
    """Rejected: there is a difference without a cause. Incomplete: something was not compared."""
    if any(one.cause is None for one in compared.differences):
        return Verdict.REJECTED
    return Verdict.INCOMPLETE if invoice.unread or not compared.lines else Verdict.VERIFIED


def document(compared: Compared, invoice: Invoice) -> dict[str, Any]:
    """The result, amounts as decimal texts with 12 places."""
    differences = compared.differences
    return {
        "lines": compared.lines,
        "tolerance": _money(invoice.tolerance),
        "receipts": money(compared.receipts),
        "invoice": _money(compared.invoice),
        "elsewhere": money(compared.elsewhere),
        "differences": [_row(one) for one in differences if one.cause is None],
        "known": [
            *({**_row(one), "cause": one.cause} for one in differences if one.cause is not None),
            *(_charge(one) for one in invoice.others),
        ],
        "rounding": _money(compared.rounding),
        "not_compared": [{"what": what, "rows": rows} for what, rows in invoice.unread.items()],
        "not_read": list(invoice.ignored),
    }


def as_text(found: Mapping[str, Any]) -> str:
    """The document for a reader: what differs first."""
    return "".join(f"{line}\n" for line in _lines(found))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['verdict'].upper()}: {found['lines']:,} lines compared with {found['kind']}"
    start, end = found["period"]
    yield f"  {start} to {end}, in {found['currency']}"
    yield f"  receipts {found['receipts']}, invoice {found['invoice']}, rounding {found['rounding']}"
    yield f"  a row may be {found['tolerance']} off"
    if found["elsewhere"] != money(0):
        yield f"  receipts of which this export has no lines: {found['elsewhere']}"
    for what in What:
        rows = [one for one in found["differences"] if one["kind"] == what]
        if rows:
            yield f"{what}:"
            yield from (f"  {_told(one)}" for one in rows)
    if found["known"]:
        yield "known legitimate cause:"
        yield from (f"  {_told(one)}: {one['cause']}" for one in found["known"])
    for one in found["not_compared"]:
        yield f"not compared: {one['what']} ({one['rows']:,})"


def _told(one: Mapping[str, Any]) -> str:
    figures = [f"{name} {one[name]}" for name in ("quantity", "amount") if one[name] is not None]
    named = [one["day"], *(one[name] for name in ("model", "class") if one[name] is not None)]
    return f"{' '.join(named)}: {', '.join(figures)}"


def _row(one: Difference) -> dict[str, Any]:
    return {
        "day": str(one.key.day),
        "model": one.key.model,
        "class": one.key.line,
        "kind": str(one.what),
        "quantity": one.quantity,
        "amount": None if one.amount is None else _money(one.amount),
    }


def _charge(one: Other) -> dict[str, Any]:
    return {
        "day": str(one.day), "model": None, "class": one.text, "kind": "other charge", "quantity": None,
        "amount": _money(one.amount), "cause": one.cause,
    }  # fmt: skip


def _money(amount: Fraction) -> str:
    return money(half_up(amount))

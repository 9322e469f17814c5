"""The document of `receipt attribute` in the form that was asked for, with what it rests on at its head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from attribution.money import as_csv, as_markdown, as_page, text
from cli.files import output_file
from verifier import Verdict

_IN_HEAD: Final = (
    "attribution", "period", "currency", "inputs", "verdict", "findings", "card", "method", "open",
)  # fmt: skip


def write(document: dict[str, Any], form: str, out: str, asking: Mapping[str, Any]) -> None:
    """Write a document.

    Args:
        document: with what it rests on.
        form: json, csv, html, markdown or text.
        out: a file, or ``-``.
        asking: ``by``, ``method`` and ``compare``: which tables a text has.

    Raises:
        OSError: it cannot be written.
    """
    if form == "text":
        document = _chosen(document, asking)
    match form:
        case "json":
            written = f"{json.dumps(document, indent=2)}\n"
        case "csv":
            written = as_csv(document, _IN_HEAD, {"batch": document["verdict"]})
        case "html":
            written = as_page(document)
        case "markdown":
            written = as_markdown(_head(document), document, _IN_HEAD)
        case _:
            written = text(_head(document), document, _IN_HEAD)
    with output_file(out) as stream:
        stream.write(written.encode())


def _chosen(document: dict[str, Any], asking: Mapping[str, Any]) -> dict[str, Any]:
    """Of the allocation the tables that were asked for, of the cache tax the rule that holds; of a spike first what rose most."""
    found = dict(document)
    if "methods" in found:
        by = asking["by"] or "team"
        tables = found["methods"][asking["method"]]
        found["methods"] = {asking["method"]: {by: tables[by]} if by in tables else {}}
        if not asking["compare"]:
            del found["compare"]
    if "cache_tax" in found:
        found["cache_tax"] = {found["breakage"]: found["cache_tax"][found["breakage"]]}
    if "spike" in found:
        rows = sorted(found["spike"]["rows"], key=_rise, reverse=True)
        found["spike"] = {**found["spike"], "rows": rows}
    return found


def _rise(row: Mapping[str, Any]) -> Decimal:
    return Decimal(row["after"]) - Decimal(row["before"])


def _head(document: Mapping[str, Any]) -> list[str]:
    """What it is, and on what it rests."""
    start, end = document["period"]
    lines = [f"attribution of {start} to {end}, in {document['currency']}"]
    if document["verdict"] != str(Verdict.VERIFIED):
        lines.append(f"NOT VERIFIED: {document['verdict']} ({', '.join(document['findings'])})")
    if document["open"]:
        lines.append("the period is open: no statement closes it, and more receipts may come")
    lines.append(f"method of the chargeback: {document['method']}")
    for one in document["inputs"]:
        lines += [one["name"], f"  sha256 {one['sha256']}"]
    return lines

"""The page as a whole."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from attribution.money.output.page.dependence import exposure, over_time
from attribution.money.output.page.events import events
from attribution.money.output.page.figures import Figures, picounits_of
from attribution.money.output.page.markup import paragraph, safe, table
from attribution.money.output.page.spending import contributions, in_short, spend
from attribution.money.output.page.style import STYLE


def as_page(document: Mapping[str, Any]) -> str:
    """One page in HTML, of all sections of a document, and on what they rest.

    It needs nothing beside itself, and says so: its policy lets it load nothing, and run no script.

    Args:
        document: as `Reports.document` makes it, with ``verdict``, ``findings``, ``open``, ``card`` and ``inputs``.
    """
    found = Figures(document)
    return "\n".join(
        [
            *_head(document), "<main>", in_short(found), *map(paragraph, _sentences(found)), spend(found), contributions(found),
            exposure(found), over_time(found), events(found), "</main>", *_foot(document), "</body>", "</html>", "",
        ]
    )  # fmt: skip


def _head(document: Mapping[str, Any]) -> Iterator[str]:
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    start, end = (moment.removesuffix("T00:00:00Z") for moment in document["period"])
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>LLM spend and cache, {safe(start)} to {safe(end)}</title>"
    yield f"<style>{STYLE}</style>\n</head>\n<body>\n<header>"
    yield "<h1>What language models cost, and what the cache saved</h1>"
    when = f"From {start} to {end} (not included), UTC, in {document['currency']}."
    yield f'<p class="lead">{safe(when)}</p>'
    if document["verdict"] != "verified":
        told = f"NOT VERIFIED: {document['verdict']} ({', '.join(document['findings'])})"
        yield f'<p class="warning">{safe(told)}</p>'
    if document["open"]:
        told = "The period is open: no statement closes it, and more receipts may come."
        yield f'<p class="warning">{told}</p>'
    yield "</header>"


def _sentences(found: Figures) -> Iterator[str]:
    totals = found.document["totals"]
    pools = picounits_of(totals["pools"])
    if pools:
        yield f"Beside this spend stand shared costs of {found.with_currency(pools)}, split over customers."
    yield "Amounts are rounded here; receipt attribute --json has all 12 decimals."


def _foot(document: Mapping[str, Any]) -> Iterator[str]:
    rows = [[one["name"], one["sha256"]] for one in document["inputs"]]
    yield "<footer>"
    yield table("On what this rests", ["file", "SHA-256"], rows, 2)
    yield paragraph(f"Digest of the rate card: {document['card']}.")
    yield paragraph("Each figure is defined in spec/attribution.md of token-receipts.")
    yield "</footer>"

"""Anthropic's cost report: amounts in cents as decimal texts, no quantities (GET /v1/organizations/cost_report, by description)."""

from __future__ import annotations

from typing import Final

from attribution.money.reconcile.document import Node
from attribution.money.reconcile.invoice import Invoice, Key, Naming
from attribution.money.reconcile.pages import results

_CENTS: Final = 100
_LINES: Final = {
    "uncached_input_tokens": "uncached",
    "cache_read_input_tokens": "cached",
    "cache_creation.ephemeral_5m_input_tokens": "write.300",
    "cache_creation.ephemeral_1h_input_tokens": "write.3600",
    "output_tokens": "output",
}
_BESIDE: Final = {
    "requests.web_search": "web_search",
    "requests.code_execution": "code_execution",
    "container.seconds": "code_execution",
}
"""The types of cost beside the tokens, by line."""
_NO_MODEL: Final = "anthropic/*"
"""What is beside the tokens has no model in the report."""
_MEMBERS: Final = (
    "amount", "currency", "cost_type", "token_type", "model",
    "context_window", "description", "inference_geo", "service_tier", "workspace_id",
)  # fmt: skip


def fold(model: str, line: str) -> tuple[str, str] | None:
    """What it calls a line."""
    if line in _BESIDE:
        return _NO_MODEL, _BESIDE[line]
    return (model, line) if line in _LINES.values() or line.startswith("write.") else None


def read(file: str, data: bytes, naming: Naming, invoice: Invoice) -> None:
    """Add the results of a file.

    Raises:
        InvoiceError: it is none.
    """
    for day, result in results(file, data, "starting_at", _MEMBERS, invoice):
        invoice.currencies[result.member("currency").text()] = None
        amount = result.member("amount").amount(_CENTS)
        named = _named(result, naming)
        if isinstance(named, str):
            invoice.skip(named)
        else:
            invoice.add(Key(day, *named), None, amount)


def _named(result: Node, naming: Naming) -> tuple[str, str] | str:
    """Model and line; or what cannot be compared."""
    kind = result.get("cost_type")
    if kind is None:
        return "costs that are not grouped by description"
    if kind.text() in _BESIDE.values():
        return _NO_MODEL, kind.text()
    if kind.text() != "tokens":
        return f"cost_type {kind.text()}"
    line, model = result.member("token_type").text(), result.member("model").text()
    if line not in _LINES:
        return f"token_type {line}"
    return naming.models.get(model, f"anthropic/{model}"), _LINES[line]

"""Anthropic's usage report: quantities, no amounts (GET /v1/organizations/usage_report/messages, by model)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attribution.money.reconcile.document import Node
from attribution.money.reconcile.invoice import Invoice, Key, Naming
from attribution.money.reconcile.pages import results

_LINES: Final = {
    "uncached_input_tokens": "uncached",
    "cache_read_input_tokens": "cached",
    "output_tokens": "output",
    "cache_creation.ephemeral_5m_input_tokens": "write.300",
    "cache_creation.ephemeral_1h_input_tokens": "write.3600",
    "server_tool_use.web_search_requests": "requests.web_search",
}
_GROUPS: Final = (
    "account_id", "api_key_id", "context_window", "inference_geo", "model", "service_account_id", "service_tier",
    "speed", "workspace_id",
)  # fmt: skip


def fold(model: str, line: str) -> tuple[str, str] | None:
    """What it calls a line."""
    return (model, line) if line in _LINES.values() or line.startswith("write.") else None


def read(file: str, data: bytes, naming: Naming, invoice: Invoice) -> None:
    """Add the results of a file.

    Raises:
        InvoiceError: it is none.
    """
    members = (*_GROUPS, *{name.partition(".")[0] for name in _LINES})
    for day, result in results(file, data, "starting_at", members, invoice):
        model = result.get("model")
        if model is None:
            invoice.skip("usage that is not grouped by model")
            continue
        name = naming.models.get(model.text(), f"anthropic/{model.text()}")
        for line, count in _counts(result):
            if line in _LINES:
                invoice.add(Key(day, name, _LINES[line]), count.count(), None)
            elif count.count():
                invoice.skip(f"{line} tokens")


def _counts(result: Node) -> Iterator[tuple[str, Node]]:
    """The counts by their names, those of inner objects with a dot."""
    for name, node in result.members().items():
        if name in _GROUPS or node.value is None:
            continue
        if isinstance(node.value, dict):
            yield from ((f"{name}.{inner}", count) for inner, count in node.members().items())
        elif name in _LINES:
            yield name, node

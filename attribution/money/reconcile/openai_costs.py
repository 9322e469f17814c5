"""OpenAI's costs: amounts as JSON numbers, by line item (GET /v1/organization/costs, grouped by line_item)."""

from __future__ import annotations

from typing import Final

from attribution.money.reconcile.document import Node
from attribution.money.reconcile.invoice import Invoice, Key, Naming
from attribution.money.reconcile.pages import results

_LINES: Final = {"input": "uncached", "cached input": "cached", "cache write": "write", "output": "output"}  # fmt: skip
_TOKENS: Final = "tokens"
_MEMBERS: Final = (
    "object", "amount", "line_item", "quantity", "quantity_unit", "project_id", "project_name", "organization_id",
    "organization_name", "user_id", "api_key_id",
)  # fmt: skip


def fold(model: str, line: str) -> tuple[str, str] | None:
    """What it calls a line; it does not tell TTLs apart."""
    if line.startswith("write."):
        return model, "write"
    return (model, line) if line in _LINES.values() else None


def read(file: str, data: bytes, naming: Naming, invoice: Invoice) -> None:
    """Add the results of a file.

    Raises:
        InvoiceError: it is none.
    """
    for day, result in results(file, data, "start_time", _MEMBERS, invoice):
        amount = result.member("amount")
        invoice.currencies[amount.member("currency").text()] = None
        value, item = amount.member("value").amount(), result.get("line_item")
        if item is None:
            invoice.skip("costs that are not grouped by line_item")
        elif (named := _named(item.text(), naming)) is None:
            invoice.skip(f"line_item {item.text()}")
        else:
            invoice.add(Key(day, *named), _quantity(result), value)


def _named(item: str, naming: Naming) -> tuple[str, str] | None:
    """Model and line of a line item, like ``gpt-5, cached input``."""
    if item in naming.items:
        return naming.items[item]
    model, comma, name = item.rpartition(", ")
    line = naming.classes.get(name) or _LINES.get(name)
    if not comma or line is None:
        return None
    return naming.models.get(model, f"openai/{model}"), line


def _quantity(result: Node) -> int | None:
    """Tokens; None: it does not say how many, or not in tokens."""
    quantity, unit = result.get("quantity"), result.get("quantity_unit")
    if quantity is None or unit is None or unit.text().lower() != _TOKENS:
        return None
    return quantity.count()

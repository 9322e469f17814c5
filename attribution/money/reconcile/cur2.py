"""AWS CUR 2.0 in CSV: Amazon Bedrock, a usage type for each kind of token of a model; quantities in thousands of tokens.

The name of a usage type is not that of a model, and region and tier are in it: so ``[[item]]`` or ``[models]`` of the map say which
model it is.
"""

from __future__ import annotations

import re
from typing import Final

from attribution.money.reconcile.invoice import Invoice, Key, Naming
from attribution.money.reconcile.sheet import Record, Sheet

_KINDS: Final = re.compile(
    r"(?P<model>.+?)-(?P<kind>input-tokens|output-tokens|cache-read-input-token-count|cache-write-input-token-count)"
)
_LINES: Final = {
    "input-tokens": "uncached",
    "cache-read-input-token-count": "cached",
    "cache-write-input-token-count": "write",
    "output-tokens": "output",
}
_UNITS: Final = {"tokens": 1, "1k tokens": 1000, "1m tokens": 1_000_000}
_OTHERS: Final = (
    "Tax", "Credit", "Refund", "Discount", "BundledDiscount", "EdpDiscount", "PrivateRateDiscount", "Fee", "RIFee",
    "SavingsPlanNegation", "SavingsPlanRecurringFee", "SavingsPlanUpfrontFee",
)  # fmt: skip
_PRODUCT: Final = "AmazonBedrock"
_COLUMNS: Final = (
    "line_item_usage_start_date", "line_item_line_item_type", "line_item_product_code", "line_item_usage_type",
    "line_item_usage_amount", "line_item_unblended_cost", "line_item_currency_code",
)  # fmt: skip
_UNIT: Final = "pricing_unit"


def fold(model: str, line: str) -> tuple[str, str] | None:
    """What it calls a line; it does not tell TTLs apart."""
    if line.startswith("write."):
        return model, "write"
    return (model, line) if line in _LINES.values() else None


def read(file: str, data: bytes, naming: Naming, invoice: Invoice) -> None:
    """Add the rows of a file that are of Amazon Bedrock, or of what the map names.

    Raises:
        InvoiceError: it is none.
    """
    sheet = Sheet(file, data, (*_COLUMNS, _UNIT))
    invoice.ignore(sheet.unknown((*_COLUMNS, _UNIT)))
    for record in sheet.records():
        product = record.cells["line_item_product_code"]
        name = record.cells["line_item_usage_type"]
        if not product.startswith(_PRODUCT) and _named(name, naming) is None:
            invoice.ignore([f"rows of product {product}"])
            continue
        invoice.currencies[record.text("line_item_currency_code")] = None
        kind = record.text("line_item_line_item_type")
        if kind in _OTHERS:
            day, amount = (
                record.day("line_item_usage_start_date"),
                record.amount("line_item_unblended_cost"),
            )
            invoice.charge(day, record.cells["line_item_usage_type"], kind, amount)
        else:
            _add(record, naming, invoice)


def _add(record: Record, naming: Naming, invoice: Invoice) -> None:
    """A row for usage."""
    day, name = record.day("line_item_usage_start_date"), record.text("line_item_usage_type")
    amount = record.amount("line_item_unblended_cost")
    named, unit = _named(name, naming), _UNITS.get(record.cells[_UNIT].lower())
    if named is None:
        invoice.skip(f"usage type {name}")
    elif unit is None:
        invoice.skip(f"{_UNIT} {record.cells[_UNIT]} of {name}")
    else:
        invoice.add(Key(day, *named), record.count("line_item_usage_amount", unit), amount)


def _named(name: str, naming: Naming) -> tuple[str, str] | None:
    """Model and line of a usage type, like ``USE1-Claude4.6Sonnet-input-tokens``."""
    if name in naming.items:
        return naming.items[name]
    found = _KINDS.fullmatch(name)
    if found is None or found["model"] not in naming.models:
        return None
    return naming.models[found["model"]], _LINES[found["kind"]]

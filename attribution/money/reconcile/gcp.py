"""Google Cloud's billing export in CSV, with the columns of the BigQuery table; a SKU for each kind of token of a model.

SKUs do not say in which form what a model's name is: ``[[item]]`` of the map says it by the SKU's description or id.
"""

from __future__ import annotations

from typing import Final

from attribution.money.reconcile.invoice import Invoice, Key, Naming
from attribution.money.reconcile.sheet import Record, Sheet

_COLUMNS: Final = (
    "usage_start_time", "sku.id", "sku.description", "usage.amount", "usage.unit", "cost", "currency", "cost_type",
)  # fmt: skip
_USAGE: Final = "regular"
_COUNTED: Final = ("tokens", "count", "requests")


def read(file: str, data: bytes, naming: Naming, invoice: Invoice) -> None:
    """Add the rows of a file.

    Raises:
        InvoiceError: it is none.
    """
    sheet = Sheet(file, data, _COLUMNS)
    invoice.ignore(sheet.unknown(_COLUMNS))
    for record in sheet.records():
        invoice.currencies[record.text("currency")] = None
        if record.text("cost_type") == _USAGE:
            _add(record, naming, invoice)
        else:  # tax, adjustment, rounding_error
            amount = record.amount("cost")
            text, cause = record.cells["sku.description"], record.cells["cost_type"]
            invoice.charge(record.day("usage_start_time"), text, cause, amount)


def _add(record: Record, naming: Naming, invoice: Invoice) -> None:
    """A row for usage."""
    name, unit = record.text("sku.description"), record.cells["usage.unit"]
    day, amount = record.day("usage_start_time"), record.amount("cost")
    named = naming.items.get(name) or naming.items.get(record.cells["sku.id"])
    if named is None:
        invoice.skip(f"SKU {name}")
    elif unit not in _COUNTED:
        invoice.skip(f"usage.unit {unit} of {name}")
    else:
        invoice.add(Key(day, *named), record.count("usage.amount"), amount)

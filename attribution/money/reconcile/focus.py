"""FOCUS cost and usage rows (1.2 to 1.4) in CSV, one for each meter."""

from __future__ import annotations

from typing import Final

from attribution.money.reconcile.invoice import Invoice, Key, Naming
from attribution.money.reconcile.sheet import Record, Sheet

_COLUMNS: Final = (
    "ChargePeriodStart", "ChargeCategory", "ChargeDescription", "SkuId", "SkuMeter", "ConsumedQuantity", "ConsumedUnit",
    "BilledCost", "BillingCurrency",
)  # fmt: skip
_OWN: Final = ("x_Model", "x_Line")
"""Columns of `receipt export`, which need no map."""
_USAGE: Final = "Usage"
_SINGLE: Final = (
    "Tokens", "Requests", "Pages", "Milliseconds", "Characters", "Messages", "Pixels", "Images", "Seconds", "Token-Seconds", "Units",
)  # fmt: skip
_UNITS: Final = {**dict.fromkeys(_SINGLE, 1), "1000 Tokens": 1000, "1000000 Tokens": 1_000_000}


def read(file: str, data: bytes, naming: Naming, invoice: Invoice) -> None:
    """Add the rows of a file.

    Raises:
        InvoiceError: it is none.
    """
    sheet = Sheet(file, data, _COLUMNS)
    invoice.ignore(sheet.unknown(_COLUMNS + _OWN))
    for record in sheet.records():
        invoice.currencies[record.text("BillingCurrency")] = None
        if record.text("ChargeCategory") == _USAGE:
            _add(record, naming, invoice)
        else:  # Tax, Credit, Adjustment, Purchase
            amount = record.amount("BilledCost")
            text, cause = record.cells["ChargeDescription"], record.cells["ChargeCategory"]
            invoice.charge(record.day("ChargePeriodStart"), text, cause, amount)


def _add(record: Record, naming: Naming, invoice: Invoice) -> None:
    """A row for usage."""
    day, amount = record.day("ChargePeriodStart"), record.amount("BilledCost")
    sku, unit = record.text("SkuId"), record.cells["ConsumedUnit"]
    named = _named(sku, record.cells["SkuMeter"], naming) or _own(record)
    if named is None:
        invoice.skip(f"SKU {sku}, meter {record.cells['SkuMeter']}")
    elif unit not in _UNITS:
        invoice.skip(f"ConsumedUnit {unit} of {sku}")
    else:
        invoice.add(Key(day, *named), record.count("ConsumedQuantity", _UNITS[unit]), amount)


def _named(sku: str, meter: str, naming: Naming) -> tuple[str, str] | None:
    """Model and line: by ``[[item]]`` of the SKU, or by ``[models]`` of the SKU and ``[classes]`` of the meter."""
    if sku in naming.items:
        return naming.items[sku]
    if sku in naming.models and meter in naming.classes:
        return naming.models[sku], naming.classes[meter]
    return None


def _own(record: Record) -> tuple[str, str] | None:
    """Model and line of a row of our own."""
    model, line = (record.cells.get(name) for name in _OWN)
    return (model, line) if model and line else None

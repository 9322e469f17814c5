"""A plain CSV: day, model, class, quantity, amount; a map says what other columns are called."""

from __future__ import annotations

from typing import Final

from attribution.money.reconcile.invoice import Invoice, Key, Naming
from attribution.money.reconcile.sheet import Sheet

COLUMNS: Final = ("day", "model", "class", "quantity", "amount")


def read(file: str, data: bytes, naming: Naming, invoice: Invoice) -> None:
    """Add the rows of a file.

    Raises:
        InvoiceError: it is none.
    """
    columns = tuple(naming.columns.get(name, name) for name in COLUMNS)
    sheet = Sheet(file, data, columns)
    invoice.ignore(sheet.unknown(columns))
    day, model, line, quantity, amount = columns
    for record in sheet.records():
        key = Key(
            record.day(day),
            naming.models.get(record.text(model), record.text(model)),
            naming.classes.get(record.text(line), record.text(line)),
        )
        invoice.add(key, record.count(quantity), record.amount(amount))

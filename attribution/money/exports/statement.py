"""What one customer may see: its own charges, and their sum (spec/exports.md, Statement)."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Final

from attribution.money.amounts import money
from attribution.money.exports.charges import Charge, charges
from attribution.money.ledger.leaves import DIMENSIONS
from attribution.money.ledger.ledger import Ledger

_CUSTOMER: Final = DIMENSIONS.index("customer")
_FEATURE: Final = DIMENSIONS.index("feature")
COLUMNS: Final = ("day", "feature", "model", "class", "quantity", "rate", "per", "amount")
Line = tuple[str, str, str, str, int, int]
"""Day, feature, model, class, rate, per."""


def statement(ledger: Ledger, customer: str) -> str | None:
    """The statement of a customer as CSV; None: it has no charge."""
    sums: dict[Line, list[int]] = {}
    for charge in charges(ledger):
        if charge.leaf[_CUSTOMER] == customer:
            line = sums.setdefault(_line(charge), [0, 0])
            line[0] += charge.quantity
            line[1] += charge.amount
    if not sums:
        return None
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for (*names, rate, per), (quantity, amount) in sorted(sums.items()):
        writer.writerow([*names, quantity, money(rate), per, money(amount)])
    total = sum(amount for _, amount in sums.values())
    writer.writerow(["total", *[""] * (len(COLUMNS) - 2), money(total)])
    return stream.getvalue()


def _line(charge: Charge) -> Line:
    """By what a customer sees it: nothing of teams, and of nobody else."""
    feature = charge.leaf[_FEATURE] or ""
    return str(charge.day), feature, charge.sku, charge.meter, charge.rate, charge.per

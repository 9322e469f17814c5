"""What a correction has in common with the receipt that it corrects, and what it says of it (R-9.10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from verifier.format.claims import Receipt
from verifier.report.shown import shown


class Contradiction(NamedTuple):
    """A field: what the corrected receipt has, and what its correction says."""

    field: str
    expected: str
    actual: str


def contradiction(earlier: Receipt, later: Receipt) -> Contradiction | None:
    """The first thing in which a correction is not of the receipt that it names; None: it is of it."""
    for field, expected, actual in _compared(earlier, later):
        if expected != actual:
            return Contradiction(field, shown(expected), shown(actual))
    return None


def _compared(earlier: Receipt, later: Receipt) -> Iterator[tuple[str, object, object]]:
    said, charge = later.corrects, earlier.charge
    for field in ("request", "client", "span"):
        yield field, getattr(earlier, field), getattr(later, field)
    yield "source.observed", earlier.observed or None, later.observed or None
    if said is None:
        return
    for field, had, now in zip(earlier.counts._fields, earlier.counts, said.counts, strict=True):
        yield f"corrects.{field}", had, now
    yield "corrects.units", earlier.units, said.units
    yield "corrects.currency", None if charge is None else charge.currency, said.currency
    yield "corrects.amount", None if charge is None else charge.amount, said.amount

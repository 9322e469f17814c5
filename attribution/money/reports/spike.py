"""Why the bill rose between two times: which cell (feature and model), and how much of it by what, exactly."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Final

from attribution.money.amounts import half_up, money
from attribution.money.ledger.ledger import Ledger

EFFECTS: Final = ("volume", "mix", "new_or_ended", "size", "hit_rate", "price")
Span = tuple[date, date]
"""First day, and the day after the last one."""
Name = tuple[str | None, str]
"""Feature and model."""
_CELLS: Final = """
SELECT feature, model, count(*), sum(amount), sum(input_cost), sum(logical) FROM receipts
WHERE day >= $1 AND day < $2 GROUP BY ALL
"""
_LINES: Final = """
SELECT feature, model, class, is_input, sum(quantity), sum(lines.amount) FROM lines JOIN receipts USING (item)
WHERE day >= $1 AND day < $2 GROUP BY ALL
"""


@dataclass(slots=True)
class Cell:
    """A feature at a model in one of the two times; lines by name: whether input, quantity, amount."""

    requests: int = 0
    amount: int = 0
    input_cost: int = 0
    logical: int = 0
    lines: dict[str, tuple[bool, int, int]] = field(default_factory=dict)


Cells = dict[Name, Cell]


def spike(ledger: Ledger, before: Span, after: Span) -> dict[str, Any]:
    """The effects by cell, in the order of keys, and their total.

    Args:
        ledger: loaded.
        before: the time to compare with.
        after: the time that is explained.
    """
    old, new = _cells(ledger, before), _cells(ledger, after)
    names = sorted({*old, *new}, key=lambda name: (name[0] is not None, name[0] or "", name[1]))
    rows = {name: effects(name, old, new) for name in names}
    total = {effect: sum(row[effect] for row in rows.values()) for effect in EFFECTS}
    return {
        "before": [str(day) for day in before],
        "after": [str(day) for day in after],
        "rows": [
            {
                "feature": name[0],
                "model": name[1],
                **_ends(old.get(name), new.get(name)),
                **_text(row),
            }
            for name, row in rows.items()
        ],
        "total": {
            "before": money(sum(cell.amount for cell in old.values())),
            "after": money(sum(cell.amount for cell in new.values())),
            **_text(total),
        },
    }


def _ends(old: Cell | None, new: Cell | None) -> dict[str, str]:
    return {"before": money(old.amount if old else 0), "after": money(new.amount if new else 0)}


def _text(row: dict[str, int]) -> dict[str, str]:
    return {effect: money(amount) for effect, amount in row.items()}


def _cells(ledger: Ledger, span: Span) -> Cells:
    cells = {(row[0], row[1]): Cell(*row[2:]) for row in ledger.ask(_CELLS, span)}
    for feature, model, name, is_input, quantity, amount in ledger.ask(_LINES, span):
        cells[feature, model].lines[name] = is_input, quantity, amount
    return cells


def effects(name: Name, old: Cells, new: Cells) -> dict[str, int]:
    """What of the difference of a cell is which effect: they sum to it."""
    found = dict.fromkeys(EFFECTS, 0)
    was, now = old.get(name), new.get(name)
    all_old, all_new = (sum(cell.requests for cell in cells.values()) for cells in (old, new))
    if was is None and now is not None:
        known = any(feature == name[0] for feature, _ in old)
        found["mix" if known else "new_or_ended"] = now.amount
    elif was is not None:
        at_volume = half_up(was.amount * Fraction(all_new, all_old))
        found["volume"] = at_volume - was.amount
        if now is None:
            known = any(feature == name[0] for feature, _ in new)
            found["mix" if known else "new_or_ended"] = -at_volume
        else:
            steps = [at_volume, *map(half_up, _steps(was, now)), now.amount]
            for effect, first, second in zip(
                ("mix", "size", "hit_rate", "price"), steps[:-1], steps[1:], strict=True
            ):
                found[effect] = second - first
    return found


def _steps(was: Cell, now: Cell) -> tuple[Fraction, Fraction, Fraction]:
    """The cost with the new number of requests; with their size; with their split into lines: at the old prices."""
    rest = _at_old_prices(was, now, is_input=False)
    inputs = Fraction(now.input_cost)
    if was.logical:
        inputs = was.input_cost * Fraction(now.logical, was.logical)
    return (
        was.amount * Fraction(now.requests, was.requests),
        inputs + rest,
        _at_old_prices(was, now, is_input=True) + rest,
    )


def _at_old_prices(was: Cell, now: Cell, *, is_input: bool) -> Fraction:
    """The new quantities of lines at the old prices; a line that was not there takes its own."""
    total = Fraction(0)
    for name, (kind, quantity, amount) in now.lines.items():
        if kind is is_input:
            _, old_quantity, old_amount = was.lines.get(name, (kind, 0, 0))
            total += quantity * Fraction(old_amount, old_quantity) if old_quantity else amount
    return total

"""The document as text in 80 columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from attribution.money.amounts import half_up, places
from attribution.money.output.tables import Cell, Table, shown, tables
from verifier import escape

WIDTH: Final = 80
_LONGEST: Final = 27
_PARTS: Final = 3
"""A table that needs more parts to fit is written row by row."""
_AMOUNT: Final = re.compile(r"-?[0-9]+\.[0-9]{12}")
_NUMBER: Final = re.compile(r"-?[0-9][0-9,]*(?:\.[0-9]+)?")


def text(head: list[str], document: Mapping[str, Any], skipped: tuple[str, ...]) -> str:
    """The head, and each table; amounts with 6 decimals, half up.

    Args:
        head: lines that say what it is.
        document: as `Reports.document` makes it.
        skipped: members that stand in the head.
    """
    lines = list(head)
    for table in tables(document, skipped):
        lines += ["", *_table(table)]
    return "\n".join([*lines, ""])


def _table(table: Table) -> Iterator[str]:
    yield escape(table.name, WIDTH)
    columns = table.columns
    cells = {column: [_cell(row.get(column)) for row in table.rows] for column in columns}
    keys = [column for column in columns if not all(map(_is_number, cells[column]))][:2]
    groups = list(_groups(keys, columns, cells))
    if len(table.rows) > 1 and len(groups) <= _PARTS:
        for group in groups:
            yield from _lines(group, cells)
        return
    for at, row in enumerate(table.rows):
        if at:
            yield ""
        yield from (f"  {_title(column):27} {_whole(row.get(column))}" for column in columns)


def _whole(cell: Cell) -> str:
    """A cell that has a line for itself."""
    short = _cell(cell)
    return escape(shown(cell), WIDTH - _LONGEST - 3) if short.endswith("...") else short


def _cell(cell: Cell) -> str:
    if isinstance(cell, str) and _AMOUNT.fullmatch(cell):
        return places(_millionths(cell), 6)
    if isinstance(cell, int):
        return f"{cell:,}"
    return escape(shown(cell), _LONGEST)


def _millionths(amount: str) -> int:
    """A text with 12 places as millionths, half up."""
    return half_up(Fraction(int(amount.replace(".", "")), 10**6))


def _is_number(cell: str) -> bool:
    return cell == "-" or _NUMBER.fullmatch(cell) is not None


def _width(column: str, cells: Mapping[str, list[str]]) -> int:
    return max(len(_title(column)), *map(len, cells[column]))


def _title(column: str) -> str:
    return escape(column, _LONGEST)


def _groups(
    keys: list[str], columns: list[str], cells: Mapping[str, list[str]]
) -> Iterator[list[str]]:
    """Columns that fit into the width, each group after the keys."""
    start = sum(_width(key, cells) + 2 for key in keys)
    group, width = list(keys), start
    for column in columns:
        if column in keys:
            continue
        needed = _width(column, cells) + 2
        if width + needed > WIDTH and len(group) > len(keys):
            yield group
            group, width = list(keys), start
        group.append(column)
        width += needed
    yield group


def _lines(group: list[str], cells: Mapping[str, list[str]]) -> Iterator[str]:
    widths = {column: _width(column, cells) for column in group}
    numeric = {column: all(map(_is_number, cells[column])) for column in group}
    rows = zip(*(cells[column] for column in group), strict=True)
    for row in ([_title(column) for column in group], *rows):
        parts = [
            cell.rjust(widths[column]) if numeric[column] else cell.ljust(widths[column])
            for column, cell in zip(group, row, strict=True)
        ]
        yield f"  {'  '.join(parts)}".rstrip()

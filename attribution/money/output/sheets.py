"""The document as CSV and as Markdown."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from io import StringIO
from typing import Any, Final

from attribution.money.output.tables import Cell, shown, tables
from verifier import escape

_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_LONGEST: Final = 1000
_OBEYED: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula."""


def as_csv(document: Mapping[str, Any], skipped: tuple[str, ...], marks: Mapping[str, str]) -> str:
    """All tables below each other, with one header: the first columns say which table a row is of, and what marks all of them.

    A text that a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        document: as `Reports.document` makes it.
        skipped: members that are no figures.
        marks: columns that each row has.
    """
    found = list(tables(document, skipped))
    columns = dict.fromkeys(column for table in found for column in table.columns)
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["table", *marks, *columns])
    for table in found:
        for row in table.rows:
            writer.writerow(
                [table.name, *marks.values(), *(_cell(row.get(column)) for column in columns)]
            )
    return stream.getvalue()


def _cell(cell: Cell) -> str:
    if cell is None:
        return ""
    text = str(cell)
    return f"'{text}" if text.startswith(_OBEYED) and not _NUMBER.fullmatch(text) else text


def as_markdown(head: list[str], document: Mapping[str, Any], skipped: tuple[str, ...]) -> str:
    """The head, and each table under a heading.

    Args:
        head: lines that say what it is.
        document: as `Reports.document` makes it.
        skipped: members that stand in the head.
    """
    lines = ["# Attribution", "", *(f"* {_safe(line)}" for line in head)]
    for table in tables(document, skipped):
        columns = table.columns
        lines += ["", f"## {_safe(table.name)}", "", _row([*map(_safe, columns)])]
        lines.append(_row(["---"] * len(columns)))
        lines += [_row([_safe(shown(row.get(column))) for column in columns]) for row in table.rows]
    return "\n".join([*lines, ""])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _safe(text: str) -> str:
    """Text without what Markdown or a terminal would obey."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", escape(text, _LONGEST))

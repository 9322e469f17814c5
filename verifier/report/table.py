"""The findings of a report as CSV, where the object does not list them all (spec/report.md, Findings)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from verifier.report.worth import Worth

COLUMNS: Final = (
    "finding", "severity", "code", "rule", "file", "item", "offset", "issuer", "account", "stream", "sequence", "request",
    "number", "time", "field", "expected", "actual", "count", "currency", "lower", "upper", "by", "with", "unknown", "message",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_AMOUNTS: Final = ("lower", "upper")


def csv_lines(findings: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """The lines of the file: findings as the object has them."""
    yield _line(COLUMNS)
    for finding in findings:
        cells = finding | finding["worth"]
        yield _line([_cell(cells.get(name), name) for name in COLUMNS])


def _cell(value: Any, name: str) -> str:
    """A value as text; a spreadsheet must not compute what somebody else wrote."""
    if value is None:
        return ""
    text = str(value)
    is_formula = isinstance(value, str) and name not in _AMOUNTS and text.startswith(_FORMULA)
    return f"'{text}" if is_formula else text


def _line(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()


def worth_of(worth: object, numbers: dict[int, int]) -> dict[str, Any]:
    """What a finding is worth, as the object has it.

    Args:
        worth: an amount, another finding, or why it is not known.
        numbers: of findings, by their ``id``.
    """
    if isinstance(worth, Worth):
        return worth.as_dict()
    return {"unknown": worth} if isinstance(worth, str) else {"with": numbers[id(worth)]}

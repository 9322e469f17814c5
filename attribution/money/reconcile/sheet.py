"""Exports in CSV, cell by cell: an error says in which line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from attribution.money.reconcile.invoice import (
    Amount,
    InvoiceError,
    Place,
    amount_of,
    count_of,
    day_of,
)


@dataclass(frozen=True, slots=True)
class Record:
    """A row, by the names of the header. Places are looked for only when there is something to tell."""

    file: str
    lines: list[str]
    first: int
    cells: Mapping[str, str]

    def text(self, name: str) -> str:
        """A cell that is not empty.

        Raises:
            InvoiceError: it is empty.
        """
        if not self.cells[name]:
            raise self.error(name, "a value")
        return self.cells[name]

    def day(self, name: str) -> date:
        """A day, or the day of a time, in UTC.

        Raises:
            InvoiceError: it is none.
        """
        found = day_of(self.cells[name])
        if found is None:
            raise self.error(name, "a day like 2026-10-01, or a time in UTC")
        return found

    def count(self, name: str, unit: int = 1) -> int:
        """A quantity in so many single units.

        Raises:
            InvoiceError: it is not whole in single units.
        """
        found = count_of(self.cells[name], unit)
        if found is None:
            raise self.error(name, "a whole number" if unit == 1 else f"a whole number of 1/{unit}")
        return found

    def amount(self, name: str) -> Amount:
        """An amount in units of the currency.

        Raises:
            InvoiceError: it is none.
        """
        found = amount_of(self.cells[name])
        if found is None:
            raise self.error(name, "a decimal number, like 12.50")
        return found

    def error(self, name: str, expected: str) -> InvoiceError:
        """What is wrong with a cell."""
        place = _place(self.lines, self.first, list(self.cells).index(name))
        return InvoiceError(
            self.file,
            place,
            name,
            expected,
            ascii(self.cells[name]) if self.cells[name] else "none",
        )


def decoded(file: str, data: bytes) -> str:
    """The text of a file.

    Raises:
        InvoiceError: it is not in UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        byte = f"byte {data[error.start]:#04x}"
        raise InvoiceError(file, (line, column), "file", "text in UTF-8", byte) from None


class Sheet:
    """A CSV file with a header.

    Attributes:
        names: of the header.
    """

    def __init__(self, file: str, data: bytes, required: tuple[str, ...]) -> None:
        """Read the header.

        Raises:
            InvoiceError: it is none, or lacks a column, or has one twice.
        """
        text = decoded(file, data)
        self._file, self._lines = file, list(io.StringIO(text, newline=""))
        self._rows = csv.reader(self._lines, strict=True)
        self.names = self._next() or []
        for at, name in enumerate(self.names):
            if name in self.names[:at]:
                place = _place(self._lines, 1, at)
                raise InvoiceError(file, place, "header", "each column once", f"{name!a} again")
        for name in required:
            if name not in self.names:
                found = ", ".join(self.names[:20]) or "nothing"
                raise InvoiceError(file, (1, 1), "header", f"a column {name}", found)

    def records(self) -> Iterator[Record]:
        """The rows.

        Raises:
            InvoiceError: one has more or fewer cells than the header, or is no CSV.
        """
        first = self._rows.line_num + 1
        while (row := self._next()) is not None:
            if row:
                if len(row) != len(self.names):
                    wanted, found = f"{len(self.names)} cells", str(len(row))
                    raise InvoiceError(self._file, (first, 1), "row", wanted, found)
                yield Record(
                    self._file, self._lines, first, dict(zip(self.names, row, strict=True))
                )
            first = self._rows.line_num + 1

    def unknown(self, known: tuple[str, ...]) -> list[str]:
        """The columns that are none of these."""
        return [f"column {name}" for name in self.names if name not in known]

    def _next(self) -> list[str] | None:
        try:
            return next(self._rows, None)
        except csv.Error as error:
            place = (self._rows.line_num, 1)
            raise InvoiceError(self._file, place, "row", "CSV", str(error)) from None


def _place(lines: list[str], first: int, cell: int) -> Place:
    """Where a cell begins, of the row that begins in line ``first``."""
    line, column, quoted = first, 1, False
    for character in "".join(lines[first - 1 :]):
        if cell == 0:
            break
        quoted ^= character == '"'
        cell -= character == "," and not quoted
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    return line, column

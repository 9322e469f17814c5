"""The arrays of finance.toml: tables in the file itself, or the rows of a CSV file beside it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from receipts import TomlFileError, TomlMember

Record = Mapping[str, TomlMember]
_SUFFIX: Final = ".csv"


@dataclass(slots=True)
class Inputs:
    """The files that were read, by name, and the SHA-256 of each: so that a figure can be traced."""

    digests: dict[str, str] = field(default_factory=dict)

    def read(self, path: Path) -> bytes:
        """The bytes of a small file.

        Raises:
            OSError: it cannot be read.
        """
        data = path.read_bytes()
        self.digests[str(path)] = sha256(data).hexdigest()
        return data


@dataclass(frozen=True, slots=True)
class Columns:
    """The members of a record: those that each has, and those that it may have."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


class Records:
    """Reads the arrays of one file.

    Attributes:
        top: of the file.
        inputs: hears of the files beside it.
    """

    def __init__(self, top: TomlMember, inputs: Inputs) -> None:
        self.top, self.inputs = top, inputs
        self._members = top.table()

    def of(self, name: str, plural: str, columns: Columns) -> list[Record]:
        """The records of ``[[name]]``, or of the file that ``plural`` names; none: there are none.

        Raises:
            TomlFileError: a member is wrong, missing or unknown, or both are there.
            OSError: the file cannot be read.
        """
        inline, file = self._members.get(name), self._members.get(plural)
        if inline is not None and file is not None:
            raise file.error(f"either it or [[{name}]]", "both")
        if inline is not None:
            return [item.members(columns.required, columns.optional) for item in inline.items()]
        return [] if file is None else self._csv(self._path(file), columns)

    def of_file(self, name: str, columns: Columns) -> list[Record]:
        """The records of the file that ``name`` names, or else of NAME.csv beside this one, if that is there.

        Raises:
            TomlFileError: a member is wrong, missing or unknown.
            OSError: the file cannot be read.
        """
        member = self._members.get(name)
        path = self._beside(f"{name}{_SUFFIX}") if member is None else self._path(member)
        if member is None and not path.exists():
            return []
        return self._csv(path, columns)

    def _path(self, member: TomlMember) -> Path:
        name = member.text()
        if not name.endswith(_SUFFIX):
            raise member.error("the name of a CSV file")
        return self._beside(name)

    def _beside(self, name: str) -> Path:
        return Path(self.top.file).parent / name

    def _csv(self, path: Path, columns: Columns) -> list[Record]:
        data = self.inputs.read(path)
        try:
            lines = data.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            byte = f"byte {data[error.start]:#04x}"
            raise TomlFileError(str(path), (line, 1), "file", "text in UTF-8", byte) from None
        rows = [
            _cells(str(path), number, line) for number, line in enumerate(lines, 1) if line.strip()
        ]
        if not rows:
            raise TomlFileError(str(path), None, "file", ",".join(columns.required), "nothing")
        names = [cell.value for cell in rows[0]]
        return [_record(rows[0], names, row, columns) for row in rows[1:]]


def _cells(file: str, number: int, line: str) -> list[TomlMember]:
    """The cells of a line, each with its place."""
    try:
        (values,) = csv.reader([line], strict=True)
    except csv.Error as error:
        raise TomlFileError(file, (number, 1), "line", "cells in one line", str(error)) from None
    starts, quoted = [1], False
    for at, character in enumerate(line, 2):
        quoted ^= character == '"'
        if character == "," and not quoted:
            starts.append(at)
    return [
        TomlMember(file, {("cell",): (number, start)}, ("cell",), value)
        for value, start in zip(values, starts, strict=True)
    ]


def _record(
    header: list[TomlMember], names: list[str], row: list[TomlMember], columns: Columns
) -> Record:
    """A row by the names of the header; an empty cell is absent."""
    for name, cell in zip(names, header, strict=True):
        if name not in columns.required + columns.optional or names.count(name) > 1:
            known = ", ".join(columns.required + columns.optional)
            raise cell.error(f"columns of {known}, each once")
    if len(row) != len(names):
        raise row[-1].error(f"{len(names)} cells", f"{len(row)}")
    members = {
        name: TomlMember(cell.file, {(name,): cell.places["cell",]}, (name,), cell.value)
        for name, cell in zip(names, row, strict=True)
        if cell.value
    }
    for name in columns.required:
        if name not in members:
            raise row[0].error(f"a value for {name}", "none")
    return members


def each_once(seen: dict[str, TomlMember], member: TomlMember, text: Callable[[], str]) -> str:
    """A text that no record before has.

    Raises:
        TomlFileError: one has.
    """
    value = text()
    if value in seen:
        raise member.error("each once", f"{value!r} again")
    seen[value] = member
    return value

"""A small TOML file that the operator writes, read member by member: an error says where, what was expected and what is there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from receipts.limits import MAX_NAME

Path = tuple[str | int, ...]
"""Names of members, and indices in arrays, from the top of the file."""
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_NAME: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED: Final = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_INNER: Final = re.compile(rf"({_DOTTED})\s*=|{_NAME}|\S")
"""What an inline table or array consists of, as far as it matters here."""
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]")
_MEMBER: Final = re.compile(rf"\s*({_DOTTED})\s*=")
_SHOWN: Final = 60
"""So many characters of a text are shown."""


Place = tuple[int, int]
"""Line and column, from 1."""


class TomlFileError(ValueError):
    """A key table, a tagging contract or the source of a rate card cannot be used: a member is wrong, missing or unknown.

    Attributes:
        file: its name.
        line, column: where, from 1; None: not known.
        field: the member.
        expected: what had to be there.
        found: what is there. Never what could be a secret.
    """

    def __init__(self, file: str, place: Place | None, field: str, expected: str, found: str) -> None:  # fmt: skip
        self.line = None if place is None else place[0]
        self.column = None if place is None else place[1]
        where = file if place is None else f"{file}, line {place[0]}, column {place[1]}"
        super().__init__(f"{where}: {field}: expected {expected}, found {found}")
        self.file, self.field = file, field
        self.expected, self.found = expected, found


@dataclass(frozen=True, slots=True)
class Member:
    """A value of the file, and where it stands.

    Attributes:
        file: the file's name.
        places: where each member begins, by its path.
        path: of this one.
        value: as TOML has it.
    """

    file: str
    places: Mapping[Path, Place]
    path: Path
    value: Any

    def error(self, expected: str, found: str | None = None) -> TomlFileError:
        """What is wrong with this value; ``found``: in other words than the value itself."""
        near = (self.path[:size] for size in range(len(self.path), 0, -1))
        place = next((self.places[path] for path in near if path in self.places), None)
        found = _shown(self.value) if found is None else found
        return TomlFileError(self.file, place, _field(self.path), expected, found)

    def text(self) -> str:
        """A text of 1 to 512 bytes, as names and values of receipts are (spec/receipt.md, Limits).

        Raises:
            TomlFileError: it is none.
        """
        if not isinstance(self.value, str):
            raise self.error("text")
        size = len(self.value.encode())
        if not 1 <= size <= MAX_NAME:
            raise self.error(f"text of 1 to {MAX_NAME} bytes", f"{size} bytes")
        return self.value

    def flag(self) -> bool:
        """True or false.

        Raises:
            TomlFileError: it is neither.
        """
        if not isinstance(self.value, bool):
            raise self.error("true or false")
        return self.value

    def items(self) -> list[Member]:
        """The values of an array that is not empty.

        Raises:
            TomlFileError: it is none.
        """
        if not isinstance(self.value, list):
            raise self.error("an array")
        if not self.value:
            raise self.error("at least one", "none")
        return [self._inner(place, value) for place, value in enumerate(self.value)]

    def texts(self) -> list[Member]:
        """The texts of an array that is not empty and has none twice.

        Raises:
            TomlFileError: it is no such array.
        """
        found: set[str] = set()
        items = self.items()
        for item in items:
            if item.text() in found:
                raise item.error("each text once")
            found.add(item.text())
        return items

    def table(self) -> dict[str, Member]:
        """The members of a table, whatever their names are.

        Raises:
            TomlFileError: it is none.
        """
        if not isinstance(self.value, dict):
            raise self.error("a table")
        return {name: self._inner(name, value) for name, value in self.value.items()}

    def members(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Member]:  # fmt: skip
        """The members of a table that has these and no others.

        Raises:
            TomlFileError: one is missing, or unknown.
        """
        members = self.table()
        for name, member in members.items():
            if name not in required + optional:
                known = ", ".join(required + optional)
                raise member.error(f"one of {known}", "an unknown member")
        for name in required:
            if name not in members:
                raise self._inner(name, None).error("a value", "none")
        return members

    def _inner(self, name: str | int, value: Any) -> Member:
        return Member(self.file, self.places, (*self.path, name), value)


def read_toml(data: bytes, file: str) -> Member:
    """The top of a file.

    Raises:
        TomlFileError: it is no TOML.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        byte = f"byte {data[error.start]:#04x}"
        raise TomlFileError(file, (line, column), "file", "text in UTF-8", byte) from None
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # it says line and column
        raise TomlFileError(file, None, "file", "TOML", str(error)) from None
    except RecursionError:
        raise TomlFileError(file, None, "file", "TOML", "deeply nested values") from None
    return Member(file, dict(_places(text)), (), document)


def _places(text: str) -> Iterator[tuple[Path, Place]]:
    """Where tables and members begin. `tomllib` does not say it, so this looks at the beginnings of lines, and into inline tables.

    Inside of texts of several lines it may see what is none, and a member is then told by a wrong place of the same name.
    """
    seen: dict[Path, Place] = {}
    arrays: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table = _resolved(_names(header[2]), arrays)
            if header[1] == "[[":
                arrays[table] = arrays.get(table, -1) + 1
                table = (*table, arrays[table])
            for size in range(1, len(table) + 1):  # the tables around it may have no header
                seen.setdefault(table[:size], (number, header.start(1) + 1))
        elif member := _MEMBER.match(line):
            names = _names(member[1])
            for size in range(1, len(names) + 1):
                seen.setdefault(table + names[:size], (number, member.start(1) + 1))
            for path, column in _inner_places(line[member.end() :]):
                seen.setdefault(table + names + path, (number, member.end() + column))
    yield from seen.items()


def _inner_places(value: str) -> Iterator[tuple[Path, int]]:
    """The members and items of a value on one line, and their columns, from 1."""
    path: list[str | int] = []
    for part in _INNER.finditer(value):
        sign, name = part[0], part[1]
        if name is not None and path:
            names = _names(name)
            path[-1] = names[-1]
            yield (*path[:-1], *names), part.start() + 1
        elif sign == "," and path:
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else path[-1]
        elif sign in ("]", "}") and path:
            path.pop()
        elif sign == "#":
            return
        else:
            if path and isinstance(path[-1], int):
                yield tuple(path), part.start() + 1
            if sign in ("[", "{"):
                path.append(0 if sign == "[" else "")


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(name.strip("\"'") for name in re.findall(_NAME, dotted))


def _resolved(names: tuple[str, ...], arrays: Mapping[Path, int]) -> Path:
    """The path of a header's table: in an array of tables it belongs to the last one."""
    path: Path = ()
    for place, name in enumerate(names):
        path = (*path, name)
        if place + 1 < len(names) and path in arrays:
            path = (*path, arrays[path])
    return path


def _field(path: Path) -> str:
    if not path:
        return "file"
    parts = [
        f"[{part}]"
        if isinstance(part, int)
        else f".{part if _BARE.fullmatch(part) else ascii(part)}"
        for part in path
    ]
    return "".join(parts).removeprefix(".")


def _shown(value: Any) -> str:
    """A value in an error: short, on one line, and of a table or an array only what it is."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, bool):
        return str(value).lower()
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

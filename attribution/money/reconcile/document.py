"""Exports in JSON, value by value: numbers stay the text that they are, and an error says in which line and column."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from attribution.money.reconcile.invoice import (
    Amount,
    InvoiceError,
    Place,
    amount_of,
    count_of,
    day_of,
)
from attribution.money.reconcile.sheet import decoded

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999."""


class _Number(str):
    """The text of a number."""

    __slots__ = ()


def _constant(text: str) -> Any:
    raise json.JSONDecodeError(f"{text} is no JSON", text, 0)


_SCALARS: Final = json.JSONDecoder(parse_float=_Number, parse_int=_Number, parse_constant=_constant)


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and where it stands."""

    source: Source
    at: int
    path: str
    value: Any

    def member(self, name: str) -> Node:
        """A member that is there, and not null.

        Raises:
            InvoiceError: it is not, or this is no object.
        """
        found = self.get(name)
        if found is None:
            raise self.error(f"a member {name}", "none")
        return found

    def get(self, name: str) -> Node | None:
        """A member; None: it is not there, or null.

        Raises:
            InvoiceError: this is no object.
        """
        found = self.members().get(name)
        return None if found is None or found.value is None else found

    def members(self) -> Mapping[str, Node]:
        """All of them.

        Raises:
            InvoiceError: this is no object.
        """
        if not isinstance(self.value, dict):
            raise self.error("an object")
        return self.value

    def items(self) -> list[Node]:
        """The values of an array.

        Raises:
            InvoiceError: it is none.
        """
        if not isinstance(self.value, list):
            raise self.error("an array")
        return self.value

    def text(self) -> str:
        """A text that is not empty.

        Raises:
            InvoiceError: it is none.
        """
        if not isinstance(self.value, str) or isinstance(self.value, _Number) or not self.value:
            raise self.error("a text")
        return self.value

    def flag(self) -> bool:
        """True or false.

        Raises:
            InvoiceError: it is neither.
        """
        if not isinstance(self.value, bool):
            raise self.error("true or false")
        return self.value

    def count(self) -> int:
        """A whole number.

        Raises:
            InvoiceError: it is none.
        """
        found = count_of(self.value) if isinstance(self.value, _Number) else None
        if found is None:
            raise self.error("a whole number")
        return found

    def amount(self, per: int = 1) -> Amount:
        """An amount, as a number or a text; ``per`` of its units are one of the currency.

        Raises:
            InvoiceError: it is none.
        """
        found = amount_of(self.value, per) if isinstance(self.value, str) else None
        if found is None:
            raise self.error('a decimal number, like "12.50"')
        return found

    def day(self) -> date:
        """The day of a time in UTC: text, or seconds since 1970.

        Raises:
            InvoiceError: it is none.
        """
        if isinstance(self.value, _Number):
            seconds = count_of(self.value)
            if seconds is not None and 0 <= seconds <= _LATEST:
                return datetime.fromtimestamp(seconds, UTC).date()
        elif isinstance(self.value, str) and (found := day_of(self.value)) is not None:
            return found
        raise self.error("a time in UTC")

    def unknown(self, known: tuple[str, ...]) -> list[str]:
        """The members that are none of these."""
        return [f"member {name}" for name in self.members() if name not in known]

    def error(self, expected: str, found: str | None = None) -> InvoiceError:
        """What is wrong with this value."""
        shown = ascii(self.value)[:60]
        if isinstance(self.value, dict | list):
            shown = "an object" if isinstance(self.value, dict) else "an array"
        return self.source.error(self.at, self.path or "file", expected, found or shown)


class Source:
    """A file with JSON values, one after the other."""

    def __init__(self, file: str, data: bytes) -> None:
        """Take a file.

        Raises:
            InvoiceError: it is no text.
        """
        self._file, self._text = file, decoded(file, data)

    def values(self) -> list[Node]:
        """The values at the top: one document, or one for each page or line.

        Raises:
            InvoiceError: it is no JSON, or has none.
        """
        found, at = [], self._skip(0)
        try:
            while at < len(self._text):
                node, at = self._value(at, "")
                found.append(node)
                at = self._skip(at)
        except RecursionError:
            raise self.error(at, "file", "JSON", "deeply nested values") from None
        if not found:
            raise self.error(0, "file", "JSON", "nothing")
        return found

    def error(self, at: int, field: str, expected: str, found: str) -> InvoiceError:
        """What is wrong, at an offset."""
        place: Place = (self._text.count("\n", 0, at) + 1, at - self._text.rfind("\n", 0, at))
        return InvoiceError(self._file, place, field, expected, found)

    def _skip(self, at: int) -> int:
        space = _SPACE.match(self._text, at)
        return at if space is None else space.end()

    def _value(self, at: int, path: str) -> tuple[Node, int]:
        sign = self._text[at : at + 1]
        if sign == "{":
            return self._object(at, path)
        if sign == "[":
            return self._array(at, path)
        try:
            value, end = _SCALARS.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            raise self.error(at, path or "file", "JSON", error.msg) from None
        return Node(self, at, path, value), end

    def _object(self, start: int, path: str) -> tuple[Node, int]:
        members: dict[str, Node] = {}
        at = self._skip(start + 1)
        while self._text[at : at + 1] != "}":
            if members:
                at = self._sign(at, ",", path)
            name, end = self._value(at, path)
            key = name.text()
            if key in members:
                raise self.error(at, path or "file", "each member once", f"{key!a} again")
            inner = f"{path}.{key}" if path else key
            members[key], at = self._value(self._sign(self._skip(end), ":", inner), inner)
            at = self._skip(at)
        return Node(self, start, path, members), at + 1

    def _array(self, start: int, path: str) -> tuple[Node, int]:
        items: list[Node] = []
        at = self._skip(start + 1)
        while self._text[at : at + 1] != "]":
            if items:
                at = self._sign(at, ",", path)
            item, at = self._value(at, f"{path}[{len(items)}]")
            items.append(item)
            at = self._skip(at)
        return Node(self, start, path, items), at + 1

    def _sign(self, at: int, sign: str, path: str) -> int:
        found = self._text[at : at + 1]
        if found != sign:
            raise self.error(at, path or "file", f"JSON: {sign}", ascii(found) if found else "the end")  # fmt: skip
        return self._skip(at + 1)

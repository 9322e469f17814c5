"""The members of a usage object by dotted path, and which of them were read.

An object is walked once. What no reader asked for is left over at the end, so that nothing that is stated gets lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from decimal import Decimal
from typing import Any, Final, Self

from receipts.errors import UsageError
from receipts.limits import MAX_UINT

Names = tuple[str, ...]
"""The paths at which one value may stand."""
Lists = Mapping[str, tuple[str | None, str | None]]
"""Arrays that are tallied, by path: the member of an element that names it, and the one that counts it. Element
``{"modality": "AUDIO", "tokenCount": 5}`` of ``details`` becomes ``details.AUDIO``: 5. Without a name all are summed under the
name of the count; without either, equal elements are counted."""

_INDEX: Final = re.compile(r"\.\d+(?=\.|$)")


class Members:
    """The members of an object.

    Args:
        document: the object.
        lists: its arrays that are tallied.
        beside: what else a response states; its paths begin with ``response``.

    Raises:
        UsageError: it is no object, a path is there twice, or a tallied count is none.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        lists: Lists | None = None,
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        members = [*document.items(), ("response", beside)] if beside else list(document.items())
        self._leaves = _leaves(members, lists or {})
        self._read: set[str] = set()
        self._prefix = ""

    def under(self, path: str) -> Self:
        """The members of an inner object; what is read of them is read of the whole."""
        inner = object.__new__(type(self))
        inner._leaves, inner._read = self._leaves, self._read
        inner._prefix = f"{self._prefix}{path}."
        return inner

    def size(self, path: str) -> int:
        """How many elements an array has."""
        start = f"{self._prefix}{path}."
        heads = {
            name[len(start) :].partition(".")[0] for name in self._leaves if name.startswith(start)
        }
        return len(heads)

    def where(self, names: Names) -> str:
        """The whole path of the first of several names that states a value, or of the first one."""
        stated = self._stated(names)
        return stated[0] if stated else self._prefix + names[0]

    def peek(self, name: str) -> Any:
        """What a member states, None if it is not there; it is not read by that."""
        return self._leaves.get(self._prefix + name)

    def states(self, *names: str) -> bool:
        """Whether one of several members is there, and not null; it is not read by that."""
        return bool(self._stated(names))

    def among(self, names: Set[str]) -> set[str]:
        """Which of many paths are there in the whole object, and not null; they are not read by that."""
        return self._leaves.keys() & names

    def count(self, names: Names) -> int | None:
        """A count; None: it is not stated. All names that state it must agree.

        Raises:
            UsageError: it is no count, or two names state different ones.
        """
        found: int | None = None
        for path in self._stated(names):
            self._read.add(path)
            count = _count(path, self._leaves[path])
            if found is not None and found != count:
                raise UsageError(path, f"expected that of {self.where(names)}, {found}, found {count}")  # fmt: skip
            found = count
        return found

    def first(self, names: Names) -> int | None:
        """A count that the first of the names states which is there: they differ in how exact they are.

        Raises:
            UsageError: one of them is no count.
        """
        counts = [_count(path, self._take(path)) for path in self._stated(names)]
        return counts[0] if counts else None

    def text(self, names: Names) -> str | None:
        """The first text that is not empty; None: there is none. What is no text, or another one, is left unread."""
        text: str | None = None
        for path in self._stated(names):
            value = self._leaves[path]
            if type(value) is str and value and value == (text or value):
                self._read.add(path)
                text = value
        return text

    def word(self, name: str, words: Mapping[int, str]) -> str | None:
        """The word for a number of an enumeration; an unknown one is left unread."""
        value = self._leaves.get(self._prefix + name)
        if type(value) is not int or value not in words:
            return None
        self._read.add(self._prefix + name)
        return words[value]

    def amount(self, names: Names) -> bool:
        """Whether an amount of money is stated that is not zero; how much it is, is nobody's count."""
        amounts = [self._take(path) for path in self._stated(names)]
        return any(type(amount) in (int, float, str) and bool(amount) for amount in amounts)

    def milliseconds(self, name: str) -> int | None:
        """A duration that is stated in s, in ms; None: it is not stated, or is no whole number of ms, and is left unread then.

        Raises:
            UsageError: it is no duration.
        """
        value = self.peek(name)
        if value is None:
            return None
        if type(value) not in (int, float) or not 0 <= value <= MAX_UINT // 1000:
            raise UsageError(self._prefix + name, f"expected a duration in seconds, found {value!r:.40}")  # fmt: skip
        exact = Decimal(repr(value)) * 1000
        if exact != int(exact):
            return None
        self._read.add(self._prefix + name)
        return int(exact)

    def unread(self, free: re.Pattern[str]) -> dict[str, str]:
        """The members that state something, were not read, and are not ``free``; an index of an array is ``*``."""
        return {
            generic(path): "is not known"
            for path, value in self._leaves.items()
            if value and path not in self._read and not free.fullmatch(path)
        }

    def _stated(self, names: Names) -> list[str]:
        if self._prefix:
            names = tuple(self._prefix + name for name in names)
        return [path for path in names if path in self._leaves]

    def _take(self, path: str) -> Any:
        self._read.add(path)
        return self._leaves[path]


def generic(path: str) -> str:
    """A path with ``*`` for the indexes of arrays."""
    return _INDEX.sub(".*", path)


def _leaves(members: list[tuple[str, Any]], lists: Lists) -> dict[str, Any]:
    """Every value that is no object or array, or is an empty one, by path; nulls state nothing, and are left out."""
    leaves: dict[str, Any] = {}
    rest = [(str(name), value) for name, value in reversed(members)]
    while rest:
        path, value = rest.pop()
        if value is None:
            continue
        if isinstance(value, Mapping) and value:
            rest += [(f"{path}.{name}", inner) for name, inner in reversed(list(value.items()))]
        elif isinstance(value, list) and value:
            tally = path in lists
            rest += _tally(path, value, *lists[path]).items() if tally else _elements(path, value)
        elif path in leaves:
            raise UsageError(path, "is there twice")
        else:
            leaves[path] = value
    return leaves


def _elements(path: str, elements: list[Any]) -> list[tuple[str, Any]]:
    return [(f"{path}.{i}", element) for i, element in enumerate(elements)]


def _tally(path: str, elements: list[Any], name: str | None, count: str | None) -> dict[str, Any]:
    tally: dict[str, Any] = {}
    for i, element in enumerate(elements):
        key, number = _named(element, name, count)
        if key is None:
            tally[f"{path}.{i}"] = element
            continue
        if number is not None:
            where = f"{path}.{key}"
            tally[where] = tally.get(where, 0) + _count(f"{path}.{i}.{count}", number)
        for member in element if isinstance(element, Mapping) else ():
            if member not in (name, count):
                tally[f"{path}.{i}.{member}"] = element[member]
    return tally


def _named(element: Any, name: str | None, count: str | None) -> tuple[str | int | None, Any]:
    """What an element is tallied under, None if it is another one than was expected, and the number that it states."""
    if count is None:
        return (element, 1) if type(element) in (str, int) else (None, None)
    if not isinstance(element, Mapping):
        return None, None
    key = element.get(name) if name else count
    return (key, element.get(count)) if type(key) in (str, int) else (None, None)


def _count(path: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_UINT:
        raise UsageError(path, f"expected a count, found {value!r:.40}")
    return value

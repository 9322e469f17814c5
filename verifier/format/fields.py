"""The fields of claims: that they are there, of the right type and size, and no others (verification step 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from verifier.format import labels
from verifier.format.envelope import MAX_NAME

MAX_TIME: Final = 253402300800000
"""The first ms of the year 10000."""


class ClaimsError(ValueError):
    """A field of the claims breaks the tables: which, what was expected, what is there."""

    def __init__(self, field: str, expected: str, actual: object) -> None:
        super().__init__(f"{field}: expected {expected}, found {describe(actual)}")
        self.field = field
        self.expected = expected
        self.actual = describe(actual)


class Fields:
    """The fields of one map, taken one by one; what is left at the end is unknown."""

    def __init__(self, value: Any, table: labels.Table, path: str) -> None:
        if not isinstance(value, dict) or not all(isinstance(key, int) for key in value):
            raise ClaimsError(path or "claims", "a map with integer keys", value)
        self._left = dict(value)
        self._keys = {name: key for key, name in table.items()}
        self._path = f"{path}." if path else ""

    def take(self, name: str, check: Callable[[Any, str], Any]) -> Any:
        """A field that must be there."""
        value = self.maybe(name, check)
        if value is None:
            raise ClaimsError(self._path + name, "this field", None)
        return value

    def take_all(self, check: Callable[[Any, str], Any], *names: str) -> tuple[Any, ...]:
        """Several such fields of one type."""
        return tuple(self.take(name, check) for name in names)

    def maybe(self, name: str, check: Callable[[Any, str], Any]) -> Any:
        """A field that may be absent, which is None."""
        value = self._left.pop(self._keys[name], None)
        return None if value is None else check(value, self._path + name)

    def end(self) -> None:
        """Nothing else may be there."""
        for key in self._left:
            named = {key: name for name, key in self._keys.items()}
            raise ClaimsError(
                f"{self._path}{named.get(key, key)}", "no such field here", self._left[key]
            )


def version(value: Any, path: str) -> int:
    """The version, 1."""
    if value != 1:
        raise ClaimsError(path, "1", value)
    return 1


def uint(value: Any, path: str) -> int:
    """An unsigned integer."""
    if not isinstance(value, int):
        raise ClaimsError(path, "an unsigned integer", value)
    return value


def positive(value: Any, path: str) -> int:
    """An unsigned integer above zero."""
    if uint(value, path) < 1:
        raise ClaimsError(path, "at least 1", value)
    return int(value)


def instant(value: Any, path: str) -> int:
    """A time in ms since 1970."""
    if uint(value, path) >= MAX_TIME:
        raise ClaimsError(path, f"ms before the year 10000, less than {MAX_TIME}", value)
    return int(value)


def period_end(value: Any, path: str) -> int:
    """The end of a period, exclusive, in ms since 1970."""
    if not 1 <= uint(value, path) <= MAX_TIME:
        raise ClaimsError(path, f"1 to {MAX_TIME}", value)
    return int(value)


def text(value: Any, path: str, least: int) -> str:
    """A text of ``least`` to `MAX_NAME` bytes."""
    if not isinstance(value, str) or not least <= len(value.encode()) <= MAX_NAME:
        raise ClaimsError(path, f"text of {least} to {MAX_NAME} bytes", value)
    return value


def name(value: Any, path: str) -> str:
    """A text of 1 to `MAX_NAME` bytes."""
    return text(value, path, 1)


def digest(value: Any, path: str) -> bytes:
    """32 bytes."""
    if not isinstance(value, bytes) or len(value) != 32:
        raise ClaimsError(path, "a byte string of 32", value)
    return value


def short_bytes(value: Any, path: str) -> bytes:
    """1 to 64 bytes."""
    if not isinstance(value, bytes) or not 1 <= len(value) <= 64:
        raise ClaimsError(path, "a byte string of 1 to 64", value)
    return value


def uint_map(value: Any, path: str, most: int) -> dict[int, int]:
    """A map of unsigned integers, with 1 to ``most`` entries."""
    if not isinstance(value, dict) or not 1 <= len(value) <= most:
        raise ClaimsError(path, f"a map of 1 to {most} entries", value)
    for key, tokens in value.items():
        uint(key, f"{path} key")
        uint(tokens, f"{path}.{key}")
    return value


def name_map(value: Any, path: str, most: int, check: Callable[[Any, str], Any]) -> dict[str, Any]:
    """A map of texts to what ``check`` takes, with 1 to ``most`` entries."""
    if not isinstance(value, dict) or not 1 <= len(value) <= most:
        raise ClaimsError(path, f"a map of 1 to {most} entries", value)
    return {name(key, f"{path} key"): check(one, f"{path}.{key}") for key, one in value.items()}


def listed(value: Any, path: str, most: int) -> list[Any]:
    """An array of 1 to ``most``."""
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise ClaimsError(path, f"an array of 1 to {most}", value)
    return value


def describe(value: object) -> str:
    """A value of decoded claims in few words, for messages."""
    match value:
        case None:
            return "nothing"
        case int():
            return str(value)
        case str():
            return f"text of {len(value.encode())} bytes" if len(value) > 64 else f"'{value}'"
        case bytes():
            return f"a byte string of {len(value)}"
        case list():
            return f"an array of {len(value)}"
        case dict():
            return f"a map of {len(value)}"
    raise TypeError(value)

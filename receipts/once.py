"""What is found once for an object, and kept with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

_Value = TypeVar("_Value")


class once(Generic[_Value]):  # noqa: N801  # it is used as a decorator
    """A property that is found when it is first asked for.

    That of `functools` has a lock in Python 3.11, one for all objects: while a thread reads a long request, an event loop would wait with
    all the short ones. Here two threads may find the same, and what is kept first counts.
    """

    def __init__(self, find: Callable[[Any], _Value]) -> None:
        self.__doc__ = find.__doc__
        self._find, self._name = find, find.__name__

    def __get__(self, instance: object, owner: type | None = None) -> _Value:
        """What was found; from then on it is an attribute."""
        found: _Value = vars(instance).setdefault(self._name, self._find(instance))
        return found

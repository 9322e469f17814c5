"""A file of the operator, in TOML, that is read again when it has changed."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import ClassVar, Generic, Self, TypeVar

from receipts.toml_file import TomlFileError

_Read = TypeVar("_Read")
_log = logging.getLogger("receipts.emitting")


class FollowedFile(Generic[_Read]):
    """What a file says now. A file that has become unusable, or is gone, is logged once, and what it said before goes on.

    Write a new file beside it and move that over it: so nobody reads a half. Calls from several threads are safe.

    Args:
        path: the file.
        read: makes of its bytes, and its name, what it says.

    Raises:
        TomlFileError: the file cannot be used.
        OSError: it cannot be read.
    """

    def __init__(self, path: str | Path, read: Callable[[bytes, str], _Read]) -> None:
        self.path = Path(path)
        self._read = read
        self._lock = Lock()
        self._stamp = self._stamp_now()  # before the bytes: what changes between the two is seen
        self._known = read(self.path.read_bytes(), str(self.path))

    def current(self) -> _Read:
        """What it says."""
        if self._stamp_now() != self._stamp:
            with self._lock:
                self._read_again()
        return self._known

    def _read_again(self) -> None:
        stamp = self._stamp_now()
        if stamp == self._stamp:  # another thread was here
            return
        try:
            self._known = self._read(self.path.read_bytes(), str(self.path))
        except (TomlFileError, OSError) as error:
            _log.error("%s has changed and cannot be used, what it said before goes on: %s", self.path, error)  # fmt: skip
        self._stamp = stamp

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:  # it is told when it is read
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


class Told(ABC, Generic[_Read]):
    """What a file of the operator says, whether it stays as it is or follows its file."""

    _KIND: ClassVar[str]
    """What the file is, in errors."""

    def __init__(self, current: Callable[[], _Read]) -> None:
        self._current = current

    @classmethod
    def from_toml(cls, data: bytes, file: str | None = None) -> Self:
        """One that stays as it is; ``file`` names it in errors.

        Raises:
            TomlFileError: a member is wrong, missing, unknown, or there twice.
        """
        said = cls._read(data, cls._KIND if file is None else file)
        return cls(lambda: said)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """One that follows its file: see `FollowedFile`.

        Raises:
            TomlFileError: a member is wrong, missing, unknown, or there twice.
            OSError: the file cannot be read.
        """
        return cls(FollowedFile(path, cls._read).current)

    @staticmethod
    @abstractmethod
    def _read(data: bytes, file: str) -> _Read:
        """What the bytes of the file of this name say."""

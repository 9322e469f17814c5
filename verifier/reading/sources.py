"""Where the bytes of an input come from: files, or streams that can be read only once.

An input is read once, from its first byte to its last. Where a few bytes are needed again (the two objects of a proof), they are
fetched by their offset; a stream is copied to a temporary file while it is read, so that this works for it too.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import IO, Protocol

Advance = Callable[[int], None]
"""Hears how many more bytes were read."""


def _unheard(_more: int) -> None:
    """Nobody wants to hear of the progress."""


class Readable(Protocol):
    """What is needed of an open source."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""


def read_fully(stream: Readable, size: int) -> bytes:
    """``size`` bytes, or all that there are: a stream may give fewer than it is asked for."""
    data = stream.read(size)
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


class Source:
    """One input.

    Args:
        name: how reports call it.
        opener: opens it, at its first byte.
        once: whether that works only once, so that what is read is copied to a temporary file.
        advance: hears how many bytes were read.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], AbstractContextManager[IO[bytes]]],
        *,
        once: bool = False,
        advance: Advance = _unheard,
    ) -> None:
        self.name = name
        self._opener = opener
        self._once = once
        self._advance = advance
        self._files = ExitStack()
        self._begun: tuple[IO[bytes], bytes] | None = None
        """A stream that `first` has opened, and what it has read of it."""
        self._copy: IO[bytes] | None = None

    def first(self, size: int) -> bytes:
        """The first bytes, without taking them away from `open`.

        Raises:
            OSError: it cannot be read.
        """
        stream = self._files.enter_context(self._opener())
        head = read_fully(stream, size)
        self._begun = stream, head
        return head

    @contextmanager
    def open(self) -> Iterator[Readable]:
        """The bytes, from the first one on.

        Raises:
            OSError: it cannot be opened, or there is no room for the copy.
        """
        if self._copy is not None:
            self._copy.seek(0)
            yield self._copy
            return
        with self._files as files:
            stream, head = self._begun or (files.enter_context(self._opener()), b"")
            self._begun = None
            if self._once:
                self._copy = tempfile.TemporaryFile(prefix="receipt-verify-")  # noqa: SIM115  # for `fetch`, later
            yield _Reader(head, stream, self._copy, self._advance)

    def close(self) -> None:
        """Forget the copy, if there is one: a stream that can be read only once is gone then."""
        self._files.close()
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def fetch(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset`` on, once more.

        Raises:
            OSError: it cannot be read.
        """
        with nullcontext(self._copy) if self._copy is not None else self._opener() as stream:
            stream.seek(offset)
            return read_fully(stream, size)


class _Reader:
    """An open source, which copies what is read and tells how much it is. ``head`` was read before."""

    def __init__(
        self, head: bytes, stream: IO[bytes], copy: IO[bytes] | None, advance: Advance
    ) -> None:
        self._head = head
        self._stream = stream
        self._copy = copy
        self._advance = advance

    def read(self, size: int, /) -> bytes:
        data = self._head + self._stream.read(size - len(self._head))
        self._head = b""
        if self._copy is not None:
            self._copy.write(data)
        self._advance(len(data))
        return data


def batch_file(path: str, advance: Advance = _unheard) -> Source:
    """A file; what can be read only once, like a named pipe, is treated as by `batch_stream`.

    Args:
        path: where it is; also its name in reports.
        advance: hears how many more bytes were read.
    """
    return Source(
        path, lambda: Path(path).open("rb"), once=not Path(path).is_file(), advance=advance
    )


def batch_stream(name: str, stream: IO[bytes], advance: Advance = _unheard) -> Source:
    """A stream that can be read only once, like a pipe. It is not closed."""
    return Source(name, lambda: nullcontext(stream), once=True, advance=advance)


def bytes_source(name: str, data: bytes) -> Source:
    """Bytes in memory."""
    return Source(name, lambda: io.BytesIO(data))

"""Reading and writing files: an output file appears whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from verifier import Source, batch_file, batch_stream

STDIN = "-"


@contextmanager
def output_file(path: str, *, mode: int = 0o666, replace: bool = True) -> Iterator[BinaryIO]:
    """A file to write to; it takes the place of ``path`` when all is written, and only then. ``-`` is stdout.

    Args:
        path: where the file goes.
        mode: its permissions, before the umask.
        replace: whether a file that is there already is replaced.

    Raises:
        FileExistsError: the file is there already and must not be replaced.
        OSError: it cannot be written.
    """
    if path == STDIN:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:  # a device or a named pipe has no whole and half
            yield stream
        return
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fchmod(stream.fileno(), mode & ~_umask())
            os.fsync(stream.fileno())
        if replace:
            Path(temporary).replace(target)
        else:
            os.link(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def read_bytes(path: str) -> bytes:
    """A whole small file."""
    return sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()


def inputs(names: tuple[str, ...], advance: Callable[[int], None]) -> list[Source]:
    """The batch files that a command names; ``-`` is stdin. ``advance`` hears of every byte that is read."""
    return [_input(name, advance) for name in names]


def _input(name: str, advance: Callable[[int], None]) -> Source:
    if name == STDIN:
        return batch_stream(STDIN, sys.stdin.buffer, advance)
    return batch_file(name, advance)


def total_size(names: tuple[str, ...]) -> int | None:
    """The bytes of all files together, or None if one of them is no file."""
    paths = [Path(name) for name in names if name != STDIN]
    if len(paths) < len(names) or not all(path.is_file() for path in paths):
        return None
    return sum(path.stat().st_size for path in paths)

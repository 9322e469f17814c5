"""Reading and writing files: an output file appears whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from cli.terminal import CliError
from verifier import Source, batch_file, batch_stream

STDIN = "-"
"""The name of stdin, and of stdout."""


@contextmanager
def output_file(path: str, *, mode: int = 0o666, replace: bool = True) -> Iterator[BinaryIO]:
    """A file to write to; it takes the place of ``path`` when all is written, and only then. ``-`` is stdout.

    It is written under a name that nobody can know before, in the same folder. A symbolic link is not followed: where others may
    write into the folder, it can have been put there to have another file replaced.

    Args:
        path: where the file goes.
        mode: its permissions, before the umask.
        replace: whether a file that is there already is replaced.

    Raises:
        FileExistsError: the file is there already and must not be replaced.
        OSError: it cannot be written, or is a symbolic link.
    """
    if path == STDIN:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    if _is_device(target):
        with target.open("wb") as stream:  # it has no whole and half
            yield stream
        return
    if target.is_symlink():
        raise OSError(errno.ELOOP, "it is a symbolic link: name the file that is meant", path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with io.BufferedWriter(_Output(descriptor, path)) as stream:
            yield stream
            stream.flush()
            with _naming(path):
                os.fchmod(descriptor, mode & ~_umask())
                os.fsync(descriptor)
        if replace:
            Path(temporary).replace(target)
        else:
            os.link(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)


class _Output(io.FileIO):
    """A file that is written; where that fails, the error names the file that it will be."""

    def __init__(self, descriptor: int, path: str) -> None:
        super().__init__(descriptor, "wb")
        self._path = path

    def write(self, data: Any, /) -> int:
        """Write some of the data."""
        with _naming(self._path):
            return super().write(data)


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """What fails names the file: on a disk that is full, the system says of none."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror, path) from None


def _is_device(path: Path) -> bool:
    """Whether it is a device or a pipe, or a link that the system has made to one: /dev/stdout, /dev/fd/63."""
    if path.is_symlink():
        return path.is_absolute() and path.parts[1] in ("dev", "proc")
    return path.exists() and not path.is_file()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextmanager
def input_file(path: str) -> Iterator[BinaryIO]:
    """A file to read from; ``-`` is stdin.

    Raises:
        CliError: it is the URL of a journal.
        OSError: it cannot be read.
    """
    _refuse_url(path)
    if path == STDIN:
        yield sys.stdin.buffer
        return
    with Path(path).open("rb") as stream:
        yield stream


def read_bytes(path: str) -> bytes:
    """A whole small file; ``-`` is stdin."""
    with input_file(path) as stream:
        return stream.read()


def inputs(names: tuple[str, ...], advance: Callable[[int], None]) -> list[Source]:
    """The batch files that a command names; ``-`` is stdin. ``advance`` hears of every byte that is read.

    Raises:
        CliError: one is the URL of a journal, or a folder.
    """
    for name in names:
        _refuse_url(name)
        if Path(name).is_dir():
            raise CliError(
                f"{name} is a folder", f"give the files in it: {name.rstrip('/')}/*.cbor"
            )
    return [
        batch_stream(name, sys.stdin.buffer, advance)
        if name == STDIN
        else batch_file(name, advance)
        for name in names
    ]


def _refuse_url(name: str) -> None:
    """The URL of a journal is no file, and its password not for everybody."""
    if "://" not in name or Path(name).exists():
        return
    from receipts.journal import shown  # not at every start

    hint = "a period of a journal becomes a batch with receipt close --journal; receipt show prints a journal"
    raise CliError(f"{shown(name)} is no batch file", hint)


def total_size(names: tuple[str, ...]) -> int | None:
    """The bytes of all files together, or None if one of them is no file."""
    paths = [Path(name) for name in names if name != STDIN]
    if len(paths) < len(names) or not all(path.is_file() for path in paths):
        return None
    return sum(path.stat().st_size for path in paths)

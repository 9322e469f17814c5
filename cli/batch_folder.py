"""A folder of batches: a file for each statement of an account, and ``index.json``, which says what is where.

    acme-0.cbor                           statement 0 of acme
    ACME~<hash>-0.cbor                    of ACME, which would be the same file where names are compared without case
    a%2Fb~<hash>-12.cbor                  of a/b

Files of others in the folder are neither read nor replaced.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from cli.files import output_file
from cli.terminal import CliError, RefusedError

INDEX: Final = "index.json"
_PLAIN: Final = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,99}")
_SAFE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
_READABLE: Final = 33
_HASH: Final = 32
_Written = TypeVar("_Written")


def file_name(account: str, number: int) -> str:
    """The name of the file with a statement of an account: the same each time, and another one for each account.

    Where the account's name cannot be the file's, what is readable of it comes before its SHA-256.
    """
    if _PLAIN.fullmatch(account):
        return f"{account}-{number}.cbor"
    name = account.encode()
    readable = "".join(
        chr(octet) if octet in _SAFE and (octet != ord(".") or at) else f"%{octet:02X}"
        for at, octet in enumerate(name[:_READABLE])
    )
    return f"{readable}~{sha256(name).hexdigest()[:_HASH]}-{number}.cbor"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A batch in the folder. ``start`` and ``end`` in ms, ``digest`` of the statement in hex."""

    account: str
    number: int
    file: str
    start: int
    end: int
    receipts: int
    digest: str


class BatchFolder:
    """The folder, which is made if it is not there.

    Args:
        path: the folder.
        issuer: whose batches they are.

    Raises:
        CliError: it has another ``index.json``, or is no folder.
        OSError: it cannot be made.
    """

    def __init__(self, path: str, issuer: str) -> None:
        self.path = Path(path)
        self._issuer = issuer
        if self.path.is_symlink():  # somebody can have put it there
            raise CliError(f"{path} is a symbolic link", "name the folder that is meant")
        if self.path.exists() and not self.path.is_dir():
            raise CliError(f"{path} is no folder", "name a folder, or a new name")
        self.path.mkdir(exist_ok=True)
        self.entries()

    def leave(self) -> None:
        """Remove the folder, if there is nothing in it."""
        with suppress(OSError):
            self.path.rmdir()

    def put(self, name: str, write: Callable[[BinaryIO], _Written]) -> _Written:
        """Write a batch into its file, whole or not at all; a file that is there already must be the same, and stays.

        Raises:
            RefusedError: there is another file of that name.
            OSError: it cannot be written.
        """
        path = self.path / name
        if not path.exists() and not path.is_symlink():
            with output_file(str(path)) as out:
                return write(out)
        if not path.is_file() or path.is_symlink():
            raise RefusedError(f"{path} is no file", _AWAY)
        with path.open("rb") as there:
            same = _Same(there)
            out = io.BufferedWriter(same)
            written = write(out)
            out.flush()
            if not same.so_far or there.read(1):
                raise RefusedError(f"{path} is there already, and is another file", _AWAY)
        return written

    def has(self, name: str, statement: bytes) -> bool:
        """Whether a batch is in its file already: it ends with its signed statement."""
        path = self.path / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size < len(statement):
            return False
        with path.open("rb") as there:
            there.seek(-len(statement), os.SEEK_END)
            return there.read() == statement

    def entries(self) -> list[Entry]:
        """What the index says.

        Raises:
            CliError: it is not an index of this issuer's batches.
        """
        path = self.path / INDEX
        try:
            found = read_index(path)
        except FileNotFoundError:
            return []
        if found[0] != self._issuer:
            raise CliError(f"{path} is of batches of {found[0]}, not of {self._issuer}", _ANOTHER)
        return found[1]

    def note(self, entries: Iterable[Entry]) -> None:
        """Add to the index, or make it; what it says of other statements stays.

        Raises:
            CliError: there is another ``index.json``.
            OSError: it cannot be written.
        """
        with _locked(self.path) as descriptor:
            known = {(one.account, one.number): one for one in self.entries()}
            known |= {(one.account, one.number): one for one in entries}
            statements = [asdict(known[key]) for key in sorted(known)]
            os.fsync(descriptor)  # the files that it names are there also after a loss of power
            with output_file(str(self.path / INDEX)) as out:
                document = {"issuer": self._issuer, "statements": statements}
                out.write(json.dumps(document, indent=1, ensure_ascii=True).encode() + b"\n")


_AWAY: Final = "move it away, and run this again"
_ANOTHER: Final = "name a folder of its own for the batches"


def read_index(path: Path) -> tuple[str, list[Entry]]:
    """The issuer and the entries of an index.

    Raises:
        CliError: it is none.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    try:
        document = json.loads(data)
        entries = [_entry(one) for one in document["statements"]]
        return _text(document["issuer"]), entries
    except (ValueError, LookupError, TypeError, RecursionError):
        raise CliError(f"{path} is not the index of a folder of batches", _ANOTHER) from None


def _entry(document: dict[str, Any]) -> Entry:
    entry = Entry(**document)
    for name in (entry.account, entry.file, entry.digest):
        _text(name)
    for number in (entry.number, entry.start, entry.end, entry.receipts):
        if type(number) is not int:
            raise TypeError
    if entry.file != file_name(entry.account, entry.number):  # in this folder, and nowhere else
        raise ValueError
    return entry


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


class _Same(io.RawIOBase):
    """Takes what would be written, and holds it against a file that is there."""

    def __init__(self, there: BinaryIO) -> None:
        super().__init__()
        self._there = there
        self.so_far = True

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.so_far = self.so_far and self._there.read(len(data)) == bytes(data)
        return len(data)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Only one command at a time changes the index."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)

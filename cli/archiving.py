"""Moving old periods out of journals: each batch is read once, checked as a customer would, and compared with what would be deleted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cli import key_folder
from cli.batch_folder import INDEX, read_index
from cli.closing_refusals import accepted
from cli.terminal import CliError, RefusedError
from receipts import BatchError
from receipts.closing import Journals, KeptStatement

_HINT: Final = "write it again with receipt close, into another file; nothing was deleted"
_Key = tuple[str, int]
"""An account and the number of a statement."""


@dataclass(frozen=True, slots=True)
class File:
    """A batch, and the statements that it should have; None: whatever it has."""

    path: Path
    expected: frozenset[_Key] | None = None


@dataclass(slots=True)
class Archive:
    """What is to be archived, and what became of it.

    Attributes:
        journals: from which.
        folder: whose keys the batches are checked with.
        copy: a file to work with.
        delete: whether anything is deleted.
        waiting: the statements whose receipts are still in the journals, by account and number.
        done: those of which a batch was found that has all; their receipts are deleted, unless that is only looked at.
        refused: why a file was not used.
    """

    journals: Journals
    folder: key_folder.Keys
    copy: Path
    delete: bool
    waiting: dict[_Key, KeptStatement]
    done: list[tuple[KeptStatement, Path]] = field(default_factory=list)
    refused: dict[Path, tuple[str, str | None]] = field(default_factory=dict)
    _durable: set[Path] = field(default_factory=set)
    """Folders whose names of files are on their disk."""

    def rows(self) -> list[dict[str, Any]]:
        """What was archived, as ``--json`` says it."""
        return [
            {
                "account": one.account, "number": one.number, "start": one.start, "end": one.end,
                "receipts": one.receipts, "digest": one.digest.hex(), "file": str(path),
            }
            for one, path in self.done
        ]  # fmt: skip

    def wants(self, file: File) -> bool:
        """Whether a batch has anything that is still waiting, as far as its index says."""
        return bool(self.waiting) if file.expected is None else not file.expected.isdisjoint(self.waiting)  # fmt: skip

    def take(self, file: File) -> None:
        """Archive what one batch has, or say why not.

        Raises:
            JournalError: a journal cannot be read or written.
            OSError: there is no room for a copy of the batch.
        """
        try:
            held = self._held(file.path)
        except RefusedError as error:
            self.refused[file.path] = (error.message, error.hint)
            return
        except BatchError as error:
            self.refused[file.path] = (str(error), _HINT)
            return
        except OSError as error:
            if error.filename is None or Path(error.filename) != file.path:
                raise
            self.refused[file.path] = (f"{file.path}: {error.strerror}", _HINT)
            return
        for statement in held:
            if (
                self.waiting.pop((statement.account, statement.number), None) is not None
            ):  # else it is archived, or of a later period
                if self.delete:
                    self.journals.archive(statement, _shown(file.path))
                self.done.append((statement, file.path))

    def _held(self, path: Path) -> list[KeptStatement]:
        """The statements that a batch has with all that belongs to them. It may be far away, so it is read once, into a copy."""
        with path.open("rb") as source, self.copy.open("wb") as target:
            shutil.copyfileobj(source, target)
            if self.delete:
                self._make_durable(source.fileno(), path.parent)
        accepted(str(path), self.folder, bar=False)(str(self.copy))
        with self.copy.open("rb") as batch:
            return self.journals.held(batch, str(path))

    def _make_durable(self, descriptor: int, folder: Path) -> None:
        """The batch is on its disk, and in its folder, before anything is deleted because of it."""
        os.fsync(descriptor)
        if folder not in self._durable:
            directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
            self._durable.add(folder)


def _shown(path: Path) -> str:
    """Where a file is, as text, whatever its name is."""
    return os.fsencode(path.absolute()).decode(errors="backslashreplace")


def files(folders: Sequence[str], names: Sequence[str], issuer: str) -> Iterator[File]:
    """The batches of folders, as their indices say, and those that are named.

    Raises:
        CliError: a folder has no index of this issuer's batches.
        OSError: an index cannot be read.
    """
    for folder in folders:
        path = Path(folder, INDEX)
        try:
            owner, entries = read_index(path)
        except (FileNotFoundError, NotADirectoryError):
            hint = "name its batches: receipt archive ... FILE"
            raise CliError(f"{folder} is not a folder that receipt close --all wrote", hint) from None  # fmt: skip
        if owner != issuer:
            raise CliError(f"{path} is of batches of {owner}, not of {issuer}", "name the folder of this issuer")  # fmt: skip
        for entry in entries:
            yield File(path.parent / entry.file, frozenset([(entry.account, entry.number)]))
    for name in names:
        yield File(Path(name))

"""The rows of a log of requests: JSON lines, or CSV."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

TEXTS: Final = frozenset({
    "request", "request_id", "id", "commitment", "model", "requested_model", "host", "path", "credential", "account", "outcome", "tier",
    "service_tier", "usage_sha256",
})  # fmt: skip
"""Columns whose cells are text, also if they are digits."""


class LogError(ValueError):
    """A log cannot be read: which file and line, and why."""


def log_rows(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a log, as JSON lines or as CSV, each with the number of its line; read as they come.

    Raises:
        LogError: it is neither, or not as it should be.
        OSError: it cannot be read.
    """
    with Path(path).open(encoding="utf-8-sig", newline="") as stream:
        lines = _Lines(path, stream)
        first = next((line for line in lines if line.strip()), "")
        reader = _json_rows if first.lstrip().startswith(("{", "[")) else _csv_rows
        yield from reader(path, lines, first)


class _Lines:
    """The lines of a text file, counted."""

    def __init__(self, path: str, stream: TextIO) -> None:
        self._path = path
        self._stream = stream
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = next(self._stream)
        except UnicodeDecodeError as error:
            raise LogError(
                f"{self._path} is not UTF-8 text: {error.reason}, after line {self.number}"
            ) from None
        self.number += 1
        return line


def _json_rows(path: str, lines: _Lines, first: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line in itertools.chain([first], lines):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise LogError(f"{path}, line {lines.number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise LogError(f"{path}, line {lines.number}: expected an object")
            yield lines.number, row


def _csv_rows(path: str, lines: _Lines, first: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(itertools.chain([first] if first else [], lines), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise LogError(f"{path}, line {lines.number}: not as many cells as the header")
            yield (lines.number, {name: _cell(name, value) for name, value in row.items() if value})
    except LogError:
        raise
    except (csv.Error, ValueError) as error:
        raise LogError(f"{path}, line {lines.number}: {error}") from None


def _cell(name: str, value: str) -> int | str:
    """A cell; numbers where the column is one of numbers. A request id of digits stays text."""
    return int(value) if name not in TEXTS and value.isascii() and value.isdecimal() else value

"""The face of `verifier` under the names that it will have; to be replaced by ``verifier`` itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import verifier
from verifier import (
    DamagedMemoryError,
    KeyFileError,
    KnownStatement,
    NoStatementError,
    PeriodError,
    Receipt,
    Record,
    RecordError,
    Report,
    Severity,
    Statement,
    TrustedKey,
    UnreadableError,
    Verdict,
    by_kid,
    parse_period,
    read_jwks,
    render,
    statements_in,
    verify,
)
from verifier.batch import BatchFile as Source
from verifier.batch import Readable
from verifier.chain import Conflict
from verifier.envelope import Fault, Kind, open_envelope
from verifier.keys import text as kid_text
from verifier.known import Known
from verifier.period import show as show_period
from verifier.period import show_instant
from verifier.prompts import Prompt, read_prompts
from verifier.text import escape

__all__ = [
    "Conflict",
    "DamagedMemoryError",
    "KeyFileError",
    "Known",
    "KnownStatement",
    "NoStatementError",
    "NotABatchError",
    "PeriodError",
    "Policy",
    "Prompt",
    "Receipt",
    "Record",
    "RecordError",
    "Report",
    "Severity",
    "Source",
    "Statement",
    "TrustedKey",
    "UnreadableError",
    "UnverifiedItem",
    "Verdict",
    "batch_file",
    "batch_stream",
    "by_kid",
    "escape",
    "kid_text",
    "parse_period",
    "read_item",
    "read_items",
    "read_jwks",
    "read_prompts",
    "render",
    "show_instant",
    "show_period",
    "statements_in",
    "verify",
]

_SIGNS = {
    b"\x89PNG": "a PNG image",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a zip archive",
    b"{": "JSON",
    b"-----BEGIN": "PEM",
    b"SQLite format 3": "a SQLite database: a wallet or a journal",
}


class NotABatchError(ValueError):
    """A file does not begin like a batch."""

    def __init__(self, message: str, looks_like: str | None) -> None:
        super().__init__(message)
        self.looks_like = looks_like


class Policy(verifier.Policy):
    """The policy; the old one checks every signature."""

    def __init__(
        self,
        keys: Mapping[bytes, TrustedKey],
        account: str | None = None,
        require_cache_id: bool = False,
        *,
        signatures: str = "every",
    ) -> None:
        if signatures != "every":
            raise NotImplementedError("signatures of statements only")
        super().__init__(keys, account, require_cache_id)


def _ignore(_more: int) -> None:
    pass


class _Counted:
    """A file that tells how much is read of it."""

    def __init__(self, name: str, stream: Readable, advance: Callable[[int], None]) -> None:
        self._name, self._stream, self._advance = name, stream, advance
        self._begun = False

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        if not self._begun and len(data) > 2:
            self._begun = True
            for sign, what in _SIGNS.items():
                if data.startswith(sign):
                    raise NotABatchError(f"{self._name} is not a batch", what)
        self._advance(len(data))
        return data

    def close(self) -> None:
        self._stream.close()


def _counted(source: Source, advance: Callable[[int], None]) -> Source:
    return Source(source.name, lambda: _Counted(source.name, source.open(), advance))


def batch_file(path: str, advance: Callable[[int], None] = _ignore) -> Source:
    """A file; ``advance`` hears of every byte that is read."""
    return _counted(verifier.batch_file(path), advance)


def batch_stream(name: str, stream: BinaryIO, advance: Callable[[int], None] = _ignore) -> Source:
    """A stream; ``advance`` hears of every byte that is read."""
    return _counted(verifier.batch_stream(name, stream), advance)


@dataclass(frozen=True, slots=True)
class UnverifiedItem:
    """One item of a batch."""

    number: int
    offset: int
    raw: bytes
    kind: Kind | None
    claims: Receipt | Statement | None
    digest: bytes | None
    fault: Fault | None = None


def read_items(sources: Sequence[Source]) -> Iterator[UnverifiedItem]:
    """All items, in order."""
    for item in verifier.read_items(sources):
        yield _with_digest(item)


def read_item(number: int, offset: int, raw: bytes) -> UnverifiedItem:
    """One item, by its bytes."""
    from verifier.reading import read_item as read

    return _with_digest(read(number, offset, raw))


def _with_digest(item: verifier.UnverifiedItem) -> UnverifiedItem:
    digest = open_envelope(item.raw).digest if item.fault is None else None
    return UnverifiedItem(
        item.number, item.offset, item.raw, item.kind, item.claims, digest, item.fault
    )

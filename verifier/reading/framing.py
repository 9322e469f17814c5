"""Reading a batch: a CBOR sequence (RFC 8742) of signed objects, in one pass and bounded memory (verification step 1).

Nearly every item of a batch is a receipt, whose layout is fixed but for the length of its content. Those are handed on in spans, many
at a time; every other item, a statement above all, comes alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Final

from verifier.format import cbor
from verifier.format.envelope import Fault
from verifier.reading.recognise import check_first_byte
from verifier.reading.sources import Readable, Source

MAX_ITEM: Final = 16_777_216 + 65_536
"""Bytes of the strings of one signed object: the largest content, and room for the envelope."""
_MAX_RECEIPT: Final = 65_536 + 4096
"""Bytes of a receipt: the largest content, and more than its envelope takes."""

_CHUNK: Final = 1 << 20

# The fixed part of a receipt's envelope: tag 18, array of 4, and the heads of its byte strings.
_SHORT: Final = b"\x82\x58"
_LONG: Final = b"\x82\x59"
_COSE: Final = b"\xd2\x84\x58\x76"
_MIDDLE: Final = b"\xa0\xf6\x58\x40"
PROTECTED_SIZE: Final = 118
SIGNATURE_SIZE: Final = 64
_MIDDLE_AT: Final = len(_COSE) + PROTECTED_SIZE
ENVELOPE_SIZE: Final = len(_COSE) + PROTECTED_SIZE + len(_MIDDLE) + SIGNATURE_SIZE


def receipt_content(raw: bytes) -> bytes:
    """The content of an item of a uniform span."""
    return raw[3 if raw[:2] == _SHORT else 4 : -ENVELOPE_SIZE]


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive items of one file.

    Attributes:
        first: the number of the first item, over all input from 0.
        offset: where it begins in its file, in bytes.
        data: the bytes of the items.
        starts: where in ``data`` each item begins; the last one ends where ``data`` does.
        uniform: whether all items have the layout of a receipt; if not, there is only one.
    """

    first: int
    offset: int
    data: bytes
    starts: list[int]
    uniform: bool

    def __len__(self) -> int:
        return len(self.starts)

    def edges(self, begin: int, end: int) -> tuple[int, ...]:
        """Where in ``data`` the items ``begin`` to ``end - 1`` start, and where the last one ends."""
        return (*self.starts[begin:end], self.starts[end] if end < len(self) else len(self.data))

    def items(self, begin: int = 0, end: int | None = None) -> Iterator[tuple[int, int, bytes]]:
        """Number, byte offset in the file, and bytes of the items ``begin`` to ``end - 1`` of the span."""
        edges = self.edges(begin, len(self) if end is None else end)
        for i, (start, stop) in enumerate(pairwise(edges), begin):
            yield self.first + i, self.offset + start, self.data[start:stop]


class FileRead:
    """What was read of one file: its size in bytes and its SHA-256."""

    def __init__(self, source: Source, first_item: int) -> None:
        self.source = source
        self.first_item = first_item
        self.size = 0
        self._hash = sha256()

    def add(self, data: bytes) -> None:
        """Count the next bytes of the file."""
        self.size += len(data)
        self._hash.update(data)

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.source.name

    @property
    def sha256(self) -> str:
        """Of what was read so far, in hexadecimal."""
        return self._hash.hexdigest()


class UnreadableError(Fault):
    """Reading ended at a fault of step 1. ``file`` and ``number`` name the item, ``offset`` is in the file."""

    def __init__(self, fault: Fault, file: str, number: int) -> None:
        super().__init__(fault.code, str(fault), offset=fault.offset)
        self.file = file
        self.number = number


class ChangedError(OSError):
    """The input is not the same any more as when it was read."""


class Batch:
    """The items of several sources, read as one sequence."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self.files: list[FileRead] = []
        """What was read so far."""

    def spans(self) -> Iterator[Span]:
        """All items, in order. Where the reading ends early, the rest is still read for its hash.

        Raises:
            UnreadableError: step 1 fails; what comes after cannot be found.
            NotABatchError: a file does not begin like a batch.
            OSError: a file cannot be read.
        """
        number = 0
        sources = iter(self._sources)
        for source in sources:
            with source.open() as stream:
                file = FileRead(source, number)
                self.files.append(file)
                try:
                    for offset, data, starts, uniform in _runs(stream, file):
                        yield Span(number, offset, data, starts, uniform)
                        number += len(starts)
                except Fault as fault:
                    _hash(file, stream)
                    raise UnreadableError(fault, source.name, number) from None
                except GeneratorExit:  # nobody wants more items
                    _hash(file, stream)
                    raise

    def hash_rest(self) -> None:
        """Read what was not read for its hash: a report names the whole input, also where it cannot be parsed.

        Raises:
            NotABatchError: a file does not begin like a batch: R-0.1 holds wherever the reading ended.
            OSError: a file cannot be read.
        """
        for source in self._sources[len(self.files) :]:
            self.files.append(FileRead(source, sys.maxsize))
            with source.open() as stream:
                first = stream.read(_CHUNK)
                check_first_byte(source.name, first)
                self.files[-1].add(first)
                _hash(self.files[-1], stream)

    def file_of(self, item: int) -> FileRead:
        """The file that holds an item that was read."""
        return next(file for file in reversed(self.files) if file.first_item <= item)

    def fetch(self, item: int, offset: int) -> bytes:
        """The bytes of a receipt that was read, once more. They may have changed: hold them against its digest.

        Raises:
            OSError: the file cannot be read.
        """
        data = self.file_of(item).source.fetch(offset, _MAX_RECEIPT)
        try:
            return data[: cbor.item_end(data, 0, _MAX_RECEIPT)]
        except cbor.CborError:
            return b""


def _hash(file: FileRead, stream: Readable) -> None:
    while more := stream.read(_CHUNK):
        file.add(more)


def _runs(stream: Readable, file: FileRead) -> Iterator[tuple[int, bytes, list[int], bool]]:
    """Offset, bytes, starts and uniformity of each run of items in one file."""
    data, offset, whole = b"", 0, False
    while not whole:
        # As much again as is waiting: so an item that does not fit is scanned a few times only.
        more = stream.read(max(_CHUNK, len(data)))
        if not file.size:
            check_first_byte(file.name, more)
        file.add(more)
        data, at, whole = data + more, 0, not more
        while at < len(data):
            starts, end = _uniform_run(data, at)
            uniform = bool(starts)
            if not uniform:
                single = _item_end(data, at, offset, whole)
                if single is None:
                    break
                starts, end = [0], single
            yield offset + at, data[at:end], starts, uniform
            at = end
        data, offset = data[at:], offset + at


def _item_end(data: bytes, at: int, offset: int, whole: bool) -> int | None:
    """Where the item ends, or None if more data has to be read first."""
    try:
        return cbor.item_end(data, at, MAX_ITEM)
    except cbor.CborTruncated as error:
        if not whole:
            return None
        raise Fault("item-truncated", str(error), offset=offset + error.offset) from None
    except cbor.CborTooLarge as error:
        raise Fault("item-too-large", str(error), offset=offset + error.offset) from None
    except cbor.CborError as error:
        raise Fault("item-malformed", str(error), offset=offset + error.offset) from None


def _uniform_run(data: bytes, at: int) -> tuple[list[int], int]:
    """The starts, from ``at``, of consecutive items of a uniform layout, and where the last one ends."""
    begin, starts, last_tail = at, [], len(data) - ENVELOPE_SIZE
    while at < last_tail:
        first = data[at : at + 2]
        if first == _LONG:
            length = data[at + 2] << 8 | data[at + 3]
            tail = at + 4 + length
            if length < 256:
                break
        elif first == _SHORT:
            length = data[at + 2]
            tail = at + 3 + length
            if length < 24:
                break
        else:
            break
        middle = tail + _MIDDLE_AT
        if (
            tail > last_tail
            or data[tail : tail + 4] != _COSE
            or data[middle : middle + 4] != _MIDDLE
        ):
            break
        starts.append(at - begin)
        at = tail + ENVELOPE_SIZE
    return starts, at


def is_item(raw: bytes) -> bool:
    """Whether bytes are one CBOR item of a batch, and nothing behind it (R-1.1 to R-1.3)."""
    try:
        return cbor.item_end(raw, 0, MAX_ITEM) == len(raw)
    except cbor.CborError:
        return False

"""Reading a batch: a CBOR sequence (RFC 8742) of signed objects, in one pass and bounded memory (verification step 1).

Nearly every item of a batch is a plain receipt, whose layout is fixed but for the length of its content. Those are handed
on in spans, many at a time; every other item, a statement above all, comes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Final, Protocol

from verifier import cbor
from verifier.envelope import Fault

MAX_ITEM: Final = 16_777_216 + 65_536
"""Bytes of one signed object: the largest content, and room for the envelope."""

_CHUNK: Final = 1 << 20

# The fixed part of a plain receipt: tag 18, array of 4, and the heads of its byte strings.
_SHORT: Final = b"\x82\x58"
_LONG: Final = b"\x82\x59"
_COSE: Final = b"\xd2\x84\x58\x76"
_MIDDLE: Final = b"\xa0\xf6\x58\x40"
PROTECTED_SIZE: Final = 118
SIGNATURE_SIZE: Final = 64
_MIDDLE_AT: Final = len(_COSE) + PROTECTED_SIZE
ENVELOPE_SIZE: Final = len(_COSE) + PROTECTED_SIZE + len(_MIDDLE) + SIGNATURE_SIZE


def plain_content(raw: bytes) -> bytes:
    """The content of a plain receipt."""
    return raw[3 if raw[:2] == _SHORT else 4 : -ENVELOPE_SIZE]


class Readable(Protocol):
    """What is needed of an open file."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""

    def close(self) -> None:
        """Done with it."""


@dataclass(frozen=True, slots=True)
class BatchFile:
    """One input: a name for reports, and how to open it (more than once)."""

    name: str
    open: Callable[[], Readable]


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive items of one file. ``first`` counts items from 0 over all input, ``offset`` bytes in the file."""

    file: str
    first: int
    offset: int
    data: bytes
    starts: list[int]
    """Where each item starts in ``data``; the last one ends where ``data`` does."""
    plain: bool
    """Whether all items have the layout of a plain receipt; if not, there is only one."""

    def __len__(self) -> int:
        return len(self.starts)

    def edges(self, begin: int, end: int) -> tuple[int, ...]:
        """Where in ``data`` the items ``begin`` to ``end - 1`` start, and where the last one ends."""
        return (*self.starts[begin:end], self.starts[end] if end < len(self) else len(self.data))

    def items(self) -> Iterator[tuple[int, int, bytes]]:
        """Number, byte offset in the file, and bytes of each item."""
        return self.items_from(0, len(self))

    def items_from(self, begin: int, end: int) -> Iterator[tuple[int, int, bytes]]:
        """The same for the items ``begin`` to ``end - 1`` of the span."""
        edges = self.edges(begin, end)
        for i, (start, stop) in enumerate(pairwise(edges), begin):
            yield self.first + i, self.offset + start, self.data[start:stop]


class FileRead:
    """What was read of one file: its size in bytes and its SHA-256."""

    def __init__(self, name: str, first_item: int) -> None:
        self.name = name
        self.first_item = first_item
        self.size = 0
        self._hash = sha256()

    def add(self, data: bytes) -> None:
        """Count the next bytes of the file."""
        self.size += len(data)
        self._hash.update(data)

    @property
    def sha256(self) -> str:
        """Of what was read so far, in hexadecimal."""
        return self._hash.hexdigest()


class UnreadableError(Fault):
    """Reading ended at a fault. ``file`` and ``number`` name the item, ``offset`` is in the file."""

    def __init__(self, fault: Fault, file: str, number: int) -> None:
        super().__init__(fault.code, str(fault), offset=fault.offset)
        self.file = file
        self.number = number


class Batch:
    """The items of several files, read as one sequence."""

    def __init__(self, sources: Sequence[BatchFile]) -> None:
        self._sources = sources
        self.files: list[FileRead] = []
        """What was read so far."""

    def spans(self) -> Iterator[Span]:
        """All items, in order.

        Raises:
            UnreadableError: step 1 fails; what comes after cannot be found.
            OSError: a file cannot be read.
        """
        number = 0
        sources = iter(self._sources)
        for source in sources:
            with closing(source.open()) as stream:
                file = FileRead(source.name, number)
                self.files.append(file)
                try:
                    for offset, data, starts, plain in _runs(stream, file):
                        yield Span(file.name, number, offset, data, starts, plain)
                        number += len(starts)
                except Fault as fault:
                    self._hash_rest(file, stream, sources, number + 1)
                    raise UnreadableError(fault, file.name, number) from None

    def _hash_rest(
        self, file: FileRead, stream: Readable, sources: Iterator[BatchFile], number: int
    ) -> None:
        """Read the rest for its hash: a report names the whole input, also where it cannot be parsed."""
        _hash(file, stream)
        for source in sources:
            with closing(source.open()) as unread:
                self.files.append(FileRead(source.name, number))
                _hash(self.files[-1], unread)


def _hash(file: FileRead, stream: Readable) -> None:
    while more := stream.read(_CHUNK):
        file.add(more)


def _runs(stream: Readable, file: FileRead) -> Iterator[tuple[int, bytes, list[int], bool]]:
    """Offset, bytes, starts and plainness of each run of items in one file."""
    data, offset, whole = b"", 0, False
    while not whole:
        # As much again as is waiting: so an item that does not fit is scanned a few times only.
        more = stream.read(max(_CHUNK, len(data)))
        file.add(more)
        data, at, whole = data + more, 0, not more
        while at < len(data):
            starts, end = _plain_run(data, at)
            plain = bool(starts)
            if not plain:
                single = _item_end(data, at, offset, whole)
                if single is None:
                    break
                starts, end = [0], single
            yield offset + at, data[at:end], starts, plain
            at = end
        data, offset = data[at:], offset + at


def _item_end(data: bytes, at: int, offset: int, whole: bool) -> int | None:
    """Where the item ends, or None if more data has to be read first."""
    try:
        end = cbor.item_end(data, at, MAX_ITEM)
    except cbor.CborTruncated as error:
        if whole:
            raise Fault("item-truncated", str(error), offset=offset + error.offset) from None
        if len(data) - at > MAX_ITEM:
            raise Fault(
                "item-too-large", f"more than {MAX_ITEM} bytes", offset=offset + at
            ) from None
        return None
    except cbor.CborTooLarge as error:
        raise Fault("item-too-large", str(error), offset=offset + error.offset) from None
    except cbor.CborError as error:
        raise Fault("item-malformed", str(error), offset=offset + error.offset) from None
    if end - at > MAX_ITEM:
        raise Fault("item-too-large", f"more than {MAX_ITEM} bytes", offset=offset + at)
    return end


def _plain_run(data: bytes, at: int) -> tuple[list[int], int]:
    """The starts, from ``at``, of consecutive plain receipts, and where the last one ends."""
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

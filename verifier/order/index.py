"""Where every collected receipt stands: an index on the disk, written once while the input is read.

It answers what only all of the input can tell (which receipt stands at a place, when, with which digest), and holds the columns that later
steps asked for. So nobody reads the input again, and memory does not grow with the number of receipts.
"""

from __future__ import annotations

import pickle
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from verifier.order.block import Block, Columns

_DIGEST: Final = 32


@dataclass(frozen=True, slots=True)
class RowBlock:
    """A block as the index keeps it; see `Block`. ``position`` is where it is in the index."""

    position: int
    issuer: str
    account: str
    stream: str
    first: int
    before: bytes | None
    items: array[int]
    offsets: array[int]
    packed_digests: bytes
    times: array[int]
    columns: Columns

    @property
    def next(self) -> int:
        """The sequence after the last one."""
        return self.first + len(self.items)

    def cut(self, begin: int, end: int) -> RowBlock:
        """The receipts ``begin`` to ``end - 1`` of the block."""
        return RowBlock(
            self.position, self.issuer, self.account, self.stream, self.first + begin,
            self.digest(begin - 1) if begin else self.before, self.items[begin:end], self.offsets[begin:end],
            self.packed_digests[_DIGEST * begin : _DIGEST * end], self.times[begin:end],
            {name: column[begin:end] for name, column in self.columns.items()},
        )  # fmt: skip

    def digest(self, at: int) -> bytes:
        """The digest of the receipt at a place of the block."""
        return self.packed_digests[_DIGEST * at : _DIGEST * (at + 1)]

    def digests(self, begin: int = 0, end: int | None = None) -> list[bytes]:
        """The digests of the receipts ``begin`` to ``end - 1`` of the block."""
        stop = len(self.items) if end is None else end
        return [self.digest(at) for at in range(begin, stop)]


class ReceiptIndex:
    """The blocks that were collected, in the order in which they were added."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._names: list[tuple[str, str, str]] = []
        self._numbers: dict[tuple[str, str, str], int] = {}

    def add(self, block: Block) -> int:
        """Write a block, and return its position.

        Raises:
            OSError: there is no room.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="receipt-verify-")  # noqa: SIM115  # closed by `close`
        names = (block.issuer, block.account, block.stream)
        number = self._numbers.setdefault(names, len(self._names))
        if number == len(self._names):
            self._names.append(names)
        record = (
            number, block.first, block.before, block.items.tobytes(), block.offsets.tobytes(),
            b"".join(block.digests), block.times.tobytes(), block.columns,
        )  # fmt: skip
        position = self._file.tell()
        pickle.dump(record, self._file, pickle.HIGHEST_PROTOCOL)
        return position

    def blocks(self) -> Iterator[RowBlock]:
        """All blocks."""
        position = 0
        while self._file is not None:
            self._file.seek(position)
            try:
                block = self._read(position)
            except EOFError:
                return
            position = self._file.tell()
            yield block

    def at(self, position: int) -> RowBlock:
        """The block at a position."""
        if self._file is None:
            raise EOFError
        self._file.seek(position)
        return self._read(position)

    def _read(self, position: int) -> RowBlock:
        number, first, before, items, offsets, digests, times, columns = pickle.load(self._file)  # type: ignore[arg-type]  # noqa: S301  # our own file, which has no name
        issuer, account, stream = self._names[number]
        return RowBlock(
            position, issuer, account, stream, first, before, array("Q", items), array("Q", offsets), digests,
            array("Q", times), columns,
        )  # fmt: skip

    def close(self) -> None:
        """Forget all of it."""
        if self._file is not None:
            self._file.close()

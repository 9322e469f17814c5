"""Is every request billed once? Request ids over any number of receipts, in bounded memory (R-9.6).

What stands for the ids is dealt into buckets, which spill to a temporary file when they fill, and is compared bucket by bucket at the end.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from typing import IO, Final

from verifier.order.block import KEY_SIZE

_BUCKETS: Final = 256
_FULL: Final = 128
"""Records of one bucket that are kept in memory."""
_RECORD: Final = KEY_SIZE + 8
"""A key, and the number of the item."""


class RequestLog:
    """The requests of all receipts so far."""

    def __init__(self) -> None:
        self._buckets: list[list[bytes]] = [[] for _ in range(_BUCKETS)]
        self._pages: list[list[tuple[int, int]]] = [[] for _ in range(_BUCKETS)]
        """Where in the file the spilled records of a bucket are, and how many bytes."""
        self._file: IO[bytes] | None = None

    def close(self) -> None:
        """Forget all of it."""
        if self._file is not None:
            self._file.close()

    def add(self, keys: bytes, items: array[int]) -> None:
        """Remember the requests of receipts: their keys (`block.request_key`), one after the other, and their items."""
        buckets = self._buckets
        packed = items.tobytes()
        for at in range(len(items)):
            key = keys[KEY_SIZE * at : KEY_SIZE * (at + 1)]
            buckets[key[0]].append(key + packed[8 * at : 8 * (at + 1)])
        if len(items) > 1 or len(bucket := buckets[keys[0]]) >= _FULL:
            for number, bucket in enumerate(buckets):
                if len(bucket) >= _FULL:
                    self._spill(number)

    def _spill(self, number: int) -> None:
        """Write a bucket out.

        Raises:
            OSError: there is no room.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="receipt-verify-")  # noqa: SIM115  # closed by `close`
        page = b"".join(self._buckets[number])
        self._pages[number].append((self._file.tell(), len(page)))
        self._file.write(page)
        self._buckets[number] = []

    def repeated(self) -> Iterator[tuple[int, int]]:
        """Every item whose request stands in an earlier one too: the first item with it, and this one."""
        for number, bucket in enumerate(self._buckets):
            records = [*self._spilled(number), *bucket]
            keys = [record[:KEY_SIZE] for record in records]
            if len(set(keys)) < len(keys):
                yield from _repeated(records)

    def _spilled(self, number: int) -> Iterator[bytes]:
        for at, size in self._pages[number]:
            if self._file is not None:
                self._file.seek(at)
                page = self._file.read(size)
                yield from (page[i : i + _RECORD] for i in range(0, size, _RECORD))


def _repeated(records: list[bytes]) -> Iterator[tuple[int, int]]:
    """The repetitions among the records of one bucket."""
    found: dict[bytes, list[int]] = {}
    for record in records:
        found.setdefault(record[:KEY_SIZE], []).append(array("Q", record[KEY_SIZE:])[0])
    for items in found.values():
        first, *later = sorted(items)
        yield from ((first, item) for item in later)

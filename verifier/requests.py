"""Is every request billed once? Request ids over any number of receipts, in bounded memory (verification step 9).

The ids are dealt into buckets, which spill to a temporary file when they fill, and are compared bucket by bucket at the end.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Final

_BUCKETS: Final = 256
_FULL: Final = 128
"""Ids of one bucket that are kept in memory."""
_SEPARATOR: Final = b"\xff"
"""A byte that no UTF-8 text has."""


def request_prefix(issuer: str, account: str) -> bytes:
    """What stands before the request ids of an issuer and account. With lengths, so that no field passes for another."""
    return f"{len(issuer)},{len(account)},{issuer}{account}".encode()


def request_key(prefix: bytes, request: str) -> bytes:
    """What stands for a request of an issuer and account."""
    return prefix + request.encode()


def pack(keys: Iterable[bytes]) -> bytes:
    """Keys as one byte string."""
    return _SEPARATOR.join(keys)


class RequestLog:
    """The keys of all requests seen so far."""

    def __init__(self) -> None:
        self._buckets: list[list[bytes]] = [[] for _ in range(_BUCKETS)]
        self._pages: list[list[tuple[int, int]]] = [[] for _ in range(_BUCKETS)]
        """Where in the file the spilled keys of a bucket are, and how many bytes."""
        self._files = ExitStack()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> RequestLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def add(self, packed: bytes) -> None:
        """Remember packed keys."""
        if not packed:
            return
        buckets = self._buckets
        for key in packed.split(_SEPARATOR):
            buckets[hash(key) % _BUCKETS].append(key)
        for number, bucket in enumerate(buckets):
            if len(bucket) >= _FULL:
                self._spill(number)

    def _spill(self, number: int) -> None:
        if self._file is None:
            spill = tempfile.TemporaryFile(prefix="receipt-verify-")  # noqa: SIM115  # closed by __exit__
            self._file = self._files.enter_context(spill)
        page = pack(self._buckets[number])
        self._pages[number].append((self._file.tell(), len(page)))
        self._file.write(page)
        self._buckets[number] = []

    def repeated(self) -> Iterator[bytes]:
        """Every key that was added more than once, once for each repetition."""
        for number, bucket in enumerate(self._buckets):
            keys = [*self._spilled(number), *bucket]
            if len(set(keys)) < len(keys):
                seen: set[bytes] = set()
                for key in keys:
                    if key in seen:
                        yield key
                    seen.add(key)

    def _spilled(self, number: int) -> Iterator[bytes]:
        for at, size in self._pages[number]:
            if self._file is not None:
                self._file.seek(at)
                yield from self._file.read(size).split(_SEPARATOR)

"""Is every request billed once? Request ids over any number of receipts, in bounded memory (R-9.6).

The ids are dealt into buckets, which spill to a temporary file when they fill, and are compared bucket by bucket at the end.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Final, NamedTuple

_BUCKETS: Final = 256
_FULL: Final = 256
"""Requests of one bucket that are kept in memory."""
AccountName = tuple[str, str]
"""Issuer and account."""
_Record = tuple[bytes, int, int]
"""Request id, number of the account, item."""


class Repeated(NamedTuple):
    """A request that has more than one receipt: in the item ``first``, and in ``item``."""

    item: int
    first: int
    account: AccountName
    request: str


class RequestLog:
    """The requests of all receipts so far."""

    def __init__(self) -> None:
        self._buckets: list[list[_Record]] = [[] for _ in range(_BUCKETS)]
        self._pages: list[list[int]] = [[] for _ in range(_BUCKETS)]
        """Where in the file the spilled records of a bucket are."""
        self._file: IO[bytes] | None = None
        self._numbers: dict[AccountName, int] = {}

    def close(self) -> None:
        """Forget all of it."""
        if self._file is not None:
            self._file.close()

    def add(self, account: AccountName, requests: Sequence[bytes], items: Iterable[int]) -> None:
        """Remember the requests (as UTF-8) of receipts of an account, and the items that they are.

        Raises:
            OSError: there is no room.
        """
        buckets = self._buckets
        number = self._numbers.setdefault(account, len(self._numbers))
        touched = set()
        for request, item in zip(requests, items, strict=True):
            at = hash(request) % _BUCKETS
            bucket = buckets[at]
            bucket.append((request, number, item))
            if len(bucket) >= _FULL:
                touched.add(at)
        for at in touched:
            self._spill(at)

    def _spill(self, at: int) -> None:
        """Write a bucket out."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="receipt-verify-")  # noqa: SIM115  # closed by `close`
        self._pages[at].append(self._file.tell())
        pickle.dump(self._buckets[at], self._file, pickle.HIGHEST_PROTOCOL)
        self._buckets[at] = []

    def repeated(self) -> Iterator[Repeated]:
        """Every item whose request stands in an earlier one too."""
        accounts = list(self._numbers)
        for at, bucket in enumerate(self._buckets):
            firsts: dict[tuple[bytes, int], int] = {}
            records = 0
            for request, number, item in chain(self._spilled(at), bucket):
                firsts[request, number] = min(item, firsts.get((request, number), item))
                records += 1
            if len(firsts) == records:
                continue
            for request, number, item in chain(self._spilled(at), bucket):
                first = firsts[request, number]
                if item != first:
                    yield Repeated(item, first, accounts[number], request.decode())

    def _spilled(self, at: int) -> Iterator[_Record]:
        for page in self._pages[at]:
            if self._file is not None:
                self._file.seek(page)
                yield from pickle.load(self._file)  # noqa: S301  # our own file, which has no name

"""Is every request billed once? Request ids over any number of receipts, in bounded memory (verification step 9).

Ids are kept as 16-byte hashes, in buckets by their first byte that spill to a temporary file. A hash that comes
twice is only a suspicion: `second_look` reads the ids themselves before anybody is accused.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import blake2b
from typing import IO, Final

HASH_SIZE: Final = 16
_PAGE: Final = 4096


def request_prefix(issuer: str, account: str) -> bytes:
    """What is hashed before the request ids of an issuer and account. With lengths, so that no field can pass for another."""
    return f"{len(issuer)},{len(account)},{issuer}{account}".encode()


def request_hash(prefix: bytes, request: str) -> bytes:
    """The hash under which a request is remembered."""
    return blake2b(prefix + request.encode(), digest_size=HASH_SIZE).digest()


class RequestLog:
    """The hashes of all requests seen so far."""

    def __init__(self) -> None:
        self._buckets = [bytearray() for _ in range(256)]
        self._pages: list[list[int]] = [[] for _ in range(256)]
        self._files = ExitStack()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> RequestLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def add(self, hashes: bytes | bytearray) -> None:
        """Remember hashes, one after the other without a separator."""
        buckets = self._buckets
        for at in range(0, len(hashes), HASH_SIZE):
            bucket = buckets[hashes[at]]
            bucket += hashes[at : at + HASH_SIZE]
            if len(bucket) >= _PAGE:
                self._spill(hashes[at])

    def _spill(self, number: int) -> None:
        if self._file is None:
            spill = tempfile.TemporaryFile(prefix="receipt-verify-")  # noqa: SIM115  # closed by __exit__
            self._file = self._files.enter_context(spill)
        self._pages[number].append(self._file.tell())
        self._file.write(self._buckets[number])
        self._buckets[number] = bytearray()

    def repeated(self) -> Iterator[bytes]:
        """Every hash that was added more than once, once for each repetition."""
        for number, bucket in enumerate(self._buckets):
            seen: set[bytes] = set()
            for page in (*self._spilled(number), bytes(bucket)):
                for at in range(0, len(page), HASH_SIZE):
                    found = page[at : at + HASH_SIZE]
                    if found in seen:
                        yield found
                    seen.add(found)

    def _spilled(self, number: int) -> Iterator[bytes]:
        for at in self._pages[number]:
            if self._file is not None:
                self._file.seek(at)
                yield self._file.read(_PAGE)

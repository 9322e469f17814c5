"""`Store`: what the journal and the closing need of the place where receipts and statements are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from receipts.errors import JournalError
from receipts.issuer import Head, Issued

Place = tuple[str, str]
"""An account and a stream."""
Key = tuple[str, str | bytes]
"""An account and what there is one receipt of: a request id, or of a correction, the digest of what it corrects."""


class Archived(NamedTuple):
    """Where the batch of an archived statement should be, and how many of its receipts were deleted in this store."""

    file: str
    receipts: int


class ConflictError(JournalError):
    """Another writer took a place, or gave a request its receipt, meanwhile. Nothing was written: look again, and sign anew."""


Run = tuple[str, int, int]
"""Receipts of an account that follow each other: the stream, the first sequence, and how many they are."""


class Store(ABC):
    """Receipts and statements of one issuer. It is used by one thread at a time.

    Attributes:
        place: where it is, as messages say it: a path, or a URL without its password.
        id: the journal's own random name, which goes where its data goes.

    Each method raises:
        JournalError: the store cannot be read or written.
    """

    place: str
    id: str

    @abstractmethod
    def close(self) -> None:
        """Give back what the store holds open."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """Receipts that are added inside are kept durably when it returns, all of them or none.

        Raises:
            ConflictError: another writer was faster; nothing of it is kept.
            JournalError: they could not be written.
        """

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """All reads inside see the same moment; writers go on."""

    @abstractmethod
    def heads(self, places: Collection[Place]) -> dict[Place, Head]:
        """Where streams stand; a place without a receipt is left out."""

    @abstractmethod
    def known(self, keys: Collection[Key]) -> set[Key]:
        """Those of the keys that have a receipt."""

    @abstractmethod
    def add(self, receipts: Iterable[tuple[str | bytes, Issued]]) -> None:
        """Add receipts, inside of `transaction`, each with the second part of its key."""

    @abstractmethod
    def accounts(self) -> list[str]:
        """All accounts with a receipt or a statement, sorted by their code points."""

    @abstractmethod
    def streams(self, account: str) -> list[str]:
        """The streams in which an account has receipts, sorted by their code points."""

    @abstractmethod
    def open_receipts(
        self, account: str, closed: Mapping[str, int], before: int
    ) -> Iterator[bytes]:
        """Receipts of an account that no statement closes, of times before ``before`` (ms), stream by stream.

        Args:
            account: whose.
            closed: by stream, the sequence that comes after the last closed one.
            before: a time in ms.
        """

    @abstractmethod
    def receipts(self, account: str, stream: str, first: int, count: int) -> Iterator[bytes]:
        """Receipts of a stream, from a sequence on; one that was archived is empty."""

    @abstractmethod
    def digests(
        self, account: str, places: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], bytes]:
        """The digests of receipts, archived or not, by stream and sequence; one that is not there is left out."""

    @abstractmethod
    def archive(self, account: str, number: int, runs: Sequence[Run], file: str) -> None:
        """Delete the bytes of the receipts that a statement closes, durably, all of them or none.

        What `digests`, `heads` and `known` say of them stays.

        Args:
            account: whose.
            number: of the statement.
            runs: the receipts that it closes; some may be in another store.
            file: where its batch is.
        """

    @abstractmethod
    def archived(self, account: str) -> dict[int, Archived]:
        """The statements of an account whose receipts were archived, by number."""

    @abstractmethod
    def compact(self) -> None:
        """Make room of what was archived, where that does not happen by itself. Writers go on meanwhile."""

    @abstractmethod
    def statements(self, account: str) -> list[bytes]:
        """The signed statements of an account, by number."""

    @abstractmethod
    def add_statements(self, statements: Sequence[tuple[str, int, bytes]]) -> set[tuple[str, int]]:
        """Keep signed statements durably, all at once: of each the account, the number and its bytes.

        Returns:
            Account and number of those that are kept now. Of the others, there is another one of that number.

        Raises:
            JournalError: they could not be written.
        """

    def add_statement(self, account: str, number: int, data: bytes) -> bool:
        """Keep a signed statement durably. False: there is another one of that number, and nothing was added.

        Raises:
            JournalError: it could not be written.
        """
        return bool(self.add_statements([(account, number, data)]))

    @abstractmethod
    def entry(self, account: str, key: str | bytes) -> tuple[bytes, bytes] | None:
        """The receipt of a key, empty if it was archived, and its digest; None: there is none."""

    def find(self, account: str, key: str | bytes) -> bytes | None:
        """The receipt of a request id, or the correction of the receipt with a digest."""
        found = self.entry(account, key)
        return None if found is None else found[0]

    def last_word(self, account: str, request: str) -> tuple[bytes, bytes] | None:
        """The receipt of a request, or the last of the corrections of it, empty if it was archived; and its digest."""
        last = self.entry(account, request)
        while last is not None and (found := self.entry(account, last[1])) is not None:
            last = found
        return last

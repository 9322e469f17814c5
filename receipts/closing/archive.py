"""Which statements can move out of journals, and whether a batch has one whole: with all that would be deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from receipts.closing.books import kept_statement
from receipts.closing.objects import KeptReceipt, KeptStatement, kept_objects
from receipts.errors import BatchError
from receipts.journal import Store

_AT_ONCE: Final = 1000
"""Receipts that are looked for in one question to a store."""
_Runs = dict[tuple[str, str], list[tuple[int, int]]]
"""By account and stream, from which sequence to before which one its receipts are in a batch."""


def archivable(stores: Sequence[Store], account: str, before: int) -> Iterator[KeptStatement]:
    """The statements of an account whose period ended, and whose receipts are still in a journal."""
    everywhere = set.intersection(*(set(store.archived(account)) for store in stores))
    for store in stores:
        for data in store.statements(account):
            statement = kept_statement(data)
            if statement.end <= before and statement.number not in everywhere:
                yield statement


class Held:
    """What a batch and the journals both have.

    Args:
        stores: of all journals.
        issuer: whose they are; what others have in the batch is left aside.
    """

    def __init__(self, stores: Sequence[Store], issuer: str) -> None:
        self._stores, self._issuer = stores, issuer
        self._statements: list[KeptStatement] = []
        self._runs: _Runs = {}

    def statements(self, batch: BinaryIO, name: str) -> list[KeptStatement]:
        """The statements of a batch that the journals have byte for byte, with all receipts that they close.

        Args:
            batch: it is read once.
            name: what errors call it.

        Raises:
            BatchError: it cannot be read, or has a receipt or a statement that is another one in the journals.
        """
        part: list[KeptReceipt] = []
        for item in kept_objects(batch, name):
            if item.issuer != self._issuer:
                continue
            if isinstance(item, KeptStatement):
                self._add_statement(item, name)
                continue
            if len(part) == _AT_ONCE or (part and part[0].account != item.account):
                self._add_receipts(part, name)
                part = []
            part.append(item)
        self._add_receipts(part, name)
        return [one for one in self._statements if self._has_all(one)]

    def _add_statement(self, statement: KeptStatement, name: str) -> None:
        there = [data for store in self._stores for data in store.statements(statement.account)]
        if statement.data in there:
            self._statements.append(statement)
        elif statement.number < len(there):
            which = f"statement {statement.number} of {statement.account}"
            raise BatchError(f"{name}: {which} is not that of the journal")

    def _add_receipts(self, part: Sequence[KeptReceipt], name: str) -> None:
        """Receipts of one account, which are in the journals, each with its digest at its place."""
        if not part:
            return
        found: dict[tuple[str, int], bytes] = {}
        places = [(one.stream, one.sequence) for one in part]
        for store in self._stores:
            found |= store.digests(part[0].account, places)
        for one in part:
            if found.get((one.stream, one.sequence)) != one.digest:
                which = f"receipt {one.sequence} of stream {one.stream!r} of {one.account}"
                raise BatchError(f"{name}: {which} is not that of the journal")
            runs = self._runs.setdefault((one.account, one.stream), [])
            goes_on = bool(runs) and runs[-1][1] == one.sequence
            begin = runs.pop()[0] if goes_on else one.sequence
            runs.append((begin, one.sequence + 1))

    def _has_all(self, statement: KeptStatement) -> bool:
        return all(
            any(
                begin <= entry.first and entry.first + entry.count <= end
                for begin, end in self._runs.get((statement.account, entry.name), ())
            )
            for entry in statement.streams
        )

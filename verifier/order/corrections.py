"""Receipts that correct others, and what the last word on each request is (spec/receipt.md, corrects; R-9.8, R-9.9).

A correction names its receipt by the digest, and may stand anywhere in the input. So they are looked for when all of the input is read, in
a database on the disk. Most inputs have none, and cost nothing.
"""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from verifier.order.block import Block
from verifier.order.index import ReceiptIndex, RowBlock
from verifier.order.temporary import errors_of_the_disk

_SCHEMA: Final = """
CREATE TABLE corrections (item INTEGER PRIMARY KEY, offset INTEGER, position INTEGER, issuer TEXT, account TEXT, request BLOB, target BLOB,
                          own_time INTEGER, left_out INTEGER DEFAULT 0, repeated INTEGER DEFAULT 0,
                          corrected INTEGER, corrected_offset INTEGER, time INTEGER)
"""
_COLUMNS: Final = (
    "item, offset, position, issuer, account, request, target, corrected, corrected_offset"
)
_LOCATE: Final = """
UPDATE corrections SET corrected = ?, corrected_offset = ?, time = ? WHERE target = ? AND (issuer, account) = (?, ?)
"""
_REPEATED: Final = "UPDATE corrections SET repeated = 1 WHERE NOT left_out AND item NOT IN (SELECT first FROM firsts)"
_FIRSTS: Final = """
CREATE TABLE firsts AS SELECT target, issuer, account, min(item) AS first FROM corrections WHERE NOT left_out GROUP BY target, issuer, account
"""
_SUPERSEDED: Final = """
SELECT corrected FROM corrections WHERE corrected IS NOT NULL AND NOT left_out
UNION SELECT item FROM corrections WHERE repeated OR left_out ORDER BY 1
"""
_LAST: Final = """
WITH RECURSIVE good AS (SELECT * FROM corrections WHERE NOT repeated AND NOT left_out),
words (item, position, time, own_time) AS (
  SELECT item, position, time, own_time FROM good WHERE corrected IS NULL OR corrected NOT IN (SELECT item FROM corrections)
  UNION ALL
  SELECT later.item, later.position, words.time, later.own_time FROM words JOIN corrections later
    ON later.corrected = words.item AND NOT later.repeated AND NOT later.left_out)
SELECT item, position, time FROM words
WHERE item NOT IN (SELECT corrected FROM corrections WHERE corrected IS NOT NULL AND NOT left_out)
"""
_ORDERS: Final = {"item": "item", "time": "coalesce(time, own_time), item"}


class Correction(NamedTuple):
    """A correction, and where the receipt is that it corrects; None: it is not in the input."""

    item: int
    offset: int
    position: int
    issuer: str
    account: str
    request: bytes
    target: bytes
    corrected: int | None
    corrected_offset: int | None


class LastWord(NamedTuple):
    """The last correction of a receipt: its item, where it is in the index, and the time of that receipt in ms, if it is here."""

    item: int
    position: int
    time: int | None


class Corrections:
    """The corrections of an input."""

    def __init__(self) -> None:
        self._db: sqlite3.Connection | None = None
        self._superseded: array[int] = array("Q")
        self._own: array[int] = array("Q")

    def __bool__(self) -> bool:
        return self._db is not None

    @errors_of_the_disk()
    def add(self, block: Block, position: int) -> None:
        """Remember a correction, which is the only receipt of its block, and its position in the index.

        Raises:
            OSError: there is no room.
        """
        if self._db is None:
            self._db = sqlite3.connect("", isolation_level=None)
            self._db.execute(_SCHEMA)
            self._db.execute("BEGIN")
        names = (block.issuer, block.account, block.requests[0], block.corrects)
        self._db.execute(
            "INSERT INTO corrections (item, offset, position, issuer, account, request, target, own_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (block.items[0], block.offsets[0], position, *names, block.times[0]),
        )

    @errors_of_the_disk()
    def locate(self, index: ReceiptIndex) -> None:
        """Find what they correct, when all of the input is read.

        Raises:
            OSError: there is no room.
        """
        if self._db is None:
            return
        self._db.execute("CREATE INDEX targets ON corrections (target)")
        for block in index.blocks():
            account = (block.issuer, block.account)
            places = zip(block.items, block.offsets, block.times, block.digests(), strict=True)
            self._db.executemany(_LOCATE, ((*place, *account) for place in places))
        self._db.execute("CREATE INDEX corrected ON corrections (corrected)")

    @errors_of_the_disk()
    def settle(self, left_out: Iterable[int]) -> None:
        """Decide what the last words are, but for the items that are left out.

        Raises:
            OSError: there is no room.
        """
        if self._db is None:
            return
        marks = ((item,) for item in left_out)
        self._db.executemany("UPDATE corrections SET left_out = 1 WHERE item = ?", marks)
        self._db.execute(_FIRSTS)
        self._db.execute(_REPEATED)
        self._db.execute("CREATE INDEX firsts_of ON firsts (target)")
        self._superseded = self._items(_SUPERSEDED)
        self._own = self._items("SELECT item FROM corrections ORDER BY item")

    def _items(self, query: str) -> array[int]:
        return array("Q", (item for (item,) in self._rows(query)))

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        if self._db is not None:
            with errors_of_the_disk():
                yield from self._db.execute(query)

    def all(self) -> Iterator[Correction]:
        """All of them, in the order of the input."""
        yield from (
            Correction(*row)
            for row in self._rows(f"SELECT {_COLUMNS} FROM corrections ORDER BY item")
        )

    def repeated(self) -> Iterator[tuple[Correction, Correction]]:
        """Corrections of what an earlier one corrects already, each after that."""
        later, first = (
            ", ".join(f"{table}.{name}" for name in _COLUMNS.split(", "))
            for table in ("later", "first")
        )
        for row in self._rows(
            f"SELECT {first}, {later} FROM corrections later JOIN firsts USING (target, issuer, account)"
            " JOIN corrections first ON first.item = firsts.first WHERE later.repeated ORDER BY later.item"
        ):
            yield Correction(*row[: len(row) // 2]), Correction(*row[len(row) // 2 :])

    def last_words(self, order: str = "item") -> Iterator[LastWord]:
        """The last word on each request that has a correction, in the order of the input, or of ``time``."""
        rows = self._rows(f"{_LAST} ORDER BY {_ORDERS[order]}")
        yield from (LastWord(*row) for row in rows)

    @property
    def superseded(self) -> array[int]:
        """The items that are not the last word on their request, in ascending order."""
        return self._superseded

    def plain(self, block: RowBlock) -> Iterator[RowBlock]:
        """What of a block is the last word, and no correction."""
        if self._db is None:
            yield block
            return
        begin = 0
        for at, item in enumerate(block.items):
            if _holds(self._superseded, item) or _holds(self._own, item):
                if begin < at:
                    yield block.cut(begin, at)
                begin = at + 1
        if begin < len(block.items):
            yield block.cut(begin, len(block.items)) if begin else block

    def corrected(
        self, index: ReceiptIndex, order: str = "item", *, timed: bool = False
    ) -> Iterator[RowBlock]:
        """The last words that are corrections, each with the time of the receipt that it stands for, if that is here."""
        for word in self.last_words(order):
            block = index.at(word.position)
            if word.time is not None:
                yield replace(block, times=array("Q", (word.time,)))
            elif not timed:
                yield block

    def blocks(self, index: ReceiptIndex, *, timed: bool = False) -> Iterator[RowBlock]:
        """The last words of an input: those that correct nothing, then the others; ``timed``: only if what they correct is here."""
        for block in index.blocks():
            yield from self.plain(block)
        yield from self.corrected(index, timed=timed)

    def close(self) -> None:
        """Forget them."""
        if self._db is not None:
            self._db.close()


def _holds(items: array[int], item: int) -> bool:
    at = bisect_left(items, item)
    return at < len(items) and items[at] == item

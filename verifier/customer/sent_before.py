"""The prompts that were sent, on the disk and in their order as bytes: which one shares the longest prefix with another (R-14.8)."""

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Sequence
from typing import Final

TOKEN_WIDTH: Final = 4
"""Bytes of a token id."""
_SCHEMA: Final = """
CREATE TABLE sent (tokens BLOB PRIMARY KEY, times INTEGER NOT NULL, output INTEGER NOT NULL) WITHOUT ROWID;
"""
_MOST: Final = 2**40
"""More tokens than any prompt has, so that output counts stay within SQLite's integers."""


class SentBefore:
    """Prompts that were sent. What stands next to a prompt, sorted as bytes, shares the longest prefix with it.

    Whatever was sent counts, under any model: a name may be an alias. What an engine generated may be in its cache too, and
    belongs to the front of the next turn.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Forget all of it."""
        self._db.close()

    def add(self, tokens: Sequence[int], output: int) -> None:
        """A prompt that was sent, and how many tokens were generated after it.

        Raises:
            OSError: there is no room.
        """
        self._db.execute(
            "INSERT INTO sent VALUES (?, 1, ?) ON CONFLICT DO UPDATE"
            " SET times = times + 1, output = max(output, excluded.output)",
            (_packed(tokens), min(output, _MOST)),
        )

    def longest_prefix(self, tokens: Sequence[int]) -> int:
        """How many tokens a prompt, which was added too, shares with any other, and with what was generated after it."""
        packed = _packed(tokens)
        (times,) = self._db.execute(
            "SELECT times FROM sent WHERE tokens = ?", (packed,)
        ).fetchone() or (0,)
        if times > 1:
            return len(tokens)
        neighbours = [self._before(packed), self._after(packed)]
        shared = max(
            (_common(packed, other) for other in neighbours if other is not None), default=0
        )
        return min(max(shared, self._with_answer(packed)), len(tokens))

    def _before(self, packed: bytes) -> bytes | None:
        row = self._db.execute(
            "SELECT tokens FROM sent WHERE tokens < ? ORDER BY tokens DESC LIMIT 1", (packed,)
        ).fetchone()
        return None if row is None else row[0]

    def _after(self, packed: bytes) -> bytes | None:
        row = self._db.execute(
            "SELECT tokens FROM sent WHERE tokens > ? ORDER BY tokens LIMIT 1", (packed,)
        ).fetchone()
        return None if row is None else row[0]

    def _with_answer(self, packed: bytes) -> int:
        """The longest front of a prompt that was sent as a whole, together with its answer."""
        longest, at = 0, packed
        while (found := self._front(packed, at)) is not None:
            front, output = found
            longest = max(longest, len(front) // TOKEN_WIDTH + output)
            at = front
        return longest

    def _front(self, packed: bytes, at: bytes) -> tuple[bytes, int] | None:
        """The longest prompt that is a front of ``packed`` and shorter than ``at``, and the tokens generated after it."""
        while True:
            row: tuple[bytes, int] | None = self._db.execute(
                "SELECT tokens, output FROM sent WHERE tokens < ? ORDER BY tokens DESC LIMIT 1",
                (at,),
            ).fetchone()
            if row is None:
                return None
            shared = _common(packed, row[0]) * TOKEN_WIDTH
            if shared == len(row[0]):
                return row
            # Whatever is a front of both is no longer than what they share; a byte more sorts behind it.
            at = packed[:shared] + b"\0"


def _packed(tokens: Sequence[int]) -> bytes:
    """Token ids as bytes that sort as the ids do."""
    packed = array("I", tokens)
    if sys.byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def _common(one: bytes, two: bytes) -> int:
    """Equal tokens at the beginning, by halving the distance."""
    low, high = 0, min(len(one), len(two)) // TOKEN_WIDTH
    while low < high:
        middle = (low + high + 1) // 2
        begin, end = low * TOKEN_WIDTH, middle * TOKEN_WIDTH
        if one[begin:end] == two[begin:end]:
            low = middle
        else:
            high = middle - 1
    return low

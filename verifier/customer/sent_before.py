"""The prompts that were sent, on the disk and in their order as bytes: which one shares the longest prefix with another (R-14.20)."""

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Final

TOKEN_WIDTH: Final = 4
"""Bytes of a token id."""
_SCHEMA: Final = """
CREATE TABLE sent (tokens BLOB PRIMARY KEY, times INTEGER NOT NULL, output INTEGER NOT NULL) WITHOUT ROWID;
"""
MOST_OUTPUT: Final = 2**40
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
        """A prompt that was sent, and how many tokens (at most `MOST_OUTPUT`) were generated after it.

        Raises:
            OSError: there is no room.
        """
        self._db.execute(
            "INSERT INTO sent VALUES (?, 1, ?) ON CONFLICT DO UPDATE"
            " SET times = times + 1, output = max(output, excluded.output)",
            (_packed(tokens), output),
        )

    def longest_prefix(self, tokens: Sequence[int]) -> int:
        """How many tokens a prompt, which was added too, shares with any other, and with what was generated after it."""
        packed = _packed(tokens)
        before = None
        for sent, times, output in self._up_to(packed, 2):
            if sent != packed:
                before = sent, output
            elif times > 1:
                return len(tokens)
        after = self._db.execute(
            "SELECT tokens FROM sent WHERE tokens > ? ORDER BY tokens LIMIT 1", (packed,)
        ).fetchone()
        shared = max(_common(packed, row[0]) for row in (before, after, (b"",)) if row is not None)
        return min(max(shared, self._with_answer(packed, before)), len(tokens))

    def _up_to(self, packed: bytes, count: int) -> Iterator[tuple[bytes, int, int]]:
        """The prompts that sort before ``packed``, or are it, the last ones first."""
        return self._db.execute(
            "SELECT tokens, times, output FROM sent WHERE tokens <= ? ORDER BY tokens DESC LIMIT ?",
            (packed, count),
        )

    def _with_answer(self, packed: bytes, before: tuple[bytes, int] | None) -> int:
        """The longest prompt that is a front of ``packed`` as a whole, together with its answer.

        ``before`` sorts next before it. What is a front of both is no longer than what they share, so the search goes on there.
        """
        longest = 0
        while before is not None:
            sent, output = before
            shared = _common(packed, sent) * TOKEN_WIDTH
            if shared == len(sent):
                longest = max(longest, shared // TOKEN_WIDTH + output)
                shared -= TOKEN_WIDTH
            if shared < 0:
                break
            row = next(self._up_to(packed[:shared], 1), None)
            before = None if row is None else (row[0], row[2])
        return longest


def _packed(tokens: Sequence[int]) -> bytes:
    """Token ids as bytes that sort as the ids do."""
    packed = array("I", tokens)
    if sys.byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def _common(one: bytes, two: bytes) -> int:
    """Equal tokens at the beginning: as large numbers, what differs begins with the highest bit that does."""
    size = min(len(one), len(two))
    differing = int.from_bytes(one[:size]) ^ int.from_bytes(two[:size])
    return (size - (differing.bit_length() + 7) // 8) // TOKEN_WIDTH

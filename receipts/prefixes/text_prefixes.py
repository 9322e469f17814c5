"""Entries by the text recipe, for requests whose provider says how long the prefixes are that their breakpoints end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from receipts.cache_id import TEXT_HMAC, PeriodKey, block_form, block_ids, block_list, month_of
from receipts.prefixes.billed_lengths import billed_lengths
from receipts.prefixes.lengths import Lengths
from receipts.prefixes.marks import Marks, find_marks
from receipts.prefixes.token_prefixes import MAX_COMMITMENTS
from receipts.request import Cache, CacheEntry, Counts


@dataclass(frozen=True, slots=True)
class MarkedPrefixes:
    """The prefixes of a request up to its last breakpoint, by the text recipe, without the text.

    Attributes:
        account, period, model: what the identifiers depend on besides the text: the account of the cache key, the month, the model.
        ids: the identifiers of the prefixes that end after each block.
        marks: the breakpoints.
    """

    account: str
    period: str
    model: str
    ids: Sequence[bytes]
    marks: Marks

    def is_for(self, account: str, model: str, time: int) -> bool:
        """Whether a receipt for this account and model, of this time in ms, has them."""
        return (self.account, self.model, self.period) == (account, model, month_of(time))


def marked_prefixes(key: PeriodKey, model: str, body: Mapping[str, Any]) -> MarkedPrefixes | None:
    """The prefixes of a request body; None: it has no breakpoints, or none that say for certain where a prefix ends.

    Raises:
        ReceiptError: the body has no such blocks, or no RFC 8785 form.
    """
    marked = marked_blocks(body)
    return None if marked is None else marked.prefixes(key, model)


@dataclass(frozen=True, slots=True)
class MarkedBlocks:
    """The blocks of a request up to its last breakpoint, each in its RFC 8785 form, and the breakpoints. This needs no key."""

    forms: Sequence[bytes]
    marks: Marks

    def prefixes(self, key: PeriodKey, model: str) -> MarkedPrefixes:
        """The prefixes that they make up."""
        ids = tuple(block_ids(model, self.forms, key))
        return MarkedPrefixes(key.account, key.period, model, ids, self.marks)


def marked_blocks(body: Mapping[str, Any]) -> MarkedBlocks | None:
    """The blocks of a request body; None: it has no breakpoints, or none that say for certain where a prefix ends.

    Raises:
        ReceiptError: the body has no such blocks, or no RFC 8785 form.
    """
    blocks = block_list(body)
    marks = find_marks(body, blocks)
    if marks is None:
        return None
    return MarkedBlocks([block_form(block) for block in blocks[: marks.last + 1]], marks)


def text_cache(sent: MarkedPrefixes, counts: Counts, memory: Lengths) -> Cache | None:
    """The prefixes of a request whose lengths are certain; None: there are none."""
    billed = billed_lengths(counts, sent.marks)
    if billed is None:
        return None
    ids, account, model = sent.ids, sent.account, sent.model
    known = memory.recall(account, model, ids)
    lengths = {at: known[one] for at, one in enumerate(ids) if one in known}
    new = {at: length for at, length in billed.items() if at < sent.marks.certain}
    if not _ascend(lengths | new, counts.logical):
        return None
    if not memory.learn(account, model, {ids[at]: length for at, length in new.items()}):
        return None
    return _Prefixes(ids, lengths | new, sent.marks, counts).cache()


def _ascend(lengths: Mapping[int, int], most: int) -> bool:
    """Whether each prefix is longer than the one before it, and all of them fit into the request: every block has tokens."""
    tokens = [*(lengths[at] for at in sorted(lengths)), most + 1]
    return all(one < two for one, two in pairwise(tokens))


@dataclass(frozen=True, slots=True)
class _Prefixes:
    """The prefixes of a request whose lengths are known, by the number of their last block."""

    ids: Sequence[bytes]
    lengths: Mapping[int, int]
    marks: Marks
    counts: Counts

    def cache(self) -> Cache | None:
        """Each in its place. Writes happen only at breakpoints, and the highest hit lies before all of them that were written."""
        cached, written = self.counts.cached, sum((self.counts.writes or {}).values())
        read = [at for at, length in self.lengths.items() if cached and length == cached]
        writes = [
            at
            for at, length in self.lengths.items()
            if written and cached is not None and at in self.marks.ttls and length > cached
        ]
        others = sorted(set(self.lengths) - {*read, *writes}, reverse=True)[:MAX_COMMITMENTS]
        if not self.lengths:
            return None
        return Cache(
            self._entry(read[0]) if read else None,
            [self._entry(at) for at in sorted(writes)],
            [self._entry(at) for at in sorted(others)],
        )

    def _entry(self, at: int) -> CacheEntry:
        return CacheEntry(TEXT_HMAC, self.ids[at], self.lengths[at])

"""Identifiers of the prefixes that a customer sent, with lengths that follow from what the provider counted.

The length of a prefix in tokens is known in these cases, and else it is left open:

* of token ids, at what was read, at what was read and written, and at the end of the prompt;
* of a request body of the Messages API, at its last breakpoint: what was read and what was written is all up to there, if it is
  not nothing (https://platform.claude.com/docs/en/build-with-claude/prompt-caching, Tracking cache performance);
* at every block that was such an end in another request: an identifier is of one prefix, so it has one length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from receipts.cache_id import TEXT_HMAC, PeriodKey
from receipts.prefixes import MAX_COMMITMENTS, are_the_prompt, token_cache
from receipts.request import Cache, CacheEntry, Counts, Source
from receipts.wallet import SentPrefixes

_MARKED: Final = (("anthropic", "messages"), ("anthropic", "messages-batch"), ("gcp.vertex_ai", "rawPredict"))  # fmt: skip
"""The APIs that cache up to the breakpoints of a request, and nothing else. Others that take the mark may not heed it."""


class Prefixes:
    """The lengths of prefixes, by identifier, as far as they are known. Requests are taken in the order in which they were sent."""

    def __init__(self) -> None:
        self._lengths: dict[bytes, int] = {}

    def know(self, entry: CacheEntry) -> None:
        """An entry of a receipt that was issued before: its identifier has this length."""
        self._lengths.setdefault(entry.id, entry.prefix)

    def of(self, sent: SentPrefixes, counts: Counts) -> Cache | None:
        """What a receipt says of the prefixes of a request body; None: no length is known.

        Args:
            sent: its prefixes.
            counts: those of the receipt, of one pass over the prompt (`is_one_pass`).
        """
        cached, written = counts.cached or 0, _written(counts)
        marked = cached + written
        if sent.last is not None and counts.cached is not None and marked:
            self._lengths.setdefault(sent.ids[sent.last], marked)
        known = [
            CacheEntry(TEXT_HMAC, one, self._lengths[one])
            for one in sent.ids
            if self._lengths.get(one, counts.logical + 1) <= counts.logical
        ]
        read = next((one for one in known if one.prefix == cached), None)
        wrote = [one for one in known if written and one.prefix == marked]
        return _cache(read, wrote, [one for one in known if one != read and one not in wrote])


def token_prefixes(
    tokens: Sequence[int], model: str, counts: Counts, key: PeriodKey
) -> Cache | None:
    """What a receipt says of the prefixes of a prompt of token ids; None: they are not those that were counted.

    Another tokenizer, or what the provider adds, makes another number of them, and no length would be right.
    """
    if not are_the_prompt(tokens, counts):
        return None
    return token_cache(key, model, tokens, counts, sum((counts.writes or {}).values()))


def ends_at_marks(source: Source) -> bool:
    """Whether what is read and written ends at the breakpoints of a request body."""
    return (source.provider, source.api) in _MARKED


def is_one_pass(usage: Mapping[str, Any], counts: Counts) -> bool:
    """Whether the counts are those of one pass over the prompt. Calls of tools by the server, and iterations, add up several."""
    iterations = usage.get("iterations")
    again = isinstance(iterations, list) and len(iterations) > 1
    used = any(
        count for name, count in (counts.units or {}).items() if name.startswith("requests.")
    )
    return not again and not used


def _cache(
    read: CacheEntry | None, wrote: list[CacheEntry], rest: list[CacheEntry]
) -> Cache | None:
    return Cache(read, wrote, rest[-MAX_COMMITMENTS:]) if read or wrote or rest else None


def _written(counts: Counts) -> int:
    return sum((counts.writes or {}).values())

"""What the counts of Anthropic's Messages say about the lengths of prefixes: the arithmetic of its documentation, and nothing beyond it.

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching, Mixing different TTLs and Tracking cache performance:

    A   tokens up to the highest cache hit                        read: A
    B   tokens up to the last breakpoint of 1h after A, else A    written for 1h: B - A
    C   tokens up to the last breakpoint                          written for 5m: C - B

so cached + written is the length up to the last breakpoint, whatever stands behind it, and cached + written for 1h that up to the last
one of 1h. Without a write, A is C. Where neither was cached, the prefix was too short, and no length is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from receipts.prefixes.marks import Marks
from receipts.request import Counts, Source

_APIS: Final = frozenset({("anthropic", "messages"), ("anthropic", "messages-batch"), ("gcp.vertex_ai", "rawPredict")})  # fmt: skip
"""Provider and API that cache up to the breakpoints of a request, and nothing else. Others that take the mark may not heed it."""
_UNSTATED, _FIVE_MINUTES, _HOUR = 0, 300, 3600
_TTLS: Final = frozenset({_UNSTATED, _FIVE_MINUTES, _HOUR})


def is_billed_by_marks(source: Source | None) -> bool:
    """Whether what is read and written ends at the breakpoints of a request body."""
    return source is not None and (source.provider, source.api) in _APIS


def billed_lengths(counts: Counts, marks: Marks) -> dict[int, int] | None:
    """The lengths in tokens that follow from the counts, by the number of the block where the prefix ends.

    None: the counts are not those that the provider states for such breakpoints; then nothing is known of this request.
    """
    cached, writes = counts.cached, counts.writes
    if cached is None or writes is None:
        return {}
    written = {ttl: tokens for ttl, tokens in writes.items() if tokens}
    total = sum(written.values())
    if not cached and not written:
        return {}
    if not _fits(written, marks):
        return None
    lengths = {marks.last: cached + total}
    hour = marks.last_hour
    if hour is not None and _HOUR in written and _UNSTATED not in written:
        lengths[hour] = cached + written[_HOUR]
    only = marks.first
    if cached and written and marks.last == only + 1 and not marks.nested:
        lengths[only] = (
            cached  # the hit ends before the last breakpoint, at the end of a block, and there is one only
        )
    return lengths


def _fits(written: Mapping[int, int], marks: Marks) -> bool:
    """Whether breakpoints of these lifetimes can have led to these writes."""
    if not _TTLS.issuperset(written):
        return False
    if not written or _UNSTATED in written:
        return True
    ends_with_hour = marks.last == marks.last_hour
    if _FIVE_MINUTES in written:
        return not ends_with_hour and (_HOUR not in written or marks.last_hour is not None)
    return ends_with_hour

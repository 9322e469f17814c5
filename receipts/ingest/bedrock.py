"""AWS Bedrock Converse. Additive, for Claude and for Nova: inputTokens excludes what was read from the cache and written to it.

InvokeModel of Claude is as Anthropic Messages. Source:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receipts.errors import UsageError
from receipts.ingest.base import (
    Reading,
    Tokens,
    Usage,
    check_total,
    parse,
    proven_zero,
    split_writes,
)
from receipts.request import Counts

_SECONDS = {"5m": 300, "1h": 3600}


class _CacheDetail(Usage):
    ttl: str
    inputTokens: Tokens  # noqa: N815  # the provider's names


class _TokenUsage(Usage):
    inputTokens: Tokens  # noqa: N815
    outputTokens: Tokens  # noqa: N815
    totalTokens: Tokens | None = None  # noqa: N815
    cacheReadInputTokens: Tokens | None = None  # noqa: N815
    cacheWriteInputTokens: Tokens | None = None  # noqa: N815
    cacheReadInputTokenCount: Tokens | None = None  # noqa: N815
    cacheWriteInputTokenCount: Tokens | None = None  # noqa: N815
    cacheDetails: list[_CacheDetail] | None = None  # noqa: N815


def converse(usage: Mapping[str, Any]) -> Reading:
    """Counts of a response; for a stream, of its metadata event.

    Raises:
        UsageError: a count is missing, or the object contradicts itself.
    """
    parsed = parse(_TokenUsage, usage)
    read = _one_of("cacheRead", parsed.cacheReadInputTokens, parsed.cacheReadInputTokenCount)
    written = _one_of("cacheWrite", parsed.cacheWriteInputTokens, parsed.cacheWriteInputTokenCount)
    parts = proven_zero(
        parsed.totalTokens,
        {
            "inputTokens": parsed.inputTokens,
            "outputTokens": parsed.outputTokens,
            "cacheReadInputTokens": read,
            "cacheWriteInputTokens": written,
        },
    )
    writes = split_writes(
        "cacheWriteInputTokens", parts["cacheWriteInputTokens"], _by_ttl(parsed.cacheDetails or [])
    )
    counts = Counts(
        logical=parts["inputTokens"]
        + parts["cacheReadInputTokens"]
        + parts["cacheWriteInputTokens"],
        cached=parts["cacheReadInputTokens"],
        writes=writes,
        output=parsed.outputTokens,
    )
    check_total("totalTokens", parsed.totalTokens, counts)
    return Reading(counts)


def _one_of(name: str, tokens: int | None, again: int | None) -> int | None:
    """A count that comes under two names, which agree."""
    if tokens is not None and again not in (None, tokens):
        raise UsageError(f"{name}InputTokenCount", f"expected {tokens}, found {again}")
    return again if tokens is None else tokens


def _by_ttl(details: list[_CacheDetail]) -> dict[int, int]:
    writes: dict[int, int] = {}
    for i, detail in enumerate(details):
        ttl = _SECONDS.get(detail.ttl)
        if ttl is None:
            raise UsageError(f"cacheDetails.{i}.ttl", f"expected 5m or 1h, found {detail.ttl!r}")
        writes[ttl] = writes.get(ttl, 0) + detail.inputTokens
    return writes

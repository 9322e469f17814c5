"""Anthropic Messages. Additive: input_tokens excludes what was read from the cache and what was written to it.

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching and the types of anthropic-sdk-python 2.12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receipts.errors import UsageError
from receipts.ingest.base import Reading, Tokens, Usage, add_writes, parse, split_writes, stated
from receipts.request import Counts


class _CacheCreation(Usage):
    ephemeral_5m_input_tokens: Tokens | None = None
    ephemeral_1h_input_tokens: Tokens | None = None


class _OutputDetails(Usage):
    thinking_tokens: Tokens | None = None


class _Iteration(Usage):
    input_tokens: Tokens
    output_tokens: Tokens
    cache_read_input_tokens: Tokens | None = None
    cache_creation_input_tokens: Tokens | None = None
    cache_creation: _CacheCreation | None = None
    output_tokens_details: _OutputDetails | None = None


class _Part(_Iteration):
    model: str | None = None


class _Messages(_Iteration):
    service_tier: str | None = None
    iterations: list[_Part] | None = None


def messages(usage: Mapping[str, Any]) -> Reading:
    """Counts of one response. Where there are ``iterations``, the response is their sum.

    The top level leaves out some iterations (compaction); it never counts more than their sum.

    Raises:
        UsageError: a count is missing, or the object contradicts itself.
    """
    parsed = parse(_Messages, usage)
    top = _counts(parsed)
    if not parsed.iterations:
        return Reading(top, parsed.service_tier)
    models = {part.model for part in parsed.iterations}
    if len(models) > 1:
        named = ", ".join(sorted(str(model) for model in models))
        raise UsageError(
            "iterations",
            f"expected those of one model, found {named}: each needs a receipt of its own",
        )
    parts = [_counts(part, f"iterations.{i}.") for i, part in enumerate(parsed.iterations)]
    total = _sum(parts)
    for field, whole, sum_ in (
        ("input_tokens", top.logical, total.logical),
        ("cache_read_input_tokens", top.cached or 0, total.cached or 0),
        ("cache_creation_input_tokens", _written(top), _written(total)),
        ("output_tokens", top.output or 0, total.output or 0),
    ):
        if whole > sum_:
            raise UsageError(
                field, f"expected at most the sum of the iterations, {sum_}, found {whole}"
            )
    return Reading(total, parsed.service_tier)


def _counts(part: _Iteration, where: str = "") -> Counts:
    read = stated(f"{where}cache_read_input_tokens", part.cache_read_input_tokens)
    field = f"{where}cache_creation_input_tokens"
    written = stated(field, part.cache_creation_input_tokens)
    split = part.cache_creation or _CacheCreation()
    ttls = {300: split.ephemeral_5m_input_tokens, 3600: split.ephemeral_1h_input_tokens}
    details = part.output_tokens_details or _OutputDetails()
    return Counts(
        logical=part.input_tokens + read + written,
        cached=read,
        writes=split_writes(field, written, ttls),
        output=part.output_tokens,
        reasoning=details.thinking_tokens,
    )


def _sum(parts: list[Counts]) -> Counts:
    """The sum of all iterations; reasoning tokens only if every one states them."""
    reasoning = [part.reasoning for part in parts if part.reasoning is not None]
    return Counts(
        logical=sum(part.logical for part in parts),
        cached=sum(part.cached or 0 for part in parts),
        writes=add_writes(part.writes for part in parts),
        output=sum(part.output or 0 for part in parts),
        reasoning=sum(reasoning) if len(reasoning) == len(parts) else None,
    )


def _written(counts: Counts) -> int:
    return sum((counts.writes or {}).values())

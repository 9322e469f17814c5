"""OpenAI Chat Completions and Responses. Subset: prompt or input tokens include what was read and what was written.

Sources: https://developers.openai.com/api/docs/guides/prompt-caching and the types of openai-python 3.54
(completion_usage.py, response_usage.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receipts.ingest.base import (
    Reading,
    Tokens,
    Usage,
    check_parts,
    check_total,
    parse,
    split_writes,
)
from receipts.request import Counts


class PromptDetails(Usage):
    """Parts of the prompt."""

    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None


class CompletionDetails(Usage):
    """Parts of the completion."""

    reasoning_tokens: Tokens | None = None


class ChatUsage(Usage):
    """Usage in the shape of Chat Completions, which other hosts have taken over."""

    prompt_tokens: Tokens
    completion_tokens: Tokens
    total_tokens: Tokens | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class _WriteDetails(Usage):
    ttl_30m_tokens: Tokens | None = None
    ttl_12h_tokens: Tokens | None = None


class _InputDetails(PromptDetails):
    cache_write_tokens_details: _WriteDetails | None = None


class _ResponsesUsage(Usage):
    input_tokens: Tokens
    output_tokens: Tokens
    total_tokens: Tokens | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: CompletionDetails | None = None


def chat_completions(usage: Mapping[str, Any]) -> Reading:
    """Counts of a chat completion; for a stream, of its last chunk.

    Raises:
        UsageError: a count is missing, or the object contradicts itself.
    """
    parsed = parse(ChatUsage, usage)
    details = parsed.prompt_tokens_details or PromptDetails()
    writes = split_writes(
        "prompt_tokens_details.cache_write_tokens", details.cache_write_tokens, {}
    )
    return chat_reading(parsed, details.cached_tokens, writes)


def chat_reading(
    parsed: ChatUsage, cached: int | None, writes: Mapping[int, int] | None
) -> Reading:
    """Counts of a chat completion in which ``cached`` prompt tokens were read and ``writes`` written, by TTL in s.

    Raises:
        UsageError: the total or the parts disagree.
    """
    completion = parsed.completion_tokens_details or CompletionDetails()
    counts = Counts(
        logical=parsed.prompt_tokens,
        cached=cached,
        writes=writes,
        output=parsed.completion_tokens,
        reasoning=completion.reasoning_tokens,
    )
    check_total("total_tokens", parsed.total_tokens, counts)
    return Reading(check_parts("prompt_tokens", counts))


def responses(usage: Mapping[str, Any]) -> Reading:
    """Counts of a response; its cache writes may be split by TTL.

    Raises:
        UsageError: a count is missing, or the object contradicts itself.
    """
    parsed = parse(_ResponsesUsage, usage)
    details = parsed.input_tokens_details or _InputDetails()
    output = parsed.output_tokens_details or CompletionDetails()
    split = details.cache_write_tokens_details or _WriteDetails()
    field = "input_tokens_details.cache_write_tokens"
    ttls = {1800: split.ttl_30m_tokens, 43200: split.ttl_12h_tokens}
    counts = Counts(
        logical=parsed.input_tokens,
        cached=details.cached_tokens,
        writes=split_writes(field, details.cache_write_tokens, ttls),
        output=parsed.output_tokens,
        reasoning=output.reasoning_tokens,
    )
    check_total("total_tokens", parsed.total_tokens, counts)
    return Reading(check_parts("input_tokens", counts))

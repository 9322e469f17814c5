"""DeepSeek Chat Completions. Subset, in OpenAI's shape, with hits and misses named apart: an identity more to check.

Source: https://api-docs.deepseek.com/guides/kv_cache. Its Responses endpoint is as OpenAI's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receipts.errors import UsageError
from receipts.ingest.base import Reading, Tokens, parse
from receipts.ingest.openai import ChatUsage, PromptDetails, chat_reading


class _ChatUsage(ChatUsage):
    prompt_cache_hit_tokens: Tokens | None = None
    prompt_cache_miss_tokens: Tokens | None = None


def chat_completions(usage: Mapping[str, Any]) -> Reading:
    """Counts of a chat completion.

    Raises:
        UsageError: a count is missing, or the object contradicts itself.
    """
    parsed = parse(_ChatUsage, usage)
    hit, miss = parsed.prompt_cache_hit_tokens, parsed.prompt_cache_miss_tokens
    named = (parsed.prompt_tokens_details or PromptDetails()).cached_tokens
    if hit is not None and miss is not None and hit + miss != parsed.prompt_tokens:
        raise UsageError(
            "prompt_tokens",
            f"expected hits plus misses, {hit + miss}, found {parsed.prompt_tokens}",
        )
    if hit is None and miss is not None:
        hit = parsed.prompt_tokens - miss
        if hit < 0:
            raise UsageError(
                "prompt_cache_miss_tokens",
                f"expected at most the prompt, {parsed.prompt_tokens}, found {miss}",
            )
    if hit is not None and named not in (None, hit):
        raise UsageError(
            "prompt_tokens_details.cached_tokens", f"expected the hits, {hit}, found {named}"
        )
    return chat_reading(parsed, named if hit is None else hit, None)

"""vLLM Chat Completions. Subset, in OpenAI's shape.

Details are off by default (``--enable-prompt-tokens-details``); then the cached count is unknown, which is not zero.
Blocks are kept as long as there is room, so what was written has no TTL (key 0). Source: vllm 0.33.0, entrypoints/openai.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receipts.ingest.base import Reading, Tokens, parse, split_writes
from receipts.ingest.openai import ChatUsage, PromptDetails, chat_reading


class _PromptDetails(PromptDetails):
    created_cache_tokens: Tokens | None = None


class _ChatUsage(ChatUsage):
    prompt_tokens_details: _PromptDetails | None = None


def chat_completions(usage: Mapping[str, Any]) -> Reading:
    """Counts of a chat completion; usage that came in two chunks goes through `last_usage` first.

    Raises:
        UsageError: a count is missing, or the object contradicts itself.
    """
    parsed = parse(_ChatUsage, usage)
    details = parsed.prompt_tokens_details or _PromptDetails()
    field = "prompt_tokens_details.created_cache_tokens"
    writes = split_writes(field, details.created_cache_tokens, {})
    return chat_reading(parsed, details.cached_tokens, writes)

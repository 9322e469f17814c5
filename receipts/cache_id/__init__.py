"""Cache identifiers: which prefix was cached, without showing it (spec/cache-id.md).

key = CacheKey.generate("acme").for_time(time)
ids = token_ids("claude-sonnet-4-6", tokens, [2048, 4096], key)     # by prefix length
Cache(read=CacheEntry(TOKENS_HMAC, ids[2048], 2048))
"""

from receipts.cache_id.keys import CacheKey, PeriodKey, month_end, month_of
from receipts.cache_id.text import (
    TEXT_HMAC,
    Block,
    block_form,
    block_ids,
    block_list,
    blocks,
    text_ids,
)
from receipts.cache_id.tokens import TOKENS, TOKENS_HMAC, VLLM, token_ids, vllm_ids, vllm_recipe

__all__ = [
    "TEXT_HMAC",
    "TOKENS",
    "TOKENS_HMAC",
    "VLLM",
    "Block",
    "CacheKey",
    "PeriodKey",
    "block_form",
    "block_ids",
    "block_list",
    "blocks",
    "month_end",
    "month_of",
    "text_ids",
    "token_ids",
    "vllm_ids",
    "vllm_recipe",
]

"""Which prefixes of a request were cached: their identifiers, where it is certain how long they are (spec/cache-id.md)."""

from receipts.prefixes.cache_keys import read_cache_keys
from receipts.prefixes.identifiers import IdentifierCounters, Identifiers
from receipts.prefixes.kv_events import EventCounters, KvEvents
from receipts.prefixes.token_prefixes import MAX_COMMITMENTS, are_the_prompt, prompt_token_ids, token_cache
from receipts.prefixes.vllm import NONE_HASH, Vllm

__all__ = [
    "MAX_COMMITMENTS", "NONE_HASH", "EventCounters", "IdentifierCounters", "Identifiers", "KvEvents", "Vllm", "are_the_prompt", "prompt_token_ids",
    "read_cache_keys", "token_cache",
]  # fmt: skip

"""Which prefixes of a request were cached: their identifiers, where it is certain how long they are (spec/cache-id.md)."""

from receipts.prefixes.billed_lengths import is_billed_by_marks
from receipts.prefixes.cache_keys import read_cache_keys
from receipts.prefixes.identifiers import IdentifierCounters, Identifiers
from receipts.prefixes.kv_events import EventCounters, KvEvents
from receipts.prefixes.lengths import Lengths
from receipts.prefixes.marks import Marks
from receipts.prefixes.prompt import Prompt
from receipts.prefixes.text_prefixes import MarkedPrefixes, marked_prefixes, text_cache
from receipts.prefixes.token_prefixes import are_the_prompt, prompt_token_ids, token_cache
from receipts.prefixes.vllm import NONE_HASH, Vllm

__all__ = [
    "NONE_HASH", "EventCounters", "IdentifierCounters", "Identifiers", "KvEvents", "Lengths", "MarkedPrefixes", "Marks", "Prompt",
    "Vllm", "are_the_prompt", "is_billed_by_marks", "marked_prefixes", "prompt_token_ids", "read_cache_keys", "text_cache", "token_cache",
]  # fmt: skip

"""From a request and its answer to the receipt: who is billed, which tags it gets, which prefixes were cached.

What is in the path of a server or a gateway (`receipts.asgi`, transports, LiteLLM) uses this.
"""

from receipts.emitting.answer import Answer
from receipts.emitting.asked import Asked, Caller
from receipts.emitting.aws_frames import AwsFrames
from receipts.emitting.cache_keys import read_cache_keys
from receipts.emitting.counters import Counters, Outcome
from receipts.emitting.emitter import Account, Emitted, Emitter, Who
from receipts.emitting.endpoints import Endpoint, endpoint
from receipts.emitting.event_stream import EventStream
from receipts.emitting.exchange import Exchange
from receipts.emitting.identifiers import IdentifierCounters, Identifiers
from receipts.emitting.keys import KeyTable, TableKey, key_hash, trusted_header
from receipts.emitting.kv_events import EventCounters, KvEvents
from receipts.emitting.tag_sources import Source
from receipts.emitting.tagging import Fault, Reason, TagContract, Tagged, TagRule
from receipts.emitting.token_prefixes import prompt_token_ids
from receipts.emitting.toml_file import TomlFileError
from receipts.emitting.vllm import Vllm

__all__ = [
    "Account", "Answer", "Asked", "AwsFrames", "Caller", "Counters", "Emitted", "Emitter", "Endpoint", "EventCounters",
    "EventStream", "Exchange", "Fault", "IdentifierCounters", "Identifiers", "KeyTable", "KvEvents", "Outcome", "Reason",
    "Source", "TableKey", "TagContract", "TagRule", "Tagged", "TomlFileError", "Vllm", "Who", "endpoint", "key_hash",
    "prompt_token_ids", "read_cache_keys", "trusted_header",
]  # fmt: skip

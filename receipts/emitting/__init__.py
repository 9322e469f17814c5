"""From a request and its answer to the receipt: who is billed, which tags it gets, which prefixes were cached.

What is in the path of a server or a gateway (`receipts.asgi`, transports, LiteLLM) uses this.
"""

from receipts.emitting.answer import Answer
from receipts.emitting.asked import Asked, Caller
from receipts.emitting.aws_frames import AwsFrames
from receipts.emitting.counters import Counters, Outcome
from receipts.emitting.emitter import Account, Emitted, Emitter, Who
from receipts.emitting.endpoints import Endpoint, endpoint
from receipts.emitting.event_stream import EventStream
from receipts.emitting.exchange import Exchange
from receipts.emitting.keys import KeyTable, TableKey, key_hash, trusted_header
from receipts.emitting.tag_sources import Source
from receipts.emitting.tagging import Fault, Reason, TagContract, Tagged, TagRule
from receipts.emitting.toml_file import TomlFileError

__all__ = [
    "Account", "Answer", "Asked", "AwsFrames", "Caller", "Counters", "Emitted", "Emitter", "Endpoint", "EventStream",
    "Exchange", "Fault", "KeyTable", "Outcome", "Reason", "Source", "TableKey", "TagContract", "TagRule", "Tagged",
    "TomlFileError", "Who", "endpoint", "key_hash", "trusted_header",
]  # fmt: skip

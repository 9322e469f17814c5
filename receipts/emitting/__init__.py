"""From a request and its answer to the receipt: what an answer says that bills, and what becomes of it.

What is in the path of a server or a gateway (`receipts.asgi`, transports, LiteLLM) uses this.
"""

from receipts.emitting.answer import Answer
from receipts.emitting.aws_frames import AwsFrames
from receipts.emitting.coding import CodingError, Inflater, inflated, inflater
from receipts.emitting.counters import Counters, Outcome
from receipts.emitting.emitter import Account, Emitted, Emitter, Who
from receipts.emitting.endpoints import Endpoint, endpoint
from receipts.emitting.event_stream import EventStream
from receipts.emitting.exchange import Exchange
from receipts.emitting.origin import Origin, OriginOf

__all__ = [
    "Account", "Answer", "AwsFrames", "CodingError", "Counters", "Emitted", "Emitter", "Endpoint", "EventStream", "Exchange",
    "Inflater", "Origin", "OriginOf", "Outcome", "Who", "endpoint", "inflated", "inflater",
]  # fmt: skip

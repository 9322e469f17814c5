"""From a request and its answer to the receipt: what an answer says that bills, and what becomes of it.

What is in the path of a server or a gateway (`receipts.asgi`, transports, LiteLLM) uses this.
"""

from receipts.emitting.account import Account, Who
from receipts.emitting.answer import Answer
from receipts.emitting.counters import Counters, Outcome
from receipts.emitting.emitter import Emitted, Emitter
from receipts.emitting.endpoints import Endpoint, endpoint
from receipts.emitting.event_stream import event_document
from receipts.emitting.exchange import Exchange
from receipts.emitting.origin import Origin, OriginOf
from receipts.emitting.reading import DocumentReading, EventReading, Reading, reading_of

__all__ = [
    "Account", "Answer", "Counters", "DocumentReading", "Emitted", "Emitter", "Endpoint", "EventReading", "Exchange", "Origin", "OriginOf", "Outcome",
    "Reading", "Who", "endpoint", "event_document", "reading_of",
]  # fmt: skip

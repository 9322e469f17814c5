"""ASGI middleware: a receipt with every answer of a server that speaks the API of OpenAI, Anthropic, Google or Bedrock.

    emitter = Emitter(journal, KeyTable.from_file("keys.toml").find)
    app.add_middleware(ReceiptMiddleware, emitter=emitter)                 # Starlette, FastAPI
    vllm serve MODEL --middleware receipts.asgi.ReceiptMiddleware          # settings from the environment: receipts.asgi.settings

A body of JSON gets the header ``Token-Receipt: :base64:``. An event stream gets the comment ``: token-receipt :base64:`` before its last
event, which every client ignores; nothing else of it is changed, and nothing but the last event waits. A stream in another form has no
room for a receipt: it stays in the journal. The receipt is in the journal before it is sent. Its request id is that of the answer, or else
stands in the header ``Token-Receipt-Request``.
"""

from receipts.asgi.middleware import ReceiptMiddleware
from receipts.asgi.protocol import App, Message, Receive, Scope, Send
from receipts.asgi.responder import ReceiptRequiredError
from receipts.asgi.settings import Options, SettingError, emitter_from_environment

__all__ = [
    "App",
    "Message",
    "Options",
    "ReceiptMiddleware",
    "ReceiptRequiredError",
    "Receive",
    "Scope",
    "Send",
    "SettingError",
    "emitter_from_environment",
]

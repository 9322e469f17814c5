"""ASGI middleware: a receipt with every response of an OpenAI- or Anthropic-compatible server.

    app.add_middleware(ReceiptMiddleware, journal=journal, account="acme")     # Starlette, FastAPI
    vllm serve MODEL --middleware receipts.asgi.ReceiptMiddleware              # settings from the environment: receipts.asgi.settings

A JSON response gets the header ``Token-Receipt: :base64:``. An event stream gets the comment ``: token-receipt :base64:`` before its last
event, which every client ignores; nothing else of it is changed, and nothing but the last event waits. The receipt is in the journal
before it is sent.
"""

from receipts.asgi.counters import Counters
from receipts.asgi.middleware import ReceiptMiddleware
from receipts.asgi.protocol import App, Message, Receive, Scope, Send
from receipts.asgi.settings import SettingError, Settings, from_environment

__all__ = [
    "App",
    "Counters",
    "Message",
    "ReceiptMiddleware",
    "Receive",
    "Scope",
    "Send",
    "SettingError",
    "Settings",
    "from_environment",
]

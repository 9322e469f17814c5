"""From a request and its answer to the receipt: who is billed, which tags it gets, which prefixes were cached.

What is in the path of a server or a gateway (`receipts.asgi`, transports, LiteLLM) uses this.
"""

from receipts.emitting.asked import Asked, Caller

__all__ = ["Asked", "Caller"]

"""The types of ASGI 3."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
"""What is known of a connection: its type, path, method, headers."""
Message = MutableMapping[str, Any]
"""An event from or to the client."""
Receive = Callable[[], Awaitable[Message]]
"""Waits for the next event from the client."""
Send = Callable[[Message], Awaitable[None]]
"""Sends an event to the client."""
App = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An application."""

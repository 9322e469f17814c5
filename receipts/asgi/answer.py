"""What the responses of the known APIs say: id, model and usage, whole or event by event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from receipts.ingest import last_usage

_APIS: Final = {
    "/chat/completions": "chat.completions",
    "/responses": "responses",
    "/messages": "messages",
}
_BESIDE: Final = ("service_tier", "output", "tool_usage")
"""What of a response bills and stands beside its usage: the tier, and the tools that were called."""
_PROVIDERS: Final = {"messages": "anthropic", "chat.completions": "openai", "responses": "openai"}


def api_of(path: str) -> str | None:
    """The API that a path belongs to, if it is one that reports usage."""
    return next((api for suffix, api in _APIS.items() if path.endswith(suffix)), None)


def provider_of(api: str) -> str:
    """Whose API it is, unless the server says otherwise."""
    return _PROVIDERS[api]


@dataclass(slots=True)
class Answer:
    """What is known of a response so far. The usage objects of a stream are cumulative: of each field the last one counts."""

    api: str
    id: str | None = None
    model: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    """Whether an event was an error."""
    delta: bool = False
    """Whether an Anthropic stream came to its final usage."""

    @property
    def said(self) -> dict[str, Any]:
        """The usage, and what bills beside it, as a response has them."""
        return {**self.beside, "usage": self.usage}

    @property
    def final(self) -> bool:
        """Whether the usage of a stream that came to its last event is that of the whole response."""
        return not self.failed and (self.api != "messages" or self.delta or not self.usage)

    def add(self, document: Any) -> None:
        """Take note of a response, or of the data of an event."""
        if not isinstance(document, Mapping):
            return
        self.failed = self.failed or document.get("error") is not None
        self.delta = self.delta or document.get("type") == "message_delta"
        for part in (document, document.get("message"), document.get("response")):
            if isinstance(part, Mapping):
                self._add(part)

    def _add(self, part: Mapping[str, Any]) -> None:
        identifier, model, usage = part.get("id"), part.get("model"), part.get("usage")
        if self.id is None and isinstance(identifier, str) and identifier:
            self.id = identifier
        if self.model is None and isinstance(model, str) and model:
            self.model = model
        self.beside |= {name: part[name] for name in _BESIDE if part.get(name) is not None}
        if isinstance(usage, Mapping):
            self.usage = last_usage([self.usage, usage])

    def add_event(self, event: bytes) -> None:
        """Take note of an event of a stream, if it can say something new."""
        if (
            self.id is not None
            and self.model is not None
            and b'"usage"' not in event
            and b'"error"' not in event
        ):
            return
        lines = event.splitlines()
        data = b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
        try:
            self.add(json.loads(data))
        except (ValueError, RecursionError):
            return  # not JSON, as [DONE] is not; nothing to note

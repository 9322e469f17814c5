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
_PROVIDERS: Final = {"messages": "anthropic", "chat.completions": "openai", "responses": "openai"}
TERMINAL: Final = (
    b"data: [DONE]",
    b"data:[DONE]",
    b"event: message_stop",
    b"event: response.completed",
    b"event: response.incomplete",
    b"event: response.failed",
)
"""How the last event of a stream begins."""


def api_of(path: str) -> str | None:
    """The API that a path belongs to, if it is one that reports usage."""
    return next((api for suffix, api in _APIS.items() if path.endswith(suffix)), None)


def provider_of(api: str) -> str:
    """Whose API it is, unless the server says otherwise."""
    return _PROVIDERS[api]


@dataclass(slots=True)
class Answer:
    """What is known of a response so far. The usage objects of a stream are cumulative: of each field the last one counts."""

    id: str | None = None
    model: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)

    def add(self, document: Any) -> None:
        """Take note of a response, or of the data of an event."""
        if not isinstance(document, Mapping):
            return
        for part in (document, document.get("message"), document.get("response")):
            if isinstance(part, Mapping):
                self._add(part)

    def _add(self, part: Mapping[str, Any]) -> None:
        identifier, model, usage = part.get("id"), part.get("model"), part.get("usage")
        if self.id is None and isinstance(identifier, str):
            self.id = identifier
        if self.model is None and isinstance(model, str):
            self.model = model
        if isinstance(usage, Mapping):
            self.usage = last_usage([self.usage, usage])

    def add_event(self, event: bytes) -> None:
        """Take note of an event of a stream, if it can say something new."""
        if self.id is not None and self.model is not None and b'"usage"' not in event:
            return
        lines = event.replace(b"\r\n", b"\n").split(b"\n")
        data = b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
        try:
            self.add(json.loads(data))
        except ValueError:
            return  # not JSON, as [DONE] is not; nothing to note


class EventStream:
    """Cuts a stream of server-sent events, without holding anything back but its last event.

    `feed` returns what may go on at once. When `ended`, the last event is in ``last``, and goes on after the receipt.
    """

    def __init__(self) -> None:
        self.events: list[bytes] = []
        """Events that became whole, for who wants to read them; taken by `take`."""
        self.ended = False
        self.last = b""
        self._event = b""
        self._sent = 0
        """So many bytes of the event that is not whole yet went on already."""

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that may go on, after ``chunk`` came."""
        if self.ended:
            self.last += chunk
            return b""
        ready = b""
        self._event += chunk
        while (end := _end(self._event)) is not None:
            event, self._event = self._event[:end], self._event[end:]
            self.events.append(event)
            if event.startswith(TERMINAL):
                self.ended = True
                self.last, self._event = event[self._sent :] + self._event, b""
                return ready
            ready += event[self._sent :]
            self._sent = 0
        if not any(mark.startswith(self._event[: len(mark)]) for mark in TERMINAL):
            ready += self._event[self._sent :]
            self._sent = len(self._event)
        return ready

    def take(self) -> list[bytes]:
        """The events that became whole since the last call."""
        events, self.events = self.events, []
        return events

    def rest(self) -> bytes:
        """At the end of the stream: what was not sent yet."""
        rest = self.last + self._event[self._sent :]
        self.last, self._event, self._sent = b"", b"", 0
        return rest


def _end(data: bytes) -> int | None:
    """Where the first event ends: after an empty line."""
    ends = [at + len(mark) for mark in (b"\n\n", b"\r\n\r\n") if (at := data.find(mark)) >= 0]
    return min(ends, default=None)

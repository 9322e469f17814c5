"""What the responses of the known APIs say: id, model and usage, whole or event by event."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from receipts.events import NAMED, TERMINAL
from receipts.ingest import last_usage

_APIS: Final = {
    "/chat/completions": "chat.completions",
    "/responses": "responses",
    "/messages": "messages",
}
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
    failed: bool = False
    """Whether an event was an error."""
    delta: bool = False
    """Whether an Anthropic stream came to its final usage."""

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


class EventStream:
    """Cuts a stream of server-sent events, without holding anything back but its last event.

    `feed` returns what may go on at once. When `ended`, the last event is in ``last``, and goes on after the receipt.
    """

    def __init__(self) -> None:
        self.events: list[bytes] = []
        """Events that became whole, for who wants to read them; taken by `take`."""
        self.ended = False
        self.last = b""
        self._event = bytearray()
        self._sent = 0
        """So many bytes of the event that is not whole yet went on already."""
        self._searched = 0
        """So many have no end of the event in them."""

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that may go on, after ``chunk`` came."""
        if self.ended:
            self.last += chunk
            return b""
        ready = bytearray()
        self._event += chunk
        while (end := self._end()) is not None:
            event = bytes(self._event[:end])
            del self._event[:end]
            self.events.append(event)
            sent, self._sent, self._searched = self._sent, 0, 0
            if _is_last(event):
                self.ended = True
                if sent:  # nothing goes into the middle of an event
                    ready += event[sent:]
                self.last = (b"" if sent else event) + bytes(self._event)
                self._event.clear()
                return bytes(ready)
            ready += event[sent:]
        if self._sent or not _may_be_last(bytes(self._event[:256])):
            ready += self._event[self._sent :]
            self._sent = len(self._event)
        return bytes(ready)

    def close(self) -> None:
        """The stream is over: what is left is an event, although no empty line ends it."""
        if not self.ended and self._event and not self._sent and _is_last(bytes(self._event)):
            self.events.append(bytes(self._event))
            self.ended, self.last = True, bytes(self._event)
            self._event.clear()

    def take(self) -> list[bytes]:
        """The events that became whole since the last call."""
        events, self.events = self.events, []
        return events

    def rest(self) -> bytes:
        """At the end of the stream: what was not sent yet."""
        rest = self.last + bytes(self._event[self._sent :])
        self.last, self._sent, self._searched = b"", 0, 0
        self._event.clear()
        return rest

    def _end(self) -> int | None:
        """Where the first event ends: after an empty line."""
        found = _EMPTY_LINE.search(self._event, max(0, self._searched - 3))
        self._searched = len(self._event)
        return found.end() if found else None


# A line ends with LF, CR or both; a CR at the very end may still get its LF.
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n|\r\n\r\n|\r\r(?!\n)(?=.)", re.DOTALL)
_IGNORED: Final = (b":", b"id:", b"retry:")


def _deciding(event: bytes) -> bytes | None:
    """The first line of an event that says what it is; None if there is none yet."""
    lines = (line for line in event.splitlines() if line and not line.startswith(_IGNORED))
    return next(lines, None)


def _is_last(event: bytes) -> bool:
    line = _deciding(event)
    return line is not None and line.startswith(TERMINAL)


def _may_be_last(event: bytes) -> bool:
    """Whether the beginning of an event is still open to be that of the last one."""
    line = _deciding(event)
    return line is None or any(mark.startswith(line[: len(mark)]) for mark in NAMED)

"""A stream of server-sent events, cut where a receipt can go in: before its last event."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from receipts.events import NAMED, TERMINAL

# A line ends with LF, CR or both; a CR at the very end may still get its LF.
# More empty lines behind the first are of the same event: each of them as one of its own takes long.
_EMPTY_LINE: Final = re.compile(rb"(?:\n\r?\n|\r\n\r\n|\r\r(?!\n)(?=.))[\r\n]*", re.DOTALL)
_IGNORED: Final = (b":", b"id:", b"retry:")
_MAY_BE_LAST: Final = 256
"""So many bytes of an event say whether it can be the last one."""


class EventStream:
    """Cuts a stream of server-sent events, without holding anything back but its last event, and what is left out.

    `feed` returns what may go on at once. When `ended`, the last event is in ``last``, and goes on after the receipt.

    Args:
        leaves_out: says which events do not go on at all; then each event waits until it is whole. None: all go on.
    """

    def __init__(self, leaves_out: Callable[[bytes], bool] | None = None) -> None:
        self.ended = False
        self.last = b""
        self._leaves_out = leaves_out
        self._whole: list[bytes] = []
        """Events that became whole since the last `new_events`."""
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
            if _is_last(event):
                return bytes(ready) + self._end_with(event)
            ready += self._pass(event)
        if self._may_go_on():
            ready += self._event[self._sent :]
            self._sent = len(self._event)
        return bytes(ready)

    def close(self) -> None:
        """The stream is over: what is left is an event, although no empty line ends it."""
        if self.ended or not self._event:
            return
        event = bytes(self._event)
        self._whole.append(event)
        if not self._sent and _is_last(event):
            self.ended, self.last = True, event
            self._event.clear()
        elif self._leaves_out is not None and self._leaves_out(event):
            self._event.clear()

    def new_events(self) -> list[bytes]:
        """The events that became whole since the last call."""
        events, self._whole = self._whole, []
        return events

    def rest(self) -> bytes:
        """At the end of the stream: what was not sent yet."""
        rest = self.last + bytes(self._event[self._sent :])
        self.last, self._sent, self._searched = b"", 0, 0
        self._event.clear()
        return rest

    def _pass(self, event: bytes) -> bytes:
        """An event is whole: what of it is to go on yet."""
        self._whole.append(event)
        sent, self._sent, self._searched = self._sent, 0, 0
        left_out = self._leaves_out is not None and self._leaves_out(event)
        return b"" if left_out else event[sent:]

    def _end_with(self, event: bytes) -> bytes:
        """The last event is whole: the same. It waits, unless its beginning went on: nothing goes into the middle of an event."""
        self._whole.append(event)
        sent, self._sent, self._searched = self._sent, 0, 0
        self.ended = True
        self.last = (b"" if sent else event) + bytes(self._event)
        self._event.clear()
        return event[sent:] if sent else b""

    def _may_go_on(self) -> bool:
        """Whether what has come of an event can go on before the rest of it."""
        if self._leaves_out is not None:
            return False
        return bool(self._sent) or not _may_be_last(bytes(self._event[:_MAY_BE_LAST]))

    def _end(self) -> int | None:
        """Where the first event ends: after an empty line."""
        found = _EMPTY_LINE.search(self._event, max(0, self._searched - 3))
        self._searched = len(self._event)
        return found.end() if found else None


def event_document(event: bytes) -> Any:
    """The JSON that is the data of an event; None: it is none, as that of ``[DONE]`` is not."""
    lines = (line[5:] for line in event.splitlines() if line.startswith(b"data:"))
    try:
        return json.loads(b"\n".join(lines))
    except (ValueError, RecursionError):
        return None


def _deciding(event: bytes) -> bytes | None:
    """The first line of an event that says what it is; None if there is none yet."""
    lines = (line for line in event.splitlines() if line and not line.startswith(_IGNORED))
    return next(lines, None)


def _is_last(event: bytes) -> bool:
    """Whether an event says that it is the last one, by its first line, or by its name, wherever that stands."""
    line = _deciding(event)
    if line is not None and line.startswith(TERMINAL):
        return True
    return any(one.startswith(b"event:") and one.startswith(NAMED) for one in event.splitlines())


def _may_be_last(event: bytes) -> bool:
    """Whether the beginning of an event is still open to be that of the last one."""
    line = _deciding(event)
    return line is None or any(mark.startswith(line[: len(mark)]) for mark in NAMED)

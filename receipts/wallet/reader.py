"""What a response body tells the wallet while it passes.

Readers never hold a byte back, and never fail on what they do not understand. Their work is linear in what passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from receipts.events import TERMINAL
from receipts.header import COMMENT, parse_byte_sequence
from receipts.wallet.answer import Answer, Form

MAX_PART: Final = 64 << 20
"""Bytes of a JSON body, or of a line of a stream, that are looked at; of a longer one, only what it begins with."""
_EVENT: Final = b"event:"
_DATA: Final = b"data:"


_MARKS: Final = (_DATA, _EVENT, b"id:", b"retry:", b":")
"""How a stream of events begins, and JSON never does."""


class Reader(Protocol):
    """Reads a body along."""

    @property
    def is_stream(self) -> bool:
        """Whether it is a stream of events."""

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes."""

    def end(self) -> None:
        """The body is complete."""

    @property
    def whole(self) -> bool:
        """Whether what came so far is a whole response, even if no end was seen."""


class OpaqueReader:
    """A body that cannot be read: it is neither JSON nor events. It is whole where it ends."""

    whole = False
    is_stream = False

    def feed(self, chunk: bytes) -> None:
        """Nothing is learnt from it."""

    def end(self) -> None:
        """It is whole."""
        self.whole = True


class DocumentReader:
    """A body of JSON."""

    is_stream = False

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._begun = _Beginning()
        self._ended = False

    def feed(self, chunk: bytes) -> None:
        """Keep it."""
        self._begun.add(chunk)

    def end(self) -> None:
        """Read it."""
        self._ended = True
        self._read()

    @property
    def whole(self) -> bool:
        """Whether it ended, or is whole JSON without: a client that knows the length may read no further."""
        return self._ended or self._read()

    def _read(self) -> bool:
        body = self._begun.complete()
        return len(body) <= MAX_PART and self._answer.add_text(body)


class LineReader:
    """Cuts a body into lines, which LF, CR or both end.

    Args:
        line: called with each; of one that is too long, with what it begins with.
    """

    def __init__(self, line: Callable[[bytes], None]) -> None:
        self._line = line
        self._begun = _Beginning()
        self._after_cr = False

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes."""
        if not chunk:
            return
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        *ends, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for end in ends:
            self._begun.add(end)
            self._line(self._begun.complete())
        self._begun.add(rest)

    def end(self) -> None:
        """What is left is a line, although nothing ends it."""
        self._line(self._begun.complete())


class EventReader:
    """A stream of server-sent events.

    Args:
        answer: takes note of what the events say.
        keep: called with each receipt.
        finish: called when the stream comes to the end of its last event; many clients read no further.
    """

    is_stream = True

    def __init__(
        self, answer: Answer, keep: Callable[[bytes], None], finish: Callable[[], None]
    ) -> None:
        self._answer = answer
        self._keep = keep
        self._finish = finish
        self._lines = LineReader(self._add)
        self._data: list[bytes] = []
        """Of the event that has no end yet."""
        self._name = b""
        self._size = 0
        self._is_last = False
        """Whether it is the last one."""
        self._ended = False
        self._is_over = False

    @property
    def whole(self) -> bool:
        """Whether the last event came."""
        return self._ended or self._answer.finished

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes."""
        self._lines.feed(chunk)

    def end(self) -> None:
        """No more events come."""
        self._lines.end()
        self._dispatch()

    def _add(self, line: bytes) -> None:
        if not line:
            self._dispatch()
            return
        self._is_last = self._is_last or self._ends(line)
        if line.startswith(COMMENT):
            receipt = parse_byte_sequence(line[len(COMMENT) :])
            if receipt:
                self._keep(receipt)
        elif line.startswith(_DATA):
            self._size += len(line)
            self._data += [line[len(_DATA) :]] if self._size <= MAX_PART else []
        elif line.startswith(_EVENT):
            self._name = line[len(_EVENT) :].strip()
            self._answer.failed = self._answer.failed or self._name == b"error"

    def _ends(self, line: bytes) -> bool:
        """Whether a line makes its event the last one, as the client of the API sees it."""
        if not line.startswith(TERMINAL):
            return False
        is_done, form = _is_done(line), self._answer.form
        if form is Form.MESSAGES:
            return not is_done and b"message_stop" in line
        return is_done or form is not Form.CHAT

    def _dispatch(self) -> None:
        """An event is whole."""
        if self._data and self._size <= MAX_PART and not self._is_over:
            self._answer.add_event(b"\n".join(self._data), self._name)
        # What comes after [DONE] the clients do not read.
        self._is_over = self._is_over or (self._is_last and any(map(_is_done, self._data)))
        self._data, self._size, self._name = [], 0, b""
        if self._is_last:
            self._is_last, self._ended = False, True
            self._finish()


class OpenReader:
    """A body that is a stream of events if it begins like one, whatever its headers say.

    Args:
        events: reads it then.
        otherwise: reads it if it does not.
    """

    def __init__(self, events: Reader, otherwise: Reader) -> None:
        self._events, self._reader = events, otherwise
        self._head: bytes | None = b""
        """What it begins with; None: that is decided."""

    @property
    def is_stream(self) -> bool:
        """Whether it is a stream of events, as far as is known."""
        return self._reader.is_stream

    @property
    def whole(self) -> bool:
        """Whether what came so far is a whole response."""
        return self._reader.whole

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes."""
        if self._head is None:
            self._reader.feed(chunk)
            return
        head = self._head = (self._head + chunk).lstrip(b"\r\n")
        if not any(len(head) < len(mark) and mark.startswith(head) for mark in _MARKS):
            self._decide(head)

    def _decide(self, head: bytes) -> None:
        self._head = None
        if head.startswith(_MARKS):
            self._reader = self._events
        self._reader.feed(head)

    def end(self) -> None:
        """The body is complete."""
        if self._head is not None:
            self._decide(self._head)
        self._reader.end()


def _is_done(line: bytes) -> bool:
    """Whether the data of an event is OpenAI's mark of the end."""
    return line.removeprefix(_DATA).removeprefix(b" ").startswith(b"[DONE]")


class _Beginning:
    """The first bytes of something that comes in parts: up to a limit, and one more, which shows that it is longer."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._room = MAX_PART + 1

    def add(self, part: bytes) -> None:
        if self._room and part:
            kept = part[: self._room]
            self._parts.append(kept)
            self._room -= len(kept)

    def complete(self) -> bytes:
        """What was kept; the next part begins something new."""
        whole = b"".join(self._parts)
        self._parts.clear()
        self._room = MAX_PART + 1
        return whole

"""What a response body tells the wallet while it passes: the provider's request id, and receipts in comments."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from receipts.events import TERMINAL
from receipts.header import COMMENT, parse_byte_sequence

MAX_LINE: Final = 1 << 20
"""Bytes of a line of an event stream that are looked at; of a longer one, only what it begins with."""
MAX_BODY: Final = 64 << 20
"""Bytes of a JSON body that are looked at; a longer one is not."""


class BodyReader:
    """Reads along; never holds a byte back, and never fails on what it does not understand. The work is linear in what passes.

    Args:
        stream: whether the body is a stream of server-sent events; else it is JSON.
        identify: called with the request id, once.
        keep: called with each receipt.
        finish: called when a stream comes to its last event; many clients read no further.
    """

    def __init__(
        self,
        stream: bool,
        identify: Callable[[str], None],
        keep: Callable[[bytes], None],
        finish: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._identify = identify
        self._keep = keep
        self._finish = finish
        self._identified = False
        self._begun = _Beginning(MAX_LINE if stream else MAX_BODY)
        """Of the line that has no end yet, or of the body."""

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes."""
        if not self._stream:
            self._begun.add(chunk)
            return
        # Where CR and LF come in two chunks there is one more empty line, which means nothing.
        *ends, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for end in ends:
            self._begun.add(end)
            self._line(self._begun.complete())
        self._begun.add(rest)

    def end(self) -> None:
        """The body is complete."""
        last = self._begun.complete()
        if self._stream:
            self._line(last)
        elif len(last) <= MAX_BODY:
            self._document(last)
        self._finish()

    def _line(self, line: bytes) -> None:
        if line.startswith(TERMINAL):
            self._finish()
        elif len(line) > MAX_LINE:
            return
        elif line.startswith(COMMENT):
            receipt = parse_byte_sequence(line[len(COMMENT) :])
            if receipt is not None:
                self._keep(receipt)
        elif line.startswith(b"data:") and not self._identified:
            self._document(line[5:])

    def _document(self, raw: bytes) -> None:
        try:
            document: Any = json.loads(raw)
        except (ValueError, RecursionError):
            return  # not an answer that has an id
        if not isinstance(document, dict):
            return
        for part in (document, document.get("message"), document.get("response")):
            identifier = part.get("id") if isinstance(part, dict) else None
            if (
                isinstance(identifier, str)
                and identifier
                and encodable(identifier)
                and not self._identified
            ):
                self._identified = True
                self._identify(identifier)


class _Beginning:
    """The first bytes of something that comes in parts: up to a limit, and one more, which shows that it is longer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._room = limit + 1

    def add(self, part: bytes) -> None:
        if self._room and part:
            kept = part[: self._room]
            self._parts.append(kept)
            self._room -= len(kept)

    def complete(self) -> bytes:
        """What was kept; the next part begins something new."""
        whole = b"".join(self._parts)
        self._parts.clear()
        self._room = self._limit + 1
        return whole


def encodable(text: str) -> bool:
    """Whether a text can be stored: JSON may hold half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

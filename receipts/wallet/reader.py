"""What a response body tells the wallet while it passes: the provider's request id, and receipts in comments."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from receipts.events import TERMINAL
from receipts.header import COMMENT, parse_byte_sequence

_MAX_LINE: Final = 1 << 20
"""Bytes of a line that are looked at; a longer one is skipped."""
_MAX_BODY: Final = 64 << 20


class BodyReader:
    """Reads along; never holds a byte back, and never fails on what it does not understand.

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
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes."""
        self._rest += chunk
        if not self._stream:
            self._rest = self._rest[: _MAX_BODY + 1]
            return
        *lines, self._rest = self._rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._line(line.rstrip(b"\r"))
        self._rest = self._rest[:_MAX_LINE]

    def end(self) -> None:
        """The body is complete."""
        if self._stream and self._rest:
            self._line(self._rest.rstrip(b"\r"))
        if not self._stream and len(self._rest) <= _MAX_BODY:
            self._document(self._rest)
        self._finish()

    def _line(self, line: bytes) -> None:
        if line.startswith(COMMENT):
            receipt = parse_byte_sequence(line[len(COMMENT) :])
            if receipt is not None:
                self._keep(receipt)
        elif line.startswith(TERMINAL):
            self._finish()
        elif line.startswith(b"data:") and not self._identified and len(line) < _MAX_LINE:
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


def encodable(text: str) -> bool:
    """Whether a text can be stored: JSON may hold half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

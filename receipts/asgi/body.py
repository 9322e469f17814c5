"""The body of a request: read along while the application reads it, or read before and changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from receipts.asgi.protocol import Message, Receive, Scope
from receipts.coding import known_codings
from receipts.emitting import event_document

MAX_BODY: Final = 64 << 20
"""Bytes of a request that are kept; of a longer one nothing is read."""

_FRAMING: Final = (b"content-length", b"transfer-encoding")
_TRUE: Final = ("1", "on", "t", "true", "y", "yes")


class RequestBody:
    """What the application reads, kept.

    Args:
        receive: the server's.
        when_whole: called when all of it is there, before the application gets its end.
    """

    def __init__(self, receive: Receive, when_whole: Callable[[], None]) -> None:
        self._receive, self._when_whole = receive, when_whole
        self._parts: list[bytes] = []
        self._room = MAX_BODY
        self._given: list[Message] = []
        """What the application gets before anything else of the server."""
        self._whole = False

    async def receive(self) -> Message:
        """In the place of the server's receive."""
        if self._given:
            return self._given.pop(0)
        return await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            part = message.get("body", b"")
            self._room -= len(part)
            if self._room >= 0:
                self._parts.append(part)
            else:
                self._parts.clear()
            self._whole = not message.get("more_body", False)
            if self._whole:
                self._when_whole()
        return message

    @property
    def kept(self) -> bool:
        """Whether it is short enough to be kept."""
        return self._room >= 0

    @property
    def data(self) -> bytes:
        """The body; empty, if it was not read to its end, or is too long to be kept."""
        return b"".join(self._parts) if self._whole and self.kept else b""

    async def _read(self) -> bytes:
        """Read all of it, for the application as well."""
        while not self._whole and self._room >= 0:
            message = await self._next()
            self._given.append(message)
            if message["type"] != "http.request":
                break
        return self.data

    async def ask_for_usage(self) -> int | None:
        """Ask the application for the usage of a stream; the length of the body with that, None: it is as it was."""
        asked = _asking_for_usage(await self._read())
        if asked is None:
            return None
        self._given = [{"type": "http.request", "body": asked, "more_body": False}]
        return len(asked)


def _asking_for_usage(body: bytes) -> bytes | None:
    """The body of a request for a stream, asking for its usage (``stream_options.include_usage``).

    None: it asks for that already, for no stream, or is nothing that could be changed.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not _is_true(document.get("stream")):
        return None
    options = document.get("stream_options")
    if options is not None and not isinstance(options, Mapping):
        return None
    if _is_true((options or {}).get("include_usage")):
        return None
    asked = document | {"stream_options": {**(options or {}), "include_usage": True}}
    return json.dumps(asked).encode()


def _is_true(value: object) -> bool:
    """Whether a server takes it for true: those that are built with Pydantic, as vLLM is, take some numbers and words as well.

    Source: https://docs.pydantic.dev/latest/concepts/conversion_table/, bool.
    """
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return isinstance(value, int | float) and value == 1


def is_usage_only(event: bytes) -> bool:
    """Whether an event is the one that ``include_usage`` adds: usage, and no choice, or one that says nothing (LiteLLM)."""
    document = event_document(event) if b'"usage"' in event else None
    if not isinstance(document, dict) or not isinstance(document.get("usage"), dict):
        return False
    choices = document.get("choices")
    return isinstance(choices, list) and all(map(_says_nothing, choices))


def _says_nothing(choice: object) -> bool:
    """Whether a choice is there, and has neither a part of the answer nor a reason why it ends."""
    return isinstance(choice, dict) and not any(
        value for name, value in choice.items() if name != "index"
    )


def with_known_codings(scope: Scope) -> Scope:
    """The scope of a request that accepts no coding of the answer that could not be read along."""
    headers = [
        (name, known_codings(bytes(value)) or b"identity") if name == b"accept-encoding" else (name, value)
        for name, value in scope["headers"]
    ]  # fmt: skip
    return {**scope, "headers": headers}


def with_length(scope: Scope, length: int) -> Scope:
    """The scope of a request whose body has another length, and is in one piece."""
    headers = [pair for pair in scope["headers"] if pair[0] not in _FRAMING]
    return {**scope, "headers": [*headers, (b"content-length", b"%d" % length)]}

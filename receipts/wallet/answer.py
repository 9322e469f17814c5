"""What a response says of its call: id, model, usage, and whether it is the whole of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from receipts.ingest import last_usage, tool_calls
from receipts.limits import MAX_NAME

_MAX_USAGE: Final = 65_536
"""Bytes of a usage object that is kept. The claims of a receipt have no more than that."""
_MAX_DEPTH: Final = 50
"""How deep such an object is nested at most."""
_TELLING: Final = re.compile(
    rb'"(?:usage|usageMetadata)"\s*:\s*\{|"(?:error|message_delta|finishReason|blockReason|background)"|\\u00[0-7]'
)
"""What makes an event worth reading, once id and model are known. An escape may be part of such a name."""
_UNFINISHED: Final = ("queued", "in_progress")
_FINAL: Final = ("response.completed", "response.incomplete", "response.failed")
"""The events of the Responses API whose usage counts."""


class Form(StrEnum):
    """The API whose client reads a response, as it decides which members that client shows."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    GOOGLE = "google"


_PATHS: Final = (
    (re.compile(r"/chat/completions/?$"), Form.CHAT),
    (re.compile(r"/responses(?:/[^/]+)?/?$"), Form.RESPONSES),
    (re.compile(r"/messages/?$"), Form.MESSAGES),
    (re.compile(r":(?:g|streamG)enerateContent$"), Form.GOOGLE),
)


def form_of(path: str) -> Form | None:
    """The form of what a path answers; None: it is not known."""
    return next((form for pattern, form in _PATHS if pattern.search(path)), None)


@dataclass(slots=True)
class Answer:
    """What is known of a response so far: what the official clients show of it, and nothing else.

    Of a stream, of each field of the usage the last value that is not null counts; of Gemini's, the last usage is whole.

    Args:
        form: of the path that answers; of an unknown one, the first event that is of a form decides.
    """

    form: Form | None = None
    id: str | None = None
    model: str | None = None
    tier: str | None = None
    """The service tier that stands beside the usage."""
    tools: dict[str, int] = field(default_factory=dict)
    """How often each tool was called that the usage does not count, by type."""
    file: str | None = None
    """Of a batch, the file of its results."""
    failed: bool = False
    """Whether it says that the call failed."""
    finished: bool = False
    """Whether a stream without a last event of its own (Gemini's) says that there is no more."""
    status: str | None = None
    """Of a response of the Responses API, the last status."""
    background: bool = False
    """Whether such a response goes on when its stream breaks off."""
    _usage: dict[str, Any] = field(default_factory=dict)
    _begun: bool = False
    """Whether an Anthropic stream has begun."""
    _open: bool = False
    """Whether the usage is that of its beginning."""

    @property
    def pending(self) -> bool:
        """Whether the result comes later."""
        return self.status in _UNFINISHED

    @property
    def usage(self) -> str | None:
        """The usage of a response that is complete, as JSON; None: there is none, or it cannot be kept."""
        return None if self._open else self._kept()

    @property
    def beginning(self) -> str | None:
        """The usage with which a stream of Anthropic began: its input is final, its output is not."""
        return self._kept() if self._open else None

    def _kept(self) -> str | None:
        if not self._usage or not _is_flat(self._usage, _MAX_DEPTH):
            return None
        try:
            text = json.dumps(self._usage, allow_nan=False)
            json.dumps(
                self._usage, ensure_ascii=False
            ).encode()  # half of a surrogate pair is no text
        except (ValueError, RecursionError):
            return None
        return text if len(text) <= _MAX_USAGE else None

    def add_text(self, text: bytes) -> bool:
        """Take note of a body of JSON. Returns whether it is any."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return False
        # Gemini's streams are an array, unless they are asked for as events.
        is_stream = self.form is Form.GOOGLE and isinstance(document, list)
        for part in document if is_stream else [document]:
            self.add(part)
        return True

    def add(self, document: Any) -> None:
        """Take note of a body, of which its own members count."""
        if not isinstance(document, Mapping):
            return
        self._note_failure(document)
        if self.form is Form.GOOGLE:
            self._add_google(document)
            return
        self._name(document)
        self._count(document)
        self._state(document)
        self.file = _text(document, "output_file_id")

    def add_event(self, data: bytes, name: bytes = b"") -> None:
        """Take note of the data of an event and its name, if it can say something new."""
        if self.id is not None and self.model is not None and not _TELLING.search(data):
            return
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(document, Mapping):
            self._add_event(document, name)

    def _add_event(self, document: Mapping[str, Any], name: bytes) -> None:
        kind = document.get("type")
        kind = kind if isinstance(kind, str) else None
        if self.form is Form.MESSAGES and name in (b"", b"ping"):
            return  # as the client does
        self._note_failure(document)
        if self.form is None:
            self.form = _form_of_event(document, kind, name)
        if self.form is Form.GOOGLE:
            self._add_google(document)
        elif self.form is Form.CHAT and not name.startswith(b"thread."):
            self._name(document)
            self._count(document)
            self._state(document)
        elif self.form is Form.RESPONSES:
            self._add_response(document.get("response"), kind or "")
        elif self.form is Form.MESSAGES:
            self._add_message(document, kind)

    def _add_response(self, response: Any, kind: str) -> None:
        if isinstance(response, Mapping) and kind.startswith("response."):
            self._name(response)
            self._state(response)
            if kind in _FINAL:
                self._count(response)

    def _add_message(self, document: Mapping[str, Any], kind: str | None) -> None:
        message = document.get("message")
        if kind == "message_start" and not self._begun and isinstance(message, Mapping):
            self._begun = self._open = True
            self._name(message)
            self._count(message)
        elif kind == "message_delta" and self._begun:
            self._open = False
            self._count(document)

    def _add_google(self, part: Mapping[str, Any]) -> None:
        self._name(part, "responseId", "modelVersion")
        usage = part.get("usageMetadata")
        if isinstance(usage, Mapping):
            self._usage = dict(usage)  # each is whole, and leaves out what is zero
        self.tools = tool_calls(part) or self.tools
        self.finished = self.finished or _is_finished(part)

    def _note_failure(self, document: Mapping[str, Any]) -> None:
        self.failed = self.failed or document.get("type") == "error" or document.get("error") is not None  # fmt: skip

    def _name(self, part: Mapping[str, Any], name: str = "id", model: str = "model") -> None:
        self.id = self.id or _text(part, name)
        self.model = self.model or _text(part, model)

    def _count(self, part: Mapping[str, Any]) -> None:
        usage = part.get("usage")
        if isinstance(usage, Mapping):
            self._usage = _merged(self._usage, usage)
        self.tools = tool_calls(part) or self.tools

    def _state(self, part: Mapping[str, Any]) -> None:
        """What OpenAI's objects say beside the usage."""
        if self.form is not Form.MESSAGES and part.get("type") != "message":
            self.tier = _text(part, "service_tier") or self.tier
        if part.get("object") == "response" and self.form in (None, Form.RESPONSES):
            self.status = _text(part, "status")
            self.background = part.get("background") is True
            self.failed = self.failed or self.status == "failed"


def _form_of_event(document: Mapping[str, Any], kind: str | None, name: bytes) -> Form | None:
    """The form of the first event of a stream at a path that is not known; None: it says nothing."""
    if kind is not None and kind.startswith("response."):
        return Form.RESPONSES
    if kind == "message_start" and name not in (b"", b"ping"):
        return Form.MESSAGES
    return Form.CHAT if "type" not in document else None


def _is_flat(value: Any, depth: int) -> bool:
    """Whether a value is nested no deeper than that."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_flat(one, depth - 1) for one in inner)


def _merged(before: dict[str, Any], usage: Mapping[str, Any]) -> dict[str, Any]:
    """Of every field the last value; nothing, if they are too deep."""
    try:
        return last_usage([before, usage])
    except RecursionError:
        return {}


def _text(part: Mapping[str, Any], name: str) -> str | None:
    """A member, if it is a text that a receipt could hold."""
    value = part.get(name)
    return value if isinstance(value, str) and value and is_storable(value) else None


def _is_finished(document: Mapping[str, Any]) -> bool:
    """Whether it is the last chunk of a Gemini stream: a candidate has a reason to end, or the prompt was refused."""
    candidates, refused = document.get("candidates"), document.get("promptFeedback")
    parts = [*(candidates if isinstance(candidates, list) else ()), refused]
    return any(
        isinstance(part, Mapping) and (part.get("finishReason") or part.get("blockReason"))
        for part in parts
    )


def is_storable(text: str) -> bool:
    """Whether a text can be kept: JSON may hold half of a surrogate pair, or what no receipt has room for."""
    try:
        return len(text.encode()) <= MAX_NAME
    except UnicodeEncodeError:
        return False

"""What a response says of its call: id, model, usage, and whether it is the whole of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from receipts.ingest import last_usage
from receipts.limits import MAX_NAME

_MAX_USAGE: Final = 65_536
"""Characters of a usage object that is kept. The claims of a receipt have no more bytes than that."""
_TELLING: Final = re.compile(
    rb'"(?:usage|usageMetadata)"\s*:\s*\{|"(?:error|message_delta|finishReason|blockReason|background)"'
)
"""What makes an event worth reading, once id and model are known."""
_UNFINISHED: Final = ("queued", "in_progress")


@dataclass(slots=True)
class Answer:
    """What is known of a response so far. Of a stream, of each field of the usage the last value that is not null counts."""

    id: str | None = None
    model: str | None = None
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
    """Whether the usage is that of the beginning of an Anthropic stream."""

    @property
    def pending(self) -> bool:
        """Whether the result comes later."""
        return self.status in _UNFINISHED

    @property
    def usage(self) -> str | None:
        """The usage of a response that is complete, as JSON; None: there is none, or it cannot be kept."""
        if not self._usage or self._begun:
            return None
        try:
            text = json.dumps(self._usage, allow_nan=False)
        except (ValueError, RecursionError):
            return None
        return text if len(text) <= _MAX_USAGE else None

    def add_event(self, data: bytes) -> None:
        """Take note of the data of an event, if it can say something new."""
        if self.id is None or self.model is None or _TELLING.search(data):
            self.add_text(data)

    def add_text(self, text: bytes) -> bool:
        """Take note of JSON. Returns whether it is any."""
        try:
            document = json.loads(text)
            # Gemini's streams are an array, unless they are asked for as events.
            for part in document if isinstance(document, list) else [document]:
                self.add(part)
        except (ValueError, RecursionError):
            return False
        return True

    def add(self, document: Any) -> None:
        """Take note of a response, or of the data of an event."""
        if not isinstance(document, Mapping):
            return
        kind = document.get("type")
        self.failed = self.failed or kind == "error" or document.get("error") is not None
        for part in (document, document.get("message"), document.get("response")):
            if isinstance(part, Mapping):
                self._add(part)
        if kind in ("message_start", "message_delta"):
            self._begun = kind == "message_start"
        self.finished = self.finished or _is_finished(document)

    def _add(self, part: Mapping[str, Any]) -> None:
        self.id = self.id or _text(part, "id", "responseId")
        self.model = self.model or _text(part, "model", "modelVersion")
        for name in ("usage", "usageMetadata"):
            usage = part.get(name)
            if isinstance(usage, Mapping):
                self._usage = _merged(self._usage, usage)
        if part.get("object") == "response":
            self.status = _text(part, "status")
            self.background = part.get("background") is True
            self.failed = self.failed or self.status == "failed"


def _merged(before: dict[str, Any], usage: Mapping[str, Any]) -> dict[str, Any]:
    """Of every field the last value; nothing, if they are too deep."""
    try:
        return last_usage([before, usage])
    except RecursionError:
        return {}


def _text(part: Mapping[str, Any], *names: str) -> str | None:
    """The first of some members that is a text, and that a receipt could hold."""
    values = (part.get(name) for name in names)
    return next((v for v in values if isinstance(v, str) and v and is_storable(v)), None)


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

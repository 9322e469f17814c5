"""What an answer says that bills: id, model and usage, whole or event by event, and whether it is the whole of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from receipts.emitting.endpoints import Endpoint
from receipts.emitting.event_stream import event_document
from receipts.emitting.origin import Origin
from receipts.ingest import last_usage, part_of
from receipts.prefixes import prompt_token_ids

_TELLING: Final = re.compile(
    rb'[uU]sage|[mM]etrics"|"error"|"message_|"response\.|finish_?[rR]eason"\s*:\s*"|blockReason|\\u00'
)
"""What makes an event worth reading, once id and model are known. An escape may be part of such a name."""
_UNFINISHED: Final = ("queued", "in_progress")
_WHOLE: Final = ("message_stop", "response.completed", "response.incomplete")
"""The events that say that a stream is whole. One of Converse does by its usage, which comes last."""
_METRICS: Final = "amazon-bedrock-invocationMetrics"
"""What the last chunk of a stream of Bedrock's InvokeModel has, whatever the model."""
_LAST_OBJECT_COUNTS: Final = ("generateContent", "invoke")
"""The APIs of whose streams the last usage object is whole: what it leaves out is zero, or stated by another name."""


@dataclass(slots=True)
class Answer:
    """What is known of an answer so far.

    The usage objects of a stream are cumulative: of each member the last value that is not null counts.
    """

    endpoint: Endpoint
    id: str | None = None
    model: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Any] = field(default_factory=dict)
    """What of it bills and stands beside its usage: the tier, the tools that were called."""
    prompt: Sequence[int] | None = None
    """The token ids of the prompt, where the engine gives them."""
    failed: bool = False
    """Whether it says that the request failed."""
    whole: bool = False
    """Whether a stream said that it is the whole answer."""
    finished: set[int] = field(default_factory=set)
    """The choices (candidates) that said why they end, by index. The stream is whole when all that were asked for did."""
    pending: bool = False
    """Whether the result comes later: a response in the background."""
    origin: Origin = field(default_factory=Origin)
    """What is known of it besides what it says."""
    _begun_only: bool = False
    """Whether the usage is that with which a stream of Anthropic began: its output is not final."""

    @property
    def final(self) -> bool:
        """Whether the usage is that of the whole answer."""
        return bool(self.usage) and not (self.failed or self.pending or self._begun_only)

    def add(self, document: Any) -> None:
        """Take note of a body of JSON. A stream of Gemini is an array, unless it was asked for as events."""
        for part in document if isinstance(document, list) else [document]:
            if isinstance(part, Mapping):
                self.add_part(part)
        self.whole = True

    def add_event(self, event: bytes) -> None:
        """Take note of an event of a stream, if it can say something new."""
        known = self.id is not None and self.model is not None
        if known and not _TELLING.search(event):
            return
        lines = event.splitlines()
        self.failed = self.failed or b"event: error" in lines or b"event:error" in lines
        document = event_document(event)
        if isinstance(document, Mapping):
            self.add_part(document)

    def add_part(self, document: Mapping[str, Any]) -> None:
        """Take note of a body, a chunk or the data of an event."""
        kind = document.get("type")
        self.failed = self.failed or kind == "error" or document.get("error") is not None
        self.whole = self.whole or kind in _WHOLE or _is_stopped(document) or _is_blocked(document)
        self.finished |= _finished(document)
        # What an event holds says what it is; what stands beside it is the server's (LiteLLM's ``model``), and no client looks at it.
        for holder in (document.get("message"), document.get("response"), document):
            if isinstance(holder, Mapping):
                self._name(holder)
                self._state(holder)
        self.prompt = self.prompt or prompt_token_ids(document)
        self._count(document, kind)

    def _name(self, holder: Mapping[str, Any]) -> None:
        self.id = self.id or _text(holder, "id") or _text(holder, "responseId")
        self.model = self.model or _text(holder, "model") or _text(holder, "modelVersion")

    def _state(self, holder: Mapping[str, Any]) -> None:
        if holder.get("object") == "response":
            self.pending = holder.get("status") in _UNFINISHED
            self.failed = self.failed or holder.get("status") in ("failed", "cancelled")

    def _count(self, document: Mapping[str, Any], kind: object) -> None:
        usage, beside = part_of(document)
        self.beside = last_usage([self.beside, beside])
        if _METRICS in document:
            usage = {_METRICS: document[_METRICS]}
        if not usage:
            return
        whole = self.endpoint.api in _LAST_OBJECT_COUNTS
        self.usage = dict(usage) if whole else last_usage([self.usage, usage])
        self._begun_only = kind == "message_start"
        self.whole = self.whole or self.endpoint.api == "converse"


def _text(holder: Mapping[str, Any], name: str) -> str | None:
    value = holder.get(name)
    return value if isinstance(value, str) and value else None


def _finished(document: Mapping[str, Any]) -> set[int]:
    """The choices of OpenAI's and the candidates of Gemini's that a chunk says the end of."""
    choices, candidates = document.get("choices"), document.get("candidates")
    parts = [
        *(choices if isinstance(choices, list) else ()),
        *(candidates if isinstance(candidates, list) else ()),
    ]
    ended = [
        part.get("index")
        for part in parts
        if isinstance(part, Mapping) and (part.get("finish_reason") or part.get("finishReason"))
    ]
    return {index if isinstance(index, int) else 0 for index in ended}


def _is_stopped(document: Mapping[str, Any]) -> bool:
    """Whether an event of Messages says why the answer ends: its usage is the last, and only ``message_stop`` follows."""
    delta = document.get("delta")
    return isinstance(delta, Mapping) and isinstance(delta.get("stop_reason"), str)


def _is_blocked(document: Mapping[str, Any]) -> bool:
    """Whether a chunk of Gemini's says that the prompt was refused: nothing follows."""
    feedback = document.get("promptFeedback")
    return isinstance(feedback, Mapping) and bool(feedback.get("blockReason"))

"""Where a request to Anthropic's Messages ends the prefixes that are cached: its breakpoints.

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching. What makes the length of a prefix depend on more than its
blocks is not taken: then no length is certain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from receipts.cache_id import Block

_BODY: Final = frozenset({
    "model", "messages", "system", "tools", "tool_choice", "thinking", "cache_control", "max_tokens", "metadata",
    "stop_sequences", "stream", "temperature", "top_k", "top_p", "service_tier", "inference_geo", "anthropic_version",
})  # fmt: skip
"""Members of a body that are blocks of the identifier, or change nothing that the model reads. Others may: servers of tools, edits of
the context, a schema of the output, a container."""
_MEMBERS: Final = {
    "text": frozenset({"type", "text", "cache_control"}),
    "tool_use": frozenset({"type", "id", "name", "input", "cache_control"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
}
"""Blocks whose tokens follow from them. Not those of images and documents: an address may lead to something else tomorrow, and images and
citations change how the blocks before them are read (What invalidates the cache)."""
_TOOL: Final = frozenset(
    {"type", "name", "description", "input_schema", "input_examples", "strict", "cache_control"}
)
_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_MAX_BREAKPOINTS: Final = 4
_FIVE_MINUTES: Final = 300
_HOUR: Final = 3600
_TTLS: Final = {"5m": _FIVE_MINUTES, "1h": _HOUR}


@dataclass(frozen=True, slots=True)
class Marks:
    """The breakpoints of a request.

    Attributes:
        ttls: the lifetime in s of each breakpoint, by the number of its block; ascending.
        first: the number of the first block at whose end a prefix can be cached; the settings are no part of the prompt.
        certain: the end of no block with this number or a higher one has a length that follows from the blocks alone. Thinking that
            was passed back is taken out of the prompt later, depending on the model.
        nested: whether a block up to there holds others, at whose ends an earlier request may have ended a prefix.
    """

    ttls: Mapping[int, int]
    first: int
    certain: int
    nested: bool

    @property
    def last(self) -> int:
        """The number of the block with the last breakpoint."""
        return max(self.ttls)

    @property
    def last_hour(self) -> int | None:
        """The number of the block with the last breakpoint of an hour."""
        return max((at for at, ttl in self.ttls.items() if ttl == _HOUR), default=None)

    def to_json(self) -> str:
        """As JSON, for `from_json`."""
        return json.dumps([list(self.ttls.items()), self.first, self.certain, self.nested])

    @classmethod
    def from_json(cls, text: str) -> Marks:
        """From JSON, which anybody may have made.

        Raises:
            ValueError: it is of no breakpoints.
        """
        try:
            pairs, first, certain, nested = json.loads(text)
            ttls = {at: ttl for at, ttl in pairs}  # noqa: C416  # pairs, and nothing else
            known = set(ttls.values()) <= set(_TTLS.values())
        except (TypeError, RecursionError):
            raise ValueError(text) from None
        numbers = [*ttls, *ttls.values(), first, certain]
        whole = all(type(one) is int and one >= 0 for one in numbers) and type(nested) is bool
        if not (ttls and known and whole):
            raise ValueError(text)
        return cls(ttls, first, certain, nested)


def find_marks(body: Mapping[str, Any], blocks: Sequence[Block]) -> Marks | None:
    """The breakpoints of a request; None: it has none, or none that say for certain where a prefix ends."""
    marks = [(at, mark) for at, one in enumerate(blocks) if (mark := _mark(one)) is not None]
    if blocks and body.get("cache_control") is not None:
        # Automatic caching: the last block that can be marked. Where that is thinking, the mark is before it, and ends nothing certain here.
        marks.append((len(blocks) - 1, body["cache_control"]))
    ttls = _ttls(marks)
    if not ttls or not _BODY.issuperset(body) or not all(map(_is_sure, blocks)):
        return None
    if any("cache_control" in message for message in body.get("messages") or ()):
        return None  # a place where the provider knows no mark
    certain = next((at for at, one in enumerate(blocks) if _is_thinking(one)), len(blocks))
    nested = any(isinstance(_get(one, "content"), list) for one in blocks[: max(ttls) + 1])
    return Marks(ttls, int(blocks[0].kind == "settings"), certain, nested)


def _ttls(marks: Sequence[tuple[int, Any]]) -> dict[int, int] | None:
    """The lifetimes by the number of the block; None: the provider refuses such marks, or they are none that are known."""
    ttls: dict[int, int] = {}
    for at, mark in marks:
        ttl = _ttl(mark)
        if ttl is None or ttls.setdefault(at, ttl) != ttl:
            return None
    order = list(ttls.values())
    if len(ttls) > _MAX_BREAKPOINTS or order != sorted(order, reverse=True):
        return None  # it refuses more than four, and 1h after 5m
    return ttls


def _get(block: Block, member: str) -> Any:
    return block.element.get(member) if isinstance(block.element, Mapping) else None


def _mark(block: Block) -> Any:
    return None if block.kind == "settings" else _get(block, "cache_control")


def _ttl(mark: Any) -> int | None:
    """The lifetime in s; None: it is no mark that is known."""
    if not isinstance(mark, Mapping) or mark.get("type") != "ephemeral":
        return None
    if not {"type", "ttl"}.issuperset(mark):
        return None
    ttl = mark.get("ttl", "5m")
    return _TTLS.get(ttl) if isinstance(ttl, str) else None


def _is_thinking(block: Block) -> bool:
    return block.kind == "message" and _get(block, "type") in _THINKING


def _is_sure(block: Block) -> bool:
    """Whether the tokens of a block, and of those before it, follow from the blocks."""
    element = block.element
    if block.kind == "settings":
        return True
    if not isinstance(element, Mapping):
        return False
    if block.kind == "tool":
        return _TOOL.issuperset(element) and element.get("type", "custom") == "custom"
    return _is_sure_content(element) and (block.kind == "message" or element["type"] == "text")


def _is_sure_content(element: Mapping[str, Any]) -> bool:
    kind = element.get("type")
    if not isinstance(kind, str) or not _MEMBERS.get(kind, frozenset()).issuperset(element):
        return False
    if kind == "text":
        return isinstance(element.get("text"), str) and element["text"] != ""
    content = element.get("content")
    if kind != "tool_result" or content is None or isinstance(content, str):
        return True
    return isinstance(content, list) and all(
        isinstance(one, Mapping) and set(one) == {"type", "text"} and one["type"] == "text"
        for one in content
    )

"""What a request sent, as identifiers of its prefixes: they tell nothing of the text to whoever does not have it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from receipts.cache_id import CacheKey, blocks, month_of, text_ids

_MARK: Final = "cache_control"
_MARK_AS_KEY: Final = f'"{_MARK}": '
_UNSURE: Final = ("context_management", "mcp_servers", "container")
"""Members of a body with which a prefix has more, less or other tokens than its blocks say."""
_THINKING: Final = ("thinking", "redacted_thinking")
"""Kinds of blocks that count in one request and not in the next."""


@dataclass(frozen=True, slots=True)
class SentPrefixes:
    """The prefixes of a request body that end after each of its blocks, by the text recipe.

    Attributes:
        account, period, model: what the identifiers depend on besides the text: the account of the cache key, the month, the model.
        ids: the identifiers.
        last: the place of the last block that the request marks (``cache_control``); None: it marks none.
    """

    account: str
    period: str
    model: str
    ids: tuple[bytes, ...]
    last: int | None

    def is_for(self, account: str, model: str, time: int) -> bool:
        """Whether a receipt for this account and model, of this time in ms, has them."""
        return (self.account, self.model, self.period) == (account, model, month_of(time))


def sent_prefixes(
    body: bytes | Mapping[str, Any], model: str, time: int, key: CacheKey
) -> SentPrefixes | None:
    """The prefixes of a request body.

    Args:
        body: as it was sent, or decoded.
        model: as the receipt will name it.
        time: that of the receipt, in ms.
        key: the account's cache key.

    Returns:
        None: the body is none with blocks, or its prefixes have other tokens than its blocks say (thinking, which counts only once).
    """
    document = _decoded(body) if isinstance(body, bytes) else body
    if document is None or not _has_blocks(document) or not _is_sure(document):
        return None
    month = key.for_time(time)
    try:
        ids = tuple(text_ids(model, document, month))
        last = _last_mark(document)
    except (ValueError, RecursionError):  # what has no form of RFC 8785
        return None
    return SentPrefixes(month.account, month.period, model, ids, last)


def _decoded(body: bytes) -> Mapping[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, Mapping) else None


def _has_blocks(body: Mapping[str, Any]) -> bool:
    """Whether it is built like a request of the Messages API, or of one like it."""
    messages = body.get("messages")
    return (
        isinstance(messages, list)
        and all(isinstance(one, Mapping) and _is_content(one.get("content")) for one in messages)
        and isinstance(body.get("tools") or [], list)
        and _is_content(body.get("system"))
    )


def _is_content(content: Any) -> bool:
    return content is None or isinstance(content, str | list)


def _is_sure(body: Mapping[str, Any]) -> bool:
    elements = [block for block in _elements(body) if isinstance(block, Mapping)]
    kinds = [block.get("type") for block in elements]
    if any(body.get(name) for name in _UNSURE) or any(kind in kinds for kind in _THINKING):
        return False
    # A mark elsewhere (of the whole body, inside of a block) may end a prefix too.
    return json.dumps(body).count(_MARK_AS_KEY) == sum(bool(one.get(_MARK)) for one in elements)


def _last_mark(body: Mapping[str, Any]) -> int | None:
    elements = list(_elements(body))
    first = len(blocks(body)) - len(elements)  # settings stand before all of them
    marked = [i for i, one in enumerate(elements) if isinstance(one, Mapping) and one.get(_MARK)]
    return first + marked[-1] if marked else None


def _elements(body: Mapping[str, Any]) -> Iterator[Any]:
    """What of a body is a block, in the order of the recipe."""
    yield from body.get("tools") or ()
    yield from _content(body.get("system"))
    for message in body["messages"]:
        yield from _content(message.get("content")) or [None]


def _content(content: Any) -> list[Any]:
    return [content] if isinstance(content, str) else list(content or ())

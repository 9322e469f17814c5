"""The recipe over the blocks of a request (spec/cache-id.md, Text recipe), for gateways that never see token ids."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

import cbor2

from receipts.cache_id.keys import PeriodKey
from receipts.canonical import CanonicalError, canonical_json
from receipts.errors import ReceiptError

TEXT_HMAC: Final = "text-hmac-sha256"
_MARK: Final = "cache_control"


class Block(NamedTuple):
    """A block of a request body.

    Attributes:
        kind: ``settings``, ``tool``, ``system`` or ``message``.
        element: as the body has it, with its mark; a text stands as the block that it stands for.
        place: of a block of a message, the number of the message and its other members.
    """

    kind: str
    element: Any
    place: tuple[Any, ...] = ()

    @property
    def content(self) -> list[Any]:
        """What the identifier is over, without the mark."""
        return [self.kind, *self.place, _plain(self.element)]


def text_ids(model: str, body: Mapping[str, Any], key: PeriodKey) -> list[bytes]:
    """The identifiers of the prefixes that end after each block of a request.

    Raises:
        ReceiptError: the body is none of the APIs that the recipe knows, or has no RFC 8785 form.
    """
    return block_ids(model, map(block_form, block_list(body)), key)


def block_ids(model: str, forms: Iterable[bytes], key: PeriodKey) -> list[bytes]:
    """The same for the blocks of a body, from the first one on, each in its RFC 8785 form."""
    state = hmac.new(key.secret, cbor2.dumps(TEXT_HMAC) + cbor2.dumps(model), sha256)
    found = []
    for form in forms:
        state.update(cbor2.dumps(form))
        found.append(state.copy().digest())
    return found


def blocks(body: Mapping[str, Any]) -> list[bytes]:
    """The blocks of a request body, each in its RFC 8785 form.

    Raises:
        ReceiptError: the body is none of the APIs that the recipe knows, or a block has no such form.
    """
    return [block_form(block) for block in block_list(body)]


def block_form(block: Block) -> bytes:
    """A block in its RFC 8785 form.

    Raises:
        ReceiptError: it has none.
    """
    try:
        return canonical_json(block.content)
    except CanonicalError as error:
        raise ReceiptError("body", "JSON with a form of RFC 8785", error) from None


def block_list(body: Mapping[str, Any]) -> list[Block]:
    """The blocks of a request body, in their order.

    Raises:
        ReceiptError: the body is none of the APIs that the recipe knows.
    """
    return list(_blocks(body))


def _blocks(body: Mapping[str, Any]) -> Iterator[Block]:
    settings = {name: body[name] for name in ("tool_choice", "thinking") if name in body}
    if settings:
        yield Block("settings", settings)
    for tool in _array("body.tools", body.get("tools")):
        yield Block("tool", tool)
    for block in _content("body.system", body.get("system")):
        yield Block("system", block)
    for number, message in enumerate(_array("body.messages", body.get("messages"))):
        where = f"body.messages.{number}"
        if not isinstance(message, Mapping):
            raise ReceiptError(where, "an object", type(message).__name__)
        rest = {name: message[name] for name in message if name not in ("content", _MARK)}
        for block in _content(f"{where}.content", message.get("content")) or [None]:
            yield Block("message", block, (number, rest))


def _content(field: str, content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return _array(field, content)


def _array(field: str, value: Any) -> list[Any]:
    """An array of the body; missing and null are an empty one."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise ReceiptError(field, "an array", type(value).__name__)
    return list(value)


def _plain(block: Any) -> Any:
    """Without the mark that a prefix ends here."""
    if not isinstance(block, Mapping):
        return block
    return {name: value for name, value in block.items() if name != _MARK}

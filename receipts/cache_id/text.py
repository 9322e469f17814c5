"""The recipe over the blocks of a request (spec/cache-id.md, Text recipe), for gateways that never see token ids."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

import cbor2
import rfc8785

from receipts.cache_id.keys import PeriodKey
from receipts.errors import ReceiptError

TEXT_HMAC: Final = "text-hmac-sha256"


def text_ids(model: str, body: Mapping[str, Any], key: PeriodKey) -> list[bytes]:
    """The identifiers of the prefixes that end after each block of a request.

    Raises:
        ReceiptError: the body has no RFC 8785 form.
    """
    state = hmac.new(key.secret, cbor2.dumps(TEXT_HMAC) + cbor2.dumps(model), sha256)
    found = []
    for block in blocks(body):
        state.update(cbor2.dumps(block))
        found.append(state.copy().digest())
    return found


def blocks(body: Mapping[str, Any]) -> list[bytes]:
    """The blocks of a request body, each in its RFC 8785 form.

    Raises:
        ReceiptError: a block has no such form.
    """
    try:
        return [rfc8785.dumps(block) for block in _blocks(body)]
    except rfc8785.CanonicalizationError as error:
        raise ReceiptError("body", "JSON with a form of RFC 8785", error) from None


def _blocks(body: Mapping[str, Any]) -> Iterator[list[Any]]:
    settings = {name: body[name] for name in ("tool_choice", "thinking") if name in body}
    if settings:
        yield ["settings", settings]
    for tool in body.get("tools") or ():
        yield ["tool", _plain(tool)]
    for block in _content(body.get("system", [])):
        yield ["system", _plain(block)]
    for number, message in enumerate(body.get("messages") or ()):
        rest = {name: value for name, value in message.items() if name != "content"}
        for block in _content(message.get("content")) or [None]:
            yield ["message", number, _plain(rest), _plain(block)]


def _content(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or ())


def _plain(block: Any) -> Any:
    """Without the mark that a prefix ends here."""
    if not isinstance(block, Mapping):
        return block
    return {name: value for name, value in block.items() if name != "cache_control"}

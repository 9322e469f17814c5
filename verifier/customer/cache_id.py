"""Cache identifiers, recomputed from the customer's own prompt (spec/cache-id.md). Shares no code with `receipts.cache_id`."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from verifier.crypto.strict_json import strict_json
from verifier.customer.jcs import canonical

TOKENS_HMAC: Final = "tokens-hmac-sha256"
TOKENS: Final = "tokens-sha256"
TEXT_HMAC: Final = "text-hmac-sha256"
_VLLM: Final = "vllm-sha256-cbor"
KEYED: Final = frozenset({TOKENS_HMAC, TEXT_HMAC})
"""Recipes under the account's key: equal identifiers of two accounts cannot come about by themselves."""

_MEMBERS: Final = ("token_receipt_cache_key", "account", "period", "key")
_LONGEST: Final = 512
"""Bytes of an account's name, as in the claims."""
_MONTH: Final = re.compile("[0-9]{4}-(0[1-9]|1[0-2])")
_BASE64: Final = re.compile("[A-Za-z0-9_-]{43}")
"""Of 32 bytes."""


class CacheKeyError(ValueError):
    """A cache key file cannot be used."""


class BodyError(ValueError):
    """A request body that is not one of the APIs that the text recipe knows."""


class WrongPeriodError(CacheKeyError):
    """The key is that of another month."""


@dataclass(frozen=True, slots=True)
class CacheKey:
    """An account's cache key, or, with a ``period``, the key of that month."""

    account: str
    period: str | None
    secret: bytes

    def at(self, time: int) -> bytes:
        """The key of the month of a time in ms.

        Raises:
            WrongPeriodError: this is the key of another month.
        """
        month = f"{datetime.fromtimestamp(time // 1000, UTC):%Y-%m}"
        if self.period is None:
            return _month_key(self.secret, self.account, month)
        if self.period != month:
            raise WrongPeriodError(f"the cache key is for {self.period}, not for {month}")
        return self.secret


@lru_cache(maxsize=100)
def _month_key(secret: bytes, account: str, month: str) -> bytes:
    """The key of a month (spec/cache-id.md, Account cache keys)."""
    info = b"".join(map(_text, ("token-receipt cache key", account, month)))
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


def read_cache_key(data: bytes) -> CacheKey:
    """The key in a file of `receipt keygen --cache-key`.

    Raises:
        CacheKeyError: it is no such file.
    """
    try:
        document = strict_json(data)
        version, account, period, key = (document[name] for name in _MEMBERS)
        is_name = isinstance(account, str) and 1 <= len(account.encode()) <= _LONGEST
    except (ValueError, KeyError, TypeError):
        raise CacheKeyError("not a cache key file") from None
    if type(version) is not int or version != 1:
        raise CacheKeyError("not a cache key file of version 1")
    if not is_name:
        raise CacheKeyError(f"the account is no text of 1 to {_LONGEST} bytes")
    if period is not None and not (isinstance(period, str) and _MONTH.fullmatch(period)):
        raise CacheKeyError("the period is a month, YYYY-MM, or null")
    return CacheKey(account, period, _secret(key))


def _secret(key: Any) -> bytes:
    if isinstance(key, str) and _BASE64.fullmatch(key):
        raw = urlsafe_b64decode(f"{key}=")
        if urlsafe_b64encode(raw)[:-1].decode() == key:
            return raw
    raise CacheKeyError("the key is no base64url of 32 bytes, without padding")


def _head(major: int, argument: int) -> bytes:
    """A CBOR head in its shortest form."""
    if argument < 24:
        return bytes((major << 5 | argument,))
    for info, size in ((24, 1), (25, 2), (26, 4)):
        if argument < 1 << 8 * size:
            return bytes((major << 5 | info,)) + argument.to_bytes(size)
    return bytes((major << 5 | 27,)) + argument.to_bytes(8)


def _text(text: str) -> bytes:
    raw = text.encode()
    return _head(3, len(raw)) + raw


def token_ids(
    model: str, tokens: Sequence[int], lengths: Iterable[int], key: bytes | None
) -> dict[int, bytes]:
    """The identifiers of prefixes, by length in tokens: of `TOKENS_HMAC` with a key, else of `TOKENS`."""
    start = _text(TOKENS if key is None else TOKENS_HMAC) + _text(model)
    state = sha256(start) if key is None else hmac.new(key, start, sha256)
    wanted = sorted({length for length in lengths if 0 < length <= len(tokens)})
    found, done = {}, 0
    for length in wanted:
        state.update(_encoded(tokens[done:length]))
        found[length] = state.copy().digest()
        done = length
    return found


def _encoded(tokens: Sequence[int]) -> bytes:
    """Token ids in CBOR, one after the other. Most take four bytes or two."""
    return b"".join(
        [
            b"\x1a" + token.to_bytes(4)
            if 0xFFFF < token <= 0xFFFFFFFF
            else b"\x19" + token.to_bytes(2)
            if 0xFF < token <= 0xFFFF
            else _head(0, token)
            for token in tokens
        ]
    )


def text_ids(model: str, body: dict[str, Any], key: bytes) -> list[bytes]:
    """The identifiers of the prefixes that end after each block of a request body.

    Raises:
        CanonicalError: the body has no canonical form.
    """
    state = hmac.new(key, _text(TEXT_HMAC) + _text(model), sha256)
    found = []
    for block in blocks(body):
        raw = canonical(block)
        state.update(_head(2, len(raw)) + raw)
        found.append(state.copy().digest())
    return found


def blocks(body: dict[str, Any]) -> list[list[Any]]:
    """The blocks of a request body: settings, tools, system, messages.

    Raises:
        BodyError: the body does not have this shape.
    """
    settings = {name: body[name] for name in ("tool_choice", "thinking") if name in body}
    found: list[list[Any]] = [["settings", settings]] if settings else []
    found += [["tool", _unmarked(tool)] for tool in _array(body.get("tools"), "tools")]
    found += [["system", _unmarked(block)] for block in _listed(body.get("system"), "system")]
    for number, message in enumerate(_array(body.get("messages"), "messages")):
        if not isinstance(message, dict):
            raise BodyError(f"messages.{number} is not an object")
        about = _unmarked({k: v for k, v in message.items() if k != "content"})
        content = _listed(message.get("content"), "content") or [None]
        found += [["message", number, about, _unmarked(block)] for block in content]
    return found


def _array(value: Any, name: str) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise BodyError(f"{name} is not an array")
    return value or []


def _listed(content: Any, name: str) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return _array(content, name)


def _unmarked(block: Any) -> Any:
    return (
        {k: v for k, v in block.items() if k != "cache_control"}
        if isinstance(block, dict)
        else block
    )


def vllm_parameters(recipe: str) -> tuple[int, str] | None:
    """Block size and seed of a recipe of vLLM, or None if it is another one."""
    name, _, rest = recipe.partition(";block=")
    size, found, seed = rest.partition(";seed=")
    if name != _VLLM or not found or not size.isascii() or not size.isdecimal() or int(size) < 1:
        return None
    return int(size), seed


def vllm_ids(
    tokens: Sequence[int], block_size: int, seed: str, extras: Sequence[list[Any] | None] = ()
) -> list[bytes]:
    """The hash of every full block; ``extras`` are vLLM's extra keys by block."""
    parent, hashes = sha256(_text(seed)).digest(), []
    for i in range(len(tokens) // block_size):
        block = tokens[i * block_size : (i + 1) * block_size]
        extra = extra_keys(extras[i] if i < len(extras) else None)
        array = _head(4, block_size) + _encoded(block)
        parent = sha256(b"\x83\x58\x20" + parent + array + extra).digest()
        hashes.append(parent)
    return hashes


def extra_keys(value: Any) -> bytes:
    """The encoding of extra keys: null, texts, bytes, integers, arrays.

    Raises:
        ValueError: it is something else.
    """
    if value is None:
        return b"\xf6"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if type(value) is int and -(2**64) <= value < 2**64:
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is no extra key of vLLM")
    return _head(4, len(value)) + b"".join(map(extra_keys, value))

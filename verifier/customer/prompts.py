"""The customer's own prompts, and its cache key, from their files (verification step 14).

A line of a prompts file is ``{"request": ..., "tokens": [...]}`` or ``{"request": ..., "body": {...}}``; optionally ``logical`` (the customer's own count of
tokens), ``nonce`` and ``raw`` (hexadecimal, and the text of the request body: the commitment), ``extra`` (vLLM's extra keys by block). The prompts
stand in the order in which they were sent, and reach back as far as a cache may: what was sent before the first line is not known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from verifier.customer.cache_id import CacheKey, CacheKeyError, blocks, extra_keys, read_cache_key
from verifier.customer.jcs import canonical
from verifier.customer.record import RecordError, WrongKeyError
from verifier.customer.sent_before import TOKEN_WIDTH

_MAX_DEPTH: Final = 100


class Prompt(NamedTuple):
    """What the customer sent for a request.

    Attributes:
        request: its id.
        tokens: token ids.
        body: the request body.
        logical: the customer's own count of tokens.
        commitment: SHA-256 over nonce and body.
        extra: vLLM's extra keys by block.
        marked: whether the body marks a prefix to be cached (``cache_control``).
    """

    request: str
    tokens: list[int] | None
    body: dict[str, Any] | None
    logical: int | None
    commitment: bytes | None
    extra: list[Any]
    marked: bool = False


def read_prompts(path: str) -> Iterator[Prompt]:
    """The prompts in a file, in its order.

    Raises:
        RecordError: a line is not as it should be.
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                try:
                    yield _prompt(_checked(json.loads(line)))
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    reason = f"{error} is missing" if isinstance(error, KeyError) else error
                    raise RecordError(f"{path}, line {number}: {reason}") from None


def _prompt(row: Any) -> Prompt:
    if not isinstance(row, dict) or not isinstance(row["request"], str):
        raise ValueError("a prompt is an object with the request id as a text")
    tokens, body, logical = row.get("tokens"), row.get("body"), row.get("logical")
    if tokens is not None and not _are_tokens(tokens):
        raise ValueError("tokens is an array of token ids, from 0 to 2^32 - 1")
    if body is not None and not isinstance(body, dict):
        raise ValueError("body is the request body, an object")
    if body is not None:
        canonical(blocks(body))
    if logical is not None and (type(logical) is not int or logical < 0):
        raise ValueError("logical is a whole number of tokens")
    committed = None
    if row.get("nonce") is not None:
        if not isinstance(row["nonce"], str) or not isinstance(row["raw"], str):
            raise ValueError("nonce (hexadecimal) and raw are texts")
        committed = sha256(bytes.fromhex(row["nonce"]) + row["raw"].encode()).digest()
    row["request"].encode()
    extra = row.get("extra") or []
    if not isinstance(extra, list):
        raise ValueError("extra is an array, with vLLM's extra keys by block")
    for keys in extra:
        extra_keys(keys)
    return Prompt(
        row["request"],
        tokens,
        body,
        logical,
        committed,
        extra,
        '"cache_control"' in json.dumps(body),
    )


def _checked(row: Any) -> Any:
    """A row, in which nothing is nested so deeply that code which calls itself for each level may fail."""
    outer = [row.get("body"), row.get("extra")] if isinstance(row, dict) else []
    level: list[Any] = [v for v in outer if isinstance(v, list | dict)]
    for _ in range(_MAX_DEPTH):
        if not level:
            return row
        inner = [list(v.values()) if isinstance(v, dict) else v for v in level]
        level = [v for values in inner for v in values if isinstance(v, list | dict)]
    if level:
        raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
    return row


def _are_tokens(tokens: object) -> bool:
    return isinstance(tokens, list) and (
        not tokens
        or (
            set(map(type, tokens)) == {int}
            and min(tokens) >= 0
            and max(tokens) < 1 << 8 * TOKEN_WIDTH
        )
    )


def load_key(path: str) -> CacheKey:
    """A cache key from its file.

    Raises:
        WrongKeyError: it is none.
        OSError: it cannot be read.
    """
    try:
        return read_cache_key(Path(path).read_bytes())
    except CacheKeyError as error:
        raise WrongKeyError(f"{path}: {error}") from None

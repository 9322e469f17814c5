"""The recipes over token ids (spec/cache-id.md, Token recipes and vLLM recipe). One pass over the prompt, whatever the number of lengths."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

import cbor2

from receipts.cache_id.keys import PeriodKey
from receipts.errors import ReceiptError

TOKENS_HMAC: Final = "tokens-hmac-sha256"
TOKENS: Final = "tokens-sha256"
VLLM: Final = "vllm-sha256-cbor"


def token_ids(
    model: str, tokens: Sequence[int], lengths: Iterable[int], key: PeriodKey | None = None
) -> dict[int, bytes]:
    """The identifiers of prefixes of a prompt, by length in tokens.

    Args:
        model: as in the receipt.
        tokens: the token ids of the prompt.
        lengths: the prefixes, each of 1 to ``len(tokens)`` tokens.
        key: the account's key for the month: `TOKENS_HMAC`; without, `TOKENS`.

    Raises:
        ReceiptError: a length is not one of the prompt, or a token id is negative.
    """
    recipe = TOKENS if key is None else TOKENS_HMAC
    start = cbor2.dumps(recipe) + cbor2.dumps(model)
    state = sha256(start) if key is None else hmac.new(key.secret, start, sha256)
    found, done = {}, 0
    for length in sorted(set(lengths)):
        if not 0 < length <= len(tokens):
            raise ReceiptError("prefix", f"1 to {len(tokens)} tokens", length)
        state.update(_sequence(tokens[done:length]))
        found[length] = state.copy().digest()
        done = length
    return found


def _sequence(tokens: Sequence[int]) -> bytes:
    """Token ids one after the other: their array, without its head."""
    if tokens and min(tokens) < 0:
        raise ReceiptError("token id", "at least 0", min(tokens))
    return cbor2.dumps(list(tokens))[_head_size(len(tokens)) :]


def _head_size(count: int) -> int:
    return 1 + sum(count >= limit for limit in (24, 2**8)) + 2 * (count >= 2**16) + 4 * (count >= 2**32)  # fmt: skip


def vllm_recipe(block_size: int, seed: str = "vllm-none-hash") -> str:
    """The recipe's name: vLLM's block size in tokens, and its seed text."""
    return f"{VLLM};block={block_size};seed={seed}"


def vllm_ids(
    tokens: Sequence[int],
    block_size: int,
    seed: str = "vllm-none-hash",
    extras: Sequence[Sequence[Any] | None] = (),
) -> list[bytes]:
    """The hash of every full block, as vLLM 0.33 computes it; that of block i identifies the prefix of ``(i + 1) * block_size`` tokens.

    Args:
        tokens: the token ids of the prompt.
        block_size: in tokens.
        seed: ``$PYTHONHASHSEED`` of the engine, if it is set.
        extras: vLLM's extra keys, by block; blocks after the last one have none.
    """
    parent, hashes = sha256(cbor2.dumps(seed)).digest(), []
    for i in range(len(tokens) // block_size):
        block = list(tokens[i * block_size : (i + 1) * block_size])
        extra = extras[i] if i < len(extras) else None
        parent = sha256(cbor2.dumps([parent, block, extra], canonical=True)).digest()
        hashes.append(parent)
    return hashes

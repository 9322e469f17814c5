"""Entries over token ids, for engines that give those of the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from receipts.cache_id import TOKENS_HMAC, PeriodKey, token_ids
from receipts.request import Cache, CacheEntry, Counts

_SHORTEST: Final = 1024
_MAX_COMMITMENTS: Final = 8
_MAX_TOKEN: Final = 2**32 - 1
"""What a prompts file of a verifier may have."""


def are_the_prompt(tokens: Sequence[int], counts: Counts) -> bool:
    """Whether these can be the token ids of the prompt that was counted: as many, and each of them one."""
    return (
        0 < len(tokens) == counts.logical
        and set(map(type, tokens)) == {int}
        and min(tokens) >= 0
        and max(tokens) <= _MAX_TOKEN
    )


def token_cache(key: PeriodKey, model: str, tokens: Sequence[int], counts: Counts) -> Cache:
    """What was read, and commitments to the whole prompt and to the longest fronts of it whose length is a power of two.

    So receipts of prompts with a common front of 1,024 tokens or more have an identifier in common.
    """
    size, cached = len(tokens), counts.cached or 0
    powers = [1 << bit for bit in range(_SHORTEST.bit_length() - 1, (size - 1).bit_length())]
    committed = [n for n in (*powers, size) if n != cached][-_MAX_COMMITMENTS:]
    ids = token_ids(model, tokens, [*committed, *([cached] if cached else [])], key)
    return Cache(
        CacheEntry(TOKENS_HMAC, ids[cached], cached) if cached else None,
        commitments=[CacheEntry(TOKENS_HMAC, ids[n], n) for n in committed],
    )


def prompt_token_ids(answer: Mapping[str, Any]) -> list[int] | None:
    """The token ids of the prompt in an answer of vLLM 0.33, or in the first event of its stream; None: it has none, or those of several prompts.

    They are there if the request had ``return_token_ids: true``: of chat beside ``choices``, of completions in each choice.
    """
    choices = answer.get("choices")
    found = [one for one in (answer, *(choices if isinstance(choices, list) else ()))
             if isinstance(one, Mapping)]  # fmt: skip
    prompts = [one["prompt_token_ids"] for one in found if one.get("prompt_token_ids") is not None]
    if not prompts or not isinstance(prompts[0], list):
        return None
    return prompts[0] if all(one == prompts[0] for one in prompts) else None

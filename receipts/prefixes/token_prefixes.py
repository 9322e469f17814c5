"""Entries over token ids, for engines that give those of the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from receipts.cache_id import TOKENS_HMAC, PeriodKey, token_ids
from receipts.request import Cache, CacheEntry, Counts

_SHORTEST: Final = 1024
MAX_COMMITMENTS: Final = 8
"""Entries beside what was read and written, the longest ones: a receipt also travels in a header."""
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


def token_cache(
    key: PeriodKey, model: str, tokens: Sequence[int], counts: Counts, written: int = 0
) -> Cache:
    """What was read, and commitments to the whole prompt and to the longest fronts of it whose length is a power of two.

    So receipts of prompts with a common front of 1,024 tokens or more have an identifier in common.

    Args:
        key: that of the month.
        model: as in the receipt.
        tokens: of the whole prompt (`are_the_prompt`).
        counts: as in the receipt.
        written: how many tokens were written right behind what was read, and are named; 0: none, or it is not known where.
    """
    size, cached = len(tokens), counts.cached or 0
    end = cached + written
    powers = [1 << bit for bit in range(_SHORTEST.bit_length() - 1, (size - 1).bit_length())]
    committed = [n for n in (*powers, size) if n not in (cached, end)][-MAX_COMMITMENTS:]
    ids = token_ids(model, tokens, [*committed, *{n for n in (cached, end) if n}], key)
    return Cache(
        CacheEntry(TOKENS_HMAC, ids[cached], cached) if cached else None,
        [CacheEntry(TOKENS_HMAC, ids[end], end)] if written else (),
        [CacheEntry(TOKENS_HMAC, ids[n], n) for n in committed],
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

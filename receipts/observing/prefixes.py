"""What an observer's receipts say of prefixes: as a gateway's do, by the same rules (`receipts.prefixes`)."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from receipts.cache_id import PeriodKey
from receipts.prefixes import Lengths, MarkedPrefixes, are_the_prompt, text_cache, token_cache
from receipts.request import Cache, CacheEntry, Counts


class Prefixes:
    """The lengths of prefixes, by identifier, as far as they are known. Requests are taken in the order in which they were sent.

    All are remembered: what was forgotten could get a second length, and the batch would be rejected (R-13.1).
    """

    def __init__(self) -> None:
        self._lengths = Lengths(sys.maxsize, sys.maxsize)

    def know(self, account: str, model: str, entry: CacheEntry) -> None:
        """An entry of a receipt that was issued before: its identifier has this length."""
        self._lengths.learn(account, model, {entry.id: entry.prefix})

    def of(self, sent: MarkedPrefixes, counts: Counts) -> Cache | None:
        """What a receipt says of the prefixes of a request body; None: no length is known.

        Args:
            sent: its prefixes.
            counts: those of the receipt, of one pass over the prompt (`is_one_pass`).
        """
        return text_cache(sent, counts, self._lengths)


def token_prefixes(
    tokens: Sequence[int], model: str, counts: Counts, key: PeriodKey
) -> Cache | None:
    """What a receipt says of the prefixes of a prompt of token ids; None: they are not those that were counted.

    Another tokenizer, or what the provider adds, makes another number of them, and no length would be right.
    """
    if not are_the_prompt(tokens, counts):
        return None
    return token_cache(key, model, tokens, counts, sum((counts.writes or {}).values()))


def is_one_pass(usage: Mapping[str, Any], counts: Counts) -> bool:
    """Whether the counts are those of one pass over the prompt. Calls of tools by the server, and iterations, add up several."""
    iterations = usage.get("iterations")
    again = isinstance(iterations, list) and len(iterations) > 1
    used = any(
        count for name, count in (counts.units or {}).items() if name.startswith("requests.")
    )
    return not again and not used

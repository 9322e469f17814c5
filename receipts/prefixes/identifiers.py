"""The identifiers of the cached prefixes of a request, between its answer and its receipt (spec/cache-id.md). Nothing is guessed.

identifiers = Identifiers(read_cache_keys("cache-keys"))
cache = identifiers.cache(account, model, body, counts, time, tokens, source)
journal.submit(account, model=model, counts=counts, cache=cache, source=source, ...)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from receipts import limits
from receipts.cache_id import CacheKey, PeriodKey
from receipts.errors import ReceiptError
from receipts.prefixes.billed_lengths import is_billed_by_marks
from receipts.prefixes.lengths import Lengths
from receipts.prefixes.prompt import Prompt
from receipts.prefixes.text_prefixes import text_cache
from receipts.prefixes.token_prefixes import are_the_prompt, token_cache
from receipts.prefixes.vllm import Vllm
from receipts.request import Cache, Counts, Source

_log = logging.getLogger("receipts.prefixes")

Keys = Mapping[str, CacheKey] | Callable[[str], CacheKey | None]


@dataclass(slots=True)
class IdentifierCounters:
    """What became of the requests of which a cached prefix was read."""

    read: int = 0
    """A cached prefix was read, and the receipt says which."""
    unknown: int = 0
    """One was read, and which one is not certain: the receipt does not say."""
    keyless: int = 0
    """One was read, and the account has no cache key: the receipt does not say which."""
    unannounced: int = 0
    """Hashes of vLLM that the engine did not announce as stored, and that are left out."""


class Identifiers:
    """Finds out which prefixes were read from a cache and written to it. Calls from several threads are safe.

    Each process remembers lengths of prefixes for itself, up to `lengths.MAX_LENGTHS` for an account and model. What it has forgotten, or what
    another process has seen, only leaves identifiers out.

    Args:
        keys: the cache keys by account, or a function that says the key of an account; an account without one gets no identifiers.
        vllm: the engine behind, whose own hashes identify what was read.
    """

    def __init__(self, keys: Keys, *, vllm: Vllm | None = None) -> None:
        self.counters = IdentifierCounters()
        self._keys: Callable[[str], CacheKey | None] = (
            keys.get if isinstance(keys, Mapping) else keys
        )
        self._vllm = vllm
        self._lengths = Lengths()
        self._keyless: set[str] = set()
        """Accounts of which the log says that they have no key."""

    def cache(
        self,
        account: str,
        model: str,
        body: Mapping[str, Any] | Prompt,
        counts: Counts,
        time_ms: int,
        tokens: Sequence[int] | None = None,
        source: Source | None = None,
    ) -> Cache | None:
        """What claim 12 of the receipt says; None: nothing that is certain.

        Args:
            account: who is billed.
            model: as in the receipt.
            body: as the customer sent it, or read before. One of another API than the recipe knows has no identifiers.
            counts: as in the receipt; of one model.
            time_ms: that of the receipt, whose month selects the key: give the receipt the same one.
            tokens: the token ids of the prompt, if the engine gave them (`prompt_token_ids`). They take the place of the text, unless
                they are not as many as were counted.
            source: as in the receipt. Without, no provider's rule says where the prefixes of a text end.

        Raises:
            ReceiptError: account, model or time can be in no receipt, or the key is another account's.
        """
        key = self._key(account, time_ms)
        limits.name("model", model)
        if key is None:
            self.counters.keyless += bool(counts.cached)
            return None
        if not (counts.cached or 0) <= counts.logical:
            return None
        prompt = body if isinstance(body, Prompt) else Prompt(body)
        found: Cache | None = None
        if tokens is not None and are_the_prompt(tokens, counts):
            found = self._of_tokens(key, model, prompt.body, counts, tokens)
        elif is_billed_by_marks(source):
            found = self._of_text(key, model, prompt, counts)
        if counts.cached:
            self.counters.read += found is not None and found.read is not None
            self.counters.unknown += found is None or found.read is None
        return found

    def look_ahead(self, account: str, prompt: Prompt, time_ms: int) -> None:
        """Find the prefixes of a request while its answer is made. Mostly that is of the model that it asks for, and of this month.

        Raises:
            ReceiptError: as `cache`.
        """
        model, marked = prompt.body.get("model"), prompt.marked
        key = None if marked is None else self._key(account, time_ms)
        if marked is not None and key is not None and isinstance(model, str):
            prompt.sent = marked.prefixes(key, model)

    def _key(self, account: str, time_ms: int) -> PeriodKey | None:
        limits.name("account", account)
        limits.instant("time", time_ms)
        key = self._keys(account)
        if key is None:
            if account not in self._keyless:
                self._keyless.add(account)
                _log.warning("account %a has no cache key: its receipts do not say which prefix was read", account)  # fmt: skip
            return None
        if key.account != account:
            raise ReceiptError("cache key", f"that of account {account!r}", repr(key.account))
        return _period_key(key, time_ms // _DAY_MS)

    def _of_text(self, key: PeriodKey, model: str, prompt: Prompt, counts: Counts) -> Cache | None:
        marked, sent = prompt.marked, prompt.sent
        if marked is None:
            return None
        if sent is None or (sent.account, sent.period, sent.model) != (key.account, key.period, model):  # fmt: skip
            sent = marked.prefixes(key, model)
        return text_cache(sent, counts, self._lengths)

    def _of_tokens(
        self,
        key: PeriodKey,
        model: str,
        body: Mapping[str, Any],
        counts: Counts,
        tokens: Sequence[int],
    ) -> Cache:
        """By token ids; the engine's own hash of what was read goes before, and that of what was written is there if it announced it."""
        cache = token_cache(key, model, tokens, counts)
        if self._vllm is None or counts.cached is None:
            return cache
        read = counts.cached
        written = read + sum((counts.writes or {}).values())
        own = self._vllm.entries(body, tokens, [n for n in {read, written} if n])
        announced = {n: entry for n, entry in own.items() if self._vllm.announced(entry)}
        self.counters.unannounced += len(own) - len(announced)
        if read in announced and cache.read is not None:
            commitments = [*cache.commitments, cache.read]
            cache = replace(cache, read=announced[read], commitments=commitments)
        if written > read and written in announced and self._vllm.events is not None:
            cache = replace(cache, writes=[announced[written]])
        return cache


_DAY_MS: Final = 86_400_000


@lru_cache(maxsize=1024)
def _period_key(key: CacheKey, day: int) -> PeriodKey:
    """The key of the month of a day since 1970."""
    return key.for_time(day * _DAY_MS)

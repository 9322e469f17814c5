"""vLLM's own block hashes, as identifiers that can be held against the events of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from receipts import limits
from receipts.cache_id import vllm_ids, vllm_recipe
from receipts.request import CacheEntry

NONE_HASH: Final = "vllm-none-hash"
"""The seed of an engine without ``$PYTHONHASHSEED``."""


class Stored(Protocol):
    """Knows which blocks an engine has stored (`receipts.prefixes.KvEvents`)."""

    def stored(self, block_hash: bytes) -> bool:
        """Whether the engine announced it."""


@dataclass(frozen=True, slots=True)
class Vllm:
    """A vLLM 0.33 with ``--prefix-caching-hash-algo sha256_cbor``. Its hashes have no key: whoever has a receipt can try prompts.

    Args:
        block_size: ``--block-size``, in tokens (or ``--prefix-match-unit``).
        seed: its ``$PYTHONHASHSEED``, if that is set.
        events: what it announces. Without, the hashes are computed and not held against anything: then the engine must have no
            LoRA adapters, which the hashes of their requests depend on, and which cannot be seen from here.

    Raises:
        ReceiptError: no recipe can have such a block size or seed.
    """

    block_size: int
    seed: str = NONE_HASH
    events: Stored | None = None

    def __post_init__(self) -> None:
        limits.uint("block_size", self.block_size, 1)
        limits.name("recipe", self.recipe)

    @property
    def recipe(self) -> str:
        """The name of the recipe."""
        return vllm_recipe(self.block_size, self.seed)

    def entries(
        self, body: Mapping[str, Any], tokens: Sequence[int], lengths: Sequence[int]
    ) -> dict[int, CacheEntry]:
        """The hashes of prefixes, by length. Left out are lengths that are no whole number of blocks, and requests with more than text."""
        whole = [n for n in lengths if 0 < n <= len(tokens) and n % self.block_size == 0]
        if not whole or not _is_text(body):
            return {}
        salt = body.get("cache_salt")
        extras = [[["cache_salt", salt]]] if salt else []
        hashes = vllm_ids(tokens[: max(whole)], self.block_size, self.seed, extras)
        return {n: CacheEntry(self.recipe, hashes[n // self.block_size - 1], n) for n in whole}

    def announced(self, entry: CacheEntry) -> bool:
        """Whether nothing speaks against an entry: the engine announced it, or announces nothing at all."""
        return self.events is None or self.events.stored(entry.id)


def _is_text(body: Mapping[str, Any]) -> bool:
    """Whether no more than text is in the prompt: the hashes of images depend on them, and not on token ids alone."""
    if body.get("prompt_embeds") is not None or not _is_salt(body.get("cache_salt")):
        return False
    if not isinstance(body.get("input") or "", str):
        return False
    messages = body.get("messages")
    return messages is None or (isinstance(messages, list) and all(map(_is_text_message, messages)))


def _is_salt(salt: Any) -> bool:
    """Whether it is none, or a text that has a form in UTF-8."""
    if not isinstance(salt, str):
        return salt is None
    return not any("\ud800" <= character <= "\udfff" for character in salt)


def _is_text_message(message: Any) -> bool:
    content = message.get("content") if isinstance(message, Mapping) else 0
    if isinstance(content, list):
        return all(isinstance(part, Mapping) and part.get("type") == "text" for part in content)
    return content is None or isinstance(content, str)

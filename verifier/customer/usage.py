"""What a provider's usage object says, in the terms of a receipt (spec/record.md, "A usage object")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from verifier.customer.jcs import CanonicalError, canonical

MOST: Final = 2**64
"""No receipt states such a number."""
_READ: Final = "cache_read_input_tokens"
_WRITTEN: Final = "cache_creation_input_tokens"
_BY_TTL: Final = {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 3600}


class UsageError(ValueError):
    """A usage object cannot be what it says: which field, and why."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts in tokens by name, ``writes`` by TTL in s. What is not stated is None, or not there."""

    counts: Mapping[str, int] = field(default_factory=dict)
    writes: Mapping[int, int] | None = None
    tier: str | None = None
    digest: bytes | None = None


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """What a usage object says, but for its hash.

    Raises:
        UsageError: a count is none.
    """
    counts, writes = _counts(usage)
    tier = usage.get("service_tier")
    if isinstance(tier, str):
        tier.encode()  # a lone surrogate is no text
    return Usage(counts, writes, tier if isinstance(tier, str) else None)


def hashed(usage: Mapping[str, Any]) -> bytes | None:
    """SHA-256 of a usage object in the form of RFC 8785; None: it has none."""
    try:
        return sha256(canonical(dict(usage))).digest()
    except CanonicalError:
        return None


def count(name: str, value: object) -> int:
    """A count, or a time, as a receipt may state it.

    Raises:
        UsageError: it is none.
    """
    if type(value) is not int or value < 0:
        raise UsageError(f"{name} is a whole number, found {value!r}")
    if value >= MOST:
        raise UsageError(f"{name} is a whole number below 2^64")
    return value


def _counts(usage: Mapping[str, Any]) -> tuple[dict[str, int], dict[int, int] | None]:
    iterations = usage.get("iterations")
    if usage.get("prompt_tokens") is not None:
        return _chat(usage)
    if isinstance(iterations, list) and iterations:
        return _anthropic(_summed(iterations))
    if usage.get(_READ) is not None and usage.get(_WRITTEN) is not None:
        return _anthropic(usage)
    if isinstance(usage.get("input_tokens_details"), Mapping):
        return _responses(usage)
    return _stated(usage, output=("output_tokens",)), None


def _chat(usage: Mapping[str, Any]) -> tuple[dict[str, int], dict[int, int] | None]:
    """The objects of OpenAI's chat completions, and of those who copy them."""
    counts = _stated(
        usage,
        logical=("prompt_tokens",),
        cached=("prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens"),
        output=("completion_tokens",),
        reasoning=("completion_tokens_details.reasoning_tokens",),
    )
    written = _stated(usage, writes=("prompt_tokens_details.cache_write_tokens", "prompt_tokens_details.cache_creation_tokens", _WRITTEN))  # fmt: skip
    return counts, {0: written["writes"]} if written else {}


def _responses(usage: Mapping[str, Any]) -> tuple[dict[str, int], dict[int, int] | None]:
    counts = _stated(
        usage,
        logical=("input_tokens",),
        cached=("input_tokens_details.cached_tokens",),
        output=("output_tokens",),
        reasoning=("output_tokens_details.reasoning_tokens",),
    )
    written = _stated(usage, writes=("input_tokens_details.cache_write_tokens",))
    return counts, {0: written["writes"]} if written else {}


def _anthropic(usage: Mapping[str, Any]) -> tuple[dict[str, int], dict[int, int] | None]:
    """``input_tokens`` are only those that were neither read from a cache nor written to one."""
    plain, read, written = (
        count(name, usage.get(name, 0)) for name in ("input_tokens", _READ, _WRITTEN)
    )
    counts = {"logical": plain + read + written, "cached": read}
    counts |= _stated(usage, output=("output_tokens",))
    parts = usage.get("cache_creation")
    by_ttl = {
        ttl: count(name, parts[name])
        for name, ttl in _BY_TTL.items()
        if isinstance(parts, Mapping) and parts.get(name) is not None
    }
    rest = written - sum(by_ttl.values())
    return counts, by_ttl | {0: rest} if rest > 0 else by_ttl


def _summed(iterations: list[Any]) -> dict[str, Any]:
    """Anthropic's top level leaves out some of the iterations of a response; the response is their sum."""
    if not all(isinstance(part, Mapping) for part in iterations):
        raise UsageError("iterations is an array of usage objects")
    names = ("input_tokens", _READ, _WRITTEN, "output_tokens")
    whole: dict[str, Any] = {
        name: sum(count(name, part.get(name, 0)) for part in iterations) for name in names
    }
    parts = [part.get("cache_creation") for part in iterations]
    if all(isinstance(part, Mapping) for part in parts):
        whole["cache_creation"] = {
            name: sum(count(name, part.get(name, 0)) for part in parts) for name in _BY_TTL
        }
    return whole


def _stated(usage: Mapping[str, Any], **paths: tuple[str, ...]) -> dict[str, int]:
    """Of each count, the first of some places that states it."""
    counts = {}
    for name, places in paths.items():
        for place in places:
            outer, _, inner = place.rpartition(".")
            within = usage.get(outer) if outer else usage
            value = within.get(inner) if isinstance(within, Mapping) else None
            if value is not None:
                counts[name] = count(place, value)
                break
    return counts

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
    if isinstance(iterations, list) and iterations:
        return _anthropic(_summed(iterations))
    if usage.get(_READ) is not None and usage.get(_WRITTEN) is not None:
        return _anthropic(usage)
    return _openai(usage), None


def _openai(usage: Mapping[str, Any]) -> dict[str, int]:
    """The objects of OpenAI, and of those who copy them."""
    chat = _stated(
        usage,
        logical=("prompt_tokens",),
        cached=("prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens", "cached_tokens"),
        output=("completion_tokens",),
        reasoning=("completion_tokens_details.reasoning_tokens",),
    )
    if "logical" in chat or not isinstance(usage.get("input_tokens_details"), Mapping):
        return chat if "logical" in chat else {}
    return _stated(
        usage,
        logical=("input_tokens",),
        cached=("input_tokens_details.cached_tokens",),
        output=("output_tokens",),
        reasoning=("output_tokens_details.reasoning_tokens",),
    )


def _anthropic(usage: Mapping[str, Any]) -> tuple[dict[str, int], dict[int, int] | None]:
    """``input_tokens`` are only those that were neither read from a cache nor written to one."""
    plain, read, written = (
        count(name, usage.get(name, 0)) for name in ("input_tokens", _READ, _WRITTEN)
    )
    counts = {"logical": plain + read + written, "cached": read}
    counts |= _stated(usage, output=("output_tokens",))
    parts = usage.get("cache_creation")
    if not isinstance(parts, Mapping) or not parts.keys() & _BY_TTL.keys():
        return counts, {0: written}
    by_ttl = {
        ttl: count(name, parts[name])
        for name, ttl in _BY_TTL.items()
        if parts.get(name) is not None
    }
    return counts, by_ttl if sum(by_ttl.values()) == written else {0: written}


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

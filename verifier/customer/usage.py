"""What a provider's usage object says, in the terms of a receipt (spec/record.md, "A usage object")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from verifier.customer.jcs import CanonicalError, canonical

MOST: Final = 2**64
"""No receipt states such a number."""
_READ: Final = "cache_read_input_tokens"
_WRITTEN: Final = "cache_creation_input_tokens"
_BY_TTL: Final = {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 3600}


_KINDS: Final = ("audio", "image", "video", "document")
_BY_KIND: Final = {
    "input": ("prompt_tokens_details", "input_tokens_details"),
    "output": ("completion_tokens_details", "output_tokens_details"),
}
"""Members that have tokens by kind, by what they lie in."""
_BY_MODALITY: Final = {
    "input": ("promptTokensDetails", "toolUsePromptTokensDetails"),
    "cached": ("cacheTokensDetails",),
    "output": ("candidatesTokensDetails",),
}
"""The same at Google, as arrays."""


class UsageError(ValueError):
    """A usage object cannot be what it says: which field, and why."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts in tokens by name, ``writes`` by TTL in s, ``units`` by name. What is not stated is None, or not there."""

    counts: Mapping[str, int] = field(default_factory=dict)
    writes: Mapping[int, int] | None = None
    units: Mapping[str, int] = field(default_factory=dict)
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
    return Usage(counts, writes, _units(usage), tier if isinstance(tier, str) else None)


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
    if usage.get("promptTokenCount") is not None:
        return _google(usage), {}
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


def _google(usage: Mapping[str, Any]) -> dict[str, int]:
    """Google leaves out what is zero, and counts thoughts beside the candidates."""
    prompt, tools, cached, candidates, thoughts = (
        count(name, usage.get(name) or 0)
        for name in (
            "promptTokenCount",
            "toolUsePromptTokenCount",
            "cachedContentTokenCount",
            "candidatesTokenCount",
            "thoughtsTokenCount",
        )
    )
    output = candidates + thoughts
    return {"logical": prompt + tools, "cached": cached, "output": output, "reasoning": thoughts}


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


def _units(usage: Mapping[str, Any]) -> dict[str, int]:
    """The units that an object states: calls of tools, and tokens by kind."""
    units = _stated(
        usage, **{"requests.web_search": ("server_tool_use.web_search_requests",),
                  "requests.web_fetch": ("server_tool_use.web_fetch_requests",)},
    )  # fmt: skip
    for inside, members in _BY_KIND.items():
        for kind in _KINDS:
            places = tuple(f"{member}.{kind}_tokens" for member in members)
            units |= _stated(usage, **{f"{inside}.{kind}": places})
    for inside, lists in _BY_MODALITY.items():
        for member in lists:
            for unit, tokens in _modalities(inside, usage.get(member)):
                units[unit] = units.get(unit, 0) + tokens
    return units


def _modalities(inside: str, details: object) -> Iterator[tuple[str, int]]:
    """Tokens by modality, as Google lists them: an entry without a count has none."""
    for entry in details if isinstance(details, list) else ():
        kind = str(entry.get("modality")).lower() if isinstance(entry, Mapping) else None
        if kind in _KINDS:
            yield f"{inside}.{kind}", count(f"{inside}.{kind}", entry.get("tokenCount") or 0)


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

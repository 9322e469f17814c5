"""What a provider's usage object says, in the terms of a receipt (spec/record.md, "A usage object")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from verifier.customer.jcs import CanonicalError, canonical
from verifier.customer.usage_members import UsageError, count, stated
from verifier.customer.usage_units import units
from verifier.format.claims import TokenCounts

_READ: Final = "cache_read_input_tokens"
_WRITTEN: Final = "cache_creation_input_tokens"
_BY_TTL: Final = {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 3600}


_SEVERAL: Final = 2
_BEYOND_TOTAL: Final = frozenset({"ai-gateway.vercel.sh", "api.perplexity.ai"})
"""Hosts that bill reasoning and citations beside the completion, and leave them out of the total."""
_BEYOND: Final = frozenset({"reasoning_tokens", "citation_tokens"})


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts in tokens by name, ``writes`` by TTL in s, ``units`` by name. What is not stated is None, or not there."""

    counts: Mapping[str, int] = field(default_factory=dict)
    writes: Mapping[int, int] | None = None
    units: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, TokenCounts] | None = None
    """The counts by model, where the object shows several; an empty name is the model of the response."""
    tier: str | None = None
    digest: bytes | None = None


def read_usage(usage: Mapping[str, Any], host: str | None = None) -> Usage:
    """What a usage object says, but for its hash.

    Args:
        usage: the object.
        host: where it comes from, if that is known: some count more than their totals say.

    Raises:
        UsageError: a count is none.
    """
    counts, writes = _counts(usage)
    if host in _BEYOND_TOTAL and (counts.get("reasoning") or not _BEYOND.isdisjoint(usage)):
        counts.pop("output", None)
    tier = usage.get("service_tier")
    if isinstance(tier, str):
        tier.encode()  # a lone surrogate is no text
    return Usage(
        counts,
        writes,
        units(usage, counts),
        _models(usage),
        tier if isinstance(tier, str) else None,
    )


def hashed(usage: Mapping[str, Any]) -> bytes | None:
    """SHA-256 of a usage object in the form of RFC 8785; None: it has none."""
    try:
        return sha256(canonical(dict(usage))).digest()
    except CanonicalError:
        return None


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
    return stated(usage, output=("output_tokens",)), None


def _chat(usage: Mapping[str, Any]) -> tuple[dict[str, int], dict[int, int] | None]:
    """The objects of OpenAI's chat completions, and of those who copy them."""
    counts = stated(
        usage,
        logical=("prompt_tokens",),
        cached=("prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens", "cached_tokens"),
        output=("completion_tokens",),
        reasoning=("completion_tokens_details.reasoning_tokens",),
    )
    _settle_total(usage, counts)
    written = stated(usage, writes=("prompt_tokens_details.cache_write_tokens", "prompt_tokens_details.cache_creation_tokens", _WRITTEN))  # fmt: skip
    return counts, {0: written["writes"]} if written else {}


def _settle_total(usage: Mapping[str, Any], counts: dict[str, int]) -> None:
    """The total tells what is beside the prompt or the completion; where it fits nothing, the two are not known."""
    beside = stated(usage, total=("total_tokens",), audio=("prompt_tokens_details.audio_tokens",))
    logical, output = counts.get("logical", 0), counts.get("output", 0)
    rest = beside.get("total", logical + output) - logical - output
    if rest and rest == counts.get("reasoning"):
        counts["output"] = output + rest
    elif rest and rest == beside.get("audio"):
        counts["logical"] = logical + rest
    elif rest or ("total" not in beside and usage.get("reasoning_tokens")):
        counts.pop("logical", None)
        counts.pop("output", None)


def _responses(usage: Mapping[str, Any]) -> tuple[dict[str, int], dict[int, int] | None]:
    counts = stated(
        usage,
        logical=("input_tokens",),
        cached=("input_tokens_details.cached_tokens",),
        output=("output_tokens",),
        reasoning=("output_tokens_details.reasoning_tokens",),
    )
    written = stated(usage, writes=("input_tokens_details.cache_write_tokens",))
    return counts, {0: written["writes"]} if written else {}


def _google(usage: Mapping[str, Any]) -> dict[str, int]:
    """Google leaves out what is zero, and counts thoughts beside the candidates. Embeddings have no output, and no total."""
    names = (
        "promptTokenCount", "toolUsePromptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "responseTokenCount",
        "thoughtsTokenCount",
    )  # fmt: skip
    prompt, tools, cached, candidates, response, thoughts = (
        count(name, usage.get(name) or 0) for name in names
    )
    if usage.get("totalTokenCount") is None:
        return {"logical": prompt + tools}
    output = candidates + response + thoughts
    if count("totalTokenCount", usage["totalTokenCount"]) != prompt + tools + output:
        return {"cached": cached, "reasoning": thoughts}
    return {"logical": prompt + tools, "cached": cached, "output": output, "reasoning": thoughts}


def _anthropic(usage: Mapping[str, Any]) -> tuple[dict[str, int], dict[int, int] | None]:
    """``input_tokens`` are only those that were neither read from a cache nor written to one."""
    plain, read, written = (_count(name, usage) for name in ("input_tokens", _READ, _WRITTEN))
    counts = {"logical": plain + read + written, "cached": read}
    counts |= stated(usage, output=("output_tokens",))
    parts = usage.get("cache_creation")
    by_ttl = {
        ttl: count(name, parts[name])
        for name, ttl in _BY_TTL.items()
        if isinstance(parts, Mapping) and parts.get(name) is not None
    }
    rest = written - sum(by_ttl.values())
    return counts, by_ttl | {0: rest} if rest > 0 else by_ttl


def _count(name: str, usage: Mapping[str, Any]) -> int:
    """A count that is 0 where it is not stated."""
    return 0 if usage.get(name) is None else count(name, usage[name])


def _models(usage: Mapping[str, Any]) -> dict[str, TokenCounts] | None:
    """Anthropic's iterations, by the model that each names."""
    iterations = usage.get("iterations")
    if not isinstance(iterations, list) or usage.get("prompt_tokens") is not None:
        return None
    by_model: dict[str, list[Any]] = {}
    for part in iterations:
        name = part.get("model") if isinstance(part, Mapping) else None
        by_model.setdefault(name if isinstance(name, str) else "", []).append(part)
    if len(by_model) < _SEVERAL:
        return None
    found = {}
    for name, parts in by_model.items():
        counts, _ = _anthropic(_summed(parts))
        found[name] = TokenCounts(counts["logical"], None, None, None, counts.get("output"), None)
    return found


def _summed(iterations: list[Any]) -> dict[str, Any]:
    """Anthropic's top level leaves out some of the iterations of a response; the response is their sum."""
    if not all(isinstance(part, Mapping) for part in iterations):
        raise UsageError("iterations is an array of usage objects")
    names = ("input_tokens", _READ, _WRITTEN, "output_tokens")
    whole: dict[str, Any] = {name: sum(_count(name, part) for part in iterations) for name in names}
    parts = [part.get("cache_creation") for part in iterations]
    if all(isinstance(part, Mapping) for part in parts):
        whole["cache_creation"] = {
            name: sum(_count(name, part) for part in parts) for name in _BY_TTL
        }
    return whole

"""What a receipt says of its request, checked and put under the integer keys of `receipts.labels`: claims 8 to 16.

Nothing is clamped and nothing is guessed: what breaks a rule of spec/receipt.md raises `ReceiptError`, and nothing is signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from receipts import limits
from receipts.charge import charge_claims
from receipts.errors import ReceiptError
from receipts.labels import CACHE, CACHE_ENTRY, INPUT, RECEIPT, SOURCE
from receipts.labels import OUTPUT as OUTPUT_LABELS
from receipts.request import Cache, CacheEntry, Charge, Counts, Source

# The labels that every receipt needs, looked up once.
_REQUEST: Final = RECEIPT["request"]
_MODEL: Final = RECEIPT["model"]
_INPUT: Final = RECEIPT["input"]
_OUTPUT: Final = RECEIPT["output"]
_SOURCE: Final = RECEIPT["source"]
_TAGS: Final = RECEIPT["tags"]
_LOGICAL: Final = INPUT["logical"]
_CACHED: Final = INPUT["cached"]
_ATTRIBUTED: Final = INPUT["attributed"]
_WRITES: Final = INPUT["writes"]
_TOKENS: Final = OUTPUT_LABELS["tokens"]
_REASONING: Final = OUTPUT_LABELS["reasoning"]


def request_claims(
    request: str,
    model: str,
    counts: Counts,
    source: Source | None = None,
    cache: Cache | None = None,
    charge: Charge | None = None,
    tags: Mapping[str, str] | None = None,
    client: bytes | None = None,
) -> dict[int, object]:
    """The claims of a receipt that do not depend on its place, in the order of their labels.

    The arguments are those of `receipts.request.Request`. Without an entry, ``tags`` are left out.

    Raises:
        ReceiptError: a field breaks a rule of spec/receipt.md.
    """
    claims: dict[int, object] = {
        _REQUEST: limits.name("request", request),
        _MODEL: limits.name("model", model),
        _INPUT: _input(counts),
    }
    if (output := _output(counts)) is not None:
        claims[_OUTPUT] = output
    if cache is not None:
        claims[RECEIPT["cache"]] = _cache(cache, counts)
    if source is not None:
        claims[_SOURCE] = _source(source)
    if charge is not None:
        claims[RECEIPT["charge"]] = charge_claims(charge, counts)
    if tags:
        claims[_TAGS] = _tags(tags)
    if client is not None:
        claims[RECEIPT["client"]] = limits.octets("client", client)
    return claims


def _input(counts: Counts) -> dict[int, Any]:
    """Identities 1 and 2."""
    logical, cached = limits.uint("input.logical", counts.logical), counts.cached
    claims: dict[int, Any] = {_LOGICAL: logical}
    computed = logical
    if cached is not None:
        if limits.uint("input.cached", cached) > logical:
            raise ReceiptError("input.cached", f"at most logical, {logical}", cached)
        computed = logical - cached
        claims[_CACHED], claims[_ATTRIBUTED] = cached, computed
    if counts.writes is not None:
        claims[_WRITES] = _writes(counts.writes, computed)
    return claims


def _writes(writes: Mapping[int, int], computed: int) -> dict[int, int]:
    limits.entries("input.writes", writes, limits.MAX_WRITES)
    checked = {
        limits.uint("input.writes TTL", ttl): limits.uint(f"input.writes.{ttl}", writes[ttl])
        for ttl in sorted(writes)
    }
    written = sum(checked.values())
    if written > computed:
        raise ReceiptError("input.writes", f"at most the computed tokens, {computed}", written)
    return checked


def _output(counts: Counts) -> dict[int, int] | None:
    """Identity 3."""
    if counts.output is None:
        if counts.reasoning is not None:
            raise ReceiptError(
                "output.reasoning", "nothing without output tokens", counts.reasoning
            )
        return None
    claims = {_TOKENS: limits.uint("output.tokens", counts.output)}
    if counts.reasoning is not None:
        claims[_REASONING] = limits.uint("output.reasoning", counts.reasoning)
        if counts.reasoning > counts.output:
            raise ReceiptError("output.reasoning", f"at most {counts.output}", counts.reasoning)
    return claims


def _cache(cache: Cache, counts: Counts) -> dict[int, Any]:
    """Identity 4."""
    claims: dict[int, Any] = {}
    if cache.read is not None:
        if not counts.cached or cache.read.prefix != counts.cached:
            expected = f"the cached tokens, {counts.cached}" if counts.cached else "no read"
            raise ReceiptError("cache.read.prefix", expected, cache.read.prefix)
        claims[CACHE["read"]] = _entry("cache.read", cache.read, counts.logical)
    for kind, entries in (("writes", cache.writes), ("commitments", cache.commitments)):
        if entries:
            limits.entries(f"cache.{kind}", entries)
            claims[CACHE[kind]] = [
                _entry(f"cache.{kind}.{i}", entry, counts.logical)
                for i, entry in enumerate(entries)
            ]
    if not claims:
        raise ReceiptError("cache", "at least one entry", "none")
    return claims


def _entry(field: str, entry: CacheEntry, logical: int) -> dict[int, Any]:
    return {
        CACHE_ENTRY["recipe"]: limits.name(f"{field}.recipe", entry.recipe),
        CACHE_ENTRY["id"]: limits.octets(f"{field}.id", entry.id),
        CACHE_ENTRY["prefix"]: limits.uint(f"{field}.prefix", entry.prefix, 1, logical),
    }


def _source(source: Source) -> dict[int, Any]:
    claims: dict[int, Any] = {
        SOURCE["provider"]: limits.name("source.provider", source.provider),
        SOURCE["api"]: limits.name("source.api", source.api),
    }
    if source.usage is not None:
        claims[SOURCE["usage"]] = limits.digest("source.usage", source.usage)
    if source.tier is not None:
        claims[SOURCE["tier"]] = limits.name("source.tier", source.tier)
    if source.miss is not None:
        claims[SOURCE["miss"]] = limits.name("source.miss", source.miss)
    return claims


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    limits.entries("tags", tags)
    checked = {
        limits.name("tags key", key): limits.name(f"tags.{key}", value, 0)
        for key, value in tags.items()
    }
    return {key: checked[key] for key in sorted(checked, key=_encoded_order)}


def _encoded_order(key: str) -> tuple[int, bytes]:
    """Shorter keys first, then bytewise: the order of their encodings (RFC 8949 section 4.2.1)."""
    encoded = key.encode()
    return len(encoded), encoded

"""What a receipt says of its request, checked and put under the integer keys of `receipts.labels`: claims 8 to 20.

Nothing is clamped and nothing is guessed: what breaks a rule of spec/receipt.md raises `ReceiptError`, and nothing is signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Unpack

from receipts import limits
from receipts.charge import charge_claims
from receipts.count_claims import input_claims, model_claims, output_claims, unit_claims
from receipts.errors import ReceiptError
from receipts.labels import CACHE, CACHE_ENTRY, CORRECTS, RECEIPT, SOURCE, SPAN
from receipts.request import Cache, CacheEntry, Corrected, Counts, Request, Source
from receipts.units import is_by_time

# The labels that every receipt needs, looked up once.
_REQUEST: Final = RECEIPT["request"]
_MODEL: Final = RECEIPT["model"]
_INPUT: Final = RECEIPT["input"]
_OUTPUT: Final = RECEIPT["output"]
_SOURCE: Final = RECEIPT["source"]
_TAGS: Final = RECEIPT["tags"]


def request_claims(**request: Unpack[Request]) -> dict[int, object]:
    """The claims of a receipt that do not depend on its place, in the order of their labels.

    The arguments are those of `receipts.request.Request`. Without an entry, ``tags`` and ``units`` are left out.

    Raises:
        ReceiptError: a field breaks a rule of spec/receipt.md.
    """
    counts, source, tags = request["counts"], request.get("source"), request.get("tags")
    claims: dict[int, object] = {
        _REQUEST: limits.name("request", request["request"]),
        _MODEL: limits.name("model", request["model"]),
        _INPUT: input_claims(counts),
    }
    if (output := output_claims(counts)) is not None:
        claims[_OUTPUT] = output
    if (cache := request.get("cache")) is not None:
        claims[RECEIPT["cache"]] = _cache(cache, counts)
    if source is not None:
        claims[_SOURCE] = _source(source)
        if source.observed:
            _check_observed(request)
    if (charge := request.get("charge")) is not None:
        claims[RECEIPT["charge"]] = charge_claims(charge, counts, request.get("models"))
    if tags:
        claims[_TAGS] = _tags(tags)
    if (client := request.get("client")) is not None:
        claims[RECEIPT["client"]] = limits.octets("client", client)
    if counts.units:
        claims[RECEIPT["units"]] = unit_claims(counts)
    return claims | _unusual(request, counts)


def _unusual(request: Request, counts: Counts) -> dict[int, object]:
    """Claims 18 to 20, which few receipts have."""
    claims: dict[int, object] = {}
    if (models := request.get("models")) is not None:
        claims[RECEIPT["models"]] = model_claims(models, counts)
    if (span := request.get("span")) is not None:
        _check_span(request, counts)
        end = limits.uint(
            "span.end", span.end, limits.instant("span.start", span.start) + 1, limits.MAX_TIME
        )
        claims[RECEIPT["span"]] = {SPAN["start"]: span.start, SPAN["end"]: end}
    if (corrects := request.get("corrects")) is not None:
        claims[RECEIPT["corrects"]] = _corrects(corrects)
    return claims


def _check_span(request: Request, counts: Counts) -> None:
    """Identity 8."""
    for field, expected, is_right in (
        (
            "input",
            "0 logical and 0 cached tokens",
            (counts.logical, counts.cached, counts.writes) == (0, 0, None),
        ),
        ("output", "nothing for a span of time", counts.output is None),
        ("cache", "nothing for a span of time", request.get("cache") is None),
        ("client", "nothing for a span of time", request.get("client") is None),
        ("units", "units of time", all(map(is_by_time, counts.units or ("",)))),
        ("models", "nothing for a span of time", request.get("models") is None),
    ):
        if not is_right:
            raise ReceiptError(field, expected, "something else")


def _corrects(corrects: Corrected) -> dict[int, object]:
    billed = corrects.billed
    claims: dict[int, object] = {
        CORRECTS["receipt"]: limits.digest("corrects.receipt", corrects.receipt),
        CORRECTS["input"]: input_claims(billed.counts),
    }
    if (output := output_claims(billed.counts)) is not None:
        claims[CORRECTS["output"]] = output
    if billed.counts.units:
        claims[CORRECTS["units"]] = unit_claims(billed.counts)
    if billed.currency is not None:
        claims[CORRECTS["currency"]] = limits.currency("corrects.currency", billed.currency)
        claims[CORRECTS["amount"]] = limits.uint("corrects.amount", billed.amount)
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
    if source.terms:
        limits.entries("source.terms", source.terms, limits.MAX_TERMS)
        terms = [limits.name("source.terms key", term) for term in source.terms]
        claims[SOURCE["terms"]] = {
            term: limits.name(f"source.terms.{term}", source.terms[term])
            for term in limits.sorted_keys(terms)
        }
    if source.observed:
        if source.usage is None:
            raise ReceiptError("source.usage", "the hash of what was observed", "none")
        claims[SOURCE["observed"]] = 1
    return claims


def _check_observed(request: Request) -> None:
    """An observer bills nothing, and sees calls only (spec/receipt.md, 13)."""
    for field, there in (("charge", request.get("charge")), ("span", request.get("span"))):
        if there is not None:
            raise ReceiptError(field, "none of an observer", "one")


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    limits.entries("tags", tags)
    checked = {
        limits.name("tags key", key): limits.name(f"tags.{key}", value, 0)
        for key, value in tags.items()
    }
    return {key: checked[key] for key in limits.sorted_keys(checked)}

"""From decoded CBOR to the claims of a receipt (verification step 6).

One function a table of spec/receipt.md, in the order of the tables. What leaves this module has every field of the right type and size;
whether the values agree with each other is another question.
"""

from __future__ import annotations

from typing import Any

from verifier.format import labels
from verifier.format.charge_schema import charge, currency
from verifier.format.claims import (
    CacheEntry,
    Charge,
    ChargeLine,
    Corrected,
    Receipt,
    Source,
    Span,
    TokenCounts,
)
from verifier.format.counts_schema import counts, units
from verifier.format.fields import (
    ClaimsError,
    Fields,
    digest,
    instant,
    listed,
    name,
    name_map,
    period_end,
    positive,
    short_bytes,
    text,
    uint,
    version,
)


def receipt(value: Any) -> Receipt:
    """The claims of a receipt.

    Raises:
        ClaimsError: a field is missing, unknown, or of a wrong type or size.
    """
    fields = Fields(value, labels.RECEIPT, "")
    fields.take("version", version)
    issuer, account, stream = (fields.take(n, name) for n in ("issuer", "account", "stream"))
    sequence = fields.take("sequence", uint)
    previous = fields.take("previous", digest) if sequence else None
    time, request, model = fields.take("time", instant), *fields.take_all(name, "request", "model")
    tokens = counts(fields)
    cache = fields.maybe("cache", _cache) or (None, (), ())
    source, paid = fields.maybe("source", _source), fields.maybe("charge", charge)
    tags, client = fields.maybe("tags", _tags), fields.maybe("client", short_bytes)
    quantities, models = fields.maybe("units", units), fields.maybe("models", _models)
    span, corrects = fields.maybe("span", _span), fields.maybe("corrects", _corrects)
    fields.end()
    if paid is not None:
        _check_models(paid.lines, models)
    if source is not None and source.observed:
        _check_observed(paid, span)
    place = (issuer, account, stream, sequence, previous, time, request, model)
    more = (source, paid, tags, client, quantities, models, span, corrects)
    return Receipt._make((*place, *tokens, *cache, *more))


def _check_models(lines: tuple[ChargeLine, ...], models: dict[str, TokenCounts] | None) -> None:
    """A line says whose tokens it prices if and only if several models made the response."""
    for i, line in enumerate(lines):
        if (line.model is not None) if models is None else (line.model not in models):
            expected = "nothing without claim 18" if models is None else "one of the models"
            raise ClaimsError(f"charge.lines.{i}.model", expected, line.model)


def _check_observed(paid: Charge | None, span: Span | None) -> None:
    """An observer bills nothing, and sees calls only."""
    for field, there in (("charge", paid is not None), ("span", span is not None)):
        if there:
            raise ClaimsError(field, "nothing where source.observed is", "something")


def _cache(
    value: Any, path: str
) -> tuple[CacheEntry | None, tuple[CacheEntry, ...], tuple[CacheEntry, ...]]:
    fields = Fields(value, labels.CACHE, path)
    if not value:
        raise ClaimsError(path, "at least one field", value)
    read = fields.maybe("read", _cache_entry)
    writes = fields.maybe("writes", _cache_entries) or ()
    commitments = fields.maybe("commitments", _cache_entries) or ()
    fields.end()
    return read, writes, commitments


def _cache_entries(value: Any, path: str) -> tuple[CacheEntry, ...]:
    return tuple(
        _cache_entry(entry, f"{path}.{i}") for i, entry in enumerate(listed(value, path, 64))
    )


def _cache_entry(value: Any, path: str) -> CacheEntry:
    fields = Fields(value, labels.CACHE_ENTRY, path)
    entry = CacheEntry(
        fields.take("recipe", name), fields.take("id", short_bytes), fields.take("prefix", positive)
    )
    fields.end()
    return entry


def _source(value: Any, path: str) -> Source:
    fields = Fields(value, labels.SOURCE, path)
    source = Source(
        fields.take("provider", name),
        fields.take("api", name),
        fields.maybe("usage", digest),
        fields.maybe("tier", name),
        fields.maybe("miss", name),
        fields.maybe("terms", _terms),
        fields.maybe("observed", _observed) is not None,
    )
    fields.end()
    if source.observed and source.usage is None:
        raise ClaimsError(f"{path}.usage", "this field where observed is", None)
    return source


def _observed(value: Any, path: str) -> int:
    if value != 1:
        raise ClaimsError(path, "1", value)
    return 1


def _terms(value: Any, path: str) -> dict[str, str]:
    return name_map(value, path, 16, name)


def _tags(value: Any, path: str) -> dict[str, str]:
    return name_map(value, path, 64, _tag)


def _tag(value: Any, path: str) -> str:
    return text(value, path, 0)


def _models(value: Any, path: str) -> dict[str, TokenCounts]:
    if not isinstance(value, dict) or not 2 <= len(value) <= 16:
        raise ClaimsError(path, "a map of 2 to 16 entries", value)
    return name_map(value, path, 16, _model)


def _model(value: Any, path: str) -> TokenCounts:
    fields = Fields(value, labels.MODEL, path)
    tokens = counts(fields)
    fields.end()
    return tokens


def _span(value: Any, path: str) -> Span:
    fields = Fields(value, labels.SPAN, path)
    span = Span(fields.take("start", instant), fields.take("end", period_end))
    fields.end()
    if span.end <= span.start:
        raise ClaimsError(f"{path}.end", f"more than start, {span.start}", span.end)
    return span


def _corrects(value: Any, path: str) -> Corrected:
    fields = Fields(value, labels.CORRECTS, path)
    receipt, tokens = fields.take("receipt", digest), counts(fields)
    quantities, paid = fields.maybe("units", units), fields.maybe("currency", currency)
    amount = None if paid is None else fields.take("amount", uint)
    fields.end()
    return Corrected(receipt, tokens, quantities, paid, amount)

"""Lines that say what is right in place of what a receipt said, and the last word on a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from cli.usage import Octets, Time
from receipts import (
    Cache,
    CacheEntry,
    Charge,
    ChargeLine,
    Counts,
    Request,
    Source,
    Span,
    corrected,
    repriced,
)
from receipts.ingest import read_usage, usage_hash
from receipts.ratecard import RateCard, price
from verifier import CacheEntry as PrefixEntry
from verifier import Receipt, TokenCounts, UnverifiedItem

Count = Annotated[int, Field(strict=True, ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Counts(_Strict):
    """What is right; what is not named stays as it was, and null takes a count out."""

    logical: Count | None = None
    cached: Count | None = None
    writes: dict[int, Count] | None = None
    output: Count | None = None
    reasoning: Count | None = None
    units: dict[StrictStr, Count] | None = None

    def counts(self, before: Counts) -> Counts:
        """The counts, where ``before`` is what was said."""
        if "logical" in self.model_fields_set and self.logical is None:
            raise ValueError("counts.logical: every receipt states it")
        fields = {
            name: getattr(self if name in self.model_fields_set else before, name)
            for name in type(self).model_fields
        }
        return Counts(**fields)


class _ChargeLine(_Strict):
    line_class: Annotated[int, Field(strict=True, alias="class")]
    quantity: Count
    rate: Count
    ttl: Count | None = None
    unit: StrictStr | None = None
    per: Annotated[int, Field(strict=True, ge=1)] = 1
    model: StrictStr | None = None


class _Charge(_Strict):
    currency: StrictStr
    card: Octets
    lines: list[_ChargeLine]

    def charge(self) -> Charge:
        return Charge(
            self.currency, self.card, [ChargeLine(**line.model_dump()) for line in self.lines]
        )


class CorrectionLine(_Strict):
    """A line of a file of corrections: the request, and what is right of it."""

    request: StrictStr
    counts: _Counts | None = None
    models: dict[StrictStr, _Counts] | None = None
    usage: dict[str, Any] | None = None
    charge: _Charge | None = None
    model: StrictStr | None = None
    time: Time | None = None
    stream: StrictStr | None = None

    def told(self, raw: bytes, claims: Receipt, card: RateCard | None) -> Request:
        """What the correction says; ``raw`` is the receipt that it corrects, and ``card`` charges it, if one is given.

        Raises:
            UsageError: the usage object does not say what a receipt needs.
            ReceiptError: the receipt's rates do not say what these counts cost.
            UnpricedError: the card has no price for it, or none that is one number.
        """
        counts, models, source = self._counts(claims)
        told: Request = {
            "request": claims.request, "model": self.model or claims.model, "counts": counts, "source": source,
            "charge": self._charge(claims, counts, models, source, card), "tags": claims.tags, "client": claims.client,
            "cache": _cache(claims, counts),
            "corrects": corrected(raw),
        }  # fmt: skip
        if models is not None:
            told["models"] = models
        if claims.span is not None:
            told["span"] = Span(*claims.span)
        return told

    def _counts(self, claims: Receipt) -> tuple[Counts, Mapping[str, Counts] | None, Source | None]:
        """The counts, those by model, and where they come from."""
        source = None if claims.source is None else Source(**claims.source._asdict())
        if self.usage is not None:
            if source is None:
                raise ValueError("usage: the receipt names no provider: state counts")
            reading = read_usage(source.provider, source.api, self.usage)
            source = replace(source, usage=usage_hash(self.usage))
            return reading.counts, None, source
        before = _counts(claims.counts, claims.units)
        counts = before if self.counts is None else self.counts.counts(before)
        models = {name: _counts(own) for name, own in (claims.models or {}).items()}
        for name, own in (self.models or {}).items():
            models[name] = own.counts(models.get(name, Counts(0)))
        return counts, models or None, source

    def _charge(
        self,
        claims: Receipt,
        counts: Counts,
        models: Mapping[str, Counts] | None,
        source: Source | None,
        card: RateCard | None,
    ) -> Charge | None:
        if self.charge is not None:
            return self.charge.charge()
        if card is not None:
            if claims.corrects is not None:
                # A card has the price of the first receipt's time, which a correction does not state.
                raise ValueError("charge: the request was corrected before; state the lines")
            return price(card, self.model or claims.model, counts, source, claims.time, models)
        charge = _charge_of(claims)
        if charge is not None and models is not None:
            raise ValueError("charge: it is by model; state the lines that are right")
        return None if charge is None else repriced(charge, counts)


def _counts(counts: TokenCounts, units: Mapping[str, int] | None = None) -> Counts:
    return Counts(
        counts.logical, counts.cached, counts.writes, counts.output, counts.reasoning, units
    )


def _cache(claims: Receipt, counts: Counts) -> Cache | None:
    """The identifiers that still fit: that of what was read only if as much was."""
    same = claims.cached == counts.cached
    read = _entry(claims.cache_read) if same and claims.cache_read is not None else None
    writes, commitments = (
        [_entry(one) for one in entries if one.prefix <= counts.logical]
        for entries in (claims.cache_writes, claims.commitments)
    )
    return Cache(read, writes, commitments) if read or writes or commitments else None


def _entry(entry: PrefixEntry) -> CacheEntry:
    return CacheEntry(entry.recipe, entry.id, entry.prefix)


def is_said(told: Request, claims: Receipt) -> bool:
    """Whether a receipt says already what a correction of it would."""
    models = {name: _counts(own) for name, own in (claims.models or {}).items()}
    return (
        told["counts"] == _counts(claims.counts, claims.units)
        and told["model"] == claims.model
        and (told.get("models") or {}) == models
        and told.get("charge") == _charge_of(claims)
    )


def _charge_of(claims: Receipt) -> Charge | None:
    charge = claims.charge
    if charge is None:
        return None
    lines = [ChargeLine(one.kind, one.quantity, one.rate, one.ttl, one.unit, one.per, one.model) for one in charge.lines]  # fmt: skip
    return Charge(charge.currency, charge.card, lines)


def last_word(
    receipts: Iterable[tuple[UnverifiedItem, Receipt]],
) -> tuple[UnverifiedItem, Receipt] | None:
    """Of all receipts for one request, the one that no other one corrects; None: there are none.

    Raises:
        ValueError: there are two, which contradict each other.
    """
    found = {item.digest: (item, claims) for item, claims in receipts}  # two files may have one
    corrected = {
        claims.corrects.receipt for _, claims in found.values() if claims.corrects is not None
    }
    last = [one for digest, one in found.items() if digest not in corrected]
    if len(last) > 1:
        raise ValueError(f"there are {len(last)} last words on the request: see receipt verify")
    return last[0] if last else None

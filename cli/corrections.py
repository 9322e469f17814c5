"""Lines that say what is right in place of what a receipt said, and the last word on a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from cli.terminal import CliError
from cli.usage import Octets, Time
from receipts import Charge, ChargeLine, Counts, Request, Source, Span, corrected, repriced
from receipts.ingest import read_usage, usage_hash
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
    per: Count = 1
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

    def told(self, raw: bytes, claims: Receipt) -> Request:
        """What the correction says; ``raw`` is the receipt that it corrects.

        Raises:
            UsageError: the usage object does not say what a receipt needs.
            ReceiptError: the receipt's rates do not say what these counts cost.
        """
        counts, models, source = self._counts(claims)
        told: Request = {
            "request": claims.request, "model": self.model or claims.model, "counts": counts, "source": source,
            "charge": self._charge(claims, counts, models), "tags": claims.tags, "client": claims.client,
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
            source = Source(source.provider, source.api, usage_hash(self.usage), source.tier, source.miss, source.terms)  # fmt: skip
            return reading.counts, None, source
        before = _counts(claims.counts, claims.units)
        counts = before if self.counts is None else self.counts.counts(before)
        models = {name: _counts(own) for name, own in (claims.models or {}).items()}
        for name, own in (self.models or {}).items():
            models[name] = own.counts(models.get(name, Counts(0)))
        return counts, models or None, source

    def _charge(
        self, claims: Receipt, counts: Counts, models: Mapping[str, Counts] | None
    ) -> Charge | None:
        if self.charge is not None:
            return self.charge.charge()
        if claims.charge is None:
            return None
        if models is not None:
            raise ValueError("charge: it is by model; state the lines that are right")
        lines = [ChargeLine(line.kind, line.quantity, line.rate, line.ttl, line.unit, line.per) for line in claims.charge.lines]  # fmt: skip
        return repriced(Charge(claims.charge.currency, claims.charge.card, lines), counts)


def _counts(counts: TokenCounts, units: Mapping[str, int] | None = None) -> Counts:
    return Counts(
        counts.logical, counts.cached, counts.writes, counts.output, counts.reasoning, units
    )


def is_said(told: Request, claims: Receipt) -> bool:
    """Whether a receipt says already what a correction of it would."""
    charge, before = told.get("charge"), claims.charge
    amount = None if charge is None else sum(line.amount for line in charge.lines)
    return (
        told["counts"] == _counts(claims.counts, claims.units)
        and told["model"] == claims.model
        and amount == (None if before is None else before.amount)
    )


def last_words(
    items: Iterable[tuple[UnverifiedItem, Receipt]], wanted: Callable[[Receipt], bool]
) -> dict[str, tuple[UnverifiedItem, Receipt]]:
    """By request, the receipt that no other one corrects.

    Raises:
        CliError: two corrections of one receipt contradict each other.
    """
    found: dict[str, list[tuple[UnverifiedItem, Receipt]]] = {}
    for item, claims in items:
        if wanted(claims):
            found.setdefault(claims.request, []).append((item, claims))
    return {request: _last(request, receipts) for request, receipts in found.items()}


def _last(
    request: str, receipts: list[tuple[UnverifiedItem, Receipt]]
) -> tuple[UnverifiedItem, Receipt]:
    corrects = {claims.corrects.receipt for _, claims in receipts if claims.corrects is not None}
    last = [one for one in receipts if one[0].digest not in corrects]
    if len(last) != 1:
        raise CliError(
            f"there are {len(last)} last words on request {request!r}",
            "see what is wrong: receipt verify",
        )
    return last[0]

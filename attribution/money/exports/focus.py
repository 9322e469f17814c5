"""Charges as rows of FOCUS, the dataset Cost and Usage (spec/exports.md; https://focus.finops.org/focus-specification/)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attribution.money.amounts import money
from attribution.money.exports.charges import Charge, Part, parts
from attribution.money.ledger.leaves import DIMENSIONS, Method
from attribution.money.ledger.ledger import Key, Ledger
from attribution.money.prices import BESIDE

Cell = str | Decimal | datetime | None
_TAGS: Final = ("team", "feature", "environment", "customer", "surface")
_MODEL: Final = DIMENSIONS.index("model")
_TOKENS: Final = "Tokens"
_UNITS_BY_FIRST: Final = {"requests": "Requests", "pages": "Pages"}
_UNITS_BY_LAST: Final = {
    **dict.fromkeys(("ms", "input_ms", "output_ms", "video_ms"), "Milliseconds"), "characters": "Characters",
    "messages": "Messages", "pixels": "Pixels", "images": "Images", "seconds": "Seconds", "token_seconds": "Token-Seconds",
}  # fmt: skip
"""Of the registry of units (spec/receipt.md), by the parts of their names."""
_PLACES: Final = 12


class Version(StrEnum):
    """Of FOCUS."""

    V1_4 = "1.4"
    V1_2 = "1.2"


@dataclass(frozen=True, slots=True)
class Billing:
    """What all rows of an export share.

    Attributes:
        period: in ms, the end exclusive.
        currency: of the amounts.
        card: the digest of the rate card.
        verdict: of the batch.
        observers: issuers that do not bill.
        invoice: the number of the invoice; None: it is not known.
        method: by which charges are split.
    """

    period: tuple[int, int]
    currency: str
    card: str
    verdict: str
    observers: frozenset[str]
    invoice: str | None
    method: Method


_Column = Callable[[Charge, Part, Billing], Cell]


def _cost(_charge: Charge, part: Part, _billing: Billing) -> Cell:
    return _decimal(part.amount)


def _quantity(charge: Charge, part: Part, _billing: Billing) -> Cell:
    return Decimal(charge.quantity if part.is_own else 0)


def _unit(charge: Charge, _part: Part, _billing: Billing) -> Cell:
    """As FOCUS writes units: words, and no name with dots. A private one says only that it counts."""
    if charge.kind != BESIDE:
        return _TOKENS
    first, _, last = charge.meter.partition(".")
    return "Units" if "/" in charge.meter else _UNITS_BY_FIRST.get(first) or _UNITS_BY_LAST[last]


def _of_price(value: Callable[[Charge], Cell]) -> _Column:
    """A column of the price. FOCUS wants all of them or none: what a method moves is no quantity at a price, and a price that is no decimal number of 12 places cannot be said of one unit."""
    return lambda charge, part, _billing: value(charge) if part.is_own and not charge.rate % charge.per else None  # fmt: skip


def _unit_price(charge: Charge) -> Cell:
    return _decimal(charge.rate // charge.per)


def _provider(charge: Charge, _part: Part, _billing: Billing) -> Cell:
    return charge.provider or None


def _always(value: str) -> _Column:
    return lambda _charge, _part, _billing: value


def _of_split(value: Callable[[Part, Billing], Cell]) -> _Column:
    """A column that only parts of a split charge have."""
    return lambda _charge, part, billing: value(part, billing) if part.is_split else None


def _moment(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def _decimal(picounits: int) -> Decimal:
    return Decimal(money(picounits))


def _begin(charge: Charge) -> datetime:
    return datetime.combine(charge.day, time(), UTC)


def _biller(charge: Charge, _part: Part, billing: Billing) -> Cell:
    """Who bills; an observer does not."""
    return charge.provider or None if charge.issuer in billing.observers else charge.issuer


def _details(charge: Charge) -> Cell:
    terms, tier = json.loads(charge.terms)
    found = {"x_Rate": str(charge.rate), "x_Per": str(charge.per)}
    found |= {f"x_Term_{name}": value for name, value in terms.items()}
    return json.dumps(found if tier is None else found | {"x_Tier": tier})


def _tags(leaf: Key) -> str:
    named = dict(zip(DIMENSIONS, leaf, strict=True))
    return json.dumps({name: named[name] for name in _TAGS if named[name] is not None})


def _ttl(charge: Charge, _part: Part, _billing: Billing) -> Cell:
    return None if charge.ttl is None else Decimal(charge.ttl)


def _own(of: Callable[[Charge], int]) -> _Column:
    """A figure of the requests themselves, which nobody has in their place."""
    return lambda charge, part, _billing: _decimal(of(charge)) if part.is_own else _decimal(0)


_ROW: Final[Mapping[str, _Column]] = {
    "BilledCost": _cost,
    "BillingAccountId": lambda charge, _part, _billing: charge.account,
    "BillingAccountName": lambda charge, _part, _billing: charge.account,
    "BillingCurrency": lambda _charge, _part, billing: billing.currency,
    "BillingPeriodEnd": lambda _charge, _part, billing: _moment(billing.period[1]),
    "BillingPeriodStart": lambda _charge, _part, billing: _moment(billing.period[0]),
    "ChargeCategory": _always("Usage"),
    "ChargeClass": lambda _charge, _part, _billing: None,
    "ChargeDescription": lambda charge, _part, _billing: f"{charge.sku} {charge.meter}",
    "ChargeFrequency": _always("Usage-Based"),
    "ChargePeriodEnd": lambda charge, _part, _billing: _begin(charge) + timedelta(days=1),
    "ChargePeriodStart": lambda charge, _part, _billing: _begin(charge),
    "ConsumedQuantity": _quantity,
    "ConsumedUnit": _unit,
    "ContractedCost": _cost,
    "ContractedUnitPrice": _of_price(_unit_price),
    "EffectiveCost": _cost,
    "InvoiceId": lambda _charge, _part, billing: billing.invoice,
    "InvoiceIssuerName": _biller,
    "ListCost": _cost,
    "ListUnitPrice": _of_price(_unit_price),
    "PricingCategory": _always("Standard"),
    "PricingQuantity": _quantity,
    "PricingUnit": _unit,
    "ServiceCategory": _always("AI and Machine Learning"),
    "ServiceName": _provider,
    "ServiceSubcategory": _always("Generative AI"),
    "SkuId": lambda charge, _part, _billing: charge.sku,
    "SkuMeter": lambda charge, _part, _billing: charge.meter,
    "SkuPriceDetails": _of_price(_details),
    "SkuPriceId": _of_price(lambda charge: f"{charge.sku}/{charge.meter}"),
    "Tags": lambda charge, _part, _billing: _tags(charge.leaf),
}
"""The columns that both versions have."""
_OF_1_4: Final[Mapping[str, _Column]] = {
    "HostProviderName": _provider,
    "ServiceProviderName": _biller,
    "AllocatedMethodId": _of_split(lambda _part, billing: str(billing.method)),
    "AllocatedResourceId": _of_split(lambda part, _billing: part.leaf[0] or "none"),
    "AllocatedResourceName": _of_split(lambda part, _billing: part.leaf[0] or "none"),
    "AllocatedTags": _of_split(lambda part, _billing: _tags(part.leaf)),
}  # fmt: skip
_OF_1_2: Final[Mapping[str, _Column]] = {"ProviderName": _biller, "PublisherName": _provider}
_OURS: Final[Mapping[str, _Column]] = {
    "x_Model": lambda charge, _part, _billing: charge.leaf[_MODEL],
    "x_Line": lambda charge, _part, _billing: charge.meter,
    "x_TokenDirection": lambda charge, _part, _billing: charge.direction,
    "x_TokenCacheAction": lambda charge, _part, _billing: charge.action,
    "x_CacheTtl": _ttl,
    "x_CacheSaving": _own(lambda charge: charge.saved),
    "x_CachePremium": _own(lambda charge: charge.extra),
    "x_Receipts": lambda charge, part, _billing: Decimal(charge.receipts if part.is_own else 0),
    "x_ChargeId": lambda charge, _part, _billing: charge.id,
    "x_Card": lambda _charge, _part, billing: billing.card,
    "x_Verdict": lambda _charge, _part, billing: billing.verdict,
}
COLUMNS: Final[Mapping[Version, Mapping[str, _Column]]] = {
    Version.V1_4: {**_ROW, **_OF_1_4, **_OURS},
    Version.V1_2: {**_ROW, **_OF_1_2, **_OURS},
}


def focus_rows(ledger: Ledger, billing: Billing, version: Version) -> Iterator[dict[str, Cell]]:
    """The rows of an export, in the order of the charges.

    Args:
        ledger: with what the method of ``billing`` allocates.
        billing: what all rows share.
        version: of FOCUS; 1.2 has no columns for what is split, so its method is direct.
    """
    columns = COLUMNS[version]
    for charge, found in parts(ledger, billing.method):
        for part in found:
            yield {name: value(charge, part, billing) for name, value in columns.items()}

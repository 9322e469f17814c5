"""What an issuer knows of a request: the tokens, where the counts come from, the cache, the price.

``None`` is unknown or not applicable, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NotRequired, Required, TypedDict

UNCACHED, CACHE_READ, CACHE_WRITE, OUTPUT, BESIDE = range(5)
"""Classes of a charge line."""
CLASSES: Final = (UNCACHED, CACHE_READ, CACHE_WRITE, OUTPUT, BESIDE)


@dataclass(frozen=True, slots=True)
class Counts:
    """The tokens of one request. ``None`` is unknown, never zero.

    Attributes:
        logical: all input tokens.
        cached: those read from a cache.
        writes: those written to a cache, by TTL in s; key 0: the TTL is not stated.
        output: all output tokens.
        reasoning: the part of the output that was reasoning.
        units: further billable quantities by name: parts of the counts above (``input.audio``), and what stands beside them
            (``requests.web_search``); the names are those of spec/receipt.md, or private ones with a ``/``.
    """

    logical: int
    cached: int | None = None
    writes: Mapping[int, int] | None = None
    output: int | None = None
    reasoning: int | None = None
    units: Mapping[str, int] | None = None

    @property
    def attributed(self) -> int | None:
        """Input tokens that were computed: logical - cached."""
        return None if self.cached is None else self.logical - self.cached


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """The identifier of a prefix of ``prefix`` tokens, computed by ``recipe`` (spec/cache-id.md)."""

    recipe: str
    id: bytes
    prefix: int


@dataclass(frozen=True, slots=True)
class Cache:
    """The prefixes of a request: read, written, and committed to at chosen lengths."""

    read: CacheEntry | None = None
    writes: Sequence[CacheEntry] = ()
    commitments: Sequence[CacheEntry] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where the counts come from.

    Attributes:
        provider: who was asked.
        api: which of its APIs.
        usage: SHA-256 of the provider's usage object in the form of RFC 8785 (`receipts.ingest.usage_hash`).
        tier: the service tier.
        miss: the provider's own reason for a cache miss.
        terms: what else selects the price, by name: ``processing`` (batch, flex), ``speed``, ``region``, ``search``.
        observed: whether the issuer does not bill, and states what the provider's usage object said. It needs ``usage`` then.
    """

    provider: str
    api: str
    usage: bytes | None = None
    tier: str | None = None
    miss: str | None = None
    terms: Mapping[str, str] | None = None
    observed: bool = False


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """One price: ``quantity`` of a class at ``rate`` picounits for ``per`` of them. The amount follows.

    Attributes:
        line_class: `UNCACHED`, `CACHE_READ`, `CACHE_WRITE`, `OUTPUT`, or `BESIDE` for a unit beside the tokens.
        quantity: tokens, or what the unit counts.
        rate: picounits.
        ttl: in s, for cache writes only.
        unit: what the line prices apart: a part of its class, ``reasoning``, or the unit beside.
        per: for how many the rate is; it has no common divisor with the rate.
        model: whose tokens they are, where several models made the response, and only there.
    """

    line_class: int
    quantity: int
    rate: int
    ttl: int | None = None
    unit: str | None = None
    per: int = 1
    model: str | None = None

    @property
    def amount(self) -> int:
        """The quantity times rate / per, in picounits, rounded half up."""
        return (2 * self.quantity * self.rate + self.per) // (2 * self.per)


@dataclass(frozen=True, slots=True)
class Charge:
    """What the request costs under the rate card with the digest ``card``; the amounts follow from the lines."""

    currency: str
    card: bytes
    lines: Sequence[ChargeLine]


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a receipt is for which belongs to no request; in ms, ``end`` exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Billed:
    """What a receipt bills: its counts with their units, and the amount of its charge in picounits of ``currency``, if it has one."""

    counts: Counts
    currency: str | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """The receipt that a correction corrects, by its digest, and what it billed (`receipts.corrected` reads it)."""

    receipt: bytes
    billed: Billed


class Request(TypedDict):
    """What is told of a request by keyword, wherever a receipt is asked for.

    Attributes:
        request: the provider's request id, unique for the account.
        model: the model that sets the price.
        counts: the tokens.
        source: where the counts come from.
        cache: identifiers of cached prefixes.
        charge: what the request costs.
        tags: team, feature, environment, ...
        client: the customer's own commitment to its request, echoed.
        models: the counts by model, where several models made the response; they sum to ``counts``.
        span: the time that the receipt is for, if it is for no request: then ``request`` is the issuer's name for the charge.
        corrects: the receipt that this one corrects, which is for the same request.
    """

    request: Required[str]
    model: Required[str]
    counts: Required[Counts]
    source: NotRequired[Source | None]
    cache: NotRequired[Cache | None]
    charge: NotRequired[Charge | None]
    tags: NotRequired[Mapping[str, str] | None]
    client: NotRequired[bytes | None]
    models: NotRequired[Mapping[str, Counts] | None]
    span: NotRequired[Span | None]
    corrects: NotRequired[Corrected | None]

"""What a receipt and a statement claim: the tables of spec/receipt.md and spec/statement.md as types."""

from __future__ import annotations

from typing import Final, NamedTuple

REGULAR: Final = 0
LATE: Final = 1
"""Kinds of a statement."""

UNCACHED: Final = 0
CACHE_READ: Final = 1
CACHE_WRITE: Final = 2
OUTPUT: Final = 3
BESIDE: Final = 4
"""Classes of a charge line."""


class CacheEntry(NamedTuple):
    """The identifier of a prefix: how it was computed, its bytes, the prefix's length in tokens."""

    recipe: str
    id: bytes
    prefix: int


class Source(NamedTuple):
    """Where the counts come from; ``usage`` is the SHA-256 of the provider's usage object.

    ``observed``: the issuer is not who bills; it states what the provider's usage object said.
    """

    provider: str
    api: str
    usage: bytes | None
    tier: str | None
    miss: str | None
    terms: dict[str, str] | None = None
    observed: bool = False


class ChargeLine(NamedTuple):
    """One price: ``quantity`` of a class at ``rate`` picounits for ``per`` of them. ``ttl`` in s, cache writes only.

    ``unit`` is what of the class the line prices apart; ``model`` whose tokens they are, where several made the response.
    """

    kind: int
    ttl: int | None
    quantity: int
    rate: int
    amount: int
    unit: str | None = None
    per: int = 1
    model: str | None = None


class Charge(NamedTuple):
    """What the request costs, in picounits of ``currency``, under the rate card with this digest."""

    currency: str
    card: bytes
    amount: int
    lines: tuple[ChargeLine, ...]


class TokenCounts(NamedTuple):
    """Claims 10 and 11, in tokens; ``None`` is unknown, never zero."""

    logical: int
    cached: int | None
    attributed: int | None
    writes: dict[int, int] | None
    output: int | None
    reasoning: int | None


class Span(NamedTuple):
    """The time that a receipt is for which belongs to no request; in ms, ``end`` exclusive."""

    start: int
    end: int


class Corrected(NamedTuple):
    """The receipt, by its digest, that a correction corrects, and what it said; ``amount`` in picounits of ``currency``."""

    receipt: bytes
    counts: TokenCounts
    units: dict[str, int] | None
    currency: str | None
    amount: int | None


class Receipt(NamedTuple):
    """The claims of a receipt. Counts in tokens, time in ms; ``None`` is unknown, never zero."""

    issuer: str
    account: str
    stream: str
    sequence: int
    previous: bytes | None
    time: int
    request: str
    model: str
    logical: int
    cached: int | None
    attributed: int | None
    writes: dict[int, int] | None
    output: int | None
    reasoning: int | None
    cache_read: CacheEntry | None
    cache_writes: tuple[CacheEntry, ...]
    commitments: tuple[CacheEntry, ...]
    source: Source | None
    charge: Charge | None
    tags: dict[str, str] | None
    client: bytes | None
    units: dict[str, int] | None = None
    models: dict[str, TokenCounts] | None = None
    span: Span | None = None
    corrects: Corrected | None = None

    @property
    def observed(self) -> bool:
        """Whether it is an observer's, and not the biller's."""
        return self.source is not None and self.source.observed

    @property
    def counts(self) -> TokenCounts:
        """Claims 10 and 11."""
        return TokenCounts(
            self.logical, self.cached, self.attributed, self.writes, self.output, self.reasoning
        )


class StreamEntry(NamedTuple):
    """The receipts of one stream in a period: sequences ``first`` to ``first + count - 1``."""

    stream: str
    first: int
    count: int  # type: ignore[assignment]  # the field's name; tuple.count is not needed
    root: bytes
    head: bytes


class Totals(NamedTuple):
    """Sums over the receipts of a statement; ``None``: no receipt states the field."""

    logical: int | None = None
    cached: int | None = None
    attributed: int | None = None
    writes: dict[int, int] | None = None
    output: int | None = None
    reasoning: int | None = None
    amounts: dict[str, int] | None = None
    """Picounits by currency."""
    units: dict[str, int] | None = None
    corrected: Totals | None = None
    """Over what the corrections correct."""
    corrections: Totals | None = None
    """Over the corrections, which the other totals leave out."""


class Statement(NamedTuple):
    """The claims of a statement. ``start`` and ``end`` in ms, ``end`` exclusive."""

    issuer: str
    account: str
    number: int
    previous: bytes | None
    start: int
    end: int
    kind: int
    streams: tuple[StreamEntry, ...]
    totals: Totals

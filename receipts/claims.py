"""What a receipt says, on the way to its bytes: checked, then put under the integer keys of spec/receipt.md.

Nothing is clamped and nothing is guessed: what breaks a rule raises `ReceiptError`, and nothing is signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from receipts.errors import ReceiptError

VERSION: Final = 1
MAX_UINT: Final = 2**64 - 1
MAX_TIME: Final = 253402300800000
"""The first ms of the year 10000."""
MAX_NAME: Final = 512
UNCACHED, CACHE_READ, CACHE_WRITE, OUTPUT = range(4)
"""Token classes of a charge line."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The tokens of one request. ``None`` is unknown, never zero.

    Attributes:
        logical: all input tokens.
        cached: those read from a cache.
        writes: those written to a cache, by TTL in s; key 0: the TTL is not stated.
        output: all output tokens.
        reasoning: the part of the output that was reasoning.
    """

    logical: int
    cached: int | None = None
    writes: Mapping[int, int] | None = None
    output: int | None = None
    reasoning: int | None = None

    @property
    def attributed(self) -> int | None:
        """Input tokens that were computed: logical - cached."""
        return None if self.cached is None else self.logical - self.cached


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """The identifier of a prefix of ``prefix`` tokens, computed by ``recipe``."""

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
    """Where the counts come from. ``usage``: SHA-256 of the provider's usage object (RFC 8785 form)."""

    provider: str
    api: str
    usage: bytes | None = None
    tier: str | None = None
    miss: str | None = None


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """``tokens`` of a class at ``rate`` picounits a token; ``ttl`` in s, for cache writes only."""

    token_class: int
    tokens: int
    rate: int
    ttl: int | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """What the request costs under the rate card with the digest ``card``; the amounts follow from the lines."""

    currency: str
    card: bytes
    lines: Sequence[ChargeLine]


def uint(field: str, value: Any, least: int = 0, most: int = MAX_UINT) -> int:
    """Check an unsigned integer. A bool is not one."""
    if type(value) is not int or not least <= value <= most:
        raise ReceiptError(field, f"an integer from {least} to {most}", repr(value))
    return value


def name(field: str, value: Any, least: int = 1) -> str:
    """Check a text of up to 512 bytes."""
    if type(value) is not str:
        raise ReceiptError(field, "text", repr(value))
    try:
        size = len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError:
        raise ReceiptError(field, "text without lone surrogates", ascii(value)) from None
    if not least <= size <= MAX_NAME:
        raise ReceiptError(field, f"text of {least} to {MAX_NAME} bytes", f"{size} bytes")
    return value


def octets(field: str, value: Any, least: int, most: int) -> bytes:
    """Check a byte string."""
    if type(value) is not bytes or not least <= len(value) <= most:
        size = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
        raise ReceiptError(field, f"{least} to {most} bytes", size)
    return value


def instant(field: str, value: Any) -> int:
    """Check a time in ms."""
    return uint(field, value, most=MAX_TIME - 1)


def input_claims(counts: Counts) -> dict[int, Any]:
    """Claim 10; identities 1 and 2 of spec/receipt.md."""
    logical, cached = uint("input.logical", counts.logical), counts.cached
    claims: dict[int, Any] = {1: logical}
    computed = logical
    if cached is not None:
        if uint("input.cached", cached) > logical:
            raise ReceiptError("input.cached", f"at most logical, {logical}", cached)
        computed = logical - cached
        claims[2], claims[3] = cached, computed
    if counts.writes is not None:
        claims[4] = _writes(counts.writes, computed)
    return claims


def _writes(writes: Mapping[int, int], computed: int) -> dict[int, int]:
    if not 1 <= len(writes) <= 16:
        raise ReceiptError("input.writes", "1 to 16 entries", len(writes))
    checked = {
        uint("input.writes TTL", ttl): uint(f"input.writes.{ttl}", writes[ttl])
        for ttl in sorted(writes)
    }
    written = sum(checked.values())
    if written > computed:
        raise ReceiptError("input.writes", f"at most the computed tokens, {computed}", written)
    return checked


def output_claims(counts: Counts) -> dict[int, int] | None:
    """Claim 11; identity 3."""
    if counts.output is None:
        if counts.reasoning is not None:
            raise ReceiptError(
                "output.reasoning", "nothing without output tokens", counts.reasoning
            )
        return None
    claims = {1: uint("output.tokens", counts.output)}
    if counts.reasoning is not None:
        claims[2] = uint("output.reasoning", counts.reasoning)
        if counts.reasoning > counts.output:
            raise ReceiptError("output.reasoning", f"at most {counts.output}", counts.reasoning)
    return claims


def cache_claims(cache: Cache, counts: Counts) -> dict[int, Any]:
    """Claim 12; identity 4."""
    claims: dict[int, Any] = {}
    if cache.read is not None:
        if not counts.cached or cache.read.prefix != counts.cached:
            expected = f"the cached tokens, {counts.cached}" if counts.cached else "no read"
            raise ReceiptError("cache.read.prefix", expected, cache.read.prefix)
        claims[1] = _entry("cache.read", cache.read, counts.logical)
    for label, field, entries in (
        (2, "writes", cache.writes),
        (3, "commitments", cache.commitments),
    ):
        if len(entries) > 64:
            raise ReceiptError(f"cache.{field}", "at most 64 entries", len(entries))
        if entries:
            claims[label] = [
                _entry(f"cache.{field}.{i}", e, counts.logical) for i, e in enumerate(entries)
            ]
    if not claims:
        raise ReceiptError("cache", "at least one entry", "none")
    return claims


def _entry(field: str, entry: CacheEntry, logical: int) -> dict[int, Any]:
    return {
        1: name(f"{field}.recipe", entry.recipe),
        2: octets(f"{field}.id", entry.id, 1, 64),
        3: uint(f"{field}.prefix", entry.prefix, 1, logical),
    }


def source_claims(source: Source) -> dict[int, Any]:
    """Claim 13."""
    claims: dict[int, Any] = {
        1: name("source.provider", source.provider),
        2: name("source.api", source.api),
    }
    if source.usage is not None:
        claims[3] = octets("source.usage", source.usage, 32, 32)
    if source.tier is not None:
        claims[4] = name("source.tier", source.tier)
    if source.miss is not None:
        claims[5] = name("source.miss", source.miss)
    return claims


def charge_claims(charge: Charge, counts: Counts) -> dict[int, Any]:
    """Claim 14; identity 5."""
    if not (len(charge.currency) == 3 and charge.currency.isascii() and charge.currency.isupper()):
        raise ReceiptError("charge.currency", "three capital letters", repr(charge.currency))
    if not 1 <= len(charge.lines) <= 64:
        raise ReceiptError("charge.lines", "1 to 64 lines", len(charge.lines))
    lines = [_line(f"charge.lines.{i}", line) for i, line in enumerate(charge.lines)]
    _check_tokens(charge, counts)
    amount = uint("charge.amount", sum(line[5] for line in lines))
    return {1: charge.currency, 2: octets("charge.card", charge.card, 32, 32), 3: amount, 4: lines}


def _line(field: str, line: ChargeLine) -> dict[int, int]:
    claims = {1: uint(f"{field}.class", line.token_class, most=OUTPUT)}
    if (line.ttl is None) is (line.token_class == CACHE_WRITE):
        raise ReceiptError(f"{field}.ttl", "a TTL for cache writes, and only for them", line.ttl)
    if line.ttl is not None:
        claims[2] = uint(f"{field}.ttl", line.ttl)
    claims[3] = uint(f"{field}.tokens", line.tokens)
    claims[4] = uint(f"{field}.rate", line.rate)
    claims[5] = uint(f"{field}.amount", line.tokens * line.rate)
    return claims


def _check_tokens(charge: Charge, counts: Counts) -> None:
    """Every token of the receipt is in exactly one line of its class."""
    if counts.cached is None or counts.attributed is None:
        raise ReceiptError("input.cached", "a number, since there is a charge", "nothing")
    writes = counts.writes or {}
    due: dict[tuple[int, int | None], int] = {
        (UNCACHED, None): counts.attributed - sum(writes.values()),
        (CACHE_READ, None): counts.cached,
        **{(CACHE_WRITE, ttl): tokens for ttl, tokens in writes.items()},
        (OUTPUT, None): counts.output or 0,
    }
    charged: dict[tuple[int, int | None], int] = {}
    for line in charge.lines:
        key = (line.token_class, line.ttl)
        charged[key] = charged.get(key, 0) + line.tokens
    for token_class, ttl in {**due, **charged}:
        expected, actual = due.get((token_class, ttl), 0), charged.get((token_class, ttl), 0)
        if expected != actual:
            which = f"class {token_class}" if ttl is None else f"class {token_class}, TTL {ttl} s"
            raise ReceiptError(f"charge.lines ({which})", f"{expected} tokens", actual)


def tag_claims(tags: Mapping[str, str]) -> dict[str, str]:
    """Claim 15, in the order of the encoded keys."""
    if not 1 <= len(tags) <= 64:
        raise ReceiptError("tags", "1 to 64 entries", len(tags))
    checked = {name("tags key", key): name(f"tags.{key}", value, 0) for key, value in tags.items()}
    # Shorter keys first, then bytewise: the order of their encodings (RFC 8949 section 4.2.1).
    return {
        key: checked[key] for key in sorted(checked, key=lambda k: (len(k.encode()), k.encode()))
    }

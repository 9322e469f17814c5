"""What a request costs, as claim 14 of a receipt: every token in one line of its class (spec/receipt.md, identity 5)."""

from __future__ import annotations

from typing import Any

from receipts import limits
from receipts.errors import ReceiptError
from receipts.labels import CHARGE, CHARGE_LINE
from receipts.request import (
    CACHE_READ,
    CACHE_WRITE,
    OUTPUT,
    TOKEN_CLASSES,
    UNCACHED,
    Charge,
    ChargeLine,
    Counts,
)

_Class = tuple[int, int | None]
"""A token class, and the TTL in s where it is that of cache writes."""


def charge_claims(charge: Charge, counts: Counts) -> dict[int, Any]:
    """The claim for a charge, in the order of the labels.

    Raises:
        ReceiptError: a field breaks a rule, or the lines are not those of the receipt's tokens.
    """
    currency = limits.currency("charge.currency", charge.currency)
    limits.entries("charge.lines", charge.lines, what="lines")
    lines = [_line(f"charge.lines.{i}", line) for i, line in enumerate(charge.lines)]
    _check_tokens(charge, counts)
    amount = sum(line[CHARGE_LINE["amount"]] for line in lines)
    return {
        CHARGE["currency"]: currency,
        CHARGE["card"]: limits.digest("charge.card", charge.card),
        CHARGE["amount"]: limits.uint("charge.amount", amount),
        CHARGE["lines"]: lines,
    }


def _line(field: str, line: ChargeLine) -> dict[int, int]:
    token_class = limits.uint(f"{field}.class", line.token_class, most=TOKEN_CLASSES[-1])
    claims = {CHARGE_LINE["class"]: token_class}
    if (line.ttl is None) is (token_class == CACHE_WRITE):
        raise ReceiptError(f"{field}.ttl", "a TTL for cache writes, and only for them", line.ttl)
    if line.ttl is not None:
        claims[CHARGE_LINE["ttl"]] = limits.uint(f"{field}.ttl", line.ttl)
    tokens = limits.uint(f"{field}.tokens", line.tokens)
    rate = limits.uint(f"{field}.rate", line.rate)
    claims[CHARGE_LINE["tokens"]] = tokens
    claims[CHARGE_LINE["rate"]] = rate
    claims[CHARGE_LINE["amount"]] = limits.uint(f"{field}.amount", tokens * rate)
    return claims


def _check_tokens(charge: Charge, counts: Counts) -> None:
    """Every token of the receipt is in exactly one line of its class."""
    due = _due(counts)
    charged: dict[_Class, int] = {}
    for line in charge.lines:
        key = (line.token_class, line.ttl)
        charged[key] = charged.get(key, 0) + line.tokens
    for token_class, ttl in {**due, **charged}:
        expected, actual = due.get((token_class, ttl), 0), charged.get((token_class, ttl), 0)
        if expected != actual:
            which = f"class {token_class}" if ttl is None else f"class {token_class}, TTL {ttl} s"
            raise ReceiptError(f"charge.lines ({which})", f"{expected} tokens", actual)


def _due(counts: Counts) -> dict[_Class, int]:
    """The tokens of each class; an absent output has none."""
    if counts.cached is None or counts.attributed is None:
        raise ReceiptError("input.cached", "a number, since there is a charge", "nothing")
    writes = counts.writes or {}
    return {
        (UNCACHED, None): counts.attributed - sum(writes.values()),
        (CACHE_READ, None): counts.cached,
        **{(CACHE_WRITE, ttl): tokens for ttl, tokens in writes.items()},
        (OUTPUT, None): counts.output or 0,
    }

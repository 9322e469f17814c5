"""The price of plain requests, fast: tokens of one model with all counts stated and no part priced apart. The others take the verifier's way.

Whatever is priced here, `verifier.price` prices the same: tests run both on the same requests.
"""

from __future__ import annotations

from verifier import Price, PricedLine, PriceRow, TokenCounts, Usage


def plain_price(row: PriceRow | None, usage: Usage) -> Price | None:
    """The price of a plain request; None: it is none, or has no price.

    Args:
        row: of the card, for the request.
        usage: what it used.
    """
    if row is None or usage.units or usage.models is not None or row.parts:
        return None
    counts = usage.counts
    if row.input is None or row.cached is None or row.output is None or counts.cached is None:
        return None
    if counts.writes and any(ttl not in row.writes for ttl in counts.writes):
        return None
    return _price(row, counts, row.input, row.cached, row.output)


def _price(row: PriceRow, counts: TokenCounts, plain: int, read: int, output: int) -> Price:
    cached = counts.cached or 0
    lines, written, premium, amount = [], 0, 0, 0
    for ttl, tokens in sorted((counts.writes or {}).items()):
        if tokens:
            rate = row.writes[ttl]
            lines.append(PricedLine(2, ttl, tokens, rate))
            written += tokens
            premium += tokens * (rate - plain)
            amount += tokens * rate
    uncached, made = counts.logical - cached - written, counts.output or 0
    if cached:
        lines.insert(0, PricedLine(1, None, cached, read))
    if uncached:
        lines.insert(0, PricedLine(0, None, uncached, plain))
    if made:
        lines.append(PricedLine(3, None, made, output))
    amount += uncached * plain + cached * read + made * output
    full_input = counts.logical * plain
    return Price(
        tuple(lines), amount, amount, full_input + made * output, full_input, cached * (plain - read), premium, 0, row,
    )  # fmt: skip

"""Rows of a rate card as a source that a person goes on with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from receipts.ratecard.amounts import TOKENS, quoted, show_rate
from receipts.ratecard.card import PriceRow, Rate
from receipts.ratecard.days import show_day, show_hours, show_weekdays

_SKELETON: Final = """\
# A rate card. It is checked with: receipt ratecard check {file}
# and signed with:                 receipt ratecard sign {file} --keys keys/ -o card.cbor
# A price is a text with a decimal number: for a million tokens, a thousand requests, a million token-hours of storage.
# spec/rate-card.md has all that a row can say.
name = "list prices"
currency = "USD"

[[price]]
provider = "{provider}"                # as in the receipts (source.provider)
model = "example-model"
# aliases = ["example-model-latest"]     # other names of it
# from = "2026-01-01"                    # first day, UTC; without: always
# until = "2026-07-01"                   # the day after the last one; the row that follows begins there
input = "3.00"
cached = "0.30"
output = "15.00"
# writes = {{"300" = "3.75", "3600" = "6.00"}}       # written to a cache, by its lifetime in seconds
# parts = {{"input.audio" = "6.00"}}                 # parts that have a price of their own
# units = {{"requests.web_search" = "10.00"}}        # what stands beside the tokens

# The same model, where a request has more input than a size: all of its tokens have these prices.
# [[price]]
# provider = "{provider}"
# model = "example-model"
# above = 200000
# input = "6.00"
# cached = "0.60"
# output = "22.50"

# The same model under other terms, which receipts state (source.terms).
# [[price]]
# provider = "{provider}"
# model = "example-model"
# terms = {{processing = "batch"}}
# input = "1.50"
# cached = "0.15"
# output = "7.50"

# The same model at some times of the week (UTC). The row without them holds at all others.
# [[price]]
# provider = "{provider}"
# model = "example-model"
# days = "mon-fri"
# hours = "01:00-04:00"
# input = "6.00"
# cached = "0.60"
# output = "30.00"
"""


def skeleton(file: str, provider: str) -> str:
    """A source with one row, and comments with all that others can say."""
    quoted_name = json.dumps(provider)[1:-1]
    return _SKELETON.format(file=file, provider=quoted_name)


def source_text(
    name: str, currency: str, rows: Iterable[PriceRow], comments: Mapping[tuple[str, str], str]
) -> str:
    """A source of rows.

    Args:
        name: of the card.
        currency: three capital letters.
        rows: in any order.
        comments: what stands before the first row of a provider's model.
    """
    lines = [f"name = {_text(name)}", f"currency = {_text(currency)}"]
    left = dict(comments)
    for row in rows:
        comment = left.pop((row.provider, row.model), None)
        lines += ["", *(f"# {line}" for line in (comment or "").splitlines()), "[[price]]"]
        lines += [f"{member} = {value}" for member, value in _members(row)]
    return "\n".join(lines) + "\n"


def _members(row: PriceRow) -> Iterator[tuple[str, str]]:
    yield from _selectors(row)
    for member in ("input", "cached", "writes", "output", "parts"):
        rate = getattr(row, member)
        if isinstance(rate, int):
            yield member, _of_tokens(rate)
        elif rate:
            yield member, _table({str(key): _of_tokens(one) for key, one in rate.items()})
    if row.units:
        yield "units", _table({unit: _of_unit(unit, rate) for unit, rate in row.units.items()})


def _selectors(row: PriceRow) -> Iterator[tuple[str, str]]:
    """Which requests a row is for."""
    stated: tuple[tuple[str, str | None], ...] = (
        ("provider", _text(row.provider)),
        ("model", _text(row.model)),
        ("aliases", "[" + ", ".join(map(_text, row.aliases)) + "]" if row.aliases else None),
        ("terms", _table({name: _text(term) for name, term in row.terms.items()}) if row.terms else None),
        ("from", None if row.start is None else _text(show_day(row.start))),
        ("until", None if row.end is None else _text(show_day(row.end))),
        ("above", None if row.above is None else str(row.above)),
        ("days", None if row.days is None else _text(show_weekdays(row.days))),
        ("hours", None if row.hours is None else _text(show_hours(row.hours))),
    )  # fmt: skip
    yield from ((name, value) for name, value in stated if value is not None)


def _of_tokens(rate: int) -> str:
    return _text(str(show_rate(Rate(rate), TOKENS)))


def _of_unit(unit: str, rate: Rate) -> str:
    """The price for the usual quantity, or for that of the rate, where the former has no end."""
    shown = show_rate(rate, quoted(unit))
    if shown is not None:
        return _text(shown)
    return _table({"price": _text(str(show_rate(rate, rate.per))), "for": str(rate.per)})


def _table(members: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_key(key)} = {value}" for key, value in members.items()) + "}"


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum() and not key.isdecimal()
    return key if bare else _text(key)


def _text(text: str) -> str:
    """A basic string of TOML, whose escapes are those of JSON, but for DEL and surrogates."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

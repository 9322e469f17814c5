"""Vectors of rate cards: which bytes are one, and what requests cost by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cbor2

from receipts.signing import RATE_CARD, RECEIPT, Signer
from tests.build import ISSUER, KEY, NOON
from tests.vectors.cards import CARD

_ROW = {1: "p", 2: "m", 10: 3, 13: 15}
_FULL = _ROW | {
    3: ["a", "b"], 4: {"processing": "batch"}, 5: 1, 6: 2, 11: 1, 12: {0: 1, 300: 2},
    14: {"input.audio": 1, "reasoning": 2}, 15: {"example.com/seat": [1, 3], "requests.model": [0, 1]},
}  # fmt: skip


def document() -> dict[str, Any]:
    """The file: cards, and prices by one card."""
    return {
        "title": "Rate cards: which bytes are one, and what requests cost by it",
        "cards": [*_valid(), *_invalid()],
        "card": CARD.data.hex(),
        "digest": CARD.digest.hex(),
        "prices": [*_prices()],
    }


def _rows(*rows: dict[int, Any]) -> dict[int, Any]:
    return {1: 1, 2: ISSUER, 3: "list", 4: "USD", 5: list(rows)}


def _card(name: str, comment: str, claims: Any, field: str | None = None, kind: str = RATE_CARD) -> dict[str, Any]:  # fmt: skip
    content = claims if isinstance(claims, bytes) else cbor2.dumps(claims, canonical=True)
    data = Signer(KEY.private, kind).sign(content).data
    return {"id": name, "comment": comment, "field": field, "card": data.hex()}


def _valid() -> Iterator[dict[str, Any]]:
    yield _card("least", "one row with one rate", _rows({1: "p", 2: "m", 10: 0}))
    yield _card("full", "every field but above, days and hours", _rows(_FULL))
    yield _card("unit", "a row with a unit only", _rows({1: "p", 2: "m", 15: {"audio.ms": [1, 3]}}))
    window = _ROW | {7: 2**64 - 1, 8: [6, 1], 9: [0, 1440]}
    yield _card("window", "a size, weekdays over the end of the week, hours", _rows(_ROW, window))
    yield _card("meet", "dates that meet", _rows(_ROW | {6: 5}, _ROW | {5: 5}))
    yield _card("terms", "one model under two terms", _rows(_ROW, _ROW | {4: {"speed": "fast"}}))


def _invalid() -> Iterator[dict[str, Any]]:
    yield _card("receipt", "the header of a receipt", _rows(_ROW), "protected", RECEIPT)
    yield _card("float", "a rate as a float", _rows(_ROW | {10: 3.0}), "content")
    one = cbor2.dumps(_rows(_ROW), canonical=True)
    yield _card("after", "a byte after the claims", one + b"\x00", "content")
    yield _card("version", "version 2", _rows(_ROW) | {1: 2}, "version")
    yield _card("unknown", "a sixth claim", _rows(_ROW) | {6: 1}, "6")
    yield _card("currency", "a currency in small letters", _rows(_ROW) | {4: "usd"}, "currency")
    yield _card("empty", "no row", _rows(), "rows")
    for name, comment, change, field in (
        ("row-unknown", "a field that a row does not have", {16: 1}, "16"),
        ("no-alias", "an empty list of aliases", {3: []}, "aliases"),
        ("alias-twice", "the model as its own alias", {3: ["m"]}, "aliases"),
        ("aliases-17", "17 aliases", {3: [str(n) for n in range(17)]}, "aliases"),
        ("dates", "dates of no day", {5: 5, 6: 5}, "until"),
        ("day", "a day of the year 10000", {5: 2_932_897}, "from"),
        ("weekday", "an eighth day of the week", {8: [1, 8]}, "days"),
        ("hours", "hours over midnight", {9: [1320, 60]}, "hours"),
        ("hour-25", "a minute after the day", {9: [0, 1441]}, "hours"),
        ("part", "a unit beside the tokens as a part", {14: {"audio.ms": 1}}, "parts.audio.ms"),
        ("unit", "a part as a unit", {15: {"input.audio": [1, 1]}}, "units.input.audio"),
        ("reduced", "a rate not in lowest terms", {15: {"audio.ms": [2, 4]}}, "units.audio.ms"),
        ("zero-reduced", "a rate of nothing for two", {15: {"audio.ms": [0, 2]}}, "units.audio.ms"),
        ("for-none", "a rate for none", {15: {"audio.ms": [1, 0]}}, "units.audio.ms"),
        ("cached-alone", "a rate of cached tokens without one of input", {10: None, 11: 1}, "input"),
        ("writes-alone", "a rate of writes without one of input", {10: None, 12: {300: 1}}, "input"),
        ("reasoning-alone", "a rate of reasoning without one of output", {13: None, 14: {"reasoning": 1}}, "output"),
        ("cached-part-alone", "a rate of cached audio without one of cached tokens", {14: {"cached.audio": 1}}, "cached"),
    ):  # fmt: skip
        row = {label: value for label, value in (_ROW | change).items() if value is not None}
        yield _card(name, comment, _rows(row), f"rows.0.{field}")
    yield _card("no-rate", "a row without a rate", _rows({1: "p", 2: "m"}), "rows.0")
    yield from _together()


def _together() -> Iterator[dict[str, Any]]:
    """Rows that are sound by themselves."""
    for name, comment, changes, field in (
        ("equal", "two equal rows", ({}, {}), "rows.1"),
        ("overlap", "dates that have a day in common", ({6: 6}, {5: 5}), "rows.1"),
        ("gap", "a day between two rows", ({6: 5}, {5: 6}), "rows.1.from"),
        ("sizes", "two rows for one size", ({}, {7: 5}, {7: 5}), "rows.2"),
        ("hours-overlap", "hours that have a minute in common", ({}, {9: [60, 240]}, {9: [239, 300]}), "rows.2"),
        ("days-overlap", "weekdays that have a day in common", ({}, {8: [6, 1]}, {8: [1, 1]}), "rows.2"),
        ("days-and-hours", "some hours of all days, all hours of some", ({}, {8: [1, 1]}, {9: [60, 240]}), "rows.2"),
        ("alias", "an alias that is another row's model", ({}, {2: "x", 3: ["m"]}), "rows.1"),
        ("window-alone", "only a row of some hours", ({9: [60, 240]},), "rows.0"),
        ("size-alone", "only a row above a size", ({7: 5},), "rows.0"),
        ("size-before", "a row above a size that begins before all others", ({5: 5}, {7: 5}), "rows.1.from"),
        ("size-after", "one that ends after them", ({6: 5}, {7: 5}), "rows.1.until"),
    ):  # fmt: skip
        yield _card(name, comment, _rows(*(_ROW | change for change in changes)), field)


def _prices() -> Iterator[dict[str, Any]]:
    sunday, monday = NOON, NOON + 86_400_000
    for name, provider, model, time, counts, units, lower, upper in (
        ("claude", "anthropic", "claude-sonnet-4-5", NOON, (30_504, 20_000, {300: 4000, 3600: 6000}, 97, None), {"requests.web_search": 3}, 89_967_000_000, 89_967_000_000),
        ("gemini", "gcp.gemini", "gemini-2.5-flash", NOON, (9000, 6000, None, 700, None), {"input.audio": 1800, "input.image": 1290, "cached.audio": 1000, "requests.web_search": 1}, 38_460_000_000, 38_460_000_000),
        ("storage", "gcp.gemini", "gemini-2.5-flash", NOON, (0, 0, None, None, None), {"storage.token_seconds": 129_600_000}, 36_000_000_000, 36_000_000_000),
        ("storage-rounded", "gcp.gemini", "gemini-2.5-flash", NOON, (0, 0, None, None, None), {"storage.token_seconds": 129_600_001}, 36_000_000_278, 36_000_000_278),
        ("sunday", "deepseek", "v4", sunday, (563, 512, None, 116, None), {}, 274_604_000, 274_604_000),
        ("monday", "deepseek", "v4", monday, (563, 512, None, 116, None), {}, 549_208_000, 549_208_000),
        ("ttl-unstated", "anthropic", "claude-sonnet-4-5", NOON, (12_240, 0, {0: 12_229}, 5, None), {}, 45_966_750_000, 73_482_000_000),
        ("cached-unstated", "anthropic", "claude-sonnet-4-5", NOON, (1000, None, None, 10, None), {}, 450_000_000, 3_150_000_000),
        ("cached-unstated-writes", "anthropic", "claude-sonnet-4-5", NOON, (1000, None, {300: 400}, 0, None), {}, 1_680_000_000, 3_300_000_000),
        ("audio-unstated", "gcp.gemini", "gemini-2.5-flash", NOON, (100, 60, None, 0, None), {"input.audio": 50}, 17_300_000, 42_500_000),
        ("reasoning-unstated", "p", "thinker", NOON, (10, 0, None, 6, None), {}, 22, 40),
    ):  # fmt: skip
        logical, cached, writes, output, reasoning = counts
        yield {
            "id": name, "provider": provider, "model": model, "time": time, "logical": logical, "cached": cached,
            "writes": None if writes is None else {str(ttl): tokens for ttl, tokens in writes.items()},
            "output": output, "reasoning": reasoning, "units": units, "lower": str(lower), "upper": str(upper),
        }  # fmt: skip

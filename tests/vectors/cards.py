"""Vectors of charges and the rate cards that they name: R-18.1 to R-18.4."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from receipts import inclusion_proof
from receipts.ratecard import PriceRow, Rate, encode, sign
from tests.build import ISSUER, KEY, NOON, STRANGER, Batch, Stream
from tests.vectors.model import Vector

_ITEM = 2
"""Sequence 1 of stream gpu-7."""
ROWS = [
    PriceRow(
        "anthropic", "claude-sonnet-4-5", input=3_000_000, cached=300_000, writes={300: 3_750_000, 3600: 6_000_000},
        output=15_000_000, units={"requests.web_search": Rate(10_000_000_000)},
    ),
    PriceRow(
        "gcp.gemini", "gemini-2.5-flash", input=300_000, cached=30_000, output=2_500_000,
        parts={"input.audio": 1_000_000, "cached.audio": 100_000},
        units={"requests.web_search": Rate(35_000_000_000), "storage.token_seconds": Rate(2500, 9)},
    ),
    PriceRow("deepseek", "v4", input=660_000, cached=22_000, output=1_980_000),
    PriceRow("deepseek", "v4", days=(1, 5), input=1_320_000, cached=44_000, output=3_960_000),
    PriceRow("p", "small", input=2, output=3),
    PriceRow("p", "large", input=9, cached=5, output=7),
    PriceRow("p", "hourly", input=1),
    PriceRow("p", "hourly", hours=(0, 720), input=2),
    PriceRow("p", "thinker", input=1, cached=1, output=2, parts={"reasoning": 5}),
]  # fmt: skip
"""NOON is a Sunday."""
CARD = sign(encode(ISSUER, "list", "USD", ROWS), KEY)
_OTHER = sign(encode(ISSUER, "another list", "USD", ROWS), KEY)
_CLAUDE_LINES = [
    (0, None, 504, 3_000_000),
    (1, None, 20_000, 300_000),
    (2, 300, 4000, 3_750_000),
    (2, 3600, 6000, 6_000_000),
    (3, None, 97, 15_000_000),
    (4, None, 3, 10_000_000_000, "requests.web_search"),
]
_CLAUDE = {
    9: "claude-sonnet-4-5", 10: {1: 30_504, 2: 20_000, 3: 10_504, 4: {300: 4000, 3600: 6000}}, 11: {1: 97},
    13: {1: "anthropic", 2: "messages", 4: "standard"}, 17: {"requests.web_search": 3},
}  # fmt: skip
_GEMINI_LINES = [
    (0, None, 2200, 300_000),
    (0, None, 800, 1_000_000, "input.audio"),
    (1, None, 5000, 30_000),
    (1, None, 1000, 100_000, "cached.audio"),
    (3, None, 700, 2_500_000),
    (4, None, 1, 35_000_000_000, "requests.web_search"),
]
_GEMINI = {
    9: "gemini-2.5-flash", 10: {1: 9000, 2: 6000, 3: 3000}, 11: {1: 700}, 13: {1: "gcp.gemini", 2: "generateContent"},
    17: {"input.audio": 1800, "input.image": 1290, "cached.audio": 1000, "requests.web_search": 1},
}  # fmt: skip
_STORAGE = {
    9: "gemini-2.5-flash", 10: {1: 0, 2: 0, 3: 0}, 11: None, 13: {1: "gcp.gemini", 2: "caches"},
    17: {"storage.token_seconds": 129_600_001}, 19: {1: NOON - 3_600_000, 2: NOON + 1000},
}  # fmt: skip
_STORAGE_LINES = [(4, None, 129_600_001, 2500, "storage.token_seconds", 9)]
_SUNDAY = {
    9: "v4",
    10: {1: 563, 2: 512, 3: 51},
    11: {1: 116},
    13: {1: "deepseek", 2: "chat.completions"},
}
_SUNDAY_LINES = [(0, None, 51, 660_000), (1, None, 512, 22_000), (3, None, 116, 1_980_000)]
_UNKNOWN = _CLAUDE | {10: {1: 12_240, 2: 0, 3: 12_240, 4: {0: 12_229}}, 17: None}
_TWO = {"small": {1: {1: 1000, 2: 0, 3: 1000}, 2: {1: 200}}, "large": {1: {1: 2000, 2: 2000, 3: 0}, 2: {1: 300}}}  # fmt: skip
_MODELS = {9: "large", 10: {1: 3000, 2: 2000, 3: 1000}, 11: {1: 500}, 13: {1: "p", 2: "a"}, 18: _TWO}  # fmt: skip
_THOUGHT = {9: "thinker", 10: {1: 10, 2: 0, 3: 10}, 11: {1: 6}, 13: {1: "p", 2: "a"}}


def charge_of(lines: list[Any], card: bytes = CARD.digest, currency: str = "USD") -> dict[int, Any]:
    """Claim 14 of lines: class, TTL, quantity, rate, unit, per, model."""
    made = []
    for kind, ttl, quantity, rate, *rest in lines:
        unit, per, model = (*rest, *(None, None, None)[len(rest) :])
        amount = (2 * quantity * rate + (per or 1)) // (2 * (per or 1))
        line = {1: kind, 2: ttl, 3: quantity, 4: rate, 5: amount, 6: unit, 7: per, 8: model}
        made.append({label: value for label, value in line.items() if value is not None})
    return {1: currency, 2: card, 3: sum(line[5] for line in made), 4: made}


def _batch(claims: dict[int, Any], charge: dict[int, Any] | None) -> Batch:
    def put(sequence: int, old: dict[int, Any]) -> dict[int, Any]:
        if sequence != 1:
            return old
        return {k: v for k, v in (old | claims | {14: charge}).items() if v is not None}

    return Batch(one=Stream(change=put))


def _vector(
    name: str,
    rule: str,
    comment: str,
    claims: dict[int, Any],
    charge: dict[int, Any] | None,
    code: str | None = None,
    cards: tuple[bytes, ...] = (CARD.data,),
) -> Vector:
    return Vector(
        f"cards-{name}", rule, comment, _batch(claims, charge).items, code, _ITEM if code else None,
        options={"cards": list(cards)},
    )  # fmt: skip


def vectors() -> Iterator[Vector]:
    yield from _honest()
    yield from _unknown()
    yield from _unpriced()
    yield from _lines()
    yield from _bounds()
    yield from _elsewhere()


def _honest() -> Iterator[Vector]:
    for name, comment, claims, lines in (
        ("claude", "two TTLs and three searches", _CLAUDE, _CLAUDE_LINES),
        ("gemini", "audio, partly cached, has prices of its own; the image has not", _GEMINI, _GEMINI_LINES),
        ("order", "the lines in another order", _CLAUDE, _CLAUDE_LINES[::-1]),
        ("zero-line", "a line of nothing, at whatever rate", _CLAUDE, [*_CLAUDE_LINES, (0, None, 0, 17)]),
        ("storage", "a price that is no whole number of picounits, rounded half up", _STORAGE, _STORAGE_LINES),
        ("weekend", "on a Sunday, the row of the weekdays does not hold", _SUNDAY, _SUNDAY_LINES),
        ("models", "each model at its own row", _MODELS, [
            (0, None, 1000, 2, None, None, "small"), (3, None, 200, 3, None, None, "small"),
            (1, None, 2000, 5, None, None, "large"), (3, None, 300, 7, None, None, "large"),
        ]),
        ("nothing", "a request for nothing", _CLAUDE | {10: {1: 0, 2: 0, 3: 0}, 11: None, 17: None}, [(0, None, 0, 3_000_000)]),
    ):  # fmt: skip
        yield _vector(name, "R-18.3", comment, claims, charge_of(lines))
    yield _vector(
        "several", "R-18.1", "the card is among several", _CLAUDE, charge_of(_CLAUDE_LINES),
        cards=(_OTHER.data, CARD.data),
    )  # fmt: skip
    stranger = sign(encode(ISSUER, "list", "USD", ROWS), STRANGER)
    yield _vector(
        "signed-by-another", "R-18.1", "who signed the card plays no part: its digest is in the receipt", _CLAUDE,
        charge_of(_CLAUDE_LINES), cards=(stranger.data,),
    )  # fmt: skip
    yield _vector("uncharged", "R-18.1", "no charge: priced by whoever gave the card", _CLAUDE, None)  # fmt: skip


def _unknown() -> Iterator[Vector]:
    yield _vector(
        "unknown", "R-18.1", "a charge by a card that is not there", _CLAUDE,
        charge_of(_CLAUDE_LINES, sha256(b"card").digest()), "card-unknown",
    )  # fmt: skip
    yield _vector(
        "another", "R-18.1", "a card with the same rows and another name is another card", _CLAUDE,
        charge_of(_CLAUDE_LINES), "card-unknown", (_OTHER.data,),
    )  # fmt: skip


def _unpriced() -> Iterator[Vector]:
    charge = charge_of(_CLAUDE_LINES)
    for name, comment, claims in (
        ("no-model", "a model that the card does not have", {9: "claude-sonnet-4-7"}),
        ("no-provider", "another provider", {13: {1: "aws.bedrock", 2: "messages"}}),
        ("no-source", "nobody says who the provider is", {13: None}),
        ("no-terms", "terms that no row has", {13: {1: "anthropic", 2: "messages", 6: {"processing": "batch"}}}),
    ):  # fmt: skip
        yield _vector(name, "R-18.2", comment, _CLAUDE | claims, charge, "charge-row-missing")
    writes = _CLAUDE | {10: {1: 30_504, 2: 20_000, 3: 10_504, 4: {300: 4000, 1800: 6000}}}
    lines = [(2, 1800, 6000, 6_000_000) if line[1] == 3600 else line for line in _CLAUDE_LINES]
    yield _vector("no-ttl", "R-18.2", "a TTL that has no rate", writes, charge_of(lines), "charge-row-missing")  # fmt: skip
    cached = _MODELS | {9: "small", 10: {1: 5, 2: 5, 3: 0}, 11: {1: 0}, 18: None}
    yield _vector("no-cached", "R-18.2", "cached tokens, and no rate for them", cached, charge_of([(1, None, 5, 2)]), "charge-row-missing")  # fmt: skip


def _lines() -> Iterator[Vector]:
    def changed(at: int, *line: Any) -> list[Any]:
        return [*_CLAUDE_LINES[:at], *([tuple(line)] if line else []), *_CLAUDE_LINES[at + 1 :]]

    for name, comment, lines in (
        ("rate", "another rate for uncached input", changed(0, 0, None, 504, 3_000_001)),
        ("write-base-rate", "writes at the rate of plain input", changed(2, 2, 300, 4000, 3_000_000)),
        ("write-other-ttl", "writes of an hour at the rate of five minutes", changed(3, 2, 3600, 6000, 3_750_000)),
        ("per", "a rate for two", changed(0, 0, None, 504, 3_000_001, None, 2)),
        ("unit-missing", "searches that are not billed", changed(5)),
        ("unit-rate", "searches at another rate", changed(5, 4, None, 3, 9_000_000_000, "requests.web_search")),
    ):  # fmt: skip
        yield _vector(name, "R-18.3", comment, _CLAUDE, charge_of(lines), "charge-differs")
    split = [(0, None, 500, 3_000_000), (0, None, 4, 3_000_000), *_CLAUDE_LINES[1:]]
    yield _vector("split", "R-18.3", "one line in two", _CLAUDE, charge_of(split), "charge-differs")
    fee = _CLAUDE | {17: {"requests.web_search": 3, "example.com/fee": 1}}
    extra = [*_CLAUDE_LINES, (4, None, 1, 5, "example.com/fee")]
    yield _vector("unit-extra", "R-18.3", "a unit that the card does not price", fee, charge_of(extra), "charge-differs")  # fmt: skip
    yield _vector("currency", "R-18.3", "another currency", _CLAUDE, charge_of(_CLAUDE_LINES, currency="EUR"), "charge-differs")  # fmt: skip
    weekday = [(0, None, 51, 1_320_000), (1, None, 512, 22_000), (3, None, 116, 1_980_000)]
    yield _vector("weekend-peak", "R-18.3", "the rate of a weekday on a Sunday", _SUNDAY, charge_of(weekday), "charge-differs")  # fmt: skip
    together = [(0, None, 3000, 300_000), *_GEMINI_LINES[2:]]
    yield Vector(
        "cards-part-together", "R-18.3", "audio at the price of text: its line is missing, and the other has more",
        _batch(_GEMINI, charge_of(together)).items, "charge-differs", _ITEM, options={"cards": [CARD.data]}, codes_only=True,
    )  # fmt: skip


def _bounds() -> Iterator[Vector]:
    rest = [(0, None, 11, 3_000_000), (3, None, 97, 15_000_000)]
    for name, comment, rate in (
        ("least", "the TTL is not stated: the rate of the shorter one", 3_750_000),
        ("most", "the rate of the longer one", 6_000_000),
    ):
        yield _vector(f"unstated-{name}", "R-18.4", comment, _UNKNOWN, charge_of([*rest, (2, 0, 12_229, rate)]))  # fmt: skip
    both = [*rest, (2, 0, 229, 6_000_000), (2, 0, 12_000, 3_750_000)]
    yield _vector("unstated-both", "R-18.4", "some of each", _UNKNOWN, charge_of(both))
    yield _vector("unstated-between", "R-18.4", "a rate that the row does not have", _UNKNOWN, charge_of([*rest, (2, 0, 12_229, 5_000_000)]), "charge-differs")  # fmt: skip
    lines = [(0, None, 10, 1), (3, None, 6, 2)]
    yield _vector("unstated-reasoning", "R-18.4", "reasoning is not stated: all of it at the price of plain output", _THOUGHT, charge_of(lines))  # fmt: skip
    audio = _GEMINI | {17: {"input.audio": 1800, "requests.web_search": 1}}
    text = [(0, None, 3000, 300_000), (1, None, 6000, 30_000), *_GEMINI_LINES[4:]]
    yield _vector("unstated-part", "R-18.4", "how much of the audio was cached is not stated: all at the price of text is less than the least", audio, charge_of(text), "charge-differs")  # fmt: skip
    below = [(0, None, 10, 1), (3, None, 6, 1)]
    yield Vector(
        "cards-unstated-below", "R-18.4", "less than the least", _batch(_THOUGHT, charge_of(below)).items,
        "charge-differs", _ITEM, options={"cards": [CARD.data]}, codes_only=True,
    )  # fmt: skip


def _elsewhere() -> Iterator[Vector]:
    for name, comment, rate, code in (
        ("proof", "the receipt of a proof", 3_000_000, None),
        ("proof-rate", "another rate in the receipt of a proof", 1, "charge-differs"),
    ):
        lines = [(0, None, 504, rate), *_CLAUDE_LINES[1:]]
        batch = _batch(_CLAUDE, charge_of(lines))
        digests = [one.digest for one in batch.ones]
        proof = inclusion_proof(batch.ones[1].data, 1, digests, batch.statement.data)
        yield Vector(f"cards-{name}", "R-18.3", comment, [proof], code, 0 if code else None, options={"cards": [CARD.data]})  # fmt: skip
    for name, comment, rate, code in (
        ("correction", "a correction has the price of its request's time; what it corrects is not looked at", 2, None),
        ("correction-own-time", "a correction at the price of its own time", 1, "charge-differs"),
    ):  # fmt: skip
        batch = _corrected(rate)
        yield Vector(f"cards-{name}", "R-18.3", comment, batch.items, code, _ITEM if code else None, options={"cards": [CARD.data]})  # fmt: skip


def _corrected(rate: int) -> Batch:
    """A receipt of before noon with a wrong rate, and one of after noon that corrects it."""
    counts = {9: "hourly", 10: {1: 1000, 2: 0, 3: 1000}, 11: None, 13: {1: "p", 2: "a"}}
    first = counts | {7: NOON - 1000, 14: charge_of([(0, None, 1000, 99)])}

    def put(sequence: int, old: dict[int, Any]) -> dict[int, Any]:
        if sequence == 0:
            changed = old | first
        elif sequence == 1:
            said = {1: old[6], 2: counts[10], 5: "USD", 6: 99_000}
            charge = charge_of([(0, None, 1000, rate)])
            changed = old | counts | {8: "gpu-7-0", 14: charge, 20: said}
        else:
            return old
        return {label: value for label, value in changed.items() if value is not None}

    return Batch(one=Stream(change=put))

"""Vectors of what is billed beside tokens, in parts of them, by several models and by time: claims 14 and 17 to 19."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from tests.build import NOON, Batch, Stream, encode, sign_statement
from tests.vectors.model import Vector
from tests.vectors.receipts import batch_with

_ITEM = 2
_CARD = sha256(b"rate card").digest()
_GEMINI = {"input.audio": 1800, "input.image": 1290, "cached.audio": 1000, "requests.web_search": 1}
_GEMINI_LINES = [
    {1: 0, 3: 2200, 4: 300_000, 5: 660_000_000},
    {1: 0, 3: 800, 4: 1_000_000, 5: 800_000_000, 6: "input.audio"},
    {1: 1, 3: 5000, 4: 30_000, 5: 150_000_000},
    {1: 1, 3: 1000, 4: 100_000, 5: 100_000_000, 6: "cached.audio"},
    {1: 3, 3: 700, 4: 2_500_000, 5: 1_750_000_000},
    {1: 4, 3: 1, 4: 35_000_000_000, 5: 35_000_000_000, 6: "requests.web_search"},
]
_GEMINI_CLAIMS = {
    9: "gemini-2.5-flash", 10: {1: 9000, 2: 6000, 3: 3000}, 11: {1: 700}, 13: {1: "gcp.gemini", 2: "generateContent"},
    14: {1: "USD", 2: _CARD, 3: 38_460_000_000, 4: _GEMINI_LINES}, 17: _GEMINI,
}  # fmt: skip
_CLAUDE_LINES = [
    {1: 0, 3: 504, 4: 3_000_000, 5: 1_512_000_000},
    {1: 1, 3: 20_000, 4: 300_000, 5: 6_000_000_000},
    {1: 2, 2: 300, 3: 4000, 4: 3_750_000, 5: 15_000_000_000},
    {1: 2, 2: 3600, 3: 6000, 4: 6_000_000, 5: 36_000_000_000},
    {1: 3, 3: 97, 4: 15_000_000, 5: 1_455_000_000},
    {1: 4, 3: 3, 4: 10_000_000_000, 5: 30_000_000_000, 6: "requests.web_search"},
]
_CLAUDE_CLAIMS = {
    9: "claude-sonnet-4-5", 10: {1: 30_504, 2: 20_000, 3: 10_504, 4: {300: 4000, 3600: 6000}}, 11: {1: 97},
    14: {1: "USD", 2: _CARD, 3: 89_967_000_000, 4: _CLAUDE_LINES}, 17: {"requests.web_search": 3},
}  # fmt: skip
_SPAN = {1: NOON - 3_600_000, 2: NOON + 1000}
_STORAGE = {
    10: {1: 0, 2: 0, 3: 0}, 11: None, 13: None, 17: {"storage.token_seconds": 129_600_000}, 19: _SPAN,
    14: {1: "USD", 2: _CARD, 3: 36_000_000_000, 4: [{1: 4, 3: 129_600_000, 4: 2500, 5: 36_000_000_000, 6: "storage.token_seconds", 7: 9}]},
}  # fmt: skip
_TWO = {"small": {1: {1: 1000, 2: 0, 3: 1000}, 2: {1: 200, 2: 20}}, "large": {1: {1: 2000, 2: 2000, 3: 0}, 2: {1: 300, 2: 100}}}  # fmt: skip
_MODELS = {9: "large", 10: {1: 3000, 2: 2000, 3: 1000}, 11: {1: 500, 2: 120}, 18: _TWO}
_MODEL_LINES = [
    {1: 0, 3: 1000, 4: 2, 5: 2000, 8: "small"},
    {1: 3, 3: 200, 4: 3, 5: 600, 8: "small"},
    {1: 1, 3: 2000, 4: 5, 5: 10_000, 8: "large"},
    {1: 3, 3: 300, 4: 7, 5: 2100, 8: "large"},
]


_REASONED = {1: "USD", 2: _CARD, 3: 2400, 4: [
    {1: 0, 3: 400, 4: 0, 5: 0}, {1: 1, 3: 2000, 4: 0, 5: 0}, {1: 2, 2: 300, 3: 600, 4: 0, 5: 0}, {1: 3, 3: 380, 4: 0, 5: 0},
    {1: 3, 3: 120, 4: 20, 5: 2400, 6: "reasoning"}]}  # fmt: skip


def vectors() -> Iterator[Vector]:
    yield from _honest()
    yield from _names()
    yield from _parts()
    yield from _lines()
    yield from _rounding()
    yield from _models()
    yield from _spans()
    yield from _totals()
    yield from _record()


def _vector(name: str, rule: str, comment: str, change: Any, code: str | None = None) -> Vector:
    return Vector(
        f"units-{name}", rule, comment, batch_with(change).items, code, _ITEM if code else None
    )


def _honest() -> Iterator[Vector]:
    yield _vector(
        "gemini", "R-8.6", "text, audio and image, partly cached, and a search: 0.03846 USD", _GEMINI_CLAIMS
    )  # fmt: skip
    yield _vector("claude", "R-8.6", "two TTLs and three searches: 0.089967 USD", _CLAUDE_CLAIMS)
    yield _vector("storage", "R-8.11", "a cache, by the hour, at 2500 for 9", _STORAGE)  # fmt: skip
    yield _vector("models", "R-8.10", "two models made the response", _MODELS)
    yield _vector(
        "models-charge", "R-8.6", "each at its own price",
        _MODELS | {14: {1: "USD", 2: _CARD, 3: 14_700, 4: _MODEL_LINES}},
    )  # fmt: skip
    yield _vector(
        "terms", "R-6.4", "what else selects the price",
        {13: {1: "openai", 2: "responses", 6: {"speed": "fast", "region": "eu", "processing": "batch"}}},
    )  # fmt: skip
    yield _vector(
        "everything-beside", "R-6.4", "a private unit, and one of which there was none",
        {17: {"example.com/seat": 1, "audio.ms": 0, "input.characters": 2**64 - 1}},
    )  # fmt: skip
    yield _vector(
        "uncounted-cached", "R-8.7", "parts, where the cached count is not stated", {10: {1: 3000}, 17: {"input.audio": 3000}}, "cached-unstated",
    )  # fmt: skip


def _names() -> Iterator[Vector]:
    for name, comment, units in (
        ("unknown", "a unit that is not in the registry, and not private", {"input.smell": 1}),
        ("reasoning", "reasoning has a field of its own", {"reasoning": 1}),
        ("text", "text tokens are what is left of a count", {"input.text": 1}),
        ("upper", "the registry's names are compared byte for byte", {"Audio.ms": 1}),
        ("empty", "no unit at all", {}),
        ("65", "65 units", {f"a/{n}": 1 for n in range(65)}),
        ("long", "a name of 513 bytes", {"a/" + "n" * 511: 1}),
        ("text-quantity", "a quantity that is a text", {"audio.ms": "1"}),
        ("array", "an array", ["audio.ms"]),
    ):
        yield _vector(f"name-{name}", "R-6.4", comment, {17: units}, "claims-invalid")
    yield _vector("name-64", "R-6.4", "64 units", {17: {f"a/{n}": 1 for n in range(64)}})
    yield _vector("name-512", "R-6.4", "a name of 512 bytes", {17: {"a/" + "n" * 510: 1}})
    terms = {1: "p", 2: "a"}
    yield _vector("terms-16", "R-6.4", "16 terms", {13: terms | {6: {f"t{n}": "x" for n in range(16)}}})  # fmt: skip
    for name, value in (("17", {f"t{n}": "x" for n in range(17)}), ("none", {}), ("number", {"a": 1})):  # fmt: skip
        yield _vector(f"terms-{name}", "R-6.4", "1 to 16 texts", {13: terms | {6: value}}, "claims-invalid")  # fmt: skip


def _parts() -> Iterator[Vector]:
    tokens = {10: {1: 3000, 2: 2000, 3: 1000}, 11: {1: 500, 2: 120}}
    for name, comment, units in (
        ("input", "1501 and 1500 of 3000 logical tokens", {"input.audio": 1501, "input.image": 1500}),
        ("cached-alone", "more cached audio than audio", {"input.audio": 10, "cached.audio": 11}),
        ("cached", "1001 and 1000 of 2000 cached tokens", {"cached.audio": 1001, "cached.image": 1000}),
        ("computed", "501 and 500 of 1000 computed tokens", {"input.audio": 501, "cached.audio": 0, "input.video": 500, "cached.video": 0}),
        ("output", "381 of 380 output tokens that are no reasoning", {"output.audio": 381}),
        ("output-two", "190, 190 and a citation", {"output.audio": 190, "output.image": 190, "output.citation": 1}),
    ):  # fmt: skip
        yield _vector(f"parts-{name}", "R-8.9", comment, tokens | {17: units}, "parts-mismatch")
    yield _vector(
        "parts-exact", "R-8.9", "as many as there can be",
        tokens | {17: {"input.audio": 1000, "cached.audio": 0, "input.image": 2000, "cached.image": 2000, "output.audio": 380}},
    )  # fmt: skip
    yield _vector(
        "parts-written", "R-8.9", "an image was written to the cache", {17: {"input.image": 1000, "cached.image": 0}}
    )  # fmt: skip
    yield _vector(
        "parts-nothing-cached", "R-8.9", "where nothing is cached, no part of it is",
        {10: {1: 3000, 2: 0, 3: 3000}, 17: {"input.audio": 3000}},
    )  # fmt: skip
    yield _vector(
        "parts-cached-of-nothing", "R-8.9", "cached audio, where nothing is cached",
        {10: {1: 3000, 2: 0, 3: 3000}, 17: {"cached.audio": 1}}, "parts-mismatch",
    )  # fmt: skip
    yield _vector(
        "parts-no-output", "R-8.9", "output audio, where there is no output", {11: None, 17: {"output.audio": 1}}, "parts-mismatch",
    )  # fmt: skip


def _gemini(at: int, change: dict[int, Any], amount: int = 38_460_000_000) -> dict[int, Any]:
    """The worked call with one line changed."""
    line = {key: value for key, value in (_GEMINI_LINES[at] | change).items() if value is not None}
    lines = [*_GEMINI_LINES[:at], line, *_GEMINI_LINES[at + 1 :]]
    return _GEMINI_CLAIMS | {14: {1: "USD", 2: _CARD, 3: amount, 4: lines}}


def _lines() -> Iterator[Vector]:
    for name, comment, claims in (
        ("search-twice", "two searches are charged, one is stated", _gemini(5, {3: 2, 5: 70_000_000_000}, 73_460_000_000)),
        ("search-cheap", "half a search", _gemini(5, {3: 0, 5: 0}, 3_460_000_000)),
        ("unstated", "a unit that the receipt does not state", _gemini(5, {6: "requests.web_fetch"})),
        ("reasoning-one", "one token of reasoning that is not stated", _gemini(4, {6: "reasoning", 3: 1, 5: 2_500_000}, 36_712_500_000) | {11: {1: 1}}),
        ("image-unknown", "how much of the image was cached is not known", _gemini(0, {6: "input.image"})),
        ("reasoning", "reasoning that is not stated", _gemini(4, {6: "reasoning"})),
    ):  # fmt: skip
        yield _vector(f"line-{name}", "R-8.6", comment, claims, "charge-mismatch")
    for name, comment, change in (
        ("beside-nothing", "class 4 without a unit", (5, {6: None})),
        ("beside-part", "class 4 with a part", (5, {6: "input.audio"})),
        ("beside-unknown", "class 4 with a unit that does not exist", (5, {6: "requests.smell"})),
        ("other-class", "a cached part in the class of uncached input", (1, {6: "cached.audio"})),
        ("tokens-beside", "a unit beside in a class of tokens", (0, {6: "requests.web_search"})),
        ("class-5", "class 5", (5, {1: 5})),
        ("per-one", "a rate for one is stated without per", (4, {7: 1})),
        ("per-zero", "a rate for none", (4, {7: 0})),
        ("per-reduced", "a rate and per with a common divisor", (4, {7: 2})),
        ("model", "a model of a line, where one made the response", (4, {8: "gemini-2.5-flash"})),
    ):
        yield _vector(f"line-{name}", "R-6.4", comment, _gemini(*change), "claims-invalid")
    free = [line for line in _GEMINI_LINES if line.get(6) != "requests.web_search"]
    yield _vector(
        "line-free", "R-8.6", "a unit that no line names costs nothing",
        _GEMINI_CLAIMS | {14: {1: "USD", 2: _CARD, 3: 3_460_000_000, 4: free}},
    )  # fmt: skip
    nothing = [*_CLAUDE_LINES, {1: 2, 2: 7, 3: 0, 4: 5, 5: 0}]
    yield _vector(
        "line-of-nothing", "R-8.6", "no token was written for this TTL, and none is charged",
        _CLAUDE_CLAIMS | {14: {1: "USD", 2: _CARD, 3: 89_967_000_000, 4: nothing}},
    )  # fmt: skip
    writes = [_CLAUDE_LINES[2] | {6: "input.audio"}, *_CLAUDE_LINES[:2], *_CLAUDE_LINES[3:]]
    yield _vector(
        "line-written-part", "R-6.4", "writes are not priced by kind",
        _CLAUDE_CLAIMS | {14: {1: "USD", 2: _CARD, 3: 89_967_000_000, 4: writes}}, "claims-invalid",
    )  # fmt: skip


def _rounding() -> Iterator[Vector]:
    def claims(quantity: int, rate: int, per: int, amount: int) -> dict[int, Any]:
        line = {1: 4, 3: quantity, 4: rate, 5: amount, 6: "pages.document", 7: per}
        tokens = {10: {1: 0, 2: 0, 3: 0}, 11: None, 17: {"pages.document": quantity}}
        return tokens | {14: {1: "USD", 2: _CARD, 3: amount, 4: [line]}}

    for name, comment, amount in (
        ("half", "3 at 1 for 2 are 1.5, rounded up to 2", claims(3, 1, 2, 2)),
        ("below", "4 at 1 for 3 are 1.33, rounded to 1", claims(4, 1, 3, 1)),
        ("above", "5 at 1 for 3 are 1.67, rounded to 2", claims(5, 1, 3, 2)),
        ("large", "the largest numbers there are", claims(2**64 - 1, 2**63, 2**64 - 1, 2**63)),
    ):
        yield _vector(f"round-{name}", "R-8.6", comment, amount)
    for name, comment, amount in (
        ("half-down", "1.5 is not 1", claims(3, 1, 2, 1)),
        ("half-too-far", "1.5 is not 3", claims(3, 1, 2, 3)),
        ("below-up", "1.33 is not 2", claims(4, 1, 3, 2)),
        ("above-down", "1.67 is not 1", claims(5, 1, 3, 1)),
    ):
        yield _vector(f"round-{name}", "R-8.6", comment, amount, "charge-mismatch")


def _models() -> Iterator[Vector]:
    def small(counts: dict[int, Any], output: dict[int, Any] | None) -> dict[int, Any]:
        made = {1: counts} if output is None else {1: counts, 2: output}
        return _MODELS | {18: _TWO | {"small": made}}

    plain, written = {1: 1000, 2: 0, 3: 1000}, {1: 200, 2: 20}
    for name, comment, claims in (
        ("logical", "a token too many", small({1: 1001, 2: 0, 3: 1001}, written)),
        ("writes", "a model wrote, the receipt did not", small(plain | {4: {300: 1}}, written)),
        ("output", "an output token too few", small(plain, {1: 199, 2: 20})),
        ("unstated", "a model does not state what was cached", small({1: 1000}, written)),
        ("reasoning", "a model does not state its reasoning", small(plain, {1: 200})),
        ("own-attributed", "the arithmetic of a model", small({1: 1000, 2: 0, 3: 999}, written)),
        ("own-writes", "a model wrote more than it computed",
         {10: {1: 3000, 2: 1999, 3: 1001, 4: {300: 1001}}, 11: _MODELS[11],
          18: {"small": {1: plain | {4: {300: 1001}}, 2: written}, "large": {1: {1: 2000, 2: 1999, 3: 1}, 2: {1: 300, 2: 100}}}}),
        ("own-reasoning", "a model reasoned more than it put out", small(plain, {1: 20, 2: 200}) | {11: {1: 320, 2: 300}}),
    ):  # fmt: skip
        yield _vector(f"models-{name}", "R-8.10", comment, claims, "models-mismatch")
    yield _vector(
        "models-no-output", "R-8.10", "a model without an output", small(plain, None) | {11: {1: 300, 2: 100}}
    )  # fmt: skip
    yield _vector(
        "models-written", "R-8.10", "both wrote",
        _MODELS | {10: {1: 3000, 2: 1000, 3: 2000, 4: {0: 5, 300: 7}},
                   18: _TWO | {"small": {1: plain | {4: {300: 3}}, 2: written}, "large": {1: {1: 2000, 2: 1000, 3: 1000, 4: {0: 5, 300: 4}}, 2: {1: 300, 2: 100}}}},
    )  # fmt: skip
    sixteen = {f"m{n}": {1: {1: 1, 2: 0, 3: 1}} for n in range(16)}
    yield _vector(
        "models-16", "R-6.4", "16 models", {10: {1: 16, 2: 0, 3: 16}, 11: None, 18: sixteen}
    )  # fmt: skip
    for name, comment, models in (
        ("17", "17 models", sixteen | {"m16": sixteen["m1"]}),
        ("one", "one model is claim 9", {"large": _TWO["large"]}),
        ("none", "no model", {}),
        ("extra", "a field that a model does not have", {**_TWO, "more": {1: plain, 3: 1}}),
    ):
        yield _vector(f"models-{name}", "R-6.4", comment, _MODELS | {18: models}, "claims-invalid")
    for name, comment, line in (
        ("line-nobody", "a line of no model", {8: None}),
        ("line-another", "a line of another model", {8: "medium"}),
    ):
        changed = {key: value for key, value in (_MODEL_LINES[0] | line).items() if value is not None}  # fmt: skip
        charge = {1: "USD", 2: _CARD, 3: 14_700, 4: [changed, *_MODEL_LINES[1:]]}
        yield _vector(f"models-{name}", "R-6.4", comment, _MODELS | {14: charge}, "claims-invalid")
    moved = [_MODEL_LINES[0] | {8: "large"}, *_MODEL_LINES[1:]]
    vector = _vector(
        "models-line-moved", "R-8.6", "the tokens of one model at the price of the other",
        _MODELS | {14: {1: "USD", 2: _CARD, 3: 14_700, 4: moved}}, "charge-mismatch",
    )  # fmt: skip
    vector.also = ("charge-mismatch",)
    yield vector
    audio = {3: 2199, 5: 659_700_000}, {3: 801, 5: 801_000_000}
    lines = [_GEMINI_LINES[0] | audio[0], _GEMINI_LINES[1] | audio[1], *_GEMINI_LINES[2:]]
    yield _vector(
        "line-audio-moved", "R-8.6", "a token of text is charged as audio",
        _GEMINI_CLAIMS | {14: {1: "USD", 2: _CARD, 3: 38_460_700_000, 4: lines}}, "charge-mismatch",
    )  # fmt: skip


def _spans() -> Iterator[Vector]:
    for name, comment, claims in (
        ("logical", "a token", {10: {1: 1, 2: 1, 3: 0}}),
        ("writes", "writes of nothing", {10: {1: 0, 2: 0, 3: 0, 4: {0: 0}}}),
        ("unstated", "no cached count", {10: {1: 0}}),
        ("output", "an output", {11: {1: 0}}),
        ("cache", "a prefix", {12: {3: [{1: "tokens-sha256", 2: bytes(32), 3: 1}]}}),
        ("client", "a commitment", {16: bytes(32)}),
        ("units", "nothing that is billed", {17: None, 14: None}),
        ("requests", "web searches", {17: {"requests.web_search": 1}, 14: None}),
        ("parts", "none of a part", {17: {"input.audio": 0}, 14: None}),
        ("early", "that is not over", {19: {1: NOON, 2: NOON + 1001}}),
        ("models", "models", {18: {"a": {1: {1: 0, 2: 0, 3: 0}}, "b": {1: {1: 0, 2: 0, 3: 0}}}, 14: None}),
    ):  # fmt: skip
        code = "span-mismatch"
        vector = _vector(f"span-{name}", "R-8.11", comment, _STORAGE | {14: None} | claims, code)
        vector.also = {"unstated": ("cached-unstated",), "cache": ("cache-entry-mismatch",)}.get(name, ())  # fmt: skip
        yield vector
    private = {17: {"example.com/seat": 3, "container.seconds": 60}, 14: None}
    yield _vector("span-private", "R-8.11", "seats, and a container", _STORAGE | private)
    for name, comment, span in (
        ("empty", "an end that is not after the start", {1: NOON, 2: NOON}),
        ("no-end", "no end", {1: NOON}),
        ("late", "an end in the year 10000", {1: NOON, 2: 253402300800001}),
    ):
        yield _vector(f"span-{name}", "R-6.4", comment, _STORAGE | {19: span}, "claims-invalid")


def _totals() -> Iterator[Vector]:
    batch = Batch(one=Stream(change=lambda _, claims: claims | {17: {"audio.ms": 5, "a/b": 1}}))
    yield Vector("units-totals", "R-10.9", "the totals have the units", batch.items)
    for name, comment, units in (
        ("wrong", "a unit more", {"audio.ms": 16, "a/b": 3}),
        ("missing", "one unit is left out", {"audio.ms": 15}),
        ("absent", "all units are left out", None),
    ):
        claims = batch.claims | {10: {k: v for k, v in (batch.claims[10] | {8: units}).items() if v is not None}}  # fmt: skip
        items = [*batch.receipts, sign_statement(claims).data]
        yield Vector(f"units-totals-{name}", "R-10.9", comment, items, "totals-mismatch", 5)
    claims = batch.claims | {10: batch.claims[10] | {8: {"audio.smell": 1}}}
    items = [*batch.receipts, sign_statement(encode(claims)).data]
    yield Vector("units-totals-unknown", "R-6.4", "a total of a unit that does not exist", items, "claims-invalid", 5)  # fmt: skip


def _record() -> Iterator[Vector]:
    def of(change: dict[int, Any], row: dict[str, Any]) -> tuple[list[bytes], dict[str, Any]]:
        names = ["gpu-7-0", "gpu-7-2", "gpu-8-0", "gpu-8-1"]
        rows = [{"request": name, "time": NOON} for name in names]
        return batch_with(change).items, {"requests": [*rows, row] if row else rows}

    call = {"request": "gpu-7-1", "time": NOON}
    seen = call | {"path": "/v1/chat/completions", "logical": 3000}
    searched, heard = {17: {"requests.web_search": 2}}, {17: {"input.audio": 7}}
    google = {
        "promptTokenCount": 2900, "toolUsePromptTokenCount": 100, "cachedContentTokenCount": 2000, "candidatesTokenCount": 380,
        "thoughtsTokenCount": 120, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2893}, {"modality": "AUDIO", "tokenCount": 7}],
    }  # fmt: skip
    usage = {"input_tokens": 400, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 600, "output_tokens": 500, "server_tool_use": {"web_search_requests": 2}}  # fmt: skip
    chat = {"prompt_tokens": 3000, "prompt_tokens_details": {"audio_tokens": 7}}
    tokens = {10: {1: 3000, 2: 2000, 3: 1000}}
    for name, rule, comment, change, row, code in (
        ("search", "R-14.7", "the customer's usage object has the searches", searched, seen | {"usage": usage}, None),
        ("audio", "R-14.7", "and the audio", tokens | heard, seen | {"usage": chat}, None),
        ("google", "R-14.7", "and those of Google", tokens | heard, seen | {"usage": google}, None),
        ("stated", "R-14.7", "or the line of the log", searched, seen | {"units": {"requests.web_search": 2}}, None),
        ("fewer", "R-14.7", "the customer saw one search", searched, seen | {"units": {"requests.web_search": 1}}, "count-differs"),
        ("none", "R-14.7", "the customer saw audio that the receipt does not state", {}, seen | {"units": {"input.audio": 7}}, "count-differs"),
        ("zero", "R-14.7", "the customer saw that there was none", searched, seen | {"units": {"requests.web_search": 0}}, "count-differs"),
        ("unseen", "R-14.17", "the customer's record shows no search", searched, seen, "count-unconfirmed"),
        ("zero-unseen", "R-14.17", "a search that did not take place needs no confirmation", {17: {"requests.web_search": 0}}, seen, None),
        ("pathless", "R-14.17", "a log that states no path does not say that it saw the response", searched, call, None),
        ("span", "R-14.21", "a span of time that the record does not name", _STORAGE, {}, "span-unconfirmed"),
        ("span-named", "R-14.21", "one that it names", _STORAGE, call | {"units": {"storage.token_seconds": 129_600_000}, "time": NOON - 1_800_000}, None),
        ("span-before", "R-14.11", "one that it names for another day", _STORAGE, call | {"units": {"storage.token_seconds": 129_600_000}, "time": NOON - 2 * 86_400_000}, "time-differs"),
        ("span-request", "R-14.21", "a request of the customer, billed as a span of time", _STORAGE, seen | {"units": {"storage.token_seconds": 129_600_000}}, "span-unconfirmed"),
        ("span-part", "R-14.17", "one that it names without what is billed", _STORAGE, call | {"units": {"audio.ms": 0}}, "count-unconfirmed"),
        ("models-unseen", "R-14.17", "the customer's record does not show which model did what", _MODELS, seen | {"model": "large"}, "count-unconfirmed"),
        ("reasoning", "R-14.17", "reasoning is priced apart, and the customer saw none", {14: _REASONED}, seen, "count-unconfirmed"),
        ("span-other", "R-14.7", "one that it names with another quantity", _STORAGE, call | {"units": {"storage.token_seconds": 1}}, "count-differs"),
    ):  # fmt: skip
        items, options = of(change, row)
        also = ("request-without-receipt",) if name == "span-request" else ()
        yield Vector(f"units-record-{name}", rule, comment, items, code, _ITEM if code else None, options=options, also=also)  # fmt: skip

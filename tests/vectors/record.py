"""Vectors of the comparison with the customer's own record (verification step 14)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from receipts.cache_id import CacheKey, token_ids
from tests.build import (
    DECEMBER,
    NOON,
    NOVEMBER,
    STRANGER,
    Batch,
    Stream,
    receipt_claims,
    sign_receipt,
)
from tests.vectors.model import Vector

_LAST_HOUR = NOVEMBER[1] - 3_600_000


def _batch(**input_: Any) -> Batch:
    return Batch(
        one=Stream(
            "gpu-7", 3, change=lambda n, c: c | {16: bytes([n]) * 32} | input_.get(f"r{n}", {})
        )
    )


def _requests(*more: dict[str, Any], **changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The customer's requests of the honest batch; ``changes`` by name of the request, with _ for -."""
    names = [*(f"gpu-7-{n}" for n in range(3)), "gpu-8-0", "gpu-8-1"]
    rows = [{"request": name, "time": NOON} for name in names]
    return [row | changes.get(str(row["request"]).replace("-", "_"), {}) for row in rows] + list(
        more
    )


def vectors() -> Iterator[Vector]:
    batch = _batch()
    items, ones = batch.items, batch.ones
    sent = {f"gpu_7_{n}": {"commitment": (bytes([n]) * 32).hex()} for n in range(3)}
    received = [receipt.data for receipt in [*batch.ones, *batch.twos]]
    yield Vector(
        "record-both",
        "R-14.6",
        "requests and received receipts agree with the batch",
        items,
        options={"requests": _requests(**sent), "received": received},
    )
    yield Vector(
        "record-counts",
        "R-14.3",
        "the customer's own counts agree",
        items,
        options={
            "requests": _requests(
                gpu_7_0={"logical": 3000, "cached": 2000, "output": 500, "reasoning": 120}
            )
        },
    )
    yield Vector(
        "record-missing",
        "R-14.1",
        "a request has no receipt",
        items,
        "request-without-receipt",
        options={"requests": _requests({"request": "more", "time": NOON})},
    )
    yield Vector(
        "record-missing-before-last-hour",
        "R-14.1",
        "the last ms in which a receipt must be there",
        items,
        "request-without-receipt",
        options={"requests": _requests({"request": "more", "time": _LAST_HOUR - 1})},
    )
    yield Vector(
        "record-last-hour",
        "R-14.1",
        "its receipt may be in the next period",
        items,
        options={"requests": _requests({"request": "more", "time": _LAST_HOUR})},
    )
    yield Vector(
        "record-before",
        "R-14.1",
        "the request is of an earlier time",
        items,
        options={"requests": _requests({"request": "more", "time": NOVEMBER[0] - 1})},
    )
    yield Vector(
        "record-timeless",
        "R-14.1",
        "a request without a time counts as inside",
        items,
        "request-without-receipt",
        options={"requests": _requests({"request": "more"})},
    )
    yield Vector(
        "record-phantom",
        "R-14.2",
        "a receipt for a request that was never made",
        items,
        "receipt-without-request",
        3,
        options={"requests": [row for row in _requests() if row["request"] != "gpu-8-1"]},
    )
    yield Vector(
        "record-count",
        "R-14.3",
        "the customer counted more cached tokens",
        items,
        "count-differs",
        2,
        options={"requests": _requests(gpu_7_1={"cached": 2001})},
    )
    yield Vector(
        "record-commitment",
        "R-14.4",
        "the receipt echoes another commitment",
        items,
        "commitment-differs",
        4,
        options={"requests": _requests(gpu_7_2={"commitment": "ab" * 32})},
    )
    yield Vector(
        "record-no-commitment",
        "R-14.4",
        "a receipt that echoes none is no fault",
        items,
        options={"requests": _requests(gpu_8_0={"commitment": "ab" * 32})},
    )
    cheaper = {10: {1: 3000, 2: 500, 3: 2500, 4: {300: 600}}}
    yield Vector(
        "record-told-twice",
        "R-14.6",
        "the batch has other counts than the receipt that was received",
        _batch(r2=cheaper).items,
        "receipt-equivocation",
        4,
        options={"received": [ones[2].data]},
    )
    more = Stream("gpu-7", 4, change=lambda n, c: c | {16: bytes([n]) * 32}).receipts()[3]
    yield Vector(
        "record-omitted",
        "R-14.6",
        "a received receipt is not in the batch",
        items,
        "received-omitted",
        options={"received": [ones[0].data, more.data]},
    )
    later = Stream("gpu-7", 1, 3, ones[-1].digest, over={"time": DECEMBER[0]}).receipts()[0]
    yield Vector(
        "record-later",
        "R-14.6",
        "a received receipt of the next period",
        items,
        options={"received": [later.data]},
    )
    again = sign_receipt(
        receipt_claims(stream="gpu-9", time=NOON + 1000, request="gpu-7-1", client=bytes([1]) * 32)
    )
    yield Vector(
        "record-billed-twice",
        "R-14.6",
        "another receipt for the request was received, in another stream",
        items,
        "request-duplicate",
        2,
        options={"received": [again.data]},
    )
    early = NOVEMBER[0] + 300_000
    yield Vector(
        "record-first-minutes",
        "R-14.1",
        "its receipt may be in the period before",
        items,
        options={"requests": _requests({"request": "more", "time": early - 1})},
    )
    yield Vector(
        "record-after-first-minutes",
        "R-14.1",
        "the first ms in which a receipt must be there",
        items,
        "request-without-receipt",
        options={"requests": _requests({"request": "more", "time": early})},
    )
    yield from _prompts()
    stranger = sign_receipt({1: 1}, STRANGER)
    yield Vector("record-stranger", "R-14.5", "a received item that a stranger signed", items, "received-invalid",
                 options={"received": [stranger.data]})  # fmt: skip


_CACHE_KEY = CacheKey("acme", bytes(range(32)))


def _prompts() -> Iterator[Vector]:
    """Two requests with 40 and 60 tokens, which share 32; the second reads those from the cache."""
    first, second = list(range(40)), [*range(32), *range(100, 128)]
    ids = {
        n: token_ids("claude-sonnet-4-6", second, [n], _CACHE_KEY.for_time(NOON))[n]
        for n in (16, 32)
    }

    def batch(identifier: bytes = ids[32], cached: int = 32, logical: int = 60) -> list[bytes]:
        def change(n: int, claims: dict[int, Any]) -> dict[int, Any]:
            if n == 0:
                return claims | {10: {1: 40, 2: 0, 3: 40}}
            read = {1: "tokens-hmac-sha256", 2: identifier, 3: cached}
            return claims | {10: {1: logical, 2: cached, 3: logical - cached}, 12: {1: read}}

        return Batch(one=Stream("gpu-7", 2, change=change)).items

    prompts = [{"request": "gpu-7-0", "tokens": first}, {"request": "gpu-7-1", "tokens": second}]
    document = json.loads(_CACHE_KEY.to_json())
    options = {"prompts": prompts, "cache_key": document}
    yield Vector(
        "prompts-agree",
        "R-14.7",
        "the identifier is of the prefix that both prompts share",
        batch(),
        options=options,
    )
    yield Vector(
        "prompts-period-key",
        "R-14.7",
        "the same with the key of the month",
        batch(),
        options=options | {"cache_key": json.loads(_CACHE_KEY.for_period("2026-11").to_json())},
    )
    yield Vector(
        "prompts-id",
        "R-14.7",
        "the identifier is of half of that prefix",
        batch(ids[16]),
        "cache-id-mismatch",
        2,
        options=options,
    )
    longer = token_ids("claude-sonnet-4-6", second, [33], _CACHE_KEY.for_time(NOON))[33]
    yield Vector(
        "prompts-beyond",
        "R-14.8",
        "one token more is cached than was ever sent before",
        batch(longer, 33),
        "cached-beyond-prefix",
        2,
        options=options,
    )
    yield Vector(
        "prompts-logical",
        "R-14.3",
        "the prompt has one token less than is billed",
        batch(logical=61),
        "count-differs",
        2,
        options=options,
    )
    yield Vector("prompts-other-month", "R-14.7", "the key of another month: the identifier is not recomputed", batch(ids[16]),
                 options=options | {"cache_key": json.loads(_CACHE_KEY.for_period("2026-12").to_json())})  # fmt: skip

"""Vectors of the comparison with the customer's own record (verification step 14)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.build import DECEMBER, NOON, NOVEMBER, STRANGER, Batch, Stream, sign_receipt
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
        "requests and received receipts agree with the batch",
        items,
        options={"requests": _requests(**sent), "received": received},
    )
    yield Vector(
        "record-counts",
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
        "a request has no receipt",
        items,
        "request-without-receipt",
        options={"requests": _requests({"request": "more", "time": NOON})},
    )
    yield Vector(
        "record-missing-before-last-hour",
        "the last ms in which a receipt must be there",
        items,
        "request-without-receipt",
        options={"requests": _requests({"request": "more", "time": _LAST_HOUR - 1})},
    )
    yield Vector(
        "record-last-hour",
        "its receipt may be in the next period",
        items,
        options={"requests": _requests({"request": "more", "time": _LAST_HOUR})},
    )
    yield Vector(
        "record-before",
        "the request is of an earlier time",
        items,
        options={"requests": _requests({"request": "more", "time": NOVEMBER[0] - 1})},
    )
    yield Vector(
        "record-timeless",
        "a request without a time counts as inside",
        items,
        "request-without-receipt",
        options={"requests": _requests({"request": "more"})},
    )
    yield Vector(
        "record-phantom",
        "a receipt for a request that was never made",
        items,
        "receipt-without-request",
        3,
        options={"requests": [row for row in _requests() if row["request"] != "gpu-8-1"]},
    )
    yield Vector(
        "record-count",
        "the customer counted more cached tokens",
        items,
        "count-differs",
        2,
        options={"requests": _requests(gpu_7_1={"cached": 2001})},
    )
    yield Vector(
        "record-commitment",
        "the receipt echoes another commitment",
        items,
        "commitment-differs",
        4,
        options={"requests": _requests(gpu_7_2={"commitment": "ab" * 32})},
    )
    yield Vector(
        "record-no-commitment",
        "a receipt that echoes none is no fault",
        items,
        options={"requests": _requests(gpu_8_0={"commitment": "ab" * 32})},
    )
    cheaper = {10: {1: 3000, 2: 500, 3: 2500, 4: {300: 600}}}
    yield Vector(
        "record-told-twice",
        "the batch has other counts than the receipt that was received",
        _batch(r2=cheaper).items,
        "receipt-equivocation",
        4,
        options={"received": [ones[2].data]},
    )
    more = Stream("gpu-7", 4, change=lambda n, c: c | {16: bytes([n]) * 32}).receipts()[3]
    yield Vector(
        "record-omitted",
        "a received receipt is not in the batch",
        items,
        "received-omitted",
        options={"received": [ones[0].data, more.data]},
    )
    later = Stream("gpu-7", 1, 3, ones[-1].digest, over={"time": DECEMBER[0]}).receipts()[0]
    yield Vector(
        "record-later",
        "a received receipt of the next period",
        items,
        options={"received": [later.data]},
    )
    stranger = sign_receipt({1: 1}, STRANGER)
    yield Vector("record-stranger", "a received item that a stranger signed", items, "received-invalid",
                 options={"received": [stranger.data]})  # fmt: skip

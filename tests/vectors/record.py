"""Vectors of the comparison with the customer's own record (verification step 14)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from receipts.cache_id import CacheKey, token_ids
from tests.build import (
    DECEMBER,
    NOON,
    NOVEMBER,
    OCTOBER,
    STRANGER,
    USAGE,
    Batch,
    Stream,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.vectors.model import Vector
from tests.vectors.receipts import nested

_LAST_DAY = NOVEMBER[1] - 86_400_000 - 300_000


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
        "R-14.13",
        "requests and received receipts agree with the batch",
        items,
        options={"requests": _requests(**sent), "received": received},
    )
    yield Vector(
        "record-counts",
        "R-14.7",
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
        "record-missing-before-last-day",
        "R-14.1",
        "the last ms in which a receipt must be there",
        items,
        "request-without-receipt",
        options={"requests": _requests({"request": "more", "time": _LAST_DAY - 1})},
    )
    yield Vector(
        "record-last-day",
        "R-14.1",
        "its receipt may be in the next period",
        items,
        options={"requests": _requests({"request": "more", "time": _LAST_DAY})},
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
        "R-14.7",
        "the customer counted more cached tokens",
        items,
        "count-differs",
        2,
        options={"requests": _requests(gpu_7_1={"cached": 2001})},
    )
    yield Vector(
        "record-commitment",
        "R-14.5",
        "the receipt echoes another commitment",
        items,
        "commitment-differs",
        4,
        options={"requests": _requests(gpu_7_2={"commitment": "ab" * 32})},
    )
    yield Vector(
        "record-no-commitment",
        "R-14.5",
        "a receipt that echoes none is no fault",
        items,
        options={"requests": _requests(gpu_8_0={"commitment": "ab" * 32})},
    )
    cheaper = {10: {1: 3000, 2: 500, 3: 2500, 4: {300: 600}}}
    yield Vector(
        "record-told-twice",
        "R-14.13",
        "the batch has other counts than the receipt that was received",
        _batch(r2=cheaper).items,
        "receipt-equivocation",
        4,
        options={"received": [ones[2].data]},
    )
    more = Stream("gpu-7", 4, change=lambda n, c: c | {16: bytes([n]) * 32}).receipts()[3]
    yield Vector(
        "record-omitted",
        "R-14.13",
        "a received receipt is not in the batch",
        items,
        "received-omitted",
        options={"received": [ones[0].data, more.data]},
    )
    later = Stream("gpu-7", 1, 3, ones[-1].digest, over={"time": DECEMBER[0]}).receipts()[0]
    yield Vector(
        "record-later",
        "R-14.13",
        "a received receipt of the next period",
        items,
        options={"received": [later.data]},
    )
    again = sign_receipt(
        receipt_claims(stream="gpu-9", time=NOON + 1000, request="gpu-7-1", client=bytes([1]) * 32)
    )
    yield Vector(
        "record-billed-twice",
        "R-14.13",
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
    yield from _calls()
    yield from _differing()
    yield from _unconfirmed()
    yield from _in_band()
    yield from _prompts()
    stranger = sign_receipt({1: 1}, STRANGER)
    yield Vector("record-stranger", "R-14.12", "a received item that a stranger signed", items, "received-invalid",
                 options={"received": [stranger.data]})  # fmt: skip


def _calls() -> Iterator[Vector]:
    """Which call a receipt is for, and whether there may be one."""
    items = _batch().items
    sent = {f"gpu_7_{n}": {"commitment": (bytes([n]) * 32).hex()} for n in range(3)}

    def one(
        name: str,
        rule: str,
        comment: str,
        finding: str | None = None,
        item: int | None = None,
        *more: Any,
        **changes: Any,
    ) -> Vector:
        return Vector(f"record-{name}", rule, comment, items, finding, item, options={"requests": _requests(*more, **changes)})  # fmt: skip

    twice = _batch(r2={16: bytes(32)})
    yield Vector("record-commitment-repeated", "R-14.3", "two receipts echo what was sent with one request", twice.items,
                 "commitment-repeated", 4, options={"requests": _requests(gpu_7_0=sent["gpu_7_0"])})  # fmt: skip
    unseen = {"gpu_7_1": {"request": "another", "commitment": (bytes([1]) * 32).hex()}}
    yield one("another-id", "R-14.4", "the response to the request that it echoes names another id", "request-differs", 2, **unseen)  # fmt: skip
    lost = {"gpu_7_1": {"request": None, "outcome": "cut", "commitment": (bytes([1]) * 32).hex()}}
    yield one(
        "lost-response",
        "R-14.4",
        "the response was lost, and the receipt echoes what was sent",
        **lost,
    )
    failed = {"request": None, "status": 429, "commitment": (bytes([1]) * 32).hex()}
    yield one("failure-billed", "R-14.6", "a receipt for a call that was answered 429", "request-not-billable", 2, gpu_7_1=failed)  # fmt: skip
    yield one("upload-billed", "R-14.6", "a receipt for an upload of a file", "request-not-billable", 2, gpu_7_1={"path": "/v1/files"})  # fmt: skip
    yield one("failures", "R-14.6", "calls that failed have no receipt", None, None, {"status": 500, "time": NOON}, {"status": 429})  # fmt: skip
    yield one("upload", "R-14.1", "an upload of a file needs no receipt", None, None, {"request": "file-1", "time": NOON, "path": "/v1/files"})  # fmt: skip
    yield one("unknown-api", "R-14.1", "of an unknown API is not known whether it is billed", None, None,
              {"request": "x", "time": NOON, "path": "/v1/rerank", "logical": 5})  # fmt: skip
    yield one("without-usage", "R-14.1", "a call that showed no usage may have a receipt", None, None,
              {"request": "x", "time": NOON, "path": "/v1/chat/completions"})  # fmt: skip
    yield one("with-usage", "R-14.1", "a call that showed its usage has one", "request-without-receipt", None,
              {"request": "x", "time": NOON, "path": "/v1/chat/completions", "logical": 5})  # fmt: skip
    yield one("replay", "R-14.1", "the answer was a stored one: both calls have one receipt", None, None,
              {"request": "gpu-7-1", "time": DECEMBER[0], "replay": True, "commitment": "ab" * 32}, **sent)  # fmt: skip
    over_the_end = {
        "request": "x",
        "sent": NOVEMBER[1] - 3_900_000,
        "answered": NOVEMBER[1] - 300_000,
    }
    yield one("over-the-end", "R-14.1", "its receipt can be of the next period, by the margin of the clocks", None, None, over_the_end)  # fmt: skip
    yield one("before-the-end", "R-14.1", "the last ms at which it can only be of this one", "request-without-receipt", None,
              over_the_end | {"answered": NOVEMBER[1] - 300_001})  # fmt: skip
    yield Vector("record-empty", "R-14.2", "an empty log is a log", items, "receipt-without-request", 0, options={"requests": []},
                 also=("receipt-without-request",) * 4)  # fmt: skip


def _unconfirmed() -> Iterator[Vector]:
    """Receipts that nothing of the record speaks against, and nothing for."""
    items = _batch().items
    silent = {"path": "/v1/messages", "outcome": "unfinished"}
    yield Vector("record-unconfirmed", "R-14.17", "a receipt for a call that showed no usage", items, "count-unconfirmed", 2,
                 options={"requests": _requests(gpu_7_1=silent)})  # fmt: skip
    yield Vector("record-unconfirmed-untimely", "R-14.17", "the same, of another time: that is another fault", items, "count-unconfirmed", 2,
                 also=("time-differs",), options={"requests": _requests(gpu_7_1=silent | {"time": NOON - 172_800_000})})  # fmt: skip
    yield Vector("record-cancelled", "R-14.17", "the customer hung up before the usage came", items,
                 options={"requests": _requests(gpu_7_1=silent | {"outcome": "cancelled"})})  # fmt: skip
    yield Vector("record-cut", "R-14.17", "the connection broke before the usage came", items,
                 options={"requests": _requests(gpu_7_1=silent | {"outcome": "cut"})})  # fmt: skip
    yield Vector("record-unseen", "R-14.17", "a log that does not say what was answered", items,
                 options={"requests": _requests(gpu_7_1={"outcome": "unfinished"})})  # fmt: skip
    first = {"request": None, "time": NOON, "outcome": "cut", "commitment": (bytes([1]) * 32).hex()}
    yield Vector("record-first-attempt", "R-14.5", "the answer to a second attempt; the receipt echoes the first", items,
                 options={"requests": _requests(first, gpu_7_1={"commitment": "ab" * 32})})  # fmt: skip
    batch = Batch()
    late = Stream("gpu-9", 1, over={"time": OCTOBER[0]}).receipts()
    claims = statement_claims({"gpu-9": late}, number=1, previous=batch.statement.digest, start=OCTOBER[0], end=OCTOBER[1], kind=1)  # fmt: skip
    apart = [*batch.items, late[0].data, sign_statement(claims).data]
    yield Vector("record-late-apart", "R-14.18", "a late statement without the statement of its period", apart, "late-apart", 7,
                 options={"requests": _requests({"request": "gpu-9-0", "time": OCTOBER[0]})})  # fmt: skip


def _differing() -> Iterator[Vector]:
    """What the call states, and the receipt states otherwise."""
    items = _batch().items

    def one(
        name: str, rule: str, comment: str, finding: str | None = None, **change: Any
    ) -> Vector:
        item = None if finding is None else 2
        return Vector(f"record-{name}", rule, comment, items, finding, item, options={"requests": _requests(gpu_7_1=change)})  # fmt: skip

    yield one(
        "writes",
        "R-14.7",
        "the customer saw writes of another TTL",
        "count-differs",
        writes={"3600": 600},
    )
    yield one(
        "writes-unstated",
        "R-14.7",
        "the customer saw writes, of TTLs that it was not told",
        writes={"0": 600},
    )
    yield one(
        "writes-zero", "R-14.7", "TTLs with 0 tokens say nothing", writes={"300": 600, "3600": 0}
    )
    yield one(
        "writes-sum",
        "R-14.7",
        "the customer saw fewer writes, of TTLs that it was not told",
        "count-differs",
        writes={"0": 599},
    )
    yield one(
        "output-cut",
        "R-14.7",
        "of a response that was cut, the output is not known",
        outcome="cut",
        output=7,
    )
    unstated = _batch(r1={10: {1: 3000}}).items
    for name, comment, cached, finding, rule, also in (
        ("cached-nothing", "the customer saw no cached tokens, and the receipt states none", 0, "cached-unstated", "R-8.7", ()),
        ("cached-left-out", "the customer saw cached tokens, and the receipt states none", 2000, "count-differs", "R-14.7", ("cached-unstated",)),
    ):  # fmt: skip
        options = {"requests": _requests(gpu_7_1={"cached": cached})}
        yield Vector(
            f"record-{name}", rule, comment, unstated, finding, 2, also=also, options=options
        )
    yield one("logical-cut", "R-14.7", "its input is", "count-differs", outcome="cut", logical=7)
    yield one(
        "usage-object", "R-14.10", "the usage object that the receipt was made from", usage=USAGE
    )
    yield one("model", "R-14.8", "another model", "model-differs", model="claude-opus-4-6")
    for name, model in (
        ("dated", "claude-sonnet-4-6-20251001"),
        ("dashed", "claude-sonnet-4-6-2025-10-01"),
        ("at", "claude-sonnet-4-6@20251001"),
    ):
        yield one(
            f"model-{name}", "R-14.8", "a name and the same with a date are one model", model=model
        )
    yield one(
        "model-longer",
        "R-14.8",
        "a longer name is another one",
        "model-differs",
        model="claude-sonnet-4-6-mini",
    )
    yield one("model-requested", "R-14.8", "where the response names none, that which was asked for", "model-differs",
              requested_model="claude-opus-4-6")  # fmt: skip
    yield one(
        "tier", "R-14.9", "the customer saw another service tier", "tier-differs", tier="batch"
    )
    yield one(
        "usage",
        "R-14.10",
        "the receipt was made from another usage object",
        "usage-differs",
        usage_sha256="ab" * 32,
    )
    close = {"sent": NOON + 301_000, "answered": NOON + 302_000}
    yield one(
        "time-first",
        "R-14.11",
        "the earliest time, by the margin of the clocks",
        time=None,
        **close,
    )
    yield one(
        "time-before",
        "R-14.11",
        "one ms before",
        "time-differs",
        time=None,
        sent=NOON + 301_001,
        answered=NOON + 302_000,
    )
    yield one(
        "time-last",
        "R-14.11",
        "the latest time",
        time=None,
        sent=NOON - 900_000,
        answered=NOON - 299_000,
    )
    yield one(
        "time-after",
        "R-14.11",
        "one ms after",
        "time-differs",
        time=None,
        sent=NOON - 900_000,
        answered=NOON - 299_001,
    )
    yield one(
        "time-of-a-day",
        "R-14.11",
        "where the end is not stated, a day after it was sent",
        time=NOON - 86_400_000 - 299_000,
    )
    yield one(
        "time-beyond-a-day",
        "R-14.11",
        "one ms more",
        "time-differs",
        time=NOON - 86_400_000 - 299_001,
    )


def _in_band() -> Iterator[Vector]:
    """Receipts that came with the response, and the call."""
    batch = _batch()
    items, ones = batch.items, batch.ones
    stated = {"host": "api.example.com", "answered": NOON + 2000, "logical": 3000}

    def with_receipts(*changes: dict[str, Any]) -> list[dict[str, Any]]:
        rows = [row | stated for row in _requests()]
        for row, receipt in zip(rows, [*batch.ones, *batch.twos], strict=True):
            row["receipts"] = [receipt.data.hex()]
        return [row | change for row, change in zip_longest(rows, changes, fillvalue={})]

    def one(
        name: str,
        rule: str,
        comment: str,
        finding: str | None,
        item: int | None,
        *changes: dict[str, Any],
    ) -> Vector:
        return Vector(f"in-band-{name}", rule, comment, items, finding, item, options={"requests": with_receipts(*changes)})  # fmt: skip

    yield one("honest", "R-14.14", "each call has its receipt", None, None)
    yield one(
        "missing",
        "R-14.15",
        "no receipt came with one of the calls",
        "received-missing",
        None,
        {},
        {"receipts": []},
    )
    closed = {"receipts": [sign_receipt(receipt_claims(stream="gpu-9", request="gpu-7-1", time=DECEMBER[0])).data.hex()], "time": DECEMBER[0], "answered": None, "path": "/v1/files"}  # fmt: skip
    yield Vector("in-band-closed", "R-14.14", "a receipt that came with an upload of a file", items, "received-differs", None,
                 also=("request-duplicate", "request-not-billable"), options={"requests": with_receipts({}, closed)})  # fmt: skip
    yield one("swapped", "R-14.14", "the receipt of another call came with it", "received-differs", 4, {}, {"receipts": [ones[2].data.hex()]})  # fmt: skip
    other = sign_receipt(receipt_claims(stream="gpu-9", account="other", request="gpu-7-1"))
    yield one("other-account", "R-14.14", "the receipt that came names another account", "received-differs", None, {},
              {"receipts": [other.data.hex()]})  # fmt: skip
    strange = Stream(
        "gpu-7", 1, 3, ones[-1].digest, over={"request": "gpu-7-1", "time": DECEMBER[0] + 10**10}
    ).receipts()[0]
    yield Vector("in-band-other-time", "R-14.14", "the receipt that came is of another time, and the batch has another one for the call", items,
                 "received-differs", None, also=("request-duplicate",),
                 options={"requests": with_receipts({}, {"receipts": [strange.data.hex()]})})  # fmt: skip
    host = {"host": "api.example.com", "credential": "k2"}
    yield Vector("record-account-unknown", "R-14.16", "a call with other credentials, of which nothing tells the account", items,
                 "request-account-unknown", options={"requests": [
                     *(row | {"host": "api.example.com", "credential": "k1"} for row in _requests()),
                     {"request": "x", "time": NOON} | host]})  # fmt: skip
    keyed = [
        row | {"host": "api.example.com", "credential": "k2", "answered": NOON + 2000}
        for row in _requests()
    ]
    others = Stream("gpu-3", 2, over={"account": "other"}).receipts()
    for n, receipt in enumerate(others):
        keyed.append({"request": f"gpu-3-{n}", "time": NOON, "host": "api.example.com", "credential": "k2", "receipts": [receipt.data.hex()]})  # fmt: skip
    yield Vector("record-account-mixed", "R-14.16", "one credential, and receipts of two accounts", items, "request-account-unknown",
                 also=("received-missing",), options={"requests": keyed})  # fmt: skip
    yield Vector("record-account-other", "R-14.1", "a call that is stated to be of another account needs no receipt of this one", items,
                 options={"requests": _requests({"request": "x", "time": NOON, "account": "other"})})  # fmt: skip
    yield Vector("record-account-host", "R-14.1", "a call to a host where no call of the account went is somebody else's", items,
                 options={"requests": [
                     *(row | {"host": "api.example.com", "credential": "k1"} for row in _requests()),
                     {"request": "x", "time": NOON, "host": "elsewhere", "credential": "k2"}]})  # fmt: skip
    yield Vector("record-account-same", "R-14.1", "a call with the credentials of the others is of their account", items,
                 "request-without-receipt", options={"requests": [
                     *(row | {"host": "api.example.com", "credential": "k1"} for row in _requests()),
                     {"request": "x", "time": NOON, "host": "api.example.com", "credential": "k1"}]})  # fmt: skip


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
        "R-14.19",
        "the identifier is of the prefix that both prompts share",
        batch(),
        options=options,
    )
    yield Vector(
        "prompts-period-key",
        "R-14.19",
        "the same with the key of the month",
        batch(),
        options=options | {"cache_key": json.loads(_CACHE_KEY.for_period("2026-11").to_json())},
    )
    yield Vector(
        "prompts-id",
        "R-14.19",
        "the identifier is of half of that prefix",
        batch(ids[16]),
        "cache-id-mismatch",
        2,
        options=options,
    )
    longer = token_ids("claude-sonnet-4-6", second, [33], _CACHE_KEY.for_time(NOON))[33]
    yield Vector(
        "prompts-beyond",
        "R-14.20",
        "one token more is cached than was ever sent before",
        batch(longer, 33),
        "cached-beyond-prefix",
        2,
        options=options,
    )
    yield Vector(
        "prompts-logical",
        "R-14.7",
        "the prompt has one token less than is billed",
        batch(logical=61),
        "count-differs",
        2,
        options=options,
    )
    month = json.loads(_CACHE_KEY.for_period("2026-11").to_json())
    for name, comment, accepted, changed in (
        ("more", "members that are not named are ignored: 64 objects and arrays inside each other", True, {"x": nested(63)}),
        ("nested", "65 of them", False, {"x": nested(64)}),
        ("without", "no account", False, {"account": None}),
        ("account", "an account of 513 bytes", False, {"account": "a" * 513}),
        ("month", "a month that there is not", False, {"period": "2026-13"}),
        ("short", "a key of 31 bytes", False, {"key": "A" * 42}),
        ("padded", "a key with padding", False, {"key": month["key"] + "="}),
        ("version", "another version", False, {"token_receipt_cache_key": 2}),
    ):  # fmt: skip
        kept = {member: value for member, value in (month | changed).items() if value is not None}
        yield Vector(f"prompts-key-{name}", "R-14.19", f"a cache key file: {comment}", batch(), no_verdict=not accepted,
                     options={"prompts": prompts, "cache_key": kept})  # fmt: skip
    yield Vector("prompts-other-month", "R-14.19", "the key of another month: the identifier is not recomputed", batch(ids[16]),
                 options=options | {"cache_key": json.loads(_CACHE_KEY.for_period("2026-12").to_json())})  # fmt: skip

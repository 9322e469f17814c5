"""The rows of a verified batch: what the receipts claim, in columns, on the fast path and the slow one."""

import json
from contextlib import nullcontext
from hashlib import sha256

import pytest

from tests.build import KEY, NOON, Batch, Stream, jwk_set
from tests.test_two_paths import Slow
from verifier import (
    COLUMNS,
    NotVerifiedError,
    Policy,
    Receipt,
    by_kid,
    bytes_source,
    read_items,
    read_jwks,
    verified_rows,
)

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
ENTRY = {1: "tokens-sha256", 2: bytes(32), 3: 2000}


LINES = [
    {1: 0, 3: 400, 4: 3, 5: 1200}, {1: 1, 3: 2000, 4: 1, 5: 2000}, {1: 2, 2: 300, 3: 600, 4: 5, 5: 3000}, {1: 3, 3: 500, 4: 9, 5: 5, 7: 1000},
]  # fmt: skip
CHARGE = {1: "USD", 2: bytes(32), 3: 6205, 4: LINES}


def various(n, claims):
    """Receipts with and without what is optional, each with a usage object of its own."""
    claims = claims | {13: claims[13] | {3: sha256(bytes((n,))).digest()}}
    change = (
        {
            12: {1: ENTRY, 3: [ENTRY]},
            14: CHARGE,
            16: b"commitment",
            17: {"audio.ms": n + 1, "input.audio": 7},
        },
        {10: {1: 3000, 2: 0, 3: 3000}, 13: None, 15: None},
        {11: None, 13: {1: "p", 2: "a"}, 15: {"k": "v"}},
    )[n % 3]
    return {label: value for label, value in (claims | change).items() if value is not None}


BATCH = Batch(one=Stream(count=4, change=various), two=Stream("gpu-8", 3, change=various))


def rows_of(data, columns=COLUMNS, **policy):
    return verified_rows([bytes_source("input", data)], Policy(KEYS, **policy), columns)


def test_every_claim_is_in_a_column_or_in_the_block():
    block = {"issuer", "account", "stream", "sequence", "previous", "time"}
    cache = {"cache_read", "cache_writes", "commitments"}
    assert {*COLUMNS} - {"cache", "fingerprint"} == {*Receipt._fields} - block - cache
    assert {"cache", "fingerprint"} <= {*COLUMNS}


@pytest.mark.parametrize("path", ["fast", "slow"])
def test_columns_are_the_claims(monkeypatch, path):
    if path == "slow":
        monkeypatch.setattr("verifier.order.workers.FastPath", Slow)
    items = {item.number: item for item in read_items([bytes_source("input", BATCH.data)])}
    seen = []
    with rows_of(BATCH.data) as rows:
        for block in rows.blocks():
            for at, number in enumerate(block.items):
                item, value = items[number], {name: block.columns[name][at] for name in COLUMNS}
                claims = item.claims
                cache = (claims.cache_read, claims.cache_writes, claims.commitments)
                assert value.pop("fingerprint") == sha256(item.raw).digest()
                assert value.pop("cache") == (None if cache == (None, (), ()) else cache)
                assert value == {name: getattr(claims, name) for name in value}
                assert (block.issuer, block.account, block.stream) == claims[:3]
                assert (block.first + at, block.times[at]) == (claims.sequence, claims.time)
                assert (block.offsets[at], block.digest(at)) == (item.offset, item.digest)
                seen.append(number)
            assert block.next == block.first + len(block.items)
            assert block.digests() == [block.digest(at) for at in range(len(block.items))]
            if block.next - block.first > 1:
                assert block.digests(1, 2) == block.digests()[1:2]
                assert block.digests(1) == block.digests()[1:]
    assert sorted(seen) == [number for number, item in items.items() if item.kind == "receipt"]


@pytest.mark.parametrize("path", ["fast", "slow"])
def test_only_the_columns_that_are_wanted(monkeypatch, path):
    if path == "slow":
        monkeypatch.setattr("verifier.order.workers.FastPath", Slow)
    plain = Batch()
    with rows_of(plain.data, ["logical"]) as rows:
        assert {frozenset(block.columns) for block in rows.blocks()} == {frozenset({"logical"})}
    with rows_of(plain.data, []) as rows:
        assert {frozenset(block.columns) for block in rows.blocks()} == {frozenset()}


@pytest.mark.parametrize("path", ["fast", "slow"])
def test_in_the_order_of_time(monkeypatch, path):
    """Over all streams; what is of one ms, in the order of the input."""
    if path == "slow":
        monkeypatch.setattr("verifier.order.workers.FastPath", Slow)
    times = {"gpu-7": [5, 6, 6, 9], "gpu-8": [1, 6, 9]}
    one, two = (
        Stream(name, len(at), change=lambda n, c, at=at: c | {7: NOON + at[n]})
        for name, at in times.items()
    )
    with rows_of(Batch(one=one, two=two).data, ["request"]) as rows:
        found = [
            (block.times[at] - NOON, block.items[at], block.columns["request"][at])
            for block, at in rows.by_time()
        ]
    assert found == [
        (1, 1, "gpu-8-0"), (5, 0, "gpu-7-0"), (6, 2, "gpu-7-1"), (6, 3, "gpu-8-1"), (6, 4, "gpu-7-2"),
        (9, 5, "gpu-8-2"), (9, 6, "gpu-7-3"),
    ]  # fmt: skip


def test_rows_come_out_only_if_the_verdict_allows():
    honest = Batch()
    unclosed, forged = b"".join(honest.receipts), bytearray(honest.data)
    forged[-1] ^= 1
    for read in ("blocks", "by_time"):
        with rows_of(honest.data) as rows:
            assert len(list(getattr(rows, read)(incomplete=True))) > 0
        with rows_of(unclosed) as rows:
            assert len(list(getattr(rows, read)(incomplete=True))) > 0
            with pytest.raises(NotVerifiedError, match=r"incomplete \(statement-missing\)"):
                getattr(rows, read)()
        with rows_of(bytes(forged)) as rows:
            for incomplete in (False, True):
                with pytest.raises(NotVerifiedError, match=r"rejected \(signature-invalid\)"):
                    getattr(rows, read)(incomplete=incomplete)


@pytest.mark.parametrize("signatures", ["every", "statement"])
def test_sealed_rows_are_the_same(signatures):
    with rows_of(BATCH.data, signatures=signatures) as rows:
        assert [list(block.items) for block in rows.blocks()] == [[0, 2, 4, 6], [1, 3, 5]]
    broken = bytearray(BATCH.data)
    broken[len(BATCH.ones[0].data) - 1] ^= 1
    with (
        rows_of(bytes(broken), signatures=signatures) as rows,
        pytest.raises(NotVerifiedError) if signatures == "every" else nullcontext(),
    ):
        assert len(list(rows.blocks())) == 2

"""Events of vLLM's cache: batches as vLLM encodes them, over ZeroMQ, and what is held against them."""

import sys
import time
from contextlib import suppress
from typing import Any

import msgspec
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from receipts import Counts
from receipts.cache_id import CacheKey, vllm_ids
from receipts.prefixes import Identifiers, KvEvents, Vllm
from receipts.prefixes.stored_blocks import EventError, StoredBlocks
from tests.build import NOON

TOKENS = list(range(64))
HASHES = vllm_ids(TOKENS, 16)


def engine(array_like=False):
    """The structs of vllm/distributed/kv_events.py: of 0.33, or, as earlier versions had them, arrays."""

    class EventBatch(msgspec.Struct, array_like=True, omit_defaults=True, gc=False):
        ts: float
        events: list[Any]
        data_parallel_rank: int | None = None

    class KVCacheEvent(
        msgspec.Struct, array_like=array_like, omit_defaults=True, gc=False, tag=True
    ):
        pass

    class BlockStored(KVCacheEvent):
        block_hashes: list[bytes | int]
        parent_block_hash: bytes | int | None
        token_ids: list[int]
        block_size: int
        lora_id: int | None
        medium: str | None
        lora_name: str | None
        extra_keys: list[tuple[Any, ...] | None] | None = None
        group_idx: int | None = None
        kv_cache_spec_kind: str | None = None
        kv_cache_spec_sliding_window: int | None = None
        locality: str | None = None
        ownership: str | None = None
        session_id: str | None = None
        lookahead_token_ids: list[list[int]] | None = None

    class BlockRemoved(KVCacheEvent):
        block_hashes: list[bytes | int]
        medium: str | None
        group_idx: int | None = None
        locality: str | None = None
        ownership: str | None = None

    class AllBlocksCleared(KVCacheEvent):
        pass

    encode = msgspec.msgpack.Encoder().encode

    def batch(*events):
        made = [
            {"stored": BlockStored, "removed": BlockRemoved}[kind](hashes, *more)
            if kind != "cleared"
            else AllBlocksCleared()
            for kind, hashes, *more in events
        ]
        return encode(EventBatch(1.5, made, 0))

    return batch


BATCH = engine()


def stored(hashes, medium=None, group=None):
    return ("stored", hashes, None, TOKENS, 16, None, medium, None, None, group)


def apply(blocks, *events, publisher="a", batch=BATCH):
    blocks.apply(publisher, msgspec.msgpack.decode(batch(*events)))


RECORDED = (
    "93cb3ff800000000000093de0009a474797065ab426c6f636b53746f726564ac626c6f636b5f68617368657391c420"
    + "01" * 32 + "b1706172656e745f626c6f636b5f68617368c0a9746f6b656e5f696473920102aa626c6f636b5f73697a6502"
    "a76c6f72615f6964c0a66d656469756da3475055a96c6f72615f6e616d65c0a967726f75705f6964780084a474797065ac426c6f"
    "636b52656d6f766564ac626c6f636b5f68617368657391c420" + "02" * 32 + "a66d656469756da3475055a967726f75705f6964"
    "780081a474797065b0416c6c426c6f636b73436c656172656400"
)  # fmt: skip
"""What the structs of the 0.33.0 wheel and its encoder wrote for one event of each kind."""


def test_the_layout_is_that_of_the_engine():
    removed = ("removed", [b"\x02" * 32], "GPU", 0)
    one = ("stored", [b"\x01" * 32], None, [1, 2], 2, None, "GPU", None, None, 0)
    assert BATCH(one, removed, ("cleared", None)).hex() == RECORDED


@pytest.mark.parametrize("batch", [engine(), engine(array_like=True)], ids=["maps", "arrays"])
def test_stored_and_removed(batch):
    blocks = StoredBlocks()
    apply(blocks, stored(HASHES, "GPU"), batch=batch)
    apply(blocks, stored(HASHES[:1], "CPU"), batch=batch)
    assert all(one in blocks for one in HASHES)
    apply(blocks, ("removed", HASHES[:2], "GPU"), batch=batch)
    assert [one in blocks for one in HASHES] == [True, False, True, True]  # the first is in memory
    apply(blocks, ("removed", HASHES[:1], "CPU"), batch=batch)
    assert HASHES[0] not in blocks
    apply(blocks, ("cleared", None), batch=batch)
    assert not any(one in blocks for one in HASHES)


def test_hashes_as_numbers():
    """VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES: the last 64 bits."""
    blocks = StoredBlocks()
    apply(blocks, stored([int.from_bytes(HASHES[0][-8:])]))
    assert HASHES[0] in blocks
    assert HASHES[1] not in blocks
    apply(blocks, ("removed", [int.from_bytes(HASHES[0][-8:])], None))
    assert HASHES[0] not in blocks


def test_equal_last_bits_are_not_enough_where_all_are_known():
    blocks = StoredBlocks()
    apply(blocks, stored([HASHES[0]]))
    assert bytes(24) + HASHES[0][-8:] not in blocks


def test_publishers_and_groups_are_apart():
    blocks = StoredBlocks()
    for publisher in "ab":
        apply(blocks, stored(HASHES[:1], group=0), stored(HASHES[:1], group=1), publisher=publisher)
    apply(blocks, ("removed", HASHES[:1], None, 0))
    assert HASHES[0] in blocks
    apply(blocks, ("cleared", None), publisher="b")
    assert HASHES[0] in blocks
    apply(blocks, ("removed", HASHES[:1], None, 1))
    assert HASHES[0] not in blocks


def test_the_oldest_is_forgotten_first():
    blocks = StoredBlocks(2)
    apply(blocks, stored(HASHES[:3]))
    assert [one in blocks for one in HASHES[:3]] == [False, True, True]


@pytest.mark.parametrize(
    "batch",
    [
        {}, [], [1.5], [1.5, {}], [1.5, [7]], [1.5, [[]]], [1.5, [{"type": "BlockMoved"}]], [1.5, [[["BlockStored"]]]],
        [1.5, [{"type": "BlockStored", "block_hashes": 7}]], [1.5, [{"type": "BlockStored", "block_hashes": ["00"]}]],
        [1.5, [{"type": "BlockStored", "block_hashes": [-1]}]], [1.5, [{"type": "BlockStored", "block_hashes": [True]}]],
        [1.5, [{"type": "BlockStored", "block_hashes": [b"short"]}]], [1.5, [{"type": "BlockStored", "block_hashes": [1], "medium": []}]],
    ],
    ids=str,
)  # fmt: skip
def test_batches_that_are_none(batch):
    with pytest.raises(EventError):
        StoredBlocks().apply("a", batch)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**64 - 1) | st.binary(max_size=40)
    | st.sampled_from(["BlockStored", "BlockRemoved", "AllBlocksCleared", "GPU"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "block_hashes", "medium"]), inner),
    max_leaves=12,
)  # fmt: skip


@given(ANYTHING | st.lists(ANYTHING, max_size=3).map(lambda events: [1.5, events]))
def test_whatever_is_published(batch):
    with suppress(EventError):
        StoredBlocks().apply("a", batch)


class Publisher:
    """Publishes as vLLM does: topic, sequence in 8 bytes, batch."""

    def __init__(self):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.PUB)
        self.endpoint = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"
        self.sequence = 0

    def send(self, *frames):
        self.socket.send_multipart(frames)

    def publish(self, *events):
        self.send(b"kv", self.sequence.to_bytes(8), BATCH(*events))
        self.sequence += 1


@pytest.fixture
def publisher():
    one = Publisher()
    yield one
    one.context.destroy(linger=0)


def wait(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def connected(publisher, events):
    """A subscriber hears only what is published once it has arrived."""

    def heard():
        publisher.publish(("cleared", None))
        return events.counters.batches

    wait(heard)


def test_over_the_wire(publisher):
    key = CacheKey("acme", bytes(32))
    with KvEvents([publisher.endpoint], topic="kv") as events:
        identifiers = Identifiers({"acme": key}, vllm=Vllm(16, events=events))

        def read():
            cache = identifiers.cache("acme", "m", {}, Counts(64, 48), NOON, TOKENS)
            return cache.read.recipe

        connected(publisher, events)
        assert (read(), identifiers.counters.unannounced) == ("tokens-hmac-sha256", 1)
        publisher.publish(stored(HASHES[:3]))
        wait(lambda: events.stored(HASHES[2]))
        assert read() == "vllm-sha256-cbor;block=16;seed=vllm-none-hash"
        publisher.publish(("removed", HASHES[2:3], None))
        wait(lambda: not events.stored(HASHES[2]))
        assert (read(), identifiers.counters.unannounced) == ("tokens-hmac-sha256", 2)
        assert (events.counters.gaps, events.counters.unreadable) == (0, 0)


def test_what_was_lost_on_the_way_is_not_guessed(publisher):
    """After a gap, a new start of the engine, or a message that is none, nothing is known until it is announced again."""
    with KvEvents([publisher.endpoint]) as events:
        connected(publisher, events)
        for sequence, gaps in ((publisher.sequence + 5, 1), (0, 2)):
            publisher.publish(stored(HASHES))
            wait(lambda: events.stored(HASHES[0]))
            publisher.sequence = sequence
            publisher.publish(stored(HASHES[1:]))
            wait(lambda: not events.stored(HASHES[0]))
            assert events.stored(HASHES[1])
            assert events.counters.gaps == gaps
        for n, frames in enumerate(((b"kv", b"one frame short"), (b"kv", publisher.sequence.to_bytes(8), b"\xc1")), 1):  # fmt: skip
            publisher.send(*frames)
            wait(lambda n=n: events.counters.unreadable == n)
            assert not events.stored(HASHES[1])
            publisher.sequence += n - 1
            publisher.publish(stored(HASHES[1:]))
            wait(lambda: events.stored(HASHES[1]))


def test_an_endpoint_that_is_none():
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:none"):
        KvEvents(["tcp://127.0.0.1:none"])


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "zmq", None)
    with pytest.raises(ImportError, match=r"in the clone: pip install '\.\[vllm\]'"):
        KvEvents([])

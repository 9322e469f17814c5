"""Which blocks vLLM has stored, by the batches of events that it publishes.

Source: vLLM 0.33, ``vllm/distributed/kv_events.py``. A batch is an array: time, events, and the rank of the publisher, if there are
several. An event is a map with its name under ``type``; earlier versions wrote an array that begins with the name. A hash is 32
bytes, or with ``VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES`` its last 64 bits as a number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

MAX_BLOCKS: Final = 262_144
"""Blocks that are remembered; the one that was announced first is forgotten first. It takes about 90 MB at most."""
_LOW_BITS: Final = 8
_STORED, _REMOVED, _CLEARED = "BlockStored", "BlockRemoved", "AllBlocksCleared"
_MEDIUM: Final = {_STORED: 6, _REMOVED: 2}
"""Where the medium of the block stands in an event that is an array."""


class EventError(ValueError):
    """A batch is none that is known."""


class StoredBlocks:
    """The blocks that were announced as stored, and not as removed. Calls from several threads are safe."""

    def __init__(self, blocks: int = MAX_BLOCKS) -> None:
        self._most = blocks
        self._places: OrderedDict[bytes, set[tuple[str, object, object]]] = OrderedDict()
        """By the last 64 bits of a hash: the publisher, the medium and the group of layers where it is."""
        self._whole: dict[bytes, bytes] = {}
        """The hashes of which all bits are known, by their last 64."""
        self._lock = Lock()

    def __contains__(self, block_hash: bytes) -> bool:
        low = block_hash[-_LOW_BITS:]
        with self._lock:
            return low in self._places and self._whole.get(low, block_hash) == block_hash

    def apply(self, publisher: str, batch: Any) -> None:
        """Take note of a batch, decoded.

        Raises:
            EventError: it is none that is known. What came before its fault is noted.
        """
        if not isinstance(batch, list) or len(batch) < 2 or not isinstance(batch[1], list):
            raise EventError("no batch of events")
        with self._lock:
            for event in batch[1]:
                self._apply(publisher, event)

    def forget(self, publisher: str) -> None:
        """What a publisher announced holds no longer, or is not known to."""
        with self._lock:
            self._forget(publisher)

    def _apply(self, publisher: str, event: Any) -> None:
        kind, hashes, medium, group = _fields(event)
        if kind == _CLEARED:
            self._forget(publisher)
            return
        for low, whole in map(_low_bits, hashes):
            if kind == _STORED:
                self._add(low, whole, (publisher, medium, group))
            else:
                self._discard(low, (publisher, medium, group))
        while len(self._places) > self._most:
            self._whole.pop(self._places.popitem(last=False)[0], None)

    def _add(self, low: bytes, whole: bytes | None, place: tuple[str, object, object]) -> None:
        self._places.setdefault(low, set()).add(place)
        if whole is not None:
            self._whole[low] = whole

    def _discard(self, low: bytes, place: tuple[str, object, object]) -> None:
        places = self._places.get(low, set())
        places.discard(place)
        if not places:
            self._places.pop(low, None)
            self._whole.pop(low, None)

    def _forget(self, publisher: str) -> None:
        for low, places in list(self._places.items()):
            for place in [place for place in places if place[0] == publisher]:
                self._discard(low, place)


def _fields(event: Any) -> tuple[str, list[Any], object, object]:
    """Name, hashes, medium and group of an event."""
    if isinstance(event, Mapping):
        kind, hashes = event.get("type"), event.get("block_hashes", [])
        medium, group = event.get("medium"), event.get("group_idx")
    elif isinstance(event, list) and event:
        kind, hashes, group = event[0], event[1] if len(event) > 1 else [], None
        at = _MEDIUM.get(kind, 0) if isinstance(kind, str) else 0
        medium = event[at] if 0 < at < len(event) else None
    else:
        raise EventError("no event")
    if kind not in (_STORED, _REMOVED, _CLEARED):
        raise EventError(f"an event that is not known: {kind!r:.40}")
    if not isinstance(hashes, list) or not all(
        isinstance(one, str | int | None) for one in (medium, group)
    ):
        raise EventError(f"{kind} of another form")
    return kind, hashes, medium, group


def _low_bits(block_hash: Any) -> tuple[bytes, bytes | None]:
    """The last 64 bits of a hash, and all of it, if it is given."""
    if isinstance(block_hash, bytes) and len(block_hash) > _LOW_BITS:
        return block_hash[-_LOW_BITS:], block_hash
    if type(block_hash) is int and 0 <= block_hash < 1 << 8 * _LOW_BITS:
        return block_hash.to_bytes(_LOW_BITS), None
    raise EventError("a hash of another form")

"""Listens to the events that vLLM publishes about its cache (extra ``vllm``).

vLLM publishes them with ``--kv-events-config '{"enable_kv_cache_events": true, "publisher": "zmq", "endpoint": "tcp://*:5557"}'``.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from receipts.prefixes.stored_blocks import MAX_BLOCKS, EventError, StoredBlocks

_WAIT_MS: Final = 100
_FRAMES: Final = 3
"""Of a message: topic, sequence of 8 bytes, batch."""


@dataclass(slots=True)
class EventCounters:
    """What came from the engines."""

    batches: int = 0
    gaps: int = 0
    """Batches that did not follow the one before: the engine was started again, or some were lost. What it had announced is forgotten."""
    unreadable: int = 0
    """Messages that are none of vLLM's; likewise."""


class KvEvents:
    """The blocks that engines announce as stored, from the moment on when this was made.

    What an engine stored before is not known, and is left out. So is what it removed again, even if a request had just read it.

    Args:
        endpoints: where each engine publishes, ``tcp://host:5557``; with data parallelism each rank does, on the ports that follow.
        topic: as the engines have it.
        blocks: how many are remembered; the oldest is forgotten first.

    Raises:
        ImportError: the extra ``vllm`` is not installed.
        zmq.ZMQError: an endpoint cannot be one.
    """

    def __init__(
        self, endpoints: Sequence[str], *, topic: str = "", blocks: int = MAX_BLOCKS
    ) -> None:
        try:
            import msgspec
            import zmq
        except ImportError as error:
            hint = "events of vLLM need the extra, in the clone: pip install '.[vllm]'"
            raise ImportError(f"{error}; {hint}") from None
        self.counters = EventCounters()
        self._decode, self._malformed = msgspec.msgpack.decode, msgspec.MsgspecError
        self._blocks = StoredBlocks(blocks)
        self._next: dict[str, int] = {}
        """The sequence that comes next, by endpoint."""
        self._context, self._poller = zmq.Context(), zmq.Poller()
        self._sockets: dict[Any, str] = {}
        self._closed = threading.Event()
        try:
            for endpoint in endpoints:
                self._subscribe(endpoint, topic)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise ValueError(f"{', '.join(endpoints)}: {error}") from None
        self._thread = threading.Thread(target=self._listen, name="receipt-kv-events", daemon=True)
        self._thread.start()

    def __enter__(self) -> KvEvents:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Listen no longer."""
        self._closed.set()
        self._thread.join()

    def stored(self, block_hash: bytes) -> bool:
        """Whether an engine announced that it stored this block, and has not removed it since."""
        return block_hash in self._blocks

    def _subscribe(self, endpoint: str, topic: str) -> None:
        import zmq

        socket = self._context.socket(zmq.SUB)
        self._sockets[socket] = endpoint
        socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
        socket.connect(endpoint)
        self._poller.register(socket, zmq.POLLIN)

    def _listen(self) -> None:
        while not self._closed.is_set():
            for socket, _ in self._poller.poll(_WAIT_MS):
                self._receive(self._sockets[socket], socket.recv_multipart())
        self._context.destroy(linger=0)

    def _receive(self, endpoint: str, frames: list[bytes]) -> None:
        try:
            if len(frames) != _FRAMES:
                raise EventError("no message of three frames")
            self._follow(endpoint, int.from_bytes(frames[1]))
            self._blocks.apply(endpoint, self._decode(frames[2]))
            self.counters.batches += 1
        except (EventError, self._malformed, RecursionError):
            self.counters.unreadable += 1
            self._blocks.forget(endpoint)

    def _follow(self, endpoint: str, sequence: int) -> None:
        if self._next.get(endpoint, sequence) != sequence:
            self.counters.gaps += 1
            self._blocks.forget(endpoint)
        self._next[endpoint] = sequence + 1

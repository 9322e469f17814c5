r"""A sample provider without receipts, whose cache follows Anthropic's published rules; there is no model behind it.

    python -m cli.sample.provider --port-file port --withhold 4

serves on a free port of this machine (extra ``server``). Messages are answered with usage as a cache of prefixes would lead to:
breakpoints (``cache_control``) of 5 minutes or an hour, renewed by each hit, at least 1,024 tokens; a token is four bytes of a block. The
fourth hit is billed as if the prefix had to be written once more. Chats and Responses get recorded usage, as of `cli.sample.server`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from time import monotonic
from typing import Any, Final

from cli.sample.server import Replay, recorded, serve
from receipts.cache_id import Block, block_list, blocks

_MINIMUM: Final = 1024
"""Tokens of a prefix that is cached at least."""
_TTLS: Final = {"5m": 300, "1h": 3600}
_BYTES_A_TOKEN: Final = 4


class Caching:
    """The usage of requests to Messages.

    Args:
        withhold: the number of the hit that is not credited, from 1; 0: all are.
        clock: seconds.
    """

    def __init__(self, withhold: int = 0, clock: Callable[[], float] = monotonic) -> None:
        self._withhold, self._clock = withhold, clock
        self._ends: dict[bytes, float] = {}
        """When each prefix is forgotten, by its hash."""
        self._hits = 0

    def usage(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What Anthropic's usage object would state."""
        request = _Request(body)
        now = self._clock()
        known = [at for at in request.ends if self._ends.get(request.prefixes[at], 0) > now]
        hit = self._credited(known)
        read = 0 if hit is None else request.lengths[hit]
        written, before = dict.fromkeys(_TTLS.values(), 0), read
        for at in ([] if hit is None else [hit]) + [m for m in request.marks if request.lengths[m] > read]:  # fmt: skip
            written[request.ttl(at)] += request.lengths[at] - before
            before = request.lengths[at]
            self._ends[request.prefixes[at]] = now + request.ttl(at)
        return {
            "input_tokens": request.lengths[-1] - before,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": sum(written.values()),
            "cache_creation": {f"ephemeral_{name}_input_tokens": written[ttl] for name, ttl in _TTLS.items()},
            "output_tokens": 7,
            "service_tier": "standard",
        }  # fmt: skip

    def _credited(self, known: Sequence[int]) -> int | None:
        """The longest of the prefixes that are known, unless this is the hit that is not credited."""
        if not known:
            return None
        self._hits += 1
        return None if self._hits == self._withhold else known[-1]


class _Request:
    """A request: its blocks, their prefixes, and where a prefix may end that is cached."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._blocks = block_list(body)
        data = blocks(body)
        self.lengths = list(accumulate(1 + len(block) // _BYTES_A_TOKEN for block in data))
        self.prefixes = _prefixes(str(body.get("model")), data)
        self.marks = [at for at, block in enumerate(self._blocks) if _mark(block) is not None and self.lengths[at] >= _MINIMUM]  # fmt: skip
        self.ends = range(self.marks[-1] + 1 if self.marks else 0)

    def ttl(self, at: int) -> int:
        """In s."""
        mark = _mark(self._blocks[at])
        return _TTLS.get(str(mark.get("ttl")), 300) if isinstance(mark, Mapping) else 300


def _mark(block: Block) -> Any:
    return block.element.get("cache_control") if isinstance(block.element, Mapping) else None


def _prefixes(model: str, data: list[bytes]) -> list[bytes]:
    state = sha256(model.encode())
    found = []
    for block in data:
        state.update(block)
        found.append(state.copy().digest())
    return found


def provider(withhold: int = 0) -> Replay:
    """The application."""
    caching, other = Caching(withhold), recorded()
    return Replay(lambda api, body: caching.usage(body) if api == "messages" else other(api, body))


def main() -> None:
    """Serve on a free port of this machine; the port file is there as long as the server listens."""
    parser = argparse.ArgumentParser(
        prog="python -m cli.sample.provider",
        description="A sample provider: usage as of a cache that follows the published rules, and no receipts.",
    )
    parser.add_argument(
        "--port-file", required=True, metavar="FILE", help="where the number of the port is written"
    )
    parser.add_argument(
        "--withhold", type=int, default=0, metavar="N", help="bill the N-th hit as if it were none"
    )
    asked = parser.parse_args()
    serve(provider(asked.withhold), asked.port_file)


if __name__ == "__main__":
    main()

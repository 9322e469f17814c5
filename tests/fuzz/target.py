"""What a fuzz target is, and the corpus that all of them begin with."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from tests.build import KEY, jwk_set
from tests.fuzz.mutation import mutated
from verifier import by_kid, read_jwks

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
ROOT = Path(__file__).parents[2]


class Target:
    """Something that takes bytes which anybody may have made.

    Args:
        name: what the command calls it.
        seeds: makes the corpus to begin with.
        check: takes an input; returns in one word or more what came of it, and raises if that is a finding.
        mutate: makes an input of the corpus.
        share: of the time, as against other targets.
    """

    def __init__(
        self,
        name: str,
        seeds: Callable[[], Iterable[bytes]],
        check: Callable[[bytes], str],
        mutate: Callable[[list[bytes], random.Random], bytes] = mutated,
        share: int = 1,
    ) -> None:
        self.name = name
        self.seeds = seeds
        self.check = check
        self.mutate = mutate
        self.share = share


@cache
def vectors() -> tuple[tuple[str | None, bytes], ...]:
    """Verdict and input of all vectors that are small."""
    found = []
    for name in ("receipts", "batches", "containers", "limits", "record"):
        document = json.loads((ROOT / f"spec/vectors/{name}.json").read_text())
        found += [
            (vector["verdict"], bytes.fromhex(vector["input"]))
            for vector in document["vectors"]
            if len(vector.get("input", "")) in range(2, 20_000)
        ]
    return tuple(found)


def examples() -> list[bytes]:
    """The examples of the specification."""
    return [path.read_bytes() for path in sorted((ROOT / "spec/examples").glob("*.cbor"))]

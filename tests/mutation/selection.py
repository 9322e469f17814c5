"""Which mutants are tried: some of every room, more of those that decide most."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatch

from tests.mutation.mutants import Mutant

WEIGHTS = {
    "order": 5, "statements": 5, "procedure": 4, "item": 4, "pricing": 4, "format": 3, "crypto": 2, "reading": 2, "customer": 2,
    "pack": 2, "evidence": 2, "report": 1,
}  # fmt: skip
"""How many of a room, compared to the others."""


def matching(mutants: Sequence[Mutant], glob: str) -> list[Mutant]:
    """Those whose module, or module and line, match."""
    return [m for m in mutants if fnmatch(m.module, glob) or fnmatch(f"{m.module}:{m.line}", glob)]


def chosen(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many mutants by chance, the same for the same seed and code; in the order of the modules."""
    rooms: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        rooms[mutant.room].append(mutant)
    weights = {room: WEIGHTS.get(room, 1) for room in rooms}
    found: list[Mutant] = []
    for room, all_of_it in rooms.items():
        share = round(count * weights[room] / sum(weights.values()))
        numbers = random.Random(f"{seed} {room}")
        found += numbers.sample(all_of_it, min(share, len(all_of_it)))
    return sorted(found, key=lambda mutant: (mutant.module, mutant.begin, mutant.text))

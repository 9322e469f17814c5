"""pooled: one blended rate of a model for everybody's input."""

from __future__ import annotations

from collections.abc import Iterator

from attribution.money.amounts import split
from attribution.money.ledger.leaves import DIMENSIONS, Method, allocate, leaves
from attribution.money.ledger.ledger import Key, Ledger

_MODEL = DIMENSIONS.index("model")


def pooled(ledger: Ledger) -> None:
    """Allocate with the input of each model as a pool."""
    allocate(ledger, Method.POOLED, _amounts(leaves(ledger, "amount, shared, full_input")))


def _amounts(found: list[Key]) -> Iterator[tuple[Key, int]]:
    by_model: dict[str, list[Key]] = {}
    for leaf in found:
        by_model.setdefault(leaf[_MODEL], []).append(leaf)
    for members in by_model.values():
        weights = [full for *_, full in members]
        pool = sum(shared for *_, shared, _ in members)
        if not any(weights):  # a model without input: all direct
            yield from ((leaf[: len(DIMENSIONS)], leaf[-3]) for leaf in members)
            continue
        for leaf, share in zip(members, split(pool, weights), strict=True):
            *key, amount, shared, _ = leaf
            yield tuple(key), amount - shared + share

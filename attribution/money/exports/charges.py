"""Charges: what one meter cost on one day, for one leaf, at one rate; and how a method splits them (spec/exports.md, FOCUS)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

from attribution.money.ledger.leaves import DIMENSIONS, Method
from attribution.money.ledger.ledger import Key, Ledger
from attribution.money.prices import CACHE_READ, CACHE_WRITE, OUTPUT

_LEAF: Final = ", ".join(DIMENSIONS)
_DAY: Final = DIMENSIONS.index("day")
_CHARGES: Final = f"""
SELECT {_LEAF}, issuer, account, provider, sku, class, kind, is_input, ttl, rate, per, terms,
    count(DISTINCT item), sum(quantity), sum(lines.amount), sum(saved), sum(extra)
FROM lines JOIN receipts USING (item) GROUP BY ALL ORDER BY ALL
"""  # noqa: S608  # names of our own
_MOVED: Final = f"""
-- By how much a method is more than direct, of each leaf.
WITH both_ways AS (
    SELECT {_LEAF}, amount FROM allocated WHERE method = ?
    UNION ALL SELECT {_LEAF}, -amount FROM leaves
)
SELECT {_LEAF}, sum(amount) FROM both_ways GROUP BY {_LEAF} HAVING sum(amount) <> 0 ORDER BY {_LEAF}
"""  # noqa: S608  # the same


@dataclass(frozen=True, slots=True)
class Charge:
    """What one meter cost. ``rate`` in picounits for ``per`` units, amounts in picounits.

    Attributes:
        leaf: whose it is: the values of `DIMENSIONS`.
        sku: the model.
        meter: the class of the lines, or the part or unit that is priced apart.
        kind: the number of the class.
        is_input: whether they are tokens that the model read.
        ttl: in s, of cache writes.
        terms: JSON; what else selected the rate.
        receipts: how many have such a line.
        saved: what the cache saved, of cached tokens.
        extra: what writing to it cost more, of written ones.
    """

    leaf: Key
    issuer: str
    account: str
    provider: str
    sku: str
    meter: str
    kind: int
    is_input: bool
    ttl: int | None
    rate: int
    per: int
    terms: str
    receipts: int
    quantity: int
    amount: int
    saved: int
    extra: int

    @property
    def id(self) -> str:
        """Names it: the same lines have the same name in every export."""
        same = [*map(str, self.leaf), *self._parties, self.meter, str(self.rate), str(self.per), self.terms]  # fmt: skip
        return sha256(json.dumps(same).encode()).hexdigest()

    @property
    def _parties(self) -> tuple[str, ...]:
        return self.issuer, self.account, self.provider, self.sku

    @property
    def day(self) -> date:
        """The UTC day."""
        day: date = self.leaf[_DAY]
        return day

    @property
    def action(self) -> str | None:
        """What the cache did with the tokens: Read, Write, Uncached; None: they are no input."""
        if not self.is_input:
            return None
        return {CACHE_READ: "Read", CACHE_WRITE: "Write"}.get(self.kind, "Uncached")

    @property
    def direction(self) -> str | None:
        """Input or Output; None: they are no tokens."""
        return "Input" if self.is_input else "Output" if self.kind == OUTPUT else None


class Part(NamedTuple):
    """What of a charge is a leaf's.

    Attributes:
        leaf: whose.
        amount: picounits; negative, where a method takes from others what the leaf does not pay.
        is_own: whether it is the charge itself, with its quantity at its rate; else it is what a method moves.
        is_split: whether the charge has several parts.
    """

    leaf: Key
    amount: int
    is_own: bool
    is_split: bool


Moves = dict[int, list[Part]]
"""What is moved, by the number of the charge; two parts for each move, which sum to nothing."""


def charges(ledger: Ledger) -> Iterator[Charge]:
    """All charges, in the order of their leaves."""
    for row in ledger.ask(_CHARGES):
        yield Charge(row[: len(DIMENSIONS)], *row[len(DIMENSIONS) :])


def parts(ledger: Ledger, method: Method) -> Iterator[tuple[Charge, list[Part]]]:
    """Each charge with what it is split into; the parts sum to it, and those of a leaf to what the method gives to it.

    Args:
        ledger: with what the method allocates.
        method: which.
    """
    moves = _moves(ledger, method)
    for number, charge in enumerate(charges(ledger)):
        moved = moves.get(number, [])
        yield charge, [Part(charge.leaf, charge.amount, True, bool(moved)), *moved]


def _moves(ledger: Ledger, method: Method) -> Moves:
    """Leaves that pay less are met with leaves that pay more, in the order of their keys; each move is of one charge."""
    differences = list(ledger.ask(_MOVED, [str(method)]))
    if not differences:
        return {}
    largest = _largest(ledger)
    less = [[row[:-1], -row[-1]] for row in differences if row[-1] < 0]
    moves: Moves = {}
    for *key, left in (row for row in differences if row[-1] > 0):
        payer = tuple(key)
        while left:
            other, missing = less[0]
            amount = min(left, missing)
            origin = largest.get(payer, largest.get(other, 0))
            moves.setdefault(origin, []).extend(
                [Part(payer, amount, False, True), Part(other, -amount, False, True)]
            )
            left, less[0][1] = left - amount, missing - amount
            if not less[0][1]:
                less.pop(0)
    return moves


def _largest(ledger: Ledger) -> dict[Key, int]:
    """The number of the largest charge of each leaf; of equal ones the first."""
    found: dict[Key, tuple[int, int]] = {}
    for number, charge in enumerate(charges(ledger)):
        if charge.leaf not in found or charge.amount > found[charge.leaf][0]:
            found[charge.leaf] = charge.amount, number
    return {leaf: number for leaf, (_, number) in found.items()}

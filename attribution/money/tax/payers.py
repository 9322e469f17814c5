"""Who pays for a break, and how much: the incremental spend, by the rule that was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from attribution.money.ledger.ledger import Ledger
from attribution.money.registry import Rule
from attribution.money.tax.breaks import Break

SEVEN_DAYS_MS: Final = 7 * 86_400_000
_PARTS: Final = """
CREATE TABLE breaks (number INTEGER, prefix VARCHAR, model VARCHAR, start BIGINT, stop BIGINT);
"""
_IN_BREAKS: Final = """
-- The requests of each break, in the seven days after its start and later.
CREATE TABLE in_breaks AS
SELECT item, number, time >= start + 604800000 AS late, hit, length, excess, length * saving_rate AS possible, miss
FROM prefixes JOIN breaks USING (prefix, model)
WHERE source < 3 AND time >= start AND time < stop;
"""
_SUMS: Final = """
SELECT number, late, count(*), sum(hit), sum(length), sum(excess), sum(possible) FROM in_breaks GROUP BY ALL
"""
_REASONS: Final = """
SELECT number, miss, count(*) FROM in_breaks WHERE miss IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


@dataclass(slots=True)
class Part:
    """Sums over some requests of a break; ``possible``: what they had saved if all of the prefix had been read."""

    requests: int = 0
    hit: int = 0
    tokens: int = 0
    excess: int = 0
    possible: int = 0

    def __add__(self, other: Part) -> Part:
        return Part(
            self.requests + other.requests, self.hit + other.hit, self.tokens + other.tokens,
            self.excess + other.excess, self.possible + other.possible,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """A break, its requests before and from the eighth day, and the provider's reasons for their misses, counted."""

    broken: Break
    early: Part
    late: Part
    reasons: Mapping[str, int]

    @property
    def whole(self) -> Part:
        """All of its requests."""
        return self.early + self.late

    def incremental(self, part: Part) -> int:
        """What a part cost more than usual: its excess, less what the baseline lets expect."""
        usual = (1 - self.broken.baseline) * part.possible
        return max(0, part.excess - usual.numerator // usual.denominator)

    def pays(self, rule: Rule) -> dict[str, int]:
        """The payers by a rule and what each pays."""
        owner = self.broken.owner
        deployer = owner if self.broken.cause is None else self.broken.cause.team
        parts = {
            Rule.OWNER_OF_PREFIX: [(owner, self.whole)],
            Rule.LAST_TOUCH: [(deployer, self.whole)],
            Rule.SEVEN_DAYS: [(deployer, self.early), (owner, self.late)],
        }[rule]
        found: dict[str, int] = {}
        for payer, part in parts:
            if part.requests:
                found[payer] = found.get(payer, 0) + self.incremental(part)
        return found


def measure(ledger: Ledger, breaks: Sequence[Break]) -> list[Measured]:
    """What the breaks consist of; fills the table ``in_breaks``."""
    ledger.db.execute(_PARTS)
    ledger.insert("breaks", [(b.number, b.prefix, b.model, b.start, b.stop) for b in breaks])
    ledger.db.execute(_IN_BREAKS)
    parts = {(number, late): Part(*sums) for number, late, *sums in ledger.ask(_SUMS)}
    reasons: dict[int, dict[str, int]] = {}
    for number, miss, count in ledger.ask(_REASONS):
        reasons.setdefault(number, {})[miss] = count
    return [
        Measured(
            one, parts.get((one.number, False), Part()), parts.get((one.number, True), Part()),
            reasons.get(one.number, {}),
        )
        for one in breaks
    ]  # fmt: skip

"""warmup-adjusted: the owner of a prefix gets a share of what its readers save, and who warmed it up is paid back by who read it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from attribution.money.amounts import split
from attribution.money.ledger.leaves import Method, check
from attribution.money.ledger.ledger import Key, Ledger

_OWNER_SHARES: Final = """
-- Direct, and of each hit on the prefix of another team the share: the reader pays it, the owner gets it.
INSERT INTO allocated
SELECT 'warmup-adjusted', team, feature, environment, customer, surface, model, day, amount FROM leaves;

INSERT INTO allocated
SELECT 'warmup-adjusted', r.team, feature, environment, r.customer, surface, r.model, r.day, sum(hit * p.share_rate)
FROM prefixes AS p JOIN receipts AS r USING (item)
WHERE others AND hit * p.share_rate <> 0 GROUP BY ALL;

INSERT INTO allocated
SELECT 'warmup-adjusted', owner, NULL, NULL, NULL, NULL, model, day, -sum(hit * share_rate)
FROM prefixes WHERE others AND hit * share_rate <> 0 GROUP BY ALL;
"""
_USES: Final = """
SELECT identifier, model, item, team, customer, inside, inner_premium, hit,
    hit * (saving_rate - CASE WHEN others THEN share_rate ELSE 0 END) AS rest
FROM prefixes WHERE source = 1 AND (hit > 0 OR inside > 0)
ORDER BY identifier, model, time, request, item
"""
_CREDITS: Final = """
INSERT INTO allocated
SELECT 'warmup-adjusted', team, feature, environment, customer, surface, model, day, sum(credits.amount)
FROM credits JOIN receipts USING (item) GROUP BY ALL
"""


def warmup_adjusted(ledger: Ledger) -> None:
    """Allocate with owner shares and warm-up credits; the credits stay in the table ``credits`` (item, amount)."""
    ledger.db.execute(_OWNER_SHARES)
    ledger.db.execute("CREATE TABLE credits (item BIGINT, amount HUGEINT)")
    ledger.bulk("credits", _credits(ledger.ask(_USES)))
    ledger.db.execute(_CREDITS)
    check(ledger, Method.WARMUP_ADJUSTED)


def _credits(uses: Iterator[Key]) -> Iterator[tuple[int, int]]:
    """Who gets (negative) and who pays, by item."""
    for _, line in groupby(uses, key=lambda use: use[:2]):
        yield from _of_line(line)


def _of_line(uses: Iterator[Key]) -> Iterator[tuple[int, int]]:
    """The uses of one identifier at one model, in order: each warm-up is paid back by those up to and including the next one."""
    writer: Key | None = None
    readers: list[tuple[int, int]] = []
    for _, _, item, team, customer, inside, premium, hit, rest in uses:
        if writer is not None and hit > 0 and (team, customer) != writer[1:3] and rest > 0:
            readers.append((item, rest))
        if inside > 0:
            yield from _paid_back(writer, readers)
            writer, readers = (item, team, customer, premium), []
    yield from _paid_back(writer, readers)


def _paid_back(writer: Key | None, readers: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Never more than was written at a premium, and never more than was read."""
    if writer is None or not readers:
        return
    item, _, _, premium = writer
    rests = [rest for _, rest in readers]
    credit = min(premium, sum(rests))
    if credit <= 0:
        return
    yield item, -credit
    for (reader, _), share in zip(readers, split(credit, rests), strict=True):
        yield reader, share

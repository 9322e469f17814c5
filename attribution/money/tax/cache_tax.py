"""The cache tax: for each team what it saved, and each excess picounit in exactly one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from attribution.money.ledger.ledger import Ledger
from attribution.money.registry import Registry, Rule
from attribution.money.tax.breaks import Break
from attribution.money.tax.payers import Measured

_OWN: Final = """
-- What belongs to the team of the request: what it saved, writes that are not of a prefix, storage.
SELECT team, sum(saving), sum(premium - coalesce(inner_premium, 0)), sum(storage)
FROM receipts LEFT JOIN (SELECT item, inner_premium FROM prefixes) USING (item) GROUP BY team
"""
_REPRIMING: Final = """
CREATE TABLE primings (number INTEGER, prefix VARCHAR, time BIGINT, team VARCHAR);
CREATE TABLE blamed (number INTEGER, model VARCHAR);  -- deploys that caused a break of a line
"""
_WARMUPS: Final = """
-- After a deploy that names a prefix, each line has to be primed again: until its first full hit, for a day at most.
CREATE TABLE warmups AS
WITH after AS (
    SELECT item, p.model, p.prefix, p.request, p.time, missed, d.number, d.time AS deployed, d.team AS deployer
    FROM prefixes AS p JOIN primings AS d
    ON p.prefix = d.prefix AND p.time >= d.time AND p.time < d.time + 86400000
    ANTI JOIN blamed AS b ON b.number = d.number AND b.model = p.model
    WHERE source < 3
),
places AS (
    SELECT *, min(CASE WHEN missed = 0 THEN place END) OVER (PARTITION BY number, prefix, model) AS full_hit
    FROM (SELECT *, row_number() OVER (PARTITION BY number, prefix, model ORDER BY time, request, item) AS place FROM after)
)
SELECT item, max({'deployed': deployed, 'number': number, 'team': deployer}).team AS team
FROM places WHERE full_hit IS NULL OR place < full_hit GROUP BY item;
"""
_REST: Final = """
-- Excess that is in no break: of who deployed, else of the owner; of an unowned prefix it is nobody's.
SELECT w.item IS NOT NULL, coalesce(w.team, p.owner), sum(excess)
FROM prefixes AS p ANTI JOIN in_breaks USING (item) LEFT JOIN warmups AS w USING (item) GROUP BY ALL
"""


@dataclass(slots=True)
class Tax:
    """A team's row, in picounits: what the cache saved it, and what it cost in five places."""

    credit: int = 0
    misses_owned: int = 0
    invalidations_caused: int = 0
    warmups: int = 0
    write_premiums: int = 0
    storage: int = 0

    @property
    def net(self) -> int:
        """What the team's cache came to."""
        return (
            self.credit - self.misses_owned - self.invalidations_caused - self.warmups
            - self.write_premiums - self.storage
        )  # fmt: skip


Taxes = dict[str | None, Tax]


class CacheTax:
    """The cache tax of a period, for any rule."""

    def __init__(self, ledger: Ledger, registry: Registry, measured: Sequence[Measured]) -> None:
        self._measured = measured
        self._own = list(ledger.ask(_OWN))
        _prime(ledger, registry, [one.broken for one in measured])
        self._rest = list(ledger.ask(_REST))

    def by(self, rule: Rule) -> Taxes:
        """The rows by a rule, in the order of teams."""
        taxes: Taxes = {}
        for team, credit, premiums, storage in self._own:
            row = _row(taxes, team)
            row.credit, row.write_premiums, row.storage = credit, premiums, storage
        for repriming, team, excess in self._rest:
            if repriming:
                _row(taxes, team).warmups += excess
            else:
                _row(taxes, team).misses_owned += excess
        for one in self._measured:
            _add(taxes, one, rule)
        return dict(sorted(taxes.items(), key=lambda row: (row[0] is not None, row[0] or "")))


def _row(taxes: Taxes, team: str | None) -> Tax:
    return taxes.setdefault(team, Tax())


def _add(taxes: Taxes, one: Measured, rule: Rule) -> None:
    """The excess of a break: what is incremental to its payers, the rest to the owner."""
    owner, paid = one.broken.owner, one.pays(rule)
    for payer, amount in paid.items():
        if payer == owner:
            _row(taxes, payer).misses_owned += amount
        else:
            _row(taxes, payer).invalidations_caused += amount
    _row(taxes, owner).misses_owned += one.whole.excess - sum(paid.values())


def _prime(ledger: Ledger, registry: Registry, breaks: Sequence[Break]) -> None:
    """Fill the table ``warmups``: requests that primed a cache again, and who deployed."""
    ledger.db.execute(_REPRIMING)
    primings = [
        (number, prefix, deploy.time, deploy.team)
        for number, deploy in enumerate(registry.deploys)
        for prefix in deploy.prefixes
    ]
    ledger.insert("primings", primings)
    blamed = [
        (number, one.model)
        for number, deploy in enumerate(registry.deploys)
        for one in breaks
        if one.cause is deploy
    ]
    ledger.insert("blamed", blamed)
    ledger.db.execute(_WARMUPS)

"""Months made by seeds: the figures of the ledger are those of the plain computation, whatever the requests are."""

from collections import defaultdict
from dataclasses import astuple, replace
from datetime import date
from fractions import Fraction

import pytest

from attribution.money import Ledger, Method, Rule, allocate_all
from attribution.money.ledger.leaves import DIMENSIONS, table
from attribution.money.tax.breaks import find_breaks
from attribution.money.tax.cache_tax import CacheTax
from attribution.money.tax.payers import measure
from tests.finance import oracle
from tests.finance.months import CARD, REGISTRY, month
from tests.finance.running import DAY, START

END = START + 30 * DAY
_EPOCH = date(1970, 1, 1)


@pytest.fixture(scope="module", params=[1, 2, 3])
def both(request):
    """A ledger, and the same requests read plainly."""
    registry = replace(REGISTRY, keep=Fraction(1, 7), owner_share=Fraction(3, 10))
    rows = month(request.param)
    with Ledger() as ledger:
        ledger.load(rows, CARD, registry)
        allocate_all(ledger, registry)
        yield ledger, oracle.read(rows, CARD, registry), registry


@pytest.fixture(scope="module")
def taxed(both):
    """The breaks, and the cache tax by rule."""
    ledger, _, registry = both
    measured = measure(ledger, find_breaks(ledger, registry, END))
    taxes = CacheTax(ledger, registry, measured)
    return measured, {rule: taxes.by(rule) for rule in Rule}


def allocated(ledger, method):
    return {
        (*leaf, None if day is None else (day - _EPOCH).days): amount
        for *leaf, day, amount in table(ledger, method, DIMENSIONS)
    }


def test_every_leaf_of_every_method(both):
    ledger, requests, registry = both
    expected = {
        Method.DIRECT: oracle.direct(requests),
        Method.WARMUP_ADJUSTED: oracle.warmup_adjusted(requests),
        Method.PLATFORM_TAX: oracle.platform_tax(requests, registry),
        Method.POOLED: oracle.pooled(requests),
    }
    for method, leaves in expected.items():
        found = allocated(ledger, method)
        given = {leaf: amount for leaf, amount in leaves.items() if amount or leaf in found}
        assert found == given, method
        assert sum(found.values()) == sum(request.price.amount for request in requests)


def test_warmups_were_credited_at_all(both):
    ledger, _, _ = both
    assert ledger.one("SELECT count(*) FROM credits")[0] > 5


def test_the_cache_tax_by_every_rule(both, taxed):
    _, requests, registry = both
    measured, taxes = taxed
    assert measured, "no break"
    for rule, rows in taxes.items():
        expected = oracle.cache_tax(requests, registry, END, str(rule))
        assert {team: list(astuple(row)) for team, row in rows.items()} == dict(expected)


def test_every_excess_stands_in_one_place(both, taxed):
    _, requests, _ = both
    for rows in taxed[1].values():
        placed = sum(
            row.misses_owned + row.invalidations_caused + row.warmups for row in rows.values()
        )
        assert placed == sum(request.excess for request in requests)


def test_tables_agree(both):
    ledger, _, _ = both
    for method in Method:
        whole = table(ledger, method, [])[0][0]
        for name in DIMENSIONS:
            assert sum(row[-1] for row in table(ledger, method, [name])) == whole
        by_team = defaultdict(int)
        for team, _, amount in table(ledger, method, ["team", "customer"]):
            by_team[team] += amount
        assert dict(table(ledger, method, ["team"])) == by_team
        some = table(ledger, method, [], [("customer", "c1")])
        assert some == [(dict(table(ledger, method, ["customer"]))["c1"],)]

"""The four methods: the running example, worked by hand in spec/attribution.md, and what holds for all rows."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.money.amounts import exact, half_up, money, picounits, ratio, split
from attribution.money.ledger.leaves import LEAVES, ConservationError, Method, allocate, table
from attribution.money.ledger.ledger import Ledger
from attribution.money.methods.all import allocate_all, compared
from attribution.money.methods.platform_tax import _amounts as platform_amounts
from tests.finance.cards import card
from tests.finance.running import CARD, MICRO, REGISTRY, ROWS, keeping, request
from verifier import price


def shares(registry, method, rows=ROWS):
    with Ledger() as ledger:
        ledger.load(rows, CARD, registry)
        allocate_all(ledger, registry, [method])
        return dict(table(ledger, method, ["team"]))


def test_prices_of_the_running_example():
    prices = [price(CARD, row.usage) for row in ROWS]
    assert [price.amount for price in prices] == [
        51_000 * MICRO,
        23_400 * MICRO,
        5400 * MICRO,
        15_000 * MICRO,
    ]
    assert sum(price.read_saving for price in prices) == 43_200 * MICRO
    assert sum(price.write_premium for price in prices) == 6000 * MICRO


def test_direct():
    assert shares(REGISTRY, Method.DIRECT) == {
        "assist": 23_400 * MICRO, "data": 5400 * MICRO, "growth": 15_000 * MICRO, "search": 51_000 * MICRO,
    }  # fmt: skip


def test_warmup_adjusted():
    assert shares(REGISTRY, Method.WARMUP_ADJUSTED) == {
        "assist": 30_720 * MICRO, "data": 12_720 * MICRO, "growth": 15_000 * MICRO, "search": 45_000 * MICRO,
        "platform": -8640 * MICRO,
    }  # fmt: skip


def test_without_a_share_the_owner_has_no_row():
    found = shares(replace(REGISTRY, owner_share=Fraction(0)), Method.WARMUP_ADJUSTED)
    assert found == {
        "search": 45_000 * MICRO, "assist": 26_400 * MICRO, "data": 8400 * MICRO, "growth": 15_000 * MICRO,
    }  # fmt: skip


def test_platform_tax():
    assert shares(keeping(Fraction(1, 10)), Method.PLATFORM_TAX) == {
        "search": 33_586_363_636, "assist": 33_586_363_636, "data": 20_151_818_182, "growth": 11_195_454_546,
        "platform": -3720 * MICRO,
    }  # fmt: skip


def test_pooled():
    assert shares(REGISTRY, Method.POOLED) == {
        "search": 34_058_823_529, "assist": 34_058_823_529, "data": 17_152_941_177, "growth": 9_529_411_765,
    }  # fmt: skip


def test_compared_has_every_team_and_every_method():
    with Ledger() as ledger:
        ledger.load(ROWS, CARD, REGISTRY)
        allocate_all(ledger, REGISTRY)
        rows = compared(ledger)
    assert list(rows) == ["assist", "data", "growth", "platform", "search"]
    assert rows["platform"] == {
        Method.DIRECT: 0, Method.WARMUP_ADJUSTED: -8640 * MICRO, Method.PLATFORM_TAX: 0, Method.POOLED: 0,
    }  # fmt: skip
    assert all(sum(row[method] for row in rows.values()) == 94_800 * MICRO for method in Method)


@given(st.integers(-(10**30), 10**30), st.lists(st.integers(0, 10**20), min_size=1).filter(any))
def test_shares_sum_to_the_total_and_are_near_their_weights(total, weights):
    shares = split(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(total * weight, sum(weights))) < 1


def test_ties_go_to_the_earlier_one():
    assert split(2, [1, 1, 1]) == [1, 1, 0]
    assert split(-2, [1, 1, 1]) == [-1, -1, 0]
    assert split(0, [0, 0]) == [0, 0]
    with pytest.raises(ZeroDivisionError):
        split(1, [0])


def test_half_up_rounds_ties_up():
    assert [half_up(Fraction(n, 2)) for n in (-3, -1, 1, 3, 4)] == [-1, 0, 1, 2, 2]


def test_amounts_as_text():
    assert money(-1_500_000_000_001) == "-1.500000000001"
    assert money(0) == "0.000000000000"
    assert ratio(2, 3) == "0.666667"
    assert ratio(1, 0) is None


@pytest.mark.parametrize(
    ("text", "amount"),
    [("12.50", 12_500_000_000_000), ("-0.25", -250_000_000_000), ("0.0000000000001", None), ("1e3", None),
     ("NaN", None), ("", None), ("1" * 50, None), ("\u0661", None)],
)  # fmt: skip
def test_decimal_texts_are_exact_or_none(text, amount):
    assert picounits(text) == amount


def test_a_decimal_text_is_a_fraction():
    assert exact("0.20") == Fraction(1, 5)


def test_what_the_platform_keeps_is_rounded_half_up():
    leaf = ("a", None, None, None, None, "p/m", None)
    registry = keeping(Fraction(1, 2))
    found = dict(platform_amounts([(*leaf, 1, 4)], registry.platform, registry.keep))
    # of 3 it keeps 1.5, which is 2
    assert found == {leaf: 3, ("platform", *[None] * 6): -2}


def test_without_a_full_price_all_is_the_platforms():
    leaf = ("a", None, None, None, None, "p/m", None)
    found = dict(platform_amounts([(*leaf, 7, 0)], "platform", Fraction(0)))
    assert found == {leaf: 0, ("platform", *[None] * 6): 7}


def test_a_method_that_does_not_sum_is_stopped():
    with Ledger() as ledger:
        ledger.load(ROWS, CARD, REGISTRY)
        ledger.db.execute(LEAVES)
        with pytest.raises(
            ConservationError, match=r"pooled: 1 picounits are allocated of 94800000000"
        ):
            allocate(ledger, Method.POOLED, [((None,) * 7, 1)])


def test_a_model_without_input_is_direct():
    storage = {"provider": "storage", "model": "m", "units": {"storage.token_seconds": [5, 1]}}
    rows = [
        request(at, team, provider="storage", model="m", units={"storage.token_seconds": 10 * at})
        for at, team in ((1, "data"), (2, "search"))
    ]
    with Ledger() as ledger:
        ledger.load(rows, card(storage), REGISTRY)
        allocate_all(ledger, REGISTRY)
        assert table(ledger, Method.POOLED, ["team"]) == [("data", 50), ("search", 100)]


def test_the_database_prints_nothing():
    """Where no file is run, as in a notebook, it would show its progress on stdout, where figures go."""
    ask = "print(ledger.db.execute(\"SELECT current_setting('enable_progress_bar')\").fetchone())"
    program = f"from attribution.money import Ledger\nwith Ledger() as ledger: {ask}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "(False,)\n"

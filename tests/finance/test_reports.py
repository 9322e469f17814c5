"""The other reports: the examples of spec/attribution.md, worked by hand."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest

from attribution.money import Ledger, Method, Pool, PriceError, Tagging, Team, allocate_all
from attribution.money.amounts import money
from attribution.money.reports import chargeback as cents
from attribution.money.reports import (
    margin,
    pools,
    prefixes,
    routing,
    spending,
    spike,
    usage,
    what_if,
)
from attribution.money.reports.tagging import attributed
from tests.finance.cards import card
from tests.finance.running import CARD, DAY, MICRO, REGISTRY, ROWS, SONNET, START, request

FIRST = date(2025, 10, 1)


@pytest.fixture
def loaded():
    """A ledger of requests, with all methods."""
    open_ledgers = []

    def load(rows, registry=REGISTRY, prices=CARD, other=None):
        ledger = Ledger()
        open_ledgers.append(ledger)
        ledger.load(rows, prices, registry, other)
        allocate_all(ledger, registry)
        return ledger

    yield load
    for ledger in open_ledgers:
        ledger.close()


def micro(amount):
    return money(amount * MICRO)


def test_margin_of_the_running_example(loaded):
    ledger = loaded(ROWS)
    (row,) = margin.by_customer(ledger, margin.accounts(ledger, "customer", {}, {None: 0}))
    assert (row["cost"], row["cost_without_cache"]) == (micro(94_800), micro(132_000))
    assert row["cogs_share"] is None
    rows = [one._replace(tags={**one.tags, "customer": "c1"}) for one in ROWS]
    ledger = loaded(rows)
    found = margin.accounts(ledger, "customer", {"c1": 200_000 * MICRO, "c2": MICRO}, {})
    first, second = margin.by_customer(ledger, found)
    assert first["margin"] == micro(105_200)
    assert first["margin_without_cache"] == micro(68_000)
    assert first["exposure"] == micro(37_200)
    assert first["cost_per_request"] == micro(23_700)
    assert first["effective_input_price"] == "1.905882"  # 64,800 µ over 34,000 tokens
    assert first["cross_subsidy"] == micro(0)
    assert (second["cost_per_request"], second["effective_input_price"]) == (None, None)
    assert margin.exposure(found)["exposure"] == micro(37_200)


def test_profitable_features_are_of_those_with_revenue(loaded):
    rows = [request(at, logical=1000, tags={"feature": name}) for at, name in enumerate("abc")]
    revenue = {"a": 3000 * MICRO, "b": 3001 * MICRO}
    found = margin.accounts(loaded(rows), "feature", revenue, {})
    assert margin.profitable(found) == "0.500000"
    assert "pools" not in margin.by_feature(found)[0]


def test_a_pool_by_a_driver_with_idle_capacity(loaded):
    pool = Pool("vector", 10 * 10**12, "driver", {"b": 2, "a": 1}, 4)
    shares = pools.pools(loaded(ROWS), replace(REGISTRY, pools=[pool]))
    assert shares == {"vector": {None: 25 * 10**11, "a": 25 * 10**11, "b": 5 * 10**12}}
    assert list(shares["vector"]) == [None, "a", "b"]


def test_more_than_the_capacity_leaves_nothing_idle(loaded):
    pool = Pool("vector", 9, "driver", {"a": 1, "b": 2}, 2)
    shares = pools.pools(loaded(ROWS), replace(REGISTRY, pools=[pool]))
    assert shares == {"vector": {None: 0, "a": 3, "b": 6}}


def test_pools_by_what_was_used(loaded):
    rows = [
        request(1, logical=100, output=20, tags={"customer": "a"}),
        request(2, logical=60, tags={"customer": "b"}),
        request(3, logical=0, tags={"customer": "b"}),
    ]
    given = [Pool("r", 3, "requests"), Pool("t", 180, "tokens"), Pool("s", -2, "spend")]
    shares = pools.pools(loaded(rows), replace(REGISTRY, pools=given))
    assert shares == {"r": {"a": 1, "b": 2}, "s": {"a": -2, "b": 0}, "t": {"a": 120, "b": 60}}
    assert pools.by_customer(shares) == {"a": 119, "b": 62}


def test_a_pool_without_any_weight_is_nobodys(loaded):
    shares = pools.pools(loaded([]), replace(REGISTRY, pools=[Pool("p", 7, "requests")]))
    assert shares == {"p": {None: 7}}


def test_the_example_of_a_spike(loaded):
    before = [request(at, "a", logical=10_000, cached=5000) for at in range(10)]
    after = [request(at, "a", logical=15_000, time=START + 7 * DAY + at) for at in range(20, 40)]
    week = timedelta(7)
    found = spike.spike(
        loaded([*before, *after]), (FIRST, FIRST + week), (FIRST + week, FIRST + 2 * week)
    )
    (row,) = found["rows"]
    assert row["before"] == micro(165_000)
    assert row["after"] == micro(900_000)
    assert [row[name] for name in spike.EFFECTS] == list(
        map(micro, (165_000, 0, 0, 165_000, 405_000, 0))
    )


def test_cells_that_are_new_or_ended():
    old = {("f", "m1"): spike.Cell(10, 100), ("g", "m1"): spike.Cell(10, 60)}
    new = {("f", "m2"): spike.Cell(30, 500), ("h", "m2"): spike.Cell(10, 40)}
    none = dict.fromkeys(spike.EFFECTS, 0)
    assert spike.effects(("f", "m1"), old, new) == none | {"volume": 100, "mix": -200}
    assert spike.effects(("g", "m1"), old, new) == none | {"volume": 60, "new_or_ended": -120}
    assert spike.effects(("f", "m2"), old, new) == none | {"mix": 500}
    assert spike.effects(("h", "m2"), old, new) == none | {"new_or_ended": 40}


def test_spike_days_have_seven_days_before_them():
    spent = {FIRST + timedelta(day): 100 for day in range(9)}
    spent[FIRST + timedelta(3)] = 1000
    spent[FIRST + timedelta(7)] = 297  # 1.3 times the mean of 1,600 / 7 is 297.1
    assert spending.spike_days(spent, FIRST, FIRST + timedelta(9)) == []
    spent[FIRST + timedelta(7)] = 298
    (day,) = spending.spike_days(spent, FIRST, FIRST + timedelta(9))
    assert day == {"day": "2025-10-08", "spend": money(298)}


def test_the_week_that_rose_most_is_whole_in_the_period():
    monday = date(2025, 10, 6)
    spent = {
        monday: 10,
        monday + timedelta(7): 30,
        monday + timedelta(14): 40,
        date(2025, 11, 1): 99,
    }
    found = spending.risen_most(spent, FIRST, date(2025, 11, 1))
    assert found == (
        (monday, monday + timedelta(7)),
        (monday + timedelta(7), monday + timedelta(14)),
    )
    assert spending.risen_most({}, FIRST, FIRST + timedelta(14)) is None


RESELLER = {
    "provider": "reseller", "model": "sonnet", "input": 2_850_000, "cached": 285_000, "output": 14_250_000,
}  # fmt: skip


def moved(**fields):
    return [
        request(1, "a", tags={"session": "s"}, logical=10_000, writes={300: 10_000}),
        request(2, "a", tags={"session": "s"}, logical=10_500, provider="reseller", **fields),
    ]


def test_the_example_of_routing(loaded):
    prices = card(SONNET, RESELLER)
    (row,) = routing.routing(loaded(moved(), prices=prices), prices)
    assert row == {
        "from": "anthropic/sonnet", "to": "reseller/sonnet", "team": "a" if "a" in REGISTRY.teams else None, "moves": 1,
        "forfeited": micro(27_000), "paid": micro(29_925), "had_it_stayed": micro(4500), "loss": micro(25_425),
    }  # fmt: skip


def test_a_session_that_rests_forfeits_nothing(loaded):
    prices = card(SONNET, RESELLER)
    rows = moved(time=START + 1000 + routing.LONGEST_GAP_MS + 1)
    assert routing.routing(loaded(rows, prices=prices), prices) == []
    rows = moved(time=START + 1000 + routing.LONGEST_GAP_MS)
    assert len(routing.routing(loaded(rows, prices=prices), prices)) == 1


def test_a_backend_that_had_no_price_then_is_told(loaded):
    prices = card({**SONNET, "until": START // DAY + 1}, RESELLER)
    rows = [
        one._replace(usage=one.usage._replace(time=START + DAY - 2 + at)) for at, one in enumerate(moved())
    ]  # fmt: skip
    rows[1] = rows[1]._replace(usage=rows[1].usage._replace(time=START + DAY))
    with pytest.raises(PriceError, match="request r0002: the card has no row for anthropic/sonnet"):
        routing.routing(loaded(rows, prices=prices), prices)


def test_chargeback_in_cents(loaded):
    rows = cents.chargeback(loaded(ROWS), REGISTRY, Method.DIRECT)
    assert [(row["team"], row["amount"]) for row in rows] == [
        ("assist", "0.02"), ("data", "0.01"), ("growth", "0.01"), ("search", "0.05"),
    ]  # fmt: skip


def test_what_has_no_team_is_charged_to_its_owner(loaded):
    registry = replace(REGISTRY, tagging=Tagging(owner="platform"))
    rows = cents.chargeback(loaded([request(1, logical=10_000)], registry), registry, Method.DIRECT)
    assert rows == [{"team": "platform", "cost_center": None, "amount": "0.03"}]


def test_cents_of_negative_amounts_sum_too():
    assert cents.in_cents([-15 * 10**9, 40 * 10**9]) == [-1, 4]  # 2.5 cents, half up
    assert cents.in_cents([]) == []


def test_budgets_are_of_teams_that_have_one(loaded):
    registry = replace(
        REGISTRY, teams={**REGISTRY.teams, "data": Team("data", budget=10_000 * MICRO)}
    )
    assert cents.budgets(loaded(ROWS), registry, Method.DIRECT) == [
        {"team": "data", "budget": micro(10_000), "spent": micro(5400), "left": micro(4600), "used": "0.540000"}
    ]  # fmt: skip


def test_gaps_by_tag_and_reason(loaded):
    registry = replace(
        REGISTRY, tagging=Tagging(["team", "feature"], "platform", {"surface": frozenset({"web"})})
    )
    rows = [
        request(1, "data", logical=1000, tags={"feature": "f"}),
        request(2, logical=1000),
        request(3, "nobody", logical=1000, tags={"feature": "f"}),
        request(4, "data", logical=1000, tags={"feature": "f", "surface": "fax"}),
    ]
    found = attributed(loaded(rows, registry), registry)
    assert (found["requests"], found["clean_requests"], found["share"]) == (4, 1, "0.250000")
    assert [(gap["tag"], gap["reason"], gap["requests"]) for gap in found["gaps"]] == [
        ("feature", "absent", 1), ("surface", "not allowed", 1), ("team", "absent", 1), ("team", "unknown", 1),
    ]  # fmt: skip


def test_at_another_hit_rate(loaded):
    rows = [request(1, logical=10_000, cached=5000), request(2, logical=10_000, model="other")]
    prices = card(SONNET, {**SONNET, "model": "other"})
    ledger = loaded(rows, prices=prices)
    found = what_if.at_hit_rate(ledger, Fraction(1, 4))
    # 30,000 µ without a cache, of which half of the saving is left; and 30,000 µ as they are
    assert found == [{"customer": None, "cost": micro(30_000 - 6750 + 30_000)}]


def test_at_other_prices(loaded):
    batch = {**SONNET, "terms": {"processing": "batch"}, "input": 1_500_000}
    prices = card(SONNET, batch, RESELLER)
    rows = [request(1, logical=1000), request(2, logical=1000, provider="reseller")]
    asked = {
        "card": what_if.by_card(card({**SONNET, "input": 10**6}, RESELLER)),
        "model": what_if.at_model(prices, "anthropic/sonnet", "reseller", "sonnet"),
        "term": what_if.with_term(prices, "processing", "batch"),
    }
    costs = {}
    for name, other in asked.items():
        (row,) = what_if.at_other_price(loaded(rows, prices=prices, other=other))
        costs[name] = row["cost"]
    assert costs == {
        "card": micro(1000 + 2850), "model": micro(2850 + 2850), "term": micro(1500 + 2850),
    }  # fmt: skip


def test_columns_of_usage_that_are_missing_or_always_zero(loaded):
    rows = [
        request(1, "data", logical=10, output=None), request(2, logical=10, output=None),
        request(3, "data", logical=0, provider="storage"),
    ]  # fmt: skip
    prices = card(SONNET, {**SONNET, "provider": "storage"})
    found = {row["column"]: row for row in usage.audit(loaded(rows, prices=prices))}
    assert {name: row["verdict"] for name, row in found.items()} == {
        "input": "ok", "cached": "always zero", "writes": "always zero", "output": "missing", "model": "ok",
        "team": "ok", "surface": "missing",
    }  # fmt: skip
    assert (found["team"]["present"], found["team"]["provider"]) == (1, "anthropic")


def test_the_earlier_of_two_equal_hours_is_the_peak(loaded):
    rows = [
        request(1, logical=10, cached=4, output=1),
        request(2, logical=7, time=START + 3_600_000),
    ]
    assert usage.capacity(loaded(rows)) == [
        {
            "model": "anthropic/sonnet", "computed_tokens": 14, "peak_hour": "2025-10-01T00:00:00Z", "peak_tokens": 7,
        }
    ]  # fmt: skip


def test_reasoning_is_in_the_output_and_told(loaded):
    row = request(1, "data", logical=10, output=50)
    counts = row.usage.counts._replace(reasoning=30)
    found = usage.classes(loaded([row._replace(usage=row.usage._replace(counts=counts))]))
    assert [(one["class"], one["quantity"], one["amount"]) for one in found] == [
        ("output", 50, micro(750)), ("output: of it reasoning", 30, micro(0)), ("uncached", 10, micro(30)),
    ]  # fmt: skip


def test_trend_by_week_and_by_day(loaded):
    ledger = loaded(ROWS)
    (week,) = prefixes.trend(ledger, "week")
    assert week == {
        "week": "2025-09-29", "prefix": "copilot", "tokens": 24_000, "hit": 16_000, "hit_rate": "0.666667",
        "saving": micro(43_200), "excess": micro(27_600),
    }  # fmt: skip
    (day,) = prefixes.trend(ledger, "day")
    assert day["day"] == "2025-10-01"
    (row,) = prefixes.exposed(ledger)
    assert row["exposure"] == micro(37_200)


def test_what_is_not_stated_is_between_two_bounds(loaded):
    ledger = loaded([request(1, logical=1000, cached=None)])
    assert ledger.one("SELECT sum(amount), sum(uncertain) FROM receipts") == (
        3000 * MICRO, 2700 * MICRO,
    )  # fmt: skip


def test_a_request_without_a_price_is_told(loaded):
    with pytest.raises(
        PriceError, match="request r0001: model: expected a row for anthropic, opus"
    ):
        loaded([request(1, logical=10, model="opus")])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (request(1, logical=2**64 - 1), "an amount of 1000000000000000 or more"),
        (request(1, logical=1, time=253_402_300_800_000), "a time after the year 9999"),
    ],
)
def test_what_no_table_can_hold_is_refused(loaded, row, message):
    prices = card({**SONNET, "input": 10**9})
    with pytest.raises(PriceError, match=f"request r0001: {message}"):
        loaded([row], prices=prices)


def test_the_largest_that_a_table_can_hold(loaded):
    rows = [request(at, "data", logical=10**18 - 1) for at in range(3)]
    prices = card({**SONNET, "input": 10**9})
    assert loaded(rows, prices=prices).one("SELECT sum(amount) FROM receipts") == (
        3 * (10**18 - 1) * 10**9,
    )  # fmt: skip

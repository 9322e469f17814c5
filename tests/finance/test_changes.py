"""Repeats, and features that moved to another model."""

import pytest

from attribution.money import Ledger
from attribution.money.reports.changes import moved_features, repeats
from tests.finance.cards import card
from tests.finance.running import DAY, REGISTRY, SONNET, START, request

CARD = card(SONNET, {**SONNET, "model": "opus", "input": 6_000_000})
MONDAY = START + 5 * DAY
"""2025-10-06, in ms."""


def told(rows, report, *more):
    with Ledger() as ledger:
        ledger.load(rows, CARD, REGISTRY)
        return report(ledger, *more)


def again(times, first=0, **fields):
    """Requests of one customer, at so many seconds."""
    tags = {"feature": "mail", "customer": "c1", "session": f"s{first}"}
    return [
        request(first + at, "data", logical=1000, time=START + 1000 * second, tags=tags, **fields)
        for at, second in enumerate(times)
    ]


def test_a_run_of_ten_and_what_all_but_the_first_cost():
    (row,) = told(again(range(0, 600, 60)), repeats)
    assert row == {
        "team": "data", "feature": "mail", "customer": "c1", "model": "anthropic/sonnet", "first": "2025-10-01T00:00:00Z",
        "last": "2025-10-01T00:09:00Z", "logical": 1000, "requests": 10, "spend": "0.030000000000",
        "after_the_first": "0.027000000000",
    }  # fmt: skip


@pytest.mark.parametrize(
    "rows",
    [
        again(range(9)),
        again([*range(5), *range(65, 70)]),  # 61 s apart
        [*again(range(5)), *again(range(5), 5, model="opus")],
    ],
)
def test_too_few_of_a_run(rows):
    assert told(rows, repeats) == []


def test_runs_are_told_apart_and_storage_is_none():
    rows = [*again(range(10)), *again(range(100, 112), 10)]
    storage = [request(100 + at, "data", time=START + at) for at in range(20)]
    found = told([*rows, *storage], repeats)
    assert [(row["requests"], row["first"][-3:-1]) for row in found] == [(10, "00"), (12, "40")]


def week(number, **models):
    """Requests of a week by model."""
    tags = {"feature": "mail"}
    names = [name for name, count in models.items() for _ in range(count)]
    return [
        request(
            1000 * number + at, "data", logical=1000, model=name, tags=tags, time=MONDAY + 7 * number * DAY + at
        )
        for at, name in enumerate(names)
    ]  # fmt: skip


def test_a_feature_moves_when_most_of_its_requests_do():
    rows = [*week(0, sonnet=6, opus=1), *week(1, sonnet=3, opus=4), *week(2, opus=7)]
    assert told(rows, moved_features, 6) == [{
        "feature": "mail", "week": "2025-10-13", "from": "anthropic/sonnet", "to": "anthropic/opus", "requests": 7,
        "cost_per_request_before": "0.003428571429", "cost_per_request": "0.004714285714",
    }]  # fmt: skip


def test_of_equal_models_the_lower_name_and_small_weeks_are_passed_over():
    assert told([*week(0, opus=7), *week(1, sonnet=4, opus=4)], moved_features, 6) == []
    assert told([*week(0, sonnet=7), *week(1, opus=5), *week(2, sonnet=6)], moved_features, 6) == []
    found = told([*week(0, sonnet=7), *week(1, opus=5), *week(2, opus=6)], moved_features, 6)
    assert [(row["week"], row["to"]) for row in found] == [("2025-10-20", "anthropic/opus")]
    untagged = [
        one._replace(tags={"team": "data"}) for one in [*week(0, opus=7), *week(1, sonnet=7)]
    ]
    assert told(untagged, moved_features, 6) == []

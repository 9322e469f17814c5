"""The cache tax and breaks: the examples of spec/attribution.md, and each place where an excess can stand."""

from dataclasses import replace
from fractions import Fraction

import pytest

from attribution.money import Breakage, Bucket, Deploy, Ledger, Prefix, Rule
from attribution.money.tax.breaks import (
    NAMES_IT,
    NEAR_IN_TIME,
    NO_CAUSE,
    Fall,
    Watched,
    cause,
    falls,
    find_breaks,
)
from attribution.money.tax.cache_tax import CacheTax
from attribution.money.tax.payers import measure
from tests.finance.running import CARD, DAY, MICRO, REGISTRY, ROWS, START, request

HOUR = DAY // 24
FIRST = START // DAY
"""The first day, by its number since 1970."""


def taxed(rows, registry=REGISTRY, days=31):
    with Ledger() as ledger:
        ledger.load(rows, CARD, registry)
        measured = measure(ledger, find_breaks(ledger, registry, START + days * DAY))
        taxes = CacheTax(ledger, registry, measured)
        return measured, {rule: taxes.by(rule) for rule in Rule}


def days(*rates, requests=10):
    return [Watched(at, requests, rate, 100) for at, rate in enumerate(rates)]


def test_the_running_example():
    measured, taxes = taxed(ROWS)
    assert measured == []
    rows = taxes[Rule.SEVEN_DAYS]
    assert {team: row.net for team, row in rows.items()} == {
        "assist": 21_600 * MICRO, "data": 21_600 * MICRO, "growth": 0, "platform": -27_600 * MICRO, "search": 0,
    }  # fmt: skip
    assert rows["platform"].misses_owned == 8000 * 3_450_000
    assert sum(row.net for row in rows.values()) == 15_600 * MICRO


@pytest.mark.parametrize(
    ("rates", "found"),
    [
        ((90, 90, 90, 45), []),  # not under half of the baseline
        ((90, 90, 90, 44), [(3, None)]),
        ((90, 90, 44), []),  # two healthy days are too few
        ((90, 90, 90, 44, 71), [(3, None)]),
        ((90, 90, 90, 44, 72), [(3, 4)]),
        ((19, 19, 19, 0), []),  # there was little to lose
        ((20, 20, 20, 0), [(3, None)]),
        ((90, 90, 90, 0, 90, 0), [(3, 4), (5, None)]),  # the day it ends on is healthy
    ],
)
def test_where_a_rate_falls(rates, found):
    assert [(fall.first, fall.end) for fall in falls(days(*rates), Breakage())] == found


def test_the_baseline_is_of_seven_days_and_stays_that_of_the_beginning():
    rates = (0, 0, 100, 100, 100, 100, 100, 100, 40, 0)  # over all eight days 40 were no fall
    (fall,) = falls(days(*rates), Breakage())
    assert fall == Fall(8, None, Fraction(6, 7))


def test_days_with_few_requests_do_not_exist():
    few = [day._replace(requests=5) if day.hit == 0 else day for day in days(90, 90, 90, 0, 90)]
    assert list(falls(few, Breakage())) == []


FALL = Fall(10, None, Fraction(1))
NAMED = Deploy(10 * DAY, "a", "one", ["copilot"])
NEAR = Deploy(10 * DAY + 5, "b", "two")
OTHER = Deploy(10 * DAY + 9, "c", "three", ["docs"])


@pytest.mark.parametrize(
    ("deploys", "found"),
    [
        ([NEAR, NAMED, OTHER], NAMED),
        ([NEAR, OTHER], NEAR),
        ([OTHER], None),
        ([replace(NAMED, time=9 * DAY)], replace(NAMED, time=9 * DAY)),
        ([replace(NAMED, time=9 * DAY - 1)], None),
        ([replace(NAMED, time=11 * DAY)], None),
        ([NAMED, replace(NAMED, time=10 * DAY + 1)], replace(NAMED, time=10 * DAY + 1)),
    ],
)
def test_causes(deploys, found):
    assert cause("copilot", FALL, DAY, deploys) == found


def broken(count=10, first=3):
    """Days with a rate of 0.9, and then ten requests a day without a hit, each of which wrote the prefix."""
    rows = []
    for day in range(first + count):
        for one in range(10):
            hit = day < first and one < 9
            rows.append(
                request(
                    len(rows),
                    "search",
                    prefix=True,
                    logical=8000,
                    cached=8000 if hit else 0,
                    writes={} if hit else {300: 8000},
                    time=START + day * DAY + HOUR * one,
                )
            )
    return rows


def deployed(team="search", day=3, prefixes=("copilot",)):
    return replace(REGISTRY, deploys=[Deploy(START + day * DAY, team, "new tools", prefixes)])


def test_the_example_of_a_break():
    (one,), taxes = taxed(broken(1), deployed())
    assert one.broken.baseline == Fraction(9, 10)
    assert one.broken.evidence == NAMES_IT
    assert one.whole.excess == 276_000 * MICRO
    assert one.pays(Rule.SEVEN_DAYS) == {"search": 254_400 * MICRO}
    usual = 3 * 27_600 * MICRO  # the three misses of the days before
    assert taxes[Rule.SEVEN_DAYS]["search"].invalidations_caused == 254_400 * MICRO
    assert taxes[Rule.SEVEN_DAYS]["platform"].misses_owned == 21_600 * MICRO + usual
    assert taxes[Rule.OWNER_OF_PREFIX]["platform"].misses_owned == 276_000 * MICRO + usual


def test_after_seven_days_the_owner_pays():
    (one,), taxes = taxed(broken(10), deployed())
    daily = 254_400 * MICRO
    assert one.pays(Rule.SEVEN_DAYS) == {"search": 7 * daily, "platform": 3 * daily}
    assert one.pays(Rule.LAST_TOUCH) == {"search": 10 * daily}
    assert one.pays(Rule.OWNER_OF_PREFIX) == {"platform": 10 * daily}
    sums = {rule: sum(row.net for row in rows.values()) for rule, rows in taxes.items()}
    assert len(set(sums.values())) == 1  # what it came to does not depend on who pays


def test_without_a_cause_the_owner_pays():
    (one,), taxes = taxed(broken(1))
    assert one.broken.evidence == NO_CAUSE
    assert one.broken.start == START + 3 * DAY
    for rule in Rule:
        assert one.pays(rule) == {"platform": 254_400 * MICRO}
        assert taxes[rule]["search"].invalidations_caused == 0


def test_a_deploy_near_in_time_is_a_cause_of_its_own_kind():
    (one,), _ = taxed(broken(1), deployed(prefixes=()))
    assert (one.broken.evidence, one.broken.cause.team) == (NEAR_IN_TIME, "search")


def test_the_day_that_recovers_is_not_in_the_break():
    rows = broken(1)
    healthy = [
        request(1000 + at, "search", prefix=True, logical=8000, cached=8000, time=START + 4 * DAY + at)
        for at in range(6)
    ]  # fmt: skip
    (one,), _ = taxed([*rows, *healthy], deployed())
    assert (one.broken.stop, one.whole.requests) == (START + 4 * DAY, 10)


def test_what_primes_a_cache_again_is_of_who_deployed():
    rows = [
        request(1, "assist", prefix=True, logical=8000, writes={300: 8000}),
        request(2, "assist", prefix=True, logical=8000, writes={300: 8000}),
        request(3, "assist", prefix=True, logical=8000, cached=8000),
        request(4, "assist", prefix=True, logical=8000, writes={300: 8000}),
    ]
    registry = replace(REGISTRY, deploys=[Deploy(START + 2000, "search", "", ["copilot"])])
    _, taxes = taxed(rows, registry)
    rows = taxes[Rule.SEVEN_DAYS]
    assert rows["search"].warmups == 27_600 * MICRO  # the second one only
    assert rows["platform"].misses_owned == 2 * 27_600 * MICRO


def test_of_two_deploys_the_later_one_primes():
    deploys = [Deploy(START, "search", "", ["copilot"]), Deploy(START + 1, "data", "", ["copilot"])]
    rows = [request(1, "assist", prefix=True, logical=8000, writes={300: 8000})]
    _, taxes = taxed(rows, replace(REGISTRY, deploys=deploys))
    assert taxes[Rule.SEVEN_DAYS]["data"].warmups == 27_600 * MICRO
    assert "search" not in taxes[Rule.SEVEN_DAYS]


@pytest.mark.parametrize(
    ("after", "primed"), [(-1, False), (0, True), (DAY - 1, True), (DAY, False)]
)
def test_a_deploy_primes_from_its_time_on_for_a_day(after, primed):
    rows = [request(1, "assist", prefix=True, logical=8000, time=START + after)]
    _, taxes = taxed(rows, replace(REGISTRY, deploys=[Deploy(START, "search", "", ["copilot"])]))
    row = taxes[Rule.SEVEN_DAYS]["search" if primed else "platform"]
    assert (row.warmups if primed else row.misses_owned) == 21_600 * MICRO


def test_an_unowned_prefix_is_nobodys():
    shared = {("cd" * 32, 4000)}
    rows = [
        request(1, "assist", entries=shared, logical=5000, writes={300: 5000}),
        request(2, "data", entries=shared, logical=5000, cached=4000),
    ]
    _, taxes = taxed(rows)
    rows = taxes[Rule.SEVEN_DAYS]
    assert rows[None].misses_owned == 4000 * (2_700_000 + 750_000)
    assert rows["assist"].write_premiums == 1000 * 750_000  # what was written behind the prefix


def test_of_one_team_only_it_is_no_prefix():
    shared = {("cd" * 32, 4000)}
    rows = [
        request(1, "assist", entries=shared, logical=5000),
        request(2, "assist", entries=shared, logical=5000),
        request(3, "unheard-of", entries=shared, logical=5000),
    ]
    _, taxes = taxed(rows)
    assert all(row.misses_owned == 0 for row in taxes[Rule.SEVEN_DAYS].values())


def test_the_tag_names_a_prefix_where_no_entry_does():
    rows = [request(1, "assist", tags={"prefix": "copilot"}, logical=5000)]
    _, taxes = taxed(rows)
    assert taxes[Rule.SEVEN_DAYS]["platform"].misses_owned == 5000 * 2_700_000


def test_the_longest_registered_entry_is_the_prefix_and_of_equal_ones_the_highest():
    prefixes = {
        "short": Prefix("short", "data", 100, ["01"]),
        "long": Prefix("long", "search", 200, ["02"]),
        "high": Prefix("high", "assist", 200, ["03"]),
    }
    rows = [
        request(
            1, "growth", entries={("01", 100), ("02", 200), ("03", 200), ("04", 900)}, logical=900
        )
    ]
    _, taxes = taxed(rows, replace(REGISTRY, prefixes=prefixes))
    assert taxes[Rule.SEVEN_DAYS]["assist"].misses_owned == 200 * 2_700_000
    assert {"data", "search"}.isdisjoint(taxes[Rule.SEVEN_DAYS])


def test_hours_are_watched_as_days_are():
    rows = [
        request(hour * 10 + one, "search", prefix=True, logical=8000, cached=0 if hour == 3 else 8000,
                time=START + hour * HOUR + one)
        for hour in range(4)
        for one in range(6)
    ]  # fmt: skip
    registry = replace(REGISTRY, breakage=replace(REGISTRY.breakage, bucket=Bucket.HOUR))
    (one,), _ = taxed(rows, registry)
    assert (one.broken.start, one.broken.stop) == (START + 3 * HOUR, START + 31 * DAY)


def test_the_cause_of_a_break_does_not_prime_too():
    """The deploy's day goes on after the break has ended; what is missed then is the owner's."""
    rows = [
        row._replace(usage=row.usage._replace(time=row.usage.time + 12 * HOUR)) for row in broken(1)
    ]
    recovers = [
        request(1000 + at, "search", prefix=True, logical=8000, cached=8000 if at else 0,
                time=START + 4 * DAY + HOUR * at)
        for at in range(7)
    ]  # fmt: skip
    registry = replace(
        REGISTRY, deploys=[Deploy(START + 3 * DAY + 11 * HOUR, "search", "new tools", ["copilot"])]
    )
    (one,), taxes = taxed([*rows, *recovers], registry)
    assert one.broken.stop == START + 4 * DAY
    assert taxes[Rule.SEVEN_DAYS]["search"].warmups == 0
    usual = 3 * 27_600 * MICRO
    assert (
        taxes[Rule.OWNER_OF_PREFIX]["platform"].misses_owned
        == usual + 276_000 * MICRO + 21_600 * MICRO
    )

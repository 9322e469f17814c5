"""Prices under a rate card: both sides agree, lines sum, intervals contain (spec/rate-card.md, Price)."""

import itertools
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts import Counts
from receipts.ratecard import PriceRow, Rate
from receipts.ratecard import UnpricedError as NotCharged
from receipts.ratecard import price as charge
from tests.build import NOON
from tests.ratecards import (
    RATES,
    TTLS,
    checking,
    counts,
    issuing,
    lines_of_charge,
    lines_of_price,
    of_rows,
    part_rates,
    source_of,
    tokens,
    usage,
)
from verifier import UnpricedError, price
from verifier.pricing.tokens import bounded, plain

GEMINI = Counts(
    9000, 6000, None, 700, None,
    {"input.audio": 1800, "input.image": 1290, "cached.audio": 1000, "requests.web_search": 1},
)  # fmt: skip
CLAUDE = Counts(30_504, 20_000, {300: 4000, 3600: 6000}, 97, None, {"requests.web_search": 3})
STORAGE = Counts(0, 0, units={"storage.token_seconds": 129_600_000})


@pytest.mark.parametrize(
    ("provider", "model", "told", "amount"),
    [
        ("gcp.gemini", "gemini-2.5-flash", GEMINI, 38_460_000_000),
        ("anthropic", "claude-sonnet-4-5", CLAUDE, 89_967_000_000),
        ("gcp.gemini", "gemini-2.5-flash", STORAGE, 36_000_000_000),
    ],
)
def test_the_examples_of_the_specification(provider, model, told, amount):
    found = price(checking(), usage(provider, model, told))
    assert (found.amount, found.lower, found.uncertain) == (amount, amount, 0)
    made = charge(issuing(), model, told, source_of(provider), NOON)
    assert lines_of_charge(made) == lines_of_price(found)
    assert sum(line.amount for line in made.lines) == amount
    assert made.card == checking().digest


def test_the_lines_of_the_example_with_parts():
    found = price(checking(), usage("gcp.gemini", "gemini-2.5-flash", GEMINI))
    assert [(line.name, line.quantity, line.rate, line.amount) for line in found.lines] == [
        ("uncached", 2200, 300_000, 660_000_000),
        ("input.audio", 800, 1_000_000, 800_000_000),
        ("cached", 5000, 30_000, 150_000_000),
        ("cached.audio", 1000, 100_000, 100_000_000),
        ("output", 700, 2_500_000, 1_750_000_000),
        ("requests.web_search", 1, 35_000_000_000, 35_000_000_000),
    ]
    claude = price(checking(), usage("anthropic", "claude-sonnet-4-5", CLAUDE))
    assert [line.name for line in claude.lines] == [
        "uncached", "cached", "write.300", "write.3600", "output", "requests.web_search",
    ]  # fmt: skip


@st.composite
def rows(draw):
    """One row with a rate for all that `counts` has."""
    return PriceRow(
        "p", "m", input=draw(RATES), cached=draw(RATES), output=draw(RATES), parts=draw(part_rates()),
        writes={ttl: draw(RATES) for ttl in TTLS[1:]},
        units={
            "requests.web_search": Rate(draw(RATES), 1),
            "storage.token_seconds": draw(st.sampled_from([Rate(2500, 9), Rate(1, 2), Rate(5, 1)])),
        },
    )  # fmt: skip


def both(row, told):
    """The charge of one side and the price of the other."""
    issuer, checker = of_rows([row])
    return charge(issuer, "m", told, source_of("p"), NOON), price(checker, usage("p", "m", told))


@given(rows(), counts())
def test_both_sides_agree_line_by_line(row, told):
    made, found = both(row, told)
    assert lines_of_charge(made) == lines_of_price(found)
    assert found.uncertain == 0
    assert found.amount == sum(line.amount for line in found.lines)
    assert all(line.quantity > 0 for line in found.lines)


@given(rows(), counts())
def test_every_line_is_rounded_half_up(row, told):
    for line in both(row, told)[1].lines:
        exact = Fraction(line.quantity * line.rate, line.per)
        assert Fraction(-1, 2) < line.amount - exact <= Fraction(1, 2)


@given(rows(), counts(stated=False))
def test_full_price_less_actual_price_is_what_the_cache_saved(row, told):
    found = price(of_rows([row])[1], usage("p", "m", told))
    assert found.full - found.amount == found.read_saving - found.write_premium - found.storage


@given(rows(), counts())
def test_the_full_price_is_that_of_the_same_request_without_a_cache(row, told):
    units = {
        name: n
        for name, n in (told.units or {}).items()
        if not name.startswith("cached.") and name != "storage.token_seconds"
    }
    plain = replace(told, cached=0, writes=None, units=units or None)
    checker = of_rows([row])[1]
    assert price(checker, usage("p", "m", told)).full == price(checker, usage("p", "m", plain)).amount  # fmt: skip


SMALL = st.integers(0, 3)


@st.composite
def unsure(draw):
    """Few tokens, of which not all is stated, and all that may be true of them."""
    audio, plain, written, reasoned = draw(SMALL), draw(SMALL), draw(SMALL), draw(SMALL)
    output = reasoned + draw(SMALL)
    hidden = Counts(
        audio + plain + written, None, {0: written}, output, None,
        {"input.audio": audio, "output.image": output - reasoned},
    )  # fmt: skip
    cached = draw(st.none() | st.integers(0, audio + plain))
    told = replace(hidden, cached=cached)
    possible = [
        replace(
            told, cached=all_cached, writes={ttl: written}, reasoning=thought,
            units={**told.units, "cached.audio": of_audio},
        )
        for all_cached in (range(audio + plain + 1) if cached is None else [cached])
        for of_audio in range(max(0, all_cached - plain), min(audio, all_cached) + 1)
        for ttl in TTLS[1:]
        for thought in range(reasoned + 1)
    ]  # fmt: skip
    return told, possible


@given(rows(), unsure())
def test_an_interval_contains_all_that_may_be_true_and_no_more(row, case):
    told, possible = case
    checker = of_rows([row])[1]
    found = price(checker, usage("p", "m", told))
    amounts = [price(checker, usage("p", "m", one)) for one in possible]
    assert {one.uncertain for one in amounts} == {0}
    # Writes of two TTLs at once lie in between.
    assert found.lower == min(one.amount for one in amounts)
    assert found.amount == max(one.amount for one in amounts)


@given(rows(), unsure())
def test_no_charge_is_made_from_an_interval(row, case):
    told, _ = case
    issuer, checker = of_rows([row])
    found = price(checker, usage("p", "m", told))
    try:
        made = charge(issuer, "m", told, source_of("p"), NOON)
    except NotCharged:
        return
    assert found.uncertain == 0
    assert lines_of_charge(made) == lines_of_price(found)


def test_an_unknown_ttl_gives_an_interval():
    """12,229 tokens were written, and the split by TTL said 0 and 0 (anthropics/anthropic-sdk-java#353)."""
    told = Counts(12_240, 0, {0: 12_229}, 5)
    found = price(checking(), usage("anthropic", "claude-sonnet-4-5", told))
    assert (found.lower, found.amount) == (
        12_229 * 3_750_000 + 11 * 3_000_000 + 5 * 15_000_000,
        12_229 * 6_000_000 + 11 * 3_000_000 + 5 * 15_000_000,
    )
    with pytest.raises(NotCharged, match="the TTL of what was written") as raised:
        charge(issuing(), "claude-sonnet-4-5", told, source_of("anthropic"), NOON)
    assert raised.value.field == "charge"


def test_an_unstated_cached_count_gives_an_interval():
    told = Counts(1000, None, None, 10)
    found = price(checking(), usage("anthropic", "claude-sonnet-4-5", told))
    assert (found.lower, found.amount) == (450_000_000, 3_150_000_000)
    assert [line.name for line in found.lines] == ["uncached", "output"]
    with pytest.raises(NotCharged, match="the number of cached tokens"):
        charge(issuing(), "claude-sonnet-4-5", told, source_of("anthropic"), NOON)


ROW = PriceRow("p", "m", input=3, cached=1, writes={300: 4, 3600: 6}, output=5)
NO_RATE = {
    "input": (PriceRow("p", "m", output=5), Counts(1, 0, None, 0), "input"),
    "cached": (PriceRow("p", "m", input=3), Counts(1, 1), "input.cached"),
    "a TTL": (ROW, Counts(1, 0, {1800: 1}), "input.writes.1800"),
    "writes": (PriceRow("p", "m", input=3), Counts(1, 0, {0: 1}), "input.writes.0"),
    "output": (PriceRow("p", "m", input=3), Counts(1, 0, None, 1), "output"),
}


@pytest.mark.parametrize("name", NO_RATE)
def test_what_has_no_rate_has_no_price(name):
    row, told, field = NO_RATE[name]
    issuer, checker = of_rows([row])
    with pytest.raises(UnpricedError) as raised:
        price(checker, usage("p", "m", told))
    assert raised.value.field == field
    with pytest.raises(NotCharged):
        charge(issuer, "m", told, source_of("p"), NOON)
    none = replace(told, logical=0, cached=0, writes={1800: 0}, output=0)
    assert price(checker, usage("p", "m", none)).amount == 0


def test_a_write_of_no_stated_ttl_may_have_a_rate_of_its_own():
    row = replace(ROW, writes={0: 7, 300: 4, 3600: 6})
    made, found = both(row, Counts(10, 0, {0: 10}))
    assert (found.lower, found.amount) == (70, 70)
    assert lines_of_charge(made) == lines_of_price(found)
    made, found = both(replace(ROW, writes={300: 4}), Counts(10, 0, {0: 10}))
    assert (found.lower, found.amount) == (40, 40)
    assert lines_of_charge(made) == lines_of_price(found)


def test_a_request_for_nothing_has_one_line_of_nothing():
    made, found = both(ROW, Counts(0, 0))
    assert [(line.line_class, line.quantity) for line in made.lines] == [(0, 0)]
    assert found.lines == ()
    assert found.amount == 0


SMALL_ROW = PriceRow("p", "small", input=2, cached=1, output=3)
LARGE_ROW = PriceRow("p", "large", input=9, cached=5, output=7, units={"requests.web_search": Rate(11)})  # fmt: skip
MODELS = {"small": Counts(1000, 0, None, 200, 20), "large": Counts(2000, 2000, None, 300, 100)}
OF_BOTH = Counts(3000, 2000, None, 500, 120, {"requests.web_search": 2})


def test_models_are_priced_each_at_its_own_row():
    issuer, checker = of_rows([SMALL_ROW, LARGE_ROW])
    found = price(checker, usage("p", "large", OF_BOTH, models=MODELS))
    made = charge(issuer, "large", OF_BOTH, source_of("p"), NOON, MODELS)
    assert lines_of_charge(made) == lines_of_price(found)
    assert found.amount == 1000 * 2 + 200 * 3 + 2000 * 5 + 300 * 7 + 22
    assert {line.model for line in found.lines} == {"small", "large"}
    assert found.full - found.amount == found.read_saving


def test_parts_of_several_models_cannot_be_priced_apart():
    row = replace(LARGE_ROW, parts={"input.audio": 4})
    issuer, checker = of_rows([SMALL_ROW, row])
    told = replace(OF_BOTH, units={"input.audio": 5, "cached.audio": 0})
    with pytest.raises(UnpricedError) as raised:
        price(checker, usage("p", "large", told, models=MODELS))
    assert raised.value.field == "units.input.audio"
    with pytest.raises(NotCharged, match=r"input\.audio of each model"):
        charge(issuer, "large", told, source_of("p"), NOON, MODELS)


def test_units_of_a_response_are_of_its_model():
    issuer, checker = of_rows([SMALL_ROW, LARGE_ROW, replace(LARGE_ROW, model="third")])
    with pytest.raises(UnpricedError) as raised:
        price(checker, usage("p", "third", OF_BOTH, models=MODELS))
    assert raised.value.field == "model"
    with pytest.raises(NotCharged, match="one of the models"):
        charge(issuer, "third", OF_BOTH, source_of("p"), NOON, MODELS)


def test_parts_that_were_written_cannot_be_told_apart():
    row = replace(ROW, parts={"input.audio": 4})
    issuer, checker = of_rows([row])
    told = Counts(10, 0, {300: 8}, units={"input.audio": 5})
    with pytest.raises(UnpricedError) as raised:
        price(checker, usage("p", "m", told))
    assert raised.value.field == "units"
    with pytest.raises(NotCharged, match="told from written ones"):
        charge(issuer, "m", told, source_of("p"), NOON)


def test_the_same_of_a_write_and_a_read_of_every_kind():
    """Each combination of what a row prices apart, for the same tokens."""
    told = Counts(20, 8, {300: 4}, 9, 3, {"input.audio": 6, "cached.audio": 2, "output.audio": 2})
    apart = {"input.audio": 11, "cached.audio": 5, "output.audio": 17, "reasoning": 23}
    for size in range(len(apart) + 1):
        for names in itertools.combinations(apart, size):
            row = replace(ROW, parts={name: apart[name] for name in names})
            made, found = both(row, told)
            assert lines_of_charge(made) == lines_of_price(found)
            quantities = {line.name: line.quantity for line in found.lines}
            assert {name: quantities[name] for name in names} == {
                name: {"input.audio": 4, "cached.audio": 2, "output.audio": 2, "reasoning": 3}[name]
                for name in names
            }


@given(rows(), counts(stated=False))
def test_the_fast_path_says_the_same(row, told):
    """Where the row prices no part apart, and all is stated."""
    _, checker = of_rows([replace(row, parts={}, writes={0: 3, **row.writes})])
    (checked,) = checker.rows
    fast = plain(checked, tokens(told), None)
    if told.cached is None:
        assert fast is None
    else:
        assert fast == bounded(checked, tokens(told), told.units or {}, None)

"""Periods as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.build import DECEMBER, NOVEMBER
from verifier.report.period import PeriodError, instant, parse, show, show_instant

DAY = 86_400_000


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("2026-11", NOVEMBER),
        ("2026-12", DECEMBER),
        ("1970-01", (0, 31 * DAY)),
        ("2028-02", (instant("2028-02-01"), instant("2028-02-01") + 29 * DAY)),
        ("9999-12", (instant("9999-12-01"), 253402300800000)),
        ("2026-11-22", (NOVEMBER[0] + 21 * DAY, NOVEMBER[0] + 22 * DAY)),
        ("2026-11-01/2026-12-01", NOVEMBER),
        ("2026-11-01T01:00:00+01:00/2026-12-01T00:00:00Z", NOVEMBER),
        ("2026-11-01T00:00:00.001Z/2026-11-01T00:00:00.002Z", (NOVEMBER[0] + 1, NOVEMBER[0] + 2)),
    ],
)
def test_parse(text, period):
    assert parse(text) == period


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13", "2026-00", "2026-11-31", "2026-1", "November", "2026-11/", "/2026-11", "2026-11-02/2026-11-01",
     "2026-11-01/2026-11-01", "2026-11-01T00:00:00/2026-12-01", "1969-12", "1969-12-31/2026-01-01", "2026-11-01T00:00:00.0001Z/2026-12-01",
     "2026-11-01/2026-12-01/2027-01-01", "\uff12\uff10\uff12\uff16-11"],
)  # fmt: skip
def test_refused(text):
    with pytest.raises(PeriodError):
        parse(text)


@given(st.integers(0, 253402300799999), st.integers(1, 10**11))
def test_what_is_shown_is_read_again(start, length):
    end = min(start + length, 253402300799999)
    if start < end:
        assert parse(show(start, end)) == (start, end)


@pytest.mark.parametrize(
    ("period", "text"),
    [(NOVEMBER, "2026-11"), ((NOVEMBER[0], NOVEMBER[0] + DAY), "2026-11-01"), ((NOVEMBER[0], DECEMBER[1]), "2026-11-01/2027-01-01"),
     ((0, 253402300800000), "1970-01-01/10000-01-01")],
)  # fmt: skip
def test_show(period, text):
    assert show(*period) == text


def test_instants():
    assert show_instant(NOVEMBER[0] + 1) == "2026-11-01T00:00:00.001Z"
    assert show_instant(NOVEMBER[0] + 1000) == "2026-11-01T00:00:01Z"


@pytest.mark.parametrize(
    ("text", "why"),
    [("11/2026", ": '11' is not a day or a time"), ("2026-11-01/", ": '' is not a day or a time"), ("11.2026", "")],
)  # fmt: skip
def test_what_is_expected_is_said(text, why):
    with pytest.raises(PeriodError) as caught:
        parse(text)
    expected = "a month (2026-11), a day (2026-11-22) or start/end (2026-11-01/2026-12-01)"
    assert str(caught.value) == f"{text!r} is not {expected}{why}"

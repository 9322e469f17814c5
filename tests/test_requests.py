"""Request ids over any number of receipts: found again when they come twice, in memory and on disk."""

from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from verifier.order.collection import first_repeated
from verifier.order.requests import RequestLog
from verifier.report.intervals import Intervals

ACCOUNT = ("issuer", "account")


def add(log, numbers, first=0, account=ACCOUNT):
    log.add(account, [str(n).encode() for n in numbers], range(first, first + len(numbers)))


@given(st.lists(st.integers(0, 50), max_size=200))
def test_small(numbers):
    with closing(RequestLog()) as log:
        for item, n in enumerate(numbers):
            add(log, [n], item)
        found = sorted((one.first, one.item, one.request) for one in log.repeated())
    expected = [(numbers.index(n), at, str(n)) for at, n in enumerate(numbers) if n in numbers[:at]]
    assert found == sorted(expected)


def test_spilled():
    """More than the buckets keep in memory; early ones repeated late."""
    count = 256 * 256 * 3
    with closing(RequestLog()) as log:
        for first in range(0, count, 1000):
            add(log, range(first, min(first + 1000, count)), first)
        assert sum(map(len, log._pages)) > 200
        add(log, [7, count - 1], count)
        assert sorted((one.first, one.item) for one in log.repeated()) == [
            (7, count), (count - 1, count + 1),
        ]  # fmt: skip


def test_only_the_first_ones_are_kept_and_all_are_counted(monkeypatch):
    monkeypatch.setattr("verifier.order.collection.KEPT", 100)
    with closing(RequestLog()) as log:
        add(log, [0, 1, 1])
        for first in (3, 303):
            add(log, range(10, 310), first)
        kept, total = first_repeated(log)
    assert [(one.item, one.first) for one in kept] == [
        (2, 1),
        *((303 + n, 3 + n) for n in range(99)),
    ]
    assert total == 301


def test_no_field_passes_for_another():
    """One request id of two accounts is no repetition, whatever their names are when put together."""
    accounts = [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")]
    with closing(RequestLog()) as log:
        for item, account in enumerate(accounts):
            add(log, [1], item, account)
        assert list(log.repeated()) == []
        add(log, [1], 4, ("a", "bc"))
        ((item, first, account, request),) = log.repeated()
        assert (item, first, account, request) == (4, 1, ("a", "bc"), "1")


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=12),
    st.integers(0, 40),
    st.integers(0, 60),
)
def test_intervals(parts, begin, length):
    intervals, there = Intervals(), set()
    for start, size in parts:
        intervals.add(start, start + size)
        there |= set(range(start, start + size))
    gaps = intervals.missing(begin, begin + length)
    assert [n for b, e in gaps for n in range(b, e)] == [
        n for n in range(begin, begin + length) if n not in there
    ]
    assert all(b < e for b, e in gaps)

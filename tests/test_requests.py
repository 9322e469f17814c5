"""Request ids over any number of receipts: found again when they come twice, in memory and on disk."""

from array import array
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from verifier.order.block import account_prefix, request_key
from verifier.order.requests import RequestLog
from verifier.statements.intervals import Intervals


def logged(log, numbers, first=0):
    keys = b"".join(request_key(b"p", str(n).encode()) for n in numbers)
    log.add(keys, array("Q", range(first, first + len(numbers))))


@given(st.lists(st.integers(0, 50), max_size=200))
def test_small(numbers):
    with closing(RequestLog()) as log:
        for item, n in enumerate(numbers):
            logged(log, [n], item)
        found = sorted(log.repeated())
    expected = [(numbers.index(n), at) for at, n in enumerate(numbers) if n in numbers[:at]]
    assert found == sorted(expected)


def test_spilled():
    """More than the buckets keep in memory; early ones repeated late."""
    count = 256 * 128 * 3
    with closing(RequestLog()) as log:
        logged(log, range(count))
        assert sum(map(len, log._pages)) > 200
        logged(log, [7, count - 1], count)
        assert sorted(log.repeated()) == [(7, count), (count - 1, count + 1)]


def test_no_field_passes_for_another():
    parts = [
        ("ab", "c", "d"),
        ("a", "bc", "d"),
        ("a", "b", "cd"),
        ("abc", "", "d"),
        ("1,1,", "x", "y"),
    ]
    keys = {request_key(account_prefix(i, a), r.encode()) for i, a, r in parts}
    assert len(keys) == len(parts)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=12),
    st.integers(0, 40),
    st.integers(0, 60),
)
def test_intervals(parts, begin, length):
    intervals, there = Intervals(), set()
    for start, size in parts:
        again = intervals.add(start, start + size)
        assert {n for b, e in again for n in range(b, e)} == there & set(range(start, start + size))
        there |= set(range(start, start + size))
    gaps = intervals.missing(begin, begin + length)
    assert [n for b, e in gaps for n in range(b, e)] == [
        n for n in range(begin, begin + length) if n not in there
    ]
    assert all(b < e for b, e in gaps)

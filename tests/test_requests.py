"""Request ids over any number of receipts: found again when they come twice, in memory and on disk."""

from hypothesis import given
from hypothesis import strategies as st

from verifier.statements.intervals import Intervals
from verifier.requests import RequestLog, pack, request_key, request_prefix


def keys(numbers):
    return [request_key(b"p", str(n)) for n in numbers]


@given(st.lists(st.integers(0, 50), max_size=200))
def test_small(numbers):
    with RequestLog() as log:
        for n in numbers:
            log.add(pack(keys([n])))
        found = list(log.repeated())
    assert len(found) == len(numbers) - len(set(numbers))
    assert set(found) == {*keys(n for n in numbers if numbers.count(n) > 1)}


def test_spilled():
    """More than the buckets keep in memory; early ones repeated late."""
    count = 256 * 128 * 3
    with RequestLog() as log:
        log.add(pack(keys(range(count))))
        assert sum(map(len, log._pages)) > 200
        log.add(pack(keys([7, count - 1])))
        assert sorted(log.repeated()) == sorted(keys([7, count - 1]))


def test_no_field_passes_for_another():
    parts = [
        ("ab", "c", "d"),
        ("a", "bc", "d"),
        ("a", "b", "cd"),
        ("abc", "", "d"),
        ("1,1,", "x", "y"),
    ]
    assert len({request_key(request_prefix(i, a), r) for i, a, r in parts}) == len(parts)


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

"""Several processes give the report of one, whatever the input."""

import json

import pytest

from receipts import Billed, Counts, Issuer, Period
from tests.build import ACCOUNT, ISSUER, KEY, NOON, NOVEMBER, jwk_set
from verifier import Policy, as_object, by_kid, bytes_source, read_items, read_jwks, verify
from verifier.reading.framing import Batch

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))


def large(count=9000, streams=3):
    """A batch of several spans, its streams interleaved."""
    issuer = Issuer(ISSUER, KEY, stream="unused")
    period = Period(ISSUER, ACCOUNT, *NOVEMBER)
    data = []
    for n in range(count):
        counts = Counts(1000 + n, 900, {300: n % 100}, 50)
        receipt = issuer.issue(
            ACCOUNT,
            request=f"r{n}",
            model="m",
            time=NOON + n,
            counts=counts,
            stream=f"s{n % streams}",
        )
        period.add(receipt.stream, receipt.sequence, receipt.digest, receipt.time, Billed(counts))
        data.append(receipt.data)
    return [*data, period.sign(KEY).data]


ITEMS = large()


def reports(data, jobs=(1, 2, 3)):
    """The report for each number of processes, as JSON text."""
    found = []
    for number in jobs:
        report = verify([bytes_source("b", data)], Policy(KEYS), jobs=number)
        found.append(json.dumps(as_object(report), indent=1))
    return found


def test_the_batch_is_large_enough_to_be_shared():
    spans = list(Batch([bytes_source("b", b"".join(ITEMS))]).spans())
    assert len(spans) >= 4
    assert [span.uniform for span in spans] == [True] * (len(spans) - 1) + [False]


def swapped(items, a, b):
    items = list(items)
    items[a], items[b] = items[b], items[a]
    return items


EDGE = next(iter(Batch([bytes_source("b", b"".join(ITEMS))]).spans())).starts.__len__()
"""The number of the first item of the second span."""
FAULTS = {
    "honest": ITEMS,
    "removed": [*ITEMS[:4000], *ITEMS[4001:]],
    "removed-at-edge": [*ITEMS[:EDGE], *ITEMS[EDGE + 1 :]],
    "duplicate-at-edge": [*ITEMS[:EDGE], ITEMS[EDGE - 1], *ITEMS[EDGE:]],
    "duplicate-far": [*ITEMS[:8000], ITEMS[5], *ITEMS[8000:]],
    "swapped-at-edge": swapped(ITEMS, EDGE - 1, EDGE + 2),
    "swapped-far": swapped(ITEMS, 3, 7500),
    "bit-at-edge": [
        *ITEMS[:EDGE],
        ITEMS[EDGE][:-1] + bytes((ITEMS[EDGE][-1] ^ 1,)),
        *ITEMS[EDGE + 1 :],
    ],
    "no-statement": ITEMS[:-1],
    "statement-first": [ITEMS[-1], *ITEMS[:-1]],
    "cut": [*ITEMS[:-1], ITEMS[-1][:-5]],
    "twice": [*ITEMS, *ITEMS],
    "head-missing": ITEMS[1:],
    "many-missing": ITEMS[::2] + ITEMS[-1:],
}


QUICK = {"honest", "bit-at-edge"}


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FAULTS],
)
def test_the_report_is_the_same(name):
    one, *others = reports(b"".join(FAULTS[name]))
    assert (json.loads(one)["verdict"] == "verified") == (name == "honest")
    for other in others:
        assert other == one


def test_items_are_numbered_across_files():
    half = len(ITEMS) // 2
    parts = [b"".join(ITEMS[:half]), b"".join(ITEMS[half:])]
    files = [bytes_source(str(n), part) for n, part in enumerate(parts)]
    assert [item.number for item in read_items(files)] == list(range(len(ITEMS)))
    broken = parts[1][:100] + bytes((parts[1][100] ^ 1,)) + parts[1][101:]
    files[1] = bytes_source("1", broken)
    report = verify(files, Policy(KEYS))
    assert [(f.code, f.file, f.item, f.offset) for f in report.findings] == [
        ("signature-invalid", "1", half, 0)
    ]

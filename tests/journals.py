"""What is asked of a journal in its tests, and what must hold of it afterwards."""

import json
import sys

from receipts import Counts
from receipts.journal import journal_items
from tests.build import ACCOUNT, KEY, jwk_set
from verifier import Policy, Receipt, batch_file, by_kid, read_items, read_jwks, verify

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
COUNTS = Counts(3000, 2000, {300: 600}, 500, 120)


def issue(journal, request="r", **more):
    return journal.issue(ACCOUNT, request=request, model="m", counts=COUNTS, **more)


def check(url, folder, issued):
    """All that was handed out is in the journal once, in whole chains, and what is not handed out is at most what the caller says.

    Returns:
        The requests in the journal.
    """
    raw = list(journal_items(url))
    assert len(raw) == len(set(raw))
    (folder / "all.cbor").write_bytes(b"".join(raw))
    report = verify([batch_file(str(folder / "all.cbor"))], Policy(KEYS))
    assert {finding.code for finding in report.findings} <= {"statement-missing"}
    kept = {}
    for item in read_items([batch_file(str(folder / "all.cbor"))]):
        assert isinstance(item.claims, Receipt)
        place = item.claims.account, item.claims.stream, item.claims.sequence
        assert place not in kept
        kept[place] = item
    streams = {}
    for account, stream, sequence in kept:
        streams.setdefault((account, stream), []).append(sequence)
    assert all(sorted(found) == list(range(len(found))) for found in streams.values())
    places = [(one.account, one.stream, one.sequence) for one in issued]
    assert len(places) == len(set(places))
    for one, place in zip(issued, places, strict=True):
        assert kept[place].raw == one.data
    requests = [item.claims.request for item in kept.values()]
    assert len(requests) == len(set(requests))
    return requests


def ask_at_once(journal, *requests):
    """Several orders in one group: the writer does not run before all are there."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)
    try:
        return [
            journal.submit(ACCOUNT, request=request, model="m", counts=COUNTS)
            for request in requests
        ]
    finally:
        sys.setswitchinterval(interval)

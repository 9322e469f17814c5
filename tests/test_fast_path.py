"""What the fast path takes, and what it leaves to the slow one. That both give the same report is in test_two_paths.py."""

import json

import pytest

from tests.build import ISSUER, KEY, NOON, SECOND, Batch, Stream, jwk_set
from verifier import Policy, by_kid, bytes_source, read_jwks, verify
from verifier.format.envelope import Kind
from verifier.order import part

ENTRY = {1: "tokens-sha256", 2: bytes(32), 3: 2000}


@pytest.fixture
def slow(monkeypatch):
    """Verifies, and gives the receipts that went the slow way, and the report."""
    original = part.open_item

    def run(data, *, keys=None, **policy):
        opened = []

        def noted(raw, *args, **more):
            found = original(raw, *args, **more)
            if found.kind is not Kind.STATEMENT:
                opened.append(raw)
            return found

        trusted = by_kid(read_jwks(json.dumps(keys or jwk_set(KEY)).encode()))
        with monkeypatch.context() as patch:
            patch.setattr(part, "open_item", noted)
            report = verify([bytes_source("input", data)], Policy(trusted, **policy))
        return opened, report

    return run


def changed(**over):
    """A batch whose receipts have other claims."""
    return Batch(one=Stream(over=over), two=Stream("gpu-8", 2, over=over))


TAKEN = {
    "ordinary": Batch(),
    "with identifiers": changed(cache={1: ENTRY, 2: [ENTRY], 3: [ENTRY]}),
    "committed": changed(cache={3: [ENTRY]}, client=b"x"),
    "of one time": changed(time=NOON),
    "without output": changed(output=None, source=None, tags=None),
    "with zeros": changed(input={1: 0, 2: 0, 3: 0}),
    "many": Batch(one=Stream(count=600), two=Stream("gpu-8", 300)),
    "one": Batch(one=Stream(count=1), two=Stream("gpu-8", 1)),
}


@pytest.mark.parametrize("name", TAKEN)
def test_honest_receipts_are_taken(slow, name):
    batch = TAKEN[name]
    data = b"".join(s.data for s in [*batch.ones, *batch.twos, batch.statement])
    for either in (data, batch.data):  # stream after stream, and in turn
        opened, report = slow(either)
        assert (opened, str(report.verdict)) == ([], "verified")


@pytest.mark.parametrize(
    ("members", "taken"),
    [
        ({"nbf": NOON // 1000}, True),
        ({"nbf": NOON // 1000 + 1}, False),
        ({"exp": NOON // 1000 + 3}, True),
        ({"exp": NOON // 1000 + 2}, False),
        ({"revoked": {"revoked_at": NOON // 1000 + 3}}, True),
        ({"revoked": {"revoked_at": NOON // 1000 + 2}}, False),
    ],
)
def test_the_window_of_the_key(slow, members, taken):
    opened, _ = slow(Batch().data, keys=jwk_set(KEY, **members))
    assert bool(opened) is not taken


def test_what_the_caller_demands(slow):
    assert slow(Batch().data, account="acme")[0] == []
    assert slow(Batch().data, account="other")[0] != []
    identified = changed(cache={1: ENTRY})
    assert slow(identified.data, require_cache_id=True)[0] == []
    assert slow(Batch().data, require_cache_id=True)[0] != []
    one_is_not = Batch(
        one=Stream(change=lambda n, c: c | {12: {1: ENTRY}} if n else c),
        two=Stream("gpu-8", 2, over={"cache": {1: ENTRY}}),
    )
    assert slow(one_is_not.data, require_cache_id=True)[0] != []
    nothing_cached = Batch(
        one=Stream(change=lambda n, c: c | {12: {1: ENTRY}} if n else c | {10: {1: 1, 2: 0, 3: 1}}),
        two=Stream("gpu-8", 2, over={"cache": {1: ENTRY}}),
    )
    opened, report = slow(nothing_cached.data, require_cache_id=True)
    assert (opened, report.findings.counts) == ([], {})
    committed = changed(cache={3: [ENTRY]})
    assert slow(committed.data, require_cache_id=True)[0] != []


def test_another_key_begins_another_part(slow):
    """Receipts of two trusted keys in turn are taken, too."""
    batch = Batch(one=Stream(count=2), two=Stream("gpu-8", 2, key=SECOND))
    opened, report = slow(batch.data, keys=jwk_set(KEY, SECOND))
    assert (opened, str(report.verdict)) == ([], "verified")
    assert len(report.signers) == 2


@pytest.mark.parametrize("at", [0, 1, 255, 256, 257, 511, 512, 599])
def test_the_first_fault_is_found_wherever_it_is(slow, at):
    """What stands before it is taken; from the fault on, receipts are taken again."""
    stream = Stream(count=600).receipts()
    forged = bytearray(stream[at].data)
    forged[-1] ^= 1
    data = b"".join(bytes(forged) if n == at else signed.data for n, signed in enumerate(stream))
    opened, report = slow(data)
    assert opened == [bytes(forged)]
    assert report.findings.counts == {"signature-invalid": 1, "statement-missing": 599}
    assert next(iter(report.findings)).item == at


@pytest.mark.parametrize("issuer", [ISSUER, "https://other.example"])
def test_a_key_signs_for_its_issuer_only(slow, issuer):
    receipts = Stream(over={"issuer": issuer}).receipts()
    opened, report = slow(b"".join(signed.data for signed in receipts))
    assert ("issuer-mismatch" in report.findings.counts) is (issuer != ISSUER)
    assert len(opened) == (0 if issuer == ISSUER else 3)

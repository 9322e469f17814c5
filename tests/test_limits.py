"""The limits of streams and TTLs of an input (R-9.7): too large an input for a vector, so it is made here.

A stranger signs, whose signatures cannot be checked: so none has to be made for each receipt.
"""

import json

import cbor2
import pytest

from tests.build import KEY, STRANGER, Batch, Stream, encode, jwk_set, receipt_claims, sign_receipt
from tests.vectors.limits import input_streams, input_ttls
from verifier import Policy, by_kid, bytes_source, read_jwks, verify

STREAMS = input_streams()
KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))


def receipts(streams: int, accounts: int) -> bytes:
    """The first receipt of each of so many streams, of several accounts in turn."""
    template = receipt_claims(stream="s-000000", account="a-0", request="r-000000")
    content = encode(template)
    cose = sign_receipt(template, STRANGER).data[len(b"\x82" + cbor2.dumps(content)) :]
    head = b"\x82" + cbor2.dumps(content)[: -len(content)]
    before, after = content.split(b"a-0")
    middle, rest, end = (*after.split(b"s-000000"), b"")
    rest, end = rest.split(b"r-000000")
    return b"".join(
        b"%ba-%d%bs-%06d%br-%06d%b" % (head + before, n % accounts, middle, n, rest, n, end + cose)
        for n in range(streams)
    )


@pytest.mark.slow
@pytest.mark.parametrize("accounts", [1, 7])
def test_streams_of_an_input(accounts):
    """One more than the limit is told, and ends the reading: whether a statement follows is not known."""
    policy = Policy(KEYS)
    data = receipts(STREAMS + 2, accounts)
    size = len(data) // (STREAMS + 2)

    report = verify([bytes_source("input", data[: size * STREAMS])], policy)
    assert {f.code for f in report.findings} == {"key-unknown", "statement-missing"}

    report = verify([bytes_source("input", data)], policy)
    (told,) = (f for f in report.findings if f.code != "key-unknown")
    assert (told.code, told.rule, told.item) == ("input-too-large", "R-9.7", STREAMS)
    assert {f.code for f in report.findings} == {"key-unknown", "input-too-large"}


def test_one_stream_more_than_allowed(monkeypatch):
    """The same with a smaller limit, and what stands after it."""
    monkeypatch.setattr("verifier.order.collection.MAX_STREAMS", 3)
    policy = Policy(KEYS)
    for accounts in (1, 2):
        data = receipts(5, accounts)
        report = verify([bytes_source("input", data)], policy)
        (told,) = (f for f in report.findings if f.code != "key-unknown")
        assert (told.code, told.rule, told.item) == ("input-too-large", "R-9.7", 3)
        assert sum(account.receipts for account in report.accounts) == 3


def test_what_counts_as_a_stream(monkeypatch):
    """With a limit of two: a stream counts once, also over the statement; one of another account or issuer is another."""
    monkeypatch.setattr("verifier.order.collection.MAX_STREAMS", 2)
    policy = Policy(KEYS)

    def told(data):
        report = verify([bytes_source("input", data)], policy)
        return [(f.item, f.sequence) for f in report.findings if f.code == "input-too-large"]

    honest = Batch()
    later = Stream("gpu-7", 2, 3, honest.ones[-1].digest).receipts()
    more = b"".join(signed.data for signed in later)
    assert told(honest.data + more) == []
    for over in ({"stream": "gpu-9"}, {"account": "other"}):
        others = b"".join(s.data for s in Stream("gpu-7", 2, over=over).receipts())
        assert told(honest.data + more + others) == [(8, 0)]
    one_by_one = Batch(one=Stream("gpu-7", 1), two=Stream("gpu-8", 1))
    assert told(one_by_one.data) == []


def ttls(count, **over):
    """Receipts of a stream that write for so many TTLs, sixteen each."""
    stream = Stream(count=-(-count // 16), over=over,
                    change=lambda n, c: c | {10: {1: 100, 2: 0, 3: 100, 4: dict.fromkeys(range(16 * n + 1, min(16 * n + 16, count) + 1), 1)}})  # fmt: skip
    return b"".join(signed.data for signed in stream.receipts())


@pytest.mark.parametrize("accounts", [1, 2])
def test_one_ttl_more_than_allowed(monkeypatch, accounts):
    """The receipt that writes for it is not collected; each account has TTLs of its own."""
    monkeypatch.setattr("verifier.order.collection.MAX_NAMES", 64)
    each = 64 // accounts
    honest = [ttls(each, account=f"a-{n}") for n in range(accounts)]
    report = verify([bytes_source("b", b"".join(honest))], Policy(KEYS))
    assert report.findings.counts == {"statement-missing": 4}
    more = ttls(each + 1, account="a-0")
    report = verify([bytes_source("b", b"".join([*honest[1:], more]))], Policy(KEYS))
    (told,) = (f for f in report.findings if f.code == "input-too-large")
    assert (told.rule, told.item, told.account) == ("R-9.7", 4, "a-0")
    assert "65 TTLs and units" in told.message
    assert sum(account.receipts for account in report.accounts) == 4


def test_what_counts_as_a_ttl(monkeypatch):
    """One that was written for before counts once, also over the statement."""
    monkeypatch.setattr("verifier.order.collection.MAX_NAMES", 1)
    honest = Batch()
    later = Stream("gpu-7", 2, 3, honest.ones[-1].digest).receipts()
    data = honest.data + b"".join(signed.data for signed in later)
    assert "input-too-large" not in verify([bytes_source("b", data)], Policy(KEYS)).findings.counts
    other = b"".join(s.data for s in Stream("gpu-7", 2, over={"account": "other"}).receipts())
    report = verify([bytes_source("b", data + other)], Policy(KEYS))
    assert [f.item for f in report.findings if f.code == "input-too-large"] == [8]


def test_units_count_with_ttls(monkeypatch):
    """A unit counts once for an account, whether a receipt states it or a correction says that it did."""
    monkeypatch.setattr("verifier.order.collection.MAX_NAMES", 3)

    def refused(*units):
        stream = Stream(count=len(units), change=lambda n, c: c | {17: dict.fromkeys(units[n], 1)})
        data = b"".join(signed.data for signed in stream.receipts())
        report = verify([bytes_source("b", data)], Policy(KEYS))
        return [f.item for f in report.findings if f.code == "input-too-large"]

    assert refused(["a/1", "a/2"], ["a/1"], ["a/2"]) == []  # and a TTL
    assert refused(["a/1"], ["a/2"], ["a/3"]) == [2]
    corrects = {1: bytes(32), 2: {1: 1}, 4: {"a/3": 1, "a/4": 1}}
    stream = Stream(count=1, change=lambda _, c: c | {17: {"a/1": 1}, 20: corrects})
    data = stream.receipts()[0].data
    report = verify([bytes_source("b", data)], Policy(KEYS))
    assert [f.item for f in report.findings if f.code == "input-too-large"] == [0]


@pytest.mark.slow
@pytest.mark.parametrize("accounts", [1, 2])
def test_ttls_of_an_input(accounts):
    """As many as receipt.md states are read, and one more ends the reading."""
    each = input_ttls() // accounts
    honest = [ttls(each, account=f"a-{n}") for n in range(accounts)]
    report = verify([bytes_source("b", b"".join(honest))], Policy(KEYS))
    assert report.findings.counts == {"statement-missing": input_ttls() // 16}
    more = ttls(each + 1, account="a-0")
    report = verify([bytes_source("b", b"".join([*honest[1:], more]))], Policy(KEYS))
    assert [f.item for f in report.findings if f.code == "input-too-large"] == [input_ttls() // 16]

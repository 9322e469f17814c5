"""Receipts that an observer signs: what may be issued, and that every report says who signed."""

import json
from pathlib import Path

import pytest

from receipts import (
    Charge,
    ChargeLine,
    Counts,
    Issuer,
    Journal,
    KeyFolder,
    ReceiptError,
    Source,
    Span,
)
from receipts.ingest import usage_hash
from tests.build import ACCOUNT, ISSUER, KEY, NOON, NOVEMBER, Batch, Stream, jwk_set
from tests.vectors.observed import SOURCE as OBSERVED
from verifier import Policy, batch_file, by_kid, bytes_source, read_items, read_jwks, verify

COUNTS = Counts(3000, 2000, output=500)
SEEN = Source("openai", "responses", usage_hash({"a": 1}), observed=True)
WORDS = "signed by the observer, not by the biller"


def issue(**more):
    told = {"request": "r", "model": "m", "time": NOON, "counts": COUNTS, "source": SEEN}
    return Issuer(ISSUER, KEY, stream="s").issue(ACCOUNT, **told | more)


def batch_of(path="batch.cbor", **kinds):
    """A batch of which the streams named are an observer's."""
    over = {"source": OBSERVED}
    one = Stream(over=over if kinds.get("one", True) else {})
    two = Stream("gpu-8", 2, over=over if kinds.get("two", True) else {})
    Path(path).write_bytes(Batch(one=one, two=two).data)
    return path


@pytest.fixture
def keyfile(folder):
    Path("keys.json").write_text(json.dumps(jwk_set(KEY)))
    return "keys.json"


def test_what_an_observer_may_not_say_is_not_signed():
    charge = Charge("USD", bytes(32), [ChargeLine(0, 1000, 0), ChargeLine(1, 2000, 0), ChargeLine(3, 500, 0)])  # fmt: skip
    for field, more in (
        ("charge", {"charge": charge}),
        ("span", {"span": Span(NOON - 1, NOON), "counts": Counts(0, 0, units={"container.seconds": 1})}),
        ("source.usage", {"source": Source("openai", "responses", observed=True)}),
    ):  # fmt: skip
        with pytest.raises(ReceiptError) as error:
            issue(**more)
        assert error.value.field == field
    issue(charge=charge, source=Source("openai", "responses"))


def test_what_is_signed_says_so(folder):
    Path("b.cbor").write_bytes(issue().data)
    (item,) = read_items([batch_file("b.cbor")])
    assert item.claims.source == (SEEN.provider, SEEN.api, SEEN.usage, None, None, None, True)
    assert item.claims.observed
    plain = issue(source=Source("openai", "responses", SEEN.usage)).data
    (item,) = read_items([bytes_source("b", plain)])
    assert item.claims.source.observed is item.claims.observed is False


def test_a_biller_cannot_become_an_observer_unnoticed(shell, keyfile):
    """Whoever only looks at the exit code sees it too."""
    batch = batch_of()
    for more in ((), ("--observer", "https://other.example.com")):
        result = shell(f"verify {batch} --keys keys.json", *more)
        assert result.code == 3
        lines = result.out.splitlines()
        assert lines[:2] == ["incomplete: batch.cbor", f"  {WORDS}"]
        assert "  incomplete receipt-observed (5 items)" in lines
    report = json.loads(shell(f"verify {batch} --keys keys.json --json").out)
    assert report["finding_counts"] == {"receipt-observed": 5}
    assert (report["observed"], report["accounts"][0]["observed"]) == (5, 5)


def test_an_observer_that_is_expected(shell, keyfile):
    result = shell(f"verify {batch_of()} --keys keys.json --observer {ISSUER}")
    assert result.code == 0
    assert result.out.splitlines()[:2] == ["verified: batch.cbor", f"  {WORDS}"]
    assert "observed      5 of them, not signed by the biller" in result.out
    assert "signed by the biller         not checked" in result.out
    quiet = shell(f"verify {batch_of()} --keys keys.json --observer {ISSUER} --quiet")
    assert quiet.out == f"verified: batch.cbor\n  {WORDS}\n"
    assert shell(f"verify {batch_of(one=False, two=False)} --keys keys.json -q").out == "verified: batch.cbor\n"  # fmt: skip


def test_one_receipt_among_others(shell, keyfile):
    batch = batch_of(two=False)
    result = shell(f"verify {batch} --keys keys.json --observer {ISSUER}")
    assert (
        result.out.splitlines()[1] == "  3 of 5 receipts signed by an observer, not by the biller"
    )
    assert "signed by the biller         2 of 5" in result.out
    report = json.loads(shell(f"verify {batch} --keys keys.json --json").out)
    assert (report["verdict"], report["observed"]) == ("incomplete", 3)
    (finding,) = report["findings"]
    assert (finding["rule"], finding["field"], finding["count"]) == ("R-8.12", "source.observed", 3)


def test_a_proof_says_it_of_its_receipt(shell, keyfile):
    batch_of()
    assert shell("prove batch.cbor --request gpu-7-1 --out p.cbor").code == 0
    result = shell(f"verify p.cbor --keys keys.json --observer {ISSUER}")
    assert result.code == 0
    assert result.out.splitlines()[1] == f"  {WORDS}"
    assert "observed      by the issuer, which does not bill" in result.out
    assert shell("verify p.cbor --keys keys.json").code == 3
    report = json.loads(shell("verify p.cbor --keys keys.json --json").out)
    assert [one.get("observed") for one in report["objects"]] == [True, None]


def test_one_cannot_vouch_for_another(folder):
    """Who is expected to observe is named; an issuer beside it still has to bill."""
    keys = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
    data = Batch(one=Stream(over={"source": OBSERVED})).data
    policy = Policy(keys, observers=frozenset({"https://mine.example.com"}))
    report = verify([bytes_source("b", data)], policy, period=NOVEMBER)
    assert report.findings.counts == {"receipt-observed": 3}


def test_show_says_it(shell, keyfile):
    rows = [
        json.loads(line) for line in shell(f"show {batch_of(two=False)} --json").out.splitlines()
    ]
    said = [row["claims"].get("source", {}).get("observed") for row in rows]
    assert said == [True, None, True, None, True, None]
    assert shell(f"show {batch_of(two=False)}").out.count("observed: True") == 3


def test_a_correction_stays_an_observers(shell, keys, folder):
    """By counts, and by a usage object, which is read anew."""
    with Journal("j.db", ISSUER, KeyFolder("keys")) as journal:
        for n in range(2):
            journal.submit(ACCOUNT, request=f"r{n}", model="m", time=NOON, counts=COUNTS, source=SEEN).result()  # fmt: skip
    usage = {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 1, "total_tokens": 10}  # fmt: skip
    rows = [{"request": "r0", "counts": {"cached": 2500}}, {"request": "r1", "usage": usage}]
    Path("right.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = shell(f"correct right.jsonl --keys keys --account {ACCOUNT} --journal j.db")
    assert result.code == 0, result.err
    shell("show j.db --out all.cbor")
    sources = [item.claims.source for item in read_items([batch_file("all.cbor")])]
    assert [source.observed for source in sources] == [True] * 4
    assert usage_hash(usage) in {source.usage for source in sources}

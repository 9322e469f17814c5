"""Input that somebody has damaged, or that is no batch at all: a verdict and a finding, never a traceback."""

import json
import os

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.build import (
    KEY,
    STRANGER,
    Batch,
    Stream,
    jwk_set,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.vectors.model import flip
from verifier import NotABatchError, Policy, as_object, by_kid, bytes_source, read_jwks, verify

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
HONEST = Batch()


def report_of(data, **kwargs):
    return verify([bytes_source("batch", data)], Policy(KEYS), **kwargs)


@pytest.mark.parametrize("bit", [0, pytest.param(7, marks=pytest.mark.slow)])
def test_a_flipped_bit_at_every_byte_is_never_verified(bit):
    ends = [0]
    for item in HONEST.items:
        ends.append(ends[-1] + len(item))
    for at in range(len(HONEST.data)):
        changed = flip(HONEST.data, at, bit)
        if changed[0] not in b"\x82\x83":
            with pytest.raises(NotABatchError):
                report_of(changed)
            continue
        report = report_of(changed)
        assert report.verdict != "verified", at
        touched = next(n for n, end in enumerate(ends[1:]) if at < end)
        named = {finding.item for finding in report.findings}
        assert touched in named, (at, touched, [f.as_dict() for f in report.findings])


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_cut_anywhere_it_is_never_verified(step):
    for at in range(0, len(HONEST.data), step):
        report = report_of(HONEST.data[:at])
        assert report.verdict != "verified", at
        assert report.findings.counts


@given(st.sampled_from(b"\x82\x83"), st.binary(max_size=300))
def test_anything_that_begins_like_a_batch_has_a_verdict(first, data):
    data = bytes((first,)) + data
    report = report_of(data)
    assert report.verdict != "verified"
    assert as_object(report)["findings"]


@given(st.data())
def test_any_mutation_of_a_batch_has_a_verdict(data):
    raw = bytearray(HONEST.data)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(1, max(1, len(raw) - 1)))
        kind = data.draw(st.sampled_from("rdi"))
        if kind == "r" and at < len(raw):
            raw[at] = data.draw(st.integers(0, 255))
        elif kind == "d":
            del raw[at : at + data.draw(st.integers(1, 20))]
        else:
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=20))
        if not raw:
            break
    report = report_of(bytes(raw))
    assert (report.verdict == "verified") == (bytes(raw) == HONEST.data)


@given(st.permutations(range(6)))
def test_any_other_order_of_the_items_is_not_verified_unless_streams_keep_theirs(order):
    data = b"".join(HONEST.items[n] for n in order)
    in_order = (
        order[-1] == 5
        and [n for n in order if n in (0, 2, 4)] == [0, 2, 4]
        and order.index(1) < order.index(3)
    )
    assert (report_of(data).verdict == "verified") == in_order


@given(st.sets(st.integers(0, 5)), st.lists(st.integers(0, 5), max_size=2))
def test_nothing_left_out_and_nothing_twice(dropped, repeated):
    items = [item for n, item in enumerate(HONEST.items) if n not in dropped]
    items += [HONEST.items[n] for n in repeated]
    assert (report_of(b"".join(items)).verdict == "verified") == (items == HONEST.items)


def test_many_streams_and_gaps_are_reported_in_bounded_detail():
    """Every other receipt is missing: each gap is counted, and 100 are told."""
    receipts = Stream(count=600).receipts()
    statement = sign_statement(statement_claims({"gpu-7": receipts}))
    report = report_of(b"".join(r.data for r in receipts[::2]) + statement.data)
    assert report.findings.counts == {"receipt-missing": 300}
    assert len(report.findings.kept) == 300
    assert len(as_object(report)["findings"]) == 100


def test_a_batch_by_a_stranger_is_one_finding():
    """No key is trusted: one finding with a count, not one an item, and never a word of it believed."""
    report = verify([bytes_source("batch", HONEST.data)], Policy({}))
    assert report.verdict == "incomplete"
    assert [(f.code, f.count, f.item) for f in report.findings] == [("key-unknown", 6, 0)]
    assert report.statements == []


def test_equivocation_in_a_batch_is_kept_as_a_proof():
    other = sign_receipt(
        cbor2.loads(cbor2.loads(HONEST.items[2])[0]) | {10: {1: 3000, 2: 0, 3: 3000}}
    )
    report = report_of(b"".join([*HONEST.items[:3], other.data, *HONEST.items[3:]]))
    assert [(c.code, c.one, c.two) for c in report.conflicts] == [
        ("receipt-equivocation", HONEST.items[2], other.data)
    ]


def test_no_proof_is_made_of_an_object_that_the_issuer_did_not_sign():
    forged = sign_receipt(
        cbor2.loads(cbor2.loads(HONEST.items[2])[0]) | {10: {1: 3000, 2: 0, 3: 3000}}, STRANGER
    )
    report = report_of(b"".join([*HONEST.items[:3], forged.data, *HONEST.items[3:]]))
    assert sorted(report.findings.counts) == ["key-unknown", "receipt-equivocation"]
    assert report.conflicts == []


FILES = {"binary": b"\x7f" + os.urandom(2000), "zeros": bytes(2000), "text": b"hello\n" * 50}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_batch(shell, keys, folder, name):
    (folder / "file").write_bytes(FILES[name])
    result = shell("verify file --keys keys/issuer.jwks.json --json")
    assert (result.code, result.out) == (2, "")
    assert "as no batch of receipts does" in result.err
    assert "Traceback" not in result.err


def test_an_empty_file(shell, keys, folder):
    (folder / "empty").touch()
    result = shell("verify empty --keys keys/issuer.jwks.json --json")
    assert result.code == 3
    assert [f["code"] for f in json.loads(result.out)["findings"]] == ["batch-empty"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("verify nothing.cbor", "receipt: error: nothing.cbor: No such file or directory"),
        ("verify .", "receipt: error: . is a folder"),
        (
            "verify batch.cbor --keys nothing.json",
            "receipt: error: nothing.json: No such file or directory",
        ),
        ("verify batch.cbor --keys batch.cbor", "receipt: error: batch.cbor: not a JSON key file"),
        (
            "verify batch.cbor --keys keys/issuer.pem",
            "receipt: error: keys/issuer.pem: not a JSON key file",
        ),
        (
            "verify batch.cbor --period yesterday",
            "receipt: error: Invalid value for '--period': 'yesterday' is not a month",
        ),
        ("verify", "receipt: error: Missing argument 'BATCH...'"),
        ("frobnicate", "receipt: error: No such command 'frobnicate'"),
        ("verify batch.cbor --jobs 0", "receipt: error: Invalid value for '--jobs'"),
        ("verify batch.cbor --previous keys/issuer.pem", "receipt: error: keys/issuer.pem"),
        ("trust add batch.cbor --yes", "receipt: error: batch.cbor: not a JSON key file"),
        ("trust remove nobody", "receipt: error: nobody is not pinned"),
        ("show nothing.cbor", "receipt: error: nothing.cbor: No such file or directory"),
        (
            "prove batch.cbor --request nobody -o proof.cbor",
            "receipt: error: no receipt is for request 'nobody'",
        ),
        (
            "close batch.cbor --keys nowhere --period 2026-11",
            "receipt: error: nowhere/issuer.pem is not there",
        ),
        (
            "issue usage.jsonl --keys nowhere --account acme --out b.cbor",
            "receipt: error: nowhere/issuer.pem is not there",
        ),
    ],
)
def test_usage_errors(shell, closed, line, message):
    result = shell(line)
    assert result.code == 2
    *_, error, hint = result.err.splitlines()
    assert error.startswith(message)
    assert hint.startswith("receipt: hint: ")
    assert result.out == ""


@pytest.mark.parametrize(
    ("file", "why"), [("keys", "Is a directory"), ("/proc/self/mem", "Input/output error")]
)
def test_an_unreadable_key_file(shell, closed, file, why):
    """A file that the system refuses to read; also for root, whom permissions do not stop."""
    for line in (f"verify batch.cbor --keys {file}", f"trust add {file} --yes"):
        result = shell(line)
        assert result.code == 2
        assert result.err.startswith("receipt: error: ")
        assert why in result.err


KEY_FILES = {
    "not-json": "keys",
    "array": "[]",
    "no-iss": '{"keys": []}',
    "no-keys": '{"iss": "x"}',
    "empty-keys": '{"iss": "x", "keys": []}',
    "iss-twice": '{"iss": "x", "iss": "y", "keys": []}',
    "rsa": '{"iss": "x", "keys": [{"kty": "RSA"}]}',
    "short-x": '{"iss": "x", "keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "AAAA"}]}',
    "bad-base64": '{"iss": "x", "keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "@@@"}]}',
    "nan": '{"iss": "x", "keys": [{"kty": "OKP", "crv": "Ed25519", "nbf": NaN}]}',
    "deep": "[" * 100_000,
    "surrogate": json.dumps(jwk_set(KEY, issuer="\ud800")),
}


@pytest.mark.parametrize("name", KEY_FILES)
def test_key_files_that_are_none(shell, closed, folder, name):
    (folder / "bad.json").write_text(KEY_FILES[name])
    for line in ("verify batch.cbor --keys bad.json", "trust add bad.json --yes"):
        result = shell(line)
        assert result.code == 2
        assert result.err.startswith("receipt: error: bad.json: ")


def test_a_key_file_with_a_private_key_is_refused(shell, closed, folder):
    jwks = jwk_set(KEY)
    jwks["keys"][0]["d"] = "AAAA"
    (folder / "secret.json").write_text(json.dumps(jwks))
    result = shell("trust add secret.json --yes")
    assert (result.code, "holds a private key" in result.err) == (2, True)


@pytest.mark.parametrize(
    "member",
    [
        {"nbf": 1.5},
        {"exp": "soon"},
        {"nbf": -1},
        {"exp": True},
        {"revoked": {}},
        {"revoked": 1},
        {"alg": "ES256"},
        {"use": "enc"},
    ],
)
def test_key_files_with_wrong_members(shell, closed, folder, member):
    (folder / "bad.json").write_text(json.dumps(jwk_set(KEY, **member)))
    assert shell("verify batch.cbor --keys bad.json").code == 2

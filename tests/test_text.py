"""The text report: 80 columns, nothing of a batch reaches the terminal unescaped, every finding with its next step."""

import json

import pytest

from tests.build import ISSUER, KEY, Batch, Stream, jwk_set
from tests.reports import HERE, reports
from tests.test_hostile import report_of
from tests.test_vectors import DOCUMENTS, run
from verifier import Policy, Verdict, as_object, by_kid, bytes_source, read_jwks, render, verify
from verifier.report.codes import RULES
from verifier.report.escape import escape

VECTORS = [(document, vector) for document in DOCUMENTS.values() for vector in document["vectors"]]


def test_reports_fit_80_columns_and_name_everything(folder):
    for document, vector in VECTORS:
        if vector["verdict"] is None or "input" not in vector:
            continue
        report = run(document, vector)
        text = render(report)
        assert text.startswith(f"{report.verdict}: input")
        assert all(line == line.rstrip() for line in text.splitlines()), vector["id"]
        long = [line for line in text.splitlines() if len(line) > 80]
        assert all(len(line.split()) == 1 for line in long), (vector["id"], long)
        for finding in report.findings:
            assert f"{finding.severity} {finding.code}" in text
            assert RULES[finding.code].hint.split()[0] in text


def test_reports_word_for_word(folder):
    """``python -m tests.reports`` writes them anew: look at what changed."""
    written = {name: render(report) for name, report in reports()}
    for name, text in written.items():
        assert text == (HERE / f"{name}.txt").read_text(), name
    assert {path.stem for path in HERE.glob("*.txt")} == set(written)


def test_control_characters_do_not_reach_the_terminal():
    nasty = "\x1b[2J\x1b]0;title\x07\r\nverified: batch.cbor\u202e\u200b\\"
    over = {"issuer": ISSUER, "account": nasty, "model": nasty, "tags": {nasty: nasty}}
    batch = Batch(
        one=Stream(nasty, over=over),
        two=Stream("gpu-8", 2, over=over),
        statement_over={"account": nasty},
    )
    text = render(report_of(batch.data[:-1]))
    assert set(text) <= {"\n", *map(chr, range(32, 127))}
    assert "\\x1b[2J" in text
    assert json.dumps(as_object(report_of(batch.data))).isascii()


def test_escape():
    assert escape("plain é 日本") == "plain é 日本"
    assert escape("a\nb") == "a\\nb"
    assert escape("\\") == "\\\\"
    assert escape("\ud800") == "\\ud800"
    assert escape("x" * 100) == "x" * 57 + "..."


@pytest.mark.slow
def test_more_findings_than_are_shown_are_counted():
    from tests.test_jobs import FAULTS  # a large batch, which only this test needs

    text = render(report_of(b"".join(FAULTS["many-missing"])))
    assert "and 4," in text
    assert "more of receipt-missing" in text


def test_exit_codes():
    assert {verdict: verdict.exit_code for verdict in Verdict} == {
        "verified": 0,
        "rejected": 1,
        "incomplete": 3,
    }


def test_the_report_is_bound_to_the_bytes_it_is_about():
    from hashlib import sha256

    parts = [b"".join(Batch().items[:3]), b"".join(Batch().items[3:])]
    keys = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
    files = [bytes_source(f"part{n}", part) for n, part in enumerate(parts)]
    report = as_object(verify(files, Policy(keys)))
    assert report["inputs"] == [
        {"role": "batch", "name": f"part{n}", "size": len(part), "sha256": sha256(part).hexdigest()}
        for n, part in enumerate(parts)
    ]
    assert report["parties"][0]["signers"] == [jwk_set(KEY)["keys"][0]["kid"]]
    damaged = [bytes_source("bad", b"\x82\xff" + parts[0]), files[1]]
    report = as_object(verify(damaged, Policy(keys)))
    assert [i["size"] for i in report["inputs"]] == [len(parts[0]) + 2, len(parts[1])]
    assert report["inputs"][1]["sha256"] == sha256(parts[1]).hexdigest()


@pytest.mark.parametrize(
    "name", ["batch-honest", "receipt-attributed-too-small", "missing-tail", "key-unknown"]
)
def test_checks_say_what_passed_and_what_did_not(folder, name):
    document, vector = next((d, v) for d, v in VECTORS if v["id"] == name)
    checks = {check.name: check for check in run(document, vector).checks}
    expected = {
        "batch-honest": {
            "signatures": (6, 0),
            "arithmetic": (5, 0),
            "Merkle roots": (2, 0),
            "totals": (1, 0),
        },
        "receipt-attributed-too-small": {
            "signatures": (6, 0),
            "arithmetic": (4, 1),
            "Merkle roots": (2, 0),
            "totals": (1, 0),
        },
        "missing-tail": {
            "signatures": (5, 0),
            "arithmetic": (4, 0),
            "Merkle roots": (1, 0),
            "totals": (0, 0),
        },
        "key-unknown": {
            "signatures": (5, 0),
            "arithmetic": (5, 0),
            "Merkle roots": (2, 0),
            "totals": (1, 0),
        },
    }[name]
    assert {n: (checks[n].passed, checks[n].failed) for n in expected} == expected
    for check in checks.values():
        assert check.passed + check.failed == check.of or check.not_checked, check


@pytest.mark.parametrize(
    ("accounts", "said"), [(100, None), (101, "1 more account"), (102, "2 more accounts")]
)
def test_of_many_accounts_a_hundred_are_shown(accounts, said):
    batch = b"".join(
        Stream(count=1, over={"account": f"a-{n}"}).receipts()[0].data for n in range(accounts)
    )
    report = report_of(batch)
    lines = render(report).splitlines()
    assert sum(line.startswith("  account ") for line in lines) == 100
    assert [line for line in lines if "--json" in line] == (
        [f"  {said}: --json lists all"] if said else []
    )
    assert len(as_object(report)["accounts"]) == accounts

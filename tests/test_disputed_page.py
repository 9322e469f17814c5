"""The page of a report whose disputed findings are checked in it: in a pack, and of a report that is sent alone."""

import json
import re
from base64 import b64decode
from pathlib import Path

import pytest

from cli import embedding
from tests.build import Batch, Stream
from tests.test_dispute import (
    dispute,
    files,  # noqa: F401  # a fixture
    members,
    number_of,
    of_receipt,
    seen,
    told_twice,
    written,
)
from tests.test_embedded import data_of, edited, rechecked, refused
from tests.test_report_page import Page
from tests.test_web_page import browser, opened  # noqa: F401  # fixtures
from tests.wallets import USAGE
from verifier import RULES, Policy, Standing, bytes_source, read_jwks, standing, verify

REPORT = "verify batch.cbor --keys issuer.jwks.json --period 2026-11 --requests wallet.db --no-remember --report r.json"
OTHER = seen(usage=json.dumps(USAGE | {"output_tokens": 1}))
ALONE = "report html r.json --embed pack.zip --out r.html"


def disputed(shell, make, code):
    """The page in the pack, as a file r.html; the number of the finding."""
    make()
    number = number_of(shell, code)
    dispute(shell, number)
    Path("r.html").write_bytes(members()["report.html"])
    return number


def test_the_page_in_a_pack_holds_the_evidence(shell, files):  # noqa: F811
    """All of it is the pack without the two reports, which comes to the same claims."""
    disputed(shell, OTHER, "count-differs")
    data = data_of(Page(Path("r.html").read_bytes()))
    work = json.loads(data["embedded-recheck"])
    (inner,) = work["files"]["batch"]
    Path("inner.zip").write_bytes(b64decode(inner["base64"]))
    (whole, evidence) = members(), members("inner.zip")
    assert set(whole) - set(evidence) == {"report.html", "report.json"}
    reports = [verify([bytes_source("p", Path(name).read_bytes())], Policy({})) for name in ("pack.zip", "inner.zip")]  # fmt: skip
    assert reports[0].claims == reports[1].claims
    assert [report.verdict for report in reports] == ["incomplete", "incomplete"]
    assert "embedded-report" not in data


def test_the_pack_with_its_page_is_verified(shell, files):  # noqa: F811
    disputed(shell, OTHER, "count-differs")
    keys = {key.kid: key for key in read_jwks(Path("issuer.jwks.json").read_bytes())}
    report = verify([bytes_source("p", Path("pack.zip").read_bytes())], Policy(keys))
    assert report.verdict == "verified"


def test_evidence_that_is_too_much_for_a_page(shell, files, monkeypatch):  # noqa: F811
    monkeypatch.setattr(embedding, "MOST", 100)
    disputed(shell, OTHER, "count-differs")
    assert "embedded-recheck" not in Path("r.html").read_text()


def test_a_pack_of_more_findings_than_the_report_has_is_refused(shell, files):  # noqa: F811
    """What a report does not list is not said to be in it."""
    written(Batch(Stream(over={"input": {1: 3000, 2: 2000, 3: 900}})))
    dispute(shell, "5")
    Path("wallet.db").unlink()
    of_receipt("", _10={1: 3000, 2: 2000, 3: 900})()
    shell(REPORT)
    assert len(json.loads(Path("r.json").read_bytes())["findings"]) == 2
    assert refused(shell, ALONE)[0] == "receipt: error: claim 5 of pack.zip is not finding 5 of the report"  # fmt: skip


def test_a_pack_of_other_findings_is_refused(shell, files):  # noqa: F811
    number = disputed(shell, OTHER, "count-differs")
    Path("r.html").unlink()
    Path("wallet.db").unlink()
    seen(usage=json.dumps(USAGE | {"output_tokens": 2}))()
    assert shell(REPORT).code == 1
    assert refused(shell, ALONE) == [
        f"receipt: error: claim {number} of pack.zip is not finding {number} of the report",
        "receipt: hint: name the pack that was made of this batch with the same options",
    ]
    assert refused(shell, f"{ALONE} --embed batch.cbor") == [
        "receipt: error: a pack holds all that is checked",
        "receipt: hint: embed the pack, or the whole input",
    ]
    Path("pack.zip").write_bytes(Path("pack.zip").read_bytes()[:-1])
    assert refused(shell, ALONE) == [
        "receipt: error: pack.zip is rejected",
        "receipt: hint: receipt verify pack.zip says why",
    ]


# ---- in a browser


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (of_receipt("attributed-mismatch", _10={1: 3000, 2: 2000, 3: 900}), "attributed-mismatch"),
        (OTHER, "count-differs"),
        (told_twice, "receipt-equivocation"),
    ],
)
def test_the_verdict_follows_in_the_page_of_a_pack(opened, shell, files, make, code):  # noqa: F811
    number = disputed(shell, make, code)
    state, words = rechecked(opened)
    assert state == "same", words
    words = words.replace("\n", " ")
    kid = verify_kid()
    assert words.startswith(
        f"Checked again in this page: finding {number} follows from the receipts in it, and “rejected” from that."
        f" The key {kid} of https://api.example.com came with the page: compare it with the issuer's."
    )
    assert words.endswith("receipt verify pack.zip")


def verify_kid():
    (key,) = json.loads(Path("issuer.jwks.json").read_text())["keys"]
    return key["kid"]


@pytest.mark.slow
@pytest.mark.parametrize("signed", [False, True])
def test_the_page_names_who_made_the_pack(opened, shell, files, signed):  # noqa: F811
    OTHER()
    shell("keygen --issuer https://auditor.example --out auditor")
    dispute(shell, number_of(shell, "count-differs"), "--sign auditor" if signed else "")
    Path("r.html").write_bytes(members()["report.html"])
    _, words = rechecked(opened)
    (key,) = json.loads(Path("auditor/issuer.jwks.json").read_text())["keys"]
    name = f"The evidence was put together and signed by https://auditor.example, key {key['kid']}."
    assert (name if signed else "Who put the evidence together is not shown.") in words


@pytest.mark.slow
def test_the_page_of_a_report_that_is_sent_alone(opened, shell, files):  # noqa: F811
    number = disputed(shell, OTHER, "count-differs")
    Path("r.html").unlink()
    shell(REPORT)
    assert shell(ALONE).code == 0
    state, words = rechecked(opened)
    assert (state, f"finding {number} follows" in words) == ("same", True), words
    edited('<td data-name="Expected">1</td>', '<td data-name="Expected">2</td>')
    state, words = rechecked(opened)
    assert (state, words.split(". The page shows: ")[0]) == (
        "differs",
        f"NOT the same: finding {number} is count-differs, R-14.7, 1, 500, account acme, stream gpu-7, sequence 1, request gpu-7-1",
    )
    honest = Path("r.html").read_text().replace('"Expected">2</td>', '"Expected">1</td>')
    (row,) = re.findall(rf'<tr><td data-name="No."><a id="finding-{number}">.*?</tr>', honest)
    cells = re.findall(r"(<td[^>]*>.*?</td>)", row)
    changed = {"No.": False, "Clause": False, "Where": False, "Expected": False, "Actual": False}
    for cell in cells:
        name = re.search('data-name="([^"]*)"', cell)[1]
        other = re.sub(r">[^<>]+<", ">7<", cell, count=1)
        Path("r.html").write_text(honest.replace(row, row.replace(cell, other)))
        if name in changed:
            changed[name] = rechecked(opened)[0] == "differs"
    assert all(changed.values()), changed
    Path("r.html").write_text(honest.replace(row, ""))
    state, words = rechecked(opened)
    assert (state, "The page has no such finding." in words) == ("differs", True), words


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a\u202eb", "a\u00a0b", "\r\t", "x\U000e0001f", "<b>&amp;</b>\n\u2014", "e\u0301\U0001f600"])  # fmt: skip
def test_what_cannot_be_seen_is_the_same_on_both_sides(opened, shell, files, name):  # noqa: F811
    """The page writes such letters out, so that no name looks like another."""
    disputed(shell, seen(model=name), "model-differs")
    state, words = rechecked(opened)
    assert state == "same", words


@pytest.mark.slow
def test_a_finding_that_the_page_does_not_list(opened, shell, files):  # noqa: F811
    written(Batch(Stream(count=150, over={"input": {1: 3000, 2: 2000, 3: 900}})))
    dispute(shell, "1,3,4,5,8,9,150")
    Path("r.html").write_bytes(members()["report.html"])
    state, words = rechecked(opened)
    assert (state, "findings 1, 3 to 5, 8, 9, 150 follow" in words) == ("same", True), words


@pytest.mark.slow
def test_an_edited_verdict(opened, shell, files):  # noqa: F811
    number = disputed(shell, OTHER, "count-differs")
    edited("</span>Rejected</h1>", "</span>Verified</h1>")
    state, words = rechecked(opened)
    assert state == "differs"
    assert words.splitlines()[0] == (
        f"NOT the same: finding {number} follows from the receipts in this page, and it shows verified."
    )


def test_what_receipts_can_show_is_that_something_is_false():
    """The page says that its verdict follows from any of them."""
    assert {str(rule.severity) for code, rule in RULES.items() if standing(code) != Standing.ASSERTED} == {"rejected"}  # fmt: skip


@pytest.mark.slow
def test_a_verdict_that_the_evidence_does_not_carry(opened, shell, files):  # noqa: F811
    """What is missing is shown by nobody's receipt: the page says so."""
    written(Batch(), over={"gpu-7-0": {"request": "lost"}})
    number = number_of(shell, "request-without-receipt")
    dispute(shell, number)
    Path("r.html").write_bytes(members()["report.html"])
    state, words = rechecked(opened)
    assert state == "part"
    assert words.replace("\n", " ").startswith(
        "Checked again in this page: none of the disputed findings can be shown by receipts."
        f" Not shown, and resting on the word of who made the page: finding {number}."
    )


@pytest.mark.slow
def test_a_claim_that_does_not_follow(opened, shell, files):  # noqa: F811
    disputed(shell, OTHER, "count-differs")
    work = json.loads(data_of(Page(Path("r.html").read_bytes()))["embedded-recheck"])
    good = work["files"]["batch"][0]["base64"]
    edited(good, good[:-8] + "AAAAAAA=")
    state, words = rechecked(opened)
    assert (state, words.split(": ")[0]) == ("differs", "NOT shown by the receipts in this page")

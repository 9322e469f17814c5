"""A report's page that checks itself: what goes into it, what is refused, and what it says in a real browser, from disk and offline."""

import json
import re
import shutil
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from cli import embedding
from cli.page.document import render_html
from tests.build import ISSUER, KEY, Batch, Stream, jwk_set
from tests.reporting import VERIFY, write
from tests.test_dispute import files, told_twice  # noqa: F401  # a fixture, too
from tests.test_report_page import Page, hashed
from tests.test_vectors import DOCUMENTS, input_of
from tests.test_web_page import browser, opened  # noqa: F401  # fixtures
from tests.wallets import TestWallet
from verifier import canonical

EXAMPLES = Path(__file__).parents[1] / "spec/examples"
EMBED = "report html r.json --embed b.cbor --embed keys.json --out r.html"


def written(data):
    Path("b.cbor").write_bytes(data)
    Path("keys.json").write_text(json.dumps(jwk_set(KEY)))


def reported(shell, options="--period 2026-11", verify="verify b.cbor --keys keys.json"):
    result = shell(f"{verify} {options} --no-remember --report r.json")
    assert result.code in (0, 1, 3), result.err
    return json.loads(Path("r.json").read_bytes())


def data_of(page):
    """The elements with data, by name."""
    names = [a["id"] for name, a in page.elements if name == "script" and "id" in a]
    return {name: json.loads(text) for name, text in zip(names, page.scripts, strict=False)}


def refused(shell, line):
    result = shell(line)
    assert (result.code, result.out, Path("r.html").exists()) == (2, "", False)
    return result.err.splitlines()


def test_the_page_holds_the_inputs_and_the_verifier(shell, folder):
    written(Batch().data)
    reported(shell, "--period 2026-11 --account acme")
    assert shell(f"{EMBED} --json").code == 0
    page = Page(Path("r.html").read_bytes())
    data = data_of(page)
    work = json.loads(data["embedded-recheck"])
    embedded = {role: [(one["name"], b64decode(one["base64"])) for one in named] for role, named in work["files"].items()}  # fmt: skip
    assert embedded == {"batch": [("b.cbor", Path("b.cbor").read_bytes())], "keys": [("keys.json", Path("keys.json").read_bytes())]}  # fmt: skip
    assert work["not_checked"] == {}
    assert work["options"] == {
        "period": ["1793491200000", "1796083200000"], "account": "acme", "requireCacheId": False, "observers": [], "signatures": "every",
        "dated": None, "margin": None,
    }  # fmt: skip
    assert data["embedded-report"] == Path("r.json").read_text()
    assert "async function verify(" in data["embedded-verifier"]
    assert "\nexport " not in data["embedded-verifier"]


def test_the_policy_names_what_runs_and_no_network(shell, folder):
    written(Batch().data)
    reported(shell)
    shell(EMBED)
    text = Path("r.html").read_text()
    page = Page(text.encode())
    run = [script for script in page.scripts if script.startswith('"use strict";')]
    assert re.search("script-src ([^;]*)", page.policy)[1] == " ".join(map(hashed, run))
    assert page.policy.startswith("default-src 'none'; ")
    assert page.policy.endswith("; worker-src blob:")
    assert "connect-src" not in page.policy
    for element in re.findall('(?s)<script type="application/json"[^>]*>(.*?)</script>', text):
        assert "<" not in element


def test_without_embed_the_page_is_as_before(shell, folder):
    written(Batch().data)
    document = reported(shell)
    shell("report html r.json --out r.html")
    assert Path("r.html").read_bytes() == render_html(document)
    assert b"worker-src" not in Path("r.html").read_bytes()


def test_a_pinned_key_file_need_not_be_named(shell, folder):
    written(Batch().data)
    shell("trust add keys.json --yes")
    reported(shell, verify="verify b.cbor")
    assert shell("report html r.json --embed b.cbor --out r.html").code == 0
    work = json.loads(data_of(Page(Path("r.html").read_bytes()))["embedded-recheck"])
    assert len(work["files"]["keys"]) == 1


def test_a_file_that_is_no_input_is_refused(shell, folder):
    written(Batch().data)
    reported(shell)
    Path("other.cbor").write_bytes(b"\x00")
    assert refused(shell, f"{EMBED} --embed other.cbor") == [
        f"receipt: error: other.cbor is none of its inputs: its SHA-256 is {sha256(bytes(1)).hexdigest()}",
        "receipt: hint: a report is about the files that it names; see receipt report show",
    ]


def test_an_input_that_is_not_at_hand_is_refused(shell, folder):
    written(Batch().data)
    reported(shell)
    digest = sha256(Path("keys.json").read_bytes()).hexdigest()
    assert refused(shell, "report html r.json --embed b.cbor --out r.html") == [
        f"receipt: error: keys.json is not at hand: its SHA-256 is {digest}",
        "receipt: hint: the page needs every file of receipts, keys and statements; add --embed FILE",
    ]


def test_of_a_record_all_or_nothing(shell, folder):
    write(3)
    Path("more.jsonl").write_text("")
    reported(shell, "--requests more.jsonl", VERIFY)
    digest = sha256(b"").hexdigest()
    assert refused(shell, f"{EMBED} --embed log.jsonl") == [
        f"receipt: error: more.jsonl is not at hand: its SHA-256 is {digest}",
        "receipt: hint: of the record and of the rate cards the page needs all files, or none; add --embed FILE",
    ]
    assert shell(f"{EMBED} --embed log.jsonl --embed more.jsonl").code == 0


def test_receipts_that_are_a_record_too_do_not_ask_for_the_rest_of_it(shell, folder):
    write(3)
    reported(shell, "--received b.cbor", VERIFY)
    assert shell(EMBED).code == 0
    work = json.loads(data_of(Page(Path("r.html").read_bytes()))["embedded-recheck"])
    assert work["files"].keys() == {"batch", "keys"}
    reported(shell, "--received b.cbor", VERIFY.replace(" --requests log.jsonl", ""))
    assert shell(f"{EMBED} --embed card.cbor").code == 0
    data = data_of(Page(Path("r.html").read_bytes()))
    assert json.loads(data["embedded-recheck"])["files"].keys() == {"batch", "keys", "card", "received"}  # fmt: skip
    assert "embedded-report" in data


def test_a_wallet_stays_out(shell, folder):
    write(3)
    Path("log.jsonl").unlink()
    TestWallet().close()
    reported(shell, "--requests wallet.db", "verify b.cbor --keys keys.json --card card.cbor")
    assert refused(shell, f"{EMBED} --embed wallet.db") == [
        "receipt: error: wallet.db is a wallet, which the page does not read",
        "receipt: hint: leave the record out; receipt report check does its checks",
    ]
    assert shell(EMBED).code == 0


def test_the_list_of_findings_stays_out(shell, folder):
    written(Batch(one=Stream(count=150, over={"input": {1: 3000, 2: 2000, 3: 900}})).data)
    reported(shell)
    assert refused(shell, f"{EMBED} --embed r.findings.csv") == [
        "receipt: error: r.findings.csv: the page does not read such a file",
        "receipt: hint: send the list of findings beside the page",
    ]


def test_too_much_is_refused(shell, folder, monkeypatch):
    written(Batch().data)
    reported(shell)
    size = sum(Path(name).stat().st_size for name in ("b.cbor", "keys.json"))
    monkeypatch.setattr(embedding, "MOST", size - 1)
    assert refused(shell, EMBED) == [
        f"receipt: error: the files have {size:,} bytes, and a page holds {size - 1:,}",
        "receipt: hint: send the files beside the page: receipt report check reads them",
    ]
    monkeypatch.setattr(embedding, "MOST", size)
    assert shell(EMBED).code == 0


def test_what_the_page_does_not_check_is_named(shell, folder):
    write(3, r1=None, r2={"output": 400})
    document = reported(shell, "", VERIFY)
    assert shell(EMBED).code == 0
    work = json.loads(data_of(Page(Path("r.html").read_bytes()))["embedded-recheck"])
    assert work["not_checked"] == {
        "count-differs": "rejected",
        "receipt-without-request": "rejected",
    }
    assert {one["code"] for one in document["codes"]} >= set(work["not_checked"])


@pytest.mark.parametrize("whole", [True, False])
def test_what_only_the_record_shows_of_a_code_is_not_checked(shell, files, whole):  # noqa: F811
    """That a story was told twice is seen in the batch, or with what was received. A finding that is not listed may be of either."""
    told_twice()
    document = reported(shell, "--requests wallet.db", "verify batch.cbor --keys issuer.jwks.json")
    rules = [one["rule"] for one in document["findings"] if one["code"] == "receipt-equivocation"]
    assert rules == ["R-14.13"]
    if not whole:
        document["findings"] = []
        Path("r.json").write_bytes(canonical(document))
    line = "report html r.json --embed batch.cbor --embed issuer.jwks.json --out r.html"
    assert shell(line).code == 0
    work = json.loads(data_of(Page(Path("r.html").read_bytes()))["embedded-recheck"])
    assert ("receipt-equivocation" in work["not_checked"]) is whole
    assert work["not_checked"].keys() >= {"received-differs", "received-missing"}


# ---- in a browser


def rechecked(tab, path="r.html"):
    """The state that the page comes to, and its words."""
    tab.goto(Path(path).absolute().as_uri())
    tab.wait_for_selector("#recheck[class]", timeout=60_000)
    return tab.get_attribute("#recheck", "class"), tab.inner_text("#recheck")


def edited(old, new):
    text = Path("r.html").read_text()
    assert old in text
    Path("r.html").write_text(text.replace(old, new))


FAULTY = Batch(one=Stream(change=lambda n, claims: claims | {10: {1: 3000, 2: 2000, 3: 900}} if n == 1 else claims))  # fmt: skip


@pytest.mark.slow
def test_the_same_verdict(opened, shell, folder):  # noqa: F811
    written(Batch().data)
    for options in ("--period 2026-11", "--period 2026-12", ""):
        reported(shell, options)
        shell(EMBED)
        state, words = rechecked(opened)
        assert state == "same", words
        assert words.startswith("Checked again in this page: the same report.")
    written(FAULTY.data)
    assert reported(shell)["verdict"] == "rejected"
    shell(EMBED)
    state, words = rechecked(opened)
    assert state == "same", words


@pytest.mark.slow
@pytest.mark.parametrize("name", ["proof", "equivocation"])
def test_a_proof_in_the_page(opened, shell, folder, name):  # noqa: F811
    shutil.copy(EXAMPLES / f"{name}.cbor", "b.cbor")
    shutil.copy(EXAMPLES / "issuer.jwks.json", "keys.json")
    assert reported(shell, "")["subject"] == name
    shell(EMBED)
    assert rechecked(opened)[0] == "same"


@pytest.mark.slow
def test_every_option_is_the_same_in_the_page(opened, shell, folder):  # noqa: F811
    written(Batch(one=Stream(over={"cache": None})).data)
    Path("b.cbor").rename("old.cbor")
    written(Batch(one=Stream(), two=Stream(count=1)).data)
    options = (
        "--previous old.cbor", "--account other", "--require-cache-id", f"--observer {ISSUER}", "--signatures statement",
    )  # fmt: skip
    for option in options:
        document = reported(shell, option)
        more = "--embed old.cbor" if "previous" in option else ""
        assert shell(f"{EMBED} {more}").code == 0
        state, words = rechecked(opened)
        assert state == "same", (option, words, document["finding_counts"])


@pytest.mark.slow
def test_an_edited_page_is_not_the_same(opened, shell, folder):  # noqa: F811
    written(FAULTY.data)
    reported(shell)
    shell(EMBED)
    edited("</span>Rejected</h1>", "</span>Verified</h1>")
    state, words = rechecked(opened)
    assert state == "differs"
    assert words.startswith(
        "NOT the same: the page shows verified, attributed-mismatch; checked again it is rejected, attributed-mismatch."
    )
    shell(EMBED)
    edited("attributed-mismatch</a>", "batch-empty</a>")
    assert rechecked(opened)[0] == "differs"


@pytest.mark.slow
def test_other_receipts_in_the_page_are_not_the_same(opened, shell, folder):  # noqa: F811
    """A page whose receipts somebody exchanged for good ones."""
    written(FAULTY.data)
    reported(shell)
    shell(EMBED)
    bad = b64encode(Path("b.cbor").read_bytes()).decode()
    good = b64encode(Batch().data).decode()
    edited(bad, good)
    state, words = rechecked(opened)
    assert state == "differs"
    assert words.startswith("NOT the same: b.cbor is another file than the report names (SHA-256 ")


@pytest.mark.slow
def test_a_verdict_of_checks_that_it_does_not_make(opened, shell, folder):  # noqa: F811
    write(3, r1=None)
    reported(shell, "", VERIFY)
    shell(EMBED)
    state, words = rechecked(opened)
    assert state == "part", words
    assert words.startswith("Checked again in this page: verified without the findings that it does not check. “rejected” comes from these.")  # fmt: skip
    assert "Not checked in this page: receipt-without-request." in words
    edited("</span>Rejected</h1>", "</span>Verified</h1>")
    edited(">receipt-without-request</a>", ">none</a>")
    state, words = rechecked(opened)
    assert state == "differs"
    assert words.startswith("NOT the same: the page shows verified, none; checked again it is rejected, receipt-without-request.")  # fmt: skip


@pytest.mark.slow
def test_a_verdict_of_a_story_that_only_the_record_shows(opened, shell, files):  # noqa: F811
    told_twice()
    reported(shell, "--requests wallet.db", "verify batch.cbor --keys issuer.jwks.json")
    shell("report html r.json --embed batch.cbor --embed issuer.jwks.json --out r.html")
    state, words = rechecked(opened)
    assert (state, words.splitlines()[0]) == (
        "part",
        "Checked again in this page: verified without the findings that it does not check. “rejected” comes from these.",
    )


@pytest.mark.slow
def test_every_input_is_checked_again(opened, shell, folder):  # noqa: F811
    """Record, rate card and what was remembered: then the whole report is compared, and a figure that was changed is found."""
    write(3, r1={"output": 400}, r2=None)
    shell("trust add keys.json --yes")
    shell("verify b.cbor")
    line = "verify b.cbor --card card.cbor --requests log.jsonl --margin 60 --dated 2026-12-01 --report r.json"
    assert shell(line).code == 1
    document = json.loads(Path("r.json").read_bytes())
    assert {one["role"] for one in document["inputs"]} == {"batch", "keys", "memory", "card", "requests"}  # fmt: skip
    line = "report html r.json --embed b.cbor --embed card.cbor --embed log.jsonl --out r.html"
    assert shell(line).code == 0
    state, words = rechecked(opened)
    assert (state, document["verdict"]) == ("same", "rejected"), words
    assert words.startswith("Checked again in this page: the same report.")
    for old, new, member in (
        ('\\"margin\\":60000', '\\"margin\\":300000', "report.options.margin is 60000 when checked again, and not 300000"),
        ('\\"output\\":1500', '\\"output\\":1400', "report.accounts.0.totals.output is 1500 when checked again, and not 1400"),
    ):  # fmt: skip
        honest = Path("r.html").read_text()
        edited(old, new)
        state, words = rechecked(opened)
        assert (state, words.splitlines()[0]) == ("differs", f"NOT the same: {member}.")
        Path("r.html").write_text(honest)


@pytest.mark.slow
def test_keys_that_the_browser_cannot_read(opened, shell, folder):  # noqa: F811
    written(Batch().data)
    reported(shell)
    shell(EMBED)
    edited(b64encode(Path("keys.json").read_bytes()).decode(), "e30=")
    state, words = rechecked(opened)
    assert state == "unable"
    assert words.startswith("Not checked in this page: ")


@pytest.mark.slow
@pytest.mark.parametrize("keys", [True, False])
def test_a_pack_in_the_page(opened, shell, folder, keys):  # noqa: F811
    """With the issuer's keys it is verified, and without them incomplete; an exchanged pack is found out."""
    (vector,) = [v for v in DOCUMENTS["packs.json"]["vectors"] if v["id"] == "pack-maker"]
    Path("pack.zip").write_bytes(input_of(vector))
    Path("keys.json").write_text(json.dumps(jwk_set(KEY)))
    given, more = ("--keys keys.json", "--embed keys.json") if keys else ("", "")
    document = reported(shell, "", f"verify pack.zip {given} --trust-store none")
    assert document["verdict"] == ("verified" if keys else "incomplete")
    assert shell(f"report html r.json --embed pack.zip {more} --out r.html").code == 0
    state, words = rechecked(opened)
    assert state == "same", words
    assert "rate card" not in words
    honest = Path("r.html").read_text()
    (row,) = re.findall(r'<section[^>]*id="claims".*?<tbody>(<tr>.*?</tr>)', honest, re.DOTALL)
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)
    for cell in cells:
        Path("r.html").write_text(honest.replace(row, row.replace(f">{cell}<", ">no<")))
        state, words = rechecked(opened)
        assert (state, cell) == ("differs", cell), words
        assert words.startswith("NOT the same: checked again, there is claim 3, "), words
    for rows, end in (("", "The page shows none."), (row + row, "The page shows 3, ")):
        Path("r.html").write_text(honest.replace(row, rows))
        state, words = rechecked(opened)
        assert (state, end in words) == ("differs", True), words
    Path("r.html").write_text(honest)
    data = Path("pack.zip").read_bytes()
    edited(b64encode(data).decode(), b64encode(data[:-1]).decode())
    assert rechecked(opened)[0] == "differs"


def test_the_first_screen_of_a_pack_is_about_its_claims(shell, folder):
    (vector,) = [v for v in DOCUMENTS["packs.json"]["vectors"] if v["id"] == "pack-maker"]
    Path("pack.zip").write_bytes(input_of(vector))
    Path("keys.json").write_text(json.dumps(jwk_set(KEY)))
    for keys, meaning, findings in (
        ("--keys keys.json", "Each claim of the pack was reached again", "0 findings"),
        ("", "or the keys are the pack&#x27;s own.", "1 finding"),
    ):
        document = reported(shell, "", f"verify pack.zip {keys} --trust-store none")
        assert len(document["claims"]) == 1
        assert shell("report html r.json --out r.html").code == 0
        head = Path("r.html").read_text().split("<header>")[1].split("</header>")[0]
        assert meaning in head
        assert f"<strong>{findings}</strong> <span>about the pack itself</span>" in head
        assert "<strong>1 claim</strong> <span>in this pack</span>" in head
        assert "not closed by a statement" not in head
        assert "nothing to dispute" not in head

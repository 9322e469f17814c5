"""The page of the second verifier: put together as it must be, and in a real browser, opened from disk without a network."""

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from receipts import sign_report
from tests.build import ISSUER, KEY, Batch, Stream, jwk_set
from tests.reporting import COUNTS, charge, write
from tests.test_vectors import DOCUMENTS, input_of
from tests.web.page import PAGE, page
from verifier import canonical

CHROMIUM = shutil.which("chromium")
REQUIRED = "RECEIPT_TESTS_REQUIRE_CHROMIUM"
SHOTS = os.environ.get("RECEIPT_TESTS_SCREENSHOTS")
"""A folder for pictures to look at."""
MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def test_the_page_is_what_its_parts_make():
    assert PAGE.read_text() == page(), "python -m tests.web.page"


def test_the_page_may_connect_to_nothing():
    policy = "default-src 'none'; script-src 'sha256-"
    assert policy in page()
    assert "connect-src 'none'" in page()
    assert "http://" not in page().replace("http://www.w3.org/2000/svg", "")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"there is no chromium on this machine ({REQUIRED} is set)")
        pytest.skip("there is no chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright  # with its driver, which few tests need

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """A new page, offline, whose requests and errors are noted."""
    context = browser.new_context(offline=True)
    tab = context.new_page()
    tab.noted = []
    tab.on("pageerror", lambda error: tab.noted.append(str(error)))
    tab.on("console", lambda message: tab.noted.append(message.text))
    yield tab
    assert tab.noted == []
    context.close()


def checked(tab, data, keys=None, name="batch.cbor", goto=True):
    """The verdict that the page shows for bytes."""
    if goto:
        tab.goto(PAGE.as_uri())
    jwks = json.dumps(keys or jwk_set(KEY)).encode()
    tab.set_input_files("#batch", data if isinstance(data, Path) else {"name": name, "mimeType": "", "buffer": data})  # fmt: skip
    tab.set_input_files("#keys", {"name": "issuer.jwks.json", "mimeType": "", "buffer": jwks})
    tab.click("#check")
    tab.wait_for_selector("#verdict, #error:not([hidden])", timeout=600_000)
    return tab.get_attribute("#verdict", "data-verdict") if tab.is_visible("#verdict") else None


def codes(tab):
    return [element.inner_text() for element in tab.query_selector_all(".group code")]


@pytest.mark.slow
def test_verified_rejected_incomplete(opened):
    batch = Batch()
    assert checked(opened, batch.data) == "verified"
    assert codes(opened) == []
    assert checked(opened, batch.data[:-1]) == "rejected"
    assert "item-truncated" in codes(opened)
    assert checked(opened, b"".join(batch.receipts)) == "incomplete"
    assert codes(opened) == ["statement-missing"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["proof-0", "equivocation-receipts"])
def test_a_proof_and_an_equivocation(opened, name):
    (vector,) = [v for v in DOCUMENTS["containers.json"]["vectors"] if v["id"] == name]
    assert checked(opened, bytes.fromhex(vector["input"])) == vector["verdict"] == "verified"
    assert "Signed objects" in opened.inner_text("#result")


@pytest.mark.slow
def test_markup_in_a_receipt_is_text(opened):
    batch = Batch(one=Stream(over={"request": MARKUP, "model": MARKUP}), two=Stream(MARKUP, 1))
    assert checked(opened, batch.data, name="<b>bold</b>.cbor") == "rejected"
    assert "request-duplicate" in codes(opened)
    assert MARKUP in opened.inner_text("#result")
    assert opened.title() == "Rejected: token receipts"
    assert opened.query_selector("#result img, #result script, #result b") is None


@pytest.mark.slow
def test_keys_that_are_refused_give_no_verdict(opened):
    assert checked(opened, Batch().data, {"iss": "x", "keys": []}) is None
    assert "the key set is refused" in opened.inner_text("#error")


@pytest.mark.slow
def test_a_hundred_thousand_receipts_do_not_freeze_the_page(opened, folder):
    path = folder / "batch.cbor"
    path.write_bytes(Batch(one=Stream(count=100_000)).data)
    opened.add_init_script(
        "window.longest = 0; let last = performance.now();"
        "setInterval(() => { longest = Math.max(longest, performance.now() - last); last = performance.now(); }, 20);"
    )
    assert checked(opened, path) == "verified"
    assert "100\u202f002" in opened.inner_text(".figures")
    assert opened.evaluate("longest") < 1000


def test_two_files_of_one_name_are_two_files(opened):
    """A good batch that is dropped last does not take the place of a bad one."""
    bad = bytearray(Batch().data)
    bad[-1] ^= 1
    opened.goto(PAGE.as_uri())
    given = [{"name": "batch.cbor", "mimeType": "", "buffer": bytes(bad)}]
    opened.set_input_files("#batch", given)
    opened.set_input_files("#batch", given)  # the same file once more is one
    assert opened.inner_text("#hint-batch").count("batch.cbor") == 1
    assert checked(opened, Batch().data, goto=False) == "rejected"
    assert opened.inner_text("#hint-batch").count("batch.cbor") == 2


def test_a_verdict_goes_with_the_question_that_it_answers(opened):
    assert checked(opened, Batch().data) == "verified"
    opened.evaluate("for (const more of document.querySelectorAll('details')) more.open = true")
    opened.fill("#month", "2026-12")
    opened.wait_for_selector("#result", state="hidden")
    assert opened.title() != "Verified: token receipts"
    opened.click("#check")
    opened.wait_for_selector("#result:not([hidden])")
    assert opened.get_attribute("#verdict", "data-verdict") == "incomplete"
    opened.set_input_files("#record", [{"name": "log.csv", "mimeType": "", "buffer": b"request\n"}])
    opened.wait_for_selector("#result", state="hidden")


def saved(tab, button):
    """What a button saves: the name of the file, and its bytes."""
    with tab.expect_download() as download:
        tab.click(button)
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


@pytest.mark.slow
def test_the_report_is_saved_and_is_that_of_the_command(opened, shell, folder):
    over = {"request": "twice"}
    Path("batch.cbor").write_bytes(Batch(one=Stream(count=150, over=over)).data)
    Path("issuer.jwks.json").write_text(json.dumps(jwk_set(KEY)))
    assert checked(opened, Path("batch.cbor").absolute()) == "rejected"
    name, data = saved(opened, "#save")
    theirs = json.loads(data)
    assert (name, theirs["verifier"]["name"]) == ("report.json", "token-receipts-web")
    same_report(opened, "verify batch.cbor --keys issuer.jwks.json", 1, shell)
    name, csv = saved(opened, "#save-csv")
    assert name == "findings.csv"
    assert sha256(csv).hexdigest() == theirs["findings_csv"]["sha256"]


def same_report(tab, line, code, shell):
    """That the page saves the report that a command writes, but for the name of the program."""
    assert shell(f"{line} --no-remember --report r.json").code == code
    mine, theirs = json.loads(Path("r.json").read_bytes()), json.loads(saved(tab, "#save")[1])
    assert mine.pop("verifier")["name"] != theirs.pop("verifier")["name"]
    assert theirs == mine


@pytest.mark.slow
@pytest.mark.parametrize(("pack", "code"), [("pack-maker", 0), ("pack-value", 1), ("pack-standing", 1)])  # fmt: skip
def test_the_report_on_a_pack_is_saved(pack, code, opened, shell, folder):
    Path("pack.zip").write_bytes(pack_of(pack))
    Path("issuer.jwks.json").write_text(json.dumps(jwk_set(KEY)))
    checked(opened, Path("pack.zip").absolute())
    same_report(opened, "verify pack.zip --keys issuer.jwks.json", code, shell)


@pytest.mark.slow
def test_the_report_with_a_record_is_saved(opened, shell, folder):
    """A cache key without prompts is no part of it: nothing is done with it."""
    Path("batch.cbor").write_bytes(Batch().data)
    Path("issuer.jwks.json").write_text(json.dumps(jwk_set(KEY)))
    Path("log.csv").write_text("request,time\ngpu-7-0,1793534400000\nmore,1793534400000\n")
    opened.goto(PAGE.as_uri())
    key = {"token_receipt_cache_key": 1, "account": "acme", "period": None, "key": "A" * 43}
    Path("cache-key.json").write_text(json.dumps(key))
    opened.set_input_files("#record", ["log.csv", "cache-key.json"])
    assert checked(opened, Path("batch.cbor").absolute(), goto=False) == "rejected"
    same_report(opened, "verify batch.cbor --keys issuer.jwks.json --requests log.csv", 1, shell)


@pytest.mark.slow
def test_the_report_with_prompts_alone_is_saved(opened, shell, folder):
    """Without a log and without received receipts, those are not given, and not only none."""
    Path("batch.cbor").write_bytes(Batch().data)
    Path("issuer.jwks.json").write_text(json.dumps(jwk_set(KEY)))
    Path("sent.jsonl").write_text(json.dumps({"request": "gpu-7-0", "tokens": [1, 2]}) + "\n")
    opened.goto(PAGE.as_uri())
    opened.set_input_files("#record", "sent.jsonl")
    assert checked(opened, Path("batch.cbor").absolute(), goto=False) == "rejected"
    same_report(opened, "verify batch.cbor --keys issuer.jwks.json --prompts sent.jsonl", 1, shell)


@pytest.mark.slow
def test_a_record_is_recognised_by_its_content(opened):
    batch = Batch()
    log = "request,time\n" + "".join(f"{r},1793534400000\n" for r in ("gpu-7-0", "gpu-7-1", "gpu-7-2", "gpu-8-0", "more"))  # fmt: skip
    prompts = json.dumps({"request": "gpu-7-0", "tokens": [1, 2]}) + "\n"
    opened.goto(PAGE.as_uri())
    files = {"received.cbor": batch.ones[0].data, "log.csv": log.encode(), "sent.jsonl": prompts.encode()}  # fmt: skip
    opened.set_input_files("#record", [{"name": name, "mimeType": "", "buffer": data} for name, data in files.items()])  # fmt: skip
    assert checked(opened, batch.data, goto=False) == "rejected"

    text = opened.inner_text("#result")
    assert set(codes(opened)) == {"receipt-without-request", "request-without-receipt", "count-differs", "cached-beyond-prefix"}  # fmt: skip
    assert [name for name in files if name not in text] == []


@pytest.mark.slow
def test_it_says_what_lacks(opened):
    opened.goto(PAGE.as_uri())
    assert not opened.is_visible("#lacking")
    opened.set_input_files("#batch", {"name": "b.cbor", "mimeType": "", "buffer": Batch().data})
    opened.wait_for_selector("#lacking:not([hidden])")
    assert "Drop the issuer's key file too" in opened.inner_text("#lacking")
    assert opened.is_disabled("#check")
    keys = {"name": "k.json", "mimeType": "", "buffer": json.dumps(jwk_set(KEY)).encode()}
    opened.set_input_files("#keys", keys)
    opened.wait_for_selector("#lacking", state="hidden")
    opened.reload()
    opened.set_input_files("#keys", keys)
    opened.wait_for_selector("#lacking:not([hidden])")
    assert opened.inner_text("#lacking") == "Drop the receipts too."


@pytest.mark.slow
def test_a_pack_beside_a_batch_is_refused(opened):
    opened.goto(PAGE.as_uri())
    files = {"b.cbor": Batch().data, "pack.zip": pack_of("pack-maker")}
    opened.set_input_files("#batch", [{"name": name, "mimeType": "", "buffer": data} for name, data in files.items()])  # fmt: skip
    opened.click("#check")
    opened.wait_for_selector("#error:not([hidden])")
    assert opened.inner_text("#error") == "There is no verdict: pack.zip is a pack: it is verified by itself"  # fmt: skip


def dropped(tab, **files):
    """Files on the first place, and the issuer's keys; then it is checked."""
    tab.goto(PAGE.as_uri())
    given = [{"name": name.replace("_", "."), "mimeType": "", "buffer": data} for name, data in files.items()]  # fmt: skip
    tab.set_input_files("#batch", given)
    tab.set_input_files("#keys", {"name": "k.json", "mimeType": "", "buffer": json.dumps(jwk_set(KEY)).encode()})  # fmt: skip
    tab.click("#check")
    tab.wait_for_selector("#verdict, #error:not([hidden])")


@pytest.mark.slow
def test_an_honest_object_that_is_no_batch_is_not_called_false(opened):
    report = sign_report(canonical({"report": 1}), ISSUER, KEY, None).data
    dropped(opened, b_cbor=Batch().data, other_cbor=report)
    assert opened.inner_text("#error") == "There is no verdict: other.cbor is a signed report, and no batch: receipt report check reads it"  # fmt: skip
    card = bytes.fromhex(DOCUMENTS["cards.json"]["vectors"][0]["options"]["cards"][0])
    dropped(opened, other_cbor=card)
    assert opened.inner_text("#error") == "There is no verdict: other.cbor is a rate card, and no batch: drop the receipts too"  # fmt: skip


@pytest.mark.slow
def test_a_rate_card_beside_the_batch(opened, shell, folder):
    """The same findings, prices and report as by the command; without the card the charges are not checked."""
    write(3, charged={0: charge(COUNTS), 1: charge(COUNTS, output_rate=16_000_000)})
    files = {name.replace(".", "_"): Path(name).read_bytes() for name in ("b.cbor", "card.cbor")}
    dropped(opened, **files)
    assert (opened.get_attribute("#verdict", "data-verdict"), codes(opened)) == ("rejected", ["charge-differs"])  # fmt: skip
    words = opened.inner_text("#result")
    assert "0.0111 USD" in words
    with opened.expect_download() as download:
        opened.click("#save")
    Path("k.json").write_text(json.dumps(jwk_set(KEY)))
    shell("verify b.cbor --keys k.json --card card.cbor --no-remember --report r.json")
    saved, mine = (json.loads(Path(path).read_bytes()) for path in (download.value.path(), "r.json"))  # fmt: skip
    assert saved | {"verifier": None} == mine | {"verifier": None}
    dropped(opened, b_cbor=files["b_cbor"])
    words = "Nothing is false, and the receipts are complete for the period that the statements name: no month was named."
    assert words in opened.inner_text("#verdict")
    assert opened.get_attribute("#verdict", "data-verdict") == "verified"
    assert "the rate cards that the charges name were not given" in opened.inner_text("#result")


@pytest.mark.slow
@pytest.mark.parametrize("log", [True, False])
def test_a_rate_card_on_the_record(opened, shell, folder, log):
    """It is known by its content there, too, and is no received receipt that is invalid."""
    write(2, charged={0: charge(COUNTS, output_rate=16_000_000)})
    opened.goto(PAGE.as_uri())
    opened.set_input_files("#record", ["card.cbor", *(["log.jsonl"] if log else [])])
    assert checked(opened, Path("b.cbor").absolute(), goto=False) == "rejected"
    assert codes(opened) == ["charge-differs"]
    Path("issuer.jwks.json").write_text(json.dumps(jwk_set(KEY)))
    more = "--requests log.jsonl" if log else ""
    same_report(opened, f"verify b.cbor --keys issuer.jwks.json --card card.cbor {more}", 1, shell)


@pytest.mark.slow
def test_a_signed_report_on_the_record(opened):
    opened.goto(PAGE.as_uri())
    report = sign_report(canonical({"report": 1}), ISSUER, KEY, None).data
    opened.set_input_files("#record", {"name": "r.cbor", "mimeType": "", "buffer": report})
    assert checked(opened, Batch().data, goto=False) is None
    assert opened.inner_text("#error") == "There is no verdict: r.cbor is a signed report, and no batch: receipt report check reads it"  # fmt: skip


@pytest.mark.slow
def test_nothing_is_off_a_narrow_screen(opened):
    opened.set_viewport_size({"width": 390, "height": 800})
    assert checked(opened, Batch(one=Stream(over={"request": "twice"})).data) == "rejected"
    width = "element => element.getBoundingClientRect().right"
    assert max(cell.evaluate(width) for cell in opened.query_selector_all("td")) <= 390
    assert opened.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.slow
def test_a_wallet_is_refused(opened):
    opened.goto(PAGE.as_uri())
    wallet = {"name": "wallet.db", "mimeType": "", "buffer": b"SQLite format 3\0"}
    opened.set_input_files("#record", wallet)
    opened.wait_for_selector("#error:not([hidden])")
    assert "wallet.db is a wallet" in opened.inner_text("#error")


def pack_of(name):
    (vector,) = [v for v in DOCUMENTS["packs.json"]["vectors"] if v["id"] == name]
    return input_of(vector)


@pytest.mark.slow
def test_a_pack_with_the_issuers_keys(opened):
    assert checked(opened, pack_of("pack-maker"), name="pack.zip") == "verified"
    assert codes(opened) == []
    words = opened.inner_text("#result")
    assert "reached again, from the issuer's own signatures" in words
    assert "expected at most 3000, found 4000" in words
    assert opened.inner_text(".claim .tag") == "reached"
    if SHOTS:
        opened.screenshot(path=f"{SHOTS}/verified.png", full_page=True)


@pytest.mark.slow
def test_a_pack_alone_is_incomplete(opened):
    opened.goto(PAGE.as_uri())
    opened.set_input_files("#batch", {"name": "pack.zip", "mimeType": "", "buffer": pack_of("pack-maker")})  # fmt: skip
    opened.click("#check")
    opened.wait_for_selector("#verdict")
    assert opened.get_attribute("#verdict", "data-verdict") == "incomplete"
    assert codes(opened) == ["pack-keys"]
    assert "under the pack's own keys: compare them with the issuer's" in opened.inner_text("#verdict")  # fmt: skip
    assert "came with the pack" in opened.inner_text("#result")
    if SHOTS:
        opened.screenshot(path=f"{SHOTS}/incomplete.png", full_page=True)


@pytest.mark.slow
def test_a_pack_whose_claim_is_not_reached(opened):
    assert checked(opened, pack_of("pack-value"), name="pack.zip") == "rejected"
    assert codes(opened) == ["claim-unproven"]
    assert "NOT reached: the evidence does not come to this finding" in opened.inner_text("#result")
    assert checked(opened, pack_of("pack-cut"), name="pack.zip") == "rejected"
    assert codes(opened) == ["pack-malformed"]
    assert checked(opened, pack_of("input-zip"), name="other.zip") is None
    if SHOTS:
        checked(opened, pack_of("pack-value"), name="pack.zip")
        opened.screenshot(path=f"{SHOTS}/rejected.png", full_page=True)

"""Reports from anybody: signed, checked, edited, swapped, and made to harm who reads them (spec/report.md)."""

import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import cbor2
import duckdb
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import cli.verifying
import verifier
from cli.report_shape import ReportShape
from receipts import sign_report
from receipts.signing import RECEIPT, Signer
from tests.build import SECOND, STRANGER, USAGE, jwk_set
from tests.reporting import FILES, VERIFY, write
from tests.test_report import SCHEMA
from tests.test_spec import validate
from tests.wallets import TestWallet
from verifier import ReportError, canonical, read_report

AUDITOR = "https://auditor.example"
ALL = " ".join(FILES)


@pytest.fixture
def made(shell, folder):
    """A report with findings, as an object."""
    write(3, r1=None, r2={"output": 400})
    assert shell(f"{VERIFY} --period 2026-11 --report r.json").code == 1
    Path("auditor.json").write_text(json.dumps(jwk_set(SECOND, issuer=AUDITOR)))
    return json.loads(Path("r.json").read_bytes())


def put(document, name="r.json"):
    Path(name).write_bytes(canonical(document))


def sign(document, key=SECOND, issuer=AUDITOR, time=None):
    Path("r.cbor").write_bytes(sign_report(canonical(document), issuer, key, time).data)


def checked(shell, line):
    result = shell(f"report check {line} --json")
    return result.code, json.loads(result.out)


def test_a_report_is_right_if_its_inputs_give_it(shell, made):
    code, found = checked(shell, f"r.json {ALL}")
    assert (code, found["result"], found["same"], found["signature"]["state"]) == (0, "verified", True, "none")  # fmt: skip


def test_inputs_are_known_by_what_they_hold(shell, made):
    """Under other names, in another folder, in any order."""
    Path("sub").mkdir()
    for n, name in enumerate(FILES):
        Path(name).rename(f"sub/{n}")
    assert checked(shell, "r.json sub/3 sub/2 sub/1 sub/0")[0] == 0


def test_who_vouches_for_it(shell, made):
    shell(f"keygen --issuer {AUDITOR} --out aud")
    signed = shell("report sign r.json --keys aud --out r.cbor --json")
    assert json.loads(signed.out)["digest"] == sha256(cbor2.loads(Path("r.cbor").read_bytes())[0]).hexdigest()  # fmt: skip
    code, found = checked(shell, f"r.cbor {ALL} --signer aud/issuer.jwks.json")
    assert (code, found["signature"]["state"], found["signature"]["issuer"]) == (0, "valid", AUDITOR)  # fmt: skip
    code, found = checked(shell, f"r.cbor {ALL}")
    assert (code, found["result"], found["signature"]["state"], found["same"]) == (3, "incomplete", "unknown key", True)  # fmt: skip


@pytest.mark.parametrize(
    ("members", "dated", "why"),
    [
        ({}, None, None),
        ({"exp": 1796083200}, 1796083199999, None),
        ({"exp": 1796083200}, 1796083200000, "the key may not sign at the report's date, 2026-12-01"),
        ({"revoked": {"revoked_at": 1}}, None, "the key is revoked, and the report bears no date"),
    ],
)  # fmt: skip
def test_a_key_signs_in_its_time(shell, made, members, dated, why):
    made["dated"] = dated
    sign(made, time=dated)
    Path("auditor.json").write_text(json.dumps(jwk_set(SECOND, issuer=AUDITOR, **members)))
    code, found = checked(shell, f"r.cbor {ALL} --signer auditor.json")
    assert (code, found["signature"]["why"]) == (1 if why else 0, why)


def test_a_signature_of_somebody_else(shell, made):
    sign(made, issuer="https://big-four.example")
    code, found = checked(shell, f"r.cbor {ALL} --signer auditor.json")
    assert (code, found["signature"]["why"]) == (1, f"the key belongs to {AUDITOR}, and the report is of https://big-four.example")  # fmt: skip
    sign(made, key=STRANGER)
    code, found = checked(shell, f"r.cbor {ALL} --signer auditor.json")
    assert (code, found["signature"]["state"]) == (3, "unknown key")
    sign(made)
    data = bytearray(Path("r.cbor").read_bytes())
    data[-1] ^= 1
    Path("r.cbor").write_bytes(data)
    code, found = checked(shell, f"r.cbor {ALL} --signer auditor.json")
    assert (code, found["signature"]["state"], found["result"]) == (1, "false", "rejected")


EDITS = {
    "verdict": lambda d: d.update(verdict="verified"),
    "findings[1].code": lambda d: d["findings"].pop(),
    "worth.amounts[0].upper": lambda d: d["worth"]["amounts"][0].update(upper="1"),
    "checks[0].passed": lambda d: d["checks"][0].update(passed=5),
    "figures.time[0].cached": lambda d: d["figures"]["time"][0].update(cached=1),
    "not_proven[0].text": lambda d: d["not_proven"][0].update(text="Everything is proven."),
    "codes[0].left_out": lambda d: d["codes"][0].update(left_out=1),
    "finding_counts.count-differs": lambda d: d["finding_counts"].pop("count-differs"),
    "parties[0].of_observer": lambda d: d["parties"][0].update(of_observer=3),
    "accounts[0].observed": lambda d: d["accounts"][0].update(observed=1),
    "inputs[0].size": lambda d: d["inputs"][0].update(size=1),
}


@pytest.mark.parametrize("member", EDITS)
def test_an_edit_is_found_whoever_signs_it(shell, made, member):
    EDITS[member](made)
    sign(made)
    code, found = checked(shell, f"r.cbor {ALL} --signer auditor.json")
    assert (code, found["signature"]["state"], found["same"]) == (1, "valid", False)
    told = {one["member"] for one in found["differences"]}
    assert told & {member, member.rpartition(".")[0]}, told


def test_other_options_are_another_question(shell, made):
    """A report of no period is verified too, and says so; edited into one of a period, it is not what that period gives."""
    made["options"]["period"] = None
    put(made)
    code, found = checked(shell, f"r.json {ALL}")
    assert (code, found["differences"][0]["member"]) == (1, "accounts[0].holes")


def test_inputs_that_were_swapped(shell, made):
    """A report of another batch, and a file that it does not name."""
    write(4)
    result = shell("report check r.json b.cbor keys.json card.cbor log.jsonl")
    assert (result.code, result.out) == (2, "")
    assert "b.cbor is none of its inputs: its SHA-256 is" in result.err
    made["inputs"][0]["sha256"] = sha256(Path("b.cbor").read_bytes()).hexdigest()
    made["inputs"][3]["sha256"] = sha256(Path("log.jsonl").read_bytes()).hexdigest()
    put(made)
    code, found = checked(shell, f"r.json {ALL}")
    assert (code, found["same"], found["differences"][0]["member"]) == (1, False, "accounts[0].receipts")  # fmt: skip


def test_what_is_not_at_hand_is_named(shell, made):
    code, found = checked(shell, "r.json b.cbor card.cbor")
    assert (code, found["result"]) == (3, "incomplete")
    assert [(one["role"], one["name"]) for one in found["missing"]] == [("keys", "keys.json"), ("requests", "log.jsonl")]  # fmt: skip


def test_a_key_file_is_an_input_like_any_other(shell, made):
    """A dishonest party gives its own keys: the report follows from them, and the reader hears whose they are not."""
    result = shell(f"report check r.json {ALL}")
    assert "not pinned here: ask the issuer whether it is its own" in result.out
    shell("trust add keys.json --yes")
    assert ", pinned here" in shell(f"report check r.json {ALL}").out


def test_a_newer_verifier(shell, made):
    made["verifier"]["version"] = "99.0"
    put(made)
    code, found = checked(shell, f"r.json {ALL}")
    assert (code, found["same"], [one["member"] for one in found["differences"]]) == (3, False, ["verifier.version"])  # fmt: skip
    made["verdict"] = "verified"
    put(made)
    assert checked(shell, f"r.json {ALL}")[0] == 1


def test_findings_that_are_hidden_by_the_cap(shell, folder):
    """101 findings, of which one is taken out of the list: the numbers and the hash of the file beside tell."""
    write(101, **{f"r{n}": {"output": 400} for n in range(101)})
    shell(f"{VERIFY} --report r.json")
    made = json.loads(Path("r.json").read_bytes())
    assert made["codes"][0]["left_out"] == 1
    made["findings_csv"] = None
    put(made)
    assert checked(shell, f"r.json {ALL}")[0] == 1
    Path("r.findings.csv").write_bytes(Path("r.findings.csv").read_bytes().replace(b"400", b"500"))
    assert shell(f"report check r.json {ALL} r.findings.csv").code == 2


def _many_members():
    """To count each of them once more would take hours."""
    members = ",".join(f'"m{n}":1' for n in (*range(200_000), 199_999))
    return b"{%s}" % members.encode()


BAD = {
    "floats": (b'{"report":1.0}', "1.0 is not a whole number"),
    "a number that is none": (b'{"report":NaN}', "NaN is not a whole number"),
    "a member twice": (b'{"report":1,"report":1}', "member 'report' occurs twice"),
    "one of very many twice": (_many_members(), "member 'm199999' occurs twice"),
    "nested": (b'{"report":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper than 16"),
    "nested less": (b'{"report":' + b"[" * 20 + b"]" * 20 + b"}", "nested deeper than 16"),
    "a long number": (b'{"report":' + b"9" * 5000 + b"}", "Exceeds the limit (4300 digits)"),
    "a large number": (
        b'{"report":9007199254740993}',
        "not in canonical form: 9007199254740993 is beyond 2^53",
    ),
    "another version": (b'{"report":2}', "report: expected 1, found 2"),
    "true": (b'{"report":true}', "report: expected 1, found True"),
    "white space": (b'{"report": 1}', "not in canonical form (RFC 8785)"),
    "not UTF-8": (b'{"report":"\xff"}', "not JSON: 'utf-8' codec"),
    "a lone surrogate": (b'{"report":"\\ud800"}', "not in canonical form: a lone surrogate"),
    "no object": (b"[1]", "it is not a report object"),
    "nothing": (b"", "not JSON: Expecting value"),
    "a mark": (b'\xef\xbb\xbf{"report":1}', "not JSON: Unexpected UTF-8 BOM"),
    "only that": (b'{"report":1}', "specification: Field required"),
}


@pytest.mark.parametrize(("data", "said"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("command", ["check", "show", "html --out x.html", "sign --keys aud --out x.cbor"])  # fmt: skip
def test_what_is_no_report(shell, folder, command, data, said):
    shell(f"keygen --issuer {AUDITOR} --out aud")
    Path("bad.json").write_bytes(data)
    result = shell(f"report {command} bad.json")
    assert (result.code, result.out) == (2, "")
    assert f"bad.json: {said}" in result.err
    assert not Path("x.html").exists()
    assert not Path("x.cbor").exists()


def test_a_report_is_not_read_beyond_its_limit(shell, folder):
    Path("bad.json").write_bytes(b'{"report":"' + b"a" * 17_000_000 + b'"}')
    result = shell("report show bad.json")
    assert (result.code, "are more than a report may have, 16,777,216" in result.err) == (2, True)


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "", "a\0b", "/etc/passwd"])
def test_a_name_in_a_report_is_no_path(shell, made, name):
    made["inputs"][0]["name"] = name
    put(made)
    result = shell(f"report check r.json {ALL}")
    assert (result.code, "the report names a file" in result.err) == (2, True)


def test_inputs_that_a_report_does_not_bind(shell, made):
    """Without its keys and batch in the list, nothing comes from anywhere else."""
    made["inputs"] = []
    put(made)
    shell("trust add keys.json --yes")
    code, found = checked(shell, "r.json")
    assert (code, found["same"]) == (1, False)


def test_a_report_without_a_key_stays_without_one(shell, made):
    """Whoever checks has pinned the issuer; who made the report had not, and that is what it says."""
    assert shell("verify b.cbor --no-remember --report u.json").code == 3
    shell("trust add keys.json --yes")
    assert checked(shell, "u.json b.cbor")[0] == 0


def test_another_signed_object_is_no_report(shell, made):
    signed = Signer(SECOND.private, RECEIPT).sign(cbor2.dumps({1: 1, 2: AUDITOR, 4: canonical(made)}))  # fmt: skip
    Path("r.cbor").write_bytes(signed.data)
    result = shell(f"report check r.cbor {ALL}")
    assert (result.code, "the protected header is not that of a report" in result.err) == (2, True)
    sign(made)
    Path("r.cbor").write_bytes(Path("r.cbor").read_bytes() + b"\0")
    assert shell(f"report check r.cbor {ALL}").code == 2
    assert shell("verify r.cbor --keys auditor.json --no-remember").code == 1


def test_a_signature_of_another_date_than_the_report(shell, made):
    sign(made, time=1796083200000)
    result = shell(f"report check r.cbor {ALL} --signer auditor.json")
    assert (result.code, "the signature is of another date than the report" in result.err) == (2, True)  # fmt: skip


PATHS = st.lists(st.integers(0, 50), min_size=1, max_size=6)
VALUES = st.sampled_from([None, -1, 2**53, 1.5, "", "x", True, [], {}, [1], "0", "9" * 20, "-0"])


@given(path=PATHS, value=VALUES, drop=st.booleans())
def test_shape_and_schema_agree(path, value, drop):
    """What the JSON Schema accepts, the commands accept, and nothing else."""
    document = json.loads(SAMPLE)
    spot = document
    for step in path:
        if not isinstance(spot, dict | list) or not spot:
            break
        names = sorted(spot) if isinstance(spot, dict) else range(len(spot))
        parent, name = spot, names[step % len(names)]
        spot = spot[name]
    if drop:
        del parent[name]
    else:
        parent[name] = value
    by_schema = jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    try:
        ReportShape.model_validate(document)
    except ValidationError:
        by_shape = False
    else:
        by_shape = True
    assert by_shape == by_schema, (path, value, drop)


SAMPLE = """
{"report":1,"specification":{"version":1,"draft":5},"verifier":{"name":"n","version":"1"},"dated":null,"subject":"batch",
"verdict":"rejected","inputs":[{"role":"batch","name":"b","size":1,"sha256":"%(h)s"}],
"options":{"period":{"start":1,"end":2},"account":null,"require_cache_id":false,"observers":["o"],"signatures":"every","margin":1},
"parties":[{"issuer":"i","account":"a","signers":["k"],"of_biller":1,"of_observer":0}],"beyond":[],"observed":0,
"accounts":[{"issuer":"i","account":"a","receipts":1,"observed":0,"streams":1,"totals":{"logical":1,"writes":{"300":1},"amounts":{"USD":"5"},
"corrected":{"logical":1},"corrections":{}},"logical_without_cached":0,"covered":[{"start":1,"end":2}],"holes":[],"statements":[
{"number":0,"kind":"late","start":1,"end":2,"streams":1,"receipts":1,"digest":"%(h)s"}]}],"accounts_left_out":0,
"objects":[{"kind":"receipt","digest":"%(h)s","issuer":"i","account":"a","observed":true}],
"cards":[{"issuer":"i","name":"n","currency":"USD","digest":"%(h)s","charges":1,"priced":1,"unpriced":1,"lower":"0","upper":"-5"}],
"checks":[{"check":"c","result":"passed","passed":1,"failed":0,"of":1,"not_checked":null}],
"findings":[{"finding":1,"severity":"rejected","code":"c","message":"m","rule":"R-1.1","count":1,"hint":"h","worth":{"unknown":"u"}},
{"finding":2,"severity":"rejected","code":"c","message":"m","rule":"R-1.1","count":1,"hint":"h","expected":1,"actual":"2","worth":{"with":1}},
{"finding":3,"severity":"rejected","code":"c","message":"m","rule":"R-1.1","count":1,"hint":"h","worth":{"currency":"USD","lower":"1","upper":"1","by":"card"}}],
"finding_counts":{"c":3},"codes":[{"code":"c","severity":"rejected","rules":["R-1.1"],"meaning":"m","count":3,"left_out":0,"amounts":[],"unknown":1}],
"findings_csv":{"rows":3,"sha256":"%(h)s","left_out":0},"worth":{"amounts":[{"currency":"USD","lower":"1","upper":"1"}],"unknown":1},
"figures":{"step":60000,"time":[{"start":0,"receipts":1,"logical":1,"cached":1,"attributed":0,"uncounted":0,"findings":1}],"undated":0,
"models":[{"model":"m","receipts":1,"logical":1,"cached":1,"uncounted":0}],"models_left_out":0,"streams":[{"issuer":"i","account":"a",
"stream":"s","first":0,"next":2,"receipts":1,"missing":[[1,1]],"gaps":1}],"streams_left_out":0},
"not_proven":[{"what":"w","text":"t"}]}
""".replace("%(h)s", "0" * 64)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_report_or_refused(data):
    with suppress(ReportError):
        assert canonical(read_report(data)) == data


def test_a_signed_report_fits_the_cddl(made):
    for time in (None, 1796083200000):
        sign(made, time=time)
        validate("report", Path("r.cbor").read_bytes())


def test_a_wallet_is_an_input(shell, made):
    """Under another name, it gives the same messages: they have the name that the report has."""
    wallet = TestWallet("wallet.db")
    for n in range(3):
        wallet.call(f"r{n}", model="m", usage=json.dumps(USAGE), path="/v1/messages")
    wallet.call("r9", model="m")
    wallet.close()
    keys = "--keys keys.json --no-remember --period 2026-11"
    assert shell(f"verify b.cbor {keys} --requests wallet.db --received wallet.db --report w.json").code == 1  # fmt: skip
    messages = [one["message"] for one in json.loads(Path("w.json").read_bytes())["findings"]]
    assert any("wallet.db, call" in message for message in messages), messages
    Path("wallet.db").rename("mine.sqlite")
    assert checked(shell, "w.json b.cbor keys.json mine.sqlite")[0] == 0


def test_a_log_in_parquet_is_an_input(shell, made):
    with duckdb.connect() as db:
        db.execute("COPY (SELECT 'r0' AS request, 1 AS output) TO 'log.parquet' (FORMAT parquet)")
    shell("verify b.cbor --keys keys.json --no-remember --requests log.parquet --report p.json")
    Path("log.parquet").rename("other")
    assert checked(shell, "p.json b.cbor keys.json other")[0] == 0


def test_a_file_that_changes_while_it_is_read_is_not_bound(shell, made, monkeypatch):
    def verify(*given, **more):
        report = verifier.verify(*given, **more)
        Path("log.jsonl").write_text("")
        return report

    monkeypatch.setattr(cli.verifying, "verify", verify)
    result = shell(f"{VERIFY} --report changed.json")
    assert (result.code, Path("changed.json").exists()) == (2, False)
    assert "a file was changed while it was read" in result.err


def test_a_signed_report_where_a_batch_is_expected(shell, made):
    """It is honest: nobody may read that something in it is false."""
    shell("keygen --issuer https://auditor.example --out aud")
    assert shell("report sign r.json --keys aud --out r.cbor").code == 0
    result = shell("verify r.cbor --keys keys.json")
    assert (result.code, result.out) == (2, "")
    assert "r.cbor is a signed report, and no batch" in result.err
    assert "receipt report check r.cbor" in result.err


def test_a_rate_card_where_a_batch_is_expected(shell, made):
    result = shell("verify b.cbor card.cbor --keys keys.json")
    assert (result.code, result.out) == (2, "")
    assert "card.cbor is a rate card, and no batch" in result.err
    assert "receipt verify batch.cbor --card card.cbor" in result.err

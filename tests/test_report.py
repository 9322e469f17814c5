"""The report object (spec/report.md): its schema, the same bytes for the same inputs, and what it binds."""

import csv
import json
import re
import tomllib
from hashlib import sha256
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.build import KEY, NOON, STRANGER, Stream, jwk_set, sign_statement, statement_claims
from tests.reporting import AMOUNT, COUNTS, FILES, VERIFY, charge, write
from verifier import canonical
from verifier.evidence.times import Slots
from verifier.report.version import NAME, SPECIFICATION, VERSION

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "spec" / "examples"
SCHEMA = json.loads((EXAMPLES.parent / "report.schema.json").read_text())


def valid(document):
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


@pytest.fixture
def examples(tmp_path, monkeypatch):
    for file in EXAMPLES.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("batch.cbor --period 2026-11", "verified"),
        ("batch.cbor --period 2026-12", "incomplete"),
        ("batch.cbor batch.cbor", "rejected"),
        ("proof.cbor", "verified"),
        ("equivocation.cbor", "verified"),
        ("receipt.cbor", "incomplete"),
    ],
)
@pytest.mark.usefixtures("examples")
def test_a_report_is_as_the_schema_says_and_the_same_each_time(shell, line, verdict):
    command = f"verify {line} --keys issuer.jwks.json --no-remember"
    printed = shell(f"{command} --json --report one.json")
    shell(f"{command} --report two.json --jobs 2")
    written = Path("one.json").read_bytes()
    document = valid(json.loads(written))
    assert (document["verdict"], document) == (verdict, json.loads(printed.out))
    assert written == Path("two.json").read_bytes() == canonical(document)


@pytest.mark.usefixtures("examples")
def test_a_report_binds_every_file_that_was_read(shell):
    Path("sub").mkdir()
    Path("sub/aliases.json").write_text("{}")
    Path("sub/log.csv").write_text("request,time,model\n")
    shell(
        "verify batch.cbor --keys issuer.jwks.json --no-remember --period 2026-11 --report r.json"
        " --previous statement.cbor --requests sub/log.csv --aliases sub/aliases.json"
    )
    inputs = json.loads(Path("r.json").read_bytes())["inputs"]
    files = {
        "batch": "batch.cbor", "keys": "issuer.jwks.json", "previous": "statement.cbor", "requests": "sub/log.csv",
        "aliases": "sub/aliases.json",
    }  # fmt: skip
    assert inputs == [
        {
            "role": role,
            "name": Path(name).name,
            "size": Path(name).stat().st_size,
            "sha256": sha256(Path(name).read_bytes()).hexdigest(),
        }
        for role, name in files.items()
    ]


@pytest.mark.usefixtures("examples")
def test_a_report_names_its_date_only_if_it_is_given(shell):
    shell("verify batch.cbor --keys issuer.jwks.json --no-remember --report r.json --dated 2026-12-01")  # fmt: skip
    assert json.loads(Path("r.json").read_bytes())["dated"] == 1796083200000


@pytest.mark.usefixtures("examples")
def test_a_report_is_no_file_of_another_kind(shell):
    result = shell("verify batch.cbor --keys issuer.jwks.json --report r.pdf")
    assert (result.code, Path("r.pdf").exists()) == (2, False)
    assert "'r.pdf' does not end with .json" in result.err


def reported(shell, more="", file="r.json"):
    result = shell(f"{VERIFY} --report {file} {more}")
    assert result.code in (0, 1, 3), result.err
    return valid(json.loads(Path(file).read_bytes()))


def worths(document):
    return {(one["code"], one.get("request"), one.get("field")): one["worth"] for one in document["findings"]}  # fmt: skip


def exact(amount, by):
    return {"currency": "USD", "lower": str(amount), "upper": str(amount), "by": by}


def test_what_findings_are_worth(shell, folder):
    """A receipt for nothing is worth its charge; a wrong count, what it is charged too much by the card."""
    write(5, r1=None, r2={"output": 400}, r3={"cached": 3000, "output": 499}, x={})
    document = reported(shell)
    assert worths(document) == {
        ("receipt-without-request", "r1", None): exact(AMOUNT, "charge"),
        ("count-differs", "r2", "output"): exact(100 * 15_000_000, "card"),
        ("count-differs", "r3", "cached"): exact(1000 * 2_700_000 + 15_000_000, "card"),
        ("count-differs", "r3", "output"): {"with": 3},
        ("request-without-receipt", "x", None): {"unknown": "the finding is about no receipt that counts"},
    }  # fmt: skip
    total = AMOUNT + 100 * 15_000_000 + 1000 * 2_700_000 + 15_000_000
    assert document["worth"] == {
        "amounts": [{"currency": "USD", "lower": str(total), "upper": str(total)}],
        "unknown": 1,
    }
    codes = {one["code"]: (one["count"], one["amounts"], one["unknown"]) for one in document["codes"]}  # fmt: skip
    less = str(total - AMOUNT)
    assert codes["count-differs"] == (3, [{"currency": "USD", "lower": less, "upper": less}], 0)
    assert codes["request-without-receipt"] == (1, [], 1)


def test_a_charge_above_the_card_is_worth_what_is_above(shell, folder):
    write(2, charged={0: charge(COUNTS), 1: charge(COUNTS, output_rate=20_000_000)})
    document = reported(shell)
    assert worths(document) == {("charge-differs", "r1", "charge.lines (output)"): exact(500 * 5_000_000, "card")}  # fmt: skip


def test_the_first_finding_in_the_report_has_the_amount(shell, folder):
    """A charge is checked before the record, and stands after it."""
    write(1, charged={0: charge(COUNTS, output_rate=16_000_000)}, r0={"output": 400})
    assert worths(reported(shell)) == {
        ("count-differs", "r0", "output"): exact(500 * 16_000_000 - 400 * 15_000_000, "card"),
        ("charge-differs", "r0", "charge.lines (output)"): {"with": 1},
    }


def test_without_a_charge_the_card_prices_and_without_a_card_nothing_does(shell, folder):
    write(2, charged={}, r0=None, r1={"output": 400})
    assert worths(reported(shell)) == {
        ("receipt-without-request", "r0", None): exact(AMOUNT, "card"),
        ("count-differs", "r1", "output"): exact(100 * 15_000_000, "card"),
    }
    shell("verify b.cbor --keys keys.json --requests log.jsonl --no-remember --report r.json")
    why = {"unknown": "the receipt states no charge, and no rate card that was given prices it"}
    assert list(worths(json.loads(Path("r.json").read_bytes())).values()) == [why, why]


def test_a_charge_by_a_card_that_was_not_given_has_no_other_price(shell, folder):
    write(1, r0={"output": 400})
    shell("verify b.cbor --keys keys.json --requests log.jsonl --no-remember --report r.json")
    why = "the rate card by which it would cost something else was not given"
    assert list(worths(json.loads(Path("r.json").read_bytes())).values()) == [{"unknown": why}]


def test_figures(shell, folder):
    write(5, r1=None)
    figures = reported(shell)["figures"]
    assert (figures["step"], figures["undated"]) == (60_000, 0)
    assert figures["time"] == [
        {"start": NOON, "receipts": 5, "logical": 15000, "cached": 10000, "attributed": 5000, "uncounted": 0, "findings": 1}
    ]  # fmt: skip
    assert figures["models"] == [{"model": "m", "receipts": 5, "logical": 15000, "cached": 10000, "uncounted": 0}]  # fmt: skip
    (stream,) = figures["streams"]
    assert (stream["first"], stream["next"], stream["receipts"], stream["gaps"]) == (0, 5, 5, 0)


def test_figures_show_what_the_statement_lists_and_nobody_has(shell, folder):
    receipts = Stream(count=9).receipts()
    statement = sign_statement(statement_claims({"gpu-7": receipts}))
    there = [receipts[n] for n in (1, 2, 5, 6)]
    Path("b.cbor").write_bytes(b"".join(one.data for one in there) + statement.data)
    Path("keys.json").write_text(json.dumps(jwk_set(KEY)))
    shell("verify b.cbor --keys keys.json --no-remember --report r.json")
    (stream,) = valid(json.loads(Path("r.json").read_bytes()))["figures"]["streams"]
    assert (stream["first"], stream["next"], stream["receipts"]) == (0, 9, 4)
    assert (stream["missing"], stream["gaps"]) == ([[0, 0], [3, 4], [7, 8]], 3)


@given(times=st.lists(st.integers(0, 2**45) | st.integers(0, 10**6), min_size=1, max_size=200))
def test_slots_hold_everything_and_there_are_never_many(times):
    slots = Slots()
    for time in times:
        slots.at(time).receipts += 1
    assert sum(slot.receipts for slot in slots.slots.values()) == len(times)
    assert max(slots.slots) - min(slots.slots) < 62
    for number, slot in slots.slots.items():
        assert slot.receipts == sum(time // slots.step == number for time in times)


def test_many_findings_are_in_a_file_beside_the_report(shell, folder):
    """100 of a code are listed, all are in the CSV file, and the object says how many it left out, and the file's hash."""
    write(250, **{f"r{n}": {"output": 400} for n in range(249)})
    document = reported(shell)
    assert (len(document["findings"]), document["finding_counts"]) == (100, {"count-differs": 249})
    assert document["codes"][0]["left_out"] == 149
    table = Path("r.findings.csv").read_bytes()
    beside = {"rows": 249, "sha256": sha256(table).hexdigest(), "left_out": 0}
    assert document["findings_csv"] == beside
    rows = list(csv.DictReader(table.decode().splitlines()))
    assert [row["finding"] for row in rows] == [str(n) for n in range(1, 250)]
    assert document["worth"]["amounts"][0]["lower"] == str(249 * 100 * 15_000_000)
    assert sum(int(row["lower"]) for row in rows) == 249 * 100 * 15_000_000


def test_a_spreadsheet_computes_nothing_that_a_batch_holds(shell, folder):
    write(150, stream="=1+2", **{f"r{n}": {"output": 400} for n in range(150)})
    reported(shell)
    rows = list(csv.DictReader(Path("r.findings.csv").read_text().splitlines()))
    assert {row["stream"] for row in rows} == {"'=1+2"}


def test_a_report_leaves_no_half(shell, folder):
    write(2)
    Path("taken.html").symlink_to("elsewhere")
    result = shell(f"{VERIFY} --report taken.html")
    assert (result.code, sorted(p.name for p in Path().iterdir())) == (2, sorted([*FILES, "taken.html"]))  # fmt: skip


def test_pins_and_memory_are_bound_as_far_as_they_are_used(shell, folder):
    """Another issuer's pin is nobody's business; a remembered statement is an input."""
    write(2)
    shell("trust add keys.json --yes --trust-store t")
    Path("other.json").write_text(json.dumps(jwk_set(STRANGER, issuer="https://other.example")))
    shell("trust add other.json --yes --trust-store t")
    command = "verify b.cbor --trust-store t --period 2026-11 --report"
    roles = []
    for _ in range(2):
        assert shell(f"{command} r.json").code == 0
        inputs = valid(json.loads(Path("r.json").read_bytes()))["inputs"]
        roles.append([(one["role"], one["sha256"]) for one in inputs])
    pin = sha256(Path("keys.json").read_bytes()).hexdigest()
    assert roles[0][1:] == [("keys", pin)]
    (memory,) = Path("t/statements").glob("*/*.cbor")
    assert roles[1][1:] == [("keys", pin), ("memory", sha256(memory.read_bytes()).hexdigest())]
    assert shell("report check r.json b.cbor --trust-store t").code == 0
    again = shell(f"report check r.json b.cbor keys.json {memory} --trust-store empty")
    assert (again.code, "the same, byte for byte" in again.out) == (0, True)


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"name": project["name"], "version": project["version"]} == {"name": NAME, "version": VERSION}  # fmt: skip
    changes = (ROOT / "spec/verification.md").read_text().partition("## Changelog")[2]
    assert re.search(r"Version (\d+), draft (\d+)", changes).groups() == tuple(map(str, SPECIFICATION.values()))  # fmt: skip

"""The specification is true: generated parts are fresh, vectors fit their schema, the CDDL fits the vectors."""

import json
import re
from pathlib import Path

import cbor2
import jsonschema
import pycddl
import pytest

from tests.test_vectors import input_of
from tests.vectors.__main__ import stale_files
from tests.vectors.limits import input_streams
from verifier import (
    RULES,
    Policy,
    batch_file,
    by_kid,
    bytes_source,
    read_items,
    read_jwks,
    standing,
    verify,
)
from verifier.pack.standings import TOLD_TWICE

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "spec"
VECTOR_FILES = (
    "receipts.json",
    "batches.json",
    "units.json",
    "corrections.json",
    "observed.json",
    "cards.json",
    "containers.json",
    "packs.json",
    "limits.json",
    "record.json",
)
VECTORS = [
    v for name in VECTOR_FILES for v in json.loads((SPEC / "vectors" / name).read_text())["vectors"]
]


def test_vectors_and_examples_are_as_generated():
    assert not list(stale_files()), "run: python -m tests.vectors"


@pytest.mark.parametrize("name", VECTOR_FILES)
def test_vectors_fit_their_schema(name):
    schema = json.loads((SPEC / "vectors/schema.json").read_text())
    document = json.loads((SPEC / "vectors" / name).read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["count"] == len(document["vectors"])


NOT_STORED = {"R-9.7"}
"""Rules whose input is too large to be stored: tests/test_limits.py."""


def test_every_finding_has_a_vector():
    told = {v["finding"] for v in VECTORS} | {code for v in VECTORS for code in v["also"]}
    assert told - {None} == {code for code in RULES if not set(RULES[code].rules) <= NOT_STORED}


ALSO = {
    # A fault that two rules see.
    "account-absent", "correction-unsigned-of-nothing", "chain-three-for-one-number", "in-band-other-time", "in-band-closed", "record-unconfirmed-untimely", "record-cached-left-out", "record-account-mixed", "record-empty", "order-broken-and-reversed", "period-hole", "proof-account",
    "correction-beside", "correction-totals-neither", "correction-totals-of-none", "units-models-line-moved", "units-record-span-request",
    "receipt-charge-ttl-moved", "receipt-charge-without-cached", "missing-all",
    "units-span-cache", "units-span-unstated",
    # What is looked at beside another fault, or in spite of it.
    "limit-lost", "limit-lost-incomplete", "missing-beside-lost-statement", "missing-more-than-lost",
    "missing-statement-lost-receipt", "sealed-with-another-fault", "sealed-without-statement",
    "statement-between", "statement-between-root", "statement-between-time",
    "statement-lists-earlier-behind",
}  # fmt: skip


def test_every_vector_has_one_fault():
    assert {v["id"] for v in VECTORS if v["also"]} == ALSO


TEXT = (SPEC / "verification.md").read_text()
RULE_TEXTS = {
    name: text.split("\n\n")[0]
    for name, text in re.findall(
        r"^(?:\* )?\*\*(R-[0-9]+\.[0-9]+)\*\*(.*?)(?=^\* \*\*R-|^\*\*R-|^#|\Z)",
        TEXT,
        re.MULTILINE | re.DOTALL,
    )
}
"""Every rule of the procedure, with its text."""


def mentioned(rule):
    """The codes that a rule mentions. Those of proofs and equivocations refer to others for theirs."""
    text = RULE_TEXTS[rule]
    codes = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", text)) & set(RULES)
    if rule.startswith(("R-16", "R-17")):
        referred = set(re.findall(r"R-[0-9]+\.[0-9]+", text)) - {rule}
        steps = re.findall(r"step ([0-9]+)", text)
        referred |= {r for r in RULE_TEXTS for step in steps if r.startswith(f"R-{step}.")}
        codes |= {code for other in referred for code in mentioned(other)}
    return codes


def test_rules_are_numbered_from_one_without_a_gap():
    steps = {}
    for rule in RULE_TEXTS:
        step, number = map(int, rule[2:].split("."))
        steps.setdefault(step, []).append(number)
    assert list(steps) == list(range(20))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in steps.values())


def test_every_rule_has_a_vector():
    assert {v["rule"] for v in VECTORS} | NOT_STORED == set(RULE_TEXTS)


@pytest.mark.parametrize("code", RULES)
def test_a_code_comes_from_rules_that_mention_it(code):
    assert RULES[code].rules
    for rule in RULES[code].rules:
        assert code in mentioned(rule), rule


def test_a_vector_names_a_rule_of_its_finding():
    for vector in VECTORS:
        if vector["finding"] and not vector.get("codes_only"):
            assert vector["rule"] in RULES[vector["finding"]].rules, vector["id"]


def test_every_rule_is_named_in_the_verifier():
    code = "".join(path.read_text() for path in sorted((ROOT / "verifier").rglob("*.py")))
    named = set(re.findall(r"R-[0-9]+\.[0-9]+", code))
    for first, last in re.findall(r"(R-[0-9]+\.[0-9]+) to (R-[0-9]+\.[0-9]+)", code):
        rules = list(RULE_TEXTS)
        named |= set(rules[rules.index(first) : rules.index(last) + 1])
    assert named == set(RULE_TEXTS)


def test_the_limit_of_streams_is_one_number():
    assert f"more than {input_streams():,} streams" in RULE_TEXTS["R-9.7"]


# pycddl 0.6 cannot match the keys of a map with a control operator.
CDDL = re.sub(
    r"([12]\*(?:[0-9]+)?) (?:name|currency) =>", r"\1 text =>", (SPEC / "receipt.cddl").read_text()
)


def cddl(root, text=CDDL):
    """The CDDL with one of its rules as the root."""
    return pycddl.Schema(f"start = {root}\n{text}")


def validate(kind, raw):
    """Validate a signed object: the shell, then what its byte strings hold.

    In two steps, because pycddl 0.6 applies `.cbor` to every element of the array in which it stands once.
    """
    cddl(kind, re.sub(r" \.cbor [a-z-]+", "", CDDL)).validate_cbor(raw)
    content, cose = cbor2.loads(raw)
    cddl(f"{kind}-header").validate_cbor(cose.value[0])
    cddl(f"{kind}-claims").validate_cbor(content)


VALID = [v for v in VECTORS if v["verdict"] == "verified" and not v["id"].startswith("pack-")]
CONTAINERS = ("proof", "path", "equivocation")


@pytest.mark.parametrize("vector", VALID, ids=lambda v: v["id"])
def test_valid_vectors_fit_the_cddl(vector):
    data = input_of(vector)
    container = next((word for word in vector["id"].split("-") if word in CONTAINERS), None)
    if container:
        container = "proof" if container == "path" else container
        cddl(container, re.sub(r" \.cbor [a-z-]+", "", CDDL)).validate_cbor(data)
        return
    for item in items(data):
        validate(str(item.kind), item.raw)


def items(data):
    return list(read_items([bytes_source("vector", data)]))


NOT_IN_CDDL = {
    # Rules that CDDL cannot express: presence that depends on a value, order, equality with the header.
    "receipt-claims-previous-missing", "receipt-claims-previous-at-0", "receipt-claims-cache-empty",
    "receipt-claims-charge-ttl", "statement-claims-end-at-start", "statement-claims-previous-at-0",
    "statement-claims-unsorted", "statement-claims-stream-twice", "statement-header-account",
    "units-name-unknown", "units-name-reasoning", "units-name-text", "units-name-upper", "units-totals-unknown",
    "units-line-beside-nothing", "units-line-beside-part", "units-line-beside-unknown", "units-line-other-class",
    "units-line-tokens-beside", "units-line-per-reduced", "units-line-model", "units-line-written-part", "units-models-line-nobody",
    "units-models-line-another", "units-span-empty", "correction-claims-no-amount", "correction-claims-no-currency",
    "correction-totals-one", "observed-charge", "observed-span",
    # Rules that the CDDL states and pycddl 0.6 does not enforce: a choice of maps, the types in a map of text, its keys.
    "limit-amounts-lower", "limit-amounts-long", "limit-amounts-not-ascii", "limit-tag-empty", "limit-tag-long",
    "receipt-claims-attributed-missing", "receipt-claims-cached-missing",
    "units-name-long", "units-terms-number", "correction-totals-inner",
    "receipt-claims-input-array", "receipt-claims-tags-number", "observed-no-usage",
}  # fmt: skip
INVALID = [v for v in VECTORS if v["finding"] == "claims-invalid" and v["id"] not in NOT_IN_CDDL]


@pytest.mark.parametrize("vector", INVALID, ids=lambda v: v["id"])
def test_invalid_claims_do_not_fit_the_cddl(vector):
    item = items(input_of(vector))[vector["item"]]
    with pytest.raises(pycddl.ValidationError):
        validate(str(item.kind), item.raw)


@pytest.mark.parametrize("name", ["batch", "proof", "equivocation"])
def test_examples_verify(name):
    keys = by_kid(read_jwks((SPEC / "examples/issuer.jwks.json").read_bytes()))
    report = verify([batch_file(str(SPEC / "examples" / f"{name}.cbor"))], Policy(keys))
    assert report.verdict == "verified"


@pytest.mark.parametrize("page", sorted(SPEC.glob("*.md")), ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (SPEC / target).exists(), target


@pytest.mark.parametrize("page", sorted(SPEC.glob("*.md")), ids=lambda p: p.name)
def test_anchors_exist(page):
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
        text = (SPEC / target if target else page).read_text()
        headings = {
            re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-")
            for h in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        }
        assert anchor in headings, f"{target}#{anchor}"


def test_every_code_in_the_procedure_is_in_the_list():
    procedure, table = TEXT.split("<!-- begin findings -->")
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", procedure))
    listed = re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE)
    assert named == set(RULES)
    assert listed == list(RULES)


@pytest.mark.parametrize("name", ["receipt.diag", "statement.diag"])
def test_examples_fit_100_columns(name):
    lines = (SPEC / "examples" / name).read_text().splitlines()
    assert [line for line in lines if len(line) > 100] == []


def test_a_pack_shows_what_the_specification_says():
    page = (SPEC / "pack.md").read_text()
    table = page.split("<!-- begin standings -->")[1].split("<!-- end standings -->")[0]
    rows = {
        row: set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", codes))
        for row, codes in re.findall(r"^\| (`.+?) \| (.+) \|$", table, re.MULTILINE)
    }
    twice, signed, record = (
        rows[name] for name in ("`signed`, by equivocations", "`signed`", "`record`")
    )
    assert twice == TOLD_TWICE
    found = {code: str(standing(code)) for code in RULES}
    assert {code for code in found if found[code] == "signed"} == twice | signed
    assert {code for code in found if found[code] == "record"} == record

"""The specification is true: generated parts are fresh, vectors fit their schema, the CDDL fits the vectors."""

import json
import re
from pathlib import Path

import cbor2
import jsonschema
import pycddl
import pytest

from tests.vectors.__main__ import files
from verifier import Policy, batch_file, by_kid, bytes_source, read_items, read_jwks, verify
from verifier.report.codes import RULES

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "spec"
VECTOR_FILES = ("receipts.json", "batches.json", "containers.json", "record.json")
VECTORS = [
    v for name in VECTOR_FILES for v in json.loads((SPEC / "vectors" / name).read_text())["vectors"]
]


def test_vectors_and_examples_are_as_generated():
    stale = [
        str(path.relative_to(ROOT)) for path, data in files().items() if path.read_bytes() != data
    ]
    assert not stale, "run: python -m tests.vectors"


@pytest.mark.parametrize("name", VECTOR_FILES)
def test_vectors_fit_their_schema(name):
    schema = json.loads((SPEC / "vectors/schema.json").read_text())
    document = json.loads((SPEC / "vectors" / name).read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["count"] == len(document["vectors"])


def test_every_finding_has_a_vector():
    told = {v["finding"] for v in VECTORS} | {code for v in VECTORS for code in v["also"]}
    assert set(RULES) - told == set()
    assert told - {None} - set(RULES) == set()


def test_every_vector_has_at_most_one_fault():
    assert all(len(v["also"]) <= 1 for v in VECTORS)
    assert sum(bool(v["also"]) for v in VECTORS) <= 3


CDDL = (SPEC / "receipt.cddl").read_text()


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
    if content is not None:
        cddl(f"{kind}-claims").validate_cbor(content)


VALID = [v for v in VECTORS if v["verdict"] == "verified"]


@pytest.mark.parametrize("vector", VALID, ids=lambda v: v["id"])
def test_valid_vectors_fit_the_cddl(vector):
    data = bytes.fromhex(vector["input"])
    container = vector["id"].split("-")[0]
    if container in ("proof", "equivocation"):
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
    # Rules that the CDDL states and pycddl 0.6 does not enforce: a choice of maps, the types in a map of text.
    "receipt-claims-attributed-missing", "receipt-claims-cached-missing",
    "receipt-claims-input-array", "receipt-claims-tags-number",
}  # fmt: skip
INVALID = [v for v in VECTORS if v["finding"] == "claims-invalid" and v["id"] not in NOT_IN_CDDL]


@pytest.mark.parametrize("vector", INVALID, ids=lambda v: v["id"])
def test_invalid_claims_do_not_fit_the_cddl(vector):
    item = items(bytes.fromhex(vector["input"]))[vector["item"]]
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
    text = (SPEC / "verification.md").read_text().split("## Findings")[0]
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", text))
    assert named == set(RULES)

"""Every vector of spec/vectors gives the verdict and exactly the findings that it names."""

import json
from pathlib import Path

import pytest

from verifier import KnownStatement, Policy, Record, by_kid, bytes_source, read_jwks, verify
from verifier.crypto.ed25519 import BACKENDS
from verifier.crypto.keys import TrustedKey

SPEC = Path(__file__).parents[1] / "spec"
FILES = ("receipts.json", "batches.json", "containers.json", "record.json")
DOCUMENTS = {name: json.loads((SPEC / "vectors" / name).read_text()) for name in FILES}
VECTORS = [
    pytest.param(document, vector, id=vector["id"])
    for document in DOCUMENTS.values()
    for vector in document["vectors"]
]


def trusted(document, vector) -> list[TrustedKey]:
    sets = vector["keys"]
    sets = document["keys"][sets] if isinstance(sets, str) else sets
    listed = sets.get("several", [sets])
    return [key for jwks in listed for key in read_jwks(json.dumps(jwks).encode())]


def record_of(options):
    """The record of a vector, as files in the working folder."""
    if not {"requests", "received", "prompts"} & set(options):
        return None
    for name in ("requests", "prompts"):
        rows = "".join(json.dumps(row) + "\n" for row in options.get(name, []))
        Path(f"{name}.jsonl").write_text(rows)
    Path("received.cbor").write_bytes(bytes.fromhex("".join(options.get("received", []))))
    Path("cache.key").write_text(json.dumps(options.get("cache_key")))
    names = {"requests": "requests.jsonl", "received": "received.cbor", "prompts": "prompts.jsonl"}
    files = [(file,) if name in options else () for name, file in names.items()]
    return Record(*files, "cache.key" if "cache_key" in options else None)


def run(document, vector, **kwargs):
    options = vector["options"]
    policy = Policy(
        by_kid(trusted(document, vector)),
        options.get("account"),
        options.get("require_cache_id", False),
        **kwargs,
    )
    data = bytes.fromhex(vector["input"])
    period = options.get("period")
    return verify(
        [bytes_source("input", data)],
        policy,
        period=tuple(period) if period else None,
        record=record_of(options),
        known=lambda _issuer, _account: [
            KnownStatement(bytes.fromhex(known), verified=False)
            for known in options.get("known", [])
        ],
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("document", "vector"), VECTORS)
def test_vector(document, vector, backend, folder):
    report = run(document, vector, backend=backend)

    found = [finding.code for finding in report.findings]
    expected = ([vector["finding"]] if vector["finding"] else []) + vector["also"]
    assert sorted(found) == sorted(expected), [f.as_dict() for f in report.findings]
    if vector["finding"]:
        named = next(f for f in report.findings if f.code == vector["finding"])
        assert named.item == vector["item"]
    assert str(report.verdict) == vector["verdict"]

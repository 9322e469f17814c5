"""Every vector of spec/vectors gives the verdict and exactly the findings that it names."""

import json
import zlib
from base64 import b64decode
from pathlib import Path

import pytest

from verifier import (
    KeyFileError,
    KnownStatement,
    NotABatchError,
    Policy,
    Record,
    RecordError,
    by_kid,
    bytes_source,
    read_card,
    read_jwks,
    verify,
)
from verifier.crypto.ed25519 import BACKENDS

SPEC = Path(__file__).parents[1] / "spec"
FILES = (
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
DOCUMENTS = {name: json.loads((SPEC / "vectors" / name).read_text()) for name in FILES}
VECTORS = [
    pytest.param(document, vector, id=vector["id"])
    for document in DOCUMENTS.values()
    for vector in document["vectors"]
]


def input_of(vector) -> bytes:
    """The bytes of a vector's file."""
    if "input" in vector:
        return bytes.fromhex(vector["input"])
    return zlib.decompress(b64decode(vector["input_deflate"]))


def key_sets(document, vector):
    """The key files of a vector, as JSON-ready data."""
    sets = vector["keys"]
    sets = document["keys"][sets] if isinstance(sets, str) else sets
    return sets.get("several", [sets])


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


def trusted(document, vector):
    """The keys of a vector."""
    sets = key_sets(document, vector)
    return [key for jwks in sets for key in read_jwks(json.dumps(jwks).encode())]


def known(options):
    """The known statements of a vector, as of a previous batch."""
    listed = [
        KnownStatement(bytes.fromhex(raw), verified=False) for raw in options.get("known", [])
    ]
    return lambda _issuer, _account: listed


def run(document, vector, **kwargs):
    options = vector["options"]
    policy = Policy(
        by_kid(trusted(document, vector)),
        options.get("account"),
        options.get("require_cache_id", False),
        signatures=options.get("signatures", "every"),
        observers=frozenset(options.get("observers", ())),
        **kwargs,
    )
    period = options.get("period")
    return verify(
        [bytes_source("input", input_of(vector))],
        policy,
        period=tuple(period) if period else None,
        record=record_of(options),
        cards=[read_card(bytes.fromhex(card)) for card in options.get("cards", [])],
        known=known(options),
    )


LONG = {"limit-lost-beyond", "limit-lost-twice"}
"""Vectors that take seconds."""


def backends():
    """Every vector with each library; with the second one, and what takes seconds, only where there is time."""
    for backend in BACKENDS:
        for param in VECTORS:
            document, vector = param.values
            later = backend != BACKENDS[-1] or vector["id"] in LONG
            marks = pytest.mark.slow if later else ()
            yield pytest.param(document, vector, backend, id=f"{vector['id']}-{backend}", marks=marks)  # fmt: skip


@pytest.mark.parametrize(("document", "vector", "backend"), list(backends()))
def test_vector(document, vector, backend, folder):
    if vector["verdict"] is None:
        with pytest.raises((KeyFileError, NotABatchError, RecordError)):
            run(document, vector, backend=backend)
        return
    report = run(document, vector, backend=backend)

    found = sorted(finding.code for finding in report.findings)
    expected = sorted(([vector["finding"]] if vector["finding"] else []) + vector["also"])
    if vector.get("codes_only"):
        assert set(found) == set(expected)
    else:
        assert found == expected, [f.as_dict() for f in report.findings]
        if vector["finding"]:
            named = [f for f in report.findings if f.code == vector["finding"]]
            assert (vector["item"], vector["rule"]) in [(f.item, f.rule) for f in named]
    assert str(report.verdict) == vector["verdict"]

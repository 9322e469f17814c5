"""The second verifier gives the verdict and exactly the findings that the vectors of spec/vectors name."""

import json

import pytest

from tests.test_vectors import DOCUMENTS, LONG, input_of, key_sets
from tests.web.node import second_verifier

SMALL = [
    pytest.param(document, vector, id=vector["id"], marks=pytest.mark.slow if vector["id"] in LONG or "input_deflate" in vector else ())
    for document in DOCUMENTS.values()
    for vector in document["vectors"]
]  # fmt: skip


@pytest.fixture(scope="module")
def second():
    with second_verifier() as verifier:
        yield verifier


def test_all_of_them_run():
    assert len(SMALL) == 868


def record_of(options):
    """The customer's record of a vector, as the second verifier takes it; None: there is none. The options lose what is in it."""
    rows = {name: options.pop(name) for name in ("requests", "prompts") if name in options}
    record = {name: ["".join(json.dumps(row) + "\n" for row in listed)] for name, listed in rows.items()}  # fmt: skip
    if "received" in options:
        record["received"] = ["".join(options.pop("received"))]
    if "cache_key" in options:
        record["cacheKey"] = json.dumps(options.pop("cache_key"))
    return record or None


@pytest.mark.parametrize(("document", "vector"), SMALL)
def test_vector(document, vector, second):
    options = dict(vector["options"])
    options["requireCacheId"] = options.pop("require_cache_id", False)
    options["record"] = record_of(options)
    answer = second.verify([input_of(vector)], key_sets(document, vector), **options)

    assert answer["verdict"] == vector["verdict"], json.dumps(answer)
    if vector["verdict"] is None:
        return
    found = sorted(code for code, _, _, _ in answer["findings"])
    expected = sorted(([vector["finding"]] if vector["finding"] else []) + vector["also"])
    if vector.get("codes_only"):
        assert set(found) == set(expected)
        return
    assert found == expected, answer["findings"]
    if vector["finding"]:
        named = [vector["finding"], vector["rule"], vector["item"]]
        assert named in [finding[:3] for finding in answer["findings"]]

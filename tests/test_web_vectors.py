"""The second verifier gives the verdict and exactly the findings that the vectors of spec/vectors name."""

import json

import pytest

from tests.test_vectors import DOCUMENTS, LONG, input_of, key_sets
from tests.web.node import second_verifier

OUTSIDE = {"requests", "received", "prompts"}
"""Options of step 14 and of rate cards, which the second verifier does not have."""
PACKS = "packs.json"
"""The second verifier refuses packs, and says so."""
SMALL = [
    pytest.param(document, vector, id=vector["id"], marks=pytest.mark.slow if vector["id"] in LONG or "input_deflate" in vector else ())
    for name, document in DOCUMENTS.items()
    if name != PACKS
    for vector in document["vectors"]
    if not OUTSIDE & set(vector["options"])
]  # fmt: skip


@pytest.fixture(scope="module")
def second():
    with second_verifier() as verifier:
        yield verifier


def test_what_is_left_out_is_what_it_says():
    left = {name: sum(name == PACKS or bool(OUTSIDE & set(v["options"])) for v in d["vectors"]) for name, d in DOCUMENTS.items()}  # fmt: skip
    assert {name: count for name, count in left.items() if count} == {
        "units.json": 18, "corrections.json": 5, "record.json": 75, PACKS: 79,
    }  # fmt: skip
    assert len(SMALL) == 677


@pytest.mark.parametrize(("document", "vector"), SMALL)
def test_vector(document, vector, second):
    options = dict(vector["options"])
    options["requireCacheId"] = options.pop("require_cache_id", False)
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

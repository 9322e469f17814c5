"""The second verifier reads the rate cards of the vectors, and prices what the first one prices, to the picounit."""

import json
from pathlib import Path
from random import Random

import pytest

from tests.build import KEY, jwk_set, receipt_claims, sign_receipt
from tests.web.node import second_verifier
from tests.web.pricing import priced_case
from verifier import CardError, Policy, by_kid, bytes_source, read_card, read_jwks, verify

VECTORS = json.loads((Path(__file__).parents[1] / "spec/vectors/rate-cards.json").read_text())


@pytest.fixture(scope="module")
def second():
    with second_verifier() as verifier:
        yield verifier


@pytest.mark.parametrize("vector", VECTORS["cards"], ids=lambda vector: vector["id"])
def test_vectors_of_cards(vector, second):
    answer = second.card(bytes.fromhex(vector["card"]))
    assert answer.get("field") == vector["field"]


def test_the_digest_is_the_identity_of_a_card(second):
    assert second.card(bytes.fromhex(VECTORS["card"])) == {"digest": VECTORS["digest"]}


@pytest.mark.parametrize("vector", VECTORS["prices"], ids=lambda vector: vector["id"])
def test_vectors_of_prices(vector, second):
    cached, output = vector["cached"], vector["output"]
    counts = {1: vector["logical"]} | ({} if cached is None else {2: cached, 3: vector["logical"] - cached})  # fmt: skip
    counts |= {4: {int(ttl): n for ttl, n in vector["writes"].items()}} if vector["writes"] else {}
    told = {1: output} | ({} if vector["reasoning"] is None else {2: vector["reasoning"]})
    claims = receipt_claims(
        time=vector["time"], model=vector["model"], input=counts, output=None if output is None else told,
        source={1: vector["provider"], 2: "a"}, units=vector["units"] or None,
    )  # fmt: skip
    (card,) = second.verify([sign_receipt(claims).data], [jwk_set(KEY)], cards=[VECTORS["card"]])["cards"]  # fmt: skip
    assert (card["lower"], card["upper"]) == (vector["lower"], vector["upper"])
    assert (card["priced"], card["unpriced"]) == (1, 0)


def compared(number, second):
    """The codes of a random case, after both said the same of it."""
    card, batch = priced_case(Random(number))
    try:
        known = read_card(card)
    except CardError:
        assert "field" in second.card(card), f"case {number}"
        return {"card"}
    policy = Policy(by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode())))
    report = verify([bytes_source("b", batch)], policy, cards=[known])
    answer = second.verify([batch], [jwk_set(KEY)], cards=[card.hex()])
    assert answer["cards"] == [one.as_dict() for one in report.cards], f"case {number}"
    found = sorted([f.code, f.rule, f.item, f.count] for f in report.findings)
    assert sorted(answer["findings"]) == found, f"case {number}"
    return {(code, rule) for code, rule, *_ in found}


def test_some_prices(second):
    codes = set().union(*(compared(number, second) for number in range(100)))
    assert codes >= {
        "card", ("charge-row-missing", "R-18.2"), ("charge-differs", "R-18.3"), ("charge-differs", "R-18.4"),
    }  # fmt: skip


@pytest.mark.slow
def test_many_prices(second):
    for number in range(100, 3000):
        compared(number, second)

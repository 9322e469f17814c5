"""A month against its invoice in every kind of export: they agree, and planted errors are told, exactly these."""

import json
import tomllib
from fractions import Fraction

import pytest

from attribution.money import KINDS, Invoice, Ledger, Registry, compare, reconciled
from tests.finance.closed import write_organisation
from tests.finance.invoices import NAMING, folded, planted, written
from tests.finance.organisation import organisation
from tests.finance.plain.requests import Month
from tests.ratecards import checking


@pytest.fixture(scope="module")
def month():
    """Requests in a ledger, and the same priced plainly."""
    made = organisation(6, 1500)
    plain = Month(made.rows, tomllib.loads(made.files["card.toml"]), {}, made.period)
    with Ledger() as ledger:
        ledger.load(made.rows, checking(made.files["card.toml"]), Registry("USD"))
        yield made, plain, ledger


def against(ledger, kind, text):
    invoice = Invoice(KINDS[kind].binary)
    KINDS[kind].read("export", text.encode(), NAMING, invoice)
    invoice.end()
    return reconciled(compare(ledger, invoice, KINDS[kind], ()), invoice)


@pytest.mark.parametrize("kind", KINDS)
def test_they_agree(month, kind):
    _, plain, ledger = month
    lines = folded(plain, kind)
    found = against(ledger, kind, written(lines, kind))
    assert (found["differences"], found["known"], found["not_compared"]) == ([], [], [])
    assert found["lines"] == len(lines)
    if KINDS[kind].amounts:
        billed = sum(amount for _, amount in lines.values())
        rounding = Fraction(found["rounding"])
        assert Fraction(found["invoice"]) == billed
        assert rounding == billed - Fraction(found["receipts"])
        assert abs(rounding) <= len(lines) * Fraction(found["tolerance"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 5))]
)
def test_planted_errors_are_told_and_nothing_else(month, kind, seed):
    made, plain, ledger = month
    lines, after = folded(plain, kind), made.day(made.days)
    wrong, expected = planted(lines, kind, seed, after)
    found = against(ledger, kind, written(wrong, kind))
    told = [
        (one["day"], one["model"], one["class"], one["kind"], one["quantity"])
        for one in found["differences"]
    ]
    assert sorted(told, key=str) == sorted(expected, key=str)
    assert (found["known"], found["not_compared"]) == ([], [])
    for one in found["differences"] if KINDS[kind].amounts else []:
        key = one["day"], one["model"], one["class"]
        exact = sum(
            line.amount for request in plain.requests if request.day == key[0] for line in request.price.lines
            if key in folded_as(request, line, kind)
        )  # fmt: skip
        billed = wrong[key][1] if key in wrong else 0
        assert Fraction(one["amount"]) == billed - Fraction(exact, 10**12)


def folded_as(request, line, kind):
    """The keys that a line may stand under."""
    yield request.day, request.model, line.name
    yield (
        request.day,
        request.model,
        "request" if kind == "litellm" else line.name.partition(".")[0],
    )
    if line.name == "requests.web_search":
        yield request.day, "anthropic/*", "web_search"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "anthropic-usage", "openai-costs", "litellm"])
def test_the_command_tells_them(shell, folder, month, kind):
    """Kinds that need no map; the exit code is that of a rejected batch."""
    made, plain, _ = month
    write_organisation(folder, made)
    lines = folded(plain, kind)
    wrong, expected = planted(lines, kind, 1, made.day(made.days))
    for name, told, code in (("right", [], 0), ("wrong", expected, 1)):
        (folder / name).write_text(written(wrong if code else lines, kind))
        result = shell(
            f"reconcile batch.cbor --keys keys.json --card card.cbor --invoice {name} --kind {kind} --json"
        )
        found = json.loads(result.out)
        assert (result.code, len(found["differences"])) == (code, len(told))
        keys = {
            (one["day"], one["model"], one["class"], one["kind"]) for one in found["differences"]
        }
        assert keys == {one[:4] for one in told}

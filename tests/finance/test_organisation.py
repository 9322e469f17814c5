"""An organisation's month through the commands: what was planted in it is found and named, and every table sums to the invoice."""

import csv
import json
import tomllib
from decimal import Decimal
from io import StringIO

import pytest

from cli.main import run
from tests.finance.closed import write_organisation
from tests.finance.organisation import UNOWNED, organisation
from tests.finance.plain import document


class Told:
    """A month in a folder, and what the command says of it."""

    def __init__(self, folder, month):
        self.folder, self.month = folder, month
        write_organisation(folder, month)
        self.document = json.loads(self.attribute("--json", "--by", "team,customer,model"))

    def attribute(self, *options):
        names = {
            "--keys": "keys.json",
            "--card": "card.cbor",
            "--config": "finance.toml",
            "--trust-store": "trust",
            "-o": "out",
        }
        files = [
            word for option, name in names.items() for word in (option, str(self.folder / name))
        ]
        assert run(["attribute", str(self.folder / "batch.cbor"), *files, *options]) == 0
        return (self.folder / "out").read_text()


SEEDS = [
    (1, 2500),
    *(pytest.param(one, marks=pytest.mark.slow) for one in [(2, 3000), (3, 300_000)]),
]


@pytest.fixture(scope="module", params=SEEDS, ids=str)
def told(request, tmp_path_factory):
    seed, count = request.param
    return Told(tmp_path_factory.mktemp("month"), organisation(seed, count))


def picounits(text):
    return int(text.replace(".", ""))


def test_what_was_planted_is_found_and_named(told):
    found, month, events = told.document, told.month, told.month.events
    named = {one["prefix"]: one for one in found["breaks"]}
    assert sorted(named) == ["copilot", "support-kb"]
    schema, template = named["copilot"], named["support-kb"]
    assert schema["cause"] == {
        "team": "search",
        "what": "tool schema v2",
        "time": f"{month.day(events.schema[0])}T09:00:00Z",
    }
    assert (schema["owner"], [*schema["provider_reasons"]]) == ("platform", ["tools_changed"])
    assert (schema["evidence"], [*schema["pays"]["7d"]]) == ("deploy names the prefix", ["search"])
    assert template["cause"]["what"] == "date line in the template"
    assert template["cause"]["time"] == f"{month.day(events.template[0])}T09:00:00Z"
    assert ([*template["provider_reasons"]], [*template["pays"]["7d"]]) == (
        ["system_changed"],
        ["growth", "support"],
    )
    (unowned,) = found["unowned_prefixes"]
    assert (unowned["prefix"], unowned["teams"]) == (f"id:{UNOWNED}", ["data", "growth"])
    gaps = {(one["tag"], one["reason"]) for one in found["attributed"]["gaps"]}
    assert gaps == {
        ("team", "absent"),
        ("team", "unknown"),
        ("feature", "absent"),
        ("environment", "absent"),
    }
    (storm,) = found["repeats"]
    assert (storm["team"], storm["feature"], storm["customer"]) == (
        "growth",
        "lead-score",
        events.storm_customer,
    )
    assert (storm["requests"], storm["first"]) == (
        events.stormed,
        f"{month.day(events.storm)}T15:00:00Z",
    )
    assert month.day(events.storm) in {one["day"] for one in found["spike_days"]}
    (moved,) = found["moved_features"]
    assert (moved["feature"], moved["from"], moved["to"]) == (
        "reply",
        "anthropic/haiku",
        "anthropic/sonnet",
    )
    assert moved["week"] == month.day(events.flagship)
    assert picounits(moved["cost_per_request_before"]) < picounits(moved["cost_per_request"])


def test_a_spike_names_the_feature_first(told):
    month, move = told.month, told.month.events.flagship
    before, first, end = (month.day(day) for day in (move - 7, move, move + 7))
    text = told.attribute(
        "--report", "spike", "--between", f"{before}..{first}", "--and", f"{first}..{end}"
    )
    table = text.partition("spike: rows\n")[2].partition("\n  feature ")[0].splitlines()
    rises = {
        (row[0], row[1]): Decimal(row[3]) - Decimal(row[2]) for row in map(str.split, table[1:])
    }
    assert ("reply", "anthropic/sonnet") in [*rises][:3]
    assert [*rises.values()] == sorted(rises.values(), reverse=True)


def test_every_table_sums_to_the_invoice(told):
    found = told.document
    invoice = picounits(found["totals"]["invoice"])
    assert len(found["methods"]) == 4
    for tables in found["methods"].values():
        assert len(tables) == 8
        for rows in tables.values():
            assert sum(picounits(row["amount"]) for row in rows) == invoice
    for method in found["methods"]:
        assert sum(picounits(row[method]) for row in found["compare"]) == invoice
    charged = sum(picounits(row["amount"]) for row in found["chargeback"])
    assert charged == (invoice + 5 * 10**9) // 10**10


def test_the_document_is_that_of_the_plain_computation(told):
    month, found = told.month, told.document
    if len(month.rows) > 30_000:
        pytest.skip("the plain computation is slow")
    finance = tomllib.loads(month.files["finance.toml"])
    for name in ("revenue", "drivers"):
        finance[name] = list(csv.DictReader(StringIO(month.files[f"{name}.csv"])))
    card = tomllib.loads(month.files["card.toml"])
    for name, value in document(month.rows, card, finance, month.period).items():
        if name == "methods":
            value = {
                method: {
                    **tables,
                    "team,customer,model": found[name][method]["team,customer,model"],
                }
                for method, tables in value.items()
            }
        assert found[name] == value, name

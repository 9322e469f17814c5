"""finance.toml: what is wrong in it is refused with file, line and column."""

from fractions import Fraction

import pytest

from attribution.money import Breakage, Bucket, Deploy, Pool, Prefix, Registry, Rule, Tagging, Team
from cli.finance.records import Inputs
from cli.finance.registry import read_registry
from receipts import TomlFileError

GOOD = """\
currency = "USD"
deploys = "deploys.csv"
[tags]
required = ["team", "feature"]
owner = "b"
allowed = {surface = ["web", "api"]}
[methods.warmup-adjusted]
owner_share = "0.30"
[methods.platform-tax]
team = "a"
keep = "0.10"
[breakage]
rule = "last-touch"
bucket = "hour"
drop = "0.4"
recover = "0.9"
min_requests = 7
[[team]]
name = "a"
cost_center = "CC-1"
budget = "10.00"
engineering = "2.5"
[[team]]
name = "b"
[[prefix]]
name = "p"
owner = "a"
tokens = 100
ids = ["00", "ff"]
[[prefix]]
name = "q"
owner = "b"
tokens = 50
[[pool]]
name = "db"
amount = "12.50"
by = "driver"
capacity = 10
[[pool]]
name = "discount"
amount = "-0.25"
by = "spend"
"""
DEPLOYS = """\
time,team,what,prefixes
2025-10-07T09:00:00Z,a,"one, two",p q
2025-10-07T09:00:00.5+02:00,b,,
"""
DRIVERS = "pool,customer,quantity\ndb,c1,3\ndb,c2,4\n"
REVENUE = "dimension,value,revenue\ncustomer,c1,1.50\nfeature,chat,0.000000000001\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("finance.toml", GOOD),
        ("deploys.csv", DEPLOYS),
        ("drivers.csv", DRIVERS),
        ("revenue.csv", REVENUE),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def read(folder):
    inputs = Inputs()
    return read_registry((folder / "finance.toml").relative_to(folder), inputs), inputs


def test_a_good_one(folder):
    found, inputs = read(folder)
    assert found.registry == Registry(
        "USD",
        {"a": Team("a", "CC-1", 10 * 10**12, 25 * 10**11), "b": Team("b")},
        Tagging(["team", "feature"], "b", {"surface": frozenset({"web", "api"})}),
        {"p": Prefix("p", "a", 100, ["00", "ff"]), "q": Prefix("q", "b", 50, [])},
        [
            Deploy(1_759_827_600_000, "a", "one, two", ["p", "q"]),
            Deploy(1_759_820_400_500, "b", "", []),
        ],
        [
            Pool("db", 125 * 10**11, "driver", {"c1": 3, "c2": 4}, 10),
            Pool("discount", -25 * 10**10, "spend"),
        ],
        {"customer": {"c1": 15 * 10**11}, "feature": {"chat": 1}},
        Fraction(3, 10),
        "a",
        Fraction(1, 10),
        Breakage(Rule.LAST_TOUCH, Bucket.HOUR, Fraction(2, 5), Fraction(9, 10), 7),
    )
    assert list(inputs.digests) == ["finance.toml", "deploys.csv", "drivers.csv", "revenue.csv"]


def test_the_least(folder):
    for name in ("deploys.csv", "drivers.csv", "revenue.csv"):
        (folder / name).unlink()
    (folder / "finance.toml").write_text('currency = "EUR"\n')
    assert read(folder)[0].registry == Registry("EUR", deploys=[], pools=[])


def place(text, at):
    """Line and column of a place in a text."""
    before = text[:at]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


@pytest.mark.parametrize(
    ("old", "new", "field", "expected"),
    [
        ('currency = "USD"', 'currency = "usd"', "currency", "three capital letters, like USD"),
        ('name = "b"', 'name = "a"', "team[1].name", "each once"),
        ('name = "b"', 'nam = "b"', "team[1].nam", "one of name, cost_center, budget, engineering"),
        ('name = "q"', 'name = "p"', "prefix[1].name", "each once"),
        ('owner = "a"', 'owner = "z"', "prefix[0].owner", "a registered team"),
        ('owner = "b"', 'owner = "z"', "tags.owner", "a registered team"),
        ('team = "a"', 'team = "z"', "methods.platform-tax.team", "a registered team"),
        ("tokens = 50", 'tokens = 50\nids = ["ff"]', "prefix[1].ids[0]", "an identifier of one prefix"),
        ("tokens = 50", "tokens = 0", "prefix[1].tokens", "at least 1 token"),
        ("tokens = 50", "tokens = 1.5", "prefix[1].tokens", "a whole number of at least 0"),
        ("tokens = 50", "tokens = true", "prefix[1].tokens", "a whole number of at least 0"),
        ('["00", "ff"]', '["0G"]', "prefix[0].ids[0]", "an identifier of 1 to 64 bytes in lower-case hexadecimal"),
        ('owner_share = "0.30"', 'owner_share = "1.01"', "methods.warmup-adjusted.owner_share",
         'a decimal text from 0 to 1, like "0.20"'),
        ('keep = "0.10"', "keep = 0.10", "methods.platform-tax.keep", 'a decimal text from 0 to 1, like "0.20"'),
        ('drop = "0.4"', 'drop = "-0.1"', "breakage.drop", 'a decimal text from 0 to 1, like "0.20"'),
        ("min_requests = 7", "min_requests = 0", "breakage.min_requests", "at least 1 request"),
        ('rule = "last-touch"', 'rule = "first"', "breakage.rule", "one of owner-of-prefix, last-touch, 7d"),
        ('amount = "12.50"', "amount = 12.50", "pool[0].amount", 'a decimal text of at most 12 places, like "12.50"'),
        ('amount = "12.50"', 'amount = "0.0000000000001"', "pool[0].amount",
         'a decimal text of at most 12 places, like "12.50"'),
        ('by = "spend"', 'by = "mood"', "pool[1].by", "one of requests, tokens, spend, driver"),
        ('by = "spend"', 'by = "spend"\ncapacity = 1', "pool[1].capacity",
         "no capacity, where no driver says what of it was used"),
        ('by = "spend"', 'by = "driver"', "pool[1].by", "quantities of this pool in the drivers"),
        ('name = "discount"', 'name = "db"', "pool[1].name", "each once"),
        ('deploys = "deploys.csv"', 'deploys = "deploys.json"', "deploys", "the name of a CSV file"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file(folder, old, new, field, expected):
    text = GOOD.replace(old, new, 1)
    (folder / "finance.toml").write_text(text)
    with pytest.raises(TomlFileError) as caught:
        read(folder)
    error = caught.value
    assert (error.file, error.field, error.expected) == ("finance.toml", field, expected)
    where = place(text, GOOD.index(old) + new.rfind("\n") + 1)
    if "[0]" in field.rpartition(".")[2]:  # a value of an array may stand elsewhere in its line
        assert error.line == where[0]
    else:
        assert (error.line, error.column) == where


@pytest.mark.parametrize(
    ("file", "old", "new", "column", "field", "expected"),
    [
        ("deploys.csv", "09:00:00Z,a", "09:00:00Z,z", 22, "team", "a registered team"),
        ("deploys.csv", "p q", "p z", 35, "prefixes[1]", "a registered prefix"),
        ("deploys.csv", "p q", "p p", 35, "prefixes[1]", "each text once"),
        ("deploys.csv", "09:00:00Z,a", "09:00:00,a", 1, "time", "a time with its offset, like 2026-10-07T09:00:00Z"),
        ("deploys.csv", "2025-10-07T09:00:00Z,a", ",a", 1, "cell", "a value for time"),
        ("deploys.csv", ',"one, two",p q', "", 22, "cell", "4 cells"),
        ("deploys.csv", '"one, two"', '"one, two', 1, "line", "cells in one line"),
        ("drivers.csv", "db,c1,3", "cpu,c1,3", 1, "pool", "a pool that is split by a driver"),
        ("drivers.csv", "db,c1,3", "db,c1,-3", 7, "quantity", "a whole number of at least 0"),
        ("drivers.csv", "db,c1,3", "db,c2,3", 4, "customer", "each once"),
        ("revenue.csv", "customer,c1,1.50", "colour,c1,1.50", 1, "dimension", "one of customer, feature"),
        ("revenue.csv", "customer,c1,1.50", "customer,c1,1e3", 13, "revenue",
         'a decimal text of at most 12 places, like "12.50"'),
        ("revenue.csv", "value,revenue", "value,price", 17, "cell", "columns of dimension, value, revenue, each once"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_table_beside_it(folder, file, old, new, column, field, expected):
    path = folder / file
    text = path.read_text()
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(TomlFileError) as caught:
        read(folder)
    error = caught.value
    assert (error.file, error.field, error.expected) == (file, field, expected)
    line = (
        3 if "c2,3" in new else place(text, text.index(old))[0]
    )  # it is told where it comes again
    assert (error.line, error.column) == (line, column)


def test_a_table_beside_it_that_is_no_text(folder):
    (folder / "revenue.csv").write_bytes(b"dimension,value,revenue\ncustomer,\xff,1\n")
    with pytest.raises(TomlFileError) as caught:
        read(folder)
    assert (caught.value.line, caught.value.expected) == (2, "text in UTF-8")
    (folder / "revenue.csv").write_bytes(b"")
    with pytest.raises(TomlFileError, match="expected dimension,value,revenue, found nothing"):
        read(folder)


def test_records_stand_in_the_file_or_beside_it(folder):
    (folder / "finance.toml").write_text(
        GOOD + '[[deploy]]\ntime = 2025-10-01T00:00:00Z\nteam = "a"\n'
    )
    with pytest.raises(TomlFileError) as caught:
        read(folder)
    assert (caught.value.field, caught.value.expected) == ("deploys", "either it or [[deploy]]")


def test_deploys_in_the_future(folder):
    found, _ = read(folder)
    found.check_deploys(1_759_827_600_000)
    with pytest.raises(TomlFileError) as caught:
        found.check_deploys(1_759_827_599_999)
    error = caught.value
    assert (error.file, error.line, error.column, error.field) == ("deploys.csv", 2, 1, "time")

"""``receipt query``: exact sums over the views, and nothing else."""

import json
from pathlib import Path

import pytest

from tests.cli import Shell
from tests.finance.closed import write_month
from tests.finance.running import ROWS

RUN = "batch.cbor --keys keys.json --card card.cbor --config finance.toml"


@pytest.fixture
def query(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECEIPT_TRUST_STORE", str(tmp_path / "trust"))
    write_month(tmp_path, ROWS)
    shell = Shell(capfd)
    return lambda sql, line="": shell("query", sql, *f"{RUN} {line}".split())


def test_sums_are_exact(query):
    sql = "select team, sum(amount) as spent, count(*) as requests from receipts group by all order by team"
    result = query(sql)
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "team          spent  requests\n"
        "assist  23400000000         1\n"
        "data     5400000000         1\n"
        "growth  15000000000         1\n"
        "search  51000000000         1\n"
    )
    found = json.loads(query(sql, "--json").out)
    assert found == {
        "query": 1, "verdict": "verified", "columns": ["team", "spent", "requests"], "types": ["VARCHAR", "HUGEINT", "BIGINT"],
        "rows": [["assist", "23400000000", 1], ["data", "5400000000", 1], ["growth", "15000000000", 1], ["search", "51000000000", 1]],
    }  # fmt: skip
    assert query(sql, "--format csv").out.splitlines()[:2] == ["team,spent,requests", "assist,23400000000,1"]  # fmt: skip


VIEWS = {"receipts": 4, "lines": 9, "leaves": 18, "prefixes": 3}


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_there(query, view):
    result = query(f"from {view} select count(*) as rows", "--format csv")
    assert (result.code, result.out) == (0, f"rows\n{VIEWS[view]}\n")


def test_what_is_absent_is_not_zero(query):
    result = query("select ttl from lines where class = 'output' limit 1")
    assert result.out == "ttl\n  -\n"
    assert (
        query("select ttl from lines where class = 'output' limit 1", "--format csv").out
        == 'ttl\n""\n'
    )


def test_what_a_terminal_obeys_is_shown_as_text(query):
    assert query("select chr(27) || '[31m' as x").out == "x\n\\x1b[31m\n"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "select * from read_csv('batch.cbor')",
            'Permission Error: Cannot access file "batch.cbor"',
        ),
        ("select * from read_text('https://example.com/')", "Permission Error"),
        (
            "select * from 'finance.toml'",
            "Catalog Error: Table with name finance.toml does not exist!",
        ),
        ("copy receipts to 'x.csv'", "expected one SELECT"),
        ("attach 'x.db'", "expected one SELECT"),
        ("create table x as select 1", "expected one SELECT"),
        ("set lock_configuration = false", "expected one SELECT"),
        ("insert into main.receipts select * from main.receipts", "expected one SELECT"),
        ("select 1; select 2", "expected one SELECT"),
        ("", "expected one SELECT"),
        ("select nothing from receipts", 'Binder Error: Referenced column "nothing" not found'),
        ("selec", "Parser Error: syntax error"),
        ("select 1 / 0::hugeint + cast('x' as int)", "Conversion Error"),
    ],
)
def test_what_is_refused(query, sql, message):
    result = query(sql)
    assert (result.code, result.out) == (2, "")
    assert f"receipt: error: {message}" in result.err
    assert "hint: spec/exports.md has the views and their columns" in result.err
    assert not Path("x.csv").exists()
    assert not Path("x.db").exists()

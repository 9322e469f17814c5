"""``receipt attribute``: from a closed batch to tables, and what it refuses."""

import csv
import json
from hashlib import sha256
from io import StringIO

import pytest

from tests.cli import Shell
from tests.finance.closed import CARD, FINANCE, write_card, write_month
from tests.finance.running import DAY, IDENTIFIER, ROWS, START, request

RUN = "attribute batch.cbor --keys keys.json --card card.cbor --config finance.toml"


@pytest.fixture
def shell(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECEIPT_TRUST_STORE", str(tmp_path / "trust"))
    write_month(tmp_path, ROWS)
    return Shell(capfd)


def document(shell, line=""):
    result = shell(f"{RUN} --json {line}")
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def test_the_running_example_as_json(shell):
    found = document(shell)
    assert found["totals"]["invoice"] == "0.094800000000"
    assert found["totals"]["net_saving"] == "0.037200000000"
    assert found["uncertain"] == "0.000000000000"
    assert found["period"] == ["2025-10-01T00:00:00Z", "2025-11-01T00:00:00Z"]
    assert found["compare"][4] == {
        "team": "search", "direct": "0.051000000000", "warmup-adjusted": "0.045000000000",
        "platform-tax": "0.033586363636", "pooled": "0.034058823529",
        "warmup-adjusted_minus_direct": "-0.006000000000", "platform-tax_minus_direct": "-0.017413636364",
        "pooled_minus_direct": "-0.016941176471",
    }  # fmt: skip
    assert found["warmup_credits"] == "0.006000000000"
    assert found["cache_tax"]["7d"][3] == {
        "team": "platform", "credit": "0.000000000000", "misses_owned": "0.027600000000",
        "invalidations_caused": "0.000000000000", "warmups": "0.000000000000", "write_premiums": "0.000000000000",
        "storage": "0.000000000000", "net": "-0.027600000000",
    }  # fmt: skip
    assert [row["amount"] for row in found["chargeback"]] == ["0.02", "0.01", "0.01", "0.05"]
    assert (found["verdict"], found["findings"], found["open"]) == ("verified", [], False)


def test_all_inputs_are_named_with_their_digests(shell, tmp_path):
    (tmp_path / "revenue.csv").write_text("dimension,value,revenue\ncustomer,c1,1.50\n")
    inputs = {one["name"]: one["sha256"] for one in document(shell)["inputs"]}
    assert list(inputs) == ["batch.cbor", "finance.toml", "revenue.csv", "card.cbor"]
    for name, digest in inputs.items():
        assert digest == sha256((tmp_path / name).read_bytes()).hexdigest()


def test_the_text_fits_80_columns(shell):
    for line in ("", "--report all", "--report all --compare --by team,model --method pooled"):
        result = shell(f"{RUN} {line}")
        assert result.code == 0
        assert max(map(len, result.out.splitlines())) <= 80
    assert "  search    0.051000         0.045000      0.033586  0.034059" in result.out
    assert "methods: pooled: team,model" in result.out


def test_csv_has_one_header_and_marks_every_row(shell):
    result = shell(f"{RUN} --format csv --report allocation")
    rows = list(csv.DictReader(StringIO(result.out)))
    assert {row["batch"] for row in rows} == {"verified"}
    direct = [row for row in rows if row["table"] == "methods: direct: team"]
    assert (direct[0]["team"], direct[0]["amount"]) == ("assist", "0.023400000000")


def test_a_spreadsheet_gets_no_formula_and_markdown_no_table(shell, tmp_path):
    hostile = '=HYPERLINK("x")|<b>'
    write_month(tmp_path, [request(1, "data", logical=10, tags={"customer": hostile})])
    sheet = shell(f"{RUN} --format csv --report margin").out
    assert "'" + hostile in {row["customer"] for row in csv.DictReader(StringIO(sheet))}
    page = shell(f"{RUN} --format markdown --report margin").out
    assert '| =HYPERLINK("x")\\|\\<b\\> |' in page
    assert "| team | amount |" not in page


def test_nothing_of_a_receipt_reaches_the_terminal_unescaped(shell, tmp_path):
    write_month(tmp_path, [request(1, "data", logical=10, tags={"feature": "\x1b[31mred\n"})])
    result = shell(f"{RUN} --report margin")
    assert "\x1b" not in result.out
    assert "\\x1b[31mred\\n" in result.out


def test_an_output_file(shell, tmp_path):
    assert shell(f"{RUN} --json -o out.json").out == ""
    assert json.loads((tmp_path / "out.json").read_text())["receipts"] == 4


@pytest.mark.parametrize(("share", "code"), [("0.85", 1), ("0.75", 0), ("0.842", 1)])
def test_a_required_share_decides_the_exit_code(shell, tmp_path, share, code):
    rows = [
        request(at, team, logical=1000) for at, team in enumerate([None, "data", "data", "data"])
    ]
    write_month(tmp_path, rows)
    result = shell(f"{RUN} --require-attributed {share}")
    assert result.code == code
    assert ("0.750000 of the spend is attributed, less than" in result.err) is bool(code)


def test_an_open_period_is_refused_or_marked(shell, tmp_path):
    write_month(tmp_path, ROWS, closed=False)
    result = shell(RUN)
    assert (result.code, result.out) == (3, "")
    assert result.err == (
        "receipt: error: the batch is incomplete (statement-missing)\n"
        "receipt: hint: see receipt verify; --include-unverified makes figures all the same, and marks them\n"
    )
    found = document(shell, "--include-unverified")
    assert (found["verdict"], found["findings"]) == ("incomplete", ["statement-missing"])
    assert (found["open"], found["period"]) == (
        True,
        ["2025-10-01T00:00:00Z", "2025-10-02T00:00:00Z"],
    )
    assert (
        "NOT VERIFIED: incomplete (statement-missing)" in shell(f"{RUN} --include-unverified").out
    )
    assert "the period is open" in shell(f"{RUN} --include-unverified --format markdown").out
    sheet = csv.DictReader(StringIO(shell(f"{RUN} --include-unverified --format csv").out))
    assert {row["batch"] for row in sheet} == {"incomplete"}


def test_a_rejected_batch_makes_no_figures(shell, tmp_path):
    batch = bytearray((tmp_path / "batch.cbor").read_bytes())
    batch[batch.index(b"search")] ^= 1
    (tmp_path / "batch.cbor").write_bytes(batch)
    for line in (RUN, f"{RUN} --include-unverified"):
        result = shell(line)
        assert (result.code, result.out) == (1, "")
        assert "the batch is rejected (" in result.err
        assert "no figures are made from it" in result.err


def test_only_the_period_counts(shell, tmp_path):
    rows = [*ROWS, request(9, "data", logical=1000, time=START + 2 * DAY)]
    write_month(tmp_path, rows)
    found = document(shell, "--period 2025-10")
    assert (found["receipts"], found["verdict"]) == (5, "verified")
    found = json.loads(shell(f"{RUN} --json --include-unverified --period 2025-10-03").out)
    assert (found["receipts"], found["totals"]["invoice"]) == (1, "0.003000000000")


def test_a_request_without_a_price(shell, tmp_path):
    write_card(tmp_path / "card.cbor", CARD.replace(b"sonnet", b"opus"))
    result = shell(RUN)
    assert (result.code, result.out) == (2, "")
    assert (
        "request r0001: model: expected a row for anthropic, sonnet, no terms, found none"
        in result.err
    )


def test_a_card_in_another_currency(shell, tmp_path):
    write_card(tmp_path / "card.cbor", CARD.replace(b"USD", b"EUR"))
    assert "finance.toml is in USD, card.cbor in EUR" in shell(RUN).err


def test_a_card_that_is_none(shell, tmp_path):
    (tmp_path / "card.cbor").write_bytes(CARD)
    result = shell(RUN)
    assert result.code == 2
    assert "receipt ratecard sign makes one of a source in TOML" in result.err


def test_deploys_in_the_future_are_refused_when_the_period_is_known(shell, tmp_path):
    deploy = '\n[[deploy]]\nteam = "data"\ntime = 2999-01-01T00:00:00Z\n'
    (tmp_path / "finance.toml").write_text(FINANCE + deploy)
    result = shell(RUN)
    line = (FINANCE + deploy).splitlines().index("time = 2999-01-01T00:00:00Z") + 1
    assert (result.code, result.out) == (2, "")
    assert (
        f"finance.toml, line {line}, column 1: deploy[0].time: expected a time that has been, found 2999" in result.err
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--by team,colour", "--by team,colour: colour"),
        ("--by team,team", "--by team,team: team"),
        ("--where colour=red", "--where colour=red"),
        ("--between 2025-10-01..2025-10-08", "--between and --and go together"),
        (
            "--between 2025-10-08..2025-10-01 --and a..b",
            "2025-10-08..2025-10-01 is no span of days",
        ),
        ("--what-if luck=1", "--what-if luck=1 is not understood"),
        ("--what-if model=a:b", "--what-if model=a:b is not understood"),
        ("--what-if hit-rate=1.5", "1.5 is no number from 0 to 1"),
        ("--require-attributed most", "most is no number from 0 to 1"),
    ],
)
def test_options_that_are_not_understood(shell, options, message):
    result = shell(f"{RUN} {options}")
    assert (result.code, result.out) == (2, "")
    assert f"receipt: error: {message}" in result.err


def test_what_if_takes_another_card_model_or_term(shell, tmp_path):
    write_card(tmp_path / "cheap.cbor", CARD.replace(b'"15.00"', b'"0.00"'))
    found = document(shell, "--what-if card=cheap.cbor --report what-if")["what_if"]
    assert found == {
        "other": "card=cheap.cbor", "rows": [{"customer": None, "cost": "0.064800000000"}],
    }  # fmt: skip
    inputs = [one["name"] for one in document(shell, "--what-if card=cheap.cbor")["inputs"]]
    assert "cheap.cbor" in inputs
    assert (
        document(shell, "--what-if hit-rate=0.30 --report what-if")["what_if"]["hit_rate"] == "0.30"
    )


def test_tables_of_some_leaves_only(shell):
    found = document(shell, "--by model,day --where team=search")
    assert found["methods"]["direct"]["model,day"] == [
        {"model": "anthropic/sonnet", "day": "2025-10-01", "amount": "0.051000000000"}
    ]
    assert document(shell, "--where team=")["methods"]["direct"]["team"] == []


def test_duckdb_is_an_extra(shell, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    result = shell(RUN)
    assert result.code == 2
    assert "in the clone: pip install '.[finance]'" in result.err


def test_a_batch_without_receipts(shell, tmp_path):
    (tmp_path / "batch.cbor").write_bytes(b"")
    result = shell(f"{RUN} --include-unverified")
    assert result.code in (2, 3)
    assert "Traceback" not in result.err


def test_tables_by_session_and_user_are_of_requests(shell, tmp_path):
    rows = [
        request(at, "data", logical=1000, tags={"session": "s", "user": f"u{at}"}) for at in (1, 2)
    ]
    write_month(tmp_path, rows)
    found = document(shell, "--by user,session")
    assert found["requests"] == {
        "user,session": [
            {"user": "u1", "session": "s", "amount": "0.003000000000"},
            {"user": "u2", "session": "s", "amount": "0.003000000000"},
        ]
    }
    assert "user,session" not in found["methods"]["direct"]
    assert "  u1    s        0.003000" in shell(f"{RUN} --by user,session").out


def test_margins_without_other_environments(shell, tmp_path):
    rows = [
        request(at, "data", logical=1000, tags={"customer": "c", "environment": name})
        for at, name in enumerate(["production", "eval"])
    ]
    write_month(tmp_path, rows)
    (tmp_path / "revenue.csv").write_text("dimension,value,revenue\ncustomer,c,1.00\n")
    (row,) = document(shell, "--where environment=production")["margin"]
    assert (row["cost"], row["margin"]) == ("0.003000000000", "0.997000000000")
    assert document(shell)["margin"][0]["cost"] == "0.006000000000"


def test_a_day_is_a_day(shell):
    found = document(shell, "--where day=2025-10-01 --by surface")
    assert found["methods"]["direct"]["surface"] == [{"surface": None, "amount": "0.094800000000"}]
    assert "receipt: error: --where day=today" in shell(f"{RUN} --where day=today").err


@pytest.mark.parametrize(
    ("old", "new", "place", "told"),
    [
        ("tokens = 8000", f'tokens = 8000\nids = ["{IDENTIFIER}"]\n[[prefix]]\nname = "other"\nowner = "data"\ntokens = 1', 2,
         "prefix[1].ids[0]: expected an identifier of one prefix, found one of 'copilot' too"),
        ('owner = "platform"\ntokens', 'owner = "plat"\ntokens', 0, "prefix[0].owner: expected a registered team, found 'plat'"),
        ('keep = "0.10"', 'keep = "1.01"', 0,
         "methods.platform-tax.keep: expected a decimal text from 0 to 1, like \"0.20\", found '1.01'"),
        ('name = "search"', 'name = "data"', 0, "team[4].name: expected each once, found 'data' again"),
    ],
)  # fmt: skip
def test_a_registry_that_is_wrong_makes_no_figures(shell, tmp_path, old, new, place, told):
    """Two owners of a prefix, a team that is not there, a share over 1: with file, line and column, and nothing is written."""
    text = FINANCE.replace(old, new, 1)
    (tmp_path / "finance.toml").write_text(text)
    result = shell(f"{RUN} -o out.json")
    line = FINANCE[: FINANCE.index(old)].count("\n") + 1
    if place:
        line = len(text[: text.rindex(IDENTIFIER)].splitlines())
    column = text.splitlines()[line - 1].index('"' + IDENTIFIER) + 1 if place else 1
    assert (result.code, result.out) == (2, "")
    assert (
        result.err.splitlines()[0]
        == f"receipt: error: finance.toml, line {line}, column {column}: {told}"
    )
    assert not (tmp_path / "out.json").exists()

"""Figures that articles about prompt caching and cost attribution work out, through the commands."""

import json

import pytest

from tests.cli import Shell
from tests.finance.closed import CARD, FINANCE, write_card, write_month
from tests.finance.running import DAY, IDENTIFIER, START, request

FILES = "batch.cbor --keys keys.json"
RUN = f"attribute {FILES} --card card.cbor --config finance.toml --json"


@pytest.fixture
def shell(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECEIPT_TRUST_STORE", str(tmp_path / "trust"))
    return Shell(capfd)


@pytest.fixture
def figures(shell, tmp_path):
    """The document of `receipt attribute` for some requests, at some prices."""

    def run(rows, card=CARD, finance=FINANCE):
        write_month(tmp_path, rows)
        write_card(tmp_path / "card.cbor", card)
        (tmp_path / "finance.toml").write_text(finance)
        result = shell(RUN)
        assert (result.code, result.err) == (0, "")
        return json.loads(result.out)

    return run


def cached(shell, line=""):
    """The document of `receipt cache`."""
    result = shell(f"cache {FILES} --json {line}")
    return result.code, json.loads(result.out)


def test_3000_logical_2000_cached_1000_attributed(shell, figures):
    """2,000 of 3,000 tokens come from the cache: 1,000 and an answer of 500 are computed, a third of the input is paid."""
    free = CARD.replace(b'"0.30"', b'"0"')
    found = figures([request(1, "data", logical=3000, cached=2000, output=500)], free)
    shown = shell("show batch.cbor")
    for line in ("logical: 3000", "cached: 2000", "attributed: 1000", "output: 500"):
        assert f"    {line}\n" in shown.out.partition("totals")[2]
    quantities = {row["class"]: row["quantity"] for row in found["classes"]}
    assert quantities == {"cached": 2000, "output": 500, "uncached": 1000}
    assert found["capacity"][0]["computed_tokens"] == 1500
    totals = figures([request(1, "data", logical=3000, cached=2000)], free)["totals"]
    assert (totals["invoice"], totals["full_price"]) == ("0.003000000000", "0.009000000000")
    assert cached(shell)[1]["all"]["requests"] == 1


def test_a_prefix_that_is_cached_in_part(figures):
    """1,000 of the 1,500 tokens of a system prompt match: the rest is computed, and seen as missed."""
    entries = {(IDENTIFIER, 1500)}
    found = figures([request(1, "data", logical=1500, cached=1000, entries=entries)])
    (row,) = found["trend"]
    assert (row["tokens"], row["hit"], row["hit_rate"]) == (1500, 1000, "0.666667")
    assert row["excess"] == "0.001350000000"  # 500 tokens at 2.70


def documents(count):
    """Documents of a day, that begin with the same 1,500 tokens; the first one writes them."""
    return [
        request(
            at, "data", prefix=True, logical=2000, cached=1500 if at else 0, writes={} if at else {300: 1500},
            time=START + at * 1700, entries={(IDENTIFIER, 1500)},
        )
        for at in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "saved", "amount"),
    [
        (500, 748_500, "2.020950000000"),
        pytest.param(50_000, 74_998_500, "202.495950000000", marks=pytest.mark.slow),
    ],
)
def test_documents_with_a_common_system_prompt(shell, figures, count, saved, amount):
    """50,000 documents a day with 1,500 tokens in common: 75 million, of which 74,998,500 are not computed again."""
    found = figures(documents(count))
    (row,) = (row for row in found["classes"] if row["class"] == "cached")
    assert (row["quantity"], found["totals"]["read_saving"]) == (saved, amount)
    (line,) = found["trend"]
    assert (line["tokens"], line["hit"]) == (count * 1500, saved)
    assert cached(shell)[1]["all"]["cached"] == saved


@pytest.mark.parametrize(
    ("write", "paid", "effective"), [("3.00", "0.050400000000", 16_800), ("3.75", "0.056400000000", 18_800)]
)  # fmt: skip
def test_an_agent_of_12_steps(figures, write, paid, effective):
    """12 steps resend 8,000 tokens: 0.288 without a cache; with it as much as 16,800 or 18,800 tokens, about 80% less."""
    steps = [
        request(
            at, "assist", prefix=True, logical=8000, cached=8000 if at else 0, writes={} if at else {300: 8000}
        )
        for at in range(12)
    ]  # fmt: skip
    found = figures(steps, CARD.replace(b'"3.75"', f'"{write}"'.encode()))
    totals = found["totals"]
    assert (totals["full_price"], totals["invoice"]) == ("0.288000000000", paid)
    assert int(totals["invoice"].replace(".", "")) == effective * 3_000_000
    assert 0.80 < 1 - effective / 96_000 < 0.83


def test_a_claimed_hit_rate_that_the_receipts_do_not_show(shell, figures):
    """60% is claimed, and 30% is there."""
    figures([request(at, "data", logical=1000, cached=1000 if at < 3 else 0) for at in range(10)])
    code, found = cached(shell, "--claimed-hit-rate 0.6")
    assert (code, found["claimed_hit_rate"]["discrepancy"]) == (1, True)
    assert cached(shell, "--claimed-hit-rate 0.3")[0] == 0


def test_the_loading_of_a_document_is_amortised(figures):
    """One customer loads 20,000 tokens and the next one reads them at 80% less: pooled, both pay 60%."""
    rows = [
        request(1, "data", logical=20_000, tags={"customer": "a"}),
        request(2, "data", logical=20_000, cached=20_000, tags={"customer": "b"}),
    ]
    found = figures(rows, CARD.replace(b'"0.30"', b'"0.60"'))
    tables = {name: found["methods"][name]["customer"] for name in ("direct", "pooled")}
    assert [row["amount"] for row in tables["direct"]] == ["0.060000000000", "0.012000000000"]
    assert [row["amount"] for row in tables["pooled"]] == ["0.036000000000", "0.036000000000"]
    assert [row["cross_subsidy"] for row in found["margin"]] == [
        "-0.024000000000",
        "0.024000000000",
    ]


def test_85_percent_are_attributed_cleanly_and_the_rest_has_an_owner(shell, figures):
    rows = [request(at, "data" if at < 17 else None, logical=1000) for at in range(20)]
    found = figures(rows)
    assert (found["attributed"]["share"], found["attributed"]["owner"]) == ("0.850000", "platform")
    assert found["attributed"]["gaps"] == [
        {"tag": "team", "reason": "absent", "requests": 3, "spend": "0.009000000000"}
    ]
    charged = {row["team"]: row["amount"] for row in found["chargeback"]}
    assert charged == {"data": "0.05", "platform": "0.01"}
    assert shell(f"{RUN} --require-attributed 0.85").code == 0
    assert shell(f"{RUN} --require-attributed 0.850001").code == 1


def test_last_touch_for_seven_days_and_then_the_owner(figures):
    """A hit rate falls from 70% to single digits with a deploy, and is not mended."""
    rows = [
        request(
            30 * day + at, "assist", prefix=True, logical=8000, cached=8000 if at < (7 if day < 5 else 0) else 0,
            time=START + day * DAY + at * 1000 + DAY // 2,
        )
        for day in range(20)
        for at in range(10)
    ]  # fmt: skip
    deploy = '\n[[deploy]]\nteam = "search"\ntime = 2025-10-06T00:00:00Z\nwhat = "tools"\nprefixes = ["copilot"]\n'
    (broken,) = figures(rows, finance=FINANCE + deploy)["breaks"]
    assert (broken["baseline"], broken["hit_rate"]) == ("0.700000", "0.000000")
    assert broken["cause"]["team"] == "search"
    each = 8000 * 2_700_000 * 10  # of a day: of which 30% is usual
    usual = each * 3 // 10
    assert {team: int(amount.replace(".", "")) for team, amount in broken["pays"]["7d"].items()} == {
        "search": 7 * (each - usual), "platform": 8 * (each - usual),
    }  # fmt: skip
    assert [*broken["pays"]["last-touch"]] == ["search"]
    assert [*broken["pays"]["owner-of-prefix"]] == ["platform"]

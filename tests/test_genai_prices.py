"""Importing genai-prices: what a card can say is what genai-prices computes, and the rest is listed."""

import importlib
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from receipts.ratecard import Rate, import_genai_prices, read_source, source_text
from receipts.ratecard.checks import check_rows
from tests.ratecards import of_rows
from verifier import TokenCounts, Usage, price

pytest.importorskip("genai_prices", reason="genai-prices is not installed")
data = importlib.import_module("genai_prices.types")
snapshot = importlib.import_module("genai_prices.data_snapshot").get_snapshot


def fake(monkeypatch, **model):
    """One model of a provider, in the place of all that genai-prices has."""
    base = {"id": "m", "match": data.ClauseEquals(equals="m"), "prices": data.ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2))}  # fmt: skip
    info = data.ModelInfo(**(base | model))
    provider = SimpleNamespace(id="google", models=[info])
    module = importlib.import_module("genai_prices.data_snapshot")
    monkeypatch.setattr(module, "get_snapshot", lambda: SimpleNamespace(providers=[provider]))


def test_all_of_it_makes_a_card():
    found = import_genai_prices()
    check_rows(found.rows)
    assert len(found.rows) > 2000
    assert found.unexpressed
    text = source_text("all", "USD", found.rows, found.comments)
    assert read_source(text.encode(), "all.toml").rows == found.rows


NAMES = (
    "claude-sonnet-4-5",
    "gpt-5.6-sol",
    "gemini-2.5-pro",
    "deepseek-v4-pro",
    "gpt-4o",
    "claude-opus-4-5",
)
WHEN = (datetime(2026, 11, 25, 2, tzinfo=UTC), datetime(2026, 11, 25, 12, tzinfo=UTC), datetime(2025, 11, 25, 2, tzinfo=UTC))  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("when", WHEN, ids=str)
@pytest.mark.parametrize("logical", [3000, 250_000])
def test_a_price_is_that_of_genai_prices(name, when, logical):
    """For each provider that has the model: uncached, cached and output tokens."""
    found = import_genai_prices([name])
    _, card = of_rows(found.rows)
    for provider in sorted({row.provider for row in found.rows}):
        (info, theirs) = model_of(provider, name)
        row = next(row for row in found.rows if row.provider == provider)
        cached = 2048 if row.cached is not None else 0
        counts = TokenCounts(logical, cached, logical - cached, None, 500, None)
        ours = price(card, Usage(provider, name, {}, None, int(when.timestamp() * 1000), counts, {}))  # fmt: skip
        usage = data.Usage(input_tokens=logical, cache_read_tokens=cached, output_tokens=500)
        expected = info.calc_price(usage, theirs, genai_request_timestamp=when).total_price
        assert ours.amount == int(expected * 10**12), provider


def model_of(provider, name):
    from receipts.ratecard.genai import _provider

    for theirs in snapshot().providers:
        if _provider(theirs.id) == provider:
            for info in theirs.models:
                if info.id == name:
                    return info, theirs
    raise AssertionError(provider)


def test_what_a_card_cannot_say_is_listed(monkeypatch):
    fake(
        monkeypatch,
        match=data.ClauseOr(or_=[data.ClauseEquals(equals="m-latest"), data.ClauseStartsWith(starts_with="m-")]),
        prices=data.ModelPrice(
            input_mtok=Decimal("0.18000000000000002"), output_mtok=Decimal(2), cache_read_mtok=Decimal("0.1"),
            cache_write_mtok=Decimal(1), output_audio_mtok=Decimal(3), input_audio_mtok=Decimal(4), input_text_mtok=Decimal(1),
        ),
        price_variants=[
            data.PriceVariant(when={"route": "eu"}, prices=data.ModelPrice(output_mtok=Decimal(3))),
            data.PriceVariant(when={"processing": "batch", "speed": "fast"}, prices=data.ModelPrice(output_mtok=Decimal(3))),
            data.PriceVariant(when={"service_tier": "default"}, prices=data.ModelPrice(output_mtok=Decimal(2))),
        ],
    )  # fmt: skip
    found = import_genai_prices()
    (row,) = found.rows
    assert (row.provider, row.model, row.aliases) == ("gcp.gemini", "m", ("m-latest",))
    assert (row.input, row.cached, row.writes, row.output, row.parts) == (None, None, {}, 2_000_000, {"output.audio": 3_000_000})  # fmt: skip
    assert [one.what for one in found.unexpressed] == [
        "names by a pattern: starts with 'm-'",
        "input_mtok 0.18000000000000002, which is no whole number of picounits a token",
        "a price of input_text_mtok",
        "prices of cached input without one of input",
        "a price of input.audio without one of input",
        "prices with {'processing': 'batch', 'speed': 'fast'} together",
        "prices with route eu, which no receipt states so",
    ]


def test_dates_and_hours(monkeypatch):
    """The last condition that holds wins: hours after a date, dates one after the other."""
    one, two, three = (data.ModelPrice(input_mtok=Decimal(n)) for n in (1, 2, 3))
    fake(monkeypatch, prices=[
        data.ConditionalPrice(prices=one),
        data.ConditionalPrice(constraint=data.StartDateConstraint(start_date=date(2026, 3, 1)), prices=two),
        data.ConditionalPrice(constraint=data.TimeOfDateConstraint(start_time=time(22, tzinfo=UTC), end_time=time(2, tzinfo=UTC)), prices=three),
    ])  # fmt: skip
    rows = import_genai_prices().rows
    assert [(row.start, row.end, row.hours, row.input) for row in rows] == [
        (None, 20513, None, 1_000_000), (None, 20513, (1320, 1440), 3_000_000), (None, 20513, (0, 120), 3_000_000),
        (20513, None, None, 2_000_000), (20513, None, (1320, 1440), 3_000_000), (20513, None, (0, 120), 3_000_000),
    ]  # fmt: skip
    as_of = import_genai_prices(day=20512).rows
    assert [(row.start, row.end, row.hours, row.input) for row in as_of] == [
        (None, None, None, 1_000_000), (None, None, (1320, 1440), 3_000_000), (None, None, (0, 120), 3_000_000),
    ]  # fmt: skip
    assert [row.input for row in import_genai_prices(day=20513).rows if row.hours is None] == [2_000_000]  # fmt: skip


def test_hours_that_overlap_are_listed(monkeypatch):
    prices = [data.ConditionalPrice(prices=data.ModelPrice(input_mtok=Decimal(1)))]
    for begin, end in ((1, 4), (3, 6)):
        hours = data.TimeOfDateConstraint(start_time=time(begin), end_time=time(end))
        prices.append(data.ConditionalPrice(constraint=hours, prices=data.ModelPrice(input_mtok=Decimal(begin))))  # fmt: skip
    fake(monkeypatch, prices=prices)
    found = import_genai_prices()
    assert [row.hours for row in found.rows] == [None, (180, 360)]
    assert [one.what for one in found.unexpressed] == ["hours that overlap"]


def test_sizes_variants_and_units(monkeypatch):
    tiered = data.TieredPrices(base=Decimal(1), tiers=[data.Tier(start=199_999, price=Decimal(2))])
    fake(
        monkeypatch,
        prices=data.ModelPrice(input_mtok=tiered, output_mtok=Decimal(5), cache_write_mtok=Decimal("1.25"), cache_write_1h_mtok=Decimal(2), web_searches_kcount=Decimal(10), audio_hours=Decimal("0.39")),
        price_variants=[data.PriceVariant(when={"processing": "batch"}, prices=data.ModelPrice(output_mtok=Decimal("2.5")), constraint=data.StartDateConstraint(start_date=date(2026, 3, 1)))],
    )  # fmt: skip
    rows = import_genai_prices().rows
    assert [(row.above, dict(row.terms), row.start, row.input, row.output) for row in rows] == [
        (None, {}, None, 1_000_000, 5_000_000), (199_999, {}, None, 2_000_000, 5_000_000),
        (None, {"processing": "batch"}, 20513, 1_000_000, 2_500_000), (199_999, {"processing": "batch"}, 20513, 2_000_000, 2_500_000),
    ]  # fmt: skip
    assert rows[0].writes == {300: 1_250_000, 3600: 2_000_000}
    assert rows[0].units == {"requests.web_search": Rate(10**10), "audio.ms": Rate(325_000, 3)}


def test_a_write_without_a_ttl(monkeypatch):
    fake(monkeypatch, prices=data.ModelPrice(input_mtok=Decimal(1), cache_write_mtok=Decimal("1.25")))  # fmt: skip
    assert import_genai_prices().rows[0].writes == {0: 1_250_000}


def test_a_model_without_prices(monkeypatch):
    fake(monkeypatch, prices=data.ModelPrice())
    found = import_genai_prices()
    assert found.rows == []
    assert [one.what for one in found.unexpressed] == ["a price at all"]


def test_what_is_in_its_code_only_is_listed():
    told = [one.what for one in import_genai_prices(["groq/whisper-large-v3"]).unexpressed]
    assert "that at least 10 seconds are billed" in told


# receipt ratecard import


def test_import_says_what_is_missing(shell, folder):
    result = shell("ratecard import genai-prices --model anthropic/claude-sonnet-4-5 -o card.toml")
    assert (result.code, result.out) == (3, "")
    assert "not in the card: anthropic claude-sonnet-4-5: names by a pattern: starts with 'claude-sonnet-4-5'" in result.err  # fmt: skip
    assert shell("ratecard check card.toml").code == 0
    document = json.loads(shell("ratecard import genai-prices --model anthropic/claude-sonnet-4-5 -o card.toml --json").out)  # fmt: skip
    assert document["source"] == "card.toml"
    assert document["unexpressed"][0] == {"provider": "anthropic", "model": "claude-sonnet-4-5", "what": "names by a pattern: starts with 'claude-sonnet-4-5'"}  # fmt: skip


def test_import_of_what_a_card_can_say(shell, folder, monkeypatch):
    fake(monkeypatch)
    result = shell("ratecard import genai-prices --at 2026-11-01 -o card.toml")
    assert (result.code, result.err) == (0, "receipt: card.toml: 1 row; not in the card: 0\n")
    assert Path("card.toml").read_text() == (
        'name = "from genai-prices"\ncurrency = "USD"\n\n[[price]]\nprovider = "gcp.gemini"\nmodel = "m"\ninput = "1.00"\noutput = "2.00"\n'
    )


def test_errors_of_import(shell, folder, monkeypatch):
    unknown = shell("ratecard import genai-prices --model nobody/nothing -o card.toml")
    assert (unknown.code, "genai-prices has no model nobody/nothing" in unknown.err) == (2, True)
    day = shell("ratecard import genai-prices --at monday -o card.toml")
    assert (day.code, "--at: " in day.err) == (2, True)
    fake(monkeypatch, prices=data.ModelPrice())
    none = shell("ratecard import genai-prices -o card.toml")
    assert (none.code, "a card can say none of these prices" in none.err) == (2, True)
    monkeypatch.setattr("receipts.ratecard.genai.import_module", missing)
    absent = shell("ratecard import genai-prices -o card.toml")
    assert (absent.code, absent.err) == (2, "receipt: error: genai-prices is not installed\nreceipt: hint: in the clone: pip install '.[prices]'\n")  # fmt: skip
    assert not Path("card.toml").exists()


def missing(name):
    raise ModuleNotFoundError(name)

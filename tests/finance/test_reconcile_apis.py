"""Exports of usage and cost APIs in JSON: small ones that agree with the receipts, what is told of others, and what is refused."""

import json

import pytest

from attribution.money import InvoiceError, Naming
from tests.finance.reconciling import against, read, told
from tests.finance.running import DAY, START, request

NAMES = Naming(models={"claude-sonnet-4-5-20250929": "anthropic/sonnet", "gpt": "openai/sol"})
DAYS = {"starting_at": "2025-10-01T00:00:00Z", "ending_at": "2025-10-02T00:00:00Z"}
NEXT = {"starting_at": "2025-10-02T00:00:00Z", "ending_at": "2025-10-03T00:00:00Z"}


def page(*buckets, more=False):
    data = [{**times, "results": results} for times, results in buckets]
    return json.dumps({"data": data, "has_more": more, "next_page": "p2" if more else None})


def cost(token_type, amount, **more):
    return {
        "amount": amount, "currency": "USD", "cost_type": "tokens", "token_type": token_type,
        "model": "claude-sonnet-4-5-20250929", "context_window": "0-200k", "description": "Claude", "inference_geo": None,
        "service_tier": "standard", "workspace_id": None, **more,
    }  # fmt: skip


SEARCH = cost(None, "3.0000", cost_type="web_search", model=None)
COSTS = [
    cost("uncached_input_tokens", "1.2003"), cost("cache_read_input_tokens", "0.2400"),
    cost("cache_creation.ephemeral_5m_input_tokens", "1.8750"), cost("cache_creation.ephemeral_1h_input_tokens", "1.8000"),
    cost("output_tokens", "3.0045"), SEARCH,
]  # fmt: skip
LATER = [
    cost("uncached_input_tokens", "0.6000"), cost("cache_read_input_tokens", "0.2400"), cost("output_tokens", "1.5000"),
]  # fmt: skip


def anthropic_cost(first, second=LATER, **more):
    return against("anthropic-cost", page((DAYS, first), (NEXT, second)), naming=NAMES, **more)


def test_anthropic_costs_agree():
    """Of cents with four decimals, half of the last one is 0.0000005."""
    found = anthropic_cost(COSTS)
    assert (found["differences"], found["not_compared"], found["not_read"]) == ([], [], [])
    assert (found["tolerance"], found["lines"]) == ("0.000000500000", 9)
    assert found["receipts"] == found["invoice"] == "0.134598000000"
    assert found["elsewhere"] == "0.030940000000"  # what openai bills


def test_anthropic_costs_differ():
    dear = [cost("uncached_input_tokens", "2.2003"), *COSTS[1:5]]
    assert told(anthropic_cost([*dear, {**SEARCH, "amount": "4.0000"}])) == [
        ("2025-10-01", "anthropic/*", "web_search", "price difference", None, "0.010000000000"),
        ("2025-10-01", "anthropic/sonnet", "uncached", "price difference", None, "0.010000000000"),
    ]
    assert told(anthropic_cost(COSTS[1:])) == [
        ("2025-10-01", "anthropic/sonnet", "uncached", "not on the invoice", None, "-0.012003000000"),
    ]  # fmt: skip
    strange = cost("output_tokens", "0.0100", model="opus")
    assert told(anthropic_cost([*COSTS, strange])) == [
        ("2025-10-01", "anthropic/opus", "output", "invoice line without receipts", None, "0.000100000000"),
    ]  # fmt: skip


def test_anthropic_costs_by_workspace_are_summed():
    halves = [cost("uncached_input_tokens", "0.6001"), cost("uncached_input_tokens", "0.6001")]
    found = anthropic_cost([*halves, *COSTS[1:]])  # each may be 0.00005 cents off, and was
    assert (found["differences"], found["rounding"]) == ([], "-0.000001000000")


@pytest.mark.parametrize(
    ("result", "what"),
    [
        (cost("output_tokens", "1.00", cost_type=None), "costs that are not grouped by description"),
        (cost("cache_creation.ephemeral_12h_input_tokens", "1.00"), "token_type cache_creation.ephemeral_12h_input_tokens"),
        (cost("x", "1.00", cost_type="seats"), "cost_type seats"),
    ],
)  # fmt: skip
def test_anthropic_costs_that_cannot_be_compared(result, what):
    assert anthropic_cost([*COSTS, result])["not_compared"] == [{"what": what, "rows": 1}]


def usage(**more):
    return {
        "uncached_input_tokens": 4001, "cache_read_input_tokens": 8000,
        "cache_creation": {"ephemeral_5m_input_tokens": 5000, "ephemeral_1h_input_tokens": 3000}, "output_tokens": 2003,
        "server_tool_use": {"web_search_requests": 3}, "model": "claude-sonnet-4-5-20250929", "api_key_id": None, **more,
    }  # fmt: skip


NONE = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
USED = usage(
    uncached_input_tokens=2000, output_tokens=1000, cache_creation=NONE, server_tool_use=None
)


def anthropic_usage(first, **more):
    return against("anthropic-usage", page((DAYS, [first]), (NEXT, [USED])), naming=NAMES, **more)


def test_anthropic_usage():
    found = anthropic_usage(usage())
    assert (found["differences"], found["not_compared"], found["not_read"]) == ([], [], [])
    assert told(anthropic_usage(usage(output_tokens=2004, cache_read_input_tokens=7999))) == [
        ("2025-10-01", "anthropic/sonnet", "cached", "invoice counts less", -1, None),
        ("2025-10-01", "anthropic/sonnet", "output", "receipts missing", 1, None),
    ]
    more = usage(cache_creation={**usage()["cache_creation"], "ephemeral_12h_input_tokens": 7}, x=1)
    found = anthropic_usage(more)
    assert found["not_compared"] == [
        {"what": "cache_creation.ephemeral_12h_input_tokens tokens", "rows": 1}
    ]
    assert found["not_read"] == ["member x"]
    what = "usage that is not grouped by model"
    assert anthropic_usage(usage(model=None))["not_compared"] == [{"what": what, "rows": 1}]


def test_hours_are_summed_to_days():
    hours = [
        ({"starting_at": f"2025-10-01T{hour:02}:00:00Z"}, [{"model": "sonnet", "output_tokens": 500}])
        for hour in (0, 23)
    ]  # fmt: skip
    rows = [request(1, logical=0, output=1000)]
    assert told(against("anthropic-usage", page(*hours), rows=rows)) == []


def test_pages():
    """All pages, in one file or several; without the last one the comparison is not complete."""
    one, two = page((DAYS, COSTS), more=True), page((NEXT, LATER))
    for files in ((one, two), (f"{one}\n{two}",)):
        found = against("anthropic-cost", *files, naming=NAMES)
        assert (found["differences"], found["not_compared"]) == ([], [])
    found = against("anthropic-cost", one, naming=NAMES)
    what = "pages of the export after the last one that is here"
    assert found["not_compared"] == [{"what": what, "rows": 1}]


def bucket(*results, day=0):
    return {"start_time": START // 1000 + day * DAY // 1000, "end_time": 0}, list(results)


def item(name, value, **more):
    return {
        "object": "organization.costs.result",
        "amount": {"value": value, "currency": "usd"},
        "line_item": name,
        "project_id": None,
        **more,
    }


ITEMS = [
    item("gpt, input", 0.014), item("gpt, cached input", 0.0004),
    item("gpt, output", 0.00154, quantity=77, quantity_unit="tokens"), item("gpt, cache write", 0.015),
]  # fmt: skip


def openai_costs(*items, naming=NAMES):
    return against("openai-costs", page(bucket(*items)), naming=naming)


def test_openai_costs():
    found = openai_costs(*ITEMS)
    assert (found["differences"], found["not_compared"], found["not_read"]) == ([], [], [])
    assert found["tolerance"] == "0.000005000000"
    assert told(openai_costs(*ITEMS[:3], item("gpt, cache write", 0.0251))) == [
        ("2025-10-01", "openai/sol", "write", "price difference", None, "0.010100000000")
    ]
    more = item("gpt, output", 0.00154, quantity=78, quantity_unit="tokens")
    assert told(openai_costs(*ITEMS[:2], more, ITEMS[3])) == [
        ("2025-10-01", "openai/sol", "output", "receipts missing", 1, "0.000000000000")
    ]


def test_floats_of_openai_are_held_to_twelve_digits():
    noisy = [item("gpt, input", 0.014000000000000002), *ITEMS[1:]]
    found = openai_costs(*noisy)
    assert (found["differences"], found["tolerance"]) == ([], "0.000000000005")
    found = openai_costs(*noisy, item("gpt-x, input", 123.5))
    assert (len(found["differences"]), found["tolerance"]) == (1, "0.000000000500")


def test_line_items_that_are_not_known():
    other = item("sora, 12 seconds", 1.5)
    what = [{"what": "line_item sora, 12 seconds", "rows": 1}]
    assert openai_costs(*ITEMS, other)["not_compared"] == what
    naming = Naming(NAMES.columns, NAMES.models, {}, {"sora, 12 seconds": ("openai/sora", "video")})
    assert told(openai_costs(*ITEMS, other, naming=naming))[0][1:3] == ("openai/sora", "video")
    total = openai_costs(*ITEMS, item(None, 1.5))["not_compared"]
    assert total == [{"what": "costs that are not grouped by line_item", "rows": 1}]


def completions(**more):
    return {
        "object": "organization.usage.completions.result", "input_tokens": 7000 - 500 + 500, "input_cached_tokens": 1000,
        "input_cache_write_tokens": 2500, "input_uncached_tokens": 3500, "output_tokens": 77, "num_model_requests": 1,
        "model": "gpt", **more,
    }  # fmt: skip


def openai_usage(*results):
    return against("openai-usage", page(bucket(*results)), naming=NAMES)


def test_openai_usage():
    found = openai_usage(completions())
    assert (found["differences"], found["not_compared"], found["not_read"]) == ([], [], [])
    assert told(openai_usage(completions(output_tokens=70))) == [
        ("2025-10-01", "openai/sol", "output", "invoice counts less", -7, None)
    ]
    assert told(openai_usage(completions(input_uncached_tokens=None, input_cached_tokens=1001))) == [
        ("2025-10-01", "openai/sol", "cached", "receipts missing", 1, None),
        ("2025-10-01", "openai/sol", "uncached", "invoice counts less", -1, None),
    ]  # fmt: skip
    audio = [{"what": "input_audio_tokens", "rows": 1}]
    assert openai_usage(completions(input_audio_tokens=1))["not_compared"] == audio
    assert openai_usage(completions(input_audio_tokens=0))["not_compared"] == []
    with pytest.raises(InvoiceError) as error:
        openai_usage(completions(input_uncached_tokens=3501))
    assert error.value.field == "data[0].results[0].input_uncached_tokens"


@pytest.mark.parametrize(
    ("kind", "text", "line", "column", "field", "expected", "found"),
    [
        ("anthropic-cost", "", 1, 1, "file", "JSON", "nothing"),
        ("anthropic-cost", "[" * 100_000, 1, None, "file", "JSON", "deeply nested values"),
        ("anthropic-cost", '{"data": [}', 1, 11, "data[0]", "JSON", "Expecting value"),
        ("anthropic-cost", '{"data": [] "x"', 1, 13, "file", "JSON: ,", "'\"'"),
        ("anthropic-cost", '{"data": [NaN]}', 1, 11, "data[0]", "JSON", "NaN is no JSON"),
        ("anthropic-cost", '{"data": [],\n "data": []}', 2, 2, "file", "each member once", "'data' again"),
        ("anthropic-cost", "{}", 1, 1, "file", "a member data", "none"),
        ("anthropic-cost", '{"data": {}}', 1, 10, "data", "an array", "an object"),
        ("anthropic-cost", '{"data": [],\n"has_more": "no"}', 2, 13, "has_more", "true or false", "'no'"),
        ("anthropic-cost", '{"data": [{"starting_at": "1"}]}', 1, 27, "data[0].starting_at", "a time in UTC", "'1'"),
        ("openai-costs", '{"data": [{"start_time": -1}]}', 1, 26, "data[0].start_time", "a time in UTC", "'-1'"),
        ("anthropic-cost", '{"data": [{"starting_at": "2025-10-01T00:00:00Z",\n"results": [7]}]}', 2, 13,
         "data[0].results[0]", "an object", "'7'"),
        ("anthropic-usage", '{"data": [{"starting_at": "2025-10-01", "results": [\n{"model": "m", "output_tokens": 1.5}]}]}',
         2, 33, "data[0].results[0].output_tokens", "a whole number", "'1.5'"),
        ("anthropic-usage", '{"data": [{"starting_at": "2025-10-01", "results": [\n{"model": 3}]}]}',
         2, 11, "data[0].results[0].model", "a text", "'3'"),
        ("openai-costs", '{"data": [{"start_time": 0, "results": [{"amount": {"currency": "usd",\n "value": true}}]}]}',
         2, 11, "data[0].results[0].amount.value", 'a decimal number, like "12.50"', "True"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(kind, text, line, column, field, expected, found):
    with pytest.raises(InvoiceError) as told_error:
        read(kind, text)
    error = told_error.value
    assert (error.line, error.field, error.expected, error.found) == (line, field, expected, found)
    assert column is None or error.column == column

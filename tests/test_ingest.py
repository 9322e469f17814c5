"""From usage objects to counts: the shapes, the traps, and what must be refused.

The figures are from recorded usage objects; cli/sample/SOURCES.md names where each was published.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts import Counts, UsageError
from receipts.ingest import APIS, read_usage, usage_hash
from tests.conftest import SAMPLE

COUNTS = st.integers(0, 10**7)


def anthropic(**over):
    return {
        "input_tokens": 4,
        "output_tokens": 193,
        "cache_read_input_tokens": 8845,
        "cache_creation_input_tokens": 6,
        **over,
    }


def test_anthropic_is_additive_and_writes_go_by_ttl():
    """Recorded: 4 uncached, 8845 read, 6 written for 5 minutes."""
    usage = anthropic(
        cache_creation={"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 0},
        service_tier="standard",
    )
    reading = read_usage("anthropic", "messages", usage)
    assert reading.counts == Counts(logical=8855, cached=8845, writes={300: 6, 3600: 0}, output=193)
    assert reading.counts.attributed == 10
    assert reading.tier == "standard"


def test_anthropic_writes_without_a_ttl_are_unknown_not_zero():
    """anthropics/anthropic-sdk-java#353: 12,229 written, and the split says 0 and 0."""
    usage = {"input_tokens": 335, "output_tokens": 690, "cache_creation_input_tokens": 12229, "cache_read_input_tokens": 14942,
             "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}}  # fmt: skip
    counts = read_usage("anthropic", "messages", usage).counts
    assert counts.writes == {0: 12229, 300: 0, 3600: 0}
    assert counts.logical == 27506
    assert read_usage("anthropic", "messages", anthropic()).counts.writes == {0: 6}


def test_anthropic_iterations_are_summed():
    """Recorded: the top level leaves out a compaction of 55,096 written tokens; priced alone it is 275 times too low."""
    usage = {
        "input_tokens": 229, "output_tokens": 5, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0,
        "iterations": [
            {"type": "compaction", "input_tokens": 100, "output_tokens": 131, "cache_read_input_tokens": 0,
             "cache_creation_input_tokens": 55096, "cache_creation": {"ephemeral_5m_input_tokens": 55096, "ephemeral_1h_input_tokens": 0}},
            {"type": "message", "input_tokens": 229, "output_tokens": 5, "cache_read_input_tokens": 0,
             "cache_creation_input_tokens": 0, "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}},
        ],
    }  # fmt: skip
    counts = read_usage("anthropic", "messages", usage).counts
    assert counts == Counts(logical=55425, cached=0, writes={300: 55096, 3600: 0}, output=136)


def test_anthropic_top_level_cannot_exceed_its_iterations():
    iteration = dict(anthropic().items())
    with pytest.raises(
        UsageError,
        match="output_tokens: expected at most the sum of the iterations, 193, found 194",
    ):
        read_usage("anthropic", "messages", anthropic(output_tokens=194, iterations=[iteration]))


def test_openai_is_subset():
    """Recorded: gpt-5.6-sol, 4,020 input of which 4,012 written; then 4,012 read."""
    usage = {"prompt_tokens": 4020, "completion_tokens": 4, "total_tokens": 4024,
             "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 4012},
             "completion_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip
    counts = read_usage("openai", "chat.completions", usage).counts
    assert counts == Counts(logical=4020, cached=0, writes={0: 4012}, output=4, reasoning=0)
    usage["prompt_tokens_details"] = {"cached_tokens": 4012, "cache_write_tokens": 0}
    assert read_usage("openai", "chat.completions", usage).counts.attributed == 8


def test_openai_responses_splits_writes_by_ttl():
    usage = {"input_tokens": 5000, "output_tokens": 500, "total_tokens": 5500,
             "input_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 3207,
                                      "cache_write_tokens_details": {"ttl_30m_tokens": 3000, "ttl_12h_tokens": 200}}}  # fmt: skip
    counts = read_usage("openai", "responses", usage).counts
    assert counts.writes == {0: 7, 1800: 3000, 43200: 200}
    assert counts.reasoning is None


def test_what_the_provider_does_not_say_is_unknown():
    usage = {
        "prompt_tokens": 25,
        "completion_tokens": 1024,
        "total_tokens": 1049,
        "prompt_tokens_details": None,
    }
    counts = read_usage("openai", "chat.completions", usage).counts
    assert counts == Counts(logical=25, cached=None, writes=None, output=1024, reasoning=None)
    assert counts.attributed is None


REFUSED = {
    "null read": (("anthropic", "messages"), anthropic(cache_read_input_tokens=None), "cache_read_input_tokens: is not stated"),
    "no write": (("anthropic", "messages"), {k: v for k, v in anthropic().items() if "creation" not in k}, "cache_creation_input_tokens: is not stated"),
    "no output": (("anthropic", "messages"), {k: v for k, v in anthropic().items() if k != "output_tokens"}, "output_tokens: is missing"),
    "split too large": (("anthropic", "messages"), anthropic(cache_creation={"ephemeral_5m_input_tokens": 7}), "cache_creation_input_tokens: expected the sum of its parts, 7"),
    "float": (("anthropic", "messages"), anthropic(input_tokens=4.0), "input_tokens: "),
    "text": (("anthropic", "messages"), anthropic(input_tokens="4"), "input_tokens: "),
    "bool": (("anthropic", "messages"), anthropic(input_tokens=True), "input_tokens: "),
    "negative": (("anthropic", "messages"), anthropic(input_tokens=-1), "input_tokens: "),
    "2^64": (("anthropic", "messages"), anthropic(input_tokens=2**64), "input_tokens: "),
    "total": (("openai", "responses"), {"input_tokens": 10, "output_tokens": 5, "total_tokens": 16}, "total_tokens: expected input plus output, 15, found 16"),
    "overlap": (("openai", "chat.completions"),
                {"prompt_tokens": 2168, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 2161, "cache_write_tokens": 2161}},
                "prompt_tokens: expected at least what was read and written, 4322, found 2168"),
    "unknown api": (("openai", "response"), {}, "api: openai has no api 'response': did you mean responses?"),
    "list": (("openai", "responses"), [], "usage: expected an object, found []"),
    "list of others": (("openai", "responses"), [7], "usage: expected an object, found [7]"),
    "text for an object": (("openai", "responses"), "7", "usage: expected an object, found '7'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    api, usage, message = REFUSED[name]
    with pytest.raises(UsageError) as error:
        read_usage(*api, usage)
    assert str(error.value).startswith(message)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_every_token_is_cached_or_attributed(plain, read, short, long, rest, output):
    usage = {"input_tokens": plain, "output_tokens": output, "cache_read_input_tokens": read,
             "cache_creation_input_tokens": short + long + rest,
             "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}}  # fmt: skip
    counts = read_usage("anthropic", "messages", usage).counts
    assert counts.cached + counts.attributed == counts.logical == plain + read + short + long + rest
    assert sum(counts.writes.values()) + plain == counts.attributed


def test_the_sample_is_read_whole():
    lines = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    assert len(lines) == 44
    assert {(line["provider"], line["api"]) for line in lines} <= set(APIS)
    for line in lines:
        assert read_usage(line["provider"], line["api"], line["usage"]).counts.logical


def test_the_usage_hash_does_not_depend_on_how_the_object_was_written():
    assert usage_hash({"b": 1, "a": {"y": 0.5, "x": None}}) == usage_hash(
        json.loads('{"a":{"x":null,"y":5e-1},"b":1}')
    )
    assert (
        usage_hash({"a": 1}).hex()
        == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("inf"), "inf is not representable in JCS"),
        (2**60, "1152921504606846976 exceeds safe integer domain for JSON floats"),
        (json.loads("[" * 90 + "]" * 90), "more than 90 levels of nesting"),
    ],
    ids=["infinite", "large", "deep"],
)
def test_an_object_without_a_form_has_no_hash(value, reason):
    with pytest.raises(UsageError) as raised:
        usage_hash({"a": value})
    assert str(raised.value) == f"usage: cannot be canonicalised (RFC 8785): {reason}"

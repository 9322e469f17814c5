"""Usage of the other providers, and the disputes that were about counts.

Figures are from recorded usage objects (pydantic/pydantic-ai@4fda389, test cassettes, MIT) and from the issue threads named beside them.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.cache import shipped
from receipts import Counts, UsageError
from receipts.ingest import APIS, Shape, canonical, last_usage, read_usage

GEMINI = ("google", "generateContent")
CONVERSE = ("bedrock", "converse")
CHAT = ("openai", "chat.completions")
VLLM = ("vllm", "chat.completions")
DEEPSEEK = ("deepseek", "chat.completions")
SPAN = ("opentelemetry", "gen_ai")
MESSAGES = ("anthropic", "messages")


def chat(prompt, completion, details=None, **more):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "prompt_tokens_details": details, **more}  # fmt: skip


RECORDED = {
    "gemini: thoughts are outside the candidates": (
        GEMINI,
        {"cachedContentTokenCount": 17379, "candidatesTokenCount": 68, "promptTokenCount": 17713,
         "thoughtsTokenCount": 821, "totalTokenCount": 18602, "serviceTier": "standard"},
        Counts(17713, 17379, None, 889, 821),
    ),
    "gemini: the total proves that there were no thoughts": (
        GEMINI,
        {"cachedContentTokenCount": 230, "candidatesTokenCount": 37, "promptTokenCount": 345, "totalTokenCount": 382},
        Counts(345, 230, None, 37, 0),
    ),
    "gemini: what is absent is zero": (GEMINI, {"promptTokenCount": 9, "candidatesTokenCount": 1}, Counts(9, 0, None, 1, 0)),
    "gemini: tool use is outside the prompt": (
        GEMINI,
        {"promptTokenCount": 100, "toolUsePromptTokenCount": 40, "candidatesTokenCount": 10, "thoughtsTokenCount": 5,
         "totalTokenCount": 155},
        Counts(140, 0, None, 15, 5),
    ),
    "deepseek": (
        DEEPSEEK,
        {"completion_tokens": 116, "completion_tokens_details": {"reasoning_tokens": 60}, "prompt_cache_hit_tokens": 512,
         "prompt_cache_miss_tokens": 51, "prompt_tokens": 563, "prompt_tokens_details": {"cached_tokens": 512}, "total_tokens": 679},
        Counts(563, 512, None, 116, 60),
    ),
    "vllm: details off, so the cached count is unknown": (
        VLLM,
        {"prompt_tokens": 25, "total_tokens": 1049, "completion_tokens": 1024, "prompt_tokens_details": None,
         "completion_tokens_details": {"reasoning_tokens": 428}},
        Counts(25, None, None, 1024, 428),
    ),
    "vllm: details on": (
        VLLM,
        {"prompt_tokens": 24, "completion_tokens": 73, "total_tokens": 97, "prompt_tokens_details": {"cached_tokens": 16, "created_cache_tokens": 8}},
        Counts(24, 16, {0: 8}, 73),
    ),
    "bedrock converse is additive, for Nova too": (
        CONVERSE,
        {"cacheReadInputTokenCount": 0, "cacheReadInputTokens": 0, "cacheWriteInputTokenCount": 2492, "cacheWriteInputTokens": 2492,
         "inputTokens": 22, "outputTokens": 13, "serverToolUsage": {}, "totalTokens": 2527},
        Counts(2514, 0, {0: 2492}, 13),
    ),
    "bedrock converse: writes by TTL": (
        CONVERSE,
        {"inputTokens": 10, "outputTokens": 1, "cacheReadInputTokens": 5, "cacheWriteInputTokens": 7,
         "cacheDetails": [{"ttl": "5m", "inputTokens": 2}, {"ttl": "1h", "inputTokens": 4}], "totalTokens": 23},
        Counts(22, 5, {0: 1, 300: 2, 3600: 4}, 1),
    ),
    "bedrock converse: the total proves that nothing was cached": (
        CONVERSE,
        {"inputTokens": 10, "outputTokens": 1, "totalTokens": 11},
        Counts(10, 0, {0: 0}, 1),
    ),
    "bedrock invoke is as Anthropic": (
        ("bedrock", "invoke"),
        {"cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 1956}, "cache_creation_input_tokens": 1956,
         "cache_read_input_tokens": 9511, "input_tokens": 3, "output_tokens": 44},
        Counts(11470, 9511, {300: 1956, 3600: 0}, 44),
    ),
    "openrouter": (
        ("openrouter", "chat.completions"),
        chat(2649, 100, {"cache_write_tokens": 79, "cached_tokens": 2569}, cost=0.00256995),
        Counts(2649, 2569, {0: 79}, 100),
    ),
    "opentelemetry": (
        SPAN,
        {"gen_ai.usage.input_tokens": 2649, "gen_ai.usage.output_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 2569,
         "gen_ai.usage.cache_write.input_tokens": 79, "gen_ai.usage.reasoning.output_tokens": 0, "gen_ai.provider.name": "x"},
        Counts(2649, 2569, {0: 79}, 100, 0),
    ),
    "opentelemetry, the older spelling": (
        SPAN,
        {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 1, "gen_ai.usage.cache_creation.input_tokens": 4},
        Counts(9, None, {0: 4}, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_counts(name):
    api, usage, counts = RECORDED[name]
    assert read_usage(*api, usage).counts == counts


REFUSED = {
    "gemini total": (GEMINI, RECORDED["deepseek"][1] | {"promptTokenCount": 9, "candidatesTokenCount": 1, "thoughtsTokenCount": 0,
                     "toolUsePromptTokenCount": 0, "totalTokenCount": 11}, "totalTokenCount: expected input plus output, 10, found 11"),
    "gemini cached over prompt": (GEMINI, {"promptTokenCount": 9, "candidatesTokenCount": 1, "thoughtsTokenCount": 0, "toolUsePromptTokenCount": 0,
                                  "cachedContentTokenCount": 10}, "cachedContentTokenCount: expected at most the prompt"),
    "deepseek hit and miss": (DEEPSEEK, RECORDED["deepseek"][1] | {"prompt_cache_miss_tokens": 52}, "prompt_cache_miss_tokens: expected the prompt without the hits, 51, found 52"),
    "deepseek two names": (DEEPSEEK, RECORDED["deepseek"][1] | {"prompt_tokens_details": {"cached_tokens": 511}}, "prompt_cache_hit_tokens: expected that of prompt_tokens_details.cached_tokens, 511, found 512"),
    "deepseek miss alone": (DEEPSEEK, {"prompt_tokens": 100, "completion_tokens": 1, "prompt_cache_miss_tokens": 90, "prompt_tokens_details": {"cached_tokens": 50}},
                            "prompt_cache_miss_tokens: expected the prompt without the hits, 50, found 90"),
    "deepseek miss over prompt": (DEEPSEEK, {"prompt_tokens": 100, "completion_tokens": 1, "prompt_cache_miss_tokens": 101}, "prompt_cache_miss_tokens: "),
    "gemini cached over prompt, with tool use": (GEMINI, {"promptTokenCount": 100, "toolUsePromptTokenCount": 50, "candidatesTokenCount": 1, "thoughtsTokenCount": 0,
                                                 "cachedContentTokenCount": 140, "totalTokenCount": 151}, "cachedContentTokenCount: expected at most the prompt"),
    "anthropic writes over iterations": (MESSAGES, {"input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 9000, "output_tokens": 1,
                                         "iterations": [{"input_tokens": 0, "cache_read_input_tokens": 9000, "cache_creation_input_tokens": 0, "output_tokens": 1}]},
                                         "cache_creation_input_tokens: expected at most the sum"),
    "converse two names": (CONVERSE, {"inputTokens": 1, "outputTokens": 1, "cacheReadInputTokens": 5, "cacheReadInputTokenCount": 6,
                           "cacheWriteInputTokens": 0}, "cacheReadInputTokenCount: expected that of cacheReadInputTokens, 5, found 6"),
    "converse unknown read": (CONVERSE, {"inputTokens": 10, "outputTokens": 1, "totalTokens": 20}, "cacheReadInputTokens: is not stated"),
    "converse split over total": (CONVERSE, {"inputTokens": 1, "outputTokens": 1, "cacheReadInputTokens": 0, "cacheWriteInputTokens": 4,
                                  "cacheDetails": [{"ttl": "5m", "inputTokens": 5}]}, "cacheWriteInputTokens: expected the sum of its parts, 5"),
    "openrouter, a storage charge as writes": (("openrouter", "chat.completions"), chat(2168, 100, {"cached_tokens": 2161, "cache_write_tokens": 2161}),
                                               "prompt_tokens: expected at least what was read and written, 4322, found 2168"),
    "otel two spellings": (SPAN, {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 1, "gen_ai.usage.cache_creation.input_tokens": 4,
                           "gen_ai.usage.cache_write.input_tokens": 5}, "gen_ai.usage.cache_creation.input_tokens: expected that of"),
    "otel without the cached": (SPAN, {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 1, "gen_ai.usage.cache_read.input_tokens": 40},
                                "gen_ai.usage.input_tokens: expected at least what was read"),
    "a float": (VLLM, chat(25.0, 3), "prompt_tokens: expected a count, found 25.0"),
    "a negative": (GEMINI, {"promptTokenCount": -1}, "promptTokenCount: expected a count, found -1"),
    "a bool": (DEEPSEEK, chat(True, 3), "prompt_tokens: expected a count, found True"),
    "an API that only resembles": (("cohere", "chat.completions"), {"tokens": {"input_tokens": 1}}, "api: cohere has no api 'chat.completions'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    api, usage, message = REFUSED[name]
    with pytest.raises(UsageError) as error:
        read_usage(*api, usage)
    assert str(error.value).startswith(message)


def test_the_shape_is_declared():
    additive = {key for key, api in APIS.items() if api.shape is Shape.ADDITIVE}
    assert additive == {
        MESSAGES, ("anthropic", "messages-batch"), ("gcp.vertex_ai", "rawPredict"),
        ("aws.bedrock", "converse"), ("aws.bedrock", "invoke"), ("litellm", "messages"),
    }  # fmt: skip


# Disputes: what other tools counted wrong.


def test_dispute_1_writes_are_not_input_once_more():
    """BerriAI/litellm#9812: 12,304 written tokens were billed as input as well."""
    usage = {
        "input_tokens": 6,
        "cache_creation_input_tokens": 12304,
        "cache_read_input_tokens": 0,
        "output_tokens": 550,
    }
    counts = read_usage(*MESSAGES, usage).counts
    assert (counts.logical, counts.attributed, counts.writes) == (12310, 12310, {0: 12304})


def test_dispute_4_cached_tokens_are_a_part_of_the_prompt():
    """BerriAI/litellm#6215: 2006 tokens at the full price, of which 1920 were cached."""
    counts = read_usage(*CHAT, chat(2006, 300, {"cached_tokens": 1920})).counts
    assert (counts.logical, counts.cached, counts.attributed) == (2006, 1920, 86)


def test_dispute_5_reads_count_once():
    """BerriAI/litellm#40006: reads billed twice. What is cached is not in what is attributed."""
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 90,
        "output_tokens": 1,
    }
    counts = read_usage(*MESSAGES, usage).counts
    assert (counts.cached, counts.attributed) == (90, 10)


def test_dispute_9_a_sum_is_not_summed_again():
    """langfuse/langfuse#10592: input of 86 + 17,817 shown as 35,720."""
    usage = {
        "input_tokens": 86,
        "cache_read_input_tokens": 17817,
        "cache_creation_input_tokens": 0,
        "output_tokens": 1,
    }
    assert read_usage(*MESSAGES, usage).counts.logical == 17903


def test_dispute_12_the_ttl_of_writes_is_kept():
    """can1357/oh-my-pi#6876: 344,139 tokens written for an hour, priced as for five minutes."""
    usage = {"input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 344139, "output_tokens": 0,
             "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 344139}}  # fmt: skip
    assert read_usage(*MESSAGES, usage).counts.writes == {300: 0, 3600: 344139}


def test_dispute_23_openai_cached_is_a_subset():
    """earendil-works/pi#2148: 20,212 in, of which 16,298 were cached."""
    counts = read_usage(*CHAT, chat(20212, 931, {"cached_tokens": 16298})).counts
    assert (counts.logical, counts.cached, counts.attributed) == (20212, 16298, 3914)


def test_dispute_25_openai_cached_is_a_subset_of_a_million():
    """Osmantic/ODS#2519: 1,000,000 in, of which 900,000 were cached."""
    counts = read_usage(*CHAT, chat(10**6, 0, {"cached_tokens": 900_000})).counts
    assert (counts.cached, counts.attributed) == (900_000, 100_000)


def test_dispute_28_openai_writes_are_kept_apart():
    """coder/mux#3705: 3,207 written tokens of GPT-5.6, priced as plain input."""
    counts = read_usage(
        *CHAT, chat(5000, 500, {"cached_tokens": 1024, "cache_write_tokens": 3207})
    ).counts
    assert (counts.attributed, counts.writes) == (3976, {0: 3207})


def stream(*usages):
    return read_usage(*MESSAGES, last_usage(usages)).counts


def test_dispute_2_and_16_the_usage_of_a_stream_is_not_added_up():
    """BerriAI/litellm#11789, langchain-ai/langchainjs#10249: counts twice as high, since start and delta were summed."""
    start = {"input_tokens": 4, "cache_read_input_tokens": 8845, "cache_creation_input_tokens": 6, "output_tokens": 1,
             "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 0}}  # fmt: skip
    delta = {
        "input_tokens": 4,
        "cache_read_input_tokens": 8845,
        "cache_creation_input_tokens": 6,
        "output_tokens": 193,
    }
    assert stream(start, delta) == Counts(8855, 8845, {300: 6, 3600: 0}, 193)
    assert stream(start, {"output_tokens": 90}, {"output_tokens": 193}).output == 193
    assert stream(start, {"output_tokens": 193, "cache_read_input_tokens": None}).cached == 8845


def test_dispute_29_usage_in_two_chunks():
    """can1357/oh-my-pi#5022: vLLM sends the details in a second chunk only; 32,512 cached tokens were lost."""
    first, second = chat(35227, 10), chat(35227, 10, {"cached_tokens": 32512})
    for usages in ((first, second), (second, first)):
        counts = read_usage(*VLLM, last_usage(usages)).counts
        assert (counts.attributed, counts.cached) == (2715, 32512)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["a", "b"]), st.none() | st.integers(0, 9)), max_size=5
    )
)
def test_field_by_field_the_last_one_stated_wins(usages):
    nested = [{"top": usage, **usage} for usage in usages]
    final = last_usage(nested)
    for field in ("a", "b"):
        stated = [usage[field] for usage in usages if usage.get(field) is not None]
        assert final.get(field) == (stated[-1] if stated else None)
        assert final.get("top", {}).get(field) == (stated[-1] if stated else None)


def test_dispute_14_a_split_of_zeros_leaves_the_ttl_open():
    """anthropics/anthropic-sdk-java#353: 12,229 written, and the split says 0 and 0."""
    usage = {"input_tokens": 335, "output_tokens": 690, "cache_creation_input_tokens": 12229, "cache_read_input_tokens": 14942,
             "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}}  # fmt: skip
    assert read_usage(*MESSAGES, usage).counts.writes == {0: 12229, 300: 0, 3600: 0}


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_dispute_15_every_token_is_cached_or_attributed_and_none_is_both(plain, read, written):
    """maximhq/bifrost#3451: $1.86 instead of $1.06, since cached tokens were billed as input as well."""
    usage = {
        "input_tokens": plain,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": 0,
    }
    additive = read_usage(*MESSAGES, usage).counts
    details = {"cached_tokens": read, "cache_write_tokens": written}
    subset = read_usage(*CHAT, chat(plain + read + written, 0, details)).counts
    for counts in (additive, subset):
        assert counts.cached + counts.attributed == counts.logical == plain + read + written


def test_dispute_18_a_compaction_counts():
    """Recorded: the top level leaves out 55,096 written tokens; priced by it alone the response is 275 times too cheap."""
    part = {
        "input_tokens": 100,
        "output_tokens": 131,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 55096,
    }
    top = {
        "input_tokens": 229,
        "output_tokens": 5,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
    }
    counts = read_usage(*MESSAGES, {**top, "iterations": [part, top]}).counts
    assert (counts.logical, counts.writes, counts.output) == (55425, {0: 55096}, 136)


def test_cache_policies_name_providers_as_receipts_do():
    for policy in shipped().values():
        assert canonical(policy.provider) == policy.provider, policy.name

"""OpenAI's APIs, and what the hosts that took over their shape added to it. Subset: the prompt includes the cache.

A member means the same wherever it is recorded; names of one count must agree, and the totals are checked. Sources: the pages
below, and the types of openai-python 3.54 (completion_usage.py, response_usage.py), vLLM 0.33 (entrypoints/openai) and
LiteLLM 1.110 (types/utils.py, Usage).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from receipts.ingest.form import Form

_GUIDE: Final = "https://developers.openai.com/api/docs/guides/prompt-caching"
_SEARCHES: Final = (
    "server_side_tool_usage_details.web_search_calls | server_tool_use_details.web_search_requests"
    " | server_tool_use.web_search_requests | prompt_tokens_details.web_search_requests"
    " | response.tool_usage.web_search.num_requests | response.tool_calls.web_search_call"
)
_UNITS: Final = {
    "requests.web_search": _SEARCHES,
    "requests.social_search": "server_side_tool_usage_details.x_search_calls"
    " | response.tool_calls.x_search_call",
    "requests.code_execution": "server_side_tool_usage_details.code_interpreter_calls"
    " | response.tool_calls.code_interpreter_call",
    "requests.file_search": "server_side_tool_usage_details.file_search_calls"
    " | response.tool_calls.file_search_call",
    "requests.image_generation": "server_side_tool_usage_details.image_generation_calls"
    " | response.tool_calls.image_generation_call",
}
FREE: Final = (
    # Prices, and whose key was used.
    "cost", "cost.*", "cost_details.*", "market_cost", "estimated_cost", "cost_in_usd_ticks", "is_byok",
    # Durations, rates, and what was guessed and not taken; rejected guesses are inside the completion.
    "queue_time", "prompt_time", "completion_time", "total_time", "total_*time_sec", "*_per_sec", "*_per_second", "total_latency",
    "time_to_first_token", "time_to_first_token_ms", "time_per_output_token_ms", "latency_checkpoint.*", "acceptance_rate",
    "draft_tokens", "draft_tokens_acceptance", "*.accepted_prediction_tokens", "*.rejected_prediction_tokens",
    # Calls that were asked for; those that were made are counted. MCP servers are the customer's.
    "*.tool_calls_requested", "*.mcp_calls",
    # The last request of several that a response took; `input_tokens` counts them all.
    "context_details.*",
    "type",
)  # fmt: skip
"""What bills nothing in these objects."""

CHAT: Final = Form(
    _GUIDE,
    logical="prompt_tokens",
    uncached="prompt_cache_miss_tokens",
    cached="prompt_tokens_details.cached_tokens | prompt_token_details.cached_tokens | prompt_cache_hit_tokens"
    " | cached_tokens | num_cached_tokens | cache_read_input_tokens",
    writes={
        0: "prompt_tokens_details.cache_write_tokens | prompt_tokens_details.cache_creation_tokens"
        " | prompt_tokens_details.created_cache_tokens | prompt_tokens_details.cache_creation_input_tokens"
        " | cache_creation_input_tokens",
        300: "cache_creation.ephemeral_5m_input_tokens"
        " | prompt_tokens_details.cache_creation.ephemeral_5m_input_tokens"
        " | prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens",
        3600: "cache_creation.ephemeral_1h_input_tokens"
        " | prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens",
        86400: "cache_creation.ephemeral_24h_input_tokens",
    },
    output="completion_tokens",
    reasoning="completion_tokens_details.reasoning_tokens | reasoning_tokens",
    total="total_tokens",
    parts={
        "input": "prompt_tokens_details.{}_tokens | prompt_token_details.{}_tokens",
        "cached": "prompt_tokens_details.cached_tokens_details.{}_tokens",
        "output": "completion_tokens_details.{}_tokens",
    },
    units=_UNITS,
    calls="server_tool_use_details.tool_calls_executed",
    free=FREE,
)
"""Chat Completions, and the older Completions, which leave out the completion where nothing was generated."""

RESPONSES: Final = Form(
    _GUIDE,
    logical="input_tokens",
    cached="input_tokens_details.cached_tokens | input_token_details.cached_tokens",
    writes={
        0: "input_tokens_details.cache_write_tokens",
        1800: "input_tokens_details.cache_write_tokens_details.ttl_30m_tokens",
        43200: "input_tokens_details.cache_write_tokens_details.ttl_12h_tokens",
    },
    output="output_tokens",
    reasoning="output_tokens_details.reasoning_tokens | output_token_details.reasoning_tokens",
    total="total_tokens",
    parts={
        "input": "input_tokens_details.{}_tokens | input_token_details.{}_tokens",
        "cached": "input_tokens_details.cached_tokens_details.{}_tokens"
        " | input_token_details.cached_tokens_details.{}_tokens",
        "output": "output_tokens_details.{}_tokens | output_token_details.{}_tokens",
    },
    units=_UNITS,
    calls="num_server_side_tools_used | server_tool_use_details.tool_calls_executed",
    free=FREE,
)
"""Responses, Images, and Realtime, whose details are ``input_token_details``."""

TRANSCRIPTIONS: Final = replace(RESPONSES, seconds={"audio.input_ms": "seconds"}, no_tokens=True)
"""Transcriptions are billed by token, or by duration."""

EMBEDDINGS: Final = Form(
    "https://developers.openai.com/api/docs/guides/embeddings",
    logical="prompt_tokens | input_tokens | total_tokens",
    parts={"input": "prompt_tokens_details.{}_tokens"},
    free=FREE,
)
"""Embeddings, and rankings that are billed by token. There is no output."""

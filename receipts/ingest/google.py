"""Google's APIs. Subset: the prompt includes what was read; tool use is outside the prompt, thoughts outside the candidates.

A count that is absent is zero: the fields are plain int32 of proto3, whose JSON leaves out zeros. 1,500 recorded objects hold
no 0 in any field; where the total tells, what is absent is 0; and for the count of what was read, firebase/firebase-js-sdk#9462
says so. Filling an explicit cache is a call of its own, so a response reports no writes.
"""

from __future__ import annotations

from typing import Final

from receipts.ingest.form import Form

_ENTRY: Final = ("modality", "tokenCount")
_SEARCH: Final = "response.tool_calls.google_search"

GENERATE: Final = Form(
    "https://ai.google.dev/api/generate-content#UsageMetadata",
    logical="promptTokenCount + toolUsePromptTokenCount",
    cached="cachedContentTokenCount",
    cached_within="promptTokenCount",
    output="candidatesTokenCount | responseTokenCount + thoughtsTokenCount",
    reasoning="thoughtsTokenCount",
    total="totalTokenCount",
    parts={
        "input": "promptTokensDetails.{} + toolUsePromptTokensDetails.{}",
        "cached": "cacheTokensDetails.{}",
        "output": "candidatesTokensDetails.{} | responseTokensDetails.{}",
    },
    units={"requests.web_search": _SEARCH},
    lists={
        "promptTokensDetails": _ENTRY,
        "toolUsePromptTokensDetails": _ENTRY,
        "cacheTokensDetails": _ENTRY,
        "candidatesTokensDetails": _ENTRY,
        "responseTokensDetails": _ENTRY,
    },
    no_zeros=True,
    last=True,  # a chunk may leave out what one before it stated, because it is zero now
)
"""generateContent, and Live, whose output is ``responseTokenCount``."""

INTERACTIONS: Final = Form(
    "https://ai.google.dev/gemini-api/docs/interactions",
    logical="total_input_tokens + total_tool_use_tokens",
    cached="total_cached_tokens",
    cached_within="total_input_tokens",
    output="total_output_tokens + total_thought_tokens",
    reasoning="total_thought_tokens",
    total="total_tokens",
    parts={
        "input": "input_tokens_by_modality.{} + tool_use_tokens_by_modality.{}",
        "cached": "cached_tokens_by_modality.{}",
        "output": "output_tokens_by_modality.{}",
    },
    units={"requests.web_search": f"grounding_tool_count.google_search | {_SEARCH}"},
    lists={
        "input_tokens_by_modality": ("modality", "tokens"),
        "tool_use_tokens_by_modality": ("modality", "tokens"),
        "cached_tokens_by_modality": ("modality", "tokens"),
        "output_tokens_by_modality": ("modality", "tokens"),
        "grounding_tool_count": ("type", "count"),
    },
)

EMBED: Final = Form(
    "https://ai.google.dev/api/embeddings",
    logical="promptTokenCount | totalTokenCount",
    parts={"input": "promptTokensDetails.{} | promptTokenDetails.{}"},
    lists={"promptTokensDetails": _ENTRY, "promptTokenDetails": _ENTRY},
    no_zeros=True,
)

CACHED_CONTENT: Final = Form(
    "https://ai.google.dev/api/caching",
    logical="totalTokenCount",
    refused="says what a cache holds; it is billed by time as well, which is not stated",
)

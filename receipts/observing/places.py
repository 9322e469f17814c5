"""Which provider answers at a host, and which of its APIs at a path.

A host is in the table if the provider's own documentation names it. A gateway's, or one of your own, is named by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_HOSTS: Final = tuple(
    (re.compile(rf"(?:{pattern})"), provider)
    for pattern, provider in (
        (r"(?:(?:eu|us)\.)?api\.openai\.com", "openai"),
        (r"api\.anthropic\.com", "anthropic"),
        (r"[a-z0-9-]+\.(?:openai|cognitiveservices)\.azure\.com", "azure.ai.openai"),
        (r"[a-z0-9.-]+\.(?:services|models|inference)\.ai\.azure\.com", "azure.ai.inference"),
        (
            r"bedrock-runtime(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com|bedrock-mantle\.[a-z0-9-]+\.api\.aws",
            "aws.bedrock",
        ),
        (r"generativelanguage\.googleapis\.com", "gcp.gemini"),
        (r"(?:[a-z0-9-]+-)?aiplatform\.googleapis\.com", "gcp.vertex_ai"),
        (r"api\.cohere\.(?:com|ai)", "cohere"),
        (r"(?:[a-z0-9-]+\.)?api\.x\.ai", "x_ai"),
        (r"api\.perplexity\.ai", "perplexity"),
        (r"(?:api|codestral)\.mistral\.ai", "mistral_ai"),
        (r"api\.voyageai\.com", "voyage"),
        (r"api\.writer\.com", "writer"),
        (r"api\.deepseek\.com", "deepseek"),
        (r"api\.groq\.com", "groq"),
        (r"api\.together\.(?:xyz|ai)", "together"),
        (r"api\.moonshot\.(?:ai|cn)", "moonshot"),
        (r"api\.z\.ai", "zai"),
        (r"api\.cerebras\.ai", "cerebras"),
        (r"api\.venice\.ai", "venice"),
        (r"dashscope(?:-intl|-us)?\.aliyuncs\.com", "alibaba"),
        (r"router\.huggingface\.co", "huggingface"),
        (r"openrouter\.ai", "openrouter"),
        (r"ai-gateway\.vercel\.sh", "vercel-gateway"),
        (r"api\.portkey\.ai", "portkey"),
    )
)
_APIS: Final = tuple(
    (re.compile(rf"{pattern}/?$"), api)
    for pattern, api in (
        (r"/chat/completions", "chat.completions"),
        (r"/responses", "responses"),
        (r"/responses/compact", "responses.compact"),
        (r"/messages", "messages"),
        (r"/messages/batches/[^/]+/results", "messages-batch"),
        (r":(?:g|streamG)enerateContent", "generateContent"),
        (r":(?:embedContent|batchEmbedContents)", "embedContent"),
        (r":(?:r|streamR)awPredict", "rawPredict"),
        (r"/converse(?:-stream)?", "converse"),
        (r"/invoke(?:-with-response-stream)?", "invoke"),
        (r"/embeddings", "embeddings"),
        (r"/audio/transcriptions", "transcriptions"),
        (r"/images/(?:generations|edits)", "images"),
        (r"/fim/completions", "fim.completions"),
        (r"/agents/completions", "agents.completions"),
        (r"(?<!/chat)(?<!/fim)(?<!/agents)/completions", "completions"),
        (r"/v2/chat", "v2/chat"),
        (r"/v1/chat", "v1/chat"),
        (r"/api/chat", "api/chat"),
        (r"/api/generate", "api/generate"),
        (r"/rerank", "rerank"),
    )
)
_FILE: Final = re.compile(r"/files/[^/]+/content/?$")
"""The results of a batch of OpenAI's, whatever its API."""
_UNBILLED: Final = re.compile(
    r"/(?:cancel|count_tokens|moderations|batches|files|uploads)/?$|:countTokens$"
)


def provider_of(host: str, named: Mapping[str, str]) -> str | None:
    """Who answers at a host; None: it is not known.

    Args:
        host: with its port, unless that is the scheme's own.
        named: the provider of other hosts, with or without a port.
    """
    host = host.lower()
    name = host.partition(":")[0]
    own = named.get(host, named.get(name))
    if own is not None:
        return own
    return next((provider for pattern, provider in _HOSTS if pattern.fullmatch(host)), None)


def api_of(path: str, usage: Mapping[str, Any]) -> str | None:
    """The API that answers at a path, and in the file of a batch's results the one whose usage it is; None: it is not known."""
    if is_batch_file(path):
        if "input_tokens" in usage:
            return "responses"
        return "chat.completions" if "completion_tokens" in usage else "embeddings"
    return next((api for pattern, api in _APIS if pattern.search(path)), None)


def is_billed(path: str) -> bool:
    """Whether a call of this path may be billed (spec/record.md, A call)."""
    return _UNBILLED.search(path) is None


def is_batch_file(path: str) -> bool:
    """Whether a file of results was fetched there."""
    return _FILE.search(path) is not None

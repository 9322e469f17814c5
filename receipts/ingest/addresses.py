"""Which provider answers at a host, and which of its APIs at a path, by the names that a receipt has for them.

A host is in the table if the provider's own documentation names it.
"""

from __future__ import annotations

import re
from typing import Final

_EXACT: Final = {
    "api.anthropic.com": "anthropic",
    "api.openai.com": "openai",
    "eu.api.openai.com": "openai",
    "us.api.openai.com": "openai",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "api.mistral.ai": "mistral_ai",
    "codestral.mistral.ai": "mistral_ai",
    "api.x.ai": "x_ai",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "openrouter.ai": "openrouter",
    "api.perplexity.ai": "perplexity",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.cerebras.ai": "cerebras",
    "router.huggingface.co": "huggingface",
    "api.moonshot.ai": "moonshot",
    "api.moonshot.cn": "moonshot",
    "api.z.ai": "zai",
    "dashscope.aliyuncs.com": "alibaba",
    "dashscope-intl.aliyuncs.com": "alibaba",
    "dashscope-us.aliyuncs.com": "alibaba",
    "ai-gateway.vercel.sh": "vercel-gateway",
    "api.venice.ai": "venice",
    "api.githubcopilot.com": "copilot",
    "chatgpt.com": "chatgpt",
    "api.voyageai.com": "voyage",
    "api.portkey.ai": "portkey",
    "gateway.ai.cloudflare.com": "cloudflare",
    "api.writer.com": "writer",
}
_PATTERNS: Final = tuple(
    (re.compile(pattern), provider)
    for pattern, provider in (
        (r"[a-z0-9-]+\.openai\.azure\.com", "azure.ai.openai"),
        (r"[a-z0-9-]+\.cognitiveservices\.azure\.com", "azure.ai.openai"),
        (r"[a-z0-9-]+\.services\.ai\.azure\.com", "azure.ai.inference"),
        (r"[a-z0-9.-]+\.(?:models|inference)\.ai\.azure\.com", "azure.ai.inference"),
        (r"[a-z0-9-]+-aiplatform\.googleapis\.com", "gcp.vertex_ai"),
        (r"bedrock-runtime(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?", "aws.bedrock"),
        (r"bedrock-mantle\.[a-z0-9-]+\.api\.aws", "aws.bedrock"),
        (r"[a-z0-9-]+\.api\.x\.ai", "x_ai"),
        (r"[a-z0-9.-]+\.cloud\.databricks\.com", "databricks"),
        (r"[a-z0-9.-]+\.azuredatabricks\.net", "databricks"),
        (r"[a-z0-9._-]+\.snowflakecomputing\.com", "snowflake"),
    )
)
"""Hosts whose name begins with that of the customer's own resource, or of a region."""
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


def provider_at(host: str) -> str | None:
    """The provider at a host; None: it is not known.

    Args:
        host: the name, with or without a port.
    """
    name = host.lower().rstrip(".")
    name = name if name in _EXACT else name.rpartition(":")[0] or name
    known = _EXACT.get(name)
    return known or next((who for pattern, who in _PATTERNS if pattern.fullmatch(name)), None)


def api_at(path: str) -> str | None:
    """The API at a path without its query; None: it is not known."""
    return next((api for pattern, api in _APIS if pattern.search(path)), None)

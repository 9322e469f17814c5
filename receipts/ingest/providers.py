"""The providers and hosts whose usage can be read: a line for each, and its APIs.

A name is that of OpenTelemetry's ``gen_ai.provider.name`` where it has one. How one is added says CONTRIBUTING.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from receipts.ingest import anthropic, bedrock, cohere, google, hosts, openai, xai
from receipts.ingest.form import Form


@dataclass(frozen=True, slots=True)
class Provider:
    """Who is asked.

    Attributes:
        name: what a receipt calls it.
        apis: how the usage of each of its APIs is read, by name.
        aliases: what else it is called in a line of usage.
    """

    name: str
    apis: Mapping[str, Form]
    aliases: tuple[str, ...] = ()


_OPENAI: Final[Mapping[str, Form]] = {
    "chat.completions": openai.CHAT,
    "responses": openai.RESPONSES,
    "completions": openai.CHAT,
    "embeddings": openai.EMBEDDINGS,
    "responses.compact": openai.RESPONSES,
    "assistants.run": openai.CHAT,
    "realtime": openai.RESPONSES,
    "images": openai.RESPONSES,
    "transcriptions": openai.TRANSCRIPTIONS,
}
_GOOGLE: Final[Mapping[str, Form]] = {
    "generateContent": google.GENERATE,
    "live": google.GENERATE,
    "interactions": google.INTERACTIONS,
    "embedContent": google.EMBED,
    "cachedContents": google.CACHED_CONTENT,
    "chat.completions": openai.CHAT,
}


def _host(name: str, apis: str, *aliases: str, **own: Form) -> Provider:
    """A host that has taken over OpenAI's shape; ``own`` are the APIs whose form differs, with ``_`` for ``.`` in their names."""
    forms = {api: _OPENAI[api] for api in apis.split()}
    return Provider(
        name, {api.replace("_", "."): form for api, form in own.items()} | forms, aliases
    )


PROVIDERS: Final = (
    Provider("anthropic", {"messages": anthropic.MESSAGES, "messages-batch": anthropic.BATCH, "chat.completions": openai.CHAT}),
    Provider("openai", _OPENAI),
    _host("azure.ai.openai", "responses completions embeddings realtime images transcriptions", "azure", chat_completions=hosts.AZURE_CHAT),
    _host("azure.ai.inference", "embeddings", chat_completions=hosts.AZURE_CHAT),
    # Mantle is Bedrock's endpoint with OpenAI's APIs.
    _host("aws.bedrock", "chat.completions responses", "bedrock", "bedrock-mantle", converse=bedrock.CONVERSE, invoke=bedrock.INVOKE),
    Provider("gcp.gemini", _GOOGLE, ("google",)),
    Provider("gcp.vertex_ai", {**_GOOGLE, "rawPredict": anthropic.MESSAGES}, ("vertex",)),
    Provider("gcp.gen_ai", _GOOGLE),
    Provider("cohere", {
        "v2/chat": cohere.COHERE_CHAT, "v1/chat": cohere.COHERE_CHAT, "embed": cohere.EMBED, "rerank": cohere.RERANK,
    }),
    Provider("x_ai", {
        "grpc.chat": xai.XAI_GRPC, "chat.completions": xai.XAI_CHAT, "responses": xai.XAI_RESPONSES, "realtime": xai.XAI_REALTIME,
        "images": xai.XAI_MEDIA, "videos": xai.XAI_MEDIA,
    }, ("xai",)),
    _host("deepseek", "chat.completions responses"),
    _host("groq", "chat.completions responses"),
    _host("perplexity", "embeddings", chat_completions=hosts.PERPLEXITY),
    Provider("mistral_ai", {
        "chat.completions": hosts.MISTRAL, "agents.completions": hosts.MISTRAL, "fim.completions": hosts.MISTRAL,
        "transcriptions": hosts.MISTRAL, "embeddings": openai.EMBEDDINGS,
    }, ("mistral",)),
    Provider("ollama", {
        "chat.completions": hosts.OLLAMA_CHAT, "api/chat": hosts.OLLAMA, "api/generate": hosts.OLLAMA, "api/embed": hosts.OLLAMA_EMBED,
        "embeddings": openai.EMBEDDINGS,
    }),
    Provider("voyage", {"embeddings": hosts.VOYAGE, "rerank": hosts.VOYAGE}),
    Provider("opentelemetry", {"gen_ai": hosts.SPAN}),
    # Gateways.
    _host("openrouter", "chat.completions responses embeddings transcriptions"),
    _host("litellm", "chat.completions"),
    _host("vercel-gateway", "embeddings", "vercel", chat_completions=hosts.VERCEL),
    _host("portkey", "chat.completions completions"),
    _host("huggingface", "chat.completions completions"),
    _host("cloudflare", "chat.completions"),
    _host("copilot", "chat.completions responses embeddings"),
    _host("chatgpt", "responses"),
    _host("databricks", "embeddings", chat_completions=hosts.DATABRICKS),
    # Hosts of open models.
    _host("alibaba", "chat.completions"),
    _host("avian", "chat.completions"),
    _host("cerebras", "chat.completions"),
    _host("crusoe", "chat.completions"),
    _host("doubleword", "chat.completions embeddings"),
    _host("gpustack", "chat.completions"),
    _host("llamacpp", "chat.completions responses embeddings", "llama.cpp", rerank=openai.EMBEDDINGS),
    _host("mistralrs", "chat.completions responses", "mistral.rs"),
    _host("moonshot", "chat.completions", "moonshot_ai"),
    _host("snowflake", "chat.completions"),
    _host("together", "chat.completions completions"),
    _host("venice", "chat.completions embeddings"),
    _host("vllm", "chat.completions completions responses embeddings"),
    Provider("writer", {"v1/chat": openai.CHAT}),
    _host("zai", "chat.completions"),
)  # fmt: skip
API_ALIASES: Final = {
    "chat/completions": "chat.completions",
    "streamGenerateContent": "generateContent",
    "batchEmbedContents": "embedContent",
    "converseStream": "converse",
    "invokeWithResponseStream": "invoke",
    "streamRawPredict": "rawPredict",
}
"""What else an API is called: its path, and its name where it streams."""

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


_SHARED: Final[Mapping[str, Form]] = {
    "chat.completions": openai.CHAT,
    "responses": openai.RESPONSES,
    "completions": openai.CHAT,
    "embeddings": openai.EMBEDDINGS,
}
"""The APIs of OpenAI that hosts have taken over."""
_AUDIO_AND_IMAGES: Final[Mapping[str, Form]] = {
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


def _host(name: str, *aliases: str, **own: Form) -> Provider:
    """A host that has taken over OpenAI's APIs; ``own`` are those whose form differs, with ``_`` for ``.`` in their names."""
    different = {api.replace("_", "."): form for api, form in own.items()}
    return Provider(name, {**_SHARED, **different}, aliases)


_HOSTS: Final = (
    "alibaba", "avian", "cerebras", "chatgpt", "cloudflare", "copilot", "crusoe", "deepseek", "doubleword", "gpustack", "groq",
    "huggingface", "portkey", "snowflake", "together", "venice", "vllm", "zai",
)  # fmt: skip
"""Those of which no form differs."""
PROVIDERS: Final = (
    Provider("anthropic", {"messages": anthropic.MESSAGES, "messages-batch": anthropic.BATCH, "chat.completions": openai.CHAT}),
    Provider("openai", {
        **_SHARED, **_AUDIO_AND_IMAGES, "responses.compact": openai.RESPONSES, "assistants.run": openai.CHAT,
    }),
    _host("azure.ai.openai", "azure", chat_completions=hosts.AZURE_CHAT, **_AUDIO_AND_IMAGES),
    _host("azure.ai.inference", chat_completions=hosts.AZURE_CHAT),
    # Mantle is Bedrock's endpoint with OpenAI's APIs.
    _host("aws.bedrock", "bedrock", "bedrock-mantle", converse=bedrock.CONVERSE, invoke=bedrock.INVOKE),
    Provider("gcp.gemini", _GOOGLE, ("google",)),
    Provider("gcp.vertex_ai", {**_GOOGLE, "rawPredict": anthropic.MESSAGES}, ("vertex",)),
    Provider("gcp.gen_ai", _GOOGLE),
    Provider("cohere", {
        "v2/chat": cohere.COHERE_CHAT, "v1/chat": cohere.COHERE_CHAT, "embed": cohere.EMBED, "rerank": cohere.RERANK,
    }),
    Provider("x_ai", {
        "grpc.chat": xai.XAI_GRPC, "chat.completions": xai.XAI_CHAT, "responses": xai.XAI_RESPONSES, "realtime": xai.XAI_REALTIME,
        "images": xai.XAI_RESPONSES, "videos": xai.XAI_RESPONSES,
    }, ("xai",)),
    _host("perplexity", chat_completions=hosts.PERPLEXITY),
    Provider("mistral_ai", {
        "chat.completions": hosts.MISTRAL, "agents.completions": hosts.MISTRAL, "fim.completions": hosts.MISTRAL,
        "transcriptions": hosts.MISTRAL, "embeddings": openai.EMBEDDINGS,
    }, ("mistral",)),
    Provider("ollama", {
        "chat.completions": hosts.OLLAMA_CHAT, "api/chat": hosts.OLLAMA, "api/generate": hosts.OLLAMA, "api/embed": hosts.OLLAMA_EMBED,
        "embeddings": openai.EMBEDDINGS,
    }),
    Provider("voyage", {"embeddings": hosts.VOYAGE, "rerank": hosts.VOYAGE}),
    Provider("opentelemetry", {"gen_ai": hosts.SPAN, "gen_ai.embeddings": hosts.SPAN_OF_EMBEDDINGS}),
    Provider("writer", {"v1/chat": openai.CHAT}),
    _host("databricks", chat_completions=hosts.DATABRICKS),
    _host("litellm", chat_completions=hosts.LITELLM, messages=hosts.LITELLM_MESSAGES),
    _host("llamacpp", "llama.cpp", rerank=openai.EMBEDDINGS),
    _host("mistralrs", "mistral.rs"),
    _host("moonshot", "moonshot_ai"),
    _host("openrouter", transcriptions=openai.TRANSCRIPTIONS),
    _host("vercel-gateway", "vercel", chat_completions=hosts.VERCEL),
    *(_host(name) for name in _HOSTS),
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

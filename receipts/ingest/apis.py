"""The table of the APIs whose usage can be read, and what is read with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import rfc8785

from receipts.errors import UsageError
from receipts.ingest import anthropic, bedrock, deepseek, google, openai, opentelemetry, vllm
from receipts.ingest.base import Reading, Shape


@dataclass(frozen=True, slots=True)
class Api:
    """How the usage of an API is read."""

    shape: Shape
    read: Callable[[Mapping[str, Any]], Reading]


_CHAT = Api(Shape.SUBSET, openai.chat_completions)
_RESPONSES = Api(Shape.SUBSET, openai.responses)
_MESSAGES = Api(Shape.ADDITIVE, anthropic.messages)

APIS: dict[tuple[str, str], Api] = {
    ("anthropic", "messages"): _MESSAGES,
    ("openai", "chat.completions"): _CHAT,
    ("openai", "responses"): _RESPONSES,
    ("google", "generateContent"): Api(Shape.SUBSET, google.generate_content),
    ("deepseek", "chat.completions"): Api(Shape.SUBSET, deepseek.chat_completions),
    ("deepseek", "responses"): _RESPONSES,
    ("vllm", "chat.completions"): Api(Shape.SUBSET, vllm.chat_completions),
    ("vllm", "responses"): _RESPONSES,
    ("bedrock", "converse"): Api(Shape.ADDITIVE, bedrock.converse),
    ("bedrock", "invoke"): _MESSAGES,
    ("bedrock-mantle", "responses"): _RESPONSES,
    ("openrouter", "chat.completions"): _CHAT,
    ("openrouter", "responses"): _RESPONSES,
    ("opentelemetry", "gen_ai"): Api(Shape.SUBSET, opentelemetry.span),
    ("litellm", "chat.completions"): _CHAT,
    # Hosts whose recorded usage has OpenAI's shape, and whose totals agree with it.
    ("crusoe", "chat.completions"): _CHAT,
    ("groq", "chat.completions"): _CHAT,
    ("mistral", "chat.completions"): _CHAT,
    ("zai", "chat.completions"): _CHAT,
}
"""Every API that can be read. A usage object is never read as that of an API that it only resembles."""


def read_usage(provider: str, api: str, usage: Mapping[str, Any]) -> Reading:
    """The counts of a usage object.

    Raises:
        UsageError: the API is not known, or the object does not say what a receipt needs.
    """
    known_api = APIS.get((provider, api))
    if known_api is None:
        raise UsageError("api", f"there is no reader for {provider} {api}")
    return known_api.read(usage)


def usage_hash(usage: Mapping[str, Any]) -> bytes:
    """SHA-256 of a usage object in the form of RFC 8785, by which a customer can find its own copy.

    Raises:
        UsageError: the object has no such form: a number is not finite, or is an integer beyond 2^53.
    """
    try:
        return sha256(rfc8785.dumps(dict(usage))).digest()
    except rfc8785.CanonicalizationError as error:
        raise UsageError("usage", f"cannot be canonicalised (RFC 8785): {error}") from None

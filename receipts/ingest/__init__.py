"""From a provider's usage object to the counts of a receipt: one module a provider, one pure function an API.

    reading = read_usage("anthropic", "messages", usage)

An object that breaks an identity, or that leaves a needed count open, raises; it is never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import rfc8785

from receipts.errors import UsageError
from receipts.ingest import anthropic, openai
from receipts.ingest.base import Reading

__all__ = ["APIS", "Reading", "read_usage", "usage_hash"]

APIS: dict[tuple[str, str], Callable[[Mapping[str, Any]], Reading]] = {
    ("anthropic", "messages"): anthropic.messages,
    ("openai", "chat.completions"): openai.chat_completions,
    ("openai", "responses"): openai.responses,
}
"""The function for each provider and API."""


def read_usage(provider: str, api: str, usage: Mapping[str, Any]) -> Reading:
    """The counts of a usage object.

    Raises:
        UsageError: the API is not known, or the object does not say what a receipt needs.
    """
    read = APIS.get((provider, api))
    if read is None:
        known = ", ".join(f"{p} {a}" for p, a in APIS)
        raise UsageError("api", f"{provider} {api} is not one of: {known}")
    return read(usage)


def usage_hash(usage: Mapping[str, Any]) -> bytes:
    """SHA-256 of a usage object in the form of RFC 8785, by which a customer can find its own copy.

    Raises:
        UsageError: the object has no such form: a number is not finite, or is an integer beyond 2^53.
    """
    try:
        return sha256(rfc8785.dumps(dict(usage))).digest()
    except rfc8785.CanonicalizationError as error:
        raise UsageError("usage", f"cannot be canonicalised (RFC 8785): {error}") from None

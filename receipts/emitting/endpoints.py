"""Which paths answer with usage, of which API, and whose API that is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from receipts.ingest import api_at


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An API at a path.

    Attributes:
        api: as in a receipt.
        provider: whose API it is, unless the server says otherwise.
        fetched: whether it gives the answer to an earlier request once more (Responses of OpenAI that are retrieved).
        model: the model that the path names; None: it names none.
        streams: whether the path is that of a stream, whatever form it has.
        host: who serves the API, where that is known from where it was asked; None: whose API it is.
    """

    api: str
    provider: str
    fetched: bool = False
    model: str | None = None
    streams: bool = False
    host: str | None = None


_PROVIDERS: Final = {
    "chat.completions": "openai",
    "responses": "openai",
    "completions": "openai",
    "embeddings": "openai",
    "messages": "anthropic",
    "generateContent": "gcp.gemini",
    "embedContent": "gcp.gemini",
    "rawPredict": "gcp.vertex_ai",
    "converse": "aws.bedrock",
    "invoke": "aws.bedrock",
}
"""The APIs whose answers are watched, and whose they are."""
_MODEL: Final = re.compile(r"/model/(?P<bedrock>.+)/[^/]+$|/(?P<google>[^/:]+):[A-Za-z]+$")
"""A model of Google's may be a tuned one, or an endpoint. One of Bedrock's may be an ARN, in which a server has decoded each ``%2F``."""
_FETCHED: Final = re.compile(r"/responses/[^/]+/?$")


@lru_cache(maxsize=256)  # most requests go to a few paths
def endpoint(method: str, path: str) -> Endpoint | None:
    """The API that answers a request; None: it is none that reports usage."""
    if method == "GET":
        return Endpoint("responses", "openai", fetched=True) if _FETCHED.search(path) else None
    api = api_at(path) if method == "POST" else None
    if api not in _PROVIDERS:
        return None
    named = _MODEL.search(path)
    if named is None:
        return Endpoint(api, _PROVIDERS[api])
    group = named.lastgroup or ""
    streams = "stream" in path[named.end(group) :].lower()
    return Endpoint(api, _PROVIDERS[api], model=unquote(named[group]), streams=streams)

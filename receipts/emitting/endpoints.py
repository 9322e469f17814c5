"""Which paths answer with usage, of which API, and whose API that is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote


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


_POSTED: Final = tuple(
    (re.compile(pattern), api, provider)
    for pattern, api, provider in (
        (r"/chat/completions/?$", "chat.completions", "openai"),
        (r"/responses/?$", "responses", "openai"),
        (r"/completions/?$", "completions", "openai"),
        (r"/embeddings/?$", "embeddings", "openai"),
        (r"/messages/?$", "messages", "anthropic"),
        (r"/models/(?P<model>[^/:]+):(?:g|streamG)enerateContent$", "generateContent", "gcp.gemini"),
        (r"/models/(?P<model>[^/:]+):(?:e|batchE)mbedContents?$", "embedContent", "gcp.gemini"),
        (r"/models/(?P<model>[^/:]+):(?:r|streamR)awPredict$", "rawPredict", "gcp.vertex_ai"),
        (r"/model/(?P<model>[^/]+)/converse(?:-stream)?$", "converse", "aws.bedrock"),
        (r"/model/(?P<model>[^/]+)/invoke(?:-with-response-stream)?$", "invoke", "aws.bedrock"),
    )
)  # fmt: skip
_FETCHED: Final = re.compile(r"/responses/[^/]+/?$")


def endpoint(method: str, path: str) -> Endpoint | None:
    """The API that answers a request; None: it is none that reports usage."""
    if method == "GET":
        return Endpoint("responses", "openai", fetched=True) if _FETCHED.search(path) else None
    if method != "POST":
        return None
    for pattern, api, provider in _POSTED:
        if found := pattern.search(path):
            named = found.groupdict().get("model")
            model = None if named is None else unquote(named)
            return Endpoint(api, provider, model=model, streams="stream" in found[0].lower())
    return None

"""The units that a usage object states: calls of tools, and tokens by kind (spec/record.md, "A usage object")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from verifier.customer.usage_members import count, stated

_TOOLS: Final = {
    "requests.web_search": ("server_tool_use.web_search_requests",),
    "requests.web_fetch": ("server_tool_use.web_fetch_requests",),
}
_CALLS: Final = {
    "requests.web_search": ("web_search_call", "google_search"),
    "requests.social_search": ("x_search_call",),
    "requests.file_search": ("file_search_call",),
    "requests.code_execution": ("code_interpreter_call",),
    "requests.image_generation": ("image_generation_call",),
}
"""What the types of tool calls in a response count as."""
_KINDS: Final = ("text", "audio", "image", "video", "document")
_BY_KIND: Final = {
    "input": ("prompt_tokens_details", "input_tokens_details"),
    "cached": ("prompt_tokens_details.cached_tokens_details", "input_tokens_details.cached_tokens_details"),
    "output": ("completion_tokens_details", "output_tokens_details"),
}  # fmt: skip
"""Members that have tokens by kind, by what they lie in."""
_BY_MODALITY: Final = {
    "input": ("promptTokensDetails", "toolUsePromptTokensDetails"),
    "cached": ("cacheTokensDetails",),
    "output": ("candidatesTokensDetails", "responseTokensDetails"),
}
"""The same at Google, as arrays."""
_WHOLE: Final = {"input": "logical", "cached": "cached", "output": "output"}
_Parts = dict[str, dict[str, int]]


def units(usage: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, int]:
    """The units of an object with these counts. Parts that contradict the counts, or each other, are not among them.

    Raises:
        UsageError: a count is none.
    """
    found = stated(usage, **_TOOLS)
    parts = {inside: _parts(usage, inside) for inside in _WHOLE}
    if _are_possible(parts, counts):
        rest = counts.get("cached")
        if rest is not None and rest == sum(parts["cached"].values()):
            parts["cached"] = dict.fromkeys(parts["input"], 0) | parts["cached"]
        for inside, by_kind in parts.items():
            found |= {
                f"{inside}.{kind}": tokens for kind, tokens in by_kind.items() if kind != "text" and (inside, kind) != ("output", "document")
            }  # fmt: skip
    return found


def tool_units(calls: Mapping[str, Any]) -> dict[str, int]:
    """The units of tool calls, which a wallet notes by type.

    Raises:
        UsageError: a count is none.
    """
    return stated(calls, **_CALLS)


def _parts(usage: Mapping[str, Any], inside: str) -> dict[str, int]:
    """Tokens by kind of a count."""
    found: dict[str, int] = {}
    for kind in _KINDS:
        places = tuple(f"{member}.{kind}_tokens" for member in _BY_KIND[inside])
        found |= stated(usage, **{kind: places})
    for member in _BY_MODALITY[inside]:
        for kind, tokens in _modalities(usage.get(member)):
            found[kind] = found.get(kind, 0) + tokens
    return found


def _modalities(details: object) -> Iterator[tuple[str, int]]:
    """Tokens by modality, as Google lists them: an entry without a count has none."""
    for entry in details if isinstance(details, list) else ():
        kind = str(entry.get("modality")).lower() if isinstance(entry, Mapping) else None
        if kind in _KINDS:
            yield kind, count(f"tokens of {kind}", entry.get("tokenCount") or 0)


def _are_possible(parts: _Parts, counts: Mapping[str, int]) -> bool:
    """Whether the parts can be those of the counts, as identity 6 of spec/receipt.md has it, with text as another kind."""
    for inside, by_kind in parts.items():
        if by_kind and sum(by_kind.values()) > counts.get(_WHOLE[inside], -1):
            return False
    inputs, cached, outputs = parts["input"], parts["cached"], parts["output"]
    if any(tokens > inputs.get(kind, tokens) for kind, tokens in cached.items()):
        return False
    computed = sum(inputs[kind] - cached[kind] for kind in inputs.keys() & cached.keys() if kind != "text")  # fmt: skip
    if computed > counts.get("logical", 0) - counts.get("cached", 0):
        return False
    others = sum(tokens for kind, tokens in outputs.items() if kind != "text")
    return not others or others + counts.get("reasoning", 0) <= counts["output"]

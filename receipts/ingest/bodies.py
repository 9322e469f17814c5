"""Where the usage object stands in what an API answered, and what of the answer bills beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from receipts.errors import UsageError

_USAGE: Final = ("usage", "usageMetadata", "usage_metadata")
_HOLDERS: Final = ("response", "message", "metadata", "x_groq")
"""Members of a body or an event that hold it: OpenAI's and Anthropic's events, Bedrock's, Groq's last chunk."""
_TELLING: Final = (*_USAGE, *_HOLDERS, "meta")
_BESIDE: Final = ("service_tier", "serviceTier", "performanceConfig", "tool_usage", "copilot_usage")


def last_usage(usages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The final usage of a stream: of every field the last value that is not null.

    The usage objects of a stream are cumulative, and a later one may leave fields out; so they are neither added up
    nor is the first one taken. A list (``iterations``) is a field like any other.
    """
    final: dict[str, Any] = {}
    for usage in usages:
        for field, value in usage.items():
            before = final.get(field)
            if isinstance(value, Mapping):
                final[field] = last_usage([before if isinstance(before, Mapping) else {}, value])
            elif value is not None or field not in final:
                final[field] = value
    return final


def split(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The usage object of a response, a chunk or an event, and what else of it bills. A usage object is all of it.

    Raises:
        UsageError: two usage objects are there, and differ.
    """
    holders = _holders(document)
    usage = _inner(document, holders)
    return (document, {}) if usage is None else (usage, _beside(holders))


def part_of(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The usage object of a body, a chunk or an event, empty if there is none, and what else of it bills.

    Raises:
        UsageError: two usage objects are there, and differ.
    """
    holders = _holders(document)
    return _inner(document, holders) or {}, _beside(holders)


def joined(
    documents: Sequence[Mapping[str, Any]], *, last: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same of a stream; ``last``: its last usage object is whole, and the only one that counts.

    Raises:
        UsageError: as `split`.
    """
    holders = [_holders(document) for document in documents]
    found = [_inner(document, held) for document, held in zip(documents, holders, strict=True)]
    if all(usage is None for usage in found):
        usages = list(documents)
    else:
        usages = [usage for usage in found if usage]
    return last_usage(usages[-1:] if last else usages), last_usage(map(_beside, holders))


def _inner(document: Mapping[str, Any], holders: _Holders) -> Mapping[str, Any] | None:
    """The usage object in a body, empty if it is not there yet; None: this is no body."""
    if document.keys().isdisjoint(_TELLING):
        return None
    stated = [holder[name] for holder in holders for name in _USAGE if name in holder]
    found = [usage for usage in stated if isinstance(usage, Mapping)]
    meta = document.get("meta")
    if isinstance(meta, Mapping) and ("billed_units" in meta or "tokens" in meta):
        found.append(meta)  # Cohere's
    if any(usage != found[0] for usage in found):
        raise UsageError("usage", "is there twice, and differs")
    return found[0] if found else {} if stated else None


_Holders = Sequence[Mapping[str, Any]]
"""A body or an event, and what of it may hold the usage object."""


def _holders(document: Mapping[str, Any]) -> _Holders:
    inner = [document[name] for name in _HOLDERS if name in document]
    return [document, *(one for one in inner if isinstance(one, Mapping))]


def _beside(holders: _Holders) -> dict[str, Any]:
    beside: dict[str, Any] = {}
    for body in holders:
        beside |= {name: body[name] for name in _BESIDE if body.get(name) is not None}
        if calls := tool_calls(body):
            beside["tool_calls"] = calls
    return beside


def tool_calls(body: Mapping[str, Any]) -> dict[str, int]:
    """How often a response called each of its tools, by type: OpenAI's items, and ``google_search`` for Google's queries."""
    if "output" not in body and "candidates" not in body:
        return {}
    return dict(_calls(body.get("output")) + _searches(body.get("candidates")))


def _calls(output: Any) -> Counter[str]:
    """The tool calls of OpenAI's Responses by type. Of web searches, those that only look at a page are free."""
    calls: Counter[str] = Counter()
    for item in output if isinstance(output, list) else ():
        kind = item.get("type") if isinstance(item, Mapping) else None
        action = item.get("action") if isinstance(item, Mapping) else None
        doing = action.get("type") if isinstance(action, Mapping) else None
        looks = kind == "web_search_call" and doing not in (None, "search")
        if isinstance(kind, str) and kind.endswith("_call") and not looks:
            calls[kind] += 1
    return calls


def _searches(candidates: Any) -> Counter[str]:
    """The queries of Google's search that the candidates of a response are grounded on."""
    queries: Counter[str] = Counter()
    for candidate in candidates if isinstance(candidates, list) else ():
        grounding = candidate.get("groundingMetadata") if isinstance(candidate, Mapping) else None
        asked = grounding.get("webSearchQueries") if isinstance(grounding, Mapping) else None
        if isinstance(asked, list) and asked:
            queries["google_search"] += len(asked)
    return queries

"""From a call that a wallet noted to what an observer's receipt says of it.

Nothing is guessed: a call whose usage is not final is left out, and one that cannot be read is an error with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from receipts.errors import ReceiptError, UsageError
from receipts.ingest import Shape, find, is_known, take_parts
from receipts.observing.places import api_of, is_batch_file, is_billed, provider_of
from receipts.request import Counts, Source
from receipts.wallet import Outcome

_KINDS: Final[Mapping[str, Any]] = {
    "sent": int, "answered": int | None, "host": str, "path": str, "credential": bytes | None, "account": str | None,
    "status": int | None, "outcome": str | None, "replay": int, "commitment": bytes, "model": str | None,
    "request": str | None, "usage": str | None, "tier": str | None, "tools": str | None,
}  # fmt: skip
"""The columns of a wallet that are used. Whoever made the file may have put anything there."""
UNFINISHED: Final[Mapping[str | None, str]] = {
    None: "under way, or the program ended",
    Outcome.UNFINISHED: "the response ended without its last event",
    Outcome.CUT: "the connection broke",
    Outcome.CANCELLED: "you hung up",
    Outcome.FAILED: "failed",
    Outcome.PENDING: "the result was not fetched yet",
}
"""Why a call is left out, by its outcome."""
REPLAYED: Final = "a stored answer to an earlier call"
UNCOUNTED: Final = "no usage came with it"
UNBILLED: Final = "not a call of a model"


@dataclass(frozen=True, slots=True)
class Places:
    """What the caller knows of hosts.

    Attributes:
        providers: who answers at hosts that are in no table, by host.
        shape: whose shape the usage of a provider has that is not known.
    """

    providers: Mapping[str, str]
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a receipt says of a call.

    Attributes:
        request: the id of the response, or one that follows from the commitment.
        time: when the response was there, in ms.
        client: the commitment that went along with the call.
        models: the counts by model, where several made the response.
        unread: members of the usage that no receipt says, with the reason.
        usage: the usage object.
    """

    request: str
    model: str
    time: int
    counts: Counts
    source: Source
    client: bytes | None
    models: Mapping[str, Counts] | None
    unread: Mapping[str, str]
    shape: Shape
    usage: Mapping[str, Any]


def check_call(call: Mapping[str, Any]) -> None:
    """Whether a line of a wallet has what it must have.

    Raises:
        ReceiptError: a column has something else.
    """
    for name, kind in _KINDS.items():
        if not isinstance(call[name], kind):
            raise ReceiptError(name, "what a wallet has there", type(call[name]).__name__)
    if call["outcome"] != Outcome.COMPLETE and call["outcome"] not in UNFINISHED:
        raise ReceiptError("outcome", "what a wallet has there", repr(call["outcome"]))


def first_answers(calls: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The ids of responses that were no stored ones: a stored one counts if the call that it repeats is not there."""
    return frozenset(
        call["request"]
        for call in calls
        if call["outcome"] == Outcome.COMPLETE and not call["replay"] and call["request"]
    )


def left_out(call: Mapping[str, Any], first: frozenset[str]) -> str | None:
    """Why a call has no receipt, in words that can be counted; None: it can have one (spec/record.md, A call)."""
    if call["status"] is not None and not 200 <= call["status"] < 300:
        return UNFINISHED[Outcome.FAILED]
    if call["outcome"] != Outcome.COMPLETE:
        return UNFINISHED[call["outcome"]]
    if call["replay"] and call["request"] in first:
        return REPLAYED
    if not is_billed(call["path"]):
        return UNBILLED
    if call["usage"] is None:
        return UNCOUNTED if api_of(call["path"], {}) is not None else UNBILLED
    return None


def observe(call: Mapping[str, Any], places: Places) -> Observation:
    """What is to be said of a call that is not left out.

    Raises:
        ReceiptError: it does not say what a receipt needs, or it is not known who answers at its host, or with which API.
        UsageError: its usage object does not say what a receipt needs.
    """
    usage = _document("usage", call["usage"])
    provider, api = _place(call, usage, places)
    shape = None if is_known(provider, api) else places.shape
    reading, source = take_parts(provider, api, usage, _beside(call), shape=shape)
    model = call["model"] or call.get("requested_model")
    if not isinstance(model, str):
        raise ReceiptError("model", "a name in the response or the request", "none")
    if call["answered"] is None:
        raise ReceiptError("answered", "when the response was there", "nothing")
    return Observation(
        _request(call), model, call["answered"], reading.counts, _observed(source, call["path"]), call["commitment"] or None,
        reading.by_model(model), reading.unread, _shape(provider, api, shape), usage,
    )  # fmt: skip


def _place(call: Mapping[str, Any], usage: Mapping[str, Any], places: Places) -> tuple[str, str]:
    host, path = call["host"], call["path"]
    provider, api = provider_of(host, places.providers), api_of(path, usage)
    if provider is None:
        raise ReceiptError("host", "one whose provider is known (--host HOST=PROVIDER)", repr(host))
    if api is None:
        raise ReceiptError("path", "that of an API whose usage can be read", repr(path))
    return provider, api


def _shape(provider: str, api: str, shape: str | None) -> Shape:
    return find(provider, api, shape).shape


def _observed(source: Source, path: str) -> Source:
    """The source, with who says so, and what the place tells of the price."""
    terms = dict(source.terms or {})
    if is_batch_file(path):
        terms["processing"] = "batch"
    return replace(source, terms=terms or None, observed=True)


def _beside(call: Mapping[str, Any]) -> dict[str, Any]:
    """What stood beside the usage in the response."""
    beside: dict[str, Any] = {}
    if call["tier"] is not None:
        beside["service_tier"] = call["tier"]
    if call["tools"] is not None:
        beside["tool_calls"] = _document("tools", call["tools"])
    return beside


def _request(call: Mapping[str, Any]) -> str:
    """The id of the response. Without one, the commitment is as good: it went along with this call, and no other."""
    request, committed = call["request"], call["commitment"]
    if request:
        return str(request)
    if not committed:
        raise ReceiptError("request", "an id in the response, or a commitment that went along", "neither")  # fmt: skip
    return f"call-{committed.hex()}"


def _document(name: str, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(name, "is not JSON") from None
    if not isinstance(document, dict):
        raise UsageError(name, f"expected an object, found {type(document).__name__}")
    return document

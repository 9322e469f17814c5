"""A call: what the wallet's line about one HTTP request to a model says (spec/record.md, "A call")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from receipts.wallet.answer import Answer


class Outcome(StrEnum):
    """What became of a call."""

    COMPLETE = "complete"
    """Its response came to its end."""
    UNFINISHED = "unfinished"
    """The response ended, but not with its last event."""
    CUT = "cut"
    """The connection broke."""
    CANCELLED = "cancelled"
    """The customer hung up."""
    FAILED = "failed"
    """The response says so, by its status or in an event."""
    PENDING = "pending"
    """The result comes later."""


@dataclass(slots=True)
class Call:
    """One call. ``sent`` and ``answered`` in ms since 1970; None is unknown.

    Args:
        sent: when it was sent.
        host: where; with the port, if the scheme has another one.
        path: the path there, without the query.
        commitment: what went along as claim 16; empty: nothing did.
        nonce: what opens the commitment, with the body of the request.
        usage: the final usage object, as JSON.
        receipts: those that came with it and are not in the file yet.
        number: its number in the file; None: it is not there yet.
        tier: the service tier that stands beside the usage object.
        tools: calls of tools that stand beside it, as JSON.
    """

    sent: int
    host: str
    path: str
    commitment: bytes = b""
    nonce: bytes = b""
    credential: bytes | None = None
    account: str | None = None
    requested_model: str | None = None
    answered: int | None = None
    status: int | None = None
    outcome: Outcome | None = None
    replay: bool = False
    model: str | None = None
    request: str | None = None
    usage: str | None = None
    receipts: list[bytes] = field(default_factory=list)
    number: int | None = None
    tier: str | None = None
    tools: str | None = None

    def take(self, answer: Answer) -> None:
        """Take over what a complete response says of what was used."""
        self.usage, self.tier = answer.usage, answer.tier
        self.tools = told_tools(answer.tools)


@dataclass(slots=True)
class Result:
    """A result of a batch: a call, and 16 bytes that tell for which of the batch's requests it is."""

    call: Call
    custom: bytes


def commitment(nonce: bytes, body: bytes) -> bytes:
    """What a receipt echoes of a request: SHA-256 over the nonce and the body."""
    return sha256(nonce + body).digest()


def told_tools(tools: Mapping[str, int]) -> str | None:
    """Calls of tools by type, as a line has them."""
    return json.dumps(tools, sort_keys=True) if tools else None

"""On whose behalf a call is made: told around it, since the official clients hand on nothing of the kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from receipts.callers import Asked, Caller
from receipts.emitting import Emitted
from receipts.header import COMMENT, RECEIPT, REPLAYED, REQUEST, byte_sequence

EXTENSION: Final = "receipt"
"""The extension of a request that has its `Caller` or `Billing`, and of a response that has its `Receipted`."""


@dataclass(slots=True)
class Receipted:
    """The receipt of a call, which is there once its answer has been read to its end.

    Attributes:
        emitted: the receipt; None: it is not there yet, or there is none.
    """

    emitted: Emitted | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that hand it to the customer with an answer; none without a receipt."""
        if self.emitted is None:
            return {}
        told = {RECEIPT.decode(): byte_sequence(self.emitted.data).decode()}
        if self.emitted.request is not None:
            told[REQUEST.decode()] = self.emitted.request
        if self.emitted.replayed:
            told[REPLAYED.decode()] = "true"
        return told

    @property
    def comment(self) -> bytes:
        """The comment that hands it to the customer in a stream of events, before its last one; empty without a receipt."""
        return b"" if self.emitted is None else COMMENT + byte_sequence(self.emitted.data) + b"\n\n"


@dataclass(slots=True)
class Billing:
    """Who is billed for calls, and the receipts of those that were made meanwhile.

    Attributes:
        caller: who is billed.
        receipts: the receipts, in the order in which the answers ended.
    """

    caller: Caller
    receipts: list[Receipted] = field(default_factory=list)


_current: ContextVar[Billing | None] = ContextVar("receipts_billing", default=None)


@contextmanager
def billed_to(
    account: str, *, tags: Mapping[str, str] | None = None, client: str | None = None
) -> Iterator[Billing]:
    """The calls that are begun inside are made on behalf of this account.

    It holds for the thread or task that it is in, for tasks that are made inside, and for ``asyncio.to_thread``; a thread of a pool
    needs one of its own.

    Args:
        account: who is billed.
        tags: the tags of the receipts.
        client: the header ``Token-Receipt-Client`` of the customer's request, as it came; the receipts echo it.
    """
    billing = Billing(Caller(account, {} if tags is None else tags, client))
    token = _current.set(billing)
    try:
        yield billing
    finally:
        _current.reset(token)


def billing_of(extensions: Mapping[str, Any]) -> Billing | Caller | None:
    """On whose behalf a request is made: as its extension says, or else what stands around it."""
    told: Billing | Caller | None = extensions.get(EXTENSION)
    return _current.get() if told is None else told


def behalf(asked: Asked) -> Caller | None:
    """The account function of an `Emitter` for calls that a gateway makes: whoever `billed_to` or the extension names."""
    told = asked.context.get(EXTENSION)
    return told.caller if isinstance(told, Billing) else told

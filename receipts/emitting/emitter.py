"""`Emitter`: from a request and its answer to the receipt in the journal. What stands in the path of answers shares it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from functools import partial
from inspect import isawaitable
from time import time_ns
from traceback import extract_tb
from typing import Final

from receipts.cache_id import month_end
from receipts.callers import Asked, Caller, TagContract
from receipts.emitting.account import Account, known_caller
from receipts.emitting.answer import Answer
from receipts.emitting.charging import Charging
from receipts.emitting.counters import Counters, Outcome
from receipts.emitting.origin import Origin, OriginOf
from receipts.emitting.replay import is_replay
from receipts.emitting.request_id import new_id
from receipts.emitting.waiting import Wait, is_long
from receipts.errors import (
    DuplicateRequestError,
    JournalError,
    KeyFileError,
    NoKeyError,
    ReceiptError,
    TooLateError,
    UsageError,
)
from receipts.header import CLIENT, parse_byte_sequence
from receipts.ingest import is_known, take_parts
from receipts.issuer import Issued
from receipts.journal import Journal
from receipts.limits import MAX_OCTETS
from receipts.prefixes import Identifiers
from receipts.ratecard import RateCard
from receipts.request import Cache, Request

_LONG_PROMPT: Final = 4_096
"""Token ids of a prompt whose prefixes take longer than a millisecond or so."""
_CONTROLS: Final = {number: f"\\x{number:02x}" for number in (*range(32), 127)}
_log = logging.getLogger("receipts.emitting")


@dataclass(frozen=True, slots=True)
class Emitted:
    """A receipt that goes out with an answer.

    Attributes:
        data: the signed bytes.
        request: its request id, where that is not the id of the answer.
        replayed: whether it went out before, with the same answer.
    """

    data: bytes
    request: str | None = None
    replayed: bool = False


class Emitter:
    """Issues a receipt for each answer, and counts what became of them.

    Args:
        journal: where receipts are issued.
        account: who is billed, or a function that says so: a `KeyTable`'s ``find``, a `trusted_header`, or one's own; never what a
            client can claim. Where it gives None, nobody is billed and there is no receipt.
        provider: whose API it is, for instance ``vllm``; default: the one that the path belongs to. What another one says is read
            as the path has it.
        tags: the tagging contract; without, receipts have the tags of the caller.
        identifiers: finds out which prefixes were cached; without, receipts do not say.
        origin: what is known of an answer besides what it says.
        card: the rate card that receipts are charged by; without, they have no charge. What has no price by it, or none that is one
            number, has a receipt without a charge, which is counted and logged.
    """

    def __init__(
        self,
        journal: Journal,
        account: Account,
        *,
        provider: str | None = None,
        tags: TagContract | None = None,
        identifiers: Identifiers | None = None,
        origin: OriginOf | None = None,
        card: RateCard | None = None,
    ) -> None:
        self.journal = journal
        self.counters = Counters()
        self._account = account
        self._provider = provider
        self._tags = tags
        self.identifiers = identifiers
        self._origin = origin
        self._charging = None if card is None else Charging(card, self.counters)

    def prometheus(self) -> str:
        """All that is counted, in the text format of Prometheus 0.0.4."""
        identifiers = self.identifiers
        more = {} if identifiers is None else asdict(identifiers.counters)
        return self.counters.prometheus(more)

    def look_ahead(self, asked: Asked) -> Caller | None:
        """Read a request while its answer is made; who is billed, where it alone says it. It raises what a function that was given raises."""
        known = known_caller(self._account, asked)
        if self.identifiers is None:
            _ = asked.document
        elif known is None:
            _ = asked.prompt.marked
        else:
            self.identifiers.look_ahead(known.account, asked.prompt, time_ns() // 1_000_000)
        return known

    async def caller(self, asked: Asked) -> Caller | None:
        """Who is billed for a request; None: nobody, or it could not be told, which is counted and logged."""
        try:
            who = self._account if isinstance(self._account, str) else self._account(asked)
            who = await who if isawaitable(who) else who
        except Exception as error:  # noqa: BLE001  # of a function that was given: no answer is harmed by it
            self.fail("a request", error)
            return None
        if who is None:
            self.counters.count(Outcome.WITHOUT_ACCOUNT)
        return Caller(who) if isinstance(who, str) else who

    def origin(self, asked: Asked, answer: Answer) -> Origin:
        """What is known of an answer besides what it says. It raises what the function that was given raises."""
        return self._origin(asked, answer.endpoint, answer.id) if self._origin else Origin()

    async def issue(
        self, asked: Asked, caller: Caller, answer: Answer, request: str | None, wait: Wait
    ) -> Emitted | None:
        """The receipt for an answer; None: it gets none, which is counted and logged. It raises nothing.

        Args:
            asked: the request.
            caller: who is billed.
            answer: what the answer says.
            request: the id that the receipt has; None: that of the answer, or a new one where the answer has none.
            wait: how to wait for the journal.
        """
        if not self._bills(answer):
            return None
        try:
            return await self._issue(asked, caller, answer, request, wait)
        except Exception as error:  # noqa: BLE001  # whatever it is, the answer goes on
            self.fail(request or answer.id, error)
            return None

    def order(
        self, asked: Asked, caller: Caller, answer: Answer, request: str
    ) -> Future[Issued] | None:
        """Ask for the receipt of an answer, and do not wait for it; None: it gets none, which is counted and logged. It raises nothing.

        What becomes of it is counted once it is known. What comes under an id that has its receipt is taken for the same answer, told
        by another witness. The receipt has no identifiers of cached prefixes.
        """
        if not self._bills(answer):
            return None
        try:
            told = self._told(asked, caller, answer, request)
            if self._charging is None:
                ordered = self.journal.submit(caller.account, **told)
            else:
                ordered = self._charging.submit(self.journal, caller.account, told)
        except Exception as error:  # noqa: BLE001  # the same
            self.fail(request, error)
            return None
        ordered.add_done_callback(lambda done: self._count(request, done.exception()))
        return ordered

    def _bills(self, answer: Answer) -> bool:
        """Whether an answer states what it bills; else that is counted."""
        if answer.pending:
            self.counters.count(Outcome.PENDING)
        elif not answer.final:
            self.counters.count(Outcome.WITHOUT_USAGE)
        else:
            return True
        return False

    def _count(self, request: str, error: BaseException | None) -> None:
        if error is None:
            self.counters.count(Outcome.ISSUED)
        elif isinstance(error, DuplicateRequestError):
            self.counters.count(Outcome.REPLAYED)
        elif isinstance(error, Exception):
            self.fail(request, error)

    def fail(self, request: str | None, error: Exception) -> None:
        """Count and log why an answer has no receipt. What came from outside cannot begin a line of the log."""
        if isinstance(error, UsageError | ReceiptError) and not isinstance(error, NoKeyError):
            self.counters.count(Outcome.REFUSED)
            _log.warning("no receipt for %a: %s", request, _plain(error))
            return
        self.counters.count(Outcome.FAILED)
        if isinstance(error, JournalError | NoKeyError | KeyFileError | OSError):
            _log.error("no receipt for %a: %s", request, _plain(error))  # the message says it all
            return
        place = extract_tb(error.__traceback__)[-1]
        _log.error("no receipt for %a: %a at %s:%s", request, error, place.filename, place.lineno)

    async def _issue(
        self, asked: Asked, caller: Caller, answer: Answer, request: str | None, wait: Wait
    ) -> Emitted | None:
        told = self._told(asked, caller, answer, request or answer.id or new_id())
        try:
            if answer.origin.stored:
                # It is not issued: nothing is of a time before all others. Only the receipt that is there is found.
                await wait.issued(self.journal, caller.account, told, before=0)
            issued = await self._signed(asked, caller, answer, told, wait)
        except TooLateError:
            self.counters.count(Outcome.STORED)
            return None
        except DuplicateRequestError as error:
            if error.receipt is not None and (
                answer.endpoint.fetched or answer.origin.stored or is_replay(error.receipt, told)
            ):
                self.counters.count(Outcome.REPLAYED)
                return Emitted(error.receipt, replayed=True)
            # Another answer of that id: the id is none, whoever chose it.
            request = told["request"] = new_id()
            issued = await self._signed(asked, caller, answer, told, wait)
        self.counters.count(Outcome.ISSUED)
        return Emitted(issued.data, request)

    async def _signed(
        self, asked: Asked, caller: Caller, answer: Answer, told: Request, wait: Wait
    ) -> Issued:
        """The receipt, with the identifiers of its month, and the charge of its time."""
        identifiers = self.identifiers
        while True:
            now = time_ns() // 1_000_000
            ends = [] if self._charging is None else [self._charging.put(told, now)]
            if (
                identifiers is not None and "models" not in told
            ):  # the counts of several models are no prefix's
                find = _finder(identifiers, asked, caller, answer, told, now)
                takes_long = is_long(asked) or len(answer.prompt or ()) > _LONG_PROMPT
                told["cache"] = await wait.done(find) if takes_long else find()
                ends.append(month_end(now))
            before = min((end for end in ends if end is not None), default=None)
            try:
                return await wait.issued(self.journal, caller.account, told, before)
            except TooLateError:
                continue  # another month has begun meanwhile, which has another key; or the card has other prices

    def _told(self, asked: Asked, caller: Caller, answer: Answer, request: str) -> Request:
        endpoint = answer.endpoint
        provider = answer.origin.provider or self._provider or endpoint.host or endpoint.provider
        shape = None if is_known(provider, endpoint.api) else endpoint.provider
        reading, source = take_parts(
            provider, endpoint.api, answer.usage, answer.beside, shape=shape
        )
        model = answer.model or endpoint.model or ""
        told: Request = {
            "request": request, "model": model, "counts": reading.counts, "source": source,
            "client": _client(asked, caller), "tags": self._tagged(asked, caller),
        }  # fmt: skip
        if (models := reading.by_model(model)) is not None:
            told["models"] = models
        return told

    def _tagged(self, asked: Asked, caller: Caller) -> dict[str, str]:
        if self._tags is None:
            return dict(caller.tags)
        tagged = self._tags.tags(asked, caller)
        for fault in tagged.faults:
            self.counters.count_tag_fault(fault.tag, fault.reason)
        return dict(tagged.tags)


def _finder(
    identifiers: Identifiers, asked: Asked, caller: Caller, answer: Answer, told: Request, now: int
) -> Callable[[], Cache | None]:
    """What finds the identifiers. With a long prompt it would hold up other answers."""
    return partial(
        identifiers.cache,
        caller.account, told["model"], asked.prompt, told["counts"], now, answer.prompt, told.get("source"),
    )  # fmt: skip


def _plain(error: Exception) -> str:
    """The message on one line, without what a terminal acts upon."""
    return str(error).translate(_CONTROLS).encode("ascii", "backslashreplace").decode()


def _client(asked: Asked, caller: Caller) -> bytes | None:
    """The customer's commitment; one that is malformed is left out, and the customer will miss it."""
    values = [value for name, value in asked.headers if name == CLIENT]
    if caller.client is not None:
        values = [caller.client.encode("latin-1", "replace")]
    commitment = parse_byte_sequence(values[0]) if len(values) == 1 else None
    return commitment if commitment and len(commitment) <= MAX_OCTETS else None

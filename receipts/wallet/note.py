"""Notes on what passes through a transport: on a call, on the result of one that was pending, on the results of a batch."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from functools import partial
from secrets import token_bytes
from time import time_ns
from types import TracebackType
from typing import Any, Final

from receipts.cache_id import CacheKey
from receipts.coding import CodingError, Inflater
from receipts.header import CLIENT, RECEIPT, REPLAYED, REQUEST, byte_sequence, parse_byte_sequence
from receipts.wallet.answer import Answer, form_of, is_storable
from receipts.wallet.call import Call, Outcome, commitment, told_tools
from receipts.wallet.reader import DocumentReader, EventReader, OpaqueReader, OpenReader, Reader
from receipts.wallet.results import ResultReader
from receipts.wallet.sent import sent_prefixes
from receipts.wallet.store import Store

_NONCE: Final = 32
_CREDENTIALS: Final = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
"""The headers that say who calls; the first that is there counts."""
_ACCOUNTS: Final = ("openai-organization", "openai-project")
"""The headers that say on whose account, where one credential has several."""
_RESPONSE: Final = re.compile(r"/responses/[^/]+")
_BATCH: Final = re.compile(r"/batches/[^/]+")
_RESULTS: Final = re.compile(r"/messages/batches/([^/]+)/results|/files/([^/]+)/content")


def note(
    store: Store, account: str | None, request: Any, cache_key: CacheKey | None = None
) -> Note | None:
    """The note on a request of httpx or httpx2 that is about to be sent, with its body read; None: it is not noted."""
    path = request.url.raw_path.partition(b"?")[0].decode()
    call = Call(_now(), request.url.netloc.decode(), path, account=account)
    value = _credential(request.headers)
    call.credential = None if value is None else store.credential(value)
    if request.method == "POST":
        return _begin(store, call, request, cache_key)
    # After a redirect it may still be there from a POST.
    request.headers.pop(CLIENT.decode(), None)
    if request.method != "GET":
        return None
    if re.search(f"(?:{_RESPONSE.pattern})$", path):
        return ResultNote(store, call, request)
    if batch := re.search(f"(?:{_RESULTS.pattern})$", path):
        return ResultsNote(store, call, request, batch[1], batch[2])
    return BatchNote(store, call, request) if re.search(f"(?:{_BATCH.pattern})$", path) else None


def _credential(headers: Any) -> str | None:
    """What says who calls, and on whose account; None: nothing does."""
    values = (headers.get(name) for name in _CREDENTIALS)
    value = next((value for value in values if value is not None), None)
    more = [f"{name}: {headers[name]}" for name in _ACCOUNTS if name in headers]
    return value if not more else "\n".join([value or "", *more])


def _begin(store: Store, call: Call, request: Any, cache_key: CacheKey | None) -> CallNote:
    """Note a call before it is sent, and put the commitment to its body into its headers."""
    body = request.content
    call.nonce = token_bytes(_NONCE)
    call.commitment = commitment(call.nonce, body)
    call.requested_model = _requested_model(body)
    request.headers[CLIENT.decode()] = byte_sequence(call.commitment).decode()
    store.save(call)
    noted = CallNote(store, call, request)
    noted.cache_key, noted.body = cache_key, body
    return noted


class Note(ABC):
    """A note on a request, which is told what becomes of it.

    As a context it is told of the errors of what is done inside; they pass on unchanged.
    """

    def __init__(self, store: Store, call: Call, request: Any) -> None:
        self.store, self.call = store, call
        self.answer = Answer(form_of(call.path))
        self.reader: Reader = OpaqueReader()
        self.named: str | None = None
        """The request id that a header of the response names."""
        self._inflate: Inflater | None = Inflater(b"")
        """Makes the body plain; None: it has not the coding that it names, and is read no further."""
        self._stopped = False
        # Compressed, a stream could not be read along.
        request.headers["accept-encoding"] = "identity"

    def __enter__(self) -> Note:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if (
            kind is not None
        ):  # what is no Exception is the customer's doing: a task that is cancelled, Ctrl-C
            self.stop(Outcome.CUT if issubclass(kind, Exception) else Outcome.CANCELLED)

    def answered(self, response: Any) -> None:
        """Take note of the response's status and headers."""
        self.call.status = response.status_code
        self.named = response.headers.get(REQUEST.decode()) or None
        self.call.replay = response.headers.get(REPLAYED.decode(), "").strip().lower() == "true"
        header = response.headers.get(RECEIPT.decode())
        receipt = None if header is None else parse_byte_sequence(header.encode())
        if receipt:
            self.call.receipts.append(receipt)
        self.reader = self.reads(response)
        if response.is_stream_consumed:  # by a transport that reads along itself
            self.feed(response.content)
            self.end()
        else:
            self._inflate = _inflater(response.headers.get("content-encoding", ""))

    def reads(self, response: Any) -> Reader:
        """What reads the body along."""
        kind = response.headers.get("content-type", "").lower()
        keep = self.call.receipts.append
        events = EventReader(self.answer, keep, lambda: self.stop(Outcome.CUT))
        if kind.startswith("text/event-stream"):
            return events
        is_json = not kind or "json" in kind
        return OpenReader(events, DocumentReader(self.answer) if is_json else OpaqueReader())

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes of the body."""
        if self._inflate is None:
            return
        try:
            for piece in self._inflate(chunk):
                self.reader.feed(piece)
        except CodingError:
            self._inflate = None

    def end(self) -> None:
        """The body is complete."""
        self.reader.end()
        self.stop(Outcome.UNFINISHED)

    def stop(self, outcome: Outcome) -> None:
        """Nothing more comes, or nothing more is waited for.

        Args:
            outcome: what became of it, if the response was not whole by then.
        """
        if not self._stopped:
            self._stopped = True
            self.settle(outcome)

    @abstractmethod
    def settle(self, outcome: Outcome) -> None:
        """Have written what is known; once."""


class CallNote(Note):
    """A note on a call. With a cache key, the prefixes of its ``body`` are noted, when the model is known that answered."""

    cache_key: CacheKey | None = None
    body: bytes = b""

    def stop(self, outcome: Outcome) -> None:
        """Nothing more comes; after the last event a receipt may have come, or usage that the client shows."""
        call, answer, again = self.call, self.answer, self._stopped
        super().stop(outcome)
        if not again:
            return
        said = answer.usage, answer.tier, told_tools(answer.tools)
        if call.outcome is Outcome.COMPLETE and said != (call.usage, call.tier, call.tools):
            self.settle(outcome)
        elif call.receipts:
            self.store.save(call)

    def settle(self, outcome: Outcome) -> None:
        """Complete the line."""
        call, answer = self.call, self.answer
        call.outcome = self._outcome(outcome)
        call.answered = _now()
        call.model = answer.model
        named = self.named if self.named and is_storable(self.named) else None
        call.request = named or answer.id
        if call.outcome is Outcome.COMPLETE:
            call.take(answer)
        elif call.outcome in (Outcome.CUT, Outcome.CANCELLED, Outcome.UNFINISHED):
            call.usage = answer.beginning  # of other responses that are not whole nothing is final
        (self.store.save if call.request is None else self.store.answer)(call)
        model, time = call.model or call.requested_model, call.answered
        if self.cache_key is not None and call.outcome is Outcome.COMPLETE and model is not None:
            compute = partial(sent_prefixes, self.body, model, time, self.cache_key)
            self.store.add_prefixes(call, compute)
        if call.request is not None and answer.file is not None and call.path.endswith("/batches"):
            self.store.add_file(call.host, call.request, answer.file)

    def _outcome(self, otherwise: Outcome) -> Outcome:
        whole, answer = self.reader.whole, self.answer
        if answer.failed or (self.call.status is not None and self.call.status // 100 != 2):
            return Outcome.FAILED
        is_stream = self.reader.is_stream
        if answer.pending and (answer.background if is_stream and not whole else not is_stream):
            return Outcome.PENDING
        return Outcome.COMPLETE if whole else otherwise


class ResultNote(Note):
    """A note on a response of the Responses API that is fetched: the result of a call that was pending, if it is there."""

    def settle(self, outcome: Outcome) -> None:  # noqa: ARG002  # what is not whole is fetched again
        """Complete the line of the call."""
        call, answer = self.call, self.answer
        if call.status != 200 or not self.reader.whole or answer.id != call.path.rpartition("/")[2]:
            return
        call.outcome = _RESULT.get(answer.status or "", Outcome.FAILED if answer.failed else None)
        if call.outcome is Outcome.COMPLETE and answer.usage is None:
            return
        if call.outcome is not None:
            call.answered = _now()
            call.model, call.request = answer.model, answer.id
            call.take(answer)
            self.store.complete(call)


_RESULT: Final = {
    "completed": Outcome.COMPLETE,
    "incomplete": Outcome.COMPLETE,
    "cancelled": Outcome.CANCELLED,
    "failed": Outcome.FAILED,
}
"""What a status of the Responses API means for the call."""


class BatchNote(Note):
    """A note on a batch that is asked after: it may name the file that holds its results."""

    def settle(self, outcome: Outcome) -> None:  # noqa: ARG002  # what is not whole is fetched again
        """Note the file."""
        call, answer = self.call, self.answer
        batch = call.path.rpartition("/")[2]
        if call.status == 200 and self.reader.whole and answer.id == batch and answer.file:
            self.store.add_file(call.host, batch, answer.file)


class ResultsNote(Note):
    """A note on the results of a batch that are fetched: each is a call of its own."""

    def __init__(
        self, store: Store, call: Call, request: Any, batch: str | None, file: str | None
    ) -> None:
        super().__init__(store, call, request)
        self._batch, self._file = batch, file
        self._results: ResultReader | None = None

    def reads(self, response: Any) -> Reader:
        """A reader of results, one a line."""
        if response.status_code != 200:
            return OpaqueReader()
        self._results = ResultReader(self.call, self._batch, self._file, self.store)
        return self._results

    def settle(self, outcome: Outcome) -> None:  # noqa: ARG002  # the results that came are there
        """Note the results that are not noted yet."""
        if self._results is not None:
            self._results.flush()


def _inflater(codings: str) -> Inflater:
    """What makes a body plain; one of another coding is left alone, as httpx does."""
    try:
        return Inflater(codings.encode())
    except CodingError:
        return Inflater(b"")


def _requested_model(body: bytes) -> str | None:
    """The model that the body of a request names."""
    try:
        model = json.loads(body).get("model")
    except (ValueError, AttributeError, RecursionError):
        return None
    return model if isinstance(model, str) and is_storable(model) else None


def _now() -> int:
    """The time in ms since 1970."""
    return time_ns() // 1_000_000

"""A call of a gateway, watched: what is read of its answer along the way, and when its receipt is issued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final

from receipts.callers import Asked
from receipts.emitting import (
    Answer,
    AwsFrames,
    CodingError,
    Emitted,
    Emitter,
    Endpoint,
    EventStream,
    Exchange,
    Inflater,
    Outcome,
    endpoint,
    inflater,
)
from receipts.gateway.billing import EXTENSION, Billing, Receipted, billing_of
from receipts.header import CLIENT
from receipts.ingest import provider_at

_FRAMES: Final = "application/vnd.amazon.eventstream"


class Watch:
    """A call, from its request to the end of its answer. Nothing here raises.

    Whoever drives it asks ``due`` after each step, and when it is, issues with ``exchange`` and hands the receipt to `done`. As a
    context it is told of the errors of what is done inside, which pass on unchanged.
    """

    def __init__(self, emitter: Emitter, found: Endpoint, asked: Asked) -> None:
        self.exchange = Exchange(emitter, Answer(found))
        self.asked = asked
        self.receipted = Receipted()
        self.due = False
        """Whether the answer is whole, so that its receipt can be issued."""
        self._inflate: Inflater | None = None
        self._form: EventStream | AwsFrames | None = None
        self._parts: list[bytes] = []

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.exchange.close(Outcome.HUNG_UP)

    def is_to_be_read(self, response: Any) -> bool:
        """Whether the answer may report usage, by its status."""
        if response.status_code != HTTPStatus.OK:
            self.exchange.close(Outcome.WITHOUT_USAGE)
        return self.exchange.open

    def read(self, response: Any) -> None:
        """The answer begins, and somebody is billed for it: choose how it is read."""
        response.extensions[EXTENSION] = self.receipted
        kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind == "text/event-stream":
            self._form = EventStream()
        elif kind == _FRAMES:
            self._form = AwsFrames()
        elif kind != "application/json":
            self.exchange.close(Outcome.UNREADABLE)
            return
        coding = response.headers.get("content-encoding", "identity").strip().lower().encode()
        if response.is_stream_consumed:  # by a transport that has read, and inflated, it itself
            self.feed(response.content)
            self.end()
        elif coding != b"identity":
            self._open(coding)

    def _open(self, coding: bytes) -> None:
        try:
            self._inflate = inflater(coding)
        except CodingError:
            self.exchange.close(Outcome.UNREADABLE)

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes, before they go on."""
        if not self.exchange.open or not chunk:
            return
        try:
            plain = chunk if self._inflate is None else self._inflate(chunk)
        except CodingError:
            self.exchange.close(Outcome.UNREADABLE)
            return
        if isinstance(self._form, EventStream):
            self._form.feed(plain)
            self._read_events(self._form)
            self.due = self.due or self._form.ended
        elif self._form is not None:
            for document in self._form.feed(plain):
                self.exchange.read_document(document)
        else:
            self._parts.append(plain)

    def _read_events(self, events: EventStream) -> None:
        for event in events.new_events():
            self.exchange.read_event(event)

    def end(self) -> None:
        """The body is complete."""
        if isinstance(self._form, EventStream):
            self._form.close()
            self._read_events(self._form)
            self.due = self.due or self._form.ended
        elif self._form is None and self.exchange.open:
            self.exchange.read(b"".join(self._parts))
        self.stop()

    def stop(self) -> None:
        """Nothing more comes, whoever ended it."""
        self.due = self.due or self.exchange.whole or self.exchange.answer.failed
        if not self.due:
            self.exchange.close(Outcome.HUNG_UP)

    def done(self, emitted: Emitted | None) -> None:
        """The receipt was issued, or there is none."""
        if emitted is None:
            return
        self.receipted.emitted = emitted
        told = self.asked.context.get(EXTENSION)
        if isinstance(told, Billing):
            told.receipts.append(self.receipted)


def watch(emitter: Emitter, request: Any) -> Watch | None:
    """A watch on a request of httpx or httpx2, whose body is read; None: it asks for nothing that reports usage."""
    path = request.url.raw_path.partition(b"?")[0].decode("ascii", "replace")
    found = endpoint(request.method, path)
    if found is None:
        return None
    host = request.url.host
    found = replace(found, host=provider_at(host) or host)
    # What stands there of that header is the gateway's own commitment, to the provider.
    headers = [(name.lower(), value) for name, value in request.headers.raw if name.lower() != CLIENT]  # fmt: skip
    return Watch(emitter, found, Asked(path, headers, request.content, _context(request.extensions)))  # fmt: skip


def _context(extensions: Mapping[str, Any]) -> Mapping[str, Any]:
    told = billing_of(extensions)
    return extensions if told is None else {**extensions, EXTENSION: told}

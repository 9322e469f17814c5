"""A call of a gateway, watched: what is read of its answer along the way, and when its receipt is issued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import Any

from receipts.callers import Asked
from receipts.emitting import (
    Answer,
    Emitted,
    Emitter,
    Endpoint,
    Exchange,
    Outcome,
    Reading,
    endpoint,
    reading_of,
)
from receipts.gateway.billing import EXTENSION, Billing, Receipted, billing_of
from receipts.header import CLIENT
from receipts.ingest import provider_at


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
        self._reading: Reading | None = None

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
        is_read = (
            response.is_stream_consumed
        )  # by a transport that has read, and inflated, it itself
        headers = response.headers.raw
        if is_read:
            headers = [pair for pair in headers if pair[0].lower() != b"content-encoding"]
        self._reading = reading_of(self.exchange, headers)
        if is_read:
            self.feed(response.content)
            self.end()

    def feed(self, chunk: bytes) -> None:
        """Take note of the next bytes, before they go on."""
        if self._reading is not None and self.exchange.open:
            self._reading.feed(chunk)
            self.due = self.due or self._reading.ended

    def end(self) -> None:
        """The body is complete."""
        if self._reading is not None:
            self._reading.end()
        self.stop()

    def stop(self) -> None:
        """Nothing more comes, whoever ended it."""
        if self._reading is not None:
            self.due = self._reading.stop() or self.due

    def done(self, emitted: Emitted | None) -> None:
        """The receipt was issued, or there is none."""
        if emitted is None:
            return
        self.receipted.emitted = emitted
        told = self.asked.context.get(EXTENSION)
        if isinstance(told, Billing):
            told.receipts.append(self.receipted)


def is_watched(request: Any) -> bool:
    """Whether a request of httpx or httpx2 asks for what reports usage. Of others nothing is read: a file that goes up may be large."""
    return endpoint(request.method, _path(request)) is not None


def _path(request: Any) -> str:
    path: str = request.url.raw_path.partition(b"?")[0].decode("ascii", "replace")
    return path


def watch(emitter: Emitter, request: Any) -> Watch | None:
    """A watch on a request of httpx or httpx2, whose body is read; None: it asks for nothing that reports usage."""
    path = _path(request)
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

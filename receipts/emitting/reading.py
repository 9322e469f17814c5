"""An answer, read along while it passes: how, its headers say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence

from receipts.coding import CodingError, Inflater
from receipts.emitting.aws_frames import AwsFrames
from receipts.emitting.counters import Outcome
from receipts.emitting.event_stream import EventStream
from receipts.emitting.exchange import Exchange


class Reading(ABC):
    """Reads the bytes of an answer into its exchange. Nothing here raises.

    Args:
        exchange: takes note of it.
        inflate: makes it plain.
    """

    def __init__(self, exchange: Exchange, inflate: Inflater) -> None:
        self.exchange = exchange
        self._inflate = inflate

    @property
    def is_plain(self) -> bool:
        """Whether the answer has no coding."""
        return self._inflate.is_plain

    @property
    def ended(self) -> bool:
        """Whether the last event came, so that the receipt can be issued, whatever follows."""
        return False

    def feed(self, part: bytes) -> bool:
        """Take note of the next bytes. False: they have not the coding that they should have, and there is no receipt."""
        try:
            for piece in self._inflate(part):
                self._add(piece)
        except CodingError:
            self.exchange.close(Outcome.UNREADABLE)
            return False
        return True

    @abstractmethod
    def _add(self, piece: bytes) -> None:
        """Take note of plain bytes."""

    @abstractmethod
    def end(self) -> None:
        """The body is complete."""

    def stop(self) -> bool:
        """Nothing more comes, whoever ended it. False: it is not the whole answer, so there is no receipt."""
        answer = self.exchange.answer
        if self.ended or self.exchange.whole or answer.failed:
            return True
        self.exchange.close(Outcome.HUNG_UP)
        return False


class DocumentReading(Reading):
    """A body of JSON, which is read when all of it is there."""

    def __init__(self, exchange: Exchange, inflate: Inflater) -> None:
        super().__init__(exchange, inflate)
        self._parts: list[bytes] = []

    def _add(self, piece: bytes) -> None:
        self._parts.append(piece)

    def end(self) -> None:
        """Read it."""
        if self.exchange.open:
            self.exchange.read(b"".join(self._parts))


class FrameReading(Reading):
    """A stream of frames of AWS."""

    def __init__(self, exchange: Exchange, inflate: Inflater) -> None:
        super().__init__(exchange, inflate)
        self._frames = AwsFrames()

    def _add(self, piece: bytes) -> None:
        self._inflate.let_go()
        for document in self._frames.feed(piece):
            self.exchange.read_document(document)

    def end(self) -> None:
        """A frame that is not whole says nothing."""


class EventReading(Reading):
    """A stream of server-sent events.

    Args:
        exchange: takes note of it.
        inflate: makes it plain.
        events: cuts it.

    Attributes:
        begun: whether an event came that says anything.
    """

    def __init__(self, exchange: Exchange, inflate: Inflater, events: EventStream) -> None:
        super().__init__(exchange, inflate)
        self._events = events
        self._ready: list[bytes] = []
        self.begun = False

    @property
    def ended(self) -> bool:
        """Whether the last event came."""
        return self._events.ended

    def feed(self, part: bytes) -> bool:
        """Take note of the next bytes."""
        self._inflate.let_go()  # of the part before
        self._ready.clear()
        return super().feed(part)

    def _add(self, piece: bytes) -> None:
        self._ready.append(self._events.feed(piece))
        self._read()

    def _read(self) -> None:
        for event in self._events.new_events():
            self.begun = self.begun or bool(event.strip())
            self.exchange.read_event(event)

    def end(self) -> None:
        """What is left is an event, although no empty line ends it."""
        self._events.close()
        self._read()

    def ready(self) -> bytes:
        """What may go on before the receipt, now that the last part came; plain."""
        return b"".join(self._ready)

    def rest(self) -> bytes:
        """What goes on behind it."""
        return self._events.rest()


def reading_of(
    exchange: Exchange,
    headers: Iterable[tuple[bytes, bytes]],
    leaves_out: Callable[[bytes], bool] | None = None,
) -> Reading | None:
    """What reads an answer; None: its form or its coding is not known, and there is no receipt.

    Args:
        exchange: takes note of it.
        headers: of the answer.
        leaves_out: the events of a stream that are left out; None: none.
    """
    try:
        reading = _reading(exchange, [(bytes(n).lower(), bytes(v)) for n, v in headers], leaves_out)
    except CodingError:
        reading = None
    if reading is None:
        exchange.close(Outcome.UNREADABLE)
    return reading


def _reading(
    exchange: Exchange,
    headers: Sequence[tuple[bytes, bytes]],
    leaves_out: Callable[[bytes], bool] | None,
) -> Reading | None:
    kind = dict(headers).get(b"content-type", b"").split(b";")[0].strip().lower()
    inflate = Inflater(b",".join(value for name, value in headers if name == b"content-encoding"))
    if kind == b"text/event-stream":
        return EventReading(exchange, inflate, EventStream(leaves_out))
    if kind == b"application/vnd.amazon.eventstream":
        return FrameReading(exchange, inflate)
    return DocumentReading(exchange, inflate) if kind == b"application/json" else None

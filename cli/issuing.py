"""Signing what is asked for, into a batch or into a journal: what ``receipt issue`` and ``receipt correct`` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

from cli import key_folder
from cli.batches import heads
from cli.files import output_file
from cli.journal_hints import journal_hint
from cli.terminal import CliError, plural, print_json, say
from cli.usage import Reject
from receipts import (
    DuplicateRequestError,
    Issued,
    Issuer,
    Journal,
    JournalError,
    ReceiptError,
    Request,
)
from receipts.journal import Store, open_store, shown

_WINDOW = 2048
"""Receipts that are asked of the journal at once."""
Advance = Callable[[int], None]


class _NothingIssued(Exception):  # noqa: N818  # not an error: there is no batch to write
    pass


@dataclass(frozen=True, slots=True)
class Place:
    """By whom receipts are issued, whose they are unless a line says so, and into which stream; None: a new one."""

    folder: key_folder.Keys
    account: str | None
    stream: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """A receipt that a line of a file asks for.

    Attributes:
        line: counts from 1.
        raw: the line as it was.
        time: in ms.
        account: who is billed.
        stream: the line's own; None: that of the place.
        request: what the receipt says.
    """

    line: int
    raw: bytes
    time: int
    account: str
    stream: str | None
    request: Request


IsKnown = Callable[[Order, bytes], bool]
"""Whether a receipt of the journal, for the request of an order, is as good as a new one."""


@dataclass(slots=True)
class Outcome:
    """What became of the lines."""

    rejects: list[Reject]
    issued: int = 0
    skipped: int = 0
    streams: set[str] = field(default_factory=set)
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Calls that can have no receipt, by the reason."""

    def add(self, issued: Issued) -> None:
        """A line got its receipt."""
        self.issued += 1
        self.streams.add(issued.stream)

    def reject(self, order: Order, reason: object) -> None:
        """A line got none."""
        self.rejects.append(Reject(order.line, order.raw, str(reason)))

    def print(self, out: str | None, journal: str | None, rejects_file: str) -> None:
        """The outcome as JSON on stdout."""
        print_json({
            "batch": out, "journal": None if journal is None else shown(journal), "receipts": self.issued,
            "skipped": self.skipped, "streams": sorted(self.streams),
            "rejected": len(self.rejects), "rejects": rejects_file if self.rejects else None,
            "left_out": dict(self.left_out),
        })  # fmt: skip

    def tell(self, noun: str = "receipt") -> None:
        """The outcome in words."""
        for reason, count in sorted(self.left_out.items()):
            say(f"{plural(count, 'call')} left out: {reason}")
        skipped = f", {self.skipped} had one already" if self.skipped else ""
        say(
            f"{plural(self.issued, noun)} in {plural(len(self.streams), 'stream')}{skipped}; "
            "close the period with receipt close"
        )


def into_batch(
    out: str,
    place: Place,
    previous: tuple[str, ...],
    orders: Iterable[Order],
    outcome: Outcome,
    advance: Advance,
) -> None:
    """Sign into a batch, which is written whole or not at all.

    Raises:
        CliError: the place, or a batch before, is not as it should be.
    """
    folder = place.folder
    known = heads(previous, folder.issuer)
    try:
        issuer = Issuer(folder.issuer, folder.signing, stream=place.stream, heads=known)
    except ReceiptError as error:
        raise CliError(str(error), "see spec/receipt.md for what a name may be") from None
    with suppress(_NothingIssued), output_file(out) as batch:
        for order in orders:
            try:
                issued = issuer.issue(
                    order.account, time=order.time, stream=order.stream, **order.request
                )
            except ReceiptError as error:
                outcome.reject(order, error)
            else:
                batch.write(issued.data)
                outcome.add(issued)
            advance(1)
        if not outcome.issued:
            raise _NothingIssued


def into_journal(
    path: str,
    place: Place,
    orders: Sequence[Order],
    outcome: Outcome,
    advance: Advance,
    is_known: IsKnown,
) -> None:
    """Sign into a journal; requests that have a receipt already, as good as a new one, are skipped.

    Raises:
        CliError: the journal cannot be opened or written.
    """
    hint = "check the path, the permissions and the room on the disk; what was issued is safe, run it again"
    try:
        store = open_store(path, place.folder.issuer)
        with Journal(path, place.folder.issuer, place.folder.signing) as journal:
            for start in range(0, len(orders), _WINDOW):
                window = orders[start : start + _WINDOW]
                asked = [_asked(journal, place, order) for order in window]
                for order, future in zip(window, asked, strict=True):
                    try:
                        outcome.add(future.result())
                    except DuplicateRequestError as error:
                        there = _there(store, order)
                        if there == b"":
                            outcome.reject(
                                order,
                                f"{error}; it was archived, so what it says cannot be compared",
                            )
                        elif there is not None and is_known(order, there):
                            outcome.skipped += 1
                        else:
                            outcome.reject(order, _duplicate(order, error))
                    except ReceiptError as error:
                        outcome.reject(order, error)
                    advance(1)
        store.close()
    except JournalError as error:
        raise CliError(str(error), journal_hint(error, hint)) from None


def _asked(journal: Journal, place: Place, order: Order) -> Future[Issued]:
    stream = order.stream or place.stream
    return journal.submit(order.account, time=order.time, stream=stream, **order.request)


def _there(store: Store, order: Order) -> bytes | None:
    corrects = order.request.get("corrects")
    key = order.request["request"] if corrects is None else corrects.receipt
    return store.find(order.account, key)


def _duplicate(order: Order, error: DuplicateRequestError) -> str:
    if order.request.get("corrects") is not None:
        return str(error)
    return f"request {order.request['request']!r} has a receipt for another usage or model"

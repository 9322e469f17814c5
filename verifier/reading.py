"""Reading a batch without verifying it: for looking at it, and for finding things in it.

What comes out of here has been decoded strictly and nothing more. No signature was checked, so nothing in it may be believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from verifier.batch import Batch, BatchFile, UnreadableError, plain_content
from verifier.claims import Receipt, Statement
from verifier.envelope import Fault, Kind
from verifier.item import Policy, open_item
from verifier.quick import QuickReader


@dataclass(frozen=True, slots=True)
class UnverifiedItem:
    """One item of a batch. ``number`` counts items from 0, ``offset`` is in its file, in bytes."""

    number: int
    offset: int
    raw: bytes
    kind: Kind | None
    claims: Receipt | Statement | None
    """None if they are withheld or cannot be read; then ``fault`` may say why."""
    fault: Fault | None = None


_NOBODY = Policy({})


def read_items(files: Sequence[BatchFile]) -> Iterator[UnverifiedItem]:
    """All items, in order.

    Raises:
        UnreadableError: the input is not a sequence of CBOR items from here on.
        OSError: a file cannot be read.
    """
    reader = QuickReader()
    for span in Batch(files).spans():
        for number, offset, raw in span.items():
            claims = reader.receipt(plain_content(raw)) if span.plain else None
            if claims is not None:
                yield UnverifiedItem(number, offset, raw, Kind.RECEIPT, claims)
            else:
                yield read_item(number, offset, raw)


def read_item(number: int, offset: int, raw: bytes) -> UnverifiedItem:
    """One item, by its bytes."""
    opened = open_item(raw, _NOBODY)
    fault = opened.faults[-1] if opened.lost else None
    return UnverifiedItem(number, offset, raw, opened.kind, opened.claims, fault)


def readable_items(files: Sequence[BatchFile]) -> Iterator[UnverifiedItem]:
    """All items up to the end, or to a fault that another pass over the same files tells about."""
    try:
        yield from read_items(files)
    except UnreadableError:
        return


def statements(files: Sequence[BatchFile]) -> Iterator[tuple[UnverifiedItem, Statement]]:
    """The statements among the items, without a look at plain receipts.

    Raises:
        UnreadableError: the input is not a sequence of CBOR items from here on.
        OSError: a file cannot be read.
    """
    for span in Batch(files).spans():
        if not span.plain:
            for number, offset, raw in span.items():
                item = read_item(number, offset, raw)
                if isinstance(item.claims, Statement):
                    yield item, item.claims

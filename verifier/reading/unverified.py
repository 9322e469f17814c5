"""Reading a batch without verifying it: for looking at it, and for finding things in it.

What comes out of here has been decoded strictly and nothing more. No signature was checked, so nothing in it may be believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from verifier.format.claims import Receipt, Statement
from verifier.format.envelope import Fault, Kind, open_envelope
from verifier.format.fast_decoder import FastDecoder
from verifier.item.opening import open_unverified
from verifier.reading.framing import Batch, receipt_content
from verifier.reading.sources import Source


@dataclass(frozen=True, slots=True)
class UnverifiedItem:
    """One item of a batch.

    Attributes:
        number: counts the items of the input from 0.
        offset: where it begins in its file, in bytes.
        raw: its bytes.
        kind: what its header says it is, if that can be read.
        claims: what it claims; None if that cannot be read, then ``fault`` says why.
    """

    number: int
    offset: int
    raw: bytes
    kind: Kind | None
    claims: Receipt | Statement | None
    fault: Fault | None = None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the content.

        Raises:
            Fault: the item is not a signed object.
        """
        return open_envelope(self.raw).digest


def read_items(sources: Sequence[Source]) -> Iterator[UnverifiedItem]:
    """All items, in order.

    Raises:
        UnreadableError: the input is not a sequence of CBOR items from here on.
        NotABatchError: a file does not begin like a batch.
        OSError: a file cannot be read.
    """
    decoder = FastDecoder()
    for span in Batch(sources).spans():
        for number, offset, raw in span.items():
            claims = decoder.receipt(receipt_content(raw)) if span.uniform else None
            if claims is not None:
                yield UnverifiedItem(number, offset, raw, Kind.RECEIPT, claims)
            else:
                yield read_item(raw, number, offset)


def read_item(raw: bytes, number: int = 0, offset: int = 0) -> UnverifiedItem:
    """One item, by its bytes."""
    opened = open_unverified(raw)
    fault = opened.faults[-1] if opened.lost else None
    return UnverifiedItem(number, offset, raw, opened.kind, opened.claims, fault)


def read_statements(sources: Sequence[Source]) -> Iterator[tuple[UnverifiedItem, Statement]]:
    """The statements among the items, without a look at the receipts.

    Raises:
        UnreadableError: the input is not a sequence of CBOR items from here on.
        NotABatchError: a file does not begin like a batch.
        OSError: a file cannot be read.
    """
    for span in Batch(sources).spans():
        if not span.uniform:
            for number, offset, raw in span.items():
                item = read_item(raw, number, offset)
                if isinstance(item.claims, Statement):
                    yield item, item.claims

"""Consecutive receipts of one stream, in columns: what steps 2 to 8 hand on to step 9, and what later steps read.

A block comes of many receipts at once where they are in perfect order (`verifier.order.fast_path`), and of a single one otherwise.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from verifier.format.claims import Receipt
from verifier.order.sums import Sums
from verifier.report.findings import Finding

COLUMNS: Final = (
    "request", "model", "logical", "cached", "attributed", "writes", "output", "reasoning", "cache",
    "source", "charge", "tags", "client", "units", "models", "span", "corrects", "fingerprint",
)  # fmt: skip
"""The columns that a block may have, besides those that each block has: fields of the claims, and SHA-256 of the whole item."""
IDENTIFYING: Final = frozenset({"request", "model", "cache"})
"""What step 13 needs of receipts with cache identifiers."""
Columns = Mapping[str, Sequence[Any]]


@dataclass(slots=True)
class Block:
    """Consecutive receipts of one stream that came through steps 2 to 8.

    Attributes:
        issuer, account, stream: whose they are.
        first: the sequence of the first one; the others follow it without a gap, each naming the one before.
        before: what the first one names as previous.
        items: their numbers in the input.
        offsets: where they begin in their files, in bytes.
        digests: their digests.
        times: in ms.
        requests: their request ids, as UTF-8.
        sums: over their counts.
        columns: by name, some of `COLUMNS`: what later steps have asked for.
        corrects: the digest of the receipt that the only one of them corrects.
    """

    issuer: str
    account: str
    stream: str
    first: int
    before: bytes | None
    items: array[int]
    offsets: array[int]
    digests: Sequence[bytes]
    times: array[int]
    requests: Sequence[bytes]
    sums: Sums
    columns: Columns = field(default_factory=dict)
    corrects: bytes | None = None

    @property
    def next(self) -> int:
        """The sequence after the last one."""
        return self.first + len(self.items)

    def finding(self, code: str, message: str, **place: Any) -> Finding:
        """A finding about the first receipt."""
        return Finding(
            code, message, item=self.items[0], offset=self.offsets[0], issuer=self.issuer, account=self.account,
            stream=self.stream, sequence=self.first, request=self.requests[0].decode(), **place,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the input: its number, where it begins in its file, in bytes, and its bytes."""

    number: int
    offset: int
    raw: bytes


def single(receipt: Receipt, digest: bytes, item: Item, wanted: frozenset[str]) -> Block:
    """A block of one receipt.

    Args:
        receipt: its claims.
        digest: of its content.
        item: where it stands.
        wanted: the columns that later steps need.
    """
    sums = Sums()
    sums.add(receipt)
    cache = (receipt.cache_read, receipt.cache_writes, receipt.commitments)
    names = wanted if cache == (None, (), ()) else wanted | IDENTIFYING
    return Block(
        receipt.issuer, receipt.account, receipt.stream, receipt.sequence, receipt.previous,
        array("Q", (item.number,)), array("Q", (item.offset,)), (digest,), array("Q", (receipt.time,)),
        (receipt.request.encode(),), sums,
        {name: (_value(receipt, item, name),) for name in names},
        None if receipt.corrects is None else receipt.corrects.receipt,
    )  # fmt: skip


def _value(receipt: Receipt, item: Item, name: str) -> Any:
    if name == "fingerprint":
        return sha256(item.raw).digest()
    if name == "cache":
        cache = (receipt.cache_read, receipt.cache_writes, receipt.commitments)
        return None if cache == (None, (), ()) else cache
    return getattr(receipt, name)

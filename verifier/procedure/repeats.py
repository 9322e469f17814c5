"""What stands twice in an input (verification step 9): found by the index, named by the items.

Only here are bytes of the input read once more, those of the few receipts in question, and held against the digests that the index noted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from verifier.item.opening import open_item
from verifier.order.block import Block
from verifier.order.collection import first_repeated
from verifier.order.index import ReceiptIndex, RowBlock
from verifier.procedure.run import Run
from verifier.reading.framing import ChangedError
from verifier.report.findings import Conflict, Finding


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a collected receipt stands."""

    stream: str
    sequence: int
    item: int
    offset: int
    digest: bytes


def compare_repeats(run: Run) -> list[Conflict]:
    """R-9.1 to R-9.3: receipts that do not stand above all that were collected of their stream.

    Raises:
        OSError: the input cannot be read once more, or has changed.
    """
    repeats = run.collection.repeats
    found = dict(_by_sequence(run.collection.index, repeats)) if repeats else {}
    conflicts = []
    for block in repeats:
        first = found.get(_key(block))
        if first is None:
            message = f"sequence {block.first} stands after a later one of its stream"
            run.findings.add(block.finding("receipt-order", message))
            continue
        where = f"item {first.item} has the same stream and sequence"
        if first.digest == block.digests[0]:
            run.findings.add(block.finding("receipt-duplicate", f"{where}, and is the same"))
            continue
        run.findings.add(block.finding("receipt-equivocation", f"{where}, but other claims"))
        one = _signed(run, first)
        second = _Place(
            block.stream, block.first, block.items[0], block.offsets[0], block.digests[0]
        )
        two = _signed(run, second)
        if one is not None and two is not None:
            conflicts.append(Conflict("receipt-equivocation", one, two))
    return conflicts


def compare_requests(run: Run) -> None:
    """R-9.6: requests that have a receipt already."""
    repeated, total = first_repeated(run.collection.requests)
    if not repeated:
        return
    places = dict(_by_item(run.collection.index, [one.item for one in repeated]))
    for one in repeated:
        issuer, account = one.account
        place = places[one.item]
        message = f"request '{one.request}' has a receipt already: item {one.first}"
        run.findings.add(
            Finding(
                "request-duplicate", message, item=one.item, offset=place.offset, issuer=issuer, account=account,
                stream=place.stream, sequence=place.sequence, request=one.request,
            )
        )  # fmt: skip
    run.findings.count_more("request-duplicate", total - len(repeated))


def _key(block: Block) -> tuple[str, str, str, int]:
    return block.issuer, block.account, block.stream, block.first


def _by_sequence(
    index: ReceiptIndex, repeats: Iterable[Block]
) -> Iterator[tuple[tuple[str, str, str, int], _Place]]:
    """The collected receipts at the places of others."""
    wanted: dict[tuple[str, str, str], list[int]] = {}
    for issuer, account, stream, sequence in sorted(set(map(_key, repeats))):
        wanted.setdefault((issuer, account, stream), []).append(sequence)
    for block in index.blocks():
        names = (block.issuer, block.account, block.stream)
        sequences = wanted.get(names, [])
        begin, end = bisect_left(sequences, block.first), bisect_left(sequences, block.next)
        for sequence in sequences[begin:end]:
            yield (*names, sequence), _place(block, sequence - block.first)


def _by_item(index: ReceiptIndex, wanted: list[int]) -> Iterator[tuple[int, _Place]]:
    """The collected receipts that are certain items (ascending)."""
    for block in index.blocks():
        begin = bisect_left(wanted, block.items[0])
        end = bisect_left(wanted, block.items[-1] + 1)
        for item in wanted[begin:end]:
            at = bisect_left(block.items, item)
            if block.items[at] == item:
                yield item, _place(block, at)


def _place(block: RowBlock, at: int) -> _Place:
    sequence = block.first + at
    return _Place(block.stream, sequence, block.items[at], block.offsets[at], block.digest(at))


def _signed(run: Run, place: _Place) -> bytes | None:
    """The bytes of a receipt, once more, if it is validly signed."""
    raw = run.batch.fetch(place.item, place.offset)
    opened = open_item(raw, run.question.policy)
    if opened.digest != place.digest:
        raise ChangedError("the input changed while it was read")
    return raw if opened.signed else None

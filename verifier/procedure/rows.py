"""The receipts of a batch that was verified, in blocks of typed columns: for who counts, prices or compares them.

They come out of the one pass that verified them, so nobody reads the batch again; and only with the verdict, so nobody uses them before.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from types import TracebackType

from verifier.order.corrections import Corrections
from verifier.order.index import ReceiptIndex, RowBlock
from verifier.report.model import Report, Verdict

_Row = tuple[int, int, int, RowBlock]
"""Time, item, place in the block, block."""


class NotVerifiedError(ValueError):
    """Rows are asked for that were not verified."""


class VerifiedRows:
    """A report, and the rows behind it, which it lets out only if the verdict allows.

    Attributes:
        report: the report.
    """

    def __init__(self, report: Report, index: ReceiptIndex, corrections: Corrections) -> None:
        self.report = report
        self._index = index
        self._corrections = corrections

    def __enter__(self) -> VerifiedRows:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget the rows."""
        self._index.close()
        self._corrections.close()

    def blocks(self, *, incomplete: bool = False) -> Iterator[RowBlock]:
        """The last word on each request, in blocks of one stream each: those of a stream in order, then corrections.

        A correction has the time of the receipt that it corrects.

        Args:
            incomplete: whether an incomplete verdict is good enough.

        Raises:
            NotVerifiedError: the verdict is not good enough.
        """
        self._check(incomplete=incomplete)
        return self._corrections.blocks(self._index)

    def by_time(self, *, incomplete: bool = False) -> Iterator[tuple[RowBlock, int]]:
        """The last word on each request in the order of the times, those of one ms in the order of the input: a block, and the place in it.

        Args:
            incomplete: whether an incomplete verdict is good enough.

        Raises:
            NotVerifiedError: the verdict is not good enough.
        """
        self._check(incomplete=incomplete)
        positions: dict[tuple[str, str, str], list[int]] = {}
        for block in self._index.blocks():
            names = (block.issuer, block.account, block.stream)
            positions.setdefault(names, []).append(block.position)
        corrected = _rows(self._corrections.corrected(self._index, "time"))
        rows = heapq.merge(*(self._stream(found) for found in positions.values()), corrected)
        return ((block, at) for _, _, at, block in rows)

    def _stream(self, positions: list[int]) -> Iterator[_Row]:
        """The rows of one stream; time does not go back in it, or the batch is rejected."""
        for position in positions:
            yield from _rows(self._corrections.plain(self._index.at(position)))

    def _check(self, *, incomplete: bool) -> None:
        enough = {Verdict.VERIFIED, Verdict.INCOMPLETE} if incomplete else {Verdict.VERIFIED}
        if self.report.verdict not in enough:
            codes = ", ".join(sorted(self.report.findings.counts))
            raise NotVerifiedError(f"the batch is {self.report.verdict} ({codes})")


def _rows(blocks: Iterable[RowBlock]) -> Iterator[_Row]:
    for block in blocks:
        for at, (time, item) in enumerate(zip(block.times, block.items, strict=True)):
            yield time, item, at, block

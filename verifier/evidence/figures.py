"""The figures of a batch, from the receipts that were collected (spec/report.md, Figures)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from verifier.evidence.times import Slots
from verifier.order.collection import AccountName
from verifier.order.index import RowBlock
from verifier.report.figures import Figures, StreamFigures, Tally
from verifier.report.findings import Finding
from verifier.statements.completeness import Ledger

FIGURE_COLUMNS: Final = frozenset({"model", "logical", "cached", "attributed"})
"""The columns that this needs."""


class FigureSums:
    """Counts block after block."""

    def __init__(self) -> None:
        self._slots = Slots()
        self._models: dict[str, Tally] = {}
        self._streams: dict[tuple[str, str, str], StreamFigures] = {}

    def see(self, block: RowBlock) -> None:
        """The place of receipts in their stream, whether or not they were corrected since."""
        names = (block.issuer, block.account, block.stream)
        stream = self._streams.get(names)
        if stream is None:
            self._streams[names] = stream = StreamFigures(*names, block.first, block.first)
        stream.miss(stream.next, block.first)
        stream.next = block.next
        stream.receipts += len(block.items)

    def count(self, block: RowBlock) -> None:
        """The tokens of receipts that are the last word on their request."""
        models = block.columns["model"]
        for begin, end in self._slots.parts(block.times):
            self._slots.at(block.times[begin]).join(_tally(block, range(begin, end)))
        by_model: dict[str, Sequence[int]] = {models[0]: range(len(models))}
        if any(model != models[0] for model in models):
            by_model = {}
            for at, model in enumerate(models):
                by_model.setdefault(model, []).append(at)  # type: ignore[attr-defined]  # a list here
        for model, places in by_model.items():
            self._models.setdefault(model, Tally()).join(_tally(block, places))

    def conclude(
        self, ledgers: Mapping[AccountName, Ledger], findings: Iterable[Finding]
    ) -> Figures:
        """The figures: with what statements list that is not there, and the times of findings."""
        undated = 0
        for finding in findings:
            if finding.time is None:
                undated += 1
            else:
                self._slots.at(finding.time).findings += 1
        for account, ledger in ledgers.items():
            for seen in ledger.seen:
                for entry in seen.claims.streams:
                    self._list((*account, entry.stream), entry.first, entry.first + entry.count)
        streams = [self._streams[names] for names in sorted(self._streams)]
        return Figures(self._slots.step, self._slots.slots, undated, self._models, streams)

    def _list(self, names: tuple[str, str, str], first: int, end: int) -> None:
        stream = self._streams.setdefault(names, StreamFigures(*names, first, first))
        stream.miss(first, min(stream.first, end))
        stream.miss(max(stream.next, first), end)
        stream.first, stream.next = min(stream.first, first), max(stream.next, end)


def _tally(block: RowBlock, places: Sequence[int]) -> Tally:
    columns = block.columns
    logical, cached, attributed = (
        [columns[name][at] for at in places] for name in ("logical", "cached", "attributed")
    )
    counted = [count for count in cached if count is not None]
    return Tally(
        len(places), sum(logical), sum(counted), sum(count for count in attributed if count is not None),
        len(cached) - len(counted),
    )  # fmt: skip

"""A statement against the receipts that it closes (verification step 10).

Nearly always the receipts that were collected of a stream are exactly those listed: then all is decided from what the collection knows of
the stream. Elsewhere a `Part` of it is decided from the index, when all of the input is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from verifier.crypto.merkle import Range
from verifier.format.claims import Statement, StreamEntry
from verifier.order.collection import Account, Stream
from verifier.order.index import RowBlock
from verifier.report.findings import Finding, Findings, plural
from verifier.report.period import show, show_instant
from verifier.report.shown import shown


@dataclass(slots=True)
class Settlement:
    """What came of holding a statement against its receipts.

    Attributes:
        statement: the statement.
        item: its number in the input.
        befores: by stream, what the receipt at `first` names as previous, where it was collected (R-11.5).
        open: streams that the index decides.
        roots: streams whose root and head are compared.
        totals: whether the totals are compared.
        unchecked: why roots or totals are not compared.
    """

    statement: Statement
    item: int
    befores: dict[str, bytes | None] = field(default_factory=dict)
    open: list[OpenStream] = field(default_factory=list)
    roots: int = 0
    totals: bool = False
    unchecked: str | None = None


def settle(
    statement: Statement, item: int, account: Account, lost: int, findings: Findings
) -> Settlement:
    """Hold a statement against the receipts that were collected since the one before.

    Args:
        statement: its claims.
        item: its number in the input.
        account: what was collected of its account; not cleared yet.
        lost: items of the input, so far, that may have been any receipt.
        findings: where what is found goes.
    """
    settlement = Settlement(statement, item)
    listed = {entry.stream: entry for entry in statement.streams}
    absent = _missing(statement, item, account.streams, lost, findings)
    extra = _extra(listed, account.streams)
    for name, stream in account.streams.items():
        entry = listed.get(name)
        compared = entry is not None and not stream.broken and name not in absent
        settlement.roots += compared
        if entry is not None and (stream.first, stream.next) == (
            entry.first,
            entry.first + entry.count,
        ):
            settlement.befores[name] = stream.before
            if _is_within(stream, statement):
                if compared and stream.tree is not None:
                    root, head = stream.tree.root(), stream.head
                    _compare_stream(settlement, entry, root, head, findings)
                continue
        settlement.open.append(OpenStream(settlement, name, stream, entry, compared=compared))
    settlement.totals = settlement.roots == len(listed) and not extra
    if settlement.totals:
        _compare_totals(settlement, account, findings)
    else:
        settlement.unchecked = _reason(sum(absent.values()), lost, extra)
    return settlement


def _is_within(stream: Stream, statement: Statement) -> bool:
    """Whether all times of a stream lie in the period."""
    return statement.start <= stream.earliest and stream.latest < statement.end


def _reason(absent: int, lost: int, extra: bool) -> str:
    if absent:
        return f"{plural(absent, 'receipt')} not here" + (
            ", and items of the input are lost" if lost else ""
        )
    return "there are receipts that are not listed" if extra else "a chain of receipts is broken"


def _missing(
    statement: Statement, item: int, streams: Mapping[str, Stream], lost: int, findings: Findings
) -> dict[str, int]:
    """R-10.2; by stream, how many listed receipts were not collected."""
    counts = {
        entry.stream: sum(e - b for b, e in _gaps(entry, streams)) for entry in statement.streams
    }
    absent = {stream: count for stream, count in counts.items() if count}
    if sum(absent.values()) > lost:
        for entry in statement.streams:
            stream = entry.stream
            for begin, end in _gaps(entry, streams):
                message = f"{_sequences(begin, end)} of stream '{stream}', listed by statement {statement.number}"
                findings.add(
                    Finding.about(
                        statement,
                        "receipt-missing",
                        message,
                        item=item,
                        stream=stream,
                        sequence=begin,
                        count=end - begin,
                    )
                )
    return absent


def _gaps(entry: StreamEntry, streams: Mapping[str, Stream]) -> Iterable[tuple[int, int]]:
    """The sequences of an entry that were not collected."""
    end = entry.first + entry.count
    stream = streams.get(entry.stream)
    return [(entry.first, end)] if stream is None else stream.missing(entry.first, end)


def _sequences(begin: int, end: int) -> str:
    return f"sequence {begin}" if end == begin + 1 else f"sequences {begin} to {end - 1}"


def _extra(listed: Mapping[str, StreamEntry], streams: Mapping[str, Stream]) -> bool:
    """Whether anything was collected that is not listed."""
    for name, stream in streams.items():
        entry = listed.get(name)
        if entry is None or stream.first < entry.first or stream.next > entry.first + entry.count:
            return True
    return False


def _compare_stream(
    settlement: Settlement, entry: StreamEntry, root: bytes, head: bytes, findings: Findings
) -> None:
    """R-10.6 and R-10.7."""
    for code, name, expected, actual in (
        ("root-mismatch", "root", root, entry.root),
        ("head-mismatch", "head", head, entry.head),
    ):
        if expected != actual:
            message = f"{name} of stream '{entry.stream}' is not that of the {entry.count} receipts"
            findings.add(
                Finding.about(
                    settlement.statement,
                    code,
                    message,
                    item=settlement.item,
                    stream=entry.stream,
                    field=f"streams.{name}",
                    expected=expected.hex(),
                    actual=actual.hex(),
                )
            )


def _compare_totals(settlement: Settlement, account: Account, findings: Findings) -> None:
    """R-10.9."""
    statement, counted = settlement.statement, account.sums.as_totals()
    for name, expected, actual in zip(counted._fields, counted, statement.totals, strict=True):
        if expected != actual:
            words = shown(expected), shown(actual)
            message = f"total {name}: the receipts sum to {words[0]}, the statement says {words[1]}"
            findings.add(
                Finding.about(
                    statement,
                    "totals-mismatch",
                    message,
                    item=settlement.item,
                    field=f"totals.{name}",
                    expected=words[0],
                    actual=words[1],
                )
            )


@dataclass(slots=True)
class _Group:
    """Consecutive receipts of one stream that a statement does not list."""

    begin: int
    end: int
    item: int
    count: int
    within: bool
    """Whether one of them has a time within the period."""


class OpenStream:
    """A stream of a statement that the index decides: its entries are seen in order, then it tells what is wrong.

    Args:
        settlement: of the statement.
        name: of the stream.
        stream: what was collected of it for this statement.
        entry: what the statement lists; None: it does not list the stream.
        compared: whether root and head are to be compared.
    """

    def __init__(
        self,
        settlement: Settlement,
        name: str,
        stream: Stream,
        entry: StreamEntry | None,
        *,
        compared: bool,
    ) -> None:
        self.name = name
        self.first, self.next = stream.first, stream.next
        self._settlement = settlement
        self._entry = entry
        self._compared = compared
        # Of a stream that is not listed, nothing is listed.
        self._begin = stream.next if entry is None else entry.first
        self._end = stream.next if entry is None else entry.first + entry.count
        self._tree = Range()
        self._head = b""
        self._groups: list[_Group] = []
        self._outside: Finding | None = None

    def see(self, entry: RowBlock) -> None:
        """Take note of the next receipts of the stream."""
        low = min(max(self._begin - entry.first, 0), len(entry.items))
        high = max(min(self._end - entry.first, len(entry.items)), low)
        self._see_unlisted(entry, 0, low)
        if low < high:
            self._see_listed(entry, low, high)
        self._see_unlisted(entry, high, len(entry.items))

    def _see_listed(self, entry: RowBlock, low: int, high: int) -> None:
        statement = self._settlement.statement
        if entry.first + low == self._begin:
            before = entry.digest(low - 1) if low else entry.before
            self._settlement.befores[self.name] = before
        if self._compared:
            self._tree.extend(entry.digests(low, high))
            self._head = entry.digest(high - 1)
        for at in range(low, high):
            if self._outside is None and not statement.start <= entry.times[at] < statement.end:
                self._outside = Finding.about(
                    statement, "time-outside-period",
                    f"the time is outside of the period of statement {statement.number}",
                    item=entry.items[at], offset=entry.offsets[at], stream=self.name, sequence=entry.first + at,
                    field="time", expected=f"within {show(statement.start, statement.end)}", actual=show_instant(entry.times[at]),
                )  # fmt: skip

    def _see_unlisted(self, entry: RowBlock, low: int, high: int) -> None:
        if low == high:
            return
        statement = self._settlement.statement
        within = any(statement.start <= time < statement.end for time in entry.times[low:high])
        begin, end = entry.first + low, entry.first + high
        last = self._groups[-1] if self._groups else None
        # Of a stream that is not listed, all receipts are one group; else those without a gap, on one side of the listed ones.
        if last is not None and (self._entry is None or (last.end == begin and begin != self._end)):
            last.end = end
            last.count += high - low
            last.within = last.within or within
        else:
            self._groups.append(_Group(begin, end, entry.items[low], high - low, within))

    def tell(self, findings: Findings) -> None:
        """What is wrong, when all entries were seen."""
        if self._outside is not None:
            findings.add(self._outside)
        for group in self._groups:
            findings.add(self._unlisted(group))
        if self._compared and self._entry is not None:
            _compare_stream(self._settlement, self._entry, self._tree.root(), self._head, findings)

    def _unlisted(self, group: _Group) -> Finding:
        """R-10.3 to R-10.5."""
        statement = self._settlement.statement
        unstated = "stream-unstated" if self._entry is None else "receipt-unstated"
        which = _sequences(group.begin, group.end)
        return Finding.about(
            statement, unstated if group.within else "receipt-uncovered",
            f"{which} of stream '{self.name}', not listed by statement {statement.number}",
            item=group.item, stream=self.name, sequence=group.begin, count=group.count,
        )  # fmt: skip

"""A statement against the receipts that it closes (verification step 10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from verifier.claims import Statement, StreamEntry
from verifier.findings import Finding
from verifier.intervals import Intervals
from verifier.merkle import Range
from verifier.segment import Place, Run, Segment
from verifier.words import plural


@dataclass(slots=True)
class Unlisted:
    """Collected receipts that a statement does not list: of its period, or of another time?"""

    finding: Finding
    statement: Statement
    stream_listed: bool
    inner: Place | None
    """The receipt whose time decides, where the run does not know it."""

    def judge(self, time: int | None) -> None:
        """Take note of the time of one of the receipts: one in the period is enough."""
        if time is not None and self.statement.start <= time < self.statement.end:
            self.finding.code = "receipt-unstated" if self.stream_listed else "stream-unstated"

    def look(self, time: int, item: int) -> None:
        """Take note of the receipt at ``inner``."""
        self.judge(time)
        if self.inner is not None and self.inner.sequence == self.finding.sequence:
            self.finding.item = item


@dataclass(frozen=True, slots=True)
class Unrooted:
    """A stream that is exactly as listed, but whose tree was not built: the receipts did not come one after the other."""

    statement: Statement
    entry: StreamEntry
    item: int
    """Of the statement."""

    def compare(self, digests: dict[int, bytes]) -> Iterator[Finding]:
        """The findings, given the digests by sequence."""
        tree, entry = Range(0, 0), self.entry
        tree.extend([digests[s] for s in range(entry.first, entry.first + entry.count)])
        head = digests[entry.first + entry.count - 1]
        yield from _compare_stream(self.statement, entry, tree.root(), head, self.item)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of holding a statement against its receipts."""

    findings: tuple[Finding, ...]
    unlisted: tuple[Unlisted, ...]
    unrooted: tuple[Unrooted, ...]
    roots_checked: int
    """Streams whose root and head were compared."""
    totals_checked: bool
    unchecked: str | None
    """Why roots or totals were not compared."""


def settle(statement: Statement, segment: Segment, item: int, lost: int) -> Settlement:
    """Hold a statement against the receipts collected since the one before.

    ``lost`` receipts of the input could not be used; any that is missing may be one of them.
    """
    listed = {entry.stream: entry for entry in statement.streams}
    unlisted = tuple(_unlisted(statement, segment, listed))
    findings: list[Finding] = []
    missing = {entry.stream: _missing(entry, segment) for entry in statement.streams}
    absent = sum(end - begin for gaps in missing.values() for begin, end in gaps)
    if absent > lost:
        findings += _missing_findings(statement, missing, item)
    exact = {s: run for s, e in listed.items() if (run := _exact(e, segment.streams.get(s, ())))}
    unrooted = []
    for stream, run in exact.items():
        if run.tree is not None and run.tree.begin == 0:
            root = run.tree.root()
            findings += _compare_stream(statement, listed[stream], root, run.head, item)
        else:
            unrooted.append(Unrooted(statement, listed[stream], item))
    for stream, entry in listed.items():
        findings += _times(statement, entry, segment.streams.get(stream, ()))
    whole = not absent and not segment.withheld and not unlisted
    if whole:
        findings += _compare_totals(statement, segment, item)
    checked = len(exact)
    reason = None if whole and checked == len(listed) else _reason(absent, lost, segment)
    return Settlement(tuple(findings), unlisted, tuple(unrooted), checked, whole, reason)


def _reason(absent: int, lost: int, segment: Segment) -> str:
    if segment.withheld:
        return f"{plural(segment.withheld, 'receipt')} withheld"
    if absent:
        return f"{plural(absent, 'receipt')} not here" + (
            ", and items of the input are lost" if lost else ""
        )
    return "the receipts are not exactly those listed, in one chain"


def _missing(entry: StreamEntry, segment: Segment) -> list[tuple[int, int]]:
    """The gaps among the sequences that an entry lists, each from its first up to its end."""
    collected = Intervals()
    for run in segment.streams.get(entry.stream, ()):
        collected.add(run.first, run.next)
    return collected.missing(entry.first, entry.first + entry.count)


def _missing_findings(
    statement: Statement, missing: dict[str, list[tuple[int, int]]], item: int
) -> Iterator[Finding]:
    for stream, gaps in missing.items():
        for begin, end in gaps:
            which = f"sequence {begin}" if end == begin + 1 else f"sequences {begin} to {end - 1}"
            yield Finding(
                "receipt-missing",
                f"{which} of stream {stream!r}, listed by statement {statement.number}",
                item=item,
                issuer=statement.issuer,
                account=statement.account,
                stream=stream,
                sequence=begin,
                number=statement.number,
                count=end - begin,
            )


def _unlisted(
    statement: Statement, segment: Segment, listed: dict[str, StreamEntry]
) -> Iterator[Unlisted]:
    """Collected receipts that the statement does not list."""
    for stream, runs in segment.streams.items():
        entry = listed.get(stream)
        for run in runs:
            if entry is None or run.next <= entry.first or run.first >= entry.first + entry.count:
                yield _unlisted_part(statement, stream, entry, run, run.first, run.next)
                continue
            if run.first < entry.first:
                yield _unlisted_part(statement, stream, entry, run, run.first, entry.first)
            if run.next > entry.first + entry.count:
                end = entry.first + entry.count
                yield _unlisted_part(statement, stream, entry, run, end, run.next)


def _unlisted_part(
    statement: Statement, stream: str, entry: StreamEntry | None, run: Run, begin: int, end: int
) -> Unlisted:
    """The receipts of a run from ``begin`` up to ``end``."""
    ends = [(run.first_time, run.first_item)] if begin == run.first else []
    ends += [(run.last_time, run.last_item)] if end == run.next else []
    which = f"sequence {begin}" if end == begin + 1 else f"sequences {begin} to {end - 1}"
    finding = Finding(
        "receipt-uncovered",
        f"{which} of stream {stream!r}, not listed by statement {statement.number}",
        item=ends[0][1],
        issuer=statement.issuer,
        account=statement.account,
        stream=stream,
        sequence=begin,
        number=statement.number,
        count=end - begin,
    )
    # Times rise, so of a part the receipt next to the listed ones is the one most likely inside.
    inner = Place(
        statement.issuer, statement.account, stream, end - 1 if begin == run.first else begin
    )
    unlisted = Unlisted(finding, statement, entry is not None, inner if len(ends) == 1 else None)
    for time, _ in ends:
        unlisted.judge(time)
    return unlisted


def _exact(entry: StreamEntry, runs: list[Run] | tuple[Run, ...]) -> Run | None:
    """The run that is exactly what the entry lists, in an unbroken chain, or None."""
    for run in runs:
        if (run.first, run.next) == (entry.first, entry.first + entry.count):
            return run if run.unbroken else None
    return None


def _compare_stream(
    statement: Statement, entry: StreamEntry, root: bytes, head: bytes, item: int
) -> Iterator[Finding]:
    for code, name, expected, actual in (
        ("root-mismatch", "root", root, entry.root),
        ("head-mismatch", "head", head, entry.head),
    ):
        if expected != actual:
            yield Finding(
                code,
                f"{name} of stream {entry.stream!r} is not that of the {entry.count} receipts",
                item=item,
                issuer=statement.issuer,
                account=statement.account,
                stream=entry.stream,
                number=statement.number,
                field=f"streams.{name}",
                expected=expected.hex(),
                actual=actual.hex(),
            )


def _times(
    statement: Statement, entry: StreamEntry, runs: list[Run] | tuple[Run, ...]
) -> Iterator[Finding]:
    """Times do not go back in a run, so its first and its last receipt bound it."""
    for run in runs:
        if run.first < entry.first or run.next > entry.first + entry.count:
            continue
        for time, sequence, item in (
            (run.first_time, run.first, run.first_item),
            (run.last_time, run.next - 1, run.last_item),
        ):
            if time is not None and not statement.start <= time < statement.end:
                yield Finding(
                    "time-outside-period",
                    f"time {time} is outside the period of statement {statement.number}",
                    item=item,
                    issuer=statement.issuer,
                    account=statement.account,
                    stream=entry.stream,
                    sequence=sequence,
                    number=statement.number,
                    field="time",
                    expected=f"{statement.start} to {statement.end - 1}",
                    actual=time,
                )
                break


def _compare_totals(statement: Statement, segment: Segment, item: int) -> Iterator[Finding]:
    counted = segment.totals.as_totals()
    for name, expected, actual in zip(counted._fields, counted, statement.totals, strict=True):
        if expected != actual:
            yield Finding(
                "totals-mismatch",
                f"total {name}: the receipts sum to {_shown(expected)}, "
                f"the statement says {_shown(actual)}",
                item=item,
                issuer=statement.issuer,
                account=statement.account,
                number=statement.number,
                field=f"totals.{name}",
                expected=_shown(expected),
                actual=_shown(actual),
            )


def _shown(total: int | dict[int, int] | dict[str, int] | None) -> str:
    return "nothing" if total is None else str(total)

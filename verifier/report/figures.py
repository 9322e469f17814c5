"""What a report shows in pictures: tokens over time, models, and the coverage of streams (spec/report.md, Figures)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

LISTED_MODELS: Final = 50
LISTED_STREAMS: Final = 500
LISTED_GAPS: Final = 100
"""Of one stream."""


@dataclass(slots=True)
class Tally:
    """Sums over receipts, in tokens; ``uncounted``: receipts that do not state how many tokens were cached."""

    receipts: int = 0
    logical: int = 0
    cached: int = 0
    attributed: int = 0
    uncounted: int = 0
    findings: int = 0

    def join(self, other: Tally) -> None:
        """Add the sums of other receipts."""
        self.receipts += other.receipts
        self.logical += other.logical
        self.cached += other.cached
        self.attributed += other.attributed
        self.uncounted += other.uncounted
        self.findings += other.findings


@dataclass(slots=True)
class StreamFigures:
    """The sequences of one stream: from ``first`` to before ``next``, without ``missing``, which has the first of ``gaps`` runs."""

    issuer: str
    account: str
    stream: str
    first: int
    next: int
    receipts: int = 0
    gaps: int = 0
    missing: list[tuple[int, int]] = field(default_factory=list)

    def miss(self, first: int, end: int) -> None:
        """Sequences ``first`` to ``end - 1`` are not there."""
        if first < end:
            self.gaps += 1
            if len(self.missing) < LISTED_GAPS:
                self.missing.append((first, end - 1))

    def as_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "issuer": self.issuer,
            "account": self.account,
            "stream": self.stream,
            "first": self.first,
            "next": self.next,
            "receipts": self.receipts,
            "missing": [list(run) for run in sorted(self.missing)],
            "gaps": self.gaps,
        }


@dataclass(slots=True)
class Figures:
    """The figures of a batch.

    Attributes:
        step: the width of a slot, in ms.
        slots: by number of the slot since 1970.
        undated: findings that are of no receipt, and so of no time.
        models: by name.
        streams: all of them.
    """

    step: int
    slots: dict[int, Tally]
    undated: int
    models: dict[str, Tally]
    streams: list[StreamFigures]

    def as_dict(self) -> dict[str, Any]:
        """As JSON-ready data, of bounded size."""
        models = sorted(self.models.items(), key=lambda one: (-one[1].logical, one[0]))
        streams = sorted(
            self.streams, key=lambda s: (-s.gaps, -s.receipts, s.issuer, s.account, s.stream)
        )
        span = range(min(self.slots), max(self.slots) + 1) if self.slots else range(0)
        return {
            "step": self.step,
            "time": [self._slot(number) for number in span],
            "undated": self.undated,
            "models": [_model(name, tally) for name, tally in models[:LISTED_MODELS]],
            "models_left_out": max(0, len(models) - LISTED_MODELS),
            "streams": [stream.as_dict() for stream in streams[:LISTED_STREAMS]],
            "streams_left_out": max(0, len(streams) - LISTED_STREAMS),
        }

    def _slot(self, number: int) -> dict[str, int]:
        tally = self.slots.get(number, Tally())
        return {
            "start": number * self.step,
            "receipts": tally.receipts,
            "logical": tally.logical,
            "cached": tally.cached,
            "attributed": tally.attributed,
            "uncounted": tally.uncounted,
            "findings": tally.findings,
        }


def _model(name: str, tally: Tally) -> dict[str, Any]:
    return {
        "model": name,
        "receipts": tally.receipts,
        "logical": tally.logical,
        "cached": tally.cached,
        "uncounted": tally.uncounted,
    }

"""The verified batches behind figures of money: what is not verified is refused, or marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from attribution.money import COLUMNS, Row, verified
from cli import batches
from cli.files import inputs, total_size
from cli.terminal import CliError, progress
from verifier import Period, Policy, Verdict, VerifiedRows, verified_rows


class NotVerifiedBatchError(CliError):
    """The batch is rejected, or incomplete and that is not accepted; the exit code is the verdict's."""

    exit_code: int  # type: ignore[misc]  # of each, not of all

    def __init__(self, verdict: Verdict, codes: str) -> None:
        if verdict is Verdict.REJECTED:
            hint = "see receipt verify; no figures are made from it"
        else:
            hint = "see receipt verify; --include-unverified makes figures all the same, and marks them"
        super().__init__(f"the batch is {verdict} ({codes})", hint)
        self.exit_code = verdict.exit_code


@dataclass(frozen=True, slots=True)
class Behind:
    """What figures rest on.

    Attributes:
        rows: verified.
        verdict: of the batch.
        codes: its findings.
    """

    rows: VerifiedRows
    verdict: Verdict
    codes: list[str]

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.rows.close()

    @property
    def statements(self) -> list[Period]:
        """The periods of the statements that the batch has."""
        return [(claims.start, claims.end) for claims, _ in self.rows.report.statements]

    def within(self, period: Period) -> Iterator[Row]:
        """The requests of a period."""
        for row in verified(self.rows, incomplete=True):
            if period[0] <= row.usage.time < period[1]:
                yield row

    def period(self) -> Period | None:
        """From the first to the last statement, or where there is none the days that have requests; None: no request either."""
        if self.statements:
            return min(start for start, _ in self.statements), max(
                end for _, end in self.statements
            )
        times = [time for block in self.rows.blocks(incomplete=True) for time in block.times]
        day = 86_400_000
        return (min(times) // day * day, (max(times) // day + 1) * day) if times else None


def verify(
    batch: tuple[str, ...], policy: Policy, period: Period | None, *, unverified: bool, jobs: int
) -> Behind:
    """Verify batches, and keep what attribution needs of them.

    Args:
        batch: files.
        policy: whom to trust.
        period: that has to be complete.
        unverified: whether an incomplete batch is accepted.
        jobs: processes that check receipts.

    Raises:
        NotVerifiedBatchError: it is not good enough.
        CliError: a file is no batch.
    """
    with progress("verifying", total_size(batch)) as advance, batches.readable():
        rows = verified_rows(inputs(batch, advance), policy, COLUMNS, period=period, jobs=jobs)
    verdict, codes = rows.report.verdict, sorted(rows.report.findings.counts)
    if verdict is Verdict.REJECTED or (verdict is Verdict.INCOMPLETE and not unverified):
        rows.close()
        raise NotVerifiedBatchError(verdict, ", ".join(codes))
    return Behind(rows, verdict, codes)

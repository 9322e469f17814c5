"""The receipts against the customer's own record (verification step 14): what only both sides together can show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from verifier.customer import ownership, queries
from verifier.customer.differences import Difference, Stated, differences
from verifier.customer.own_log import unknown_columns
from verifier.customer.received import ReceivedReceipts, about_row
from verifier.customer.record import Record
from verifier.customer.subject import VerifiedBatch
from verifier.customer.tables import check_times, load_calls, open_tables, pair
from verifier.customer.unconfirmed import unconfirmed
from verifier.order.corrections import Corrections
from verifier.order.index import RowBlock
from verifier.order.temporary import errors_of_the_disk
from verifier.report.findings import Finding, Findings, plural
from verifier.report.intervals import Intervals
from verifier.report.model import Check


class Reconciliation:
    """A batch and the customer's record, side by side.

    Args:
        blocks: the collected receipts, with `record.RECORD_COLUMNS`.
        corrections: those of them that correct others.
        record: the files, and how they are compared.
        batch: what it is held against.
        findings: where what is found goes.

    Raises:
        OSError: there is no room for the temporary file.
    """

    @errors_of_the_disk()
    def __init__(
        self,
        blocks: Iterable[RowBlock],
        corrections: Corrections,
        record: Record,
        batch: VerifiedBatch,
        findings: Findings,
    ) -> None:
        self._record = record
        self._batch = batch
        self._findings = findings
        self._db = open_tables(blocks, corrections)

    def close(self) -> None:
        """Forget all of it."""
        self._db.close()

    @errors_of_the_disk()
    def compare(self) -> tuple[list[Check], ReceivedReceipts]:
        """R-14.1 to R-14.16.

        Raises:
            RecordError: the record cannot be read.
            OSError: a file cannot be read.
        """
        record = self._record
        columns = load_calls(self._db, record)
        check_times(self._db, self._batch.covered)
        received = ReceivedReceipts(self._db, record, self._batch, self._findings)
        # A log is read once more only for the receipts in it.
        received.load([path for path, names in columns.items() if not names or "receipts" in names])
        strangers = ownership.divide(self._db, self._batch.account)
        pair(self._db)
        if record.requests:
            checks = [
                *self._calls(unknown_columns(set().union(*columns.values()))),
                *self._strangers(strangers),
            ]
        else:
            checks = [_not_given("requests and receipts", "--requests")]
        if record.requests or record.received:
            checks += received.compare()
        else:
            checks.append(_not_given("receipts received", "--received"))
        return checks, received

    def _strangers(self, strangers: ownership.Strangers) -> Iterator[Check]:
        """R-14.16, and what is left aside."""
        if strangers.unknown:
            message = (
                "nothing tells whose these calls are, or their credentials are of two accounts"
            )
            self._findings.add(Finding("request-account-unknown", message, count=strangers.unknown))
        if strangers.others:
            others = f"{plural(strangers.others, 'call')} of another account, or to somebody else"
            yield Check("calls of others", 0, 0, 0, others)

    def _calls(self, unused: list[str]) -> list[Check]:
        """R-14.1 to R-14.11."""
        missing, open_ = self._missing()
        phantoms = self._tell(self._phantoms())
        repeated = self._tell(self._repeated())
        renamed = self._tell(self._another_id())
        uncommitted = self._tell(self._another_commitment())
        unbillable = self._tell(self._closed())
        differing = self._different()
        untimely = self._tell(self._untimely(), last=False)
        uncertain = sorted(unconfirmed(self._db, self._record.aliases), key=_place)
        for finding in uncertain:
            self._findings.add(finding)
        untimely += sum(finding.code == "time-differs" for finding in uncertain)
        failed = phantoms + repeated + renamed + unbillable
        (receipts,) = self._one("SELECT count(*) FROM batch")
        return [
            self._requests(missing, open_, unused),
            Check("receipts with a request", receipts - failed, receipts, failed),
            self._agreement("commitments echoed", "calls.client IS NOT NULL AND batch.client IS NOT NULL", uncommitted),
            self._counts(differing["count-differs"]),
            self._agreement("models", "calls.model IS NOT NULL", differing["model-differs"]),
            self._agreement("tiers", "calls.tier IS NOT NULL AND batch.tier IS NOT NULL", differing["tier-differs"]),
            self._agreement("usage objects", "calls.usage IS NOT NULL AND batch.usage IS NOT NULL", differing["usage-differs"]),
            self._agreement("times of the calls", "first IS NOT NULL", untimely),
        ]  # fmt: skip

    def _one(self, query: str) -> tuple[Any, ...]:
        return tuple(self._db.execute(query).fetchone())

    def _requests(self, missing: int, open_: int, unused: list[str]) -> Check:
        """How many calls that are due a receipt have one, and what is with the others."""
        (matched,) = self._one(
            "SELECT count(DISTINCT coalesce(request, call)) FROM calls WHERE ours AND due AND call IN (SELECT call FROM pairs)"
        )
        (free,) = self._one("SELECT count(*) FROM calls WHERE ours AND asked AND NOT due")
        words = []
        if open_:
            words.append(
                f"{plural(open_, 'request')} near or outside the ends of what is covered: verify the periods beside it together with it"
            )
        if free:
            words.append(
                f"{plural(free, 'call')} that need none: failed, cut, not known to be billed, or without usage"
            )
        if unused:
            words.append(f"columns that are not used: {', '.join(unused[:10])}")
        return Check(
            "requests with a receipt",
            matched,
            matched + missing + open_,
            missing,
            "; ".join(words) or None,
        )

    def _agreement(self, name: str, stated: str, failed: int) -> Check:
        """How many receipts were compared, of those for which both sides state something."""
        (of,) = self._one(
            f"SELECT count(DISTINCT item) FROM batch JOIN pairs USING (item) JOIN calls USING (call) WHERE {stated}"
        )
        return Check(
            name, of - failed, of, failed, None if of else "the record, or the receipts, state none"
        )

    def _counts(self, failed: int) -> Check:
        """The same for counts, with how many could not be compared."""
        any_count = "coalesce(calls.logical, calls.cached, calls.output, calls.reasoning, calls.writes, calls.units) IS NOT NULL"
        check = self._agreement("customer's own counts", any_count, failed)
        (paired,) = self._one("SELECT count(DISTINCT item) FROM pairs")
        if not check.of or paired == check.of:
            return check
        return replace(
            check, not_checked=f"{plural(paired - check.of, 'receipt')} of calls that show no usage"
        )

    def _tell(self, found: Iterator[Finding], *, last: bool = True) -> int:
        """Record findings about items, which are looked at no further if it is the ``last`` one; how many."""
        told = 0
        for finding in found:
            if not self._is_faulty(finding.item):
                if last:
                    self._db.execute("INSERT INTO faulty VALUES (?)", (finding.item,))
                self._findings.add(finding)
                told += 1
        return told

    def _is_faulty(self, item: int | None) -> bool:
        """Whether an item has a fault after which it is not looked at further."""
        found = self._db.execute("SELECT 1 FROM faulty WHERE item = ?", (item,))
        return found.fetchone() is not None

    def _missing(self) -> tuple[int, int]:
        """R-14.1: calls without a receipt: how many are a fault, and how many cannot be told."""
        missing = open_ = 0
        covered = Intervals()
        for start, end in self._batch.covered:
            covered.add(start, end)
        for request, place, first, last, timeless in self._db.execute(queries.WITHOUT_RECEIPT):
            if not self._batch.covered or (not timeless and covered.missing(first, last + 1)):
                open_ += 1
                continue
            missing += 1
            name = "a request" if request is None else f"request '{request}'"
            self._findings.add(
                Finding(
                    "request-without-receipt", f"{name} ({place}) has no receipt", request=request
                )
            )
        return missing, open_

    def _phantoms(self) -> Iterator[Finding]:
        """R-14.2."""
        for row in self._db.execute(queries.PHANTOMS):
            message = f"request '{row[5]}' is not in the customer's record"
            yield about_row("receipt-without-request", message, row)

    def _repeated(self) -> Iterator[Finding]:
        """R-14.3."""
        for row in self._db.execute(queries.REPEATED):
            message = f"item {row[6]} echoes this commitment too, which was sent with one request"
            yield about_row("commitment-repeated", message, row, field="client")

    def _another_id(self) -> Iterator[Finding]:
        """R-14.4."""
        for row in self._db.execute(queries.ANOTHER_ID):
            message = f"the response to the request that it echoes ({row[7]}) names '{row[6]}'"
            yield about_row(
                "request-differs", message, row, field="request", expected=row[6], actual=row[5]
            )

    def _another_commitment(self) -> Iterator[Finding]:
        """R-14.5."""
        for row in self._db.execute(queries.ANOTHER_COMMITMENT):
            message = "the receipt echoes another commitment than the one that was sent"
            yield about_row(
                "commitment-differs",
                message,
                row,
                field="client",
                expected=row[7].hex(),
                actual=row[6].hex(),
            )

    def _closed(self) -> Iterator[Finding]:
        """R-14.6."""
        for row in self._db.execute(queries.CLOSED):
            yield about_row(
                "request-not-billable",
                f"its call failed, or is of a kind that is never billed ({row[6]})",
                row,
            )

    def _different(self) -> dict[str, int]:
        """R-14.7 to R-14.10: how many items have a finding of each code."""
        items = dict.fromkeys(
            ("count-differs", "model-differs", "tier-differs", "usage-differs"), 0
        )
        for item, rows in groupby(self._db.execute(queries.DIFFERENT), itemgetter(0)):
            if self._is_faulty(item):
                continue
            # Two lines of the record may say the same.
            told = {
                found: row
                for row in rows
                for found in differences(
                    Stated(*row[6:17]), Stated(*row[17:28]), self._record.aliases
                )
            }
            for code in {found.code for found in told}:
                items[code] += 1
            for found, row in told.items():
                self._findings.add(
                    about_row(
                        found.code,
                        found.message,
                        row,
                        field=found.field,
                        expected=found.expected,
                        actual=found.actual,
                    )
                )
        return items

    def _untimely(self) -> Iterator[Finding]:
        """R-14.11."""
        for *row, time, first, last in self._db.execute(queries.UNTIMELY):
            expected = f"{first} to {last}"
            message = Difference("time-differs", "time", expected, str(time)).message
            yield about_row("time-differs", message, row, field="time", expected=expected, actual=str(time))  # fmt: skip


def _place(finding: Finding) -> int:
    return -1 if finding.item is None else finding.item


def _not_given(name: str, option: str) -> Check:
    return Check(name, 0, 0, 0, f"no record was given ({option})")

"""The receipts against the customer's own record (verification step 14): what only both sides together can show.

The join is made in a temporary SQLite database on the disk, so that it takes little memory whatever the number of requests.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any, Final

from verifier.customer.received import Fetch, ReceivedReceipts, about_row
from verifier.customer.record import Record, read_requests
from verifier.customer.temporary import errors_of_the_disk
from verifier.item.policy import Policy
from verifier.order.index import RowBlock
from verifier.report.findings import Conflict, Finding, Findings, plural
from verifier.report.model import Check

EDGE_MS: Final = 3_600_000
"""A request of the last hour of the time covered may have its receipt in the next period."""
START_MS: Final = 300_000
"""One of the first five minutes may have it in the period before: the customer's clock may be ahead."""
_COUNTS: Final = ("logical", "cached", "output", "reasoning")
_SCHEMA: Final = """
CREATE TABLE batch (issuer TEXT, account TEXT, stream TEXT, sequence TEXT, digest BLOB, request TEXT, item INTEGER, offset INTEGER,
                    client BLOB, logical TEXT, cached TEXT, output TEXT, reasoning TEXT, fingerprint BLOB);
CREATE TABLE requests (request TEXT, place TEXT, time INTEGER, commitment BLOB, logical TEXT, cached TEXT, output TEXT,
                       reasoning TEXT);
CREATE TABLE received (issuer TEXT, account TEXT, stream TEXT, sequence TEXT, digest BLOB, request TEXT, place TEXT, time INTEGER,
                       raw BLOB);
"""
Period = tuple[int, int]


class Reconciliation:
    """The join of a batch with the customer's record.

    Args:
        blocks: the collected receipts, with `record.RECORD_COLUMNS`.
        covered: the periods that statements of the batch close, in ms.
        findings: where what is found goes.

    Raises:
        OSError: there is no room for the temporary file.
    """

    @errors_of_the_disk()
    def __init__(
        self, blocks: Iterable[RowBlock], covered: Sequence[Period], findings: Findings
    ) -> None:
        self._covered = covered
        self._findings = findings
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")
        marks = ", ".join("?" * 14)
        self._db.executemany(f"INSERT INTO batch VALUES ({marks})", _batch_rows(blocks))  # noqa: S608
        self._db.execute("CREATE INDEX by_request ON batch (request)")
        self._db.execute("CREATE INDEX by_client ON batch (client)")

    def close(self) -> None:
        """Forget all of it."""
        self._db.close()

    @errors_of_the_disk()
    def requests(self, record: Record) -> list[Check]:
        """R-14.1 to R-14.4: each request has a receipt, each receipt a request; counts and commitments agree.

        Raises:
            RecordError: the record cannot be read.
        """
        if not record.requests:
            return [_not_given("requests and receipts", "--requests")]
        unanswered = self._load_requests(record.requests)
        missing, open_ = self._missing()
        phantoms = self._tell(self._phantoms())
        differing = self._tell(self._differing_counts())
        uncommitted = self._tell(self._differing_commitments())
        requests, matched, receipts, compared, committed = self._numbers()
        words = []
        if open_:
            words.append(
                f"{plural(open_, 'request')} near or outside the ends of what is covered: verify the periods beside it together with it"
            )
        if unanswered:
            words.append(f"{plural(unanswered, 'request')} without an answer")
        return [
            Check("requests with a receipt", matched, requests, missing, "; ".join(words) or None),
            Check("receipts with a request", receipts - phantoms, receipts, phantoms),
            _agreement("customer's own counts", compared, differing, "the record states none"),
            _agreement("commitments echoed", committed, uncommitted, "none was sent and echoed"),
        ]

    def _tell(self, found: Iterator[Finding]) -> int:
        """Record findings; how many items they name."""
        items = 0
        last: int | None = None
        for finding in found:
            self._findings.add(finding)
            items += finding.item != last
            last = finding.item
        return items

    def _load_requests(self, paths: Iterable[str]) -> int:
        """The customer's requests; how many were not answered. What two lines say of one is compared line by line; it counts once."""
        unanswered = 0

        def rows() -> Iterator[tuple[Any, ...]]:
            nonlocal unanswered
            for path in paths:
                for one in read_requests(path):
                    unanswered += one.request is None
                    counts = [_stated(one.counts.get(name)) for name in _COUNTS]
                    yield one.request, one.where, one.time, one.commitment, *counts

        self._db.executemany("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows())
        self._db.execute("CREATE INDEX requested ON requests (request)")
        self._db.execute("CREATE INDEX committed ON requests (commitment)")
        return unanswered

    def _missing(self) -> tuple[int, int]:
        """R-14.1: requests without a receipt: how many are a fault, and how many cannot be told."""
        missing = open_ = 0
        for request, place, time in self._db.execute(
            "SELECT request, min(place), max(time) FROM requests WHERE request NOT IN (SELECT request FROM batch)"
            " AND (commitment IS NULL OR commitment NOT IN (SELECT client FROM batch WHERE client IS NOT NULL))"
            " GROUP BY request ORDER BY min(rowid)"
        ):
            if not self._is_due(time):
                open_ += 1
                continue
            missing += 1
            message = f"request {request!r} ({place}) has no receipt"
            self._findings.add(Finding("request-without-receipt", message, request=request))
        return missing, open_

    def _is_due(self, time: int | None) -> bool:
        """Whether the receipt of a request of this time must be in the batch."""
        if time is None:
            return bool(self._covered)
        first = min((start for start, _ in self._covered), default=0)
        last = max((end for _, end in self._covered), default=0)
        return any(
            max(start, first + START_MS) <= time < min(end, last - EDGE_MS)
            for start, end in self._covered
        )

    def _phantoms(self) -> Iterator[Finding]:
        """R-14.2."""
        for row in self._db.execute(
            "SELECT item, issuer, account, stream, sequence, request FROM batch"
            " WHERE request NOT IN (SELECT request FROM requests WHERE request IS NOT NULL)"
            " AND (client IS NULL OR client NOT IN (SELECT commitment FROM requests WHERE commitment IS NOT NULL)) ORDER BY item"
        ):
            message = f"request {row[5]!r} is not in the customer's record"
            yield about_row("receipt-without-request", message, row)

    def _differing_counts(self) -> Iterator[Finding]:
        """R-14.3."""
        columns = ", ".join(f"b.{name}, r.{name}" for name in _COUNTS)
        for row in self._db.execute(
            f"SELECT b.item, b.issuer, b.account, b.stream, b.sequence, b.request, {columns}"  # noqa: S608
            " FROM batch b JOIN requests r USING (request) ORDER BY b.item"
        ):
            for i, name in enumerate(_COUNTS):
                theirs, ours = row[6 + 2 * i : 8 + 2 * i]
                if ours is not None and theirs != ours:
                    message = f"{name}: the customer counted {ours}, the receipt says {theirs or 'nothing'}"
                    yield about_row(
                        "count-differs", message, row, field=name, expected=ours, actual=theirs or "nothing"
                    )  # fmt: skip

    def _differing_commitments(self) -> Iterator[Finding]:
        """R-14.4."""
        for row in self._db.execute(
            "SELECT b.item, b.issuer, b.account, b.stream, b.sequence, b.request, b.client, r.commitment"
            " FROM batch b JOIN requests r USING (request) WHERE b.client <> r.commitment ORDER BY b.item"
        ):
            message = "the receipt echoes another commitment than the one that was sent"
            client, commitment = row[6:]
            yield about_row(
                "commitment-differs", message, row, field="client", expected=commitment.hex(), actual=client.hex()
            )  # fmt: skip

    def _numbers(self) -> tuple[int, ...]:
        """Requests, those with a receipt, receipts, receipts with counts to compare, receipts with a commitment to compare."""
        stated = " OR ".join(f"r.{name} IS NOT NULL" for name in _COUNTS)
        queries = (
            "SELECT count(DISTINCT request) FROM requests",
            (
                "SELECT count(DISTINCT request) FROM requests WHERE request IN (SELECT request FROM batch)"
                " OR (request IS NOT NULL AND commitment IN (SELECT client FROM batch WHERE client IS NOT NULL))"
            ),
            "SELECT count(*) FROM batch",
            f"SELECT count(DISTINCT b.item) FROM batch b JOIN requests r USING (request) WHERE {stated}",  # noqa: S608
            "SELECT count(DISTINCT b.item) FROM batch b JOIN requests r USING (request) WHERE b.client + r.commitment IS NOT NULL",
        )
        return tuple(self._db.execute(query).fetchone()[0] for query in queries)

    @errors_of_the_disk()
    def received(
        self,
        record: Record,
        policy: Policy,
        accounts: Set[tuple[str, str]],
        fetch: Fetch,
        *,
        signatures: bool,
    ) -> tuple[Check, list[Conflict]]:
        """R-14.5 and R-14.6: each receipt that came in-band is in the batch, byte for byte.

        Raises:
            RecordError: the record cannot be read.
            OSError: the batch cannot be read once more.
        """
        if not record.received:
            return _not_given("receipts received", "--received"), []
        batch = ReceivedReceipts(
            self._db, self._covered, self._findings, policy, accounts, fetch, signatures=signatures
        )
        return batch.compare(record.received)


def _batch_rows(blocks: Iterable[RowBlock]) -> Iterator[tuple[Any, ...]]:
    for block in blocks:
        names = block.issuer, block.account, block.stream
        columns = block.columns
        rows = zip(
            range(block.first, block.next), block.digests(), columns["request"], block.items, block.offsets,
            columns["client"], *(columns[name] for name in _COUNTS), columns["fingerprint"], strict=True,
        )  # fmt: skip
        for sequence, digest, request, item, offset, client, *counts, fingerprint in rows:
            stated = [_stated(count) for count in counts]
            yield *names, str(sequence), digest, request, item, offset, client, *stated, fingerprint


def _stated(count: int | None) -> str | None:
    """A count as text, since SQLite's integers end at 2^63."""
    return None if count is None else str(count)


def _not_given(name: str, option: str) -> Check:
    return Check(name, 0, 0, 0, f"no record was given ({option})")


def _agreement(name: str, compared: int, failed: int, otherwise: str) -> Check:
    return Check(name, compared - failed, compared, failed, None if compared else otherwise)

"""The receipts against the customer's own record (verification step 14): what only both sides together can show.

The join is made in a temporary SQLite database on the disk, so that it takes little memory whatever the number of requests.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from verifier.batch import BatchFile
from verifier.chain import Conflict
from verifier.claims import Receipt
from verifier.envelope import open_envelope
from verifier.findings import Finding
from verifier.item import Policy, open_item
from verifier.reading import readable_items
from verifier.record import Record, read_received, read_requests
from verifier.report import Check
from verifier.words import plural

EDGE_MS: Final = 3_600_000
"""A request of the last hour of the time covered may have its receipt in the next period."""
START_MS: Final = 300_000
"""One of the first five minutes may have it in the period before: the customer's clock may be ahead."""
_COUNTS: Final = ("logical", "cached", "output", "reasoning")
_SCHEMA: Final = """
CREATE TABLE batch (issuer TEXT, account TEXT, stream TEXT, sequence TEXT, digest BLOB, request TEXT, item INTEGER, time INTEGER,
                    client BLOB, logical TEXT, cached TEXT, output TEXT, reasoning TEXT, raw BLOB);
CREATE TABLE requests (request TEXT, place TEXT, time INTEGER, commitment BLOB, logical TEXT, cached TEXT, output TEXT,
                       reasoning TEXT);
CREATE INDEX requested ON requests (request);
CREATE INDEX committed ON requests (commitment);
CREATE TABLE received (issuer TEXT, account TEXT, stream TEXT, sequence TEXT, digest BLOB, request TEXT, place TEXT, time INTEGER,
                       raw BLOB);
"""
Period = tuple[int, int]


@dataclass(slots=True)
class TwoSided:
    """What came of the comparison."""

    findings: list[Finding] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)


def compare(
    sources: Sequence[BatchFile], policy: Policy, record: Record, covered: Sequence[Period]
) -> TwoSided:
    """Hold the receipts against a record.

    Args:
        sources: the files of the batch.
        policy: the trusted keys, for the received receipts.
        record: the customer's files.
        covered: the periods that statements of the batch close, in ms.

    Raises:
        RecordError: the record cannot be read.
        OSError: a file cannot be read, or there is no room for the temporary file.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.executescript(_SCHEMA)
        db.execute("BEGIN")
        table = _Join(db, covered)
        table.load_batch(sources)
        found = TwoSided()
        if record.requests:
            table.load_requests(record.requests)
            table.compare_requests(found)
        else:
            found.checks.append(_not_given("requests and receipts", "--requests"))
        if record.received:
            table.load_received(record.received, policy, found)
            table.compare_received(policy, found)
        else:
            found.checks.append(_not_given("receipts received", "--received"))
        return found


def _not_given(name: str, option: str) -> Check:
    return Check(name, 0, 0, 0, f"no record was given ({option})")


class _Join:
    def __init__(self, db: sqlite3.Connection, covered: Sequence[Period]) -> None:
        self.db = db
        self.covered = covered
        self.withheld = 0
        self.unanswered = 0
        self.invalid = 0

    def load_batch(self, sources: Sequence[BatchFile]) -> None:
        """All readable receipts of the batch. Copies are a fault of their own, which step 9 tells."""
        self.db.executemany(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            self._batch_rows(sources),
        )
        self.db.execute("CREATE INDEX by_request ON batch (request)")
        self.db.execute("CREATE INDEX by_place ON batch (stream, sequence)")

    def _batch_rows(self, sources: Sequence[BatchFile]) -> Iterator[tuple[Any, ...]]:
        for item in readable_items(sources):
            claims = item.claims
            if isinstance(claims, Receipt):
                yield (
                    claims.issuer, claims.account, claims.stream, str(claims.sequence),
                    open_envelope(item.raw).digest, claims.request, item.number, claims.time, claims.client,
                    *_stated([claims.logical, claims.cached, claims.output, claims.reasoning]), item.raw,
                )  # fmt: skip
            else:
                self.withheld += (
                    item.kind is not None and item.claims is None and item.fault is None
                )

    def load_requests(self, paths: Iterable[str]) -> None:
        """The customer's requests. What two lines say about one of them is compared line by line; it counts once."""
        self.db.executemany(
            "INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._request_rows(paths)
        )

    def _request_rows(self, paths: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        for path in paths:
            for one in read_requests(path):
                counts = _stated([one.counts.get(name) for name in _COUNTS])
                self.unanswered += one.request is None
                yield one.request, one.where, one.time, one.commitment, *counts

    def compare_requests(self, found: TwoSided) -> None:
        """Each request has a receipt, each receipt a request; counts and commitments agree."""
        missing, open_ = self._missing(found)
        phantom = list(self._phantoms())
        differing = list(self._differing())
        found.findings += [*phantom, *differing]
        requests, matched, receipts, compared, committed = self._numbers()
        words = (
            [
                f"{plural(open_, 'request')} near or outside the ends of what is covered: verify the periods beside it together with it"
            ]
            if open_
            else []
        )
        words += (
            [f"{plural(self.unanswered, 'request')} without an answer"] if self.unanswered else []
        )
        found.checks += [
            Check("requests with a receipt", matched, requests, missing, "; ".join(words) or None),
            Check("receipts with a request", receipts - len(phantom), receipts + self.withheld, len(phantom),
                  f"{plural(self.withheld, 'receipt')} withheld" if self.withheld else None),
            _agreement("customer's own counts", compared, differing, "count-differs", "the record states none"),
            _agreement("commitments echoed", committed, differing, "commitment-differs", "none was sent and echoed"),
        ]  # fmt: skip

    def _missing(self, found: TwoSided) -> tuple[int, int]:
        """Requests without a receipt: how many are a fault, and how many cannot be told."""
        missing = open_ = 0
        for request, place, time in self.db.execute(
            "SELECT request, min(place), max(time) FROM requests WHERE request NOT IN (SELECT request FROM batch)"
            " AND (commitment IS NULL OR commitment NOT IN (SELECT client FROM batch WHERE client IS NOT NULL))"
            " GROUP BY request ORDER BY min(rowid)"
        ):
            if not self._within(time):
                open_ += 1
                continue
            missing += 1
            message = f"request {request!r} ({place}) has no receipt"
            found.findings.append(Finding("request-without-receipt", message, request=request))
        return missing, open_

    def _within(self, time: int | None) -> bool:
        """Whether the receipt of a request of this time must be in the batch."""
        if time is None:
            return bool(self.covered)
        first = min((start for start, _ in self.covered), default=0)
        last = max((end for _, end in self.covered), default=0)
        return any(
            max(start, first + START_MS) <= time < min(end, last - EDGE_MS)
            for start, end in self.covered
        )

    def _phantoms(self) -> Iterator[Finding]:
        for row in self.db.execute(
            "SELECT item, issuer, account, stream, sequence, request FROM batch"
            " WHERE request NOT IN (SELECT request FROM requests WHERE request IS NOT NULL)"
            " AND (client IS NULL OR client NOT IN (SELECT commitment FROM requests WHERE commitment IS NOT NULL)) ORDER BY item"
        ):
            message = f"request {row[5]!r} is not in the customer's record"
            yield _finding("receipt-without-request", message, row)

    def _differing(self) -> Iterator[Finding]:
        columns = ", ".join(f"b.{name}, r.{name}" for name in _COUNTS)
        for row in self.db.execute(
            f"SELECT b.item, b.issuer, b.account, b.stream, b.sequence, b.request, b.client, r.commitment, {columns}"  # noqa: S608
            " FROM batch b JOIN requests r USING (request) ORDER BY b.item"
        ):
            for i, name in enumerate(_COUNTS):
                theirs, ours = row[8 + 2 * i : 10 + 2 * i]
                if ours is not None and theirs != ours:
                    message = f"{name}: the customer counted {ours}, the receipt says {theirs or 'nothing'}"
                    yield _finding("count-differs", message, row, name, ours, theirs or "nothing")
            client, commitment = row[6:8]
            if commitment is not None and client is not None and client != commitment:
                yield _finding(
                    "commitment-differs", "the receipt echoes another commitment than the one that was sent", row,
                    "client", commitment.hex(), client.hex(),
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
        return tuple(self.db.execute(query).fetchone()[0] for query in queries)

    def load_received(self, paths: Iterable[str], policy: Policy, found: TwoSided) -> None:
        """The receipts that came in-band. One that is not validly signed proves nothing."""
        for path in paths:
            for place, raw in read_received(path):
                opened = open_item(raw, policy)
                claims = opened.claims
                if not isinstance(claims, Receipt) or not opened.signed:
                    self.invalid += 1
                    reason = str(opened.faults[0]) if opened.faults else "it is not a receipt"
                    found.findings.append(Finding("received-invalid", f"{place}: {reason}"))
                    continue
                self.db.execute(
                    "INSERT INTO received VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (claims.issuer, claims.account, claims.stream, str(claims.sequence), opened.digest,
                     claims.request, place, claims.time, raw),
                )  # fmt: skip

    def _another(self, row: Sequence[Any], policy: Policy) -> tuple[Any, ...] | None:
        """Another signed receipt of the batch for the request of a received one."""
        found = self.db.execute(
            "SELECT item, issuer, account, stream, sequence, request, raw FROM batch"
            " WHERE request = ? AND issuer = ? AND account = ? ORDER BY item",
            (row[5], row[1], row[2]),
        )
        return next((one for one in found if open_item(one[6], policy).signed), None)

    def compare_received(self, policy: Policy, found: TwoSided) -> None:
        """Each received receipt is in the batch, byte for byte."""
        total = matched = failed = open_ = other_party = 0
        parties = set(self.db.execute("SELECT DISTINCT issuer, account FROM batch"))
        for *row, place, time, raw, item, other, same in self.db.execute(
            "SELECT NULL, r.issuer, r.account, r.stream, r.sequence, r.request, r.place, r.time, r.raw, b.item, b.raw,"
            " max(coalesce(b.digest = r.digest, 0))"
            " FROM received r LEFT JOIN batch b ON (b.stream, b.sequence, b.account, b.issuer)"
            " = (r.stream, r.sequence, r.account, r.issuer) GROUP BY r.rowid ORDER BY r.rowid"
        ):
            if parties and tuple(row[1:3]) not in parties:
                other_party += 1
                continue
            total += 1
            if same:
                matched += 1
            elif other is not None and open_item(other, policy).signed:
                failed += 1
                message = f"the receipt that was received for request {row[5]!r} ({place}) has other claims"
                found.findings.append(_finding("receipt-equivocation", message, [item, *row[1:]]))
                found.conflicts.append(Conflict("receipt-equivocation", raw, other))
            elif again := self._another(row, policy):
                failed += 1
                message = f"another receipt for request {row[5]!r} was received ({place}), at sequence {row[4]} of stream {row[3]!r}"
                found.findings.append(_finding("request-duplicate", message, again))
            elif any(start <= time < end for start, end in self.covered):
                failed += 1
                message = (
                    f"the receipt that was received for request {row[5]!r} ({place}) is not here"
                )
                found.findings.append(_finding("received-omitted", message, row))
            else:
                open_ += 1
        reason = (
            f"{plural(open_, 'receipt')} of a time that no statement here covers" if open_ else None
        )
        if other_party:
            reason = f"{plural(other_party, 'receipt')} of another issuer or account"
        if self.invalid:
            reason = f"{plural(self.invalid, 'received receipt')} not validly signed"
        found.checks.append(
            Check("receipts received", matched, total + self.invalid, failed, reason)
        )


def _agreement(
    name: str, compared: int, findings: list[Finding], code: str, otherwise: str
) -> Check:
    failed = len({finding.item for finding in findings if finding.code == code})
    return Check(name, compared - failed, compared, failed, None if compared else otherwise)


def _finding(
    code: str,
    message: str,
    row: Sequence[Any],
    name: str | None = None,
    expected: Any = None,
    actual: Any = None,
) -> Finding:
    item, issuer, account, stream, sequence, request = row[:6]
    return Finding(
        code, message, item=item, issuer=issuer, account=account, stream=stream, sequence=int(sequence),
        request=request, field=name, expected=expected, actual=actual,
    )  # fmt: skip


def _stated(counts: list[int | None]) -> list[str | None]:
    """Counts as text, since SQLite's integers end at 2^63."""
    return [None if count is None else str(count) for count in counts]

"""Receipts that the customer received in-band, against the batch and against the calls that they came with (R-14.12 to R-14.15)."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from verifier.customer import queries
from verifier.customer.differences import Stated, misfit, stated
from verifier.customer.record import Record, received_receipts
from verifier.customer.subject import VerifiedBatch
from verifier.customer.tables import stated_columns
from verifier.format.claims import Receipt
from verifier.item.correction import contradiction
from verifier.item.opening import Opened, open_item
from verifier.reading.framing import ChangedError, is_item
from verifier.report.findings import Conflict, Finding, Findings, plural
from verifier.report.model import Check

_MOST_OMITTED: Final = 100


class ReceivedReceipts:
    """Receipts that were received in-band, in the database of a batch and a record (`verifier.customer.tables`).

    Args:
        db: the database.
        record: the files, and how they are compared.
        batch: what it is held against.
        findings: where what is found goes.
    """

    def __init__(
        self, db: sqlite3.Connection, record: Record, batch: VerifiedBatch, findings: Findings
    ) -> None:
        self._db = db
        self._record = record
        self._batch = batch
        self._findings = findings
        self._policy = replace(batch.policy, account=None)  # of which account it is, is told apart
        self._another = lru_cache(maxsize=1000)(self._find_another)
        self.conflicts: list[Conflict] = []
        """Proofs of equivocation."""
        self.omitted: list[bytes] = []
        """Some of the receipts that the batch should have, and has not."""
        self._matched = self._failed = self._open = self._invalid = self._other_party = 0

    def load(self, tied: Collection[str]) -> None:
        """Note which receipts came, and with which call; R-14.12.

        Args:
            tied: the files of calls that have receipts with them.

        Raises:
            RecordError: a file cannot be read.
            OSError: there is no room.
        """
        for path, number, place, raw in received_receipts(self._record, tied):
            found = self._db.execute(
                "SELECT call FROM calls WHERE file = ? AND number = ?", (path, number)
            ).fetchone()
            call = None if found is None else found[0]
            same = self._db.execute(
                "SELECT item FROM receipts WHERE fingerprint = ? LIMIT 1", (sha256(raw).digest(),)
            ).fetchone()
            if same is not None:  # the same bytes: nothing about them is left to check
                self._matched += 1
                self._keep(call, same[0], place, None, ours=True)
            else:
                self._open_received(call, place, raw)
        self._db.execute("CREATE INDEX received_call ON received (call)")

    def _keep(
        self, call: int | None, item: int | None, place: str, raw: bytes | None, *, ours: bool
    ) -> None:
        values = (call, item, place, raw, ours)
        self._db.execute("INSERT INTO received VALUES (?, ?, ?, ?, ?)", values)

    def _open_received(self, call: int | None, place: str, raw: bytes) -> None:
        if not is_item(raw):
            self._invalid += 1
            self._findings.add(Finding("received-invalid", f"{place}: it is not one CBOR item"))
            return
        opened = open_item(raw, self._policy, identities=False)
        claims = opened.claims
        if opened.lost or not isinstance(claims, Receipt) or opened.faults:
            self._invalid += 1
            reason = str(opened.faults[0]) if opened.faults else "it is not a receipt"
            self._findings.add(Finding("received-invalid", f"{place}: {reason}"))
        else:
            self._keep(call, None, place, raw, ours=self._is_ours(claims))

    def compare(self) -> list[Check]:
        """R-14.13 to R-14.15.

        Raises:
            OSError: the batch cannot be read once more.
        """
        self._db.execute("CREATE INDEX receipts_place ON receipts (stream, sequence)")
        fitting, misfits = self._fitting_in_batch()
        for call, place, raw in self._db.execute(
            "SELECT call, place, raw FROM received WHERE raw IS NOT NULL ORDER BY rowid"
        ):
            opened = open_item(raw, self._policy, identities=False)
            claims = opened.claims
            if not isinstance(claims, Receipt):
                raise ChangedError("the record changed while it was read")
            seen = self._call(call)
            if seen is not None and not self._is_of_a_correction(claims, opened.digest):
                fits = self._fits(place, claims, *seen)
                fitting, misfits = fitting + fits, misfits + (not fits)
            if not self._is_ours(claims):
                self._other_party += 1
            else:
                self._compare(place, raw, claims, opened)
        without = self._without()
        of = fitting + misfits
        missing = f"{plural(without, 'call')} without one" if without else None
        return [
            self._check(),
            Check(
                "receipts fit their calls",
                fitting,
                of,
                misfits,
                missing or (None if of else "none came with a call"),
            ),
        ]

    def _fitting_in_batch(self) -> tuple[int, int]:
        """Of the received receipts that are in the batch, byte for byte: how many are of the call that they came with, and how many not."""
        misfits = 0
        for row in self._db.execute(queries.MISPLACED).fetchall():
            place, window, closed = row[7], row[8:10], bool(row[10])
            difference = misfit(
                Stated(*row[11:22]), row[6], Stated(*row[22:33]), window, self._record.aliases, closed=closed
            )  # fmt: skip
            if difference is not None:
                misfits += 1
                self._findings.add(about_row("received-differs", f"{place}: {difference.message}", row, field=difference.field,
                                             expected=difference.expected, actual=difference.actual))  # fmt: skip
        (of,) = self._db.execute(
            "SELECT count(*) FROM received JOIN calls USING (call) WHERE item IS NOT NULL AND ours"
        ).fetchone()
        return of - misfits, misfits

    def _call(self, call: int | None) -> tuple[Stated, tuple[int | None, int | None], bool] | None:
        """A call of the account, when its receipt can be, and whether it is closed to receipts."""
        row = self._db.execute(
            f"SELECT first, last, closed, {stated_columns('calls')} FROM calls WHERE call = ? AND ours AND NOT replay",
            (call,),
        ).fetchone()
        return None if row is None else (Stated(*row[3:]), (row[0], row[1]), bool(row[2]))

    def _fits(
        self,
        place: str,
        claims: Receipt,
        call: Stated,
        window: tuple[int | None, int | None],
        closed: bool,
    ) -> bool:
        """R-14.14."""
        if not self._is_ours(claims):
            ((issuer, account),) = self._batch.accounts or ((claims.issuer, self._batch.account),)
            field = "issuer" if claims.issuer != issuer else "account"
            expected, actual = str(issuer if field == "issuer" else account), getattr(claims, field)
        else:
            difference = misfit(
                stated(claims), claims.time, call, window, self._record.aliases, closed=closed
            )
            if difference is None:
                return True
            field, expected, actual = difference[1:]
        words = f"the customer has {expected}, the receipt that came says {actual}"
        values = {"field": field, "expected": expected, "actual": actual}
        found = Finding.about(claims, "received-differs", f"{place}: {field}: {words}", **values)
        self._findings.add(found)
        return False

    def _is_of_a_correction(self, claims: Receipt, digest: bytes) -> bool:
        """Whether it is a correction, or was corrected in the batch: then it need not fit the call that it came with."""
        corrected = self._db.execute("SELECT 1 FROM receipts WHERE corrects = ?", (digest,))
        return claims.corrects is not None or corrected.fetchone() is not None

    def _is_ours(self, claims: Receipt) -> bool:
        """Whether a receipt is of the issuer and the account of the batch."""
        if self._batch.accounts:
            return (claims.issuer, claims.account) in self._batch.accounts
        return self._batch.account in (None, claims.account)

    def _without(self) -> int:
        """R-14.15."""
        count, place = self._db.execute(queries.WITHOUT_RECEIVED).fetchone()
        if count:
            self._findings.add(Finding("received-missing", f"no receipt came with the response, first of {place}", count=count))  # fmt: skip
        return int(count)

    def _compare(self, place: str, raw: bytes, claims: Receipt, opened: Opened) -> None:
        """R-14.13."""
        there = self._db.execute(
            "SELECT item, offset, digest, request FROM receipts WHERE (stream, sequence, account, issuer) = (?, ?, ?, ?)",
            (claims.stream, str(claims.sequence), claims.account, claims.issuer),
        ).fetchone()
        self._compare_correction(claims, opened.digest)
        if there is not None and there[2] == opened.digest:
            self._matched += 1
        elif there is not None and (other := self._signed(*there[:3])):
            self._failed += 1
            message = f"the receipt that was received for request '{claims.request}' ({place}) has other claims"
            self._tell("receipt-equivocation", message, claims, item=there[0], request=there[3])
            self.conflicts.append(Conflict("receipt-equivocation", raw, other))
        elif again := self._another(*self._twin(claims)):
            self._failed += 1
            row, other = again
            code = "request-duplicate" if claims.corrects is None else "correction-repeated"
            message = f"another one was received ({place}), at sequence {claims.sequence} of stream '{claims.stream}'"
            self._findings.add(about_row(code, message, row, rule="R-14.13"))
            self.conflicts.append(Conflict(code, raw, other))
        elif any(start <= claims.time < end for start, end in self._batch.covered):
            self._failed += 1
            message = f"the receipt that was received for request '{claims.request}' ({place}) is not here"
            self._tell("received-omitted", message, claims)
            if len(self.omitted) < _MOST_OMITTED:
                self.omitted.append(raw)
        else:
            self._open += 1

    def _compare_correction(self, claims: Receipt, digest: bytes) -> None:
        """R-9.10, for a correction in the batch of a received receipt that is not there."""
        for item, offset, own in self._db.execute(
            "SELECT item, offset, digest FROM receipts WHERE corrects = ? AND NOT EXISTS"
            " (SELECT 1 FROM receipts before WHERE before.digest = receipts.corrects)",
            (digest,),
        ):
            raw = self._signed(item, offset, own)
            later = None if raw is None else open_item(raw, self._policy, signatures=False).claims
            found = contradiction(claims, later) if isinstance(later, Receipt) else None
            if isinstance(later, Receipt) and found is not None:
                message = f"{found.field}: the received receipt has {found.expected}, its correction {found.actual}"
                self._findings.add(Finding.about(later, "correction-differs", message, item=item, **found._asdict()))  # fmt: skip

    def _tell(self, code: str, message: str, claims: Receipt, **place: Any) -> None:
        self._findings.add(Finding.about(claims, code, message, rule="R-14.13", **place))

    def _signed(self, item: int, offset: int, digest: bytes) -> bytes | None:
        """The bytes of a receipt of the batch, if it is validly signed."""
        raw = self._batch.fetch(item, offset)
        opened = open_item(raw, self._policy, signatures=self._batch.signatures)
        if opened.digest != digest:
            raise ChangedError("the input changed while it was read")
        return raw if opened.signed else None

    def _twin(self, claims: Receipt) -> tuple[str, str, str | bytes]:
        """Account and request, or the digest of what it corrects: what there is one receipt of."""
        key = claims.request if claims.corrects is None else claims.corrects.receipt
        return claims.issuer, claims.account, key

    def _find_another(
        self, issuer: str, account: str, key: str | bytes
    ) -> tuple[tuple[Any, ...], bytes] | None:
        """A signed receipt of the batch for a request, or a correction of a receipt, and its bytes."""
        own = "corrects = ?" if isinstance(key, bytes) else "corrects IS NULL AND request = ?"
        for *row, offset, digest in self._db.execute(
            "SELECT item, issuer, account, stream, sequence, request, offset, digest FROM receipts"
            f" WHERE {own} AND issuer = ? AND account = ? ORDER BY item",
            (key, issuer, account),
        ):
            if raw := self._signed(row[0], offset, digest):
                return tuple(row), raw
        return None

    def _check(self) -> Check:
        reasons = [
            f"{plural(count, 'receipt')} {what}"
            for count, what in (
                (self._open, "of a time that no statement here covers"),
                (self._other_party, "of another issuer or account"),
                (self._invalid, "not validly signed"),
            )
            if count
        ]
        of = self._matched + self._failed + self._open + self._invalid
        why = "; ".join(reasons) or (None if of else "the record has none (--received)")
        return Check("receipts received", self._matched, of, self._failed, why)


def about_row(code: str, message: str, row: Sequence[Any], **place: Any) -> Finding:
    """A finding about a receipt, by a row that begins with item, issuer, account, stream, sequence and request."""
    item, issuer, account, stream, sequence, request = row[:6]
    return Finding(
        code, message, item=item, issuer=issuer, account=account, stream=stream, sequence=int(sequence),
        request=request, **place,
    )  # fmt: skip

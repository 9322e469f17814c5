"""Receipts that the customer received in-band, against the batch (verification step 14, R-14.5 and R-14.6)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

from verifier.customer.record import read_received
from verifier.format.claims import Receipt
from verifier.item.opening import Opened, open_item
from verifier.item.policy import Policy
from verifier.reading.framing import ChangedError
from verifier.report.findings import Conflict, Finding, Findings, plural
from verifier.report.model import Check

Fetch = Callable[[int, int], bytes]
"""Takes the number of an item and its offset, and returns its bytes once more."""


class ReceivedReceipts:
    """Receipts that were received in-band, held against a batch in a database.

    Args:
        db: has the table ``batch`` of `Reconciliation`.
        covered: the periods that statements of the batch close, in ms.
        findings: where what is found goes.
        policy: the trusted keys.
        accounts: issuer and account of the batch.
        signatures: whether those of the batch's receipts were checked (R-5.3).
        fetch: gets the bytes of an item of the batch.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        covered: Sequence[tuple[int, int]],
        findings: Findings,
        policy: Policy,
        accounts: Set[tuple[str, str]],
        fetch: Fetch,
        *,
        signatures: bool,
    ) -> None:
        self._db = db
        self._covered = covered
        self._findings = findings
        self._policy = replace(policy, account=None)  # of which account it is, is told apart
        self._accounts = accounts
        self._fetch = fetch
        self._signatures = signatures
        self._another = lru_cache(maxsize=1000)(self._find_another)
        self._conflicts: list[Conflict] = []
        self._matched = self._failed = self._open = self._invalid = self._other_party = 0

    def compare(self, paths: Iterable[str]) -> tuple[Check, list[Conflict]]:
        """Hold the receipts in files against the batch.

        Raises:
            RecordError: a file cannot be read.
            OSError: the batch cannot be read once more.
        """
        self._db.execute("CREATE INDEX by_fingerprint ON batch (fingerprint)")
        self._db.execute("CREATE INDEX by_place ON batch (stream, sequence)")
        for path in paths:
            for place, raw in read_received(path):
                if self._is_in_batch(raw):
                    self._matched += 1
                else:
                    self._look(place, raw)
        return self._check(), self._conflicts

    def _is_in_batch(self, raw: bytes) -> bool:
        """Whether the batch has the same bytes, so that nothing about them is left to check."""
        found = self._db.execute(
            "SELECT 1 FROM batch WHERE fingerprint = ? LIMIT 1", (sha256(raw).digest(),)
        )
        return found.fetchone() is not None

    def _look(self, place: str, raw: bytes) -> None:
        """One that the batch does not have, or not with these bytes."""
        opened = open_item(raw, self._policy, identities=False)
        claims = opened.claims
        if opened.lost or not isinstance(claims, Receipt) or opened.faults:
            self._invalid += 1
            reason = str(opened.faults[0]) if opened.faults else "it is not a receipt"
            self._findings.add(Finding("received-invalid", f"{place}: {reason}"))
        elif self._accounts and (claims.issuer, claims.account) not in self._accounts:
            self._other_party += 1
        else:
            self._compare(place, raw, claims, opened)

    def _compare(self, place: str, raw: bytes, claims: Receipt, opened: Opened) -> None:
        """R-14.6."""
        there = self._db.execute(
            "SELECT item, offset, digest FROM batch WHERE (stream, sequence, account, issuer) = (?, ?, ?, ?)",
            (claims.stream, str(claims.sequence), claims.account, claims.issuer),
        ).fetchone()
        if there is not None and there[2] == opened.digest:
            self._matched += 1
        elif there is not None and (other := self._signed(*there)):
            self._failed += 1
            message = f"the receipt that was received for request {claims.request!r} ({place}) has other claims"
            self._tell("receipt-equivocation", message, claims, there[0])
            self._conflicts.append(Conflict("receipt-equivocation", raw, other))
        elif again := self._another(claims.issuer, claims.account, claims.request):
            self._failed += 1
            message = f"another receipt for request {claims.request!r} was received ({place}), at sequence {claims.sequence} of stream {claims.stream!r}"
            self._findings.add(about_row("request-duplicate", message, again, rule="R-14.6"))
        elif any(start <= claims.time < end for start, end in self._covered):
            self._failed += 1
            message = f"the receipt that was received for request {claims.request!r} ({place}) is not here"
            self._tell("received-omitted", message, claims, None)
        else:
            self._open += 1

    def _tell(self, code: str, message: str, claims: Receipt, item: int | None) -> None:
        self._findings.add(Finding.about(claims, code, message, item=item, rule="R-14.6"))

    def _signed(self, item: int, offset: int, digest: bytes) -> bytes | None:
        """The bytes of a receipt of the batch, if it is validly signed."""
        raw = self._fetch(item, offset)
        opened = open_item(raw, self._policy, signatures=self._signatures)
        if opened.digest != digest:
            raise ChangedError("the input changed while it was read")
        return raw if opened.signed else None

    def _find_another(self, issuer: str, account: str, request: str) -> tuple[Any, ...] | None:
        """A signed receipt of the batch for a request."""
        for *row, offset, digest in self._db.execute(
            "SELECT item, issuer, account, stream, sequence, request, offset, digest FROM batch"
            " WHERE request = ? AND issuer = ? AND account = ? ORDER BY item",
            (request, issuer, account),
        ):
            if self._signed(row[0], offset, digest):
                return tuple(row)
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
        return Check(
            "receipts received", self._matched, of, self._failed, "; ".join(reasons) or None
        )


def about_row(code: str, message: str, row: Sequence[Any], **place: Any) -> Finding:
    """A finding about a receipt, by a row that begins with item, issuer, account, stream, sequence and request."""
    item, issuer, account, stream, sequence, request = row[:6]
    return Finding(
        code, message, item=item, issuer=issuer, account=account, stream=stream, sequence=int(sequence),
        request=request, **place,
    )  # fmt: skip

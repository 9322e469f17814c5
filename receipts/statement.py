"""Closing a period: every stream, its Merkle root, the totals, under one signature (spec/statement.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import cbor2

from receipts import limits
from receipts.errors import ReceiptError
from receipts.keys import KeySource
from receipts.labels import STATEMENT as LABELS
from receipts.labels import STREAM
from receipts.merkle import Tree
from receipts.request import Billed
from receipts.signing import STATEMENT, Signed, Signer
from receipts.totals import Totals

REGULAR: Final = 0
LATE: Final = 1


@dataclass(frozen=True, slots=True)
class Previous:
    """The last statement of the account, and what the chain up to it says.

    Attributes:
        number: its number.
        digest: its digest.
        end: the end of the last regular period, in ms.
        streams: by stream, the sequence that comes next. Streams that are not in it are not checked.
    """

    number: int
    digest: bytes
    end: int
    streams: Mapping[str, int] = field(default_factory=dict)


class _Stream:
    """The receipts of one stream so far."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.head = b""
        self.tree = Tree()

    @property
    def next(self) -> int:
        return self.first + self.tree.size

    def add(self, digest: bytes) -> None:
        self.tree.append(digest)
        self.head = digest

    def claims(self, name: str) -> dict[int, Any]:
        return {
            STREAM["stream"]: name,
            STREAM["first"]: self.first,
            STREAM["count"]: self.tree.size,
            STREAM["root"]: self.tree.root(),
            STREAM["head"]: self.head,
        }


class Period:
    """A period that is being closed: add its receipts, in the order of their streams, then sign.

    Args:
        issuer: as in the receipts.
        account: as in the receipts.
        start: of the period, in ms.
        end: of the period, in ms, exclusive.
        kind: `REGULAR`, or `LATE` for receipts of a time that is closed already.
        previous: the statement before; None for the first one of the account.

    Raises:
        ReceiptError: a field breaks a rule, or the period does not continue where the previous one ended.
    """

    def __init__(
        self,
        issuer: str,
        account: str,
        start: int,
        end: int,
        *,
        kind: int = REGULAR,
        previous: Previous | None = None,
    ) -> None:
        self.issuer, self.account = limits.name("issuer", issuer), limits.name("account", account)
        self.start = limits.instant("start", start)
        self.end = limits.uint("end", end, start + 1, limits.MAX_TIME)
        self.kind = limits.uint("kind", kind, most=LATE)
        self.previous = previous
        self._check_place()
        self._streams: dict[str, _Stream] = {}
        self._totals = Totals()

    def _check_place(self) -> None:
        if self.previous is None:
            if self.kind == LATE:
                raise ReceiptError("kind", "a regular statement first", "late")
            return
        limits.digest("previous", self.previous.digest)
        limits.uint("number", self.number)
        end = self.previous.end
        if self.kind == REGULAR and self.start != end:
            raise ReceiptError("start", f"the end of the last period, {end}", self.start)
        if self.kind == LATE and self.end > end:
            raise ReceiptError("end", f"a closed time, at most {end}", self.end)

    def add(
        self,
        stream: str,
        sequence: int,
        digest: bytes,
        time: int,
        billed: Billed,
        corrects: Billed | None = None,
    ) -> None:
        """Add the next receipt of a stream.

        Args:
            stream: where the receipt stands.
            sequence: its place there.
            digest: the receipt's.
            time: the receipt's, in ms.
            billed: its counts and the amount of its charge.
            corrects: what the receipt billed that it corrects, if it corrects one.

        Raises:
            ReceiptError: the time is outside the period, or the sequence is not the next one.
        """
        if not self.start <= time < self.end:
            raise ReceiptError("time", f"{self.start} to {self.end - 1}", time)
        limits.digest("digest", digest)
        entry = self._streams.get(stream) or _Stream(self._first(stream, sequence))
        if limits.uint("sequence", sequence) != entry.next:
            raise ReceiptError("sequence", entry.next, sequence)
        self._totals.add(billed, corrects)
        self._streams[limits.name("stream", stream)] = entry
        entry.add(digest)

    def _first(self, stream: str, sequence: int) -> int:
        expected = 0 if self.previous is None else self.previous.streams.get(stream, sequence)
        if sequence != expected:
            raise ReceiptError(
                f"sequence of the first receipt of stream {stream!r}", expected, sequence
            )
        return sequence

    @property
    def number(self) -> int:
        """The number that the statement gets."""
        return 0 if self.previous is None else self.previous.number + 1

    @property
    def receipts(self) -> int:
        """How many receipts were added."""
        return sum(entry.tree.size for entry in self._streams.values())

    @property
    def streams(self) -> int:
        """How many streams they are of."""
        return len(self._streams)

    def sign(self, key: KeySource) -> Signed:
        """The statement over the receipts that were added.

        Raises:
            NoKeyError: no key may sign for this period.
            ReceiptError: there are more streams, or larger totals, than a statement can hold.
        """
        content = limits.content("statement", cbor2.dumps(self._claims()), limits.MAX_STATEMENT)
        private = key.for_statement(self.end).private
        return Signer(private, STATEMENT, (self.issuer, self.account)).sign(content)

    def _claims(self) -> dict[int, Any]:
        if len(self._streams) > limits.MAX_STREAMS:
            raise ReceiptError("streams", f"at most {limits.MAX_STREAMS}", len(self._streams))
        claims: dict[str, Any] = {
            "version": limits.VERSION,
            "issuer": self.issuer,
            "account": self.account,
            "number": self.number,
            "previous": None if self.previous is None else self.previous.digest,
            "start": self.start,
            "end": self.end,
            "kind": self.kind,
            "streams": [
                entry.claims(stream)
                for stream, entry in sorted(self._streams.items(), key=lambda s: s[0].encode())
            ],
            "totals": self._totals.claims(),
        }
        # In the order of the labels, so the plain encoding is the deterministic one.
        return {label: claims[name] for name, label in LABELS.items() if claims[name] is not None}

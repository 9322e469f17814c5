"""Closing a period: every stream, its Merkle root, the totals, under one signature (spec/statement.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import cbor2

from receipts import claims
from receipts.claims import Counts
from receipts.errors import ReceiptError
from receipts.keys import SigningKey
from receipts.merkle import Tree
from receipts.signing import STATEMENT, Signed, Signer

REGULAR: Final = 0
LATE: Final = 1
MAX_STREAMS: Final = 65_536


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
    def __init__(self, first: int) -> None:
        self.first = first
        self.head = b""
        self.tree = Tree()


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
        ReceiptError: the period does not continue where the previous one ended.
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
        self.issuer, self.account = claims.name("issuer", issuer), claims.name("account", account)
        self.start = claims.instant("start", start)
        self.end = claims.uint("end", end, start + 1, claims.MAX_TIME)
        self.kind = claims.uint("kind", kind, most=LATE)
        self.previous = previous
        self._check_place()
        self._streams: dict[str, _Stream] = {}
        self._sums: dict[int, int] = {}
        self._writes: dict[int, int] = {}
        self._amounts: dict[str, int] = {}

    def _check_place(self) -> None:
        if self.previous is None:
            if self.kind == LATE:
                raise ReceiptError("kind", "a regular statement first", "late")
        elif self.kind == REGULAR and self.start != self.previous.end:
            raise ReceiptError(
                "start", f"the end of the last period, {self.previous.end}", self.start
            )
        elif self.kind == LATE and self.end > self.previous.end:
            raise ReceiptError("end", f"a closed time, at most {self.previous.end}", self.end)

    def add(
        self,
        stream: str,
        sequence: int,
        digest: bytes,
        time: int,
        counts: Counts,
        *,
        currency: str | None = None,
        amount: int = 0,
    ) -> None:
        """Add the next receipt of a stream; ``amount`` in picounits of ``currency``.

        Raises:
            ReceiptError: the time is outside the period, or the sequence is not the next one.
        """
        if not self.start <= time < self.end:
            raise ReceiptError("time", f"{self.start} to {self.end - 1}", time)
        if stream not in self._streams:
            self._streams[stream] = _Stream(self._first(stream, sequence))
        entry = self._streams[stream]
        if sequence != entry.first + entry.tree.size:
            raise ReceiptError("sequence", entry.first + entry.tree.size, sequence)
        entry.tree.append(claims.octets("digest", digest, 32, 32))
        entry.head = digest
        self._sum(counts)
        if currency is not None:
            self._amounts[currency] = self._amounts.get(currency, 0) + amount

    def _first(self, stream: str, sequence: int) -> int:
        expected = 0 if self.previous is None else self.previous.streams.get(stream, sequence)
        if sequence != expected:
            raise ReceiptError(
                f"sequence of the first receipt of stream {stream!r}", expected, sequence
            )
        return sequence

    def _sum(self, counts: Counts) -> None:
        stated = {1: counts.logical, 5: counts.output, 6: counts.reasoning}
        if counts.cached is not None:
            stated |= {2: counts.cached, 3: counts.attributed}
        for label, tokens in stated.items():
            if tokens is not None:
                self._sums[label] = self._sums.get(label, 0) + tokens
        for ttl, tokens in (counts.writes or {}).items():
            self._writes[ttl] = self._writes.get(ttl, 0) + tokens

    @property
    def number(self) -> int:
        """The number that the statement gets."""
        return 0 if self.previous is None else self.previous.number + 1

    @property
    def receipts(self) -> int:
        """How many receipts were added."""
        return sum(entry.tree.size for entry in self._streams.values())

    def sign(self, key: SigningKey) -> Signed:
        """The statement over the receipts that were added.

        Raises:
            ReceiptError: there are more streams, or larger totals, than a statement can hold.
        """
        content = cbor2.dumps(self._claims())
        return Signer(key.private, STATEMENT, (self.issuer, self.account)).sign(content)

    def _claims(self) -> dict[int, Any]:
        if len(self._streams) > MAX_STREAMS:
            raise ReceiptError("streams", f"at most {MAX_STREAMS}", len(self._streams))
        whole: dict[int, Any] = {1: claims.VERSION, 2: self.issuer, 3: self.account, 4: self.number}
        if self.previous is not None:
            whole[5] = claims.octets("previous", self.previous.digest, 32, 32)
        streams = sorted(self._streams.items(), key=lambda item: item[0].encode())
        return whole | {
            6: self.start,
            7: self.end,
            8: self.kind,
            9: [
                {1: name, 2: entry.first, 3: entry.tree.size, 4: entry.tree.root(), 5: entry.head}
                for name, entry in streams
            ],
            10: self._totals(),
        }

    def _totals(self) -> dict[int, Any]:
        totals: dict[int, Any] = {
            label: claims.uint("total", self._sums[label]) for label in sorted(self._sums)
        }
        if self._writes:
            totals[4] = {
                ttl: claims.uint("total", self._writes[ttl]) for ttl in sorted(self._writes)
            }
        if self._amounts:
            totals[7] = {c: list(divmod(self._amounts[c], 10**12)) for c in sorted(self._amounts)}
        return {label: totals[label] for label in sorted(totals)}

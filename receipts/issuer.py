"""Issuing: one call a request, from counts to signed bytes.

issuer = Issuer("https://api.example.com", SigningKey.from_pem(pem))
receipt = issuer.issue("acme", request="req_42", model="m", time=1764000000000,
                       counts=Counts(logical=3000, cached=2000, output=500))
receipt.data    # into the batch, and to the customer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple, Unpack
from uuid import uuid4

from receipts import limits
from receipts.encoded_claims import EncodedClaims, encoded_claims, encoded_place, in_place
from receipts.errors import ReceiptError
from receipts.keys import KeySource, SigningKey
from receipts.request import Request
from receipts.signing import RECEIPT, Signer


@dataclass(frozen=True, slots=True)
class Head:
    """The last receipt of a stream: its sequence, digest and time in ms."""

    sequence: int
    digest: bytes
    time: int


class Issued(NamedTuple):
    """A signed receipt, as `Signed`, and its place; ``time`` in ms."""

    data: bytes
    digest: bytes
    account: str
    stream: str
    sequence: int
    time: int


_Stream = tuple[bytes, int, bytes | None, int]
"""Claims 1 to 4 as bytes, the next sequence, the digest of the last receipt, and its time in ms: the earliest for the next."""


class Issuer:
    """Signs receipts in the name of one issuer. Calls from several threads are safe.

    Two issuers (processes, machines) must never use the same stream for the same account: that would be two receipts for
    one place, which anybody can prove. Hence the default: every `Issuer` has a stream of its own.

    Args:
        issuer: who signs and bills, as in the key file.
        key: the signing key, or the folder that has one for each time.
        stream: the stream of receipts that name none; the default is a new one, with a random name.
        heads: where the streams stand that are to be continued, by account and stream.

    Raises:
        ReceiptError: a name breaks a rule of spec/receipt.md.
    """

    def __init__(
        self,
        issuer: str,
        key: KeySource,
        *,
        stream: str | None = None,
        heads: Mapping[tuple[str, str], Head] | None = None,
    ) -> None:
        self.issuer = limits.name("issuer", issuer)
        self.stream = limits.name("stream", uuid4().hex if stream is None else stream)
        self._keys = key
        self._key: SigningKey | None = None
        self._signer: Signer | None = None
        self._lock = Lock()
        self.go_on(heads or {})

    def go_on(self, heads: Mapping[tuple[str, str], Head]) -> None:
        """Forget where the streams stood. They go on after these heads; a stream without one begins."""
        with self._lock:
            self._heads = dict(heads)
            self._streams: dict[tuple[str, str], _Stream] = {}

    def issue(
        self, account: str, *, time: int, stream: str | None = None, **request: Unpack[Request]
    ) -> Issued:
        """Sign the receipt of one request: the next one of its stream.

        Args:
            account: who is billed.
            time: ms since 1970, UTC; not before that of the last receipt of the stream.
            stream: the stream, if not the issuer's own.
            request: ``request``, ``model``, ``counts``, and optionally ``source``, ``cache``, ``charge``, ``tags``, ``client``:
                see `receipts.request.Request`.

        Raises:
            ReceiptError: a field breaks a rule of spec/receipt.md. No sequence is used up.
        """
        return self.issue_claims(account, time, encoded_claims(request), stream)

    def issue_claims(
        self, account: str, time: int, claims: EncodedClaims, stream: str | None = None
    ) -> Issued:
        """The same for claims that are encoded already.

        Raises:
            ReceiptError: a field breaks a rule of spec/receipt.md. No sequence is used up.
        """
        stream = self.stream if stream is None else limits.name("stream", stream)
        limits.instant("time", time)
        where = limits.name("account", account), stream
        with self._lock:
            place, sequence, previous, earliest = self._streams.get(where) or self._begin(*where)
            limits.uint("sequence", sequence)
            if time < earliest:
                expected = f"at least that of sequence {sequence - 1}, {earliest}"
                raise ReceiptError("time", expected, time)
            _, _, span_end = claims
            if span_end is not None:
                _check_span(span_end, time)
            encoded = in_place(place, sequence, previous, time, claims)
            limits.content("receipt", encoded, limits.MAX_CONTENT)
            data, digest = self._signer_at(time).seal(encoded)
            self._streams[where] = place, sequence + 1, digest, time
        return Issued(data, digest, account, stream, sequence, time)

    def _begin(self, account: str, stream: str) -> _Stream:
        """What the next receipt of a stream needs that has had none of this issuer."""
        place = encoded_place(self.issuer, account, stream)
        head = self._heads.get((account, stream))
        if head is None:
            return place, 0, None, 0
        return place, head.sequence + 1, limits.digest("previous", head.digest), head.time

    def _signer_at(self, time: int) -> Signer:
        key = self._keys.for_receipt(time)
        if key is not self._key or self._signer is None:
            self._key, self._signer = key, Signer(key.private, RECEIPT)
        return self._signer


def _check_span(end: int, time: int) -> None:
    """What is billed by time is billed when that is over (identity 8)."""
    if end > time:
        raise ReceiptError("span.end", f"at most the time of the receipt, {time}", end)

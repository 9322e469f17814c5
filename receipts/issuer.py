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
from typing import Any, Final, Unpack
from uuid import uuid4

import cbor2

from receipts import limits
from receipts.claims import request_claims
from receipts.errors import ReceiptError
from receipts.keys import KeySource, SigningKey
from receipts.labels import RECEIPT as LABELS
from receipts.labels import SPAN
from receipts.request import Request
from receipts.signing import RECEIPT, Signed, Signer

_VERSION: Final = LABELS["version"]
_ISSUER: Final = LABELS["issuer"]
_ACCOUNT: Final = LABELS["account"]
_STREAM: Final = LABELS["stream"]
_SEQUENCE: Final = LABELS["sequence"]
_PREVIOUS: Final = LABELS["previous"]
_TIME: Final = LABELS["time"]
_SPAN: Final = LABELS["span"]


@dataclass(frozen=True, slots=True)
class Head:
    """The last receipt of a stream: its sequence, digest and time in ms."""

    sequence: int
    digest: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Issued(Signed):
    """A signed receipt and its place; ``time`` in ms."""

    account: str
    stream: str
    sequence: int
    time: int


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
        self._signer: tuple[SigningKey, Signer] | None = None
        self._heads = dict(heads or {})
        self._lock = Lock()

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
        return self.issue_claims(account, time, request_claims(**request), stream)

    def issue_claims(
        self, account: str, time: int, claims: Mapping[int, object], stream: str | None = None
    ) -> Issued:
        """The same for claims that `receipts.claims.request_claims` made.

        Raises:
            ReceiptError: a field breaks a rule of spec/receipt.md. No sequence is used up.
        """
        stream = self.stream if stream is None else limits.name("stream", stream)
        time = limits.instant("time", time)
        with self._lock:
            return self._next(limits.name("account", account), stream, time, claims)

    def _next(self, account: str, stream: str, time: int, claims: Mapping[int, object]) -> Issued:
        head = self._heads.get((account, stream))
        sequence = 0 if head is None else limits.uint("sequence", head.sequence + 1)
        # The labels are in ascending order, so the plain encoding is the deterministic one.
        whole: dict[int, object] = {
            _VERSION: limits.VERSION,
            _ISSUER: self.issuer,
            _ACCOUNT: account,
            _STREAM: stream,
            _SEQUENCE: sequence,
        }
        if head is not None:
            _check_order(head, time)
            whole[_PREVIOUS] = limits.digest("previous", head.digest)
        whole[_TIME] = time
        whole.update(claims)
        if _SPAN in whole:
            _check_span(claims, time)
        content = limits.content("receipt", cbor2.dumps(whole), limits.MAX_CONTENT)
        signed = self._signer_at(time).sign(content)
        self._heads[account, stream] = Head(sequence, signed.digest, time)
        return Issued(signed.data, signed.digest, account, stream, sequence, time)

    def _signer_at(self, time: int) -> Signer:
        key = self._keys.for_receipt(time)
        if self._signer is None or self._signer[0] is not key:
            self._signer = key, Signer(key.private, RECEIPT)
        return self._signer[1]


def _check_span(claims: Mapping[int, Any], time: int) -> None:
    """What is billed by time is billed when that is over (identity 8)."""
    end = claims[_SPAN][SPAN["end"]]
    if end > time:
        raise ReceiptError("span.end", f"at most the time of the receipt, {time}", end)


def _check_order(head: Head, time: int) -> None:
    if time < head.time:
        raise ReceiptError("time", f"at least that of sequence {head.sequence}, {head.time}", time)

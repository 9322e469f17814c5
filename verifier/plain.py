"""Spans of plain receipts, fast: `Shard.take` for every item, with a shorter way for one that has no fault at all.

Nothing is decided here that `verifier.item` does not decide. Whatever is not in order, however slightly, goes the plain way.
"""

from __future__ import annotations

from hashlib import sha256

from verifier.batch import ENVELOPE_SIZE, PROTECTED_SIZE, SIGNATURE_SIZE, Span
from verifier.claims import Receipt
from verifier.ed25519 import SignatureError
from verifier.envelope import Fault, Kind, read_header, to_be_signed
from verifier.item import Policy
from verifier.keys import TrustedKey
from verifier.quick import QuickReader
from verifier.schema import MAX_TIME
from verifier.shard import Bases, Shard


def check_span(span: Span, policy: Policy, bases: Bases) -> Shard:
    """Steps 2 to 9 for a span of plain receipts."""
    shard = Shard(bases)
    data, starts = span.data, (*span.starts, len(span.data))
    protected, signer = b"", None
    for i, number in enumerate(range(span.first, span.first + len(span))):
        start, end = starts[i], starts[i + 1]
        tail = end - ENVELOPE_SIZE
        header = data[tail + 4 : tail + 4 + PROTECTED_SIZE]
        if header != protected:
            _count(shard, signer)
            protected, signer = header, _signer(header, policy)
        if signer is not None:
            content = data[start + (3 if data[start + 1] == 0x58 else 4) : tail]
            digest = sha256(content).digest()
            receipt = signer.open(content, digest, data[end - SIGNATURE_SIZE : end])
            if receipt is not None:
                shard.collect(receipt, digest, number)
                continue
        shard.take(number, span.offset + start, data[start:end], policy)
    _count(shard, signer)
    return shard


class _Signer:
    """One trusted and sound key, ready to open receipts that have no fault."""

    def __init__(self, protected: bytes, key: TrustedKey, policy: Policy) -> None:
        self.kid = key.kid
        self.opened = self.cached = self.identified = 0
        self._reader = QuickReader()
        self._verify = policy.verifier(key)
        self._prefix = to_be_signed(protected, b"")
        self._issuer = key.issuer
        self._account = policy.account
        self._start = key.not_before or 0
        self._end = min(end for end in (key.expires, key.revoked, MAX_TIME) if end is not None)
        self._require_cache_id = policy.require_cache_id

    def open(self, content: bytes, digest: bytes, signature: bytes) -> Receipt | None:
        """Steps 4 to 8: the claims, or None if there is anything to tell."""
        try:
            self._verify(signature, self._prefix + digest)
        except SignatureError:
            return None
        receipt = self._reader.receipt(content)
        if (
            receipt is None
            or receipt.issuer != self._issuer
            or not self._start <= receipt.time < self._end
            or self._account not in (None, receipt.account)
        ):
            return None
        if receipt.cached:
            if receipt.cache_read is not None:
                self.identified += 1
            elif self._require_cache_id:
                return None
            self.cached += 1
        self.opened += 1
        return receipt


def _signer(protected: bytes, policy: Policy) -> _Signer | None:
    """The key of a protected header, if it is that of a receipt and the key is trusted and sound."""
    try:
        header = read_header(protected)
    except Fault:
        return None
    key = policy.keys.get(header.kid)
    if header.kind is not Kind.RECEIPT or key is None or key.weakness is not None:
        return None
    return _Signer(protected, key, policy)


def _count(shard: Shard, signer: _Signer | None) -> None:
    """Count the receipts that a signer has opened: they passed everything."""
    if signer is None or not signer.opened:
        return
    shard.signers.add(signer.kid)
    for name in ("items", "receipts", "formed", "signed", "agreeing"):
        setattr(shard.counts, name, getattr(shard.counts, name) + signer.opened)
    shard.counts.cached += signer.cached
    shard.counts.identified += signer.identified

"""Spans of plain receipts, fast: `Shard.take` for every item, with a shorter way for receipts that have no fault at all.

Nothing is decided here that `verifier.item` and `verifier.segment` do not decide. Receipts that are in perfect order, by themselves and
among each other, are collected by columns; whatever is not, however slightly, goes the plain way.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

from verifier.batch import ENVELOPE_SIZE, PROTECTED_SIZE, SIGNATURE_SIZE, Span
from verifier.columns import Column
from verifier.ed25519 import SignatureError, Verify
from verifier.envelope import Fault, Kind, read_header, to_be_signed
from verifier.item import Policy
from verifier.keys import TrustedKey
from verifier.quick import Names, QuickReader, Row
from verifier.requests import pack
from verifier.shard import Bases, Shard

_BLOCK = 256
"""Receipts that are read before their signatures are checked. Small, since after a fault they are read once more."""
_Columns = dict[Names, Column]


def check_span(span: Span, policy: Policy, bases: Bases) -> Shard:
    """Steps 2 to 9 for a span of plain receipts."""
    shard, reader = Shard(bases), QuickReader()
    at = 0
    while at < len(span):
        key, columns, end = _read(span, at, policy, reader)
        spotless = _collect(columns, key, policy, shard) if key is not None and columns else None
        if spotless is None or not shard.join(spotless):
            end = max(end, at + 1)
            for number, offset, raw in span.items_from(at, end):
                shard.take(number, offset, raw, policy)
        at = end
    return shard


def _read(
    span: Span, at: int, policy: Policy, reader: QuickReader
) -> tuple[TrustedKey | None, _Columns, int]:
    """Steps 3 to 6 and 8 for receipts from the one at ``at`` on, up to one that has a fault or another header.

    Returns the key that has signed them, the receipts as columns, and where it stopped.
    """
    columns: _Columns = {}
    protected = _protected(span, at)
    key = _key(protected, policy)
    if key is None:
        return None, columns, at
    verify, end, whole = policy.verifier(key), at, True
    while whole and end < len(span):
        stop = min(end + _BLOCK, len(span))
        rows, contents = _rows(span, end, stop, protected, reader)
        digests = _signed(span, end, contents, protected, verify)
        for row, digest in zip(rows, digests, strict=False):  # up to the first fault
            column = columns.get(row[0])
            if column is None:
                column = columns[row[0]] = Column(span.first + end)
            column.rows.append(row)
            column.digests.append(digest)
            column.last_item = span.first + end
            end += 1
        whole = end == stop
    return key, columns, end


def _rows(
    span: Span, at: int, stop: int, protected: bytes, reader: QuickReader
) -> tuple[list[Row], list[bytes]]:
    """Claims and contents of the receipts ``at`` to ``stop - 1``, up to one that has a fault or another header."""
    data, rows, contents = span.data, [], []
    for start, end in pairwise(span.edges(at, stop)):
        if not data.startswith(protected, end - ENVELOPE_SIZE + 4):
            break
        content = data[start + (3 if data[start + 1] == 0x58 else 4) : end - ENVELOPE_SIZE]
        row = reader.row(content)
        if row is None:
            break
        rows.append(row)
        contents.append(content)
    return rows, contents


def _signed(
    span: Span, at: int, contents: list[bytes], protected: bytes, verify: Verify
) -> list[bytes]:
    """The digests of contents from the item ``at`` on, up to one whose signature does not hold."""
    data, prefix = span.data, to_be_signed(protected, b"")
    digests: list[bytes] = []
    ends = span.edges(at, at + len(contents))[1:]
    for content, end in zip(contents, ends, strict=True):
        digest = sha256(content).digest()
        try:
            verify(data[end - SIGNATURE_SIZE : end], prefix + digest)
        except SignatureError:
            break
        digests.append(digest)
    return digests


def _protected(span: Span, at: int) -> bytes:
    """The protected header of the item at ``at``."""
    _, end = span.edges(at, at + 1)
    start = end - ENVELOPE_SIZE + 4
    return span.data[start : start + PROTECTED_SIZE]


def _key(protected: bytes, policy: Policy) -> TrustedKey | None:
    """The key of a protected header, if it is that of a receipt and the key is trusted and sound."""
    try:
        header = read_header(protected)
    except Fault:
        return None
    key = policy.keys.get(header.kid)
    return key if header.kind is Kind.RECEIPT and key is not None and not key.weakness else None


def _collect(columns: _Columns, key: TrustedKey, policy: Policy, before: Shard) -> Shard | None:
    """Steps 7 and 9 by columns, or None if there is anything to tell."""
    shard, last_item = Shard(), -1
    for (issuer, account, stream), column in columns.items():
        column.close()
        base = before.base((issuer, account), stream, column.first)
        run = column.run(base)
        if (
            run is None
            or issuer != key.issuer
            or policy.account not in (None, account)
            or not key.may_sign(column.earliest, column.latest)
            or (policy.require_cache_id and column.identified() < column.cached())
        ):
            return None
        segment = shard.segment(issuer, account, column.first_item)
        segment.put(stream, base, run, column.sums())
        shard.requests.append(pack(column.request_keys(segment.request_prefix)))
        shard.count_spotless(
            len(column.rows), column.cached(), column.identified(), column.identifying()
        )
        if column.last_item > last_item:
            last_item, shard.place = column.last_item, ((issuer, account), stream)
    shard.signers.add(key.kid)
    return shard

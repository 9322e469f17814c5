"""Spans of uniform items, fast: the receipts that have no fault at all, in blocks.

The fast path accepts, and never explains: nothing is decided here that `verifier.item` and `verifier.order.collection` do not decide.
Receipts that are in perfect order, by themselves and among each other, come out as blocks; whatever is not, however slightly, is left to
the slow path. tests/test_two_paths.py holds the two together.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Final, NamedTuple

from verifier.crypto.ed25519 import SignatureError, Verify
from verifier.crypto.keys import TrustedKey
from verifier.format.envelope import Fault, Kind, read_header, to_be_signed
from verifier.format.fast_decoder import (
    CACHE,
    CACHED,
    CHARGE,
    NAMES,
    PREVIOUS,
    REQUEST,
    SEQUENCE,
    TIME,
    UNITS,
    FastDecoder,
    Names,
    Row,
    receipt_of,
)  # fmt: skip
from verifier.item.identities import check_receipt
from verifier.item.opening import unknown_key
from verifier.item.policy import Policy
from verifier.order.block import IDENTIFYING, Block, Columns
from verifier.order.columns import column_of, sums_of
from verifier.order.counts import Counts
from verifier.reading.framing import ENVELOPE_SIZE, PROTECTED_SIZE, SIGNATURE_SIZE, Span
from verifier.report.findings import Finding

_PART: Final = 256
"""Receipts that are decoded before their signatures are checked. Small, since after a fault they are decoded once more."""


class Signer(NamedTuple):
    """A key by its ``kid``; None: it is not trusted, so signatures cannot be checked (R-4.1)."""

    kid: bytes
    key: TrustedKey | None


@dataclass(slots=True)
class Tried:
    """What the fast path makes of some items.

    Attributes:
        count: the items that it looked at.
        clean: whether they have no fault; if not, all of them are for the slow path.
        blocks: their receipts.
        counts: what they add to the counts.
        signer: who signed them.
        unknown: that nobody trusts the key, if so.
    """

    count: int
    clean: bool
    blocks: list[Block] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    signer: Signer | None = None
    unknown: Finding | None = None


@dataclass(slots=True)
class _Column:
    """Receipts of one stream, as rows, with their digests and their places in the span."""

    rows: list[Row]
    digests: list[bytes]
    places: list[int]


class FastPath:
    """Takes what it can of the spans of a batch.

    Args:
        policy: the trusted keys, and what else the caller demands.
        wanted: the columns that later steps need.
        signatures: whether receipts' own signatures are checked (R-5.3).
    """

    def __init__(self, policy: Policy, wanted: frozenset[str], *, signatures: bool) -> None:
        self._policy = policy
        self._wanted = wanted
        self._signatures = signatures
        self._decoder = FastDecoder()

    def tried(self, span: Span, at: int) -> Tried:
        """The items from the one at ``at`` on, up to one that may have a fault of its own."""
        protected = _protected(span, at)
        signer = self._signer(protected)
        if signer is None:
            return Tried(1, clean=False)
        rows, digests = self._read(span, at, protected, signer.key)
        if not rows:
            return Tried(1, clean=False)
        found = Tried(len(rows), clean=True, signer=signer)
        streams: dict[Names, list[int]] = {}
        for place, row in enumerate(rows):
            streams.setdefault(row[NAMES], []).append(place)
        for names, places in streams.items():
            column = _Column(
                [rows[i] for i in places], [digests[i] for i in places], [at + i for i in places]
            )
            block = self._block(span, names, column, signer.key, found.counts)
            if block is None:
                return Tried(len(rows), clean=False)
            found.blocks.append(block)
        if signer.key is None:
            found.unknown = _unknown(span, at, rows, signer.kid)
        return found

    def _signer(self, protected: bytes) -> Signer | None:
        """Who signed, by a protected header; None: it is not that of a receipt, or the key is weak (R-4.2)."""
        try:
            header = read_header(protected)
        except Fault:
            return None
        key = self._policy.keys.get(header.kid)
        is_weak = key is not None and key.weakness is not None
        return None if header.kind is not Kind.RECEIPT or is_weak else Signer(header.kid, key)

    def _read(
        self, span: Span, at: int, protected: bytes, key: TrustedKey | None
    ) -> tuple[list[Row], list[bytes]]:
        """Steps 3 to 6 and 8 for items from the one at ``at`` on, up to one that has a fault or another header: claims and digests."""
        found: list[Row] = []
        found_digests: list[bytes] = []
        verify = self._policy.verifier(key) if key is not None and self._signatures else None
        whole = True
        while whole and at < len(span):
            stop = min(at + _PART, len(span))
            rows, contents = self._rows(span, at, stop, protected)
            digests = _digests(span, at, contents, protected, verify)
            found += rows[: len(digests)]
            found_digests += digests
            at += len(digests)
            whole = at == stop
        return found, found_digests

    def _rows(
        self, span: Span, at: int, stop: int, protected: bytes
    ) -> tuple[list[Row], list[bytes]]:
        """Claims and contents of the items ``at`` to ``stop - 1``, up to one that has a fault or another header."""
        data, rows, contents, decode = span.data, [], [], self._decoder.row
        for start, end in pairwise(span.edges(at, stop)):
            if not data.startswith(protected, end - ENVELOPE_SIZE + 4):
                break
            content = data[start + (3 if data[start + 1] == 0x58 else 4) : end - ENVELOPE_SIZE]
            row = decode(content)
            if row is None or not _is_sound(row):
                break
            rows.append(row)
            contents.append(content)
        return rows, contents

    def _block(
        self, span: Span, names: Names, column: _Column, key: TrustedKey | None, counts: Counts
    ) -> Block | None:
        """Steps 7 to 9 by columns: a block, which is counted, or None if there is anything to tell."""
        issuer, account, stream = names
        fields, digests, places = (
            list(zip(*column.rows, strict=True)),
            column.digests,
            column.places,
        )
        first, times = fields[SEQUENCE][0], fields[TIME]
        identifying = len(places) - fields[CACHE].count(None)
        identified = identifying and sum(
            [c is not None and c[0] is not None for c in fields[CACHE]]
        )
        cached = len(places) - fields[CACHED].count(0)
        if (
            fields[SEQUENCE] != tuple(range(first, first + len(places)))
            or list(fields[PREVIOUS][1:]) != digests[:-1]
            or list(times) != sorted(times)
            or (key is not None and not _may_sign(key, issuer, times))
            or self._policy.account not in (None, account)
            or (self._policy.require_cache_id and identified < cached)
        ):
            return None
        sums = sums_of(fields)
        if sums.observed and issuer not in self._policy.observers:
            return None
        charged = len(places) - fields[CHARGE].count(None)
        signed = 0 if key is None else len(places)
        counts.add(Counts.spotless(len(places), signed, cached, identified, identifying, charged))
        starts = span.starts
        return Block(
            issuer, account, stream, first, fields[PREVIOUS][0],
            array("Q", [span.first + place for place in places]),
            array("Q", [span.offset + starts[place] for place in places]),
            digests, array("Q", times),
            fields[REQUEST],
            sums, self._columns(span, fields, places, identifying > 0),
        )  # fmt: skip

    def _columns(
        self, span: Span, fields: list[Row], places: list[int], identifying: bool
    ) -> Columns:
        """The columns that later steps want."""
        wanted = self._wanted | IDENTIFYING if identifying else self._wanted
        columns = {name: column_of(fields, name) for name in wanted - {"fingerprint"}}
        if "fingerprint" in wanted:
            edges = span.edges(0, len(span))
            columns["fingerprint"] = [
                sha256(span.data[edges[at] : edges[at + 1]]).digest() for at in places
            ]
        return columns


def _is_sound(row: Row) -> bool:
    """Step 8, as far as the decoder has not taken it: the identities of a charge and of units, which most receipts do not have."""
    return (row[CHARGE] is None and row[UNITS] is None) or not check_receipt(receipt_of(row))


def _protected(span: Span, at: int) -> bytes:
    """The protected header of the item at ``at``."""
    _, end = span.edges(at, at + 1)
    start = end - ENVELOPE_SIZE + 4
    return span.data[start : start + PROTECTED_SIZE]


def _digests(
    span: Span, at: int, contents: list[bytes], protected: bytes, verify: Verify | None
) -> list[bytes]:
    """The digests of contents from the item ``at`` on, up to one whose signature does not hold."""
    if verify is None:
        return [sha256(content).digest() for content in contents]
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


def _may_sign(key: TrustedKey, issuer: str, times: Sequence[int]) -> bool:
    """R-7.1, R-7.3 and R-7.4; the times ascend."""
    return issuer == key.issuer and key.may_sign(times[0], times[-1])


def _unknown(span: Span, at: int, rows: Sequence[Row], kid: bytes) -> Finding:
    """R-4.1, for receipts from the one at ``at`` on."""
    offset = span.offset + span.starts[at]
    return unknown_key(
        receipt_of(rows[0]), kid, item=span.first + at, offset=offset, count=len(rows)
    )

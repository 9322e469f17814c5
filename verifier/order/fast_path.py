"""Spans of uniform items, fast: the receipts that have no fault at all, in blocks.

The fast path accepts, and never explains: nothing is decided here that `verifier.item` and `verifier.order.collection` do not decide.
Receipts that are in perfect order, by themselves and among each other, come out as blocks; whatever is not, however slightly, is left to
the slow path. tests/test_two_paths.py holds the two together.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final

from verifier.crypto.ed25519 import SignatureError, Verify
from verifier.crypto.keys import TrustedKey
from verifier.format.envelope import Fault, Kind, read_header, to_be_signed
from verifier.format.fast_decoder import (
    ATTRIBUTED,
    CACHE,
    CACHED,
    CHARGE,
    CLIENT,
    LOGICAL,
    MODEL,
    NAMES,
    OUTPUT,
    PREVIOUS,
    REASONING,
    REQUEST,
    SEQUENCE,
    SOURCE,
    TAGS,
    TIME,
    UNITS,
    USAGE,
    WRITES,
    FastDecoder,
    Names,
    Row,
    receipt_of,
)  # fmt: skip
from verifier.item.identities import check_receipt
from verifier.item.policy import Policy
from verifier.order.block import IDENTIFYING, Block, Columns
from verifier.order.counts import Counts
from verifier.order.sums import Sums, sum_by_key, sum_stated
from verifier.reading.framing import ENVELOPE_SIZE, PROTECTED_SIZE, SIGNATURE_SIZE, Span

_PART: Final = 256
"""Receipts that are decoded before their signatures are checked. Small, since after a fault they are decoded once more."""


@dataclass(slots=True)
class Tried:
    """What the fast path makes of some items.

    Attributes:
        count: the items that it looked at.
        clean: whether they have no fault; if not, all of them are for the slow path.
        blocks: their receipts.
        counts: what they add to the counts.
        kid: the key that signed them.
    """

    count: int
    clean: bool
    blocks: list[Block] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    kid: bytes = b""


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
        key = self._key(protected)
        if key is None:
            return Tried(1, clean=False)
        rows, digests = self._read(span, at, protected, key)
        if not rows:
            return Tried(1, clean=False)
        found = Tried(len(rows), clean=True, kid=key.kid)
        streams: dict[Names, list[int]] = {}
        for place, row in enumerate(rows):
            streams.setdefault(row[NAMES], []).append(place)
        for names, places in streams.items():
            column = _Column(
                [rows[i] for i in places], [digests[i] for i in places], [at + i for i in places]
            )
            block = self._block(span, names, column, key, found.counts)
            if block is None:
                return Tried(len(rows), clean=False)
            found.blocks.append(block)
        return found

    def _key(self, protected: bytes) -> TrustedKey | None:
        """The key of a protected header, if it is that of a receipt and the key is trusted and sound (R-4.1, R-4.2)."""
        try:
            header = read_header(protected)
        except Fault:
            return None
        key = self._policy.keys.get(header.kid)
        return key if header.kind is Kind.RECEIPT and key is not None and not key.weakness else None

    def _read(
        self, span: Span, at: int, protected: bytes, key: TrustedKey
    ) -> tuple[list[Row], list[bytes]]:
        """Steps 3 to 6 and 8 for items from the one at ``at`` on, up to one that has a fault or another header: claims and digests."""
        found: list[Row] = []
        found_digests: list[bytes] = []
        verify = self._policy.verifier(key) if self._signatures else None
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
        self, span: Span, names: Names, column: _Column, key: TrustedKey, counts: Counts
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
            or issuer != key.issuer
            or self._policy.account not in (None, account)
            or not key.may_sign(times[0], times[-1])
            or (self._policy.require_cache_id and identified < cached)
        ):
            return None
        charged = len(places) - fields[CHARGE].count(None)
        counts.add(Counts.spotless(len(places), cached, identified, identifying, charged))
        starts = span.starts
        return Block(
            issuer, account, stream, first, fields[PREVIOUS][0],
            array("Q", [span.first + place for place in places]),
            array("Q", [span.offset + starts[place] for place in places]),
            digests, array("Q", times),
            fields[REQUEST],
            _sums(fields), self._columns(span, fields, places, identifying > 0),
        )  # fmt: skip

    def _columns(
        self, span: Span, fields: list[Row], places: list[int], identifying: bool
    ) -> Columns:
        """The columns that later steps want."""
        wanted = self._wanted | IDENTIFYING if identifying else self._wanted
        columns = {name: _column(fields, name) for name in wanted - {"fingerprint"}}
        if "fingerprint" in wanted:
            edges = span.edges(0, len(span))
            columns["fingerprint"] = [
                sha256(span.data[edges[at] : edges[at + 1]]).digest() for at in places
            ]
        return columns


def _column(fields: list[Row], name: str) -> Any:
    """One column, as `verifier.format.claims.Receipt` has its values."""
    if name in ("models", "span", "corrects"):  # receipts with these are left to the slow path
        return (None,) * len(fields[SEQUENCE])
    if name == "request":
        return tuple([request.decode() for request in fields[REQUEST]])
    if name == "source":
        return tuple(
            [
                source if usage is None else source._replace(usage=usage)
                for source, usage in zip(fields[SOURCE], fields[USAGE], strict=True)
            ]
        )
    return fields[_PLACES[name]]


_PLACES: Final = {
    "model": MODEL, "logical": LOGICAL, "cached": CACHED, "attributed": ATTRIBUTED, "writes": WRITES, "output": OUTPUT,
    "reasoning": REASONING, "cache": CACHE, "charge": CHARGE, "tags": TAGS, "client": CLIENT, "units": UNITS,
}  # fmt: skip


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


def _sums(fields: list[Row]) -> Sums:
    """The sums over receipts, all of which state logical, cached and attributed tokens."""
    charges = [charge for charge in fields[CHARGE] if charge is not None]
    return Sums(
        logical=sum(fields[LOGICAL]),
        cached=sum(fields[CACHED]),
        attributed=sum(fields[ATTRIBUTED]),
        writes=sum_by_key(fields[WRITES]),
        output=sum_stated(fields[OUTPUT]),
        reasoning=sum_stated(fields[REASONING]),
        amounts=sum_by_key([{charge.currency: charge.amount} for charge in charges]),
        units=sum_by_key(fields[UNITS]),
    )

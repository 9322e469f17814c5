"""Receipts of a batch whose own signature does not hold, but whose claims a signed statement vouches for (R-14.13).

An issuer that spoils the signature of a receipt has not told a second story with it. It has with the statement that seals the receipt: the
receipt with its path to the root is a proof. To find it, the batch is read once more as a sealed one (R-5.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple

from verifier.crypto import merkle
from verifier.format.claims import Receipt, Statement, StreamEntry
from verifier.item.opening import open_item
from verifier.order.index import ReceiptIndex
from verifier.procedure import steps
from verifier.procedure.run import Run
from verifier.report.findings import Conflict

_MOST: Final = 2
"""Statements that may list a receipt: honestly it is one."""
_HASH_HEAD: Final = b"\x58\x20"


class _Sealed(NamedTuple):
    """A receipt of a sealed batch: where it stands."""

    item: int
    offset: int
    digest: bytes


def vouched_conflicts(first: Run) -> list[Conflict]:
    """What contradicts the received receipts that a run did not find, and is sealed by a statement, whatever its own signature.

    Raises:
        OSError: the input cannot be read once more.
    """
    question, stories = first.question, []
    if "signature-invalid" not in first.findings:
        return []
    for raw in first.omitted:
        opened = open_item(raw, replace(question.policy, account=None), identities=False)
        if isinstance(opened.claims, Receipt):
            stories.append((raw, opened.claims, opened.digest))
    if not stories:
        return []
    with Run(question, signatures=False) as run:
        for span, part in steps.read(run):
            steps.open_and_collect(run, span, part)
        conflicts = []
        for raw, claims, digest in stories:
            proof = _proof(run, claims, digest)
            if proof is not None:
                conflicts.append(Conflict("receipt-equivocation", raw, proof))
        run.collection.close(index=True)
    return conflicts


def _proof(run: Run, claims: Receipt, digest: bytes) -> bytes | None:
    """A proof by inclusion for the receipt of the batch at a place, if a statement seals another one there than was received."""
    listing = ((raw, _entry(statement, claims)) for statement, raw in run.raw_statements)
    found = ((raw, entry) for raw, entry in listing if entry is not None)
    for raw, entry in islice(found, _MOST):
        leaves = list(_leaves(run.collection.index, claims, entry))
        if len(leaves) != entry.count:
            continue
        digests = [leaf.digest for leaf in leaves]
        leaf = leaves[claims.sequence - entry.first]
        if leaf.digest != digest and merkle.root(digests) == entry.root:
            path = merkle.audit_path(digests, claims.sequence - entry.first)
            hashes = b"".join(_HASH_HEAD + one for one in path)
            head = bytes([0x80 + len(path)]) if len(path) < 24 else bytes([0x98, len(path)])
            return b"\x83" + run.batch.fetch(leaf.item, leaf.offset) + head + hashes + raw
    return None


def _entry(statement: Statement, claims: Receipt) -> StreamEntry | None:
    if (statement.issuer, statement.account) != (claims.issuer, claims.account):
        return None
    listed = (entry for entry in statement.streams if entry.stream == claims.stream)
    return next((e for e in listed if e.first <= claims.sequence < e.first + e.count), None)


def _leaves(index: ReceiptIndex, claims: Receipt, entry: StreamEntry) -> Iterator[_Sealed]:
    """The receipts of the batch that a statement lists of a stream."""
    names = claims.issuer, claims.account, entry.stream
    for block in index.blocks():
        if (block.issuer, block.account, block.stream) == names:
            places = zip(block.items, block.offsets, block.digests(), strict=True)
            for sequence, place in enumerate(places, block.first):
                if entry.first <= sequence < entry.first + entry.count:
                    yield _Sealed(*place)

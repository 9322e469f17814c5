"""Files that prove something about single objects: a receipt's place, or two stories (spec/receipt.md, spec/statement.md)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import cbor2

from receipts.merkle import audit_path


def inclusion_proof(
    receipt: bytes, index: int, digests: Sequence[bytes], statement: bytes
) -> bytes:
    """A proof that a signed receipt is leaf ``index`` of the tree over ``digests`` in a signed statement."""
    path = audit_path(digests, index)
    return b"\x83" + receipt + cbor2.dumps(path) + statement


def equivocation(one: bytes, two: bytes) -> bytes:
    """Two signed objects that contradict each other, as one file; the same whoever finds them first."""
    return b"\x82" + b"".join(sorted([one, two], key=_digest))


def _digest(signed: bytes) -> bytes:
    return sha256(cbor2.loads(signed)[0]).digest()

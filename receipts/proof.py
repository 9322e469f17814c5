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
    """Two signed objects, or proofs by inclusion, that contradict each other, as one file; the same whoever finds them first."""
    first, second = (one, two) if _digest(one) < _digest(two) else (two, one)
    return b"\x82" + first + second


def _digest(signed: bytes) -> bytes:
    parts = cbor2.loads(signed)
    receipt = parts[0] if len(parts) == 3 else parts  # a proof stands for its receipt
    content: bytes = receipt[0]
    return sha256(content).digest()

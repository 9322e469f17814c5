"""Files that prove something about single objects: a receipt's place, or two stories (spec/receipt.md, spec/statement.md)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import cbor2

from receipts.keys import SigningKey
from receipts.merkle import audit_path
from receipts.signing import PACK, Signer, byte_string


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


def seal_pack(manifest: bytes, key: SigningKey | None) -> bytes:
    """What binds a pack to its manifest: the digest, signed by who makes it, or by nobody (spec/pack.md, Seal)."""
    content = byte_string(sha256(manifest).digest())
    return content if key is None else Signer(key.private, PACK).sign(content).data


def _digest(signed: bytes) -> bytes:
    parts = cbor2.loads(signed)
    receipt = parts[0] if len(parts) == 3 else parts  # a proof stands for its receipt
    content: bytes = receipt[0]
    return sha256(content).digest()

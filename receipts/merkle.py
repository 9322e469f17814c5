"""RFC 9162 Merkle trees as the issuer needs them: the root of a stream while it grows, and audit paths."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf(digest: bytes) -> bytes:
    """The hash of a leaf (RFC 9162 section 2.1.1)."""
    return sha256(b"\x00" + digest).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node (RFC 9162 section 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """The root over leaves that come one by one; keeps one hash for each bit of their number."""

    def __init__(self) -> None:
        self.size = 0
        self._complete: list[bytes] = []
        """Roots of the complete subtrees, the largest first: one for each 1 bit of the size."""

    def append(self, digest: bytes) -> None:
        """Add a leaf."""
        added, size = leaf(digest), self.size
        while size & 1:
            added = node(self._complete.pop(), added)
            size >>= 1
        self._complete.append(added)
        self.size += 1

    def root(self) -> bytes:
        """The Merkle tree hash (RFC 9162 section 2.1.1)."""
        if not self._complete:
            return sha256(b"").digest()
        result = self._complete[-1]
        for left in reversed(self._complete[:-1]):
            result = node(left, result)
        return result


def audit_path(digests: Sequence[bytes], index: int) -> list[bytes]:
    """The inclusion proof of a leaf (RFC 9162 section 2.1.3.1), from the leaf up."""
    path: list[bytes] = []
    hashes = [leaf(digest) for digest in digests]
    while len(hashes) > 1:
        sibling = index ^ 1
        if sibling < len(hashes):
            path.append(hashes[sibling])
        pairs = range(0, len(hashes) - 1, 2)
        above = [node(hashes[i], hashes[i + 1]) for i in pairs]
        hashes = above + hashes[len(above) * 2 :]  # an odd one goes up as it is
        index >>= 1
    return path

"""RFC 9162 Merkle trees: the root over a range of leaves that grows or is joined, and inclusion proofs.

A leaf hash is SHA-256(00 || digest), a node SHA-256(01 || left || right); no leaf is ever duplicated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

HASH_SIZE = 32


class PathError(ValueError):
    """A Merkle path does not have the form that index and size demand."""


def leaf(digest: bytes) -> bytes:
    """The hash of a leaf (RFC 9162 section 2.1.1)."""
    return sha256(b"\x00" + digest).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node (RFC 9162 section 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Range:
    """The leaves ``begin`` to ``end - 1`` of a tree, as the fewest complete subtrees that make them up.

    It holds at most two hashes a level, whatever its length, and two ranges that meet can be joined: so parts of a
    stream can be hashed apart, in any process, and still give the stream's root.
    """

    begin: int = 0
    end: int = 0
    subtrees: list[tuple[int, bytes]] = field(default_factory=list)
    """Level and hash, from left to right."""

    def append(self, digest: bytes) -> None:
        """Add the next leaf."""
        self._push(0, leaf(digest))

    def extend(self, digests: Sequence[bytes]) -> None:
        """Add many leaves: the same as `append` for each, a level at a time."""
        position, level = self.end, 0
        self.end += len(digests)
        nodes = [sha256(b"\x00" + digest).digest() for digest in digests]
        right: list[tuple[int, bytes]] = []
        while nodes:
            if position & 1:
                if self.subtrees and self.subtrees[-1][0] == level:
                    nodes.insert(0, self.subtrees.pop()[1])
                else:  # the left sibling is not in the range
                    self.subtrees.append((level, nodes.pop(0)))
                    position += 1
            if len(nodes) & 1:
                right.append((level, nodes.pop()))
            pairs = zip(nodes[::2], nodes[1::2], strict=True)
            nodes = [sha256(b"\x01" + left + other).digest() for left, other in pairs]
            position >>= 1
            level += 1
        self.subtrees += reversed(right)

    def join(self, other: Range) -> None:
        """Add the leaves of ``other``, which begins where this one ends."""
        if other.begin != self.end:
            raise ValueError(f"a range that begins at {other.begin} does not follow {self.end}")
        for level, subtree in other.subtrees:
            self._push(level, subtree)

    def _push(self, level: int, subtree: bytes) -> None:
        position = self.end >> level
        self.end += 1 << level
        subtrees = self.subtrees
        # The left sibling, where there is one in the range, is always the last subtree.
        while position & 1 and subtrees and subtrees[-1][0] == level:
            subtree = node(subtrees.pop()[1], subtree)
            position >>= 1
            level += 1
        subtrees.append((level, subtree))

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves; the range must begin at 0."""
        if self.begin:
            raise ValueError(f"a range that begins at {self.begin} has no root")
        if not self.subtrees:
            return sha256(b"").digest()
        *left, (_, result) = self.subtrees
        for _, subtree in reversed(left):
            result = node(subtree, result)
        return result


def root(digests: Sequence[bytes]) -> bytes:
    """The Merkle tree hash over digests (RFC 9162 section 2.1.1)."""
    tree = Range()
    tree.extend(list(digests))
    return tree.root()


def audit_path(digests: Sequence[bytes], index: int) -> list[bytes]:
    """The path from a leaf to the root, the leaf's sibling first (RFC 9162 section 2.1.3.1)."""
    if len(digests) == 1:
        return []
    split = 1 << (len(digests) - 1).bit_length() - 1
    left, right = digests[:split], digests[split:]
    if index < split:
        return [*audit_path(left, index), root(right)]
    return [*audit_path(right, index - split), root(left)]


def root_from_path(digest: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root to which an inclusion path leads (RFC 9162 section 2.1.3.2).

    Raises:
        PathError: the path has too few or too many hashes, or one that is not 32 bytes.
    """
    if index >= size:
        raise PathError(f"leaf {index} is not in a tree of {size}")
    position, last, result = index, size - 1, leaf(digest)
    for sibling in path:
        if len(sibling) != HASH_SIZE:
            raise PathError(f"a hash of {len(sibling)} bytes")
        if last == 0:
            raise PathError("the path is too long")
        if position & 1 or position == last:
            result = node(sibling, result)
            while position & 1 == 0:
                position >>= 1
                last >>= 1
        else:
            result = node(result, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise PathError("the path is too short")
    return result

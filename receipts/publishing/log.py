"""The log as an RFC 9162 Merkle tree: its head, and proofs of inclusion and of consistency."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable

from receipts.merkle import leaf, node
from receipts.publishing.entries import ENTRY_SIZE


class Log:
    """The entries, and the hashes of all complete subtrees over them.

    Args:
        entries: what is in the log already, 64 bytes each.
    """

    def __init__(self, entries: bytes = b"") -> None:
        self.entries = b""
        self._levels: list[list[bytes]] = [[]]
        """The roots of the complete subtrees of 1, 2, 4, ... leaves, from left to right."""
        self._append(entries)

    @property
    def size(self) -> int:
        """The number of entries."""
        return len(self._levels[0])

    def add(self, entries: Iterable[bytes]) -> None:
        """Append entries, in ascending order, which says nothing of whose they are."""
        self._append(b"".join(sorted(entries)))

    def _append(self, entries: bytes) -> None:
        for start in range(0, len(entries), ENTRY_SIZE):
            self._levels[0].append(leaf(entries[start : start + ENTRY_SIZE]))
            level, size = 0, self.size
            while size & 1 == 0:
                size >>= 1
                left, right = self._levels[level][-2:]
                level += 1
                if level == len(self._levels):
                    self._levels.append([])
                self._levels[level].append(node(left, right))
        self.entries += entries

    def head(self, origin: str, size: int | None = None) -> str:
        """The text of the checkpoint, of the whole log or of its first ``size`` entries (c2sp.org/tlog-checkpoint)."""
        size = self.size if size is None else size
        return f"{origin}\n{size}\n{_base64(self._root(0, size))}\n"

    def proof(self, index: int, checkpoint: bytes, extra: bytes) -> bytes:
        """The proof that an entry is in the log of which ``checkpoint`` is the head (c2sp.org/tlog-proof).

        Args:
            index: the place of the entry, from 0.
            checkpoint: the signed note on the head of the whole log.
            extra: what the proof tells besides.
        """
        path = "".join(f"{_base64(one)}\n" for one in self._path(index, 0, self.size))
        head = f"c2sp.org/tlog-proof@v1\nextra {_base64(extra)}\nindex {index}\n{path}\n"
        return head.encode() + checkpoint

    def add_checkpoint(self, old: int, checkpoint: bytes) -> bytes:
        """What a witness is sent that has cosigned the first ``old`` entries, or none: 0 (c2sp.org/tlog-witness)."""
        proof = self._consistency(old, 0, self.size, whole=True) if old else []
        lines = "".join(f"{_base64(one)}\n" for one in proof)
        return f"old {old}\n{lines}\n".encode() + checkpoint

    def _root(self, begin: int, end: int) -> bytes:
        """The Merkle tree hash over a part of the log that is a subtree (RFC 9162 section 2.1.1)."""
        if begin == end:
            return Log._EMPTY
        level = (end - begin).bit_length() - 1
        if end - begin == 1 << level:
            return self._levels[level][begin >> level]
        split = _split(begin, end)
        return node(self._root(begin, split), self._root(split, end))

    _EMPTY = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    """SHA-256 of nothing."""

    def _path(self, index: int, begin: int, end: int) -> list[bytes]:
        """PATH of RFC 9162 section 2.1.3.1."""
        if end - begin == 1:
            return []
        split = _split(begin, end)
        if index < split:
            return [*self._path(index, begin, split), self._root(split, end)]
        return [*self._path(index, split, end), self._root(begin, split)]

    def _consistency(self, old: int, begin: int, end: int, *, whole: bool) -> list[bytes]:
        """SUBPROOF of RFC 9162 section 2.1.4.1; ``whole``: the old tree is known to who checks."""
        if old == end:
            return [] if whole else [self._root(begin, end)]
        split = _split(begin, end)
        if old <= split:
            left = self._consistency(old, begin, split, whole=whole)
            return [*left, self._root(split, end)]
        return [*self._consistency(old, split, end, whole=False), self._root(begin, split)]


def _split(begin: int, end: int) -> int:
    return begin + (1 << (end - begin - 1).bit_length() - 1)


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()

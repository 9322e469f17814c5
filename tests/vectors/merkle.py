"""Vectors of Merkle trees: roots over 0 to 17 leaves, and audit paths."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from receipts.merkle import Tree, audit_path


def document() -> dict[str, Any]:
    digests = [sha256(bytes((n,))).digest() for n in range(17)]
    tree, roots = Tree(), []
    for size in range(18):
        roots.append({"size": size, "root": tree.root().hex()})
        if size < 17:
            tree.append(digests[size])
    paths = [
        {"size": size, "index": index, "path": [h.hex() for h in audit_path(digests[:size], index)]}
        for size in (1, 2, 3, 5, 8, 17)
        for index in range(size)
    ]
    return {
        "title": "Merkle trees (RFC 9162): leaf n is the digest SHA-256(byte n)",
        "digests": [digest.hex() for digest in digests],
        "roots": roots,
        "paths": paths,
    }

"""``python -m tests.vectors``: write spec/vectors and spec/examples anew. With ``--check``: tell what differs, and fail."""

from __future__ import annotations

import json
import re
import sys
import zlib
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

from tests.vectors import (
    batches,
    cache_id,
    cards,
    containers,
    corrections,
    examples,
    limits,
    merkle,
    observed,
    packs,
    ratecards,
    receipts,
    record,
    units,
)
from tests.vectors.model import document

SPEC = Path(__file__).parents[2] / "spec"


def files() -> dict[Path, bytes]:
    """Everything that is generated, by path."""
    vectors = {
        "receipts.json": document("Receipts", receipts.vectors()),
        "batches.json": document("Batches", batches.vectors()),
        "units.json": document("Units, models, spans", units.vectors()),
        "corrections.json": document("Corrections", corrections.vectors()),
        "observed.json": document("Receipts of an observer", observed.vectors()),
        "cards.json": document("Charges and the rate cards that they name", cards.vectors()),
        "containers.json": document("Proofs and equivocations", containers.vectors()),
        "packs.json": document("Packs", packs.vectors()),
        "limits.json": document("Limits, at each and one beyond", limits.vectors()),
        "record.json": document("The customer's own record", record.vectors()),
        "merkle.json": merkle.document(),
        "rate-cards.json": ratecards.document(),
    }
    vectors["cache-id.json"] = cache_id.document()
    found = {SPEC / "vectors" / name: _json(content) for name, content in vectors.items()}
    found |= {SPEC / "examples" / name: data for name, data in examples.files().items()}
    return found | {SPEC / name: data for name, data in examples.pages(SPEC).items()}


def _json(content: object) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"


def stale_files() -> dict[Path, bytes]:
    """What differs from what is there. Builds of zlib compress differently, so what is compressed is compared."""
    return {
        path: data
        for path, data in files().items()
        if not path.exists()
        or (path.read_bytes() != data and _plain(path.read_bytes()) != _plain(data))
    }


def _plain(data: bytes) -> bytes:
    """A file with its compressed inputs replaced by their digests."""
    return re.sub(rb'"input_deflate": "([^"]*)"', lambda m: _digest(m[1]), data)


def _digest(stored: bytes) -> bytes:
    try:
        return sha256(zlib.decompress(b64decode(stored))).digest()
    except (ValueError, zlib.error):
        return stored


def main() -> int:
    stale = stale_files()
    for path in stale:
        print(f"{'differs' if '--check' in sys.argv else 'wrote'}: {path.relative_to(SPEC.parent)}")
    if "--check" in sys.argv:
        return 1 if stale else 0
    for path, data in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())

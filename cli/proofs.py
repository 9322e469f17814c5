"""Proofs that an issuer told two stories, as files that anybody can verify."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from cli.files import output_file
from cli.terminal import warn
from receipts import equivocation
from verifier import Conflict

MOST: Final = 10
"""Proofs that are written; one is enough."""


def keep(conflicts: Sequence[Conflict], folder: str) -> None:
    """Write the proofs into a folder, under names that are the same for the same proof."""
    for conflict in conflicts[:MOST]:
        _write(conflict, Path(folder))
    if len(conflicts) > MOST:
        warn(f"{len(conflicts) - MOST} more conflicts, of which no proof was written")


def name(proof: bytes) -> str:
    """The name of a proof's file: the same for the same proof."""
    return f"equivocation-{sha256(proof).hexdigest()[:12]}.cbor"


def _write(conflict: Conflict, folder: Path) -> None:
    proof = equivocation(conflict.one, conflict.two)
    path = folder / name(proof)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with output_file(str(path)) as stream:
            stream.write(proof)
    except OSError as error:  # the verdict stands, and is what the exit code says
        warn(f"{conflict.code}: the proof could not be written: {path}: {error.strerror}")
        return
    warn(f"{conflict.code}: the proof is in {path}; anybody can check it: receipt verify {path}")

"""Proofs that an issuer told two stories, as packs that anybody can verify."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from cli.dispute.equivocations import told_twice
from cli.files import output_file
from cli.terminal import warn
from receipts import equivocation
from verifier import Conflict

MOST: Final = 10
"""Proofs that are written; one is enough."""


def keep(conflicts: Sequence[Conflict], folder: str, key_files: Sequence[str]) -> None:
    """Write the proofs into a folder, under names that are the same for the same proof.

    Args:
        conflicts: what they prove.
        folder: where they go; it is made if it is not there.
        key_files: that hold the keys of the issuers.

    Raises:
        OSError: a key file cannot be read.
    """
    files = [Path(name).read_bytes() for name in key_files] if conflicts else []
    for conflict in conflicts[:MOST]:
        _write(conflict, Path(folder), files)
    if len(conflicts) > MOST:
        warn(f"{len(conflicts) - MOST} more conflicts, of which no proof was written")


def name(proof: bytes) -> str:
    """The name of the pack of an equivocation: the same for the same one."""
    return f"equivocation-{sha256(proof).hexdigest()[:12]}.zip"


def _write(conflict: Conflict, folder: Path, key_files: Sequence[bytes]) -> None:
    path = folder / name(equivocation(conflict.one, conflict.two))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with output_file(str(path)) as stream:
            stream.write(told_twice(conflict, key_files))
    except OSError as error:  # the verdict stands, and is what the exit code says
        warn(f"{conflict.code}: the proof could not be written: {path}: {error.strerror}")
        return
    warn(f"{conflict.code}: the proof is in {path}; anybody can check it: receipt verify {path}")

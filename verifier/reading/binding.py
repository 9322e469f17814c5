"""The files of a verification besides the input itself: a report names each by its SHA-256."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import file_digest
from pathlib import Path

from verifier.report.model import Input


def bound(role: str, names: Iterable[str]) -> list[Input]:
    """Files that are read as ``role`` (`verifier.report.model.ROLES`), each with its size and SHA-256.

    Raises:
        OSError: one cannot be read.
    """
    return [_bound(role, path) for name in names for path in (name, *_beside(name))]


def _beside(name: str) -> list[str]:
    """What SQLite keeps beside a database that is in use belongs to it."""
    log = f"{name}-wal"
    return [log] if Path(log).is_file() and Path(log).stat().st_size else []


def _bound(role: str, name: str) -> Input:
    with Path(name).open("rb") as stream:
        digest = file_digest(stream, "sha256")
        return Input(name, stream.tell(), digest.hexdigest(), role)

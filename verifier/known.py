"""Statements that the caller holds from earlier (verification step 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from verifier.batch import BatchFile
from verifier.claims import Statement
from verifier.reading import read_items

Known = Callable[[str, str], Iterable[bytes]]
"""The signed statements of an issuer and account that the caller knows. Their signatures are checked before they are used."""


def nothing_known(_issuer: str, _account: str) -> Iterable[bytes]:
    """A caller without memory."""
    return ()


def statements_in(files: Sequence[BatchFile]) -> Known:
    """The statements in files, which may be whole batches.

    Raises:
        UnreadableError: a file is not a batch.
        OSError: a file cannot be read.
    """
    found: dict[tuple[str, str], list[bytes]] = {}
    for item in read_items(files):
        if isinstance(item.claims, Statement):
            found.setdefault((item.claims.issuer, item.claims.account), []).append(item.raw)
    return lambda issuer, account: found.get((issuer, account), ())

"""Statements that the caller holds from earlier (verification step 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from verifier.batch import BatchFile
from verifier.reading import statements

Known = Callable[[str, str], Iterable[bytes]]
"""The signed statements of an issuer and account that the caller knows. Their signatures are checked before they are used."""


class NoStatementError(ValueError):
    """A file was given for its statements, and holds none."""


def nothing_known(_issuer: str, _account: str) -> Iterable[bytes]:
    """A caller without memory."""
    return ()


def statements_in(files: Sequence[BatchFile]) -> Known:
    """The statements in files, which may be whole batches.

    Raises:
        NoStatementError: a file holds no statement.
        UnreadableError: a file is not a batch.
        OSError: a file cannot be read.
    """
    found: dict[tuple[str, str], list[bytes]] = {}
    for file in files:
        in_file = list(statements([file]))
        if not in_file:
            raise NoStatementError(f"{file.name} holds no statement")
        for item, claims in in_file:
            found.setdefault((claims.issuer, claims.account), []).append(item.raw)
    return lambda issuer, account: found.get((issuer, account), ())

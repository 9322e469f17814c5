"""Statements that the caller holds from earlier (verification step 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from verifier.batch import BatchFile
from verifier.reading import statements


class KnownStatement(NamedTuple):
    """A signed statement that the caller holds.

    ``verified``: it was verified when the caller got it, so it counts also if its key is trusted no more. Else its signature is
    checked before it is used.
    """

    signed: bytes
    verified: bool


Known = Callable[[str, str], Iterable[KnownStatement]]
"""The statements of an issuer and account that the caller knows."""


class NoStatementError(ValueError):
    """A file was given for its statements, and holds none."""


def nothing_known(_issuer: str, _account: str) -> Iterable[KnownStatement]:
    """A caller without memory."""
    return ()


def statements_in(files: Sequence[BatchFile]) -> Known:
    """The statements in files, which may be whole batches.

    Raises:
        NoStatementError: a file holds no statement.
        UnreadableError: a file is not a batch.
        OSError: a file cannot be read.
    """
    found: dict[tuple[str, str], list[KnownStatement]] = {}
    for file in files:
        in_file = list(statements([file]))
        if not in_file:
            raise NoStatementError(f"{file.name} holds no statement")
        for item, claims in in_file:
            found.setdefault((claims.issuer, claims.account), []).append(
                KnownStatement(item.raw, verified=False)
            )
    return lambda issuer, account: found.get((issuer, account), ())

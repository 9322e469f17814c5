"""Statements that the caller holds from earlier (spec/verification.md, Input 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from verifier.format.claims import Statement
from verifier.item.opening import Opened, open_item, open_unverified
from verifier.item.policy import Policy
from verifier.reading.framing import is_item
from verifier.reading.sources import Source
from verifier.reading.unverified import read_statements
from verifier.statements.chain import Seen


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


class DamagedMemoryError(ValueError):
    """Something that the caller remembers as a verified statement is none."""


def nothing_known(_issuer: str, _account: str) -> Iterable[KnownStatement]:
    """A caller without memory."""
    return ()


def statements_in(sources: Sequence[Source]) -> Known:
    """The statements in files, which may be whole batches.

    Raises:
        NoStatementError: a file holds no statement.
        UnreadableError: a file is not a batch.
        NotABatchError: a file does not begin like one.
        OSError: a file cannot be read.
    """
    found: dict[tuple[str, str], list[KnownStatement]] = {}
    for source in sources:
        in_file = list(read_statements([source]))
        if not in_file:
            raise NoStatementError(f"{source.name} holds no statement")
        for item, claims in in_file:
            known = KnownStatement(item.raw, verified=False)
            found.setdefault((claims.issuer, claims.account), []).append(known)
    return lambda issuer, account: found.get((issuer, account), ())


def opened_statements(known: Known, account: tuple[str, str], policy: Policy) -> Iterator[Seen]:
    """The known statements of an issuer and account that the caller may rely on.

    Raises:
        DamagedMemoryError: one is remembered as verified, but is no statement of this account.
    """
    for one in known(*account):
        opened = _open(one, policy)
        claims = opened.claims
        usable = isinstance(claims, Statement) and (claims.issuer, claims.account) == account
        if usable and not opened.lost and (one.verified or not opened.faults):
            assert isinstance(claims, Statement)  # noqa: S101  # `usable` says so
            yield Seen(claims, opened.digest, one.signed)
        elif one.verified:
            raise DamagedMemoryError("a remembered statement is damaged")


def _open(known: KnownStatement, policy: Policy) -> Opened:
    if not is_item(known.signed):
        return Opened(lost=True)
    return open_unverified(known.signed) if known.verified else open_item(known.signed, policy)

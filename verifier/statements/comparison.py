"""What two callers were told, side by side: statements that somebody else holds against those that the caller knows.

Each statement proves itself by its signature, so who the other one is does not matter, and nothing that is said here rests on a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from verifier.format.claims import Statement
from verifier.item.opening import open_item
from verifier.item.policy import Policy
from verifier.reading.sources import Source
from verifier.reading.unverified import read_statements
from verifier.report.findings import Conflict
from verifier.statements.chain import Seen, check_chain
from verifier.statements.known import Known, opened_statements


@dataclass(slots=True)
class Comparison:
    """What came of it.

    Attributes:
        given: statements that the other one holds.
        by_others: those of them that no trusted key has signed, or one that may not; they are left out.
        shared: statements of accounts that the caller knows statements of.
        conflicts: two signed statements that cannot both be true, each pair once.
    """

    given: int = 0
    by_others: int = 0
    shared: int = 0
    conflicts: list[Conflict] = field(default_factory=list)


def compare_statements(sources: Sequence[Source], policy: Policy, known: Known) -> Comparison:
    """Hold the statements in files against the known ones.

    Args:
        sources: files with statements, which may be whole batches.
        policy: the trusted keys.
        known: the caller's own statements.

    Raises:
        UnreadableError: a file is not a sequence of signed objects.
        NotABatchError: a file does not begin like one.
        DamagedMemoryError: a known statement that was verified before is damaged.
        OSError: a file cannot be read.
    """
    found = Comparison()
    for account, theirs in _by_account(sources, policy, found).items():
        own = list(opened_statements(known, account, policy))
        if own:
            found.shared += len(theirs)
        found.conflicts += check_chain([*theirs, *own]).conflicts
    return found


def _by_account(
    sources: Sequence[Source], policy: Policy, found: Comparison
) -> dict[tuple[str, str], list[Seen]]:
    """The statements that a trusted key has signed; the others are counted."""
    by_account: dict[tuple[str, str], list[Seen]] = {}
    for item, claims in read_statements(sources):
        found.given += 1
        opened = open_item(item.raw, policy)
        if opened.faults or not isinstance(opened.claims, Statement):
            found.by_others += 1
            continue
        seen = Seen(claims, opened.digest, item.raw, item.number)
        by_account.setdefault((claims.issuer, claims.account), []).append(seen)
    return by_account

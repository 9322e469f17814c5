"""What is known of a batch when the customer's record is held against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from verifier.item.policy import Policy

Fetch = Callable[[int, int], bytes]
"""Takes the number of an item and its offset, and returns its bytes once more."""


@dataclass(frozen=True, slots=True)
class VerifiedBatch:
    """A batch after steps 1 to 13.

    Attributes:
        policy: the trusted keys, and the account that the caller named.
        accounts: issuer and account of what is in it: one, or none.
        covered: the periods that its statements close, in ms, end exclusive.
        fetch: gets the bytes of an item.
        signatures: whether those of its receipts were checked (R-5.3).
    """

    policy: Policy
    accounts: Set[tuple[str, str]]
    covered: Sequence[tuple[int, int]]
    fetch: Fetch
    signatures: bool

    @property
    def account(self) -> str | None:
        """The name of the account; None: there is none."""
        return next((name for _, name in self.accounts), self.policy.account)

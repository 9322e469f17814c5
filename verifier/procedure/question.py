"""What a verification is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from verifier.crypto.keys import kid_text
from verifier.customer.record import Record
from verifier.item.policy import Policy
from verifier.order.workers import Workers, in_this_process
from verifier.pricing.card import RateCard
from verifier.reading.sources import Source
from verifier.report.model import Asked, Signer
from verifier.statements.completeness import Period
from verifier.statements.known import Known, nothing_known


@dataclass(frozen=True, slots=True)
class Question:
    """The input of the procedure (spec/verification.md, Input).

    Attributes:
        sources: the files, in order.
        policy: the trusted keys, and what else the caller demands.
        period: the period that the caller expects, in ms, end exclusive.
        known: the statements that the caller knows from earlier.
        record: the customer's own record.
        columns: of receipts, that are wanted afterwards (`verifier.order.block.COLUMNS`).
        cards: the rate cards that the caller gives.
        figures: whether the report gets figures, and its findings their worth.
        workers: who takes the items through steps 2 to 8.
    """

    sources: Sequence[Source]
    policy: Policy
    period: Period | None = None
    known: Known = nothing_known
    record: Record | None = None
    columns: frozenset[str] = frozenset()
    cards: Sequence[RateCard] = ()
    figures: bool = False
    workers: Workers = in_this_process

    @property
    def asked(self) -> Asked:
        """The options, as a report names them."""
        policy = self.policy
        return Asked(
            self.period, policy.account, policy.require_cache_id, tuple(sorted(policy.observers)), str(policy.signatures),
            None if self.record is None else self.record.margin,
        )  # fmt: skip

    def signers(self, kids: Iterable[bytes]) -> list[Signer]:
        """The trusted keys with these ``kid``s, in their order as text."""
        return sorted(
            (Signer(kid_text(kid), self.policy.keys[kid].issuer) for kid in kids),
            key=lambda signer: signer.kid,
        )

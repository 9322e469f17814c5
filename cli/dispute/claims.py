"""Findings as claims of a pack: the evidence of each, and what it is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from cli.dispute.objects import Batch, Found
from cli.dispute.own_side import OwnSide
from cli.dispute.packing import Pack
from receipts import equivocation
from verifier import Conflict, Finding, Receipt, Standing, finding_texts, standing


@dataclass(slots=True)
class Disputed:
    """A finding that is disputed.

    Attributes:
        number: in the report.
        finding: what was found.
        receipts: that it is about; also those that came with responses.
        evidence: the members of the pack that show it, in their order.
        standing: what the claim is worth.
        why: why it is only asserted, where the evidence was not enough.
    """

    number: int
    finding: Finding
    receipts: list[Receipt] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    standing: Standing = Standing.ASSERTED
    why: str | None = None

    @property
    def claim(self) -> dict[str, Any]:
        """As the manifest has it."""
        finding = finding_texts(self.finding)
        named = {"number": self.number, "standing": str(self.standing)}
        return {**named, "finding": finding, "evidence": self.evidence}


def gather(
    number: int, finding: Finding, batch: Batch, own: OwnSide, conflicts: Sequence[Conflict], pack: Pack
) -> Disputed:  # fmt: skip
    """A claim, with all that can be shown for it; its evidence goes into the pack.

    Raises:
        CliError: the record cannot be read.
        OSError: a file cannot be read.
    """
    objects, came = batch.about(finding), own.received(finding)
    statements = {one.item.raw: None for found in came for one in batch.around(found.claims)}
    raw = list(dict.fromkeys([*objects.raw, *statements]))
    receipts = [one.claims for one in objects.receipts] + [one.claims for one in came]
    claim = Disputed(number, finding, receipts, standing=standing(finding.code))
    claim.evidence += [pack.add("objects", one) for one in raw]
    claim.evidence += _proofs(batch, objects.receipts, pack)
    named = [*raw, *(one.raw for one in came)]
    claim.evidence += [
        pack.add("equivocations", equivocation(one, two))
        for one, two in _stories(finding, objects.receipts, conflicts)
        if any(it in one or it in two for it in named)
    ]
    claim.evidence += [pack.add("received", one.raw) for one in came]
    requests = {one.request for one in receipts} | ({finding.request} if finding.request else set())
    lines = own.lines(
        requests, {one.client for one in receipts if one.client}, {one.raw for one in came}
    )
    if lines:
        claim.evidence.append(pack.add("record", b"".join(lines), "jsonl"))
    if finding.code == "cache-id-mismatch" and finding.request is not None:
        prompts = own.prompts(finding.request)
        claim.evidence += [pack.add("prompts", prompts[0], "jsonl")] if prompts else []
    claim.evidence = list(dict.fromkeys(claim.evidence))
    return claim


def _stories(
    finding: Finding, receipts: Sequence[Found], conflicts: Sequence[Conflict]
) -> Iterator[tuple[bytes, bytes]]:
    """Pairs of signed objects that cannot both be honest. Of two receipts for one request, no proof is made before it is asked for."""
    yield from ((one.one, one.two) for one in conflicts if one.code == finding.code)
    if finding.rule == "R-9.6":
        yield from ((one.item.raw, two.item.raw) for one, two in pairwise(receipts))


def _proofs(batch: Batch, receipts: Sequence[Found], pack: Pack) -> list[str]:
    proofs = (batch.proof(one) for one in receipts)
    return [pack.add("proofs", proof) for proof in proofs if proof is not None]

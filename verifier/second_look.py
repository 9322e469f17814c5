"""A second pass over the input, made only when the first one saw something twice (verification step 9).

The first pass remembers no single receipt. This one looks up those that are needed, to name both items, and to tell a
harmless copy from two different signed receipts for one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from verifier.batch import BatchFile
from verifier.chain import Conflict
from verifier.claims import Receipt
from verifier.findings import Finding
from verifier.item import Opened, Policy, open_item
from verifier.reading import readable_items
from verifier.requests import request_key, request_prefix
from verifier.segment import Place
from verifier.settlement import Unrooted


class ChangedError(OSError):
    """The input is not the same in the second pass as it was in the first."""


@dataclass(frozen=True, slots=True)
class _Found:
    item: int
    offset: int
    raw: bytes
    opened: Opened
    claims: Receipt

    def finding(self, code: str, message: str) -> Finding:
        claims = self.claims
        return Finding(
            code,
            message,
            item=self.item,
            offset=self.offset,
            issuer=claims.issuer,
            account=claims.account,
            stream=claims.stream,
            sequence=claims.sequence,
            request=claims.request,
        )


def second_look(
    sources: Sequence[BatchFile],
    policy: Policy,
    repeats: Sequence[Place],
    requests: Sequence[bytes],
) -> tuple[list[Finding], list[Conflict]]:
    """What the repeated sequences and request ids are, with the proofs of those that are equivocations."""
    slots: dict[Place, list[_Found]] = {repeat: [] for repeat in repeats}
    asked: dict[bytes, list[_Found]] = {request: [] for request in requests}
    for item in readable_items(sources):
        claims = item.claims
        if not isinstance(claims, Receipt):
            continue
        slot = Place(claims.issuer, claims.account, claims.stream, claims.sequence)
        request = request_key(request_prefix(claims.issuer, claims.account), claims.request)
        wanted = [found for found in (slots.get(slot), asked.get(request)) if found is not None]
        opened = open_item(item.raw, policy) if wanted else None
        if opened is not None and not opened.lost:
            for found in wanted:
                found.append(_Found(item.number, item.offset, item.raw, opened, claims))
    findings, conflicts, flagged = [], [], set()
    _check_found(slots, asked)
    for slot_finding, conflict in _same_slot(slots):
        findings.append(slot_finding)
        flagged.add(slot_finding.item)
        conflicts += [conflict] if conflict else []
    findings += _same_request(asked, flagged)
    return sorted(findings, key=lambda finding: finding.item or 0), conflicts


def _check_found(slots: dict[Place, list[_Found]], asked: dict[bytes, list[_Found]]) -> None:
    """What was there twice is still there; a withheld receipt is not found by its claims, and counts as one."""
    if any(not found for found in slots.values()) or any(
        len(found) < 2 for found in asked.values()
    ):
        raise ChangedError("the input changed while it was read")


def _same_slot(slots: dict[Place, list[_Found]]) -> Iterator[tuple[Finding, Conflict | None]]:
    for place, (first, *later) in slots.items():
        if not later:
            message = f"sequence {place.sequence} is there twice, once withheld"
            yield first.finding("receipt-duplicate", message), None
        for found in later:
            where = f"item {first.item} has the same stream and sequence"
            if found.opened.digest == first.opened.digest:
                yield found.finding("receipt-duplicate", f"{where}, and is the same"), None
                continue
            conflict = None
            if found.opened.signed and first.opened.signed:
                conflict = Conflict("receipt-equivocation", first.raw, found.raw)
            yield found.finding("receipt-equivocation", f"{where}, but other claims"), conflict


def _same_request(asked: dict[bytes, list[_Found]], flagged: set[int | None]) -> Iterator[Finding]:
    for found in asked.values():
        billed = [one for one in found if one.item not in flagged]
        for one in billed[1:]:
            message = f"request {one.claims.request!r} has a receipt already: item {billed[0].item}"
            yield one.finding("request-duplicate", message)


def looked_up(files: Sequence[BatchFile], places: set[Place]) -> dict[Place, tuple[int, int]]:
    """Time, in ms, and item of the receipts at certain places; the first one counts, where there are two."""
    found: dict[Place, tuple[int, int]] = {}
    for item in readable_items(files):
        claims = item.claims
        if isinstance(claims, Receipt):
            place = Place(claims.issuer, claims.account, claims.stream, claims.sequence)
            if place in places:
                found.setdefault(place, (claims.time, item.number))
    return found


def compare_roots(
    files: Sequence[BatchFile], policy: Policy, unrooted: Sequence[Unrooted]
) -> Iterator[Finding]:
    """Roots and heads of streams whose receipts have to be put in order first.

    Raises:
        ChangedError: the receipts are not there any more.
        OSError: a file cannot be read.
    """
    if not unrooted:
        return
    wanted = {(u.statement.issuer, u.statement.account, u.entry.stream) for u in unrooted}
    digests: dict[tuple[str, str, str], dict[int, bytes]] = {place: {} for place in wanted}
    for item in readable_items(files):
        claims = item.claims
        if isinstance(claims, Receipt):
            found = digests.get((claims.issuer, claims.account, claims.stream))
            if found is not None and claims.sequence not in found:
                opened = open_item(item.raw, policy)
                if not opened.lost:
                    found[claims.sequence] = opened.digest
    for one in unrooted:
        found = digests[one.statement.issuer, one.statement.account, one.entry.stream]
        if not all(s in found for s in range(one.entry.first, one.entry.first + one.entry.count)):
            raise ChangedError("the input changed while it was read")
        yield from one.compare(found)

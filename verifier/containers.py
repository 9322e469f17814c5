"""Proofs for one receipt and proofs of equivocation (spec/receipt.md, Proof; spec/statement.md, Equivocation)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256

from verifier import cbor, merkle, scope
from verifier.batch import MAX_ITEM, BatchFile
from verifier.chain import CONFLICTS, Conflict, Seen, check_chain, conflict
from verifier.claims import Receipt, Statement
from verifier.envelope import Fault, Kind
from verifier.findings import Finding, Findings
from verifier.item import Opened, Policy
from verifier.keys import text
from verifier.known import Known, nothing_known
from verifier.memory import known_statement
from verifier.report import Check, Input, ObjectSummary, Report, Subject
from verifier.shard import Shard

PROOF_HEAD = b"\x83"
EQUIVOCATION_HEAD = b"\x82\x82"
_MAX_PATH = 64
_MAX_CONTAINER = 3 * MAX_ITEM


class ContainerTooLargeError(OSError):
    """The file is larger than a proof or an equivocation can be."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One signed object of a container."""

    number: int
    offset: int
    raw: bytes
    opened: Opened


def subject(head: bytes) -> Subject:
    """What a file is, by its first bytes."""
    if head[:2] == EQUIVOCATION_HEAD:
        return Subject.EQUIVOCATION
    return Subject.PROOF if head[:1] == PROOF_HEAD else Subject.BATCH


def verify_container(
    source: BatchFile,
    policy: Policy,
    kind: Subject,
    period: tuple[int, int] | None,
    known: Known = nothing_known,
) -> Report:
    """Verify a proof or an equivocation; the statement of a proof is held against the ``known`` ones.

    Raises:
        OSError: the file cannot be read.
    """
    with closing(source.open()) as stream:
        data = stream.read(_MAX_CONTAINER + 1)
    if len(data) > _MAX_CONTAINER:
        raise ContainerTooLargeError(
            f"{source.name} has more than {_MAX_CONTAINER} bytes, so it is no {kind}"
        )
    shard = Shard()
    checks: list[Check] = []
    parts: list[_Part] = []
    try:
        parts += _parts(data, kind, shard, policy)
        rule = _prove if kind is Subject.PROOF else _contradict
        checks.append(rule(parts, data, shard.findings))
    except Fault as fault:
        shard.findings.add(
            Finding(fault.code, str(fault), item=0, offset=fault.offset, field=fault.field)
        )
    conflicts = (
        _against_known(parts, policy, known, shard.findings) if kind is Subject.PROOF else []
    )
    if period is not None:
        message = f"a {kind} does not show that a period is complete"
        shard.findings.add(Finding("period-uncovered", message))
    for finding in shard.findings:
        finding.file = source.name
    objects = [
        ObjectSummary(str(part.opened.kind), part.opened.digest, part.opened.claims)
        for part in parts
        if part.opened.claims is not None
    ]
    unchecked = f"a {kind} does not show it"
    return Report(
        kind,
        [Input(source.name, len(data), sha256(data).hexdigest())],
        sorted(text(kid) for kid in shard.signers),
        period,
        policy.account,
        [],
        [
            *scope.item_checks(shard.counts, shard.findings),
            *checks,
            Check("other receipts, totals", 0, 0, 0, unchecked),
            Check("period", 0, 0, 0, unchecked),
        ],
        shard.findings,
        objects,
        conflicts,
    )


def _against_known(
    parts: list[_Part], policy: Policy, known: Known, findings: Findings
) -> list[Conflict]:
    """Step 11 for the statement of a proof: what contradicts a known one."""
    conflicts: list[Conflict] = []
    for part in parts:
        claims = part.opened.claims
        if isinstance(claims, Statement) and part.opened.signed:
            account = (claims.issuer, claims.account)
            earlier = [
                seen for one in known(*account) if (seen := known_statement(one, account, policy))
            ]
            chain = check_chain([*earlier, Seen(claims, part.opened.digest, part.raw, part.number)])
            for finding in chain.findings:
                if finding.code in CONFLICTS:
                    findings.add(finding)
            conflicts += chain.conflicts
    return conflicts


def _parts(data: bytes, kind: Subject, shard: Shard, policy: Policy) -> Iterator[_Part]:
    """The signed objects of a container, after steps 1 to 8."""
    at = 1
    for number in range(2):
        if kind is Subject.PROOF and number == 1:
            at = _end(data, at)
        end = _end(data, at)
        opened = shard.open(number, at, data[at:end], policy)
        yield _Part(number, at, data[at:end], opened)
        at = end
    if at != len(data):
        raise Fault("item-malformed", f"{len(data) - at} bytes after the end", offset=at)


def _end(data: bytes, at: int) -> int:
    try:
        return cbor.item_end(data, at, MAX_ITEM)
    except cbor.CborError as error:
        code = {cbor.CborTruncated: "item-truncated", cbor.CborTooLarge: "item-too-large"}
        raise Fault(
            code.get(type(error), "item-malformed"), str(error), offset=error.offset
        ) from None


def _path(data: bytes, at: int) -> list[bytes]:
    """The hashes of a Merkle path."""
    major, length, at = cbor.head(data, at)
    if major != cbor.ARRAY or length > _MAX_PATH:
        raise Fault(
            "envelope-invalid", "the path is not an array of hashes", offset=at, field="path"
        )
    hashes = []
    for _ in range(length):
        major, size, after = cbor.head(data, at)
        if major != cbor.BYTES:
            raise Fault(
                "envelope-invalid", "the path is not an array of hashes", offset=at, field="path"
            )
        hashes.append(data[after : after + size])
        at = after + size
    return hashes


def _prove(parts: list[_Part], data: bytes, findings: Findings) -> Check:
    """The receipt is the leaf of the statement's tree that its sequence says."""
    name = "inclusion in the statement"
    one, two = parts
    receipt, statement = one.opened.claims, two.opened.claims
    if one.opened.kind not in (None, Kind.RECEIPT) or two.opened.kind not in (None, Kind.STATEMENT):
        raise Fault("envelope-invalid", "a proof is a receipt, a path and a statement", offset=0)
    if not isinstance(receipt, Receipt) or not isinstance(statement, Statement):
        return Check(name, 0, 1, 0, "receipt or statement could not be read")
    path = _path(data, one.offset + len(one.raw))
    fault = _inclusion(receipt, one.opened.digest, path, statement)
    if fault is None:
        return Check(name, 1, 1)
    findings.add(
        Finding(
            fault.code,
            str(fault),
            item=0,
            offset=one.offset,
            issuer=receipt.issuer,
            account=receipt.account,
            stream=receipt.stream,
            sequence=receipt.sequence,
            request=receipt.request,
            number=statement.number,
            field=fault.field,
            expected=fault.expected,
            actual=fault.actual,
        )
    )
    return Check(name, 0, 1, 1)


def _inclusion(
    receipt: Receipt, digest: bytes, path: list[bytes], statement: Statement
) -> Fault | None:
    if (receipt.issuer, receipt.account) != (statement.issuer, statement.account):
        return Fault("proof-mismatch", "receipt and statement have another issuer or account")
    entry = next((e for e in statement.streams if e.stream == receipt.stream), None)
    if entry is None:
        return Fault("proof-mismatch", "the statement does not list the stream", field="streams")
    index = receipt.sequence - entry.first
    if not 0 <= index < entry.count:
        listed = f"{entry.first} to {entry.first + entry.count - 1}"
        return Fault(
            "proof-mismatch",
            "the statement does not list the sequence",
            field="sequence",
            expected=listed,
            actual=str(receipt.sequence),
        )
    if not statement.start <= receipt.time < statement.end:
        return Fault(
            "proof-mismatch",
            "the receipt's time is outside the statement's period",
            field="time",
            expected=f"{statement.start} to {statement.end - 1}",
            actual=str(receipt.time),
        )
    try:
        root = merkle.root_from_path(digest, index, entry.count, path)
    except merkle.PathError as error:
        return Fault("path-invalid", str(error), field="path")
    if root != entry.root:
        message = "the path leads to another root"
        return Fault(
            "path-invalid", message, field="root", expected=entry.root.hex(), actual=root.hex()
        )
    return None


def _contradict(parts: list[_Part], _data: bytes, findings: Findings) -> Check:
    """Both objects are signed, and cannot both be honest."""
    name = "contradiction"
    one, two = parts
    claims = one.opened.claims, two.opened.claims
    if None in claims or one.opened.lost or two.opened.lost:
        return Check(name, 0, 1, 0, "one of the two could not be read")
    if one.opened.digest > two.opened.digest:
        raise Fault("envelope-invalid", "the object with the smaller digest comes first", offset=0)
    if _conflicting(one, two):
        return Check(name, 1, 1)
    findings.add(
        Finding("conflict-unproven", "the two objects do not contradict each other", item=0)
    )
    return Check(name, 0, 1, 1)


def _conflicting(one: _Part, two: _Part) -> bool:
    if one.opened.digest == two.opened.digest:
        return False
    match one.opened.claims, two.opened.claims:
        case Receipt() as a, Receipt() as b:
            return (a.issuer, a.account, a.stream, a.sequence) == (
                b.issuer,
                b.account,
                b.stream,
                b.sequence,
            )
        case Statement() as a, Statement() as b:
            if (a.issuer, a.account) != (b.issuer, b.account):
                return False
            seen = [Seen(a, one.opened.digest, one.raw, 0), Seen(b, two.opened.digest, two.raw, 1)]
            return conflict(*seen) is not None
    return False

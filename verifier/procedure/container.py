"""Proofs for one receipt and proofs of equivocation (spec/verification.md, Proof and Equivocation)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from verifier.crypto import merkle
from verifier.format.claims import Receipt, Statement
from verifier.format.envelope import Fault, Kind
from verifier.item.opening import Opened
from verifier.item.policy import Policy
from verifier.order.block import Item
from verifier.order.part import Demand, Part
from verifier.pricing.checking import ChargeChecks
from verifier.procedure import checks
from verifier.procedure.question import Question
from verifier.reading.container import (
    MAX_CONTAINER,
    PROOF_HEAD,
    ContainerFault,
    Place,
    read_container,
)
from verifier.reading.sources import read_fully
from verifier.report.findings import Conflict, Finding, Findings
from verifier.report.model import Check, Input, ObjectSummary, Report, Subject
from verifier.report.period import show, show_instant
from verifier.statements.chain import CONFLICTS, Seen, check_chain, contradict
from verifier.statements.known import Known, opened_statements

_A: Final = {Subject.PROOF: "a proof", Subject.EQUIVOCATION: "an equivocation"}


@dataclass(frozen=True, slots=True)
class _Object:
    """One signed object of a container, after steps 2 to 8."""

    item: Item
    opened: Opened


def verify_container(question: Question, kind: Subject) -> Report:
    """Verify a proof or an equivocation, which is the one source of the question.

    Raises:
        OSError: the file cannot be read.
        DamagedMemoryError: a known statement that was verified before is damaged.
    """
    (source,) = question.sources
    with source.open() as stream:
        data = read_fully(stream, MAX_CONTAINER + 1)
        digest, size = sha256(data), len(data)
        while more := stream.read(1 << 20):
            digest.update(more)
            size += len(more)
    verification = _Verification(question, kind)
    verification.verify(data)
    for finding in verification.part.findings:
        finding.file = source.name
    return verification.report(Input(source.name, size, digest.hexdigest()))


class _Verification:
    """A proof or an equivocation, step by step."""

    def __init__(self, question: Question, kind: Subject) -> None:
        self.question = question
        self.kind = kind
        self.part = Part()
        self.objects: list[_Object] = []
        self.checks: list[Check] = []
        self.conflicts: list[Conflict] = []
        self.charge_checks = ChargeChecks(question.cards, self.part.findings)

    @property
    def findings(self) -> Findings:
        return self.part.findings

    def verify(self, data: bytes) -> None:
        try:
            items, path = read_container(data, self.kind)
            self._open(data, items)
            if self.kind is Subject.PROOF:
                self.checks.append(self._prove(path))
                self._hold_against_known(self.question.known, self.question.policy)
                self._check_charge()  # 18
            else:
                self.checks.append(self._contradict())
        except ContainerFault as fault:
            rule, at = self._rule(fault.rule), fault.offset
            self.findings.add(
                Finding(fault.code, str(fault), rule, item=0, offset=at, field=fault.field)
            )
        if self.question.period is not None:
            message = f"{_A[self.kind]} does not show that a period is complete"
            rule = "R-16.6" if self.kind is Subject.PROOF else "R-17.5"
            self.findings.add(Finding("period-uncovered", message, rule=rule))

    def _rule(self, rule: str) -> str:
        """The rule of the reading has another number in an equivocation."""
        return "R-17.1" if rule == "R-16.1" and self.kind is Subject.EQUIVOCATION else rule

    def _open(self, data: bytes, items: list[Place]) -> None:
        """Steps 2 to 8 for a proof, 2 to 7 for an equivocation, always with every signature (R-5.3)."""
        demand = Demand(self.question.policy, identities=self.kind is Subject.PROOF)
        for number, (begin, end) in enumerate(items):
            item = Item(number, begin, data[begin:end])
            if item.raw[:1] == PROOF_HEAD:
                self.objects.append(self._open_witness(item))
            else:
                self.objects.append(_Object(item, self.part.open(item, demand)))

    def _open_witness(self, proof: Item) -> _Object:
        """R-17.2: a proof that stands for its receipt, whose claims the statement vouches for."""
        policy = self.question.policy
        (one, two), path = read_container(proof.raw, Subject.PROOF)
        item = Item(proof.number, proof.offset + one[0], proof.raw[slice(*one)])
        receipt = self.part.open(item, Demand(policy, signatures=False, identities=False))
        sealing = Item(proof.number, proof.offset + two[0], proof.raw[slice(*two)])
        statement = self.part.open(sealing, Demand(policy, identities=False))
        if receipt.kind is Kind.STATEMENT or statement.kind is Kind.RECEIPT:
            message = "a proof is a receipt, a path and a statement"
            raise ContainerFault("envelope-invalid", message, rule="R-17.2", offset=0)
        if not receipt.lost and not statement.lost:
            assert isinstance(receipt.claims, Receipt)  # noqa: S101  # its header says so, and it is not lost
            assert isinstance(statement.claims, Statement)  # noqa: S101
            fault = _inclusion(receipt.claims, receipt.digest, path, statement.claims)
            if fault is None:
                return _Object(item, receipt)
            self._tell_inclusion(receipt.claims, fault, item, statement.claims, rule="R-17.2")
        return _Object(item, replace(receipt, lost=True))

    def _prove(self, path: list[bytes]) -> Check:
        """The receipt is the leaf of the statement's tree that its sequence says."""
        name = "inclusion in the statement"
        one, two = self.objects
        if one.opened.kind is Kind.STATEMENT or two.opened.kind is Kind.RECEIPT:
            message = "a proof is a receipt, a path and a statement"
            raise ContainerFault("envelope-invalid", message, rule="R-16.2", offset=0)
        receipt, statement = one.opened.claims, two.opened.claims
        if one.opened.lost or two.opened.lost:
            return Check(name, 0, 1, 0, "receipt or statement could not be read")
        assert isinstance(receipt, Receipt)  # noqa: S101  # its header says so, and it is not lost
        assert isinstance(statement, Statement)  # noqa: S101
        fault = _inclusion(receipt, one.opened.digest, path, statement)
        if fault is None:
            return Check(name, 1, 1)
        self._tell_inclusion(receipt, fault, one.item, statement)
        return Check(name, 0, 1, 1)

    def _tell_inclusion(
        self, receipt: Receipt, fault: Fault, item: Item, statement: Statement, rule: str = ""
    ) -> None:
        place = {"item": item.number, "offset": item.offset, "number": statement.number}
        details = {"field": fault.field, "expected": fault.expected, "actual": fault.actual}
        self.findings.add(
            Finding.about(receipt, fault.code, str(fault), rule=rule, **place, **details)
        )

    def _hold_against_known(self, known: Known, policy: Policy) -> None:
        """R-16.5: what contradicts a known statement."""
        for one in self.objects:
            claims = one.opened.claims
            if isinstance(claims, Statement) and one.opened.signed and not one.opened.lost:
                earlier = opened_statements(known, (claims.issuer, claims.account), policy)
                seen = Seen(claims, one.opened.digest, one.item.raw, one.item.number)
                chain = check_chain([*earlier, seen])
                told = [finding for finding in chain.findings if finding.code in CONFLICTS]
                for finding in told:
                    self.findings.add(finding)
                for code in CONFLICTS & set(chain.findings.counts):
                    kept = sum(finding.code == code for finding in told)
                    self.findings.count_more(code, chain.findings.counts[code] - kept)
                self.conflicts += chain.conflicts

    def _check_charge(self) -> None:
        """R-18.1 to R-18.4 for the receipt of a proof; the time of what a correction corrects is not known."""
        one = self.objects[0]
        claims = one.opened.claims
        if self.question.cards and isinstance(claims, Receipt) and not one.opened.lost and claims.corrects is None:  # fmt: skip
            self.charge_checks.add_receipt(claims, one.item.number, one.item.offset)

    def _contradict(self) -> Check:
        """Both objects are signed, and cannot both be honest."""
        name = "contradiction"
        one, two = (one.opened for one in self.objects)
        if one.lost or two.lost:
            return Check(name, 0, 1, 0, "one of the two could not be read")
        if one.digest > two.digest:
            message = "the object with the smaller digest comes first"
            raise ContainerFault("envelope-invalid", message, rule="R-17.3", offset=0)
        if _is_conflict(*self.objects):
            return Check(name, 1, 1)
        message = "the two objects do not contradict each other"
        self.findings.add(Finding("conflict-unproven", message, item=0))
        return Check(name, 0, 1, 1)

    def _signers(self) -> tuple[int, int]:
        """How many receipts there are, and how many of them are an observer's."""
        claims = [one.opened.claims for one in self.objects]
        receipts = [one for one in claims if isinstance(one, Receipt)]
        return len(receipts), sum(receipt.observed for receipt in receipts)

    def report(self, read: Input) -> Report:
        """All that there is to say."""
        unchecked = f"{_A[self.kind]} does not show it"
        cards, charged = self.question.cards, self.part.counts.charged
        charges = self.charge_checks.check(charged) if cards else None
        return Report(
            self.kind,
            [read],
            self.question.signers(self.part.signers),
            self.question.signers(self.part.named),
            self.question.asked,
            [],
            [
                *checks.of_items(self.part, self.findings, charges, early=None, sealed=False),
                *checks.of_billers(*self._signers()),
                *self.checks,
                Check("other receipts, totals", 0, 0, 0, unchecked),
                Check("period", 0, 0, 0, unchecked),
            ],
            self.findings,
            [
                ObjectSummary(str(one.opened.kind), one.opened.digest, one.opened.claims)
                for one in self.objects
                if one.opened.claims is not None
            ],
            self.conflicts,
            cards=list(self.charge_checks.summaries.values()),
        )


def _inclusion(
    receipt: Receipt, digest: bytes, path: list[bytes], statement: Statement
) -> Fault | None:
    """What is wrong between a receipt, a path and a statement: R-16.3, then R-16.4."""
    if (receipt.issuer, receipt.account) != (statement.issuer, statement.account):
        return Fault("proof-mismatch", "receipt and statement have another issuer or account")
    entry = next((e for e in statement.streams if e.stream == receipt.stream), None)
    if entry is None:
        return Fault("proof-mismatch", "the statement does not list the stream", field="streams")
    index = receipt.sequence - entry.first
    if not 0 <= index < entry.count:
        listed = f"{entry.first} to {entry.first + entry.count - 1}"
        sequence = str(receipt.sequence)
        return _mismatch("sequence", "does not list the sequence", listed, sequence)
    if not statement.start <= receipt.time < statement.end:
        period = f"within {show(statement.start, statement.end)}"
        time = show_instant(receipt.time)
        return _mismatch("time", "is for another time than the receipt's", period, time)
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


def _mismatch(field: str, what: str, expected: str, actual: str) -> Fault:
    message = f"the statement {what}"
    return Fault("proof-mismatch", message, field=field, expected=expected, actual=actual)


def _is_conflict(one: _Object, two: _Object) -> bool:
    """Whether two signed objects cannot both be honest (spec/statement.md, Equivocation)."""
    if one.opened.digest == two.opened.digest:
        return False
    match one.opened.claims, two.opened.claims:
        case Receipt() as a, Receipt() as b:
            if (a.issuer, a.account) != (b.issuer, b.account):
                return False
            if a.corrects is not None and b.corrects is not None:
                return a.corrects.receipt == b.corrects.receipt or _is_one_place(a, b)
            is_corrected = a.corrects is not None or b.corrects is not None
            return _is_one_place(a, b) or (a.request == b.request and not is_corrected)
        case Statement() as a, Statement() as b:
            if (a.issuer, a.account) != (b.issuer, b.account):
                return False
            return contradict(
                Seen(a, one.opened.digest, one.item.raw, 0), Seen(b, two.opened.digest, two.item.raw, 1)
            )  # fmt: skip
    return False


def _is_one_place(a: Receipt, b: Receipt) -> bool:
    return (a.stream, a.sequence) == (b.stream, b.sequence)

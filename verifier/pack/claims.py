"""Whether a claim of a pack is reached again from its evidence (R-19.7; spec/pack.md, Claims)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from verifier.customer.record import Record, RecordError
from verifier.format.claims import LATE, Receipt, Statement
from verifier.item.opening import Opened, open_item
from verifier.item.policy import Policy
from verifier.pack.manifest import CACHE_KEY, FIELDS, Claim, Manifest
from verifier.pack.standings import LEFT_OUT, TOLD_TWICE, standing
from verifier.pricing.card import RateCard
from verifier.procedure.batch import verify_batch
from verifier.procedure.container import verify_container
from verifier.procedure.question import Question
from verifier.reading.container import read_container, subject
from verifier.reading.framing import is_item
from verifier.reading.sources import bytes_source
from verifier.report.findings import Finding
from verifier.report.model import Report, Subject

_DISPUTED: Final = ("objects", "received", "equivocations")
_ARTICLE: Final = {Subject.PROOF: "a", Subject.EQUIVOCATION: "an"}


class UnprovenError(Exception):
    """A claim does not follow from its evidence: why not."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What all claims of a pack are checked with.

    Attributes:
        members: of the pack, by name.
        manifest: what it says of itself.
        policy: the keys that count.
        cards: the rate cards of the pack.
    """

    members: Mapping[str, bytes]
    manifest: Manifest
    policy: Policy
    cards: Sequence[RateCard]

    def prove(self, claim: Claim) -> None:
        """Come to the claim again.

        Raises:
            UnprovenError: that is not possible.
            OSError: there is no room for a temporary file.
        """
        code = claim.finding["code"]
        if claim.standing is not standing(code):
            raise UnprovenError(f"{code} cannot be {claim.standing}")
        if not any(claim.within(folder) for folder in _DISPUTED):
            raise UnprovenError("it has no evidence")
        objects = self._objects(claim.within("objects"))
        received = self._objects(claim.within("received"))
        for name in claim.within("proofs"):
            self._check_proof(name, claim)
        if code in TOLD_TWICE:
            self._check_told_twice(claim)
            return
        if code in LEFT_OUT:
            _check_left_out([*objects, *received])
        found = self._findings(claim)
        if all(finding_texts(one) != claim.finding for one in found):
            raise UnprovenError("the evidence does not come to this finding")

    def _objects(self, names: Iterable[str]) -> list[Receipt | Statement]:
        return [_signed(self._open(name), name) for name in names]

    def _open(self, name: str) -> Opened:
        raw = self.members[name]
        if not is_item(raw):
            raise UnprovenError(f"{name} is not one signed object")
        return open_item(raw, self.policy, identities=False)

    def _check_proof(self, name: str, claim: Claim) -> None:
        """That the receipt of a proof is one of the objects, and that the statement lists it."""
        data = self.members[name]
        report = self._container(name, Subject.PROOF)
        # What step 8 finds in the receipt may be what is claimed.
        if any(finding.rule[:4] != "R-8." for finding in report.findings):
            raise UnprovenError(f"{name} is no valid proof")
        begin, end = read_container(data, Subject.PROOF)[0][0]
        if data[begin:end] not in [self.members[one] for one in claim.within("objects")]:
            raise UnprovenError(f"{name} is a proof of another receipt")

    def _container(self, name: str, kind: Subject) -> Report:
        """The report on a proof or an equivocation.

        Raises:
            UnprovenError: the member is none.
        """
        data = self.members[name]
        if subject(data[:2]) is not kind:
            raise UnprovenError(f"{name} is not {_ARTICLE[kind]} {kind}")
        return verify_container(Question([bytes_source(name, data)], self.policy), kind)

    def _check_told_twice(self, claim: Claim) -> None:
        of = claim.finding.get("issuer"), claim.finding.get("account")
        names = claim.within("equivocations")
        if not names:
            raise UnprovenError("it has no equivocation")
        for name in names:
            report = self._container(name, Subject.EQUIVOCATION)
            if report.findings.counts:
                raise UnprovenError(f"{name} is no valid equivocation")
            if any((one.claims.issuer, one.claims.account) != of for one in report.objects):
                raise UnprovenError(f"{name} is of another account")

    def _findings(self, claim: Claim) -> list[Finding]:
        """What the procedure finds in the evidence."""
        data = b"".join(self.members[name] for name in claim.within("objects"))
        with TemporaryDirectory(prefix="receipt-pack-") as folder:
            record = self._record(claim, Path(folder))
            question = Question([bytes_source("objects", data)], self.policy, record=record, cards=self.cards)  # fmt: skip
            try:
                return list(verify_batch(question).findings)
            except RecordError:
                raise UnprovenError("the record cannot be used") from None

    def _record(self, claim: Claim, folder: Path) -> Record | None:
        """The members of the record, as files."""
        paths = {}
        for kind in ("record", "received", "prompts"):
            for name in claim.within(kind):
                path = folder / name.replace("/", "-")
                path.write_bytes(self.members[name])
                paths[name] = str(path)
        if not paths:
            return None
        key = None
        if CACHE_KEY in self.members and claim.within("prompts"):
            key = str(folder / CACHE_KEY)
            Path(key).write_bytes(self.members[CACHE_KEY])
        requests, received, prompts = (
            tuple(paths[name] for name in claim.within(kind)) for kind in ("record", "received", "prompts")
        )  # fmt: skip
        manifest = self.manifest
        return Record(requests, received, prompts, key, manifest.margin, manifest.aliases)


def _signed(opened: Opened, name: str) -> Receipt | Statement:
    if opened.lost or opened.faults or not opened.signed or opened.claims is None:
        why = opened.faults[0] if opened.faults else "not by a trusted key"
        raise UnprovenError(f"{name} is not validly signed: {why}")
    return opened.claims


def _check_left_out(objects: Sequence[Receipt | Statement]) -> None:
    """That the statements are regular, and that none of them lists one of the receipts: the issuer cannot have closed it there."""
    statements = [one for one in objects if isinstance(one, Statement)]
    receipts = [one for one in objects if isinstance(one, Receipt)]
    if any(one.kind == LATE for one in statements):
        raise UnprovenError("a late statement says nothing of what it does not list")
    if any(_lists(one, receipt) for one in statements for receipt in receipts):
        raise UnprovenError("a statement lists the receipt")


def _lists(statement: Statement, receipt: Receipt) -> bool:
    if (statement.issuer, statement.account) != (receipt.issuer, receipt.account):
        return False
    return any(
        entry.stream == receipt.stream
        and entry.first <= receipt.sequence < entry.first + entry.count
        for entry in statement.streams
    )


def finding_texts(finding: Finding) -> dict[str, str]:
    """What a claim repeats of a finding."""
    known = {name: getattr(finding, name) for name in FIELDS}
    texts = {name: str(value) for name, value in known.items() if value is not None}
    return {"code": finding.code, "rule": finding.rule, "count": str(finding.count), **texts}

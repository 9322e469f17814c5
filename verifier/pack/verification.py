"""The verification of a pack: R-19.1 to R-19.9."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from verifier.crypto.keys import (
    KeyConflictError,
    KeyFileError,
    TrustedKey,
    by_kid,
    kid_text,
    read_jwks,
)
from verifier.item.policy import Policy
from verifier.pack import seal
from verifier.pack.archive import MAX_PACK, PackFault, read_archive
from verifier.pack.claims import Evidence, UnprovenError
from verifier.pack.manifest import Claim, Manifest, Standing, read_manifest
from verifier.pack.standings import TOLD_TWICE
from verifier.pricing.card import CardError, RateCard, read_card
from verifier.procedure.question import Question
from verifier.reading.sources import read_fully
from verifier.report.findings import Finding, Findings, plural
from verifier.report.model import Check, ClaimSummary, Input, Report, Subject


def verify_pack(question: Question) -> Report:
    """Verify a pack, which is the one source of the question.

    Raises:
        OSError: the file cannot be read, or there is no room for a temporary file.
    """
    (source,) = question.sources
    with source.open() as stream:
        data = read_fully(stream, MAX_PACK + 1)
        digest, size = sha256(data), len(data)
        while more := stream.read(1 << 20):
            digest.update(more)
            size += len(more)
    verification = _Verification(question)
    verification.verify(data)
    for finding in verification.findings:
        finding.file = source.name
    return verification.report(Input(source.name, size, digest.hexdigest()))


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys that count: the caller's, and of issuers of which it has none the pack's own.

    Attributes:
        by_kid: all of them.
        own: those of the pack.
        issuers: of which the pack has keys.
    """

    by_kid: Mapping[bytes, TrustedKey]
    own: Mapping[bytes, TrustedKey]
    issuers: Set[str]


class _Verification:
    """A pack, rule by rule."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.findings = Findings()
        self.checks: list[Check] = []
        self.claims: list[ClaimSummary] = []
        self.named: set[bytes] = set()
        """The trusted keys of the issuers in the pack, and of its maker."""

    def verify(self, data: bytes) -> None:
        try:
            members = read_archive(data)
            manifest = read_manifest(members)
            if self._is_unaltered(manifest, members):
                keys, cards = self._keys(members), list(_cards(members))
                policy = self._policy(keys, manifest)
                self._check_keys(keys)
                self._prove(Evidence(members, manifest, policy, cards))
        except PackFault as fault:
            self._tell(fault)
        if self.question.period is not None:
            message = "a pack does not show that a period is complete"
            self.findings.add(Finding("period-uncovered", message, rule="R-19.9"))

    def _tell(self, fault: PackFault) -> None:
        where = "" if fault.member is None else f"{fault.member}: "
        found = Finding(fault.code, f"{where}{fault}", rule=fault.rule, field=fault.member)
        self.findings.add(found)

    def _is_unaltered(self, manifest: Manifest, members: Mapping[str, bytes]) -> bool:
        found = list(seal.alterations(manifest, members))
        for fault in found:
            self._tell(fault)
        of = len(members) - 1  # the seal is what the others are held against
        self.checks.append(Check("members as sealed", of - min(of, len(found)), of, len(found)))
        if found:
            return False
        maker = seal.maker(manifest, members, self.question.policy)
        unsigned = Check("signature of the maker", 0, 0, 0, "nobody signed the pack")
        if maker is not None:
            self.named |= {kid for kid in self.question.policy.keys if kid_text(kid) == maker.kid}
            whose = f"{maker.name}, key {maker.kid}"
            own = None if maker.trusted else f"by the pack's own key of {whose}: compare it"
            unsigned = Check("signature of the maker", int(maker.trusted), 1, 0, own)
        self.checks.append(unsigned)
        return True

    def _keys(self, members: Mapping[str, bytes]) -> _Keys:
        trusted = self.question.policy.keys
        known = {key.issuer for key in trusted.values()}
        in_pack = _keys_in(members)
        own = {
            kid: key
            for kid, key in in_pack.items()
            if key.issuer not in known and kid not in trusted
        }
        return _Keys({**own, **trusted}, own, {key.issuer for key in in_pack.values()})

    def _policy(self, keys: _Keys, manifest: Manifest) -> Policy:
        given = self.question.policy
        observers = given.observers | manifest.observers
        return replace(given, keys=keys.by_kid, observers=observers, require_cache_id=False)

    def _check_keys(self, keys: _Keys) -> None:
        """R-19.6."""
        trusted_keys = self.question.policy.keys
        self.named |= {kid for kid, key in trusted_keys.items() if key.issuer in keys.issuers}
        shown = [f"{kid_text(key.kid)} of {key.issuer}" for key in keys.own.values()]
        for key in keys.own.values():
            message = f"the key {kid_text(key.kid)} of {key.issuer} came with the pack"
            found = Finding("pack-keys", message, issuer=key.issuer, actual=kid_text(key.kid), group=key.issuer)  # fmt: skip
            self.findings.add(found)
        own = f"the pack's own: {', '.join(shown)}" if shown else None
        issuers, untrusted = keys.issuers, {key.issuer for key in keys.own.values()}
        self.checks.append(
            Check("issuers with trusted keys", len(issuers - untrusted), len(issuers), 0, own)
        )

    def _prove(self, evidence: Evidence) -> None:
        """R-19.7 and R-19.8."""
        claims = evidence.manifest.claims
        reached, failed = 0, 0
        for claim in claims:
            why = None
            if claim.standing is Standing.ASSERTED:
                self.findings.add(_about("claim-asserted", claim, "it rests on words"))
            else:
                try:
                    evidence.prove(claim)
                    reached += 1
                except UnprovenError as error:
                    why, failed = str(error), failed + 1
                    self.findings.add(_about("claim-unproven", claim, why))
            self.claims.append(_summary(claim, why))
        told = len(claims) - reached - failed
        words = f"{plural(told, 'claim')} on the maker's word" if told else None
        self.checks.append(Check("claims reached again", reached, len(claims), failed, words))

    def report(self, read: Input) -> Report:
        """All that there is to say."""
        asked = self.question.asked
        named = self.question.signers(self.named)
        return Report(Subject.PACK, [read], [], named, asked, [], self.checks, self.findings, claims=self.claims)  # fmt: skip


def _keys_in(members: Mapping[str, bytes]) -> dict[bytes, TrustedKey]:
    keys: list[TrustedKey] = []
    for name, data in sorted(members.items()):
        if name.startswith("keys/"):
            try:
                keys += by_kid(read_jwks(data)).values()
            except KeyFileError:
                message = "it is no key file that can be used"
                raise PackFault("pack-malformed", message, "R-19.5", name) from None
    try:
        return by_kid(keys)
    except KeyConflictError:
        message = "the key files list a key in two ways"
        raise PackFault("pack-malformed", message, "R-19.5", "keys/") from None


def _cards(members: Mapping[str, bytes]) -> Iterator[RateCard]:
    for name, data in sorted(members.items()):
        if name.startswith("cards/"):
            try:
                yield read_card(data)
            except CardError:
                message = "it is no rate card that can be used"
                raise PackFault("pack-malformed", message, "R-19.5", name) from None


def _summary(claim: Claim, why: str | None) -> ClaimSummary:
    told_twice = claim.standing is Standing.SIGNED and claim.finding["code"] in TOLD_TWICE
    return ClaimSummary(claim.number, str(claim.standing), claim.finding, why, told_twice)


def _about(code: str, claim: Claim, why: str) -> Finding:
    finding = claim.finding
    names = ("issuer", "account", "stream", "request")
    place: dict[str, Any] = {name: finding[name] for name in names if name in finding}
    message = f"claim {claim.number}, {finding['code']}: {why}"
    return Finding(code, message, field=f"claims.{claim.number}", **place)

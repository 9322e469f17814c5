"""The manifest of a pack, read strictly (R-19.2; spec/pack.md, Manifest)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from verifier.customer.jcs import CanonicalError, canonical
from verifier.pack.archive import PackFault
from verifier.report.codes import RULES

MANIFEST: Final = "manifest.json"
SEAL: Final = "seal.cbor"
README: Final = "README.md"
MAKER: Final = "maker.jwks.json"
CACHE_KEY: Final = "cache-key.json"
MAX_CLAIMS: Final = 1000
MAX_EVIDENCE: Final = 268_435_456
"""Bytes of all evidence, each member as often as it is named."""
_ALONE: Final = frozenset({README, CACHE_KEY, MAKER, MANIFEST, SEAL, "report.json", "report.html"})
_NAME: Final = re.compile(
    r"((cards|equivocations|objects|proofs|received)/[a-z0-9-]{1,64}\.cbor"
    r"|(prompts|record)/[a-z0-9-]{1,64}\.jsonl|keys/[a-z0-9-]{1,64}\.jwks\.json)"
)
_EVIDENCE: Final = ("equivocations", "objects", "prompts", "proofs", "received", "record")
_MEMBERS: Final = {"pack": int, "batches": list, "options": dict, "maker": str | None, "claims": list, "members": dict}  # fmt: skip
_CLAIM: Final = {"number": int, "standing": str, "finding": dict, "evidence": list}
_OPTIONS: Final = {"margin_ms": int, "aliases": dict, "observers": list}
FIELDS: Final = (
    "issuer", "account", "stream", "sequence", "request", "number", "field", "expected", "actual",
)  # fmt: skip
"""What a claim repeats of a finding, beside code, rule and count, where it is known."""
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_DAY_MS: Final = 86_400_000


class Standing(StrEnum):
    """What a claim is worth to somebody who trusts nobody but the issuer's key."""

    SIGNED = "signed"
    """The issuer's own signatures show it."""
    RECORD = "record"
    """What the issuer signed and the customer's record contradict each other."""
    ASSERTED = "asserted"
    """A pack cannot show it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One finding that is disputed.

    Attributes:
        number: of the finding in the report on the batch.
        standing: what it is worth.
        finding: code, rule, place and values, as text.
        evidence: the members that it rests on, in their order.
    """

    number: int
    standing: Standing
    finding: Mapping[str, str]
    evidence: tuple[str, ...]

    def within(self, folder: str) -> list[str]:
        """The members of one folder in the evidence, in their order."""
        return [name for name in self.evidence if name.startswith(f"{folder}/")]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a pack says of itself.

    Attributes:
        batches: SHA-256 of the files that the claims are from, in hexadecimal.
        margin: how far the clocks of both sides may be apart, in ms.
        aliases: other names of models.
        observers: the issuers that the maker took for observers.
        maker: the ``kid`` of the key that signed the seal, as text; None: nobody signed it.
        claims: by number.
        members: SHA-256 of the others, by name, in hexadecimal.
    """

    batches: tuple[str, ...]
    margin: int
    aliases: Mapping[str, str]
    observers: frozenset[str]
    maker: str | None
    claims: tuple[Claim, ...]
    members: Mapping[str, str]


def read_manifest(members: Mapping[str, bytes]) -> Manifest:
    """The manifest of a pack, which lists just the members that are there.

    Raises:
        PackFault: it is not as it should be.
    """
    for name in members:
        if name not in _ALONE and _NAME.fullmatch(name) is None:
            raise _malformed("a pack has no member of this name", name)
    for name in (README, MANIFEST, SEAL):
        if name not in members:
            raise _malformed("the member is missing", name)
    manifest = _manifest(members[MANIFEST])
    listed = manifest.members.keys()
    for name in sorted(listed ^ (members.keys() - {MANIFEST, SEAL})):
        raise _malformed("the member is not there" if name in listed else "not listed", name)
    if not any(name.startswith("keys/") for name in members):
        raise _malformed("there is no key file")
    if (manifest.maker is None) is (MAKER in members):
        raise _malformed("a maker is named and its key file is there, or neither", MAKER)
    _check_evidence(manifest, members)
    return manifest


def _malformed(message: str, member: str | None = None) -> PackFault:
    return PackFault("pack-malformed", message, "R-19.2", member)


def _manifest(data: bytes) -> Manifest:
    try:
        document = json.loads(data.decode())
        if canonical(document) != data:
            raise _malformed("the manifest is not in the form of RFC 8785", MANIFEST)
    except (CanonicalError, RecursionError, ValueError) as error:
        raise _malformed(f"not JSON: {error}", MANIFEST) from None
    _check(document, _MEMBERS, "the manifest")
    options = document["options"]
    _check(options, _OPTIONS, "options")
    _check_texts(options["aliases"].values(), "aliases")
    _check_texts(options["observers"], "observers")
    for digests in (document["batches"], list(document["members"].values())):
        _check_texts(digests, "batches and members")
        if not all(map(_DIGEST.fullmatch, digests)):
            raise _malformed("a SHA-256 has 64 digits in lower case", MANIFEST)
    if document["pack"] != 1 or not 0 <= options["margin_ms"] <= _DAY_MS:
        raise _malformed("pack is 1, and margin_ms at most a day", MANIFEST)
    claims = tuple(map(_claim, document["claims"]))
    numbers = [0, *(claim.number for claim in claims)]
    if not 1 <= len(claims) <= MAX_CLAIMS or any(a >= b for a, b in zip(numbers, numbers[1:])):  # noqa: B905, RUF007
        raise _malformed(f"1 to {MAX_CLAIMS} claims, with ascending numbers", MANIFEST)
    return Manifest(
        tuple(document["batches"]), options["margin_ms"], options["aliases"], frozenset(options["observers"]),
        document["maker"], claims, document["members"],
    )  # fmt: skip


def _check(document: Any, members: Mapping[str, Any], what: str) -> None:
    """That an object has just these members, of these types."""
    if not isinstance(document, dict) or document.keys() != members.keys():
        raise _malformed(f"{what} has the members {', '.join(members)}", MANIFEST)
    for name, kind in members.items():
        if not isinstance(document[name], kind) or isinstance(document[name], bool):
            raise _malformed(f"{what}: {name} is of another type", MANIFEST)


def _check_texts(values: Any, what: str) -> None:
    if not all(isinstance(value, str) for value in values):
        raise _malformed(f"{what} are texts", MANIFEST)


def _claim(document: Any) -> Claim:
    _check(document, _CLAIM, "a claim")
    finding, evidence = document["finding"], document["evidence"]
    _check_texts([*finding.values(), *evidence], "finding and evidence")
    known = {"code", "rule", "count", *FIELDS}
    if not {"code", "rule", "count"} <= finding.keys() <= known or finding["code"] not in RULES:
        raise _malformed("a finding has code, rule, count, and what else a finding has", MANIFEST)
    if document["standing"] not in list(Standing):
        raise _malformed("the standing is signed, record or asserted", MANIFEST)
    standing = Standing(document["standing"])
    return Claim(document["number"], standing, finding, tuple(evidence))


def _check_evidence(manifest: Manifest, members: Mapping[str, bytes]) -> None:
    """That the members that claims rest on are there, and no endless work."""
    left = MAX_EVIDENCE
    for claim in manifest.claims:
        if len(set(claim.evidence)) < len(claim.evidence):
            raise _malformed("a claim names a member twice", MANIFEST)
        for name in claim.evidence:
            if name not in members or name.partition("/")[0] not in _EVIDENCE:
                raise _malformed("a claim rests on what is no evidence of the pack", name)
            left -= len(members[name])
    if left < 0:
        raise _malformed(f"the evidence has more than {MAX_EVIDENCE} bytes", MANIFEST)

"""The manifest of a pack, read strictly (R-19.2; spec/pack.md, Manifest)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from verifier.crypto.strict_json import strict_json
from verifier.customer.jcs import canonical
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
_MEMBERS: Final = ("pack", "batches", "options", "maker", "claims", "members")
_OPTIONS: Final = ("margin_ms", "aliases", "observers")
_CLAIM: Final = ("number", "standing", "finding", "evidence")
FIELDS: Final = (
    "issuer", "account", "stream", "sequence", "request", "number", "field", "expected", "actual",
)  # fmt: skip
"""What a claim repeats of a finding, beside code, rule and count, where it is known."""
_ALWAYS: Final = ("code", "rule", "count")
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
        document = strict_json(data)
        is_canonical = canonical(document) == data
    except ValueError:
        is_canonical = False
    if not is_canonical:
        raise _malformed("the manifest is not JSON in the form of RFC 8785", MANIFEST)
    _expect(_has(document, _MEMBERS), "the manifest", f"the members {', '.join(_MEMBERS)}")
    _expect(_is_number(document["pack"], 1, 1), "pack", "1")
    batches, maker = document["batches"], document["maker"]
    _expect(isinstance(batches, list) and all(map(_is_digest, batches)), "batches", "an array of SHA-256 in hexadecimal")  # fmt: skip
    margin, aliases, observers = _options(document["options"])
    _expect(maker is None or isinstance(maker, str), "maker", "a text or null")
    claims = _claims(document["claims"])
    members = document["members"]
    _expect(isinstance(members, dict) and all(map(_is_digest, members.values())), "members", "an object of SHA-256 in hexadecimal")  # fmt: skip
    return Manifest(tuple(batches), margin, aliases, observers, maker, claims, members)


def _expect(is_so: bool, path: str, expected: str) -> None:
    if not is_so:
        raise _malformed(f"{path}: expected {expected}", MANIFEST)


def _has(value: Any, members: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and value.keys() == set(members)


def _is_number(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _options(options: Any) -> tuple[int, Mapping[str, str], frozenset[str]]:
    _expect(_has(options, _OPTIONS), "options", f"the members {', '.join(_OPTIONS)}")
    margin, aliases, observers = (options[name] for name in _OPTIONS)
    _expect(_is_number(margin, 0, _DAY_MS), "options.margin_ms", f"0 to {_DAY_MS}")
    is_texts = isinstance(aliases, dict) and _are_texts([*aliases.values()])
    _expect(is_texts, "options.aliases", "an object of texts")
    _expect(_are_texts(observers), "options.observers", "an array of texts")
    return margin, aliases, frozenset(observers)


def _claims(values: Any) -> tuple[Claim, ...]:
    is_list = isinstance(values, list) and 1 <= len(values) <= MAX_CLAIMS
    _expect(is_list, "claims", f"an array of 1 to {MAX_CLAIMS}")
    claims: list[Claim] = []
    for n, value in enumerate(values):
        claims.append(_claim(value, f"claims.{n}", claims[-1].number + 1 if claims else 1))
    return tuple(claims)


def _claim(value: Any, path: str, least: int) -> Claim:
    _expect(_has(value, _CLAIM), path, f"the members {', '.join(_CLAIM)}")
    number, standing, finding, evidence = (value[name] for name in _CLAIM)
    _expect(_is_number(number, least, 2**53), f"{path}.number", f"a number of at least {least}")
    _expect(standing in list(Standing), f"{path}.standing", "signed, record or asserted")
    _expect(_is_finding(finding), f"{path}.finding", "texts: code, rule, count, and what else a finding has")  # fmt: skip
    _expect(_are_texts(evidence), f"{path}.evidence", "an array of texts")
    return Claim(number, Standing(standing), finding, tuple(evidence))


def _is_finding(value: Any) -> bool:
    if not isinstance(value, dict) or not _are_texts([*value.values()]):
        return False
    return {*_ALWAYS} <= value.keys() <= {*_ALWAYS, *FIELDS} and value["code"] in RULES


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

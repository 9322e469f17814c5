"""Vectors of packs."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from receipts import SigningKey, equivocation, inclusion_proof
from receipts.cache_id import CacheKey, token_ids
from receipts.signing import PACK, Signer, byte_string
from tests.build import (
    ACCOUNT,
    ISSUER,
    NOON,
    NOVEMBER,
    SECOND,
    STRANGER,
    USAGE,
    Batch,
    Stream,
    jwk_set,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.vectors.model import Vector, flip
from verifier import canonical

PLACE = {"issuer": ISSUER, "account": ACCOUNT, "stream": "gpu-7", "sequence": "1"}
REQUEST = {**PLACE, "request": "gpu-7-1"}
AUDITOR = "https://auditor.example"


def archive(members: dict[str, bytes], order: Callable[[str], Any] = str.encode) -> bytes:
    """A ZIP file in the form of a pack."""
    out = io.BytesIO()
    with ZipFile(out, "w") as file:
        for name in sorted(members, key=order):
            entry = ZipInfo(name)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            file.writestr(entry, members[name])
    return out.getvalue()


@dataclass
class Made:
    """A pack that can be spoiled in every place before it is sealed."""

    finding: dict[str, str]
    standing: str = "signed"
    evidence: dict[str, bytes] = field(default_factory=dict)
    others: dict[str, bytes] = field(default_factory=dict)
    maker: SigningKey | None = None
    change: Callable[[dict[str, Any]], Any] = lambda _manifest: None
    """Changes the manifest before it is sealed."""

    def members(self) -> dict[str, bytes]:
        members = {
            "README.md": b"# A dispute\n",
            "keys/1.jwks.json": json.dumps(jwk_set()).encode(),
            **self.evidence,
            **self.others,
        }
        if self.maker is not None:
            members["maker.jwks.json"] = json.dumps(jwk_set(SECOND, issuer=AUDITOR)).encode()
        manifest: dict[str, Any] = {
            "pack": 1,
            "batches": [],
            "options": {"margin_ms": 300_000, "aliases": {}, "observers": []},
            "maker": None if self.maker is None else _kid(SECOND),
            "claims": [{"number": 3, "standing": self.standing, "finding": {"count": "1", **self.finding}, "evidence": [*self.evidence]}],
            "members": {name: sha256(data).hexdigest() for name, data in members.items()},
        }  # fmt: skip
        self.change(manifest)
        return {**members, **sealed(canonical(manifest), self.maker)}

    def data(self) -> bytes:
        return archive(self.members())


def sealed(manifest: bytes, maker: SigningKey | None = None) -> dict[str, bytes]:
    content = byte_string(sha256(manifest).digest())
    seal = content if maker is None else Signer(maker.private, PACK).sign(content).data
    return {"manifest.json": manifest, "seal.cbor": seal}


def _kid(key: SigningKey) -> str:
    return str(jwk_set(key)["keys"][0]["kid"])


def vectors() -> Iterator[Vector]:
    yield from _reached()
    yield from _forms()
    yield from _manifests()
    yield from _alterations()
    yield from _makers()
    yield from _keys()
    yield from _unproven()
    yield from _asserted()


def _more_cached(sequence: int, claims: dict[int, Any]) -> None:
    if sequence == 1:
        claims[10] = {1: 3000, 2: 4000, 3: 0}


def _arithmetic(**over: Any) -> Made:
    """A receipt that contradicts itself, with its proof."""
    batch = Batch(Stream(change=_more_cached))
    proof = inclusion_proof(
        batch.ones[1].data, 1, [one.digest for one in batch.ones], batch.statement.data
    )
    finding = {"code": "cached-exceeds-logical", "rule": "R-8.1", **REQUEST, "field": "input.cached", "expected": "at most 3000", "actual": "4000"}  # fmt: skip
    evidence = {
        "objects/1.cbor": batch.ones[1].data,
        "objects/2.cbor": batch.statement.data,
        "proofs/1.cbor": proof,
    }
    return Made(finding, evidence=evidence, **over)


def _line(**over: Any) -> bytes:
    line = {"request": "gpu-7-1", "sent": NOON + 500, "answered": NOON + 1000, "status": 200, "usage": USAGE, **over}  # fmt: skip
    return json.dumps(line).encode() + b"\n"


def _dearer(sequence: int, claims: dict[int, Any]) -> None:
    if sequence == 1:
        claims[10] = {1: 30_000, 2: 2000, 3: 28_000, 4: {300: 600}}


def _counts(line: bytes | None = None) -> Made:
    """A receipt that says another count than the customer's record."""
    batch = Batch(Stream(change=_dearer))
    finding = {"code": "count-differs", "rule": "R-14.7", **REQUEST, "field": "logical", "expected": "3000", "actual": "30000"}  # fmt: skip
    evidence = {
        "objects/1.cbor": batch.ones[1].data,
        "objects/2.cbor": batch.statement.data,
        "record/1.jsonl": _line() if line is None else line,
    }
    return Made(finding, "record", evidence)


def _told_twice() -> Made:
    one = sign_receipt(receipt_claims(1, bytes(32)))
    two = sign_receipt(receipt_claims(1, bytes(32), request="req_other"))
    finding = {"code": "receipt-equivocation", "rule": "R-9.2", **PLACE, "request": "req_1"}
    return Made(finding, evidence={"equivocations/1.cbor": equivocation(one.data, two.data)})


def _omitted(sequence: int = 0, **over: Any) -> Made:
    """A receipt that came with a response, and that the statement of its time does not list."""
    came = sign_receipt(receipt_claims(sequence, bytes(32) if sequence else None, stream="gpu-9"))
    batch = Batch(two=Stream("gpu-9", 2)) if sequence else Batch()
    statement = sign_statement({**batch.claims, **over}) if over else batch.statement
    finding = {
        "code": "received-omitted", "rule": "R-14.13", "issuer": ISSUER, "account": ACCOUNT, "stream": "gpu-9",
        "sequence": str(sequence), "request": f"req_{sequence}",
    }  # fmt: skip
    evidence = {"objects/1.cbor": statement.data, "received/1.cbor": came.data}
    return Made(finding, evidence=evidence)


def _identifier() -> Made:
    """A cache identifier that is not of the prompt, and the key of the month."""
    month = CacheKey(ACCOUNT, bytes(32)).for_period("2026-11")
    claims = receipt_claims(1, bytes(32), input={1: 4, 2: 2, 3: 2}, cache={1: {1: "tokens-hmac-sha256", 2: bytes(32), 3: 2}})  # fmt: skip
    one = sign_receipt(claims)
    prompt = {"request": "req_1", "tokens": [1, 2, 3, 4]}
    right = token_ids("claude-sonnet-4-6", [1, 2], [2], month)[2]
    finding = {"code": "cache-id-mismatch", "rule": "R-14.19", **PLACE, "request": "req_1", "field": "cache", "expected": right.hex(), "actual": bytes(32).hex()}  # fmt: skip
    evidence = {"objects/1.cbor": one.data, "prompts/1.jsonl": json.dumps(prompt).encode() + b"\n"}
    return Made(finding, "record", evidence, {"cache-key.json": month.to_json()})


def _vector(name: str, rule: str, comment: str, made: Made | bytes, code: str | None = None, **more: Any) -> Vector:  # fmt: skip
    data = made if isinstance(made, bytes) else made.data()
    return Vector(f"pack-{name}", rule, comment, [data], code, **more)


def _reached() -> Iterator[Vector]:
    for name, comment, made in (
        ("signed", "a receipt that contradicts itself, with its proof", _arithmetic()),
        ("record", "a count that is not the customer's own", _counts()),
        ("told-twice", "an equivocation", _told_twice()),
        ("omitted", "a receipt that came, and that the statement leaves out", _omitted()),
        ("identifier", "a cache identifier, with the key of its month", _identifier()),
    ):
        yield _vector(name, "R-19.7", comment, made)


def _forms() -> Iterator[Vector]:
    honest = _arithmetic()
    data, members = honest.data(), honest.members()
    first = len(members["README.md"]) + 30 + len("README.md")
    end = len(data) - 22
    central = struct.unpack_from("<I", data, end + 16)[0]
    commented = data[:-2] + struct.pack("<H", 2) + b"hi"
    for name, comment, spoiled in (
        ("behind", "a byte behind the end", data + b"\0"),
        ("comment", "a comment of the archive", commented),
        ("between", "a byte between two members", data[:first] + b"\0" + data[first:]),
        ("cut", "the last byte is missing", data[:-1]),
        ("dated", "a date in the central directory", flip(data, central + 12)),
        ("attributes", "a member is a symbolic link", data[: central + 41] + b"\xa1" + data[central + 42 :]),
        ("crc", "another CRC in both places", _crc(data, central)),
        ("order", "members in another order", archive(members, lambda name: name.swapcase())),
        ("size", "a size beyond the end", data[:22] + b"\xff" * 4 + data[26:]),
    ):  # fmt: skip
        yield _vector(name, "R-19.1", comment, spoiled, "pack-malformed")
    twice = data[:first] + data[:central]
    yield _vector("twice", "R-19.1", "a member twice", twice, "pack-malformed")
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as file:
        file.writestr(ZipInfo("batch.cbor"), Batch().data, ZIP_DEFLATED)
    yield Vector("input-zip", "R-0.1", "a ZIP file that is no pack", [out.getvalue()], no_verdict=True)  # fmt: skip


def _crc(data: bytes, central: int) -> bytes:
    return flip(flip(data, 14), central + 16)


def _with(change: Callable[[dict[str, Any]], Any], **others: bytes) -> Made:
    return _arithmetic(change=change, others={name.replace("__", "/"): data for name, data in others.items()})  # fmt: skip


def _without(name: str) -> bytes:
    members = _arithmetic().members()
    del members[name]
    return archive(members)


def _manifests() -> Iterator[Vector]:
    def claim(**over: Any) -> Made:
        return _with(lambda manifest: manifest["claims"][0].update(over))

    def options(**over: Any) -> Made:
        return _with(lambda manifest: manifest["options"].update(over))

    cases: tuple[tuple[str, str, Made | bytes], ...] = (
        ("no-readme", "the README is missing", _without("README.md")),
        ("no-manifest", "the manifest is missing", _without("manifest.json")),
        ("no-seal", "the seal is missing", _without("seal.cbor")),
        ("not-there", "a listed member is missing", _without("objects/2.cbor")),
        ("unlisted", "a member is not listed", archive({**_arithmetic().members(), "objects/3.cbor": b"\xa0"})),
        ("traversal", "a name that leads out of the folder", _with(lambda _: None, **{"../x.cbor": b""})),
        ("folder", "a member in another folder", _with(lambda _: None, **{"other/1.cbor": b""})),
        ("upper-case", "a name with a capital", _with(lambda _: None, **{"objects/A.cbor": b""})),
        ("keyless", "no key file", _with(lambda m: m["members"].pop("keys/1.jwks.json"))),
        ("version", "another version", _with(lambda m: m.update(pack=2))),
        ("member-more", "a member of the manifest that is not known", _with(lambda m: m.update(more=1))),
        ("claimless", "no claim", _with(lambda m: m.update(claims=[]))),
        ("numbers", "two claims with one number", _with(lambda m: m.update(claims=m["claims"] * 2))),
        ("number-zero", "a claim with the number 0", claim(number=0)),
        ("standing", "another standing", claim(standing="proven")),
        ("evidence-none", "evidence that is not there", claim(evidence=["objects/9.cbor"])),
        ("evidence-twice", "a member twice in one claim", claim(evidence=["objects/1.cbor"] * 2)),
        ("evidence-readme", "evidence that is none", claim(evidence=["README.md"])),
        ("finding-code", "a code that is none", claim(finding={"code": "no-such", "rule": "R-1.1", "count": "1"})),
        ("finding-number", "a number in a finding", claim(finding={"code": "count-differs", "rule": "R-14.7", "count": 1})),
        ("digest", "a digest in capitals", _with(lambda m: m.update(batches=["AB" * 32]))),
        ("margin", "a margin of more than a day", options(margin_ms=86_400_001)),
        ("margin-true", "a margin that is no number", options(margin_ms=True)),
        ("aliases", "an alias that is no text", options(aliases={"a": 1})),
        ("maker-none", "a key file of a maker, and no maker", _with(lambda _: None, **{"maker.jwks.json": b"{}"})),
    )  # fmt: skip
    for name, comment, made in cases:
        if name == "keyless":
            members = _arithmetic(change=lambda m: m["members"].pop("keys/1.jwks.json")).members()
            del members["keys/1.jwks.json"]
            made = archive(members)
        yield _vector(name, "R-19.2", comment, made, "pack-malformed")
    for name, comment, member in (
        ("key-file", "a key file that is none", {"keys/2.jwks.json": b"{}"}),
        ("key-two-ways", "a key in two ways", {"keys/2.jwks.json": json.dumps(jwk_set(exp=2)).encode()}),
        ("card", "a rate card that is none", {"cards/1.cbor": b"\xa0"}),
    ):  # fmt: skip
        made = _with(lambda _: None, **member)
        yield _vector(name, "R-19.5", comment, made, "pack-malformed")
    members = _arithmetic().members()
    spaced = json.dumps(json.loads(members["manifest.json"])).encode()
    form = archive({**members, **sealed(spaced)})
    yield _vector("form", "R-19.2", "a manifest with spaces", form, "pack-malformed")
    twice = members["manifest.json"].replace(b'{"batches":[]', b'{"batches":[],"batches":[]')
    form = archive({**members, **sealed(twice)})
    yield _vector("member-twice", "R-19.2", "a member of the manifest twice", form, "pack-malformed")  # fmt: skip


def _alterations() -> Iterator[Vector]:
    for name in ("README.md", "keys/1.jwks.json", "objects/1.cbor", "proofs/1.cbor"):
        members = _arithmetic().members()
        members[name] = flip(members[name], 40 % len(members[name]))
        label = f"altered-{name.partition('.')[0].replace('/', '-').lower()}"
        yield _vector(label, "R-19.3", f"a bit of {name}", archive(members), "pack-altered")
    members = _arithmetic().members()
    other = members["manifest.json"].replace(b'"actual":"4000"', b'"actual":"5000"')
    changed = archive({**members, "manifest.json": other})
    yield _vector("altered-manifest", "R-19.3", "another manifest", changed, "pack-altered")
    members["seal.cbor"] = flip(members["seal.cbor"], 20)
    yield _vector("altered-seal", "R-19.3", "a bit of the seal", archive(members), "pack-altered")


def _makers() -> Iterator[Vector]:
    honest = _arithmetic(maker=SECOND)
    yield _vector("maker", "R-19.4", "signed by its maker", honest)
    stranger = _arithmetic(maker=STRANGER)
    yield _vector("maker-other", "R-19.4", "signed by another key", stranger, "pack-altered")
    members = honest.members()
    turned = archive({**members, "seal.cbor": flip(members["seal.cbor"], -1)})
    yield _vector("maker-signature", "R-19.4", "a bit of the signature", turned, "pack-altered")
    content = byte_string(sha256(members["manifest.json"]).digest())
    unsigned = archive({**members, "seal.cbor": content})
    yield _vector("maker-unsigned", "R-19.4", "a maker, and no signature", unsigned, "pack-altered")
    as_receipt = Signer(SECOND.private, "receipt").sign(content).data
    mistaken = archive({**members, "seal.cbor": as_receipt})
    yield _vector("maker-receipt", "R-19.4", "a seal with the header of a receipt", mistaken, "pack-altered")  # fmt: skip
    none = _arithmetic(maker=SECOND, change=lambda m: m.update(maker=_kid(STRANGER)))
    yield _vector("maker-name", "R-19.4", "the maker is another key", none, "pack-altered")


def _keys() -> Iterator[Vector]:
    others = jwk_set(STRANGER, issuer="https://other.example.com")
    yield _vector("keys-own", "R-19.6", "no key of the issuer is trusted", _arithmetic(), "pack-keys", keys=others)  # fmt: skip
    rotated = jwk_set(STRANGER)
    yield _vector("keys-others", "R-19.7", "the issuer's trusted key is another one", _arithmetic(), "claim-unproven", keys=rotated)  # fmt: skip


def _unproven() -> Iterator[Vector]:
    def arithmetic(**over: Any) -> Made:
        made = _arithmetic()
        made.evidence.update(
            {name.replace("__", "/") + ".cbor": data for name, data in over.items()}
        )
        return made

    batch = Batch(Stream(change=_more_cached))
    forged = sign_receipt(receipt_claims(1, bytes(32)), STRANGER)
    other = inclusion_proof(
        batch.ones[0].data, 0, [one.digest for one in batch.ones], batch.statement.data
    )
    honest = _counts(_line(usage={**USAGE, "input_tokens": 27_400}))
    elsewhere = _told_twice()
    elsewhere.finding["account"] = "globex"
    nothing = _told_twice()
    two = sign_receipt(receipt_claims(2, bytes(32))).data
    nothing.evidence = {"equivocations/1.cbor": equivocation(sign_receipt(receipt_claims(1, bytes(32))).data, two)}  # fmt: skip
    late = statement_claims({"gpu-7": Batch().ones}, number=1, previous=bytes(32), kind=1, start=NOVEMBER[0], end=NOVEMBER[1])  # fmt: skip
    upgraded, counted, signed = _omitted(), _counts(), _arithmetic(standing="record")
    upgraded.finding["rule"] = "R-14.14"
    counted.standing = "signed"
    dated = _with(lambda m: m["claims"][0]["finding"].update(actual="4001"))
    bare = _arithmetic()
    bare.change = lambda m: m["claims"][0].update(evidence=[])
    for name, comment, made in (
        ("value", "another value than what is found", dated),
        ("rule", "another rule than what is found", upgraded),
        ("agrees", "the record says what the receipt says", honest),
        ("garbled", "a record that cannot be read", _counts(b"{}}\n")),
        ("forged", "an object that a stranger signed", arithmetic(objects__3=forged.data)),
        ("garbage", "an object that is none", arithmetic(objects__3=b"\x82")),
        ("proof-other", "a proof of another receipt", arithmetic(proofs__2=other)),
        ("proof-path", "a proof whose path leads elsewhere", arithmetic(proofs__1=flip(_arithmetic().evidence["proofs/1.cbor"], len(batch.ones[1].data) + 8))),
        ("proof-none", "a proof that is none", arithmetic(proofs__2=batch.ones[1].data)),
        ("listed", "a statement lists the receipt that is left out", _omitted(1)),
        ("late", "a late statement does not list it", _omitted()),
        ("account", "an equivocation of another account", elsewhere),
        ("contradiction", "two objects that do not contradict each other", nothing),
        ("signed-record", "what needs the record is called signed", counted),
        ("record-signed", "what is signed is called record", signed),
        ("bare", "no evidence", bare),
    ):  # fmt: skip
        if name == "late":
            made = _omitted()
            made.evidence["objects/2.cbor"] = sign_statement(late).data
        yield _vector(name, "R-19.7", comment, made, "claim-unproven")


def _asserted() -> Iterator[Vector]:
    finding = {"code": "request-without-receipt", "rule": "R-14.1", "request": "req_9"}
    made = Made(finding, "asserted", {"record/1.jsonl": _line(request="req_9")})
    yield _vector("asserted", "R-19.8", "a request without a receipt", made, "claim-asserted")
    period = {"period": list(NOVEMBER)}
    yield _vector("period", "R-19.9", "a period is asked for", _arithmetic(), "period-uncovered", options=period)  # fmt: skip
    of_other = {"account": "globex"}
    yield _vector("account-expected", "R-19.7", "another account is expected", _arithmetic(), "claim-unproven", options=of_other)  # fmt: skip

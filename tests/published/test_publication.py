"""Publishing, and looking for one's statements: who tells two stories, and how it shows."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.published import (
    CODES,
    Published,
    PublishedMemory,
    check_publication,
    open_site,
    read_checkpoint,
    read_policy,
)
from receipts import SigningKey
from receipts.publishing import Log, blind, entry, extra, sign_note
from tests.build import (
    ISSUER,
    KEY,
    NOVEMBER,
    SECOND,
    STRANGER,
    jwk_set,
    sign_statement,
    statement_claims,
)
from verifier import Policy, Verdict, by_kid, bytes_source, read_jwks, verify

ORIGIN = "api.example.com"
SECRET = bytes(range(32))
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)


def trusted(**members):
    return by_kid(read_jwks(json.dumps(jwk_set(KEY, **members)).encode()))


def statement(account="acme", number=0, **over):
    if number:
        over |= {"number": number, "previous": bytes(32)}
    return sign_statement(statement_claims({}, account=account, **over))


def given(*statements):
    """The statements as they come out of the verification."""
    found = []
    for one in statements:
        source = bytes_source("s", one.data)
        found += verify([source], Policy(trusted())).statements
    assert len(found) == len(statements)
    return found


@dataclass
class Issuer:
    """An issuer that can do all that its key allows, and the folder of its site."""

    folder: Path
    key: SigningKey = KEY
    log: Log = field(default_factory=Log)

    def add(self, *statements, secret=SECRET):
        self.log.add(
            entry(blind(secret, account), number, signed.digest)
            for account, number, signed in statements
        )
        return self

    @property
    def note(self):
        return sign_note(self.log.head(ORIGIN), ORIGIN, self.key)

    def site(self, note=None):
        self.folder.mkdir(exist_ok=True)
        (self.folder / "checkpoint").write_bytes(note or self.note)
        (self.folder / "entries").write_bytes(self.log.entries)
        return open_site(str(self.folder))

    def proof(self, signed, account="acme", number=0, secret=SECRET, note=None):
        own = blind(secret, account)
        place = Log(self.log.entries).entries.index(entry(own, number, signed.digest)) // 64
        return self.log.proof(place, note or self.note, extra(own, number, account))


S0, S1 = statement(), statement(number=1)
OTHER = statement("beta")
TWICE = statement(totals={1: 7})
"""Another statement 0 of acme."""


@pytest.fixture
def honest(tmp_path):
    return Issuer(tmp_path / "site").add(("acme", 0, S0), ("beta", 0, OTHER), ("acme", 1, S1))


def check(statements, **told):
    told.setdefault("keys", trusted())
    return check_publication(Published(given(*statements), told.pop("keys"), **told))


def codes(standing):
    for one in standing.findings:
        assert CODES[one.code].rule.startswith("P-")
        assert one.where
        assert one.message
    return [one.code for one in standing.findings]


def test_proofs_alone(honest):
    proofs = {"0": honest.proof(S0), "1": honest.proof(S1, number=1)}
    standing = check([S0, S1], proofs=proofs)
    assert codes(standing) == []
    assert standing.verdict is Verdict.VERIFIED
    assert ("log", "api.example.com, 3 entries") in standing.facts


def test_a_proof_and_the_site_for_all_statements(honest):
    standing = check([S0, S1], proofs={"0": honest.proof(S0)}, site=honest.site())
    assert codes(standing) == []
    assert [name for name, _ in standing.facts] == [
        "log",
        "statement 0 of acme",
        "statement 1 of acme",
    ]


def test_nothing_is_compared(honest):
    assert codes(check([S0], site=honest.site())) == ["statement-uncompared"]
    assert codes(check([])) == ["statement-uncompared"]
    standing = check([S0, S1], proofs={"0": honest.proof(S0)})
    assert codes(standing) == ["statement-uncompared"]
    assert standing.findings[0].where == "statement 1 of acme"


def test_a_proof_for_another_statement_is_left_out(honest):
    standing = check([S0], proofs={"0": honest.proof(S0), "b": honest.proof(OTHER, "beta")})
    assert codes(standing) == []
    assert standing.facts[-1] == ("not compared", "b is for statement 0 of beta, which is not here")


def test_another_statement_than_the_published_one(honest):
    """The customer holds one story, the log another."""
    proof = honest.proof(S0)
    assert codes(check([TWICE], proofs={"0": proof})) == ["entry-unproven", "statement-uncompared"]
    standing = check([TWICE, S1], proofs={"1": honest.proof(S1, number=1)}, site=honest.site())
    assert codes(standing) == ["statement-published-otherwise"]
    assert standing.verdict is Verdict.REJECTED


def test_two_stories_in_one_log(honest):
    """Each side has a proof that holds; whoever reads the entries sees both."""
    honest.add(("acme", 0, TWICE))
    for mine in (S0, TWICE):
        assert codes(check([mine], proofs={"0": honest.proof(mine)})) == []
        standing = check([mine], proofs={"0": honest.proof(mine)}, site=honest.site())
        assert codes(standing) == ["statement-published-twice"]


def test_two_stories_under_two_blinds(honest, tmp_path):
    second = bytes(32)
    honest.add(("acme", 0, TWICE), secret=second)
    memory = PublishedMemory(tmp_path / "memory")
    assert codes(check([S0], proofs={"0": honest.proof(S0)}, memory=memory)) == []
    late = honest.proof(TWICE, secret=second)
    standing = check([TWICE], proofs={"0": late}, memory=memory)
    assert codes(standing) == ["blind-differs", "statement-uncompared"]
    assert codes(check([TWICE], proofs={"0": late}, memory=memory, site=honest.site())) == [
        "blind-differs", "statement-published-otherwise",
    ]  # fmt: skip


def test_two_logs_with_one_key(honest, tmp_path):
    """Who remembers, or has both, holds the proof."""
    other = Issuer(tmp_path / "other").add(("acme", 0, TWICE), ("beta", 0, OTHER), ("acme", 1, S1))
    memory = PublishedMemory(tmp_path / "memory")
    assert codes(check([S0], proofs={"0": honest.proof(S0)}, memory=memory)) == []
    standing = check([S1], proofs={"1": other.proof(S1, number=1)}, memory=memory)
    assert codes(standing) == ["log-rewritten"]
    assert sorted(standing.evidence.values()) == sorted([honest.note, other.note])
    grown = other.add(("gamma", 0, statement("gamma")))
    standing = check([S1], site=grown.site(), memory=memory)
    assert codes(standing) == ["log-rewritten"]
    proofs = {
        "a": honest.proof(S0),
        "b": Issuer(tmp_path, log=Log(other.log.entries[:192])).proof(S1, number=1),
    }
    assert codes(check([S0, S1], proofs=proofs)) == ["log-rewritten"]


def cosigned(note, time=1_796_100_000, key=WITNESS, name="w.example.com"):
    """What a witness answers, written out from tlog-cosignature alone."""
    from base64 import b64encode

    text = note.decode().rpartition("\n\n")[0] + "\n"
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    public = key.public_key().public_bytes_raw()
    key_id = sha256(name.encode() + b"\n\x04" + public).digest()[:4]
    line = b64encode(key_id + time.to_bytes(8, "big") + key.sign(message)).decode()
    vkey = f"{name}+{key_id.hex()}+{b64encode(bytes([4]) + public).decode()}"
    return note + f"— {name} {line}\n".encode(), vkey


def test_two_logs_and_a_witness_that_both_sides_share(honest, tmp_path):
    """The witness has cosigned one of the logs, and cosigns no other."""
    note, vkey = cosigned(honest.note)
    policy = read_policy("p", f"witness w {vkey}\nquorum w\n".encode())
    standing = check([S0], proofs={"0": honest.proof(S0, note=note)}, policy=policy)
    assert codes(standing) == []
    assert ("cosigned by w", "2026-12-01T04:40:00Z") in standing.facts
    other = Issuer(tmp_path / "other").add(("acme", 0, TWICE))
    standing = check([TWICE], proofs={"0": other.proof(TWICE)}, policy=policy)
    assert codes(standing) == ["witnesses-missing"]
    assert standing.verdict is Verdict.INCOMPLETE
    moved = other.note + note.splitlines(keepends=True)[-1]
    standing = check([TWICE], proofs={"0": other.proof(TWICE, note=moved)}, policy=policy)
    assert codes(standing) == ["checkpoint-invalid", "statement-uncompared"]
    stranger, _ = cosigned(other.note, key=Ed25519PrivateKey.generate())
    standing = check([TWICE], proofs={"0": other.proof(TWICE, note=stranger)}, policy=policy)
    assert codes(standing) == ["witnesses-missing"]


def test_checkpoints_of_others(honest):
    proofs = {"0": honest.proof(S0)}
    honest.key = STRANGER
    unsigned = ["checkpoint-unsigned", "statement-uncompared"]
    assert codes(check([S0], proofs={"0": honest.proof(S0)})) == unsigned
    assert (
        codes(check([S0], proofs=proofs, keys=trusted(revoked={"revoked_at": NOVEMBER[0] // 1000})))
        == unsigned
    )
    both = jwk_set(KEY, SECOND)
    keys = by_kid(read_jwks(json.dumps(both).encode()))
    honest.key = SECOND
    assert codes(check([S0], proofs={"0": honest.proof(S0)}, keys=keys)) == []
    elsewhere = by_kid(read_jwks(json.dumps(jwk_set(KEY, issuer="https://other")).encode()))
    assert codes(check([S0], proofs=proofs, keys=elsewhere)) == unsigned


def test_another_issuer_with_the_same_origin(honest):
    """Whoever is pinned as `api.example.com` does not speak for `https://api.example.com`."""
    other = by_kid(read_jwks(json.dumps(jwk_set(STRANGER, issuer=ORIGIN)).encode()))
    honest.key = STRANGER
    proofs, keys = {"0": honest.proof(S0)}, trusted() | other
    assert codes(check([S0], proofs=proofs, keys=keys)) == [
        "checkpoint-unsigned", "statement-uncompared",
    ]  # fmt: skip
    assert codes(check([S0], site=honest.site(), keys=keys)) == ["statement-uncompared"]


def test_a_signature_that_does_not_hold(honest):
    note = honest.note
    changed = note.replace(b"\n3\n", b"\n4\n")
    standing = check([S0], proofs={"0": honest.proof(S0, note=changed)})
    assert codes(standing) == ["checkpoint-invalid", "statement-uncompared"]
    second = note + sign_note("another text\n", ORIGIN, KEY).splitlines(keepends=True)[-1]
    assert codes(check([S0], proofs={"0": honest.proof(S0, note=second)})) == [
        "checkpoint-invalid", "statement-uncompared",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda proof: proof.replace(b"index 0", b"index 1"), "entry-unproven"),
        (lambda proof: proof.replace(b"index 0", b"index 9"), "entry-unproven"),
        (lambda proof: proof.replace(b"\n\n", b"\n" + bytes(43).replace(b"\0", b"A") + b"=\n\n", 1), "entry-unproven"),
        (lambda proof: proof.replace(b"index 0", b"index 00"), "publication-malformed"),
        (lambda proof: proof.replace(b"@v1", b"@v2"), "publication-malformed"),
        (lambda proof: proof[:60], "publication-malformed"),
        (lambda proof: proof.replace(b"extra ", b"extra AAAA", 1), None),
        (lambda proof: proof.replace(proof.splitlines()[1], b"extra AAAA"), "publication-malformed"),
        (lambda proof: proof.replace(b"\n\n", 65 * (b"\n" + b"A" * 43 + b"=") + b"\n\n", 1), "publication-malformed"),
        (lambda proof: b"\xff" + proof, "publication-malformed"),
        (lambda _proof: b"", "publication-malformed"),
    ],
)  # fmt: skip
def test_proofs_with_a_fault(tmp_path, change, code):
    issuer = Issuer(tmp_path).add(("acme", 0, S0))
    issuer.add(*[("beta", number, OTHER) for number in range(1, 4)])
    own = entry(blind(SECRET, "acme"), 0, S0.digest)
    issuer.log = Log(own + issuer.log.entries.replace(own, b""))
    proof = issuer.proof(S0)
    assert codes(check([S0], proofs={"0": proof})) == []
    standing = check([S0], proofs={"0": change(proof)})
    assert codes(standing)[:1] == ([code] if code else ["statement-uncompared"])
    assert codes(standing)[-1] == "statement-uncompared"


def test_every_byte_of_a_proof_counts(honest):
    proof = honest.proof(S0)
    for place in range(len(proof)):
        changed = bytearray(proof)
        changed[place] ^= 1
        assert codes(check([S0], proofs={"0": bytes(changed)})), place


def test_sites_with_a_fault(honest):
    proofs = {"0": honest.proof(S0)}
    site = honest.site()
    entries = honest.folder / "entries"
    good = entries.read_bytes()
    entries.write_bytes(good[:-1])
    assert codes(check([S0], proofs=proofs, site=site)) == ["entries-missing"]
    entries.write_bytes(good[:64] + bytes(64) + good[128:])
    assert codes(check([S0], proofs=proofs, site=site)) == ["entries-differ"]
    entries.write_bytes(good + b"one more entry that no checkpoint counts")
    assert codes(check([S0], proofs=proofs, site=site)) == []
    (honest.folder / "checkpoint").write_bytes(b"<html>")
    assert codes(check([S0], proofs=proofs, site=site)) == ["publication-malformed"]


def test_an_old_site(honest, tmp_path):
    memory = PublishedMemory(tmp_path / "memory")
    site = honest.site()
    honest.add(("acme", 2, statement(number=2)))
    assert codes(check([S0], proofs={"0": honest.proof(S0)}, memory=memory)) == []
    standing = check([S0], site=site, memory=memory)
    assert codes(standing) == ["log-behind"]
    assert memory.checkpoint(ISSUER).size == 4


def test_a_statement_that_is_not_published(honest):
    late = statement(number=2)
    standing = check([S0, late], proofs={"0": honest.proof(S0)}, site=honest.site())
    assert codes(standing) == ["statement-unpublished"]
    assert standing.verdict is Verdict.INCOMPLETE


def test_what_is_wrong_is_not_remembered(honest, tmp_path):
    memory = PublishedMemory(tmp_path / "memory")
    check([TWICE], proofs={"0": honest.proof(S0)}, memory=memory)
    assert memory.checkpoint(ISSUER) is None
    assert memory.blind(ISSUER, "acme") is None
    check([S0], proofs={"0": honest.proof(S0)}, memory=memory)
    assert memory.checkpoint(ISSUER).note.data == honest.note
    assert memory.blind(ISSUER, "acme") == blind(SECRET, "acme")
    assert memory.folder.stat().st_mode & 0o777
    assert {path.stat().st_mode & 0o777 for path in memory.folder.glob("*/*")} == {0o600}


def test_an_entry_cannot_be_guessed(honest):
    """Whoever knows account, number and the whole statement, but not the blind, finds nothing of it in the entries."""
    for guess in (S0.digest, sha256(S0.digest).digest(), sha256(b"acme").digest()):
        assert guess not in honest.log.entries
    own = blind(SECRET, "acme")
    assert entry(own, 0, S0.digest) in honest.log.entries
    assert own not in honest.log.entries
    assert blind(bytes(32), "acme") != own


def test_the_table_of_findings_is_that_of_the_specification():
    text = (Path(__file__).parents[2] / "spec/publication.md").read_text()
    table = text.split("<!-- begin findings -->")[1].split("<!-- end findings -->")[0]
    rows = [
        [cell.strip() for cell in row.split("|")[1:-1]]
        for row in table.splitlines()
        if row.startswith("| `")
    ]
    assert rows == [[f"`{code}`", str(one.severity), one.meaning] for code, one in CODES.items()]
    for code, one in CODES.items():
        assert f"**{one.rule}** `{code}`" in text.replace("\n  ", " "), code


def test_the_memory_goes_forward_only(honest, tmp_path):
    memory = PublishedMemory(tmp_path / "memory")
    large = read_checkpoint(honest.note)
    small = read_checkpoint(Issuer(tmp_path).add(("acme", 0, S0)).note)
    for one in (small, large, small):
        memory.remember(ISSUER, one)
    assert memory.checkpoint(ISSUER).size == 3
    for one in (b"first", b"second"):
        memory.remember_blind(ISSUER, "acme", one)
    assert memory.blind(ISSUER, "acme") == b"first"

"""`receipt publish`, and `receipt verify` with what it wrote, as people use them."""

import json
import stat

import pytest

from cli.published import read_proof
from receipts.publishing import scitt_statement
from tests.build import ACCOUNT, DECEMBER, ISSUER, KEY, SECOND, Batch, Stream, jwk_set
from tests.published.test_publication import cosigned, statement


@pytest.fixture
def batches(folder, keys, shell):
    """Batches of two accounts, whose issuer is pinned."""
    over = {"account": "beta"}
    beta = Batch(Stream(over=over), Stream("gpu-8", 2, over=over), statement_over=over)
    for name, batch in (("acme", Batch()), ("beta", beta)):
        (folder / f"{name}.cbor").write_bytes(batch.data)
    assert shell("trust add keys/issuer.jwks.json --yes -q").code == 0
    return folder


PUBLISH = "publish acme.cbor beta.cbor --keys keys --site site --accounts accounts"


def published(shell, line=PUBLISH):
    result = shell(f"{line} --json")
    assert result.code == 0, result
    return json.loads(result.out)


def test_the_whole_way(shell, batches):
    done = published(shell)
    assert (done["origin"], done["size"], done["new"]) == ("api.example.com", 2, 2)
    places = {one["account"]: one["folder"] for one in done["statements"]}
    assert sorted(path.name for path in (batches / "site").iterdir()) == [
        "add-checkpoint", "checkpoint", "entries", "issuer.jwks.json",
    ]  # fmt: skip
    assert (batches / "site/issuer.jwks.json").read_bytes() == (
        batches / "keys/issuer.jwks.json"
    ).read_bytes()
    assert stat.S_IMODE((batches / "keys/publication.secret").stat().st_mode) == 0o600
    proof = f"{places['acme']}/0.tlog-proof"
    result = shell(f"verify acme.cbor --published {proof} --publication site")
    assert result.code == 0
    assert result.out.startswith("verified: acme.cbor\n")
    assert "\nverified: publication\n  log           api.example.com, 2 entries\n" in result.out
    result = shell("verify acme.cbor --publication site -q")  # the blind is remembered
    assert (result.code, result.out) == (0, "verified: acme.cbor\nverified: publication\n")
    assert (
        shell(f"verify {places['acme']}/0.cbor -q").code == 1
    )  # the statement alone: receipts are missing


def test_the_verdict_is_the_worse_one(shell, batches):
    published(shell)
    result = shell("verify acme.cbor --publication site --json")
    document = json.loads(result.out)
    assert result.code == 3
    assert document["verdict"] == "verified"
    assert document["publication"] == {
        "verdict": "incomplete",
        "facts": [{"name": "log", "value": "api.example.com, 2 entries"}],
        "findings": [
            {
                "code": "statement-uncompared",
                "rule": "P-5.1",
                "severity": "incomplete",
                "where": "statement 0 of acme",
                "message": "no proof, and no blind with a site, is at hand",
            }
        ],
    }


def test_what_a_reader_of_the_terminal_sees(shell, batches):
    published(shell)
    result = shell("verify acme.cbor --publication site --no-remember")
    assert result.out.endswith(
        "incomplete: publication\n"
        "  log           api.example.com, 2 entries\n"
        "  incomplete statement-uncompared\n"
        "      statement 0 of acme\n"
        "      the statement was not looked for in a log: no proof, and no blind with a\n"
        "      site, is at hand\n"
        "      hint: give its proof: --published NUMBER.tlog-proof\n"
    )


def test_a_log_grows(shell, batches):
    first = published(shell)
    again = published(shell)
    assert again == {**first, "new": 0}
    before = (batches / "site/entries").read_bytes()
    (batches / "late.cbor").write_bytes(
        statement(number=1, start=DECEMBER[0], end=DECEMBER[1]).data
    )
    third = published(shell, PUBLISH.replace("acme.cbor beta.cbor", "late.cbor"))
    assert (third["size"], third["new"]) == (3, 1)
    assert (batches / "site/entries").read_bytes().startswith(before)
    assert (batches / "site/add-checkpoint").read_bytes().startswith(b"old 2\n")
    proof = first["statements"][0]["folder"] + "/0.tlog-proof"
    assert shell(f"verify acme.cbor --published {proof} --publication site -q").code == 0


def test_a_cosigned_checkpoint_stays(shell, batches):
    published(shell)
    path = batches / "site/checkpoint"
    note, vkey = cosigned(path.read_bytes())
    path.write_bytes(note)
    (batches / "policy").write_text(f"witness w {vkey}\nquorum w\n")
    done = published(shell)
    assert path.read_bytes() == note
    proof = done["statements"][0]["folder"] + "/0.tlog-proof"
    assert read_proof((batches / proof).read_bytes()).checkpoint.note.data == note
    result = shell(f"verify acme.cbor --published {proof} --witnesses policy")
    assert "  cosigned by w 2026-12-01T04:40:00Z\n" in result.out
    assert result.code == 0


def test_what_a_witness_is_sent(shell, batches):
    published(shell)
    assert (
        (batches / "site/add-checkpoint").read_bytes().startswith(b"old 0\n\napi.example.com\n2\n")
    )
    published(shell, f"{PUBLISH} --old 1")
    assert (batches / "site/add-checkpoint").read_bytes().startswith(b"old 1\n")
    result = shell(f"{PUBLISH} --old 3")
    assert (result.code, result.err) == (
        2, "receipt: error: --old 3: the log has 2 entries\nreceipt: hint: ask the witness again\n",
    )  # fmt: skip


def test_a_site_from_an_old_copy_is_not_gone_on_with(shell, batches):
    """It would be a second log under the issuer's key, and look like fraud."""
    published(shell, PUBLISH.replace("beta.cbor ", ""))
    old = files(batches / "site")
    published(shell)
    for path, data in old.items():
        path.write_bytes(data)
    result = shell(PUBLISH)
    assert result.code == 2
    assert "site/entries is not the log of keys/publication.checkpoint" in result.err


def test_a_run_that_was_stopped_goes_on(shell, batches):
    """Entries are there before the checkpoint that counts them."""
    published(shell, PUBLISH.replace("beta.cbor ", ""))
    before = files(batches)
    published(shell)
    for path, data in before.items():
        if path.name != "entries":
            path.write_bytes(data)
    done = published(shell)
    assert (done["size"], done["new"]) == (2, 0)
    assert b"\n2\n" in (batches / "site/checkpoint").read_bytes()


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_statements_of_one_number_are_not_published(shell, batches):
    published(shell)
    (batches / "other.cbor").write_bytes(statement(totals={1: 7}).data)
    before = files(batches)
    result = shell(PUBLISH.replace("acme.cbor", "other.cbor"))
    assert result.code == 2
    assert "another statement 0 of acme is published" in result.err
    assert files(batches) == before


def test_a_statement_that_the_issuer_has_not_signed(shell, batches):
    forged = bytearray(Batch().statement.data)
    forged[-1] ^= 1
    (batches / "acme.cbor").write_bytes(forged)
    result = shell(PUBLISH)
    assert result.code == 2
    assert "statement 0 of acme is not validly signed: signature-invalid" in result.err
    assert not (batches / "site").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "site/entries").write_bytes(bytes(65)), "ends within an entry"),
        (lambda f: (f / "site/entries").write_bytes(bytes(128)), "is not the log of"),
        (lambda f: (f / "site/entries").unlink(), "is not the log of"),
        (
            lambda f: (f / "site/checkpoint").write_bytes(b"<html>"),
            "site/checkpoint: no signature lines",
        ),
        (lambda f: (f / "site").rename(f / "old"), "is not the log of keys/publication.checkpoint"),
        (lambda f: (f / "keys/publication.checkpoint").write_bytes(b"x"), "no signature lines"),
        (lambda f: (f / "keys/publication.secret").unlink(), "is not there, and the log is begun"),
        (lambda f: (f / "keys/publication.secret").write_bytes(b"x"), "has 1 bytes, not 32"),
    ],
)
def test_a_damaged_log_is_not_begun_again(shell, batches, damage, message):
    published(shell)
    damage(batches)
    before = files(batches)
    result = shell(PUBLISH)
    assert result.code == 2
    assert message in result.err
    assert files(batches) == before


def test_nothing_to_publish(shell, batches):
    (batches / "acme.cbor").write_bytes(Stream().receipts()[0].data)
    result = shell("publish acme.cbor --keys keys --site site --accounts accounts")
    assert (result.code, result.out) == (2, "")
    assert f"no statement of {ISSUER} is in the input" in result.err


@pytest.mark.parametrize("issuer", ["a b", "a+b", "https://"])
def test_an_issuer_that_can_have_no_log(shell, batches, issuer):
    jwks = jwk_set(KEY, issuer=issuer)
    (batches / "keys/issuer.jwks.json").write_text(json.dumps(jwks))
    result = shell(PUBLISH)
    assert result.code == 2
    assert "such an issuer cannot have a log" in result.err or "issuer" in result.err


def test_a_key_that_took_over(shell, batches):
    """The log goes on; the checkpoint is signed again."""
    published(shell)
    before = (batches / "site/checkpoint").read_bytes()
    (batches / "keys/issuer.pem").write_bytes(SECOND.to_pem())
    keys = jwk_set(KEY, SECOND)
    keys["keys"][0]["revoked"] = {"revoked_at": DECEMBER[1] // 1000}
    (batches / "keys/issuer.jwks.json").write_text(json.dumps(keys))
    done = published(shell)
    after = (batches / "site/checkpoint").read_bytes()
    assert after.splitlines()[:3] == before.splitlines()[:3]
    assert after != before
    proof = done["statements"][0]["folder"] + "/0.tlog-proof"
    (batches / "old").write_bytes(before)
    assert shell("trust add site/issuer.jwks.json --yes -q").code == 0
    assert shell(f"verify acme.cbor --published {proof} -q").code == 0


def test_witnesses_without_a_log(shell, batches):
    result = shell("verify acme.cbor --witnesses policy")
    assert result.code == 2
    assert "--witnesses goes with --published or --publication" in result.err


def test_evidence_of_two_logs_is_kept(shell, batches):
    done = published(shell)
    folder = done["statements"][0]["folder"]
    assert done["statements"][0]["account"] == ACCOUNT
    assert shell(f"verify acme.cbor --published {folder}/0.tlog-proof -q").code == 0
    (batches / "gamma.cbor").write_bytes(statement("gamma").data)
    (batches / "keys/publication.checkpoint").unlink()  # else the second log is refused
    other = published(
        shell, "publish acme.cbor gamma.cbor --keys keys --site site2 --accounts accounts2"
    )
    proof = next(one["folder"] for one in other["statements"] if one["account"] == ACCOUNT)
    result = shell(f"verify acme.cbor --published {proof}/0.tlog-proof --proofs evidence")
    assert result.code == 1
    assert "rejected log-rewritten" in result.out
    kept = sorted(path.read_bytes() for path in (batches / "evidence").iterdir())
    assert kept == sorted(
        (batches / f"{site}/checkpoint").read_bytes() for site in ("site", "site2")
    )


def test_a_memory_that_is_damaged(shell, batches):
    done = published(shell)
    proof = done["statements"][0]["folder"] + "/0.tlog-proof"
    assert shell(f"verify acme.cbor --published {proof} -q").code == 0
    (path,) = (batches / "trust/publications").glob("*/checkpoint")
    path.write_bytes(b"x")
    result = shell(f"verify acme.cbor --published {proof} -q")
    assert result.code == 2
    assert "a remembered checkpoint is damaged" in result.err


def test_a_stranger_s_key_file_fills_no_memory(shell, batches):
    done = published(shell)
    proof = done["statements"][0]["folder"] + "/0.tlog-proof"
    line = f"verify acme.cbor --keys keys/issuer.jwks.json --published {proof} -q"
    assert shell(line).code == 0
    assert not (batches / "trust/publications").exists()


def test_a_site_that_is_not_there(shell, batches):
    result = shell("verify acme.cbor --publication nowhere")
    assert result.code == 2
    assert "nowhere/checkpoint" in result.err


def test_statements_for_scitt(shell, batches):
    done = published(shell, f"{PUBLISH} --scitt")
    one = done["statements"][0]
    statement_, message = (
        (batches / one["folder"] / name).read_bytes() for name in ("0.cbor", "0.scitt.cose")
    )
    assert message == scitt_statement(statement_, bytes.fromhex(one["digest"]))
    assert not list((batches / "site").glob("*.cose"))


def test_the_statement_of_a_proof_is_not_compared(shell, batches):
    done = published(shell)
    proof = done["statements"][0]["folder"] + "/0.tlog-proof"
    assert shell("prove acme.cbor --request gpu-7-0 -o proof.cbor -q").code == 0
    result = shell(f"verify proof.cbor --published {proof}")
    assert result.code == 3
    assert "of a proof or an equivocation none is compared" in " ".join(result.out.split())

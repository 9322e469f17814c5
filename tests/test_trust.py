"""Pins and memory: who is trusted, and that a story told twice is caught the next time."""

import json
from pathlib import Path

import cbor2
import pytest

from tests.build import (
    ACCOUNT,
    DECEMBER,
    ISSUER,
    KEY,
    SECOND,
    STRANGER,
    Batch,
    Stream,
    encode,
    jwk_set,
    sign_statement,
    statement_claims,
)
from verifier import kid_text as text
from verifier.__main__ import main as verifier_main


@pytest.fixture
def pinned(shell, folder):
    (folder / "issuer.json").write_text(json.dumps(jwk_set(KEY)))
    assert shell("trust add issuer.json --yes").code == 0
    return shell


def december(november):
    return Batch(
        one=Stream("gpu-7", 3, 3, november.ones[-1].digest, over={"time": DECEMBER[0]}),
        two=Stream("gpu-9", 2, over={"time": DECEMBER[0]}),
        statement_over={
            "number": 1,
            "previous": november.statement.digest,
            "start": DECEMBER[0],
            "end": DECEMBER[1],
        },
    )


def told_again(batch):
    """The same period with fewer cached tokens, signed perfectly."""
    return Batch(one=Stream(over={"input": {1: 3000, 2: 1000, 3: 2000}}), two=batch.two)


def test_pin_list_remove(pinned):
    listed = pinned("trust list")
    assert listed.out == f"{ISSUER}\n  {text(KEY.kid)}\n"
    assert pinned(f"trust remove {ISSUER}").code == 0
    assert pinned("trust list").out == ""
    Path("b.cbor").write_bytes(Batch().data)
    assert pinned("verify b.cbor").code == 3


def test_pinning_needs_an_answer(shell, folder):
    (folder / "issuer.json").write_text(json.dumps(jwk_set(KEY)))
    result = shell("trust add issuer.json")
    assert (result.code, "there is no terminal" in result.err) == (2, True)
    assert text(KEY.kid) in result.err
    assert shell("trust list").out == ""


def test_pinning_again_shows_what_changes(pinned, folder):
    (folder / "new.json").write_text(json.dumps(jwk_set(SECOND, exp=1800000000)))
    result = pinned("trust add new.json --yes")
    assert f"key {text(SECOND.kid)}, until 2027-01-15T08:00:00Z (new)" in result.err
    assert f"key {text(KEY.kid)} (pinned now, would be dropped)" in result.err
    (folder / "again.json").write_text(json.dumps(jwk_set(SECOND)))
    result = pinned("trust add again.json --yes")
    assert f"key {text(SECOND.kid)}, until 2027-01-15T08:00:00Z (as pinned now)" in result.err


def test_a_weak_key_is_not_pinned(shell, folder):
    jwks = jwk_set(KEY)
    from receipts import jwk

    jwks["keys"].append(jwk(b"\x01" + bytes(31)))
    (folder / "weak.json").write_text(json.dumps(jwks))
    result = shell("trust add weak.json --yes")
    assert (result.code, "must not be trusted: it is a point of small order" in result.err) == (
        2,
        True,
    )
    assert shell("trust list").out == ""


def proofs():
    return sorted(Path().glob("proofs/equivocation-*.zip"))


def test_a_forked_statement_is_caught_the_next_time_and_proven(pinned):
    honest = Batch()
    Path("first.cbor").write_bytes(honest.data)
    Path("second.cbor").write_bytes(told_again(honest).data)
    assert pinned("verify first.cbor").code == 0
    assert pinned("verify first.cbor").code == 0
    result = pinned("verify second.cbor --json --proofs proofs/")
    assert result.code == 1
    assert [(f["code"], f["item"], f["number"]) for f in json.loads(result.out)["findings"]] == [
        ("statement-equivocation", 5, 0)
    ]
    (proof,) = proofs()
    assert f"the proof is in {proof}" in result.err
    checked = pinned(f"verify {proof}")
    assert checked.code == 0
    assert "a proof that the issuer told two stories" in " ".join(checked.out.split())
    pinned("verify second.cbor --proofs proofs")
    assert proofs() == [proof]
    # An issuer that is known to have told two stories is not verified by telling the first one again.
    assert pinned("verify first.cbor --proofs proofs").code == 1
    assert proofs() == [proof]


def test_without_a_folder_the_proof_is_beside_the_report(pinned, folder):
    Path("first.cbor").write_bytes(Batch().data)
    Path("second.cbor").write_bytes(told_again(Batch()).data)
    pinned("verify first.cbor")
    result = pinned("verify second.cbor")
    assert result.code == 1
    (path,) = folder.glob("equivocation-*.zip")
    assert result.err == (
        f"receipt: warning: statement-equivocation: the proof is in {path.name}; anybody can check it: receipt verify {path.name}\n"
    )
    assert pinned(f"verify {path.name}").code == 0


def test_a_rolled_back_number_is_caught_and_proven(pinned):
    """Number 5 for December is remembered; then number 3 comes for January."""
    january = (1798761600000, 1801440000000)
    for name, number, period in (("five", 5, DECEMBER), ("three", 3, january)):
        claims = statement_claims(
            {}, number=number, previous=bytes(32), start=period[0], end=period[1]
        )
        Path(f"{name}.cbor").write_bytes(sign_statement(claims).data)
    assert pinned("verify five.cbor").code == 0
    result = pinned("verify three.cbor --period 2027-01 --json --proofs proofs")
    assert [(f["code"], f["number"]) for f in json.loads(result.out)["findings"]] == [
        ("statement-rollback", 3)
    ]
    (proof,) = proofs()
    assert pinned(f"verify {proof}").code == 0


def test_a_broken_link_to_what_is_remembered_is_proven(pinned):
    november = Batch()
    Path("nov.cbor").write_bytes(november.data)
    claims = december(november).claims | {5: bytes(32)}
    batch = december(november)
    Path("dec.cbor").write_bytes(b"".join(batch.receipts) + sign_statement(claims).data)
    pinned("verify nov.cbor")
    result = pinned("verify dec.cbor --json --proofs proofs")
    assert [f["code"] for f in json.loads(result.out)["findings"]] == ["statement-chain-broken"]
    assert len(proofs()) == 1


def test_an_older_batch_again_needs_its_period_named(pinned):
    november = Batch()
    Path("nov.cbor").write_bytes(november.data)
    Path("dec.cbor").write_bytes(december(november).data)
    assert pinned("verify nov.cbor").code == 0
    assert pinned("verify dec.cbor").code == 0
    replayed = pinned("verify nov.cbor --json")
    assert (replayed.code, [f["code"] for f in json.loads(replayed.out)["findings"]]) == (
        3,
        ["statement-replayed"],
    )
    assert pinned("verify nov.cbor --period 2026-11").code == 0
    assert pinned("verify nov.cbor --no-remember").code == 0


def test_no_remember_leaves_the_memory_alone(pinned, folder):
    Path("b.cbor").write_bytes(Batch().data)
    before = sorted(folder.rglob("trust/**/*"))
    assert pinned("verify b.cbor --no-remember").code == 0
    assert sorted(folder.rglob("trust/**/*")) == before


def test_the_link_to_the_statement_before_is_checked_from_memory(pinned):
    november = Batch()
    Path("nov.cbor").write_bytes(november.data)
    Path("dec.cbor").write_bytes(december(november).data)
    alone = pinned("verify dec.cbor --no-remember --json")
    check = {c["check"]: c for c in json.loads(alone.out)["checks"]}["link to the statement before"]
    assert (alone.code, check["passed"], check["of"]) == (0, 0, 1)
    assert "--previous" in check["not_checked"]
    pinned("verify nov.cbor")
    linked = pinned("verify dec.cbor --json")
    check = {c["check"]: c for c in json.loads(linked.out)["checks"]}[
        "link to the statement before"
    ]
    assert (linked.code, check["passed"], check["not_checked"]) == (0, 1, None)


def test_a_statement_by_a_stranger_is_not_remembered(pinned, folder):
    batch = Batch()
    Path("b.cbor").write_bytes(
        b"".join(batch.receipts) + sign_statement(batch.claims, STRANGER).data
    )
    assert pinned("verify b.cbor").code == 3
    assert not list(folder.glob("trust/statements/*/*"))


def test_a_rejected_batch_s_statement_is_remembered(pinned):
    """A signed statement is a fact, whatever is wrong with the batch around it."""
    batch = Batch()
    Path("short.cbor").write_bytes(b"".join(batch.receipts[1:]) + batch.statement.data)
    claims = cbor2.loads(encode(batch.claims))
    claims[10][2] -= 1
    Path("other.cbor").write_bytes(b"".join(batch.receipts) + sign_statement(claims).data)
    assert pinned("verify short.cbor").code == 1
    result = pinned("verify other.cbor --json")
    assert "statement-equivocation" in json.loads(result.out)["finding_counts"]


def test_accounts_are_remembered_apart(pinned):
    for account in (ACCOUNT, "other"):
        over = {"account": account}
        batch = Batch(
            one=Stream(over=over),
            two=Stream("gpu-8", 2, over=over),
            statement_over={"account": account},
        )
        Path("b.cbor").write_bytes(batch.data)
        assert pinned("verify b.cbor").code == 0


# Memory is bound to the pinned keys.


def key_file(name, *keys, issuer=ISSUER, **members):
    Path(name).write_text(json.dumps(jwk_set(*keys, issuer=issuer, **members)))


def strange():
    """A batch in the issuer's name, for its customer, by somebody who does not have its key."""
    return Batch(one=Stream(over={"input": {1: 9, 2: 0, 3: 9}}), key=STRANGER)


def codes(result):
    return sorted(json.loads(result.out)["finding_counts"])


def test_a_stranger_s_key_file_does_not_poison_the_memory(pinned, folder):
    """Somebody without the issuer's key asks the customer to look at a batch, with a key file that names the issuer."""
    Path("strange.cbor").write_bytes(strange().data)
    Path("honest.cbor").write_bytes(Batch().data)
    key_file("strange.json", STRANGER)
    looked = pinned("verify strange.cbor --keys strange.json --period 2026-11")
    assert (looked.code, looked.err) == (0, "")
    assert not list(folder.glob("trust/statements/*/*"))
    honest = pinned("verify honest.cbor --period 2026-11 --json")
    assert (honest.code, codes(honest)) == (0, [])


def test_the_memory_counts_whatever_keys_are_given(pinned, folder):
    """A story is told once, also where the customer looks at the second one with a key file; only the look itself is not remembered."""
    Path("first.cbor").write_bytes(Batch().data)
    Path("second.cbor").write_bytes(told_again(Batch()).data)
    Path("strange.cbor").write_bytes(strange().data)
    key_file("strange.json", STRANGER)
    assert pinned("verify first.cbor").code == 0
    before = sorted(folder.glob("trust/statements/*/*"))
    for line in ("second.cbor --keys issuer.json", "strange.cbor --keys strange.json"):
        result = pinned(f"verify {line} --json")
        assert (result.code, codes(result)) == (1, ["statement-equivocation"])
    assert sorted(folder.glob("trust/statements/*/*")) == before
    assert pinned("verify first.cbor --period 2026-11").code == 0


def test_what_was_remembered_counts_when_its_key_is_pinned_no_more(pinned):
    """The issuer rotates, and drops the old key; the story that the old key told stays told."""
    Path("first.cbor").write_bytes(Batch().data)
    Path("second.cbor").write_bytes(Batch(one=Stream(count=2), key=SECOND).data)
    key_file("new.json", SECOND)
    assert pinned("verify first.cbor").code == 0
    assert pinned("trust add new.json --yes").code == 0
    second = pinned("verify second.cbor --json")
    assert (second.code, codes(second)) == (1, ["statement-equivocation"])


# One key in two files.


def test_one_key_under_two_issuers_is_refused(pinned, shell):
    """B lists the key of A in its own key file."""
    Path("batch.cbor").write_bytes(Batch().data)
    key_file("b.json", STRANGER, KEY, issuer="https://b.example")
    told = f"key {text(KEY.kid)} is listed for two issuers, "
    added = pinned("trust add b.json --yes")
    assert (added.code, told in added.err, "receipt trust remove" in added.err) == (2, True, True)
    assert pinned("trust list").out == f"{ISSUER}\n  {text(KEY.kid)}\n"
    both = pinned("verify batch.cbor --keys issuer.json --keys b.json")
    assert (both.code, both.out, told in both.err) == (2, "", True)
    assert "receipt: hint: " in both.err
    assert pinned("verify batch.cbor").code == 0


def test_two_issuers_with_one_key_in_the_store_itself(pinned, folder):
    """A store that was put together by hand, or before that was refused: an error with the way out, and no traceback."""
    Path("batch.cbor").write_bytes(Batch().data)
    key_file("trust/issuers/other.jwks.json", KEY, issuer="https://b.example")
    result = pinned("verify batch.cbor")
    assert (result.code, result.out) == (2, "")
    assert f"key {text(KEY.kid)} is listed for two issuers, " in result.err
    assert "receipt: hint: a key has one owner" in result.err
    assert pinned("verify batch.cbor --keys issuer.json").code == 0
    Path("trust/issuers/other.jwks.json").unlink()
    assert pinned("verify batch.cbor").code == 0


def test_the_same_key_file_twice_counts_once(pinned):
    Path("batch.cbor").write_bytes(Batch().data)
    assert pinned("trust add issuer.json --yes").code == 0
    again = pinned("verify batch.cbor --keys issuer.json --keys issuer.json --period 2026-11")
    assert (again.code, again.err) == (0, "")


def test_the_old_and_the_new_key_file_together(pinned):
    """They are one where they agree; where they do not, the newer one has to be named."""
    Path("batch.cbor").write_bytes(Batch().data)
    key_file("more.json", KEY, SECOND)
    assert pinned("verify batch.cbor --keys issuer.json --keys more.json").code == 0
    key_file("ended.json", KEY, exp=1800000000)
    both = pinned("verify batch.cbor --keys issuer.json --keys ended.json")
    assert (both.code, both.out) == (2, "")
    assert both.err == (
        f"receipt: error: key {text(KEY.kid)} of {ISSUER} is listed in two ways: exp absent and 1800000000\n"
        "receipt: hint: of an issuer's old and new key file give the new one only; a key has one owner\n"
    )
    assert pinned("trust add ended.json --yes").code == 0  # takes the place of the old one
    assert pinned("verify batch.cbor").code == 0


def test_a_key_file_that_contradicts_itself_is_not_pinned(shell, folder):
    document = jwk_set(KEY)
    document["keys"] += jwk_set(KEY, exp=1800000000)["keys"]
    Path("two.json").write_text(json.dumps(document))
    result = shell("trust add two.json --yes")
    assert (result.code, "is listed in two ways: exp absent" in result.err) == (2, True)
    assert shell("trust list").out == ""


def test_the_verifier_alone_refuses_two_ways_in_words(folder, capfd):
    Path("batch.cbor").write_bytes(Batch().data)
    key_file("a.json", KEY)
    key_file("b.json", KEY, issuer="https://b.example")
    assert verifier_main(["batch.cbor", "--keys", "a.json", "--keys", "b.json"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"verifier: error: key {text(KEY.kid)} is listed for two issuers, ")
    assert "\nverifier: hint: " in err
    assert verifier_main(["batch.cbor", "--keys", "a.json", "--keys", "a.json"]) == 0


# The key that the issuer told of.


def test_a_kid_takes_the_place_of_the_answer(shell, folder):
    key_file("issuer.json", KEY)
    assert shell(f"trust add issuer.json --kid {text(KEY.kid)}").code == 0
    assert text(KEY.kid) in shell("trust list").out


def test_another_key_than_the_one_told_of_is_refused(shell, folder):
    """Somebody swaps the key file on its way, or puts a key of its own beside the issuer's."""
    key_file("swapped.json", STRANGER)
    swapped = shell(f"trust add swapped.json --yes --kid {text(KEY.kid)}")
    message = f"swapped.json: expected key {text(KEY.kid)}, found {text(STRANGER.kid)}"
    assert (swapped.code, message in swapped.err) == (2, True)
    key_file("beside.json", KEY, STRANGER)
    beside = shell(f"trust add beside.json --kid {text(KEY.kid)}")
    message = f"key {text(STRANGER.kid)} is new, and no --kid names it"
    assert (beside.code, message in beside.err) == (2, True)
    assert shell("trust list").out == ""
    key_file("issuer.json", KEY)
    assert shell("trust add issuer.json --yes").code == 0  # pinned keys need not be named again
    assert shell(f"trust add beside.json --kid {text(STRANGER.kid)}").code == 0


# What an old key file takes back.


def revoked(key, moment):
    (entry,) = jwk_set(key)["keys"]
    return {**entry, "revoked": {"revoked_at": moment}}


@pytest.mark.parametrize("how", ["--yes", "--kid"])
@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (jwk_set(KEY)["keys"], "and here it is not revoked"),
        ([revoked(KEY, 1800000000)], "and here it is revoked from 2027-01-15T08:00:00Z on"),
        (jwk_set(SECOND)["keys"], "and here it is not listed"),
    ],
)
def test_a_revocation_that_is_pinned_is_not_taken_back(shell, folder, keys, told, how):
    """The thief has the key file of last month; or one without the key, after which that of last month has nothing revoked to lose."""
    both = jwk_set(KEY) | {"keys": [revoked(KEY, 1790000000), *jwk_set(SECOND)["keys"]]}
    Path("now.json").write_text(json.dumps(both))
    assert shell("trust add now.json --yes").code == 0
    before = shell("trust list").out
    Path("old.json").write_text(json.dumps(jwk_set(KEY) | {"keys": keys}))
    how = how if how == "--yes" else f"--kid {keys[0]['kid']}"
    result = shell(f"trust add old.json {how}")
    assert result.code == 2
    assert f"old.json: key {text(KEY.kid)} is pinned as revoked from 2026-" in result.err
    assert told in result.err
    assert f"receipt trust remove {ISSUER} first" in result.err
    assert shell("trust list").out == before
    assert shell(f"trust remove {ISSUER}").code == 0
    assert shell(f"trust add old.json {how}").code == 0


def test_a_revocation_may_come_earlier(shell, folder):
    for moment in (1790000000, 1790000000, 1780000000):
        Path("now.json").write_text(json.dumps(jwk_set(KEY) | {"keys": [revoked(KEY, moment)]}))
        assert shell("trust add now.json --yes").code == 0


def test_a_key_that_has_ended_is_not_opened_again_unless_it_is_named(shell, folder):
    """The key file of before the rotation, beside a --kid for another key."""
    ended = jwk_set(KEY, nbf=1760000000, exp=1790000000)["keys"]
    other = jwk_set(SECOND)["keys"]
    for more in ({"nbf": 1760000000}, {"nbf": 1760000000, "exp": 1800000000}, {"exp": 1790000000}):
        Path("now.json").write_text(json.dumps(jwk_set(KEY) | {"keys": ended + other}))
        assert shell("trust add now.json --yes").code == 0
        old = jwk_set(KEY) | {"keys": jwk_set(KEY, **more)["keys"] + other}
        Path("old.json").write_text(json.dumps(old))
        result = shell(f"trust add old.json --kid {text(SECOND.kid)}")
        assert (result.code, "has more time than is pinned" in result.err) == (2, True)
        assert shell(f"trust add old.json --kid {text(KEY.kid)}").code == 0
        assert shell(f"trust add now.json --kid {text(SECOND.kid)}").code == 0

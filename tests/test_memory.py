"""The memory of statements: listed, exported, held against that of another customer, and forgotten."""

import json
from pathlib import Path

import pytest

from tests.build import ACCOUNT, DECEMBER, ISSUER, KEY, STRANGER, Batch, Stream, jwk_set
from verifier import Statement, batch_file, read_items


@pytest.fixture
def customers(shell, folder):
    """Runs a command as one of two customers, each with a trust store of its own; both have pinned the issuer."""
    Path("issuer.json").write_text(json.dumps(jwk_set(KEY)))

    def run(who, line):
        return shell(f"{line} --trust-store {who}")

    for who in ("one", "two"):
        assert run(who, "trust add issuer.json --yes").code == 0
    return run


def story(cached=2000, account=ACCOUNT, **more):
    """A month of an account, signed perfectly."""
    counts = {"input": {1: 3000, 2: cached, 3: 3000 - cached}, "account": account}
    return Batch(
        one=Stream(over=counts),
        two=Stream("gpu-8", 2, over={"account": account}),
        statement_over={"account": account},
        **more,
    )


def told(customers, who, batch):
    Path(f"{who}.cbor").write_bytes(batch.data)
    assert customers(who, f"verify {who}.cbor --period 2026-11").code == 0


def digest(batch):
    return batch.statement.digest.hex()


def test_two_customers_and_two_stories(customers, folder):
    """The issuer tells two departments of one account different months. Each month verifies; two small files show it."""
    told(customers, "one", story(2000))
    told(customers, "two", story(1000))
    assert customers("two", f"memory export --account {ACCOUNT} --out mail/two.cbor").code == 2
    Path("mail").mkdir()
    assert customers("two", f"memory export --account {ACCOUNT} --out mail/two.cbor").code == 0
    assert Path("mail/two.cbor").stat().st_size < 1000
    result = customers("one", "memory compare mail/two.cbor --json")
    assert result.code == 1
    document = json.loads(result.out)
    assert (document["statements"], document["left_out"], document["compared"]) == (1, 0, 1)
    ((conflict),) = document["conflicts"]
    assert conflict["code"] == "statement-equivocation"
    proof = Path("mail", conflict["proof"])  # beside the file
    assert f"the proof is in {proof}; anybody can check it: receipt verify {proof}" in result.err
    assert "contradict each other: the issuer told two stories" in result.err
    for who in ("one", "two"):
        checked = customers(who, f"verify {proof}")
        assert (
            checked.code,
            "a proof that the issuer told two stories" in " ".join(checked.out.split()),
        ) == (0, True)


def test_the_proof_is_the_same_whoever_compares(customers):
    told(customers, "one", story(2000))
    told(customers, "two", story(1000))
    for who, other in (("one", "two"), ("two", "one")):
        customers(who, f"memory export --out {who}.memory")
        customers(other, f"memory compare {who}.memory --proofs proofs")
    assert len(list(Path("proofs").iterdir())) == 1
    assert not list(Path().glob("equivocation-*"))


def test_one_story(customers):
    for who in ("one", "two"):
        told(customers, who, story())
    customers("two", "memory export --out two.memory")
    result = customers("one", "memory compare two.memory")
    assert (result.code, result.out) == (0, "")
    assert result.err == "receipt: 1 statement compared: one story\n"
    # A whole batch can be compared as well.
    assert customers("one", "memory compare two.cbor").code == 0


def test_nothing_in_common_is_no_agreement(customers):
    told(customers, "one", story())
    told(customers, "two", story(account="globex"))
    customers("two", "memory export --out two.memory")
    result = customers("one", "memory compare two.memory")
    assert (result.code, "nothing was compared" in result.err) == (3, True)


def test_a_rollback_between_two_customers(customers):
    """Number 0 for November to one, number 1 for the same November to the other."""
    told(customers, "one", story())
    second = story()
    over = {"number": 1, "previous": second.statement.digest}
    other = Batch(statement_over=over)
    Path("two.cbor").write_bytes(other.statement.data)
    result = customers("one", "memory compare two.cbor --json")
    assert (result.code, [c["code"] for c in json.loads(result.out)["conflicts"]]) == (
        1,
        ["statement-rollback"],
    )


def test_a_stranger_s_statement_accuses_nobody(customers):
    """What no pinned key has signed is left out, and said; there is no proof."""
    told(customers, "one", story())
    Path("strange.cbor").write_bytes(story(0, key=STRANGER).statement.data)
    result = customers("one", "memory compare strange.cbor --json")
    document = json.loads(result.out)
    assert (result.code, document["left_out"], document["conflicts"]) == (3, 1, [])
    assert "1 statement in strange.cbor left out: no pinned key may have signed them" in result.err
    assert not list(Path().glob("equivocation-*"))


def test_nothing_of_the_other_is_remembered(customers):
    told(customers, "one", story())
    Path("two.cbor").write_bytes(story(1000).statement.data)
    assert customers("one", "memory compare two.cbor").code == 1
    assert customers("one", "verify one.cbor --period 2026-11").code == 0
    assert len(json.loads(customers("one", "memory list --json").out)) == 1


@pytest.mark.parametrize("data", [b'{"keys": []}\n', b"SQLite format 3\0" + bytes(90)])
def test_a_file_that_is_no_export(customers, data):
    told(customers, "one", story())
    Path("x").write_bytes(data)
    result = customers("one", "memory compare x")
    assert (result.code, result.out, "receipt: hint: " in result.err) == (2, "", True)
    assert customers("one", "memory compare none").code == 2


def test_list(customers):
    assert customers("one", "memory list").err.startswith("receipt: no statement is remembered in ")
    november = story()
    told(customers, "one", november)
    over = {"number": 1, "previous": digest_of(november), "start": DECEMBER[0], "end": DECEMBER[1]}
    december = Batch(
        one=Stream("gpu-1", 1, over={"time": DECEMBER[0]}),
        two=Stream("gpu-2", 1, over={"time": DECEMBER[0]}),
        statement_over=over,
    )
    Path("dec.cbor").write_bytes(december.data)
    assert customers("one", "verify dec.cbor").code == 0
    assert customers("one", "memory list").out == (
        f"{ISSUER}, account {ACCOUNT}\n"
        f"  statement 0, 2026-11, {digest(november)[:16]}\n"
        f"  statement 1, 2026-12, {digest(december)[:16]}\n"
    )
    row = json.loads(customers("one", "memory list --json").out)[1]
    assert (row["number"], row["kind"], row["start"], row["digest"]) == (
        1,
        "regular",
        DECEMBER[0],
        digest(december),
    )


def digest_of(batch):
    return batch.statement.digest


def test_an_export_is_a_sequence_of_signed_statements(customers):
    told(customers, "one", story())
    told(customers, "one", story(account="globex"))
    assert customers("one", "memory export --out all.memory --json").code == 0
    items = list(read_items([batch_file("all.memory")]))
    assert [type(item.claims) for item in items] == [Statement, Statement]
    assert customers("one", "memory export --account globex --out one.memory").code == 0
    assert Path("one.memory").read_bytes() == items[1].raw
    missing = customers("one", "memory export --account nobody --out none.memory")
    assert (missing.code, "no statement of account nobody is remembered" in missing.err) == (
        2,
        True,
    )
    assert not Path("none.memory").exists()


def test_forgetting_asks(customers):
    told(customers, "one", story())
    told(customers, "one", story(account="globex"))
    result = customers("one", "memory forget --account globex")
    assert (result.code, "there is no terminal" in result.err) == (2, True)
    assert "account globex, statement 0, 2026-11" in result.err
    assert customers("one", "memory forget --account globex --issuer https://x --yes").code == 2
    assert customers("one", f"memory forget --account globex --issuer {ISSUER} --yes").code == 0
    assert [r["account"] for r in json.loads(customers("one", "memory list --json").out)] == [
        ACCOUNT
    ]
    assert customers("one", "memory forget --account globex --yes").code == 2


def test_a_memory_that_is_damaged_is_named(customers):
    told(customers, "one", story())
    (path,) = Path("one").glob("statements/*/*")
    path.write_bytes(b"\x01")
    for line in ("memory list", "memory export --out x", "memory compare two.cbor"):
        Path("two.cbor").write_bytes(story().statement.data)
        result = customers("one", line)
        assert (result.code, "a remembered statement is damaged" in result.err) == (2, True)
        assert "receipt: hint: " in result.err

"""``receipt correct``: from a file of what is right to a batch that verifies."""

import json

import pytest

from cli.main import run
from receipts import Charge, ChargeLine, Counts, Journal, KeyFolder, Source
from tests.build import NOON

USAGE = {"prompt_tokens": 3000, "completion_tokens": 500, "total_tokens": 3500, "prompt_tokens_details": {"cached_tokens": 2000}}  # fmt: skip
LINE = {"provider": "openai", "api": "chat.completions", "model": "m", "time": NOON, "usage": USAGE}


def write(name, *lines):
    with open(name, "w") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


@pytest.fixture
def shell(folder, shell):
    assert run(["keygen", "--issuer", "https://api.example.com", "--out", "keys/"]) == 0
    write("usage.jsonl", *({**LINE, "request": f"r{n}"} for n in range(3)))
    return shell


def verified(shell, *files):
    result = shell(f"verify {' '.join(files)} --keys keys/issuer.jwks.json --json")
    return result.code, json.loads(result.out)


@pytest.mark.parametrize("into", ["batch", "journal"])
def test_a_correction_and_one_of_it(shell, into):
    place = {"batch": "{}.cbor -o {}.cbor", "journal": "--journal j.db"}[into]
    issue = "--out issued.cbor" if into == "batch" else "--journal j.db"
    assert shell(f"issue usage.jsonl --keys keys/ --account acme {issue}").code == 0
    write("won.jsonl", {"request": "r1", "counts": {"cached": 2900}, "time": NOON + 1})
    line = "correct won.jsonl {} --keys keys/ --account acme"
    result = shell(line.format(place.format("issued", "won")))
    assert (result.code, result.out) == (0, "")
    assert "1 correction in 1 stream; close the period" in result.err

    again = {"batch": "issued.cbor won.cbor -o again.cbor", "journal": "--journal j.db"}[into]
    result = shell(line.format(again))  # it says that already
    assert (result.code, "0 corrections in 0 streams, 1 had one already" in result.err) == (0, True)
    write("won.jsonl", {"request": "r1", "counts": {"cached": 2950, "reasoning": 7}, "time": NOON + 2})  # fmt: skip
    assert shell(line.format(again)).code == 0

    if into == "batch":
        assert shell("show issued.cbor won.cbor again.cbor --quiet -o all.cbor").code == 0
        closing = "close all.cbor"
    else:
        closing = "close --journal j.db --out all.cbor"
    assert shell(f"{closing} --keys keys/ --account acme --period 2026-11 --early").code == 0
    result = shell("prove all.cbor --request r1 -o proof.cbor")
    assert (result.code, "the last word on r1 is a correction, item " in result.err) == (0, True)
    assert verified(shell, "proof.cbor")[1]["objects"][0]["request"] == "r1"
    code, report = verified(shell, "all.cbor")
    assert (code, report["finding_counts"]) == (0, {})
    totals = report["accounts"][0]["totals"]
    assert (totals["logical"], totals["cached"]) == (9000, 6000)
    assert (totals["corrected"]["cached"], totals["corrections"]["cached"]) == (4900, 5850)
    assert totals["corrections"]["reasoning"] == 7


def test_lines_that_are_not_issued(shell):
    assert shell("issue usage.jsonl --keys keys/ --account acme --out b.cbor").code == 0
    lines = (
        ({"request": "none", "counts": {}}, "there is no receipt for request 'none'"),
        ({"request": "r0", "counts": {"cached": 3001}}, "input.cached: expected at most logical, 3000, found 3001"),
        ({"request": "r1", "counts": {"cached": "1"}}, "counts.cached: Input should be a valid integer"),
        ({"request": "r1", "amount": 1}, "amount: Extra inputs are not permitted"),
        ({"request": "r2", "usage": {"prompt_tokens": 1}}, "usage: "),
        ({"request": "r2", "counts": {}}, "request 'r2' stands in a line before already"),
    )  # fmt: skip
    write("won.jsonl", *(line for line, _ in lines))
    result = shell("correct won.jsonl b.cbor --keys keys/ --account acme -o won.cbor")
    assert result.code == 1
    with open("won.rejects.jsonl") as rejected:
        reasons = {(r := json.loads(row)["reject"])["line"]: r["reason"] for row in rejected}
    assert list(reasons) == [1, 2, 3, 4, 5, 6]
    for (_, expected), reason in zip(lines, reasons.values(), strict=True):
        assert expected in reason
    assert shell("correct won.rejects.jsonl b.cbor --keys keys/ --account acme -o won.cbor").code == 1  # fmt: skip


def test_the_rates_of_what_is_corrected(shell):
    folder = KeyFolder("keys")
    units = {"input.audio": 100, "cached.audio": 0, "requests.web_search": 1}
    counts = Counts(3000, 2000, {300: 100}, 500, units=units)
    lines = [
        ChargeLine(0, 800, 3), ChargeLine(0, 100, 9, unit="input.audio"), ChargeLine(1, 2000, 1), ChargeLine(2, 100, 4, ttl=300),
        ChargeLine(3, 500, 15, per=2), ChargeLine(4, 1, 1000, unit="requests.web_search"),
    ]  # fmt: skip
    charge = Charge("USD", bytes(32), lines)
    with Journal("j.db", folder.issuer, folder) as journal:
        for n in range(3):
            journal.issue("acme", request=f"r{n}", model="m", time=NOON, counts=counts, charge=charge, source=Source("p", "a"), tags={"a": "b"}, client=b"c")  # fmt: skip
    right = {"counts": {"cached": 2500, "output": 501, "units": {**units, "requests.web_search": 0}}, "time": NOON}  # fmt: skip
    moved = {"counts": {"writes": {"3600": 100}}, "time": NOON}
    stated = {"charge": {"currency": "EUR", "card": "00" * 32, "lines": [
        {"class": 0, "quantity": 900, "rate": 1}, {"class": 1, "quantity": 2000, "rate": 0}, {"class": 2, "quantity": 100, "rate": 0, "ttl": 300},
        {"class": 3, "quantity": 500, "rate": 0}]}, "time": NOON}  # fmt: skip
    write("won.jsonl", {"request": "r0", **right}, {"request": "r1", **moved}, {"request": "r2", **stated})  # fmt: skip
    result = shell("correct won.jsonl --keys keys/ --account acme --journal j.db")
    assert result.code == 1
    assert "line 2: charge: expected a rate for class 2, found none" in result.err
    rows = [json.loads(row) for row in shell("show j.db --json --quiet").out.splitlines()]
    first, last = (row["claims"] for row in rows if "corrects" in row["claims"])
    assert (
        first["charge"]["amount"] == 300 * 3 + 100 * 9 + 2500 + 400 + 3758
    )  # 501 * 15 / 2 is 3757.5
    assert (last["charge"]["currency"], last["charge"]["amount"]) == ("EUR", 900)
    assert (first["tags"], first["client"]) == ({"a": "b"}, b"c".hex())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("correct won.jsonl --keys keys/ --account acme", "give either --out or --journal"),
        ("correct won.jsonl --keys keys/ --account acme --out x", "give the BATCH that has"),
        (
            "correct won.jsonl --previous b --keys keys/ --account acme --journal j.db",
            "--previous goes with --out",
        ),
        ("correct won.jsonl --keys keys/ --account acme --journal no.db", "no.db is not there"),
    ],
)
def test_wrong_use(shell, line, message):
    write("won.jsonl", {"request": "r1"})
    result = shell(line)
    assert (result.code, message in result.err) == (2, True)


def test_two_last_words(shell):
    assert shell("issue usage.jsonl --keys keys/ --account acme --out b.cbor").code == 0
    for cached in (2100, 2200):
        write("won.jsonl", {"request": "r1", "counts": {"cached": cached}, "time": NOON})
        assert shell(f"correct won.jsonl b.cbor --keys keys/ --account acme -o {cached}").code == 0
    result = shell("correct won.jsonl b.cbor 2100 2200 --keys keys/ --account acme -o x")
    assert (result.code, "there are 2 last words on the request" in result.err) == (1, True)


def test_accounts_by_line(shell):
    """One log of all customers: each line says whose it is, and a request id counts within its account."""
    of = [("globex", 0), ("initech", 0), ("globex", 1)]
    write("all.jsonl", *({**LINE, "account": account, "request": f"r{n}"} for account, n in of), {**LINE, "request": "r9"})  # fmt: skip
    result = shell("issue all.jsonl --keys keys/ --journal j.db")
    assert result.code == 1
    assert "line 4: account: whose request it is, neither the line says nor --account" in result.err
    assert "3 receipts in 1 stream" in result.err
    assert shell("issue all.rejects.jsonl --keys keys/ --account acme --journal j.db").code == 0
    rows = [json.loads(row)["claims"] for row in shell("show j.db --json --quiet").out.splitlines()]
    assert [(row["account"], row["request"]) for row in rows] == [
        ("acme", "r9"), ("globex", "r0"), ("globex", "r1"), ("initech", "r0"),
    ]  # fmt: skip
    write("all.jsonl", *({**LINE, "account": account, "request": f"r{n}"} for account, n in of))
    again = shell("issue all.jsonl --keys keys/ --journal j.db")
    assert (again.code, "0 receipts in 0 streams, 3 had one already" in again.err) == (0, True)
    assert shell("issue all.jsonl --keys keys/ --stream s --out one.cbor").code == 0
    write("more.jsonl", *({**LINE, "account": account, "request": "r7", "time": NOON + 1} for account, _ in of[:2]))  # fmt: skip
    line = "issue more.jsonl --keys keys/ --stream s --previous one.cbor --out two.cbor"
    assert shell(line).code == 0
    rows = [json.loads(row)["claims"] for row in shell("show two.cbor --json --quiet").out.splitlines()]  # fmt: skip
    assert [(row["account"], row["sequence"]) for row in rows] == [("globex", 2), ("initech", 1)]

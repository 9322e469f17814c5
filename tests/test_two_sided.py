"""The receipts against the customer's own record: what a provider that signs everything perfectly cannot get past."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.build import (
    DECEMBER,
    KEY,
    NOON,
    NOVEMBER,
    SECOND,
    STRANGER,
    USAGE_HASH,
    Batch,
    Stream,
    jwk_set,
    sign_receipt,
)
from tests.wallets import TestWallet
from verifier.customer.log import LogError
from verifier.customer.own_log import logged_calls
from verifier.customer.record import RecordError, read_calls

HONEST = Batch(one=Stream("gpu-7", 3, change=lambda n, c: c | {16: bytes([n]) * 32}))
"""Requests gpu-7-0, 1, 2 and gpu-8-0, 1."""
NEED_NONE = "{} that need none: failed, cut, not known to be billed, or without usage"
REQUESTS = [f"gpu-7-{n}" for n in range(3)] + ["gpu-8-0", "gpu-8-1"]


@pytest.fixture
def wallet(folder):
    """The customer's wallet: five requests, and the receipts that came with their responses."""
    wallet = TestWallet()
    for n, (request, receipt) in enumerate(
        zip(REQUESTS, [*HONEST.ones, *HONEST.twos], strict=True)
    ):
        sent = bytes([n]) * 32 if n < 3 else b"x" * n
        wallet.call(request, receipt.data, commitment=sent)
    wallet.call(None, status=500, outcome="failed", commitment=b"failed", usage=None)
    wallet.close()
    return "wallet.db"


@pytest.fixture
def check(shell, folder, wallet):
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))

    def run(batch, more="--requests wallet.db --received wallet.db"):
        data = batch.data if isinstance(batch, Batch) else batch
        (folder / "b.cbor").write_bytes(data)
        line = f"b.cbor --keys k.json --period 2026-11 --json {more}"
        result = shell(f"verify {line} --no-remember --proofs .")
        assert result.code in (0, 1, 3), result.err
        alone = subprocess.run(
            [sys.executable, "-m", "verifier", *line.split()], capture_output=True, text=True, check=False,
            env={"PYTHONPATH": str(Path(__file__).parents[1])}, cwd=folder,
        )  # fmt: skip
        assert (alone.stdout, alone.returncode) == (result.out, result.code), alone.stderr
        report = json.loads(result.out)
        found = [(f["code"], f.get("request")) for f in report["findings"]]
        return report["verdict"], found, {c["check"]: c for c in report["checks"]}

    return run


def test_both_sides_agree(check):
    verdict, found, checks = check(HONEST)
    assert (verdict, found) == ("verified", [])
    for name, passed in (
        ("requests with a receipt", 5),
        ("receipts with a request", 5),
        ("receipts received", 5),
    ):
        assert (checks[name]["passed"], checks[name]["of"], checks[name]["failed"]) == (
            passed,
            passed,
            0,
        )
    assert checks["requests with a receipt"]["not_checked"] == NEED_NONE.format("1 call")
    assert (checks["commitments echoed"]["passed"], checks["commitments echoed"]["of"]) == (3, 3)
    assert "customer's own record" not in checks


def test_what_was_not_given_is_not_checked(check):
    _, _, checks = check(HONEST, "--requests wallet.db")
    assert checks["receipts received"]["passed"] == 5  # a wallet has both
    _, _, checks = check(HONEST, "--received wallet.db")
    assert checks["requests and receipts"]["not_checked"] == "no record was given (--requests)"
    _, _, checks = check(HONEST, "")
    assert checks["customer's own record"]["passed"] == 0


def test_a_receipt_that_was_dropped(check):
    """The last of its stream; everything else is signed again, perfectly."""
    dropped = Batch(one=Stream("gpu-7", 2, change=HONEST.one.change))
    assert check(dropped, "")[0] == "verified"
    verdict, found, checks = check(dropped)
    assert verdict == "rejected"
    assert found == [("request-without-receipt", "gpu-7-2"), ("received-omitted", "gpu-7-2")]
    assert (checks["receipts received"]["passed"], checks["receipts received"]["failed"]) == (4, 1)


def test_a_receipt_that_was_altered(check, folder):
    """Fewer cached tokens than the receipt that the customer holds; both are the proof."""

    def change(n, claims):
        return HONEST.one.change(n, claims) | (
            {10: {1: 3000, 2: 500, 3: 2500, 4: {300: 600}}} if n == 2 else {}
        )

    altered = Batch(one=Stream("gpu-7", 3, change=change))
    assert check(altered, "")[0] == "verified"
    verdict, found, checks = check(altered)
    assert (verdict, found) == (
        "rejected",
        [("receipt-equivocation", "gpu-7-2"), ("count-differs", "gpu-7-2")],
    )
    assert (checks["receipts received"]["passed"], checks["receipts received"]["failed"]) == (4, 1)
    (proof,) = folder.glob("equivocation-*.zip")
    assert check(proof.read_bytes(), "")[0:1] == (
        "incomplete",
    )  # a period was named, which it cannot show


def test_a_receipt_for_a_request_that_was_never_made(check):
    verdict, found, checks = check(Batch(one=Stream("gpu-7", 4, change=HONEST.one.change)))
    assert (verdict, found) == ("rejected", [("receipt-without-request", "gpu-7-3")])
    assert checks["receipts with a request"]["failed"] == 1


def test_a_whole_new_story(check):
    """Every receipt issued again with fewer cached tokens and signed perfectly, in another stream."""
    again = {10: {1: 3000, 2: 0, 3: 3000}}
    story = Batch(
        one=Stream("other", 4, change=lambda n, c: c | {8: REQUESTS[n]} | again),
        two=Stream("gpu-9", 1, over={"request": "gpu-8-1"}),
    )
    assert check(story, "")[0] == "verified"
    verdict, found, _ = check(story)
    assert verdict == "rejected"
    assert {found for found in found if found[0] != "count-differs"} == {
        ("request-duplicate", request) for request in REQUESTS
    }


def test_the_same_request_at_another_time(check):
    """The receipt that was received is of a time that no statement covers; the batch bills the request once more, without credit."""
    later = Stream(
        "in-band",
        1,
        over={"time": DECEMBER[0], "request": "gpu-8-1", "input": {1: 3000, 2: 2900, 3: 100}},
    ).receipts()[0]
    Path("r.cbor").write_bytes(later.data)
    verdict, found, checks = check(HONEST, "--received r.cbor")
    assert (verdict, found) == ("rejected", [("request-duplicate", "gpu-8-1")])
    assert (checks["receipts received"]["failed"], checks["receipts received"]["of"]) == (1, 1)


def test_the_same_claims_under_another_key_of_the_issuer(check, folder):
    """The bytes differ, the receipt does not."""
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY, SECOND)))
    Path("r.cbor").write_bytes(sign_receipt(_claims(HONEST.ones[1]), SECOND).data)
    verdict, found, checks = check(HONEST, "--received r.cbor")
    assert (verdict, found) == ("verified", [])
    assert (checks["receipts received"]["passed"], checks["receipts received"]["of"]) == (1, 1)


def test_two_records_of_one_request_are_both_compared(check):
    write("one.jsonl", rows())
    write("two.jsonl", rows((0, {"cached": 1900}), (1, {"commitment": "ab" * 32})))
    for order in ("one two", "two one"):
        options = " ".join(f"--requests {name}.jsonl" for name in order.split())
        _, found, checks = check(HONEST, options)
        assert found == [("count-differs", "gpu-7-0"), ("commitment-differs", "gpu-7-1")]
        assert checks["requests with a receipt"]["of"] == 5


def test_a_response_that_was_lost_is_known_by_its_commitment(check):
    """The customer never saw the id, but sent the commitment that the receipt echoes."""
    wallet = TestWallet()
    wallet.call(None, status=None, outcome="cut", commitment=bytes([3]) * 32, usage=None)
    wallet.close()
    more = Batch(one=Stream("gpu-7", 4, change=HONEST.one.change))
    verdict, found, checks = check(more)
    assert (verdict, found) == ("verified", [])
    assert checks["customer's own counts"]["not_checked"] == "1 receipt of calls that show no usage"
    assert checks["requests with a receipt"]["not_checked"] == NEED_NONE.format("2 calls")


def test_a_stream_that_was_aborted_needs_no_receipt(check):
    wallet = TestWallet()
    wallet.call("aborted", outcome="cancelled")
    wallet.close()
    assert check(HONEST)[:2] == ("verified", [])


def test_receipts_of_others_are_left_out(check):
    other = {"account": "other"}
    Path("r.cbor").write_bytes(
        b"".join(r.data for r in [*HONEST.ones, *Stream(over=other).receipts()])
    )
    verdict, found, checks = check(HONEST, "--received r.cbor")
    assert (verdict, found) == ("verified", [])
    assert checks["receipts received"]["not_checked"] == "3 receipts of another issuer or account"


def test_iterations_are_summed_as_the_issuer_does(check):
    part = {
        "input_tokens": 200,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 300,
        "output_tokens": 250,
    }
    top = {
        "input_tokens": 1,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "output_tokens": 1,
    }
    write(
        "r.jsonl",
        rows((1, {"usage": {**top, "iterations": [part, part]}, "usage_sha256": USAGE_HASH.hex()})),
    )
    assert check(HONEST, "--requests r.jsonl")[1] == []


@pytest.mark.parametrize(
    ("status", "answered"),
    [
        ("failed", False),
        ("500 Internal", False),
        ("200", True),
        ("completed", True),
        (500, False),
        (None, True),
    ],
)
def test_what_counts_as_answered(check, status, answered):
    write("r.jsonl", [*rows(), {"request": "more", "time": NOON, "status": status}])
    found = check(HONEST, "--requests r.jsonl")[1]
    assert found == ([("request-without-receipt", "more")] if answered else [])


def test_another_commitment(check):
    swapped = Batch(one=Stream("gpu-7", 3, change=lambda n, c: c | {16: bytes([2 - n]) * 32}))
    verdict, found, _ = check(swapped, "--requests wallet.db")
    assert verdict == "rejected"
    assert [one for one in found if one[0] != "receipt-equivocation"] == [
        ("commitment-differs", "gpu-7-0"), ("commitment-differs", "gpu-7-2"),
    ]  # fmt: skip


def test_a_received_receipt_that_proves_nothing(check):
    """By a stranger's key: it can be no evidence, and the report says so."""
    wallet = TestWallet()
    wallet.receipt(1, sign_receipt({1: 1}, STRANGER).data)
    wallet.receipt(1, HONEST.statement.data)
    wallet.receipt(1, b"junk")
    wallet.close()
    verdict, found, checks = check(HONEST)
    assert (verdict, found) == ("incomplete", [("received-invalid", None)] * 3)
    assert checks["receipts received"]["of"] == 8


def test_a_received_receipt_of_another_time(check):
    """It belongs to the next period: that it is not here is no fault."""
    later = Stream("gpu-7", 1, 3, HONEST.ones[-1].digest, over={"time": DECEMBER[0]}).receipts()[0]
    wallet = TestWallet()
    answered = {"sent": DECEMBER[0], "answered": DECEMBER[0]}
    wallet.call("gpu-7-3", later.data, commitment=bytes(3), **answered)
    wallet.close()
    verdict, found, checks = check(HONEST)
    assert (verdict, found) == ("verified", [])
    assert (
        checks["receipts received"]["not_checked"]
        == "1 receipt of a time that no statement here covers"
    )


def test_a_forged_receipt_does_not_stand_in_for_an_omitted_one(check):
    """At its place is something that the provider did not sign; that is no second story, but the receipt is not there."""
    forged = sign_receipt({**_claims(HONEST.ones[2]), 9: "m"}, STRANGER).data
    items = [forged if item == HONEST.ones[2].data else item for item in HONEST.items]
    _, found, _ = check(b"".join(items), "--received wallet.db")
    assert ("received-omitted", "gpu-7-2") in found
    assert ("receipt-equivocation", "gpu-7-2") not in found


def _claims(signed):
    import cbor2

    return cbor2.loads(cbor2.loads(signed.data)[0])


def rows(*changes):
    base = [
        {"request": request, "time": NOON, "model": "claude-sonnet-4-6"} for request in REQUESTS
    ]
    for n, change in changes:
        base[n] |= change
    return base


def write(name, lines):
    Path(name).write_text("".join(json.dumps(line) + "\n" for line in lines))


COUNTS = {
    "equal": ({"logical": 3000, "cached": 2000, "output": 500, "reasoning": 120}, None),
    "OpenAI's names": ({"prompt_tokens": 3000, "cached_tokens": 2000, "completion_tokens": 500}, None),
    "OpenAI's object": ({"usage": {"prompt_tokens": 3000, "prompt_tokens_details": {"cached_tokens": 2000, "cache_write_tokens": 600}, "completion_tokens": 500,
                        "completion_tokens_details": {"reasoning_tokens": 120}}}, None),
    "Responses' object": ({"usage": {"input_tokens": 3000, "input_tokens_details": {"cached_tokens": 2000, "cache_write_tokens": 600}, "output_tokens": 500}}, None),
    "Anthropic's object": ({"usage": {"input_tokens": 400, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 600, "output_tokens": 500}}, None),
    "logical": ({"logical": 2999}, ("logical", "2999", "3000")),
    "cached": ({"cached": 2500}, ("cached", "2500", "2000")),
    "output": ({"output_tokens": 499}, ("output", "499", "500")),
    "Anthropic's sum": ({"input_tokens": 401, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 600}, ("logical", "3001", "3000")),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_the_customers_own_counts(check, shell, name):
    counts, differs = COUNTS[name]
    write("r.jsonl", rows((1, counts | {"usage_sha256": USAGE_HASH.hex()})))
    _verdict, found, checks = check(HONEST, "--requests r.jsonl")
    assert (checks["customer's own counts"]["of"], found) == (
        1,
        [] if differs is None else [("count-differs", "gpu-7-1")],
    )
    if differs:
        report = json.loads(
            shell(
                "verify b.cbor --keys k.json --json --no-remember --requests r.jsonl --period 2026-11"
            ).out
        )
        finding = report["findings"][0]
        assert (finding["field"], finding["expected"], finding["actual"]) == differs
        assert finding["item"] == HONEST.items.index(HONEST.ones[1].data)


def test_columns_of_text_may_hold_digits(folder):
    """A CSV file does not say what is a number: which columns are text, their names say."""
    texts = ("model", "requested_model", "host", "path", "credential", "account", "tier", "commitment", "usage_sha256")  # fmt: skip
    for name in ("request", "request_id", "id"):
        Path("r.csv").write_text(f"{name},{','.join(texts)}\n70{',70' * len(texts)}\n")
        (call,) = logged_calls("r.csv", set())
        assert (call.request, call.model, call.requested_model, call.host) == ("70",) * 4
        assert (call.path, call.account, call.usage.tier, call.source) == (
            "70",
            "70",
            "70",
            "70 70",
        )
        assert (call.commitment, call.usage.digest) == (b"p", b"p")
    Path("r.csv").write_text("id,service_tier\n70,70\n")
    assert [call.usage.tier for call in logged_calls("r.csv", set())] == ["70"]
    Path("r.csv").write_text("id,outcome\n70,70\n")
    with pytest.raises(LogError, match="outcome is one of cancelled"):
        list(logged_calls("r.csv", set()))


def test_a_missing_receipt_is_named_as_well_as_it_can_be(check, shell):
    write("r.jsonl", [*rows(), {"request": "more", "time": NOON}, {"commitment": "07", "time": NOON}])  # fmt: skip
    check(HONEST, "--requests r.jsonl")
    report = json.loads(shell("verify b.cbor --keys k.json --json --no-remember --requests r.jsonl").out)  # fmt: skip
    assert [finding["message"] for finding in report["findings"]] == [
        "request 'more' (r.jsonl, line 6) has no receipt", "a request (r.jsonl, line 7) has no receipt",
    ]  # fmt: skip


def test_csv(check):
    lines = [
        "request,time,model,status,prompt_tokens,note",
        *(f"{r},{NOON},claude-sonnet-4-6,200,3000," for r in REQUESTS[:4]),
    ]
    Path("r.csv").write_text(
        "\n".join(
            [*lines, 'gpu-8-1,2026-11-01T12:00:00Z,claude-sonnet-4-6,200,3001,"a, b"', "x,,m,500,,"]
        )
    )
    verdict, found, checks = check(HONEST, "--requests r.csv")
    assert (verdict, found) == ("rejected", [("count-differs", "gpu-8-1")])
    assert checks["requests with a receipt"]["not_checked"] == (
        NEED_NONE.format("1 call") + "; columns that are not used: note"
    )


def test_a_request_id_of_digits_is_text():
    with pytest.raises(RecordError, match="the request id is a text"):
        list(read_rows([{"request": 42}]))


def read_rows(lines):
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as stream:
        stream.write("".join(json.dumps(line) + "\n" for line in lines))
        stream.flush()
        yield from read_calls(stream.name, set())


def test_requests_in_the_record_twice_count_once(check):
    write("r.jsonl", [*rows(), *rows()])
    verdict, _, checks = check(HONEST, "--requests r.jsonl")
    assert (verdict, checks["requests with a receipt"]["of"]) == ("verified", 5)


HOUR = 3_600_000


@pytest.mark.parametrize(
    ("time", "fault"),
    [
        (NOVEMBER[0] - 1, False),
        (NOVEMBER[0], False),
        (NOVEMBER[0] + 299_999, False),
        (NOVEMBER[0] + 300_000, True),
        (NOVEMBER[1] - 24 * HOUR - 300_001, True),
        (NOVEMBER[1] - 24 * HOUR - 300_000, False),
        (DECEMBER[0], False),
        (None, True),
    ],
)
def test_requests_near_the_end_may_have_their_receipt_in_the_next_period(check, time, fault):
    write("r.jsonl", [*rows(), {"request": "more", "time": time} if time else {"request": "more"}])
    _verdict, found, checks = check(HONEST, "--requests r.jsonl")
    assert found == ([("request-without-receipt", "more")] if fault else [])
    if not fault:
        assert "near or outside the ends" in checks["requests with a receipt"]["not_checked"]


def test_without_a_statement_nothing_is_missing_yet(check):
    items = HONEST.items[:-1]
    write("r.jsonl", [*rows(), {"request": "more", "time": NOON}, {"request": "other"}])
    verdict, found, _ = check(b"".join(items), "--requests r.jsonl")
    assert verdict == "incomplete"
    assert "request-without-receipt" not in [code for code, _ in found]


BAD = {
    "not JSON": ('{"request": "a"\n', "r.jsonl, line 1: not JSON"),
    "an array": ('{"request": "a"}\n[]\n', "r.jsonl, line 2: expected an object"),
    "a float": (
        '{"request": "a", "logical": 1.5}',
        "r.jsonl, line 1: logical is a whole number, found 1.5",
    ),
    "a negative": ('{"request": "a", "cached": -1}', "r.jsonl, line 1: cached is a whole number"),
    "ambiguous": (
        '{"request": "a", "input_tokens": 5}',
        "line 1: input_tokens may or may not include cached tokens",
    ),
    "a time": ('{"request": "a", "time": "noon"}', "r.jsonl, line 1: "),
    "cells": ("request,time\na,1,2\n", "r.jsonl, line 2: not as many cells as the header"),
    "bytes": (b"\xff\xfe", "r.jsonl is not UTF-8 text"),
    "an array of objects": ('[{"request": "a"}]', "r.jsonl, line 1: expected an object"),
    "no id": ('{"requestId": "a"}', "r.jsonl names no request"),
    "another separator": ("request;time\na;1\n", "r.jsonl names no request"),
    "a surrogate": ('{"request": "\\ud800"}', "r.jsonl, line 1: "),
    "a time beyond": (
        '{"request": "a", "time": 9223372036854775808}',
        "r.jsonl, line 1: time is beyond",
    ),
    "created beyond": (
        '{"request": "a", "created": 253402300800}',
        "r.jsonl, line 1: created is beyond",
    ),
    "a commitment": (
        '{"request": "a", "commitment": 5}',
        "r.jsonl, line 1: commitment is in hexadecimal",
    ),
    "digits": ("request,logical\na," + "9" * 5000 + "\n", "r.jsonl, line 2: "),
    "iterations": (
        '{"request": "a", "iterations": [3]}',
        "r.jsonl, line 1: iterations is an array",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_record_that_cannot_be_read(shell, folder, check, name):
    content, message = BAD[name]
    (folder / "r.jsonl").write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "b.cbor").write_bytes(HONEST.data)
    result = shell("verify b.cbor --keys k.json --requests r.jsonl --no-remember")
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "receipt: hint: " in result.err


def test_other_files_that_are_no_record(shell, folder, check):
    (folder / "b.cbor").write_bytes(HONEST.data)
    with sqlite3.connect("other.db") as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    for option in (
        "--requests other.db",
        "--received other.db",
        "--received k.json",
        "--requests none",
    ):
        result = shell(f"verify b.cbor --keys k.json --no-remember {option}")
        assert (result.code, result.out) == (2, ""), option
    proof = shell("prove b.cbor --request gpu-7-0 -o p.cbor")
    assert proof.code == 0
    result = shell("verify p.cbor --keys k.json --no-remember --requests wallet.db")
    assert (result.code, "a record is compared with a batch" in result.err) == (2, True)


def test_wallets_that_are_damaged(shell, folder, check):
    (folder / "b.cbor").write_bytes(HONEST.data)
    for change, message in (
        ("UPDATE receipts SET data = 'x' WHERE rowid = 1", "receipt 1 is damaged"),
        ("UPDATE calls SET outcome = 'x' WHERE number = 1", "call 1 is damaged: 'x' is no outcome"),
        ("UPDATE calls SET sent = 'x' WHERE number = 1", "call 1 is damaged"),
    ):
        with sqlite3.connect("wallet.db") as db:
            db.execute(change)
        db.close()
        option = "--received" if "receipts" in change else "--requests"
        result = shell(f"verify b.cbor --keys k.json --no-remember {option} wallet.db")
        assert (result.code, result.out, message in result.err) == (2, "", True), result.err


def test_a_batch_of_several_accounts(shell, folder, check):
    other = {"account": "other"}
    both = (
        HONEST.data
        + Batch(
            one=Stream(over=other), two=Stream("gpu-8", 2, over=other), statement_over=other
        ).data
    )
    (folder / "b.cbor").write_bytes(both)
    result = shell("verify b.cbor --keys k.json --no-remember --requests wallet.db")
    assert (result.code, "name the one of your record (--account)" in result.err) == (2, True)


def test_received_as_a_file_of_receipts(check):
    Path("r.cbor").write_bytes(b"".join(r.data for r in HONEST.ones))
    verdict, _, checks = check(HONEST, "--received r.cbor")
    assert (verdict, checks["receipts received"]["passed"]) == ("verified", 3)


def test_counts_beyond_the_integers_of_the_database(check):
    over = {"input": {1: 2**64 - 4000, 2: 0, 3: 2**64 - 4000}, "output": None}
    huge = Batch(one=Stream("gpu-7", 1, over=over), two=Stream("gpu-8", 1))
    write(
        "r.jsonl",
        [
            {"request": "gpu-7-0", "logical": 2**64 - 4000, "time": NOON},
            {"request": "gpu-8-0", "time": NOON},
        ],
    )
    assert check(huge, "--requests r.jsonl")[:2] == ("verified", [])

"""A provider who holds the key, and a customer who keeps a wallet or a log: what got past the customer, or accused an honest provider."""

import json
from pathlib import Path

import pytest

from tests.build import (
    DECEMBER,
    KEY,
    NOON,
    NOVEMBER,
    OCTOBER,
    USAGE,
    Batch,
    Stream,
    jwk_set,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)
from tests.wallets import TestWallet

DAY = 86_400_000
REQUESTS = ["gpu-7-0", "gpu-7-1", "gpu-7-2", "gpu-8-0", "gpu-8-1"]
EXPENSIVE = {10: {1: 63_000, 2: 42_000, 3: 21_000}, 13: None}


def commitment(request):
    return request.encode().ljust(32, b".")


def echoing(n, claims):
    """Receipts that echo what the wallet sent."""
    return claims | {16: commitment(claims[8])}


def honest(**over):
    return Batch(
        one=Stream("gpu-7", 3, change=echoing, over=over),
        two=Stream("gpu-8", 2, change=echoing, over=over),
    )


HONEST = honest()


IDLE = sign_statement(statement_claims({})).data


def without(claims):
    return {label: value for label, value in claims.items() if value is not None}


@pytest.fixture
def wallet(folder):
    """Five calls, each answered, each with the receipt that came."""
    wallet = TestWallet()
    for request, receipt in zip(REQUESTS, [*HONEST.ones, *HONEST.twos], strict=True):
        wallet.call(request, receipt.data, commitment=commitment(request))
    return wallet


@pytest.fixture
def check(shell, folder):
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))

    def run(batch, more="--requests wallet.db --received wallet.db", period="--period 2026-11"):
        (folder / "b.cbor").write_bytes(batch.data if isinstance(batch, Batch) else batch)
        result = shell(
            f"verify b.cbor --keys k.json {period} --json --no-remember --proofs proofs {more}"
        )
        assert result.code in (0, 1, 3), result.err
        report = json.loads(result.out)
        found = [(f["code"], f.get("item"), f.get("request")) for f in report["findings"]]
        return result.code, found, {c["check"]: c for c in report["checks"]}

    return run


def test_honest(check, wallet):
    code, found, checks = check(HONEST)
    assert (code, found) == (0, [])
    for name in ("requests with a receipt", "receipts with a request", "receipts received", "receipts fit their calls",
                 "customer's own counts", "models", "tiers", "usage objects", "times of the calls", "commitments echoed"):  # fmt: skip
        assert (checks[name]["passed"], checks[name]["of"]) == (5, 5), name


def test_a1_one_commitment_many_receipts(check, wallet):
    """Each request gets a second receipt under an invented id, in a stream of its own, with ten times the tokens."""

    def change(n, claims):
        return without(claims | EXPENSIVE | {16: commitment(REQUESTS[n])})

    more = Stream("gpu-9", 5, change=change).receipts()
    items = [*HONEST.items[:-1], *(r.data for r in more)]
    claims = statement_claims({"gpu-7": HONEST.ones, "gpu-8": HONEST.twos, "gpu-9": more})
    code, found, checks = check(b"".join([*items, sign_statement(claims).data]))
    assert code == 1
    assert found == [("commitment-repeated", 5 + n, f"gpu-9-{n}") for n in range(5)]
    assert (
        checks["receipts with a request"]["passed"],
        checks["receipts with a request"]["of"],
    ) == (5, 10)


def in_band(wallet, change):
    """The receipts that came, by the same key but others: ``change`` of the claims."""
    wallet.db.execute("DELETE FROM receipts")
    for call, request in enumerate(REQUESTS, 1):
        claims = (
            receipt_claims(stream="in-band", request=request, client=commitment(request)) | change
        )
        wallet.receipt(call, sign_receipt(claims).data)


def test_a2_in_band_receipts_of_another_account(check, wallet):
    in_band(wallet, {3: "other"})
    for more in ("", "--account acme"):
        code, found, _ = check(HONEST, f"--requests wallet.db --received wallet.db {more}")
        assert (code, sorted(found)) == (1, [("received-differs", None, r) for r in REQUESTS])


def test_a2_in_band_receipts_of_another_request_and_time(check, wallet):
    in_band(wallet, {8: "invented", 7: DECEMBER[0] + 3 * 365 * DAY})
    code, found, _ = check(HONEST, "--requests wallet.db --received wallet.db --account acme")
    assert (code, set(found)) == (1, {("received-differs", None, "invented")})
    assert len(found) == 5
    in_band(wallet, {7: DECEMBER[0] + 3 * 365 * DAY})
    code, found, _ = check(HONEST)
    assert code == 1
    assert {(f[0], f[2]) for f in found} == {
        (code, r) for code in ("received-differs", "request-duplicate") for r in REQUESTS
    }


def test_a3_failures_are_billed(check, wallet):
    """Five requests that were answered 429, and an upload, each with a receipt over a million tokens."""
    for n in range(3, 9):
        path = "/v1/files" if n == 8 else "/v1/messages"
        status = (
            {"outcome": "complete", "status": 200}
            if n == 8
            else {"outcome": "failed", "status": 429}
        )
        wallet.call(
            "gpu-7-8" if n == 8 else None,
            commitment=commitment(f"gpu-7-{n}"),
            path=path,
            usage=None,
            **status,
        )
    batch = Batch(one=Stream("gpu-7", 9, change=echoing), two=HONEST.two)
    code, found, _ = check(batch, "--requests wallet.db")
    assert code == 1
    assert [f[0] for f in found if f[0] == "request-not-billable"] == ["request-not-billable"] * 6
    assert {f[2] for f in found if f[0] == "request-not-billable"} == {
        f"gpu-7-{n}" for n in range(3, 9)
    }


STATED = {
    "model": ({"model": "claude-opus-4-6"}, "model-differs"),
    "one hour writes": ({"usage": USAGE | {"cache_creation": {"ephemeral_1h_input_tokens": 600}}}, "count-differs"),
    "tier": ({"usage": USAGE | {"service_tier": "batch"}}, "tier-differs"),
    "hash": ({"usage_sha256": "ab" * 32}, "usage-differs"),
}  # fmt: skip


@pytest.mark.parametrize("name", STATED)
def test_a4_what_the_log_states_is_compared(check, name):
    change, code = STATED[name]
    rows = [
        {"request": r, "time": NOON, "model": "claude-sonnet-4-6", "usage": USAGE} for r in REQUESTS
    ]
    rows[1] |= change
    Path("r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert check(HONEST, "--requests r.jsonl")[:2] == (1, [(code, 2, "gpu-7-1")])


def test_a5_in_band_receipts_withheld(check, wallet):
    """One at least tells that the provider sends them; and the usage tells what was billed."""
    wallet.db.execute("DELETE FROM receipts WHERE call = 2")
    code, found, _ = check(HONEST)
    assert (code, found) == (3, [("received-missing", None, None)])
    wallet.db.execute("DELETE FROM receipts")
    hundred = Batch(
        one=Stream("gpu-7", 3, change=lambda n, c: without(echoing(n, c) | EXPENSIVE)),
        two=HONEST.two,
    )
    code, found, _ = check(hundred)
    assert (code, {f[:2] for f in found}) == (1, {("count-differs", n) for n in (0, 2, 4)})


def test_a6_the_response_contradicts_its_own_receipt(check, wallet):
    wallet.db.execute(
        "UPDATE calls SET usage = ? WHERE number = 2", [json.dumps(USAGE | {"input_tokens": 117})]
    )
    code, found, _ = check(HONEST)
    assert (code, found) == (1, [("count-differs", 2, "gpu-7-1")])


def test_a7_october_billed_again_in_november(check, wallet):
    """Two batches, verified one after the other, one wallet for both: the second receipt is not of the time of the call."""
    october = {"time": OCTOBER[0] + DAY}
    wallet.db.execute(
        "UPDATE calls SET sent = ?, answered = ?", (OCTOBER[0] + DAY, OCTOBER[0] + DAY + 1000)
    )
    wallet.db.execute("DELETE FROM receipts")
    first = Batch(one=Stream("gpu-7", 3, change=echoing, over=october), two=Stream("gpu-8", 2, change=echoing, over=october),
                  statement_over={"start": OCTOBER[0], "end": OCTOBER[1]})  # fmt: skip
    code, found, _ = check(first, period="--period 2026-10")
    assert (code, found) == (0, [])
    code, found, _ = check(HONEST)
    assert (code, [f[0] for f in found]) == (1, ["time-differs"] * 5)


def test_a8_seconds_are_no_milliseconds(check, shell):
    Path("r.csv").write_text("request,time\n" + "".join(f"{r},1794000000\n" for r in REQUESTS))
    result = shell("verify b.cbor --keys k.json --no-remember --requests r.csv")
    assert result.code == 2
    (Path("b.cbor")).write_bytes(HONEST.data)
    result = shell("verify b.cbor --keys k.json --no-remember --requests r.csv")
    assert (
        result.code,
        "time is before the year 2000: 1794000000; is it in seconds?" in result.err,
    ) == (2, True)
    Path("r.csv").write_text("request,timestamp\n" + "".join(f"{r},1794000000\n" for r in REQUESTS))
    result = shell("verify b.cbor --keys k.json --no-remember --requests r.csv")
    assert (result.code, "timestamp is before the year 2000" in result.err) == (2, True)
    Path("r.csv").write_text(
        "request,time\n" + "".join(f"{r},{NOON - 11 * 365 * DAY}\n" for r in REQUESTS)
    )
    result = shell("verify b.cbor --keys k.json --no-remember --requests r.csv")
    assert (result.code, "more than ten years away from the batch" in result.err) == (2, True)


def test_b3_what_is_not_billed_needs_no_receipt(check, wallet):
    for path, over in (
        ("/v1/files", {"usage": None}), ("/v1/messages/batches", {"usage": None}), ("/v1/batches", {"usage": None}),
        ("/v1/moderations", {"usage": None}), ("/v1/completions", {}), ("/v1/responses", {"outcome": "pending", "usage": None}),
        ("/v1/chat/completions", {"usage": None}), ("/v1/messages", {"outcome": "cancelled"}), ("/v1/messages", {"outcome": "cut"}),
    ):  # fmt: skip
        wallet.call(
            f"x {path} {sorted(over)}", path=path, commitment=commitment(path + str(over)), **over
        )
    code, found, checks = check(HONEST)
    assert (code, found) == (0, [])
    assert "9 calls that need none" in checks["requests with a receipt"]["not_checked"]


def test_b3_a_stored_answer_under_an_idempotency_key(check, wallet):
    wallet.call(
        "gpu-7-1",
        replay=1,
        commitment=b"again".ljust(32),
        sent=DECEMBER[0],
        answered=DECEMBER[0] + 1,
    )
    assert check(HONEST)[:2] == (0, [])


def test_b4_an_idle_month_with_a_failure(check, folder):
    wallet = TestWallet()
    wallet.call(None, status=429, outcome="failed", usage=None)
    assert check(IDLE, "--requests wallet.db --received wallet.db --account acme")[:2] == (0, [])


def test_b5_a_stream_without_its_last_event(check, wallet):
    wallet.call("cut", outcome="cut", commitment=commitment("cut"))
    assert check(HONEST)[:2] == (0, [])


def test_b9_several_accounts_in_one_wallet(check, wallet):
    """Two credentials; the receipts that came tell which account each is of."""
    wallet.db.execute("UPDATE calls SET credential = x'01'")
    others = Stream("gpu-3", 3, change=echoing, over={"account": "beta"}).receipts()
    for n, receipt in enumerate(others):
        wallet.call(
            f"gpu-3-{n}", receipt.data, commitment=commitment(f"gpu-3-{n}"), credential=b"\2"
        )
    wallet.call("third", commitment=commitment("third"), account="gamma")
    code, found, checks = check(HONEST)
    assert (code, found) == (0, [])
    assert (
        checks["calls of others"]["not_checked"]
        == "4 calls of another account, or to somebody else"
    )
    claims = statement_claims({"gpu-3": others}) | {3: "beta"}
    beta = b"".join([*(receipt.data for receipt in others), sign_statement(claims).data])
    assert check(beta)[:2] == (0, [])
    both = HONEST.data + beta
    for account in ("acme", "beta"):
        code, found, _ = check(
            both, f"--requests wallet.db --received wallet.db --account {account}"
        )
        assert {f[0] for f in found} <= {"account-unexpected"}


def test_b9_several_hosts(check, wallet):
    """A redirect led to another host, and another provider is in the wallet too."""
    wallet.call(None, status=307, outcome="failed", host="old.example.com", usage=None)
    wallet.db.execute("UPDATE calls SET host = 'new.example.com' WHERE number = 3")
    for n in range(3):
        wallet.call(f"msg_{n}", host="api.other.com", commitment=commitment(f"msg_{n}"))
    code, found, checks = check(HONEST)
    assert (code, found) == (0, [])
    assert (
        checks["calls of others"]["not_checked"]
        == "4 calls of another account, or to somebody else"
    )


def test_b9_a_request_of_65_minutes_over_the_end_of_the_period(check, wallet):
    sent = NOVEMBER[1] - 3_600_000
    later = Stream(
        "gpu-7",
        1,
        3,
        HONEST.ones[-1].digest,
        over={"time": DECEMBER[0] + 300_000, "request": "long"},
    )
    wallet.call(
        "long",
        later.receipts()[0].data,
        sent=sent,
        answered=sent + 65 * 60_000,
        commitment=commitment("long"),
    )
    code, found, checks = check(HONEST, "--requests wallet.db")
    assert (code, found) == (0, [])
    assert "1 request near or outside the ends" in checks["requests with a receipt"]["not_checked"]


@pytest.mark.parametrize("content", ["", "request,time\n"])
def test_b12_an_empty_log_is_a_log(check, content):
    Path("r.csv").write_text(content)
    assert check(IDLE, "--requests r.csv --account acme")[:2] == (0, [])
    code, found, _ = check(HONEST, "--requests r.csv")
    assert (code, [f[0] for f in found]) == (1, ["receipt-without-request"] * 5)


def test_aliases_of_models(check, shell, wallet):
    wallet.db.execute("UPDATE calls SET model = 'fast' WHERE number = 1")
    assert check(HONEST)[:2] == (1, [("model-differs", 0, "gpu-7-0")])
    Path("names.json").write_text(json.dumps({"fast": "claude-sonnet-4-6"}))
    assert check(HONEST, "--requests wallet.db --received wallet.db --aliases names.json")[:2] == (
        0,
        [],
    )
    Path("names.json").write_text("[]")
    result = shell(
        "verify b.cbor --keys k.json --no-remember --requests wallet.db --aliases names.json"
    )
    assert (result.code, "names.json is not an object of texts" in result.err) == (2, True)


def test_the_margin_of_the_clocks(check, wallet):
    wallet.db.execute(
        "UPDATE calls SET sent = sent + 400000, answered = answered + 400000 WHERE number = 1"
    )
    assert check(HONEST)[:2] == (1, [("time-differs", 0, "gpu-7-0")])
    assert check(HONEST, "--requests wallet.db --margin 400")[:2] == (0, [])


def proofs(shell, folder):
    """The verdicts on the proofs that were written."""
    return [
        shell(f"verify {path} --keys k.json --no-remember").code
        for path in sorted((folder / "proofs").glob("*.zip"))
    ]


def test_a_proof_of_two_stories(check, shell, wallet, folder):
    altered = Batch(
        one=Stream(
            "gpu-7", 3, change=lambda n, c: without(echoing(n, c) | (EXPENSIVE if n == 1 else {}))
        ),
        two=HONEST.two,
    )
    code, found, _ = check(altered)
    assert code == 1
    assert ("receipt-equivocation", 2, "gpu-7-1") in found
    assert proofs(shell, folder) == [0, 0]  # the receipt after it names another predecessor


def test_a_proof_of_two_receipts_for_one_request(check, shell, wallet, folder):
    story = Batch(
        one=Stream("again", 3, change=lambda n, c: echoing(n, c | {8: f"gpu-7-{n}"})),
        two=HONEST.two,
    )
    code, found, _ = check(story)
    assert (code, {f[0] for f in found}) == (1, {"request-duplicate"})
    assert proofs(shell, folder) == [0, 0, 0]


def test_a_spoilt_signature_does_not_get_rid_of_the_altered_receipt(check, shell, wallet, folder):
    """The altered receipt stands under the signed statement, and its own signature holds no more: it is a second story all the same."""
    altered = Batch(
        one=Stream(
            "gpu-7", 3, change=lambda n, c: without(echoing(n, c) | (EXPENSIVE if n == 2 else {}))
        ),
        two=HONEST.two,
    )
    told = altered.ones[2].data
    spoilt = altered.data.replace(told, told[:-1] + bytes((told[-1] ^ 1,)))
    code, found, _ = check(spoilt)
    assert code == 1
    assert {("signature-invalid", 4, None), ("received-omitted", None, "gpu-7-2")} <= set(found)
    assert proofs(shell, folder) == [0]
    (path,) = (folder / "proofs").glob("*.zip")
    result = shell(f"verify {path} --keys k.json --no-remember")
    assert "a proof that the issuer told two stories" in " ".join(result.out.split())


def test_an_honest_batch_that_somebody_damaged_proves_nothing(check, shell, wallet, folder):
    told = HONEST.ones[2].data
    spoilt = HONEST.data.replace(told, told[:-1] + bytes((told[-1] ^ 1,)))
    code, found, _ = check(spoilt)
    assert (code, ("signature-invalid", 4, None) in found) == (1, True)
    assert proofs(shell, folder) == []

"""What got past, or was accused, in the attack of 26 November: each test fails while its hole is there. `A` over-billed, `B` honest, `C` hostile files."""

# ruff: noqa: ARG005, F811, S608, ERA001  # fixtures of another module

import json
import sqlite3
import time
from pathlib import Path

import pytest

from tests.build import (
    ACCOUNT,
    DECEMBER,
    ISSUER,
    KEY,
    NOON,
    NOVEMBER,
    OCTOBER,
    SECOND,
    USAGE,
    Batch,
    Stream,
    jwk_set,
    receipt_claims,
    sign_receipt,
    sign_statement,
    statement_claims,
)  # fmt: skip
from tests.test_two_sides import (  # noqa: F401  # fixtures
    DAY,
    EXPENSIVE,
    HONEST,
    IDLE,
    REQUESTS,
    check,
    commitment,
    echoing,
    wallet,
    without,
)  # fmt: skip
from tests.wallets import TestWallet

BOTH = "--requests wallet.db --received wallet.db"


def costly(*sequences):
    """The honest batch, in which some receipts of gpu-7 state twenty times the tokens."""
    return Batch(
        one=Stream("gpu-7", 3, change=lambda n, c: without(echoing(n, c) | (EXPENSIVE if n in sequences else {}))),
        two=HONEST.two,
    )  # fmt: skip


def bill(change, **over):
    """The honest batch with a change to the claims of gpu-7-1."""
    return Batch(
        one=Stream("gpu-7", 3, change=lambda n, c: without(echoing(n, c) | (change if n == 1 else {}))),
        two=HONEST.two, **over,
    )  # fmt: skip


def put(wallet, **over):
    """What the wallet noted of gpu-7-1; no receipt came with any call."""
    wallet.db.execute("DELETE FROM receipts")
    for name, value in over.items():
        wallet.db.execute(f"UPDATE calls SET {name} = ? WHERE number = 2", [value])


def is_said(result):
    """Not a clean verdict: a finding, or at least a line of the report that says what was not compared."""
    code, _found, checks = result
    return code != 0 or checks["customer's own counts"]["not_checked"] is not None


BLIND = {
    "no usage in the response": {"usage": None},
    "no last event: the stream is cut": {"usage": None, "outcome": "cut"},
    "an error event after the answer": {"usage": None, "outcome": "failed"},
    "status queued": {"usage": None, "outcome": "pending"},
    "compressed, or another content type": {"usage": None, "request": None, "model": None},
    "a form that is not read": {"usage": json.dumps({"promptTokenCount": 3000, "candidatesTokenCount": 500})},
    "redirected to an unknown path": {"usage": None, "path": "/v1/files/"},
}  # fmt: skip


@pytest.mark.parametrize("name", BLIND)
def test_a_blinded_wallet_confirms_everything_silently(check, wallet, name):
    """20 times the tokens for a call of which the provider let the wallet see no counts: nothing in the report says so."""
    put(wallet, **BLIND[name])
    assert is_said(check(costly(1)))


def test_a_replayed_header_switches_off_the_times(check, wallet):
    """`idempotent-replayed: true` on every response in October: billed in October, and once more in November."""
    put(wallet)
    wallet.db.execute(
        "UPDATE calls SET sent = ?, answered = ?, replay = 1",
        (OCTOBER[0] + DAY, OCTOBER[0] + DAY + 1000),
    )
    assert check(HONEST)[0] == 1


def test_a_reused_id_covers_the_time_between(check, folder):
    """Two calls of October and December whose responses had one id: billed in November, when there was none."""
    rows = [{"request": r, "time": t, "usage": USAGE, "model": "claude-sonnet-4-6"}
            for r in REQUESTS for t in (OCTOBER[0] + DAY, DECEMBER[0] + DAY)]  # fmt: skip
    Path("r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, found, _ = check(HONEST, "--requests r.jsonl")
    assert (code, {f[0] for f in found}) == (1, {"time-differs"})


def test_a_writes_that_no_usage_object_states(check, wallet):
    """An object of OpenAI's form has no cache writes; the receipt bills 1000 tokens of one-hour writes."""
    usage = {
        "prompt_tokens": 3000,
        "prompt_tokens_details": {"cached_tokens": 2000},
        "completion_tokens": 500,
    }
    put(wallet, usage=json.dumps(usage))
    assert check(bill({10: {1: 3000, 2: 2000, 3: 1000, 4: {3600: 1000}}, 13: None}))[0] == 1


def test_a_ttl_that_the_response_leaves_open(check, wallet):
    """The parts do not sum up to the whole, by one token: all of it may be billed as one-hour writes."""
    put(
        wallet,
        usage=json.dumps(
            USAGE
            | {"cache_creation": {"ephemeral_5m_input_tokens": 599, "ephemeral_1h_input_tokens": 0}}
        ),
    )
    assert check(bill({10: {1: 3000, 2: 2000, 3: 1000, 4: {3600: 600}}, 13: None}))[0] == 1


def test_a_output_of_the_short_form(check, wallet):
    """`input_tokens` and `output_tokens` alone: not even the output is compared."""
    put(wallet, usage=json.dumps({"input_tokens": 3000, "output_tokens": 5}))
    code, found, _ = check(bill({11: {1: 50_000}, 13: None}))
    assert code == 1, found


def test_a_usage_of_two_forms(check, wallet):
    """The SDK shows prompt_tokens 30; the verifier reads the other members, which no SDK of this API shows."""
    two = {
        "prompt_tokens": 30,
        "completion_tokens": 5,
        "iterations": [dict(USAGE, input_tokens=60_400, output_tokens=500)],
    }
    put(wallet, usage=json.dumps(two))
    assert check(bill({10: {1: 63_000, 2: 2000, 3: 61_000, 4: {300: 600}}, 13: None}))[0] != 0


def test_a_in_band_receipts_of_a_second_issuer(check, wallet, folder):
    """Two pinned issuers of one provider; the wallet is blinded, and what came in-band is left aside."""
    put(wallet, usage=None)
    second = receipt_claims(
        stream="x",
        request="gpu-7-1",
        client=commitment("gpu-7-1"),
        issuer="https://second.example.com",
    )
    wallet.receipt(2, sign_receipt(second, SECOND).data)
    (folder / "k2.json").write_text(
        json.dumps(jwk_set(SECOND, issuer="https://second.example.com"))
    )
    wallet.db.execute("DELETE FROM receipts WHERE call <> 2")
    for n, _r in enumerate(REQUESTS, 1):
        if n != 2:
            wallet.receipt(n, [*HONEST.ones, *HONEST.twos][n - 1].data)
    first = HONEST.ones[0]
    batch = costly(1)
    wallet.db.execute("DELETE FROM receipts WHERE call = 3")
    wallet.receipt(3, batch.ones[2].data)
    code, _found, checks = check(batch, f"{BOTH} --keys k2.json")
    assert first.data == batch.ones[0].data
    assert code != 0, checks


# B: honest


def test_b_a_retry_is_answered_with_the_stored_answer(check, wallet):
    """The first attempt timed out before an id came; the retry under the same idempotency key got the stored answer. The receipt echoes the first."""
    put(wallet, commitment=commitment("retry"), replay=1)
    wallet.call(
        None,
        outcome="cut",
        status=None,
        usage=None,
        model=None,
        answered=NOON + 500,
        commitment=commitment("gpu-7-1"),
    )
    assert check(HONEST)[:2] == (0, [])


def test_b_a_stored_answer_brings_the_receipt_of_last_month(check, wallet):
    """The call was of October; its stored answer comes in November, with the receipt of October in its header."""
    sent = OCTOBER[1] - 3_600_000
    old = sign_receipt(
        receipt_claims(stream="old", request="old", time=sent + 500, client=commitment("old"))
    ).data
    wallet.call("old", old, sent=sent, answered=sent + 1000, commitment=commitment("old"))
    assert check(HONEST)[:2] == (0, [])
    wallet.call(
        "old",
        old,
        replay=1,
        sent=NOVEMBER[0] + 600_000,
        answered=NOVEMBER[0] + 600_500,
        commitment=commitment("old again"),
    )
    assert check(HONEST)[:2] == (0, [])


def test_b_two_providers_call_the_customer_the_same(check, wallet, folder):
    """Two issuers, one wallet, one account name, receipts in-band from both."""
    other = "https://api.other.com"
    (folder / "k2.json").write_text(json.dumps(jwk_set(SECOND, issuer=other)))
    for n in range(2):
        c = receipt_claims(stream="o", request=f"o{n}", client=commitment(f"o{n}"), issuer=other)
        wallet.call(
            f"o{n}",
            sign_receipt(c, SECOND).data,
            host="api.other.com",
            commitment=commitment(f"o{n}"),
            credential=b"\2",
        )
    assert check(HONEST, f"{BOTH} --keys k2.json")[:2] == (0, [])


def test_b_two_providers_and_the_account_is_stated(check, wallet):
    """`wallet.transport(account="acme")` for the clients of two providers, who both call the customer acme."""
    for n in range(2):
        wallet.call(
            f"o{n}",
            host="api.other.com",
            commitment=commitment(f"o{n}"),
            credential=b"\2",
            account=ACCOUNT,
        )
    wallet.db.execute("UPDATE calls SET account = ?", [ACCOUNT])
    assert check(HONEST)[0] != 1


def test_b_idle_at_one_provider_and_busy_at_another(check, folder):
    """Nothing was asked of this issuer; another provider, who gives no receipts, is in the wallet too."""
    wallet = TestWallet()
    wallet.call("msg_1", host="api.other.com", commitment=commitment("msg_1"))
    code, found, _ = check(IDLE, f"{BOTH} --account acme")
    assert code != 1, found


def test_b_a_log_with_hosts(check, folder):
    """A log has the host of each call, and no credential: a call to somebody else is not due a receipt here (record.md, Whose call it is)."""
    rows = [{"request": r, "time": NOON, "host": "api.example.com"} for r in REQUESTS] + [
        {"request": "x", "time": NOON, "host": "api.other.com"}
    ]
    Path("r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert check(HONEST, "--requests r.jsonl")[:2] == (0, [])


@pytest.mark.parametrize("status", ["200.0", "200 OK", "", 200.0])
def test_b_how_logs_write_a_status(check, folder, status):
    """pandas writes 200.0 where a column has gaps."""
    rows = [{"request": r, "time": NOON, "status": status} for r in REQUESTS]
    Path("r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "b.cbor").write_bytes(HONEST.data)
    try:
        code = check(HONEST, "--requests r.jsonl")[0]
    except AssertionError:
        code = 2  # refused: that is a good answer too
    assert code != 1


def test_b_one_date_in_two_ways(check, wallet):
    """Vertex: `@20250514`; Anthropic: `-20250514`."""
    put(wallet, model="claude-sonnet-4@20250514")
    assert check(bill({9: "claude-sonnet-4-20250514"}))[:2] == (0, [])


def test_b_usage_as_litellm_gives_it(check, wallet):
    """prompt_tokens is the whole; the two cache members stand beside it, without input_tokens."""
    usage = {"prompt_tokens": 3000, "completion_tokens": 500, "total_tokens": 3500, "prompt_tokens_details": {"cached_tokens": 2000},
             "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 0}  # fmt: skip
    put(wallet, usage=json.dumps(usage))
    assert check(bill({10: {1: 3000, 2: 2000, 3: 1000}, 13: None}))[:2] == (0, [])


BROKEN_USAGE = {
    "half a surrogate pair as tier": {"service_tier": "\ud800", "prompt_tokens": 1},
    "negative": {"prompt_tokens": -1},
    "a fraction": {"prompt_tokens": 12.0},
    "beyond 2^64": {"prompt_tokens": 2**64},
    "iterations of null": {"iterations": [None]},
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_USAGE)
def test_c_one_usage_object_makes_the_wallet_useless(shell, check, wallet, folder, name):
    """The provider wrote the response; the wallet keeps it; after that there is no verdict on any batch."""
    put(wallet, usage=json.dumps(BROKEN_USAGE[name]))
    assert check(costly(0))[0] == 1


@pytest.mark.parametrize("column", ["sent", "answered"])
@pytest.mark.parametrize("value", [2**63 - 1, -(2**63)])
def test_c_times_of_a_wallet(shell, check, wallet, folder, column, value):
    put(wallet, **{column: value})
    (folder / "b.cbor").write_bytes(HONEST.data)
    assert shell(f"verify b.cbor --keys k.json --no-remember {BOTH}").code in (1, 2)


@pytest.mark.parametrize("raw", [b"", b"\x82", b"\xff", b"\x9f", b"\x82\x40\xd2\x84", b"\x83" + b"\x00" * 3, HONEST.ones[1].data + b"\0", HONEST.ones[1].data[:-1],
                                 b"\x82\x5b" + b"\xff" * 8, HONEST.statement.data, bytes([0x9b]) + b"\xff" * 8])  # fmt: skip
def test_c_garbage_that_came_in_band(shell, check, wallet, folder, raw):
    wallet.db.execute("DELETE FROM receipts WHERE call = 2")
    wallet.receipt(2, raw)
    assert check(HONEST)[0] in (0, 3)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, '{"a": "\\ud800"}', "\ufeff{}"])
def test_c_aliases(shell, check, wallet, folder, text):
    Path("names.json").write_text(text)
    (folder / "b.cbor").write_bytes(HONEST.data)
    assert shell(f"verify b.cbor --keys k.json --no-remember {BOTH} --aliases names.json").code in (
        0,
        2,
    )


@pytest.mark.parametrize(
    "tier", ['{"service_tier": "\\ud800", "prompt_tokens": 1}', "[" * 100_000, '{"a":' * 100_000]
)
def test_c_usage_in_a_log(shell, check, folder, tier):
    Path("r.jsonl").write_text(
        '{"request": "x", "usage": '
        + (tier if tier[0] == "{" and tier[-1] == "}" else json.dumps(tier))
        + "}\n"
    )
    (folder / "b.cbor").write_bytes(HONEST.data)
    assert shell("verify b.cbor --keys k.json --no-remember --requests r.jsonl").code in (1, 2)


def test_c_one_id_for_all_calls(shell, check, folder):
    """The provider answers each call with one id: the comparison must not take the square of their number."""
    wallet = TestWallet()
    wallet.db.execute("BEGIN")
    for n in range(10_000):
        wallet.call("gpu-7-0", commitment=n.to_bytes(32), replay=int(n > 0))
    wallet.db.execute("COMMIT")
    batch = Batch(one=Stream("gpu-7", 1, change=echoing), two=Stream("gpu-8", 1, change=echoing))
    begun = time.process_time()
    check(batch)
    assert time.process_time() - begun < 10


@pytest.mark.slow
def test_c_one_id_for_all_calls_and_receipts(shell, check, folder):
    wallet = TestWallet()
    wallet.db.execute("BEGIN")
    for n in range(2_000):
        wallet.call("x", commitment=n.to_bytes(32), replay=int(n > 0))
    wallet.db.execute("COMMIT")
    batch = Batch(one=Stream("gpu-7", 2_000, over={"request": "x"}), two=Stream("gpu-8", 1))
    begun = time.process_time()
    check(batch)
    assert time.process_time() - begun < 10


# The wallet's writer, and the official clients: what the customer's SDK shows against what the wallet notes.

CHAT = {
    "prompt_tokens": 9,
    "completion_tokens": 2,
    "total_tokens": 11,
    "prompt_tokens_details": {"cached_tokens": 4},
}
HUGE = {
    "prompt_tokens": 90_000,
    "completion_tokens": 20_000,
    "total_tokens": 110_000,
    "prompt_tokens_details": {"cached_tokens": 0},
}


def openai_client(respond, **more):
    """OpenAI's client and a wallet, over a transport that answers with ``respond``."""
    import httpx
    import openai

    from receipts.wallet import Wallet

    library = httpx
    if not isinstance(openai.OpenAI(api_key="x")._client, httpx.Client):
        import httpx2 as library
    kept = Wallet("kept.db")
    inner = library.MockTransport(lambda request: respond(library, request))
    client = library.Client(transport=kept.transport(library, inner), follow_redirects=True)
    return openai.OpenAI(
        api_key="sk-1",
        http_client=client,
        base_url="https://api.example.com/v1",
        max_retries=0,
        **more,
    ), kept


def noted(kept):
    kept.close()
    db = sqlite3.connect("kept.db")
    db.row_factory = sqlite3.Row
    return [dict(row) for row in db.execute("SELECT * FROM calls ORDER BY number")]


def chat_stream(*extra, usage=CHAT):
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    text = {**chunk, "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": None}]}
    last = {**chunk, "choices": [], "usage": usage}
    lines = [
        f"data: {json.dumps(text)}\n\n",
        f"data: {json.dumps(last)}\n\n",
        *extra,
        "data: [DONE]\n\n",
    ]
    return "".join(lines).encode()


def stream_it(client):
    with client.chat.completions.create(model="gpt-4o", messages=[], stream=True) as answer:
        return [chunk.usage for chunk in answer if chunk.usage][-1]


@pytest.mark.parametrize("how", ["octet-stream", "gzip", "no last event"])
def test_a_wallet_sees_what_the_client_sees(folder, how):
    """The SDK reads the stream and shows its usage; the wallet notes a call without any, of which every bill is right."""
    import gzip

    def respond(library, request):
        body, headers = chat_stream(), {"content-type": "text/event-stream"}
        if how == "octet-stream":
            headers["content-type"] = "application/octet-stream"
        if how == "gzip":
            body, headers["content-encoding"] = gzip.compress(body), "gzip"
        return library.Response(200, headers=headers, stream=library.ByteStream(body))

    client, kept = openai_client(respond)
    assert stream_it(client).prompt_tokens == 9
    (call,) = noted(kept)
    assert call["usage"] is not None
    assert json.loads(call["usage"])["prompt_tokens"] == 9


@pytest.mark.parametrize("how", ["response member", "message member", "usageMetadata"])
def test_a_wallet_reads_another_usage_than_the_client(folder, how):
    """A member that the SDK does not look at takes the place of the usage that it shows."""
    hidden = {
        "response member": {"response": {"usage": HUGE}},
        "message member": {"message": {"usage": HUGE}},
        "usageMetadata": {"usageMetadata": HUGE},
    }[how]
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "usage": CHAT,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}]} | hidden  # fmt: skip
    client, kept = openai_client(lambda library, request: library.Response(200, json=body))
    assert client.chat.completions.create(model="gpt-4o", messages=[]).usage.prompt_tokens == 9
    (call,) = noted(kept)
    assert call["usage"] is None or json.loads(call["usage"])["prompt_tokens"] == 9


def test_a_tier_of_openai_stands_beside_the_usage(folder):
    """`service_tier` is a member of the response, not of its usage: it is not noted, and `priority` can be billed for `flex`."""
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "usage": CHAT, "service_tier": "flex",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}]}  # fmt: skip
    client, kept = openai_client(lambda library, request: library.Response(200, json=body))
    client.chat.completions.create(model="gpt-4o", messages=[])
    (call,) = noted(kept)
    assert "flex" in map(str, call.values())


def test_a_results_that_nobody_asked_for(folder):
    """The file of a batch's results has ten lines for one custom_id: ten calls are noted, each of which may be billed."""
    line = {
        "custom_id": "one",
        "response": {"status_code": 200, "body": {"model": "gpt-4o", "usage": HUGE}},
    }
    lines = [
        line
        | {"response": {"status_code": 200, "body": line["response"]["body"] | {"id": f"p{n}"}}}
        for n in range(10)
    ]
    body = "".join(json.dumps(one) + "\n" for one in lines).encode()
    client, kept = openai_client(
        lambda library, request: library.Response(200, stream=library.ByteStream(body))
    )
    client.files.content("file-1").read()
    assert len(noted(kept)) <= 1


def test_a_download_of_any_file_makes_calls(folder):
    """No batch was ever made. A file that the customer fetches brings calls into its record."""
    line = {
        "custom_id": "one",
        "response": {"status_code": 200, "body": {"id": "p", "model": "gpt-4o", "usage": HUGE}},
    }
    client, kept = openai_client(
        lambda library, request: library.Response(
            200, stream=library.ByteStream(json.dumps(line).encode())
        )
    )
    client.files.content("file-1").read()
    assert noted(kept) == []


def test_b_one_key_of_two_organizations(folder):
    """A user's key of OpenAI serves several organizations; a header says which. They are two accounts, and one credential in the wallet."""
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o",
        "usage": CHAT,
        "choices": [],
    }
    client, kept = openai_client(lambda library, request: library.Response(200, json=body))
    for name in ("org-a", "org-b"):
        client.with_options(default_headers={"OpenAI-Organization": name}).chat.completions.create(
            model="gpt-4o", messages=[]
        )
    assert len({call["credential"] for call in noted(kept)}) == 2


def test_b_usage_as_moonshot_gives_it(check, wallet):
    """`cached_tokens` at the top is read, as it is where OpenAI has it."""
    from receipts.ingest import read_usage

    usage = {
        "prompt_tokens": 3000,
        "completion_tokens": 500,
        "total_tokens": 3500,
        "cached_tokens": 2000,
    }
    counts = read_usage("openai", "chat.completions", usage).counts
    assert (counts.logical, counts.cached) == (3000, 2000)
    put(wallet, usage=json.dumps(usage))
    code, found, _ = check(bill({10: {1: 3000, 2: 2000, 3: 1000}, 11: {1: 500}, 13: None}))
    assert code == 0, found


# Several issuers, several months, and what the comparison costs.


@pytest.mark.slow
def test_c_many_statements_and_spoilt_signatures(check, folder):
    """Receipts that came in-band and are omitted, a spoilt signature, and many statements: each with each is looked for."""
    wallet = TestWallet()
    for n in range(100):
        c = receipt_claims(
            n, bytes(32) if n else None, stream="gpu-7", request=f"in-{n}", time=NOON
        )
        wallet.call(f"in-{n}", sign_receipt(c).data, usage=None)
    ones = Stream("gpu-7", 3000).receipts()
    claims = statement_claims({"gpu-7": ones})
    statements, previous = [], None
    for n in range(20):
        entry = claims[9][0] | {3: 10**9}
        signed = sign_statement(claims | {4: n, 9: [entry]} | ({5: previous} if previous else {}))
        previous = signed.digest
        statements.append(signed.data)
    spoilt = [one.data[:-1] + bytes((one.data[-1] ^ 1,)) for one in ones[:100]]
    begun = time.process_time()
    check(b"".join([*spoilt, *(one.data for one in ones[100:]), *statements]))
    assert time.process_time() - begun < 10


def test_c_one_receipt_that_came_many_times(check, folder):
    """The provider answers each call with one id and one receipt."""
    wallet = TestWallet()
    wallet.db.execute("BEGIN")
    batch = Batch(one=Stream("gpu-7", 1), two=Stream("gpu-8", 1))
    for n in range(5_000):
        wallet.call("gpu-7-0", batch.ones[0].data, commitment=n.to_bytes(32), replay=int(n > 0))
    wallet.db.execute("COMMIT")
    begun = time.process_time()
    check(batch)
    assert time.process_time() - begun < 10


@pytest.mark.parametrize("depth", range(300, 1000, 50))
def test_c_deep_usage(shell, check, wallet, folder, depth):
    """What the wallet writes, the verifier reads, with another depth of its own stack."""
    put(wallet, usage='{"a":' + "[" * depth + "]" * depth + "}")
    assert check(HONEST)[0] in (0, 1, 3)


def test_a7_again_by_a_late_statement(check, wallet):
    """October was verified. The November batch bills its calls once more, in a stream that a late statement for October closes."""
    put(wallet)
    at = OCTOBER[0] + DAY
    wallet.db.execute("UPDATE calls SET sent = ?, answered = ?", (at, at + 1000))
    october = {"time": at}
    first = Batch(one=Stream("gpu-7", 3, change=echoing, over=october), two=Stream("gpu-8", 2, change=echoing, over=october),
                  statement_over={"start": OCTOBER[0], "end": OCTOBER[1]})  # fmt: skip
    assert check(first, period="--period 2026-10")[0] == 0
    again = Stream(
        "late", 5, change=lambda n, c: echoing(n, c | {8: REQUESTS[n]}), over=october
    ).receipts()
    idle = sign_statement(statement_claims({}, number=1, previous=first.statement.digest))
    late = sign_statement(
        statement_claims(
            {"late": again},
            number=2,
            previous=idle.digest,
            kind=1,
            start=OCTOBER[0],
            end=OCTOBER[1],
        )
    )
    november = b"".join([idle.data, *(one.data for one in again), late.data])
    (Path("oct.cbor")).write_bytes(first.data)
    code, found, _ = check(november, f"{BOTH} --account acme --previous oct.cbor")
    assert code != 0, found


def test_a7_again_by_a_line_without_a_time(check, folder):
    """A log has a line when a call is sent, and one with its usage when it ends: the second names no time, and that counts as any time."""
    rows = [
        row
        for r in REQUESTS
        for row in ({"request": r, "time": OCTOBER[0] + DAY}, {"request": r, "usage": USAGE})
    ]
    Path("r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert check(HONEST, "--requests r.jsonl")[0] == 1


@pytest.mark.parametrize("sql", [
    ("CREATE VIEW calls AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS number, 1 AS sent, NULL AS answered, '' AS host,"
    " '' AS path, NULL AS credential, NULL AS account, NULL AS status, NULL AS outcome, 0 AS replay, x'' AS commitment, x'' AS nonce,"
    " NULL AS requested_model, NULL AS model, NULL AS request, NULL AS usage FROM n"),
    "CREATE VIEW receipts AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 1 AS call, 1 AS data FROM n WHERE i < 0",
])  # fmt: skip
@pytest.mark.parametrize(
    "command", ["verify b.cbor --keys k.json --no-remember --requests w.db", "show w.db"]
)
def test_c_endless_views(folder, sql, command):
    import subprocess
    import sys

    TestWallet("w.db").close()
    db = sqlite3.connect("w.db")
    db.execute(f"DROP TABLE {'calls' if 'VIEW calls' in sql else 'receipts'}")
    db.execute(sql)
    db.commit()
    db.close()
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    (folder / "b.cbor").write_bytes(HONEST.data)
    code = "import sys, resource; resource.setrlimit(resource.RLIMIT_CPU, (10, 10)); from cli.main import main; sys.argv = ['receipt', *sys.argv[1:]]; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *command.split()], capture_output=True, timeout=60
    )
    assert done.returncode == 2, (done.returncode, done.stderr[-300:])


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a":' * 200_000, '{"iss": "x", "keys": ' + "[" * 100_000]
)
@pytest.mark.parametrize("option", ["--keys", "--prompts", "--cache-key", "--requests"])
def test_c_deep_files(shell, check, folder, option, text):
    (folder / "deep").write_text(text)
    (folder / "p.jsonl").write_text("")
    (folder / "b.cbor").write_bytes(HONEST.data)
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))
    more = "--prompts p.jsonl" if option == "--cache-key" else ""
    assert shell(f"verify b.cbor --keys k.json --no-remember {option} deep {more}").code == 2


@pytest.mark.parametrize("more", ["--signatures statement", "--jobs 2"])
def test_sealed_batches_are_compared_too(shell, check, wallet, folder, more):
    """No hole: here for the record."""
    assert check(costly(1), f"{BOTH} {more}")[0] == 1
    assert check(HONEST, f"{BOTH} {more}")[0] == 0
    told = HONEST.ones[2].data
    spoilt = HONEST.data.replace(told, told[:-1] + bytes((told[-1] ^ 1,)))
    if more == "--signatures statement":
        assert check(spoilt, f"{BOTH} {more}")[0] == 0


def test_a_one_call_for_two_issuers(check, wallet, folder):
    """Nothing is hidden from the wallet: every call came with a receipt of the second issuer; the first one bills it too."""
    other = "https://second.example.com"
    (folder / "k2.json").write_text(json.dumps(jwk_set(SECOND, issuer=other)))
    over = {"issuer": other}
    second = [
        Stream("gpu-7", 3, change=echoing, over=over, key=SECOND),
        Stream("gpu-8", 2, change=echoing, over=over, key=SECOND),
    ]
    receipts = [one.receipts() for one in second]
    wallet.db.execute("DELETE FROM receipts")
    for n, receipt in enumerate([*receipts[0], *receipts[1]], 1):
        wallet.receipt(n, receipt.data)
    claims = statement_claims({"gpu-7": receipts[0], "gpu-8": receipts[1]}) | {2: other}
    theirs = b"".join([*(r.data for s in receipts for r in s), sign_statement(claims, SECOND).data])
    codes = [check(batch, f"{BOTH} --keys k2.json")[0] for batch in (theirs, HONEST)]
    assert codes != [0, 0]


@pytest.mark.parametrize("times", [1, 3])
def test_a_a_receipt_of_nothing_but_a_ping(folder, times):
    """An event that Anthropic's SDK passes over carries the usage that counts."""
    import anthropic

    from receipts.wallet import Wallet
    from tests.test_wallet import ANTHROPIC as library  # noqa: N811

    begin = {"type": "message_start", "message": {"id": "m1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6", "content": [],
             "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 4, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 1}}}  # fmt: skip
    end = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 2},
    }
    ping = {"type": "ping", "usage": {"input_tokens": 90_000, "output_tokens": 20_000}}
    events = [begin, end, *[ping] * times, {"type": "message_stop"}]
    body = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events).encode()
    inner = library.MockTransport(
        lambda request: library.Response(
            200, headers={"content-type": "text/event-stream"}, stream=library.ByteStream(body)
        )
    )
    kept = Wallet("kept.db")
    client = anthropic.Anthropic(
        api_key="x", http_client=library.Client(transport=kept.transport(library, inner))
    )
    with client.messages.stream(model="claude-sonnet-4-6", max_tokens=9, messages=[]) as stream:
        shown = stream.get_final_message().usage
    assert (shown.input_tokens, shown.output_tokens) == (4, 2)
    (call,) = noted(kept)
    assert call["usage"] is None or json.loads(call["usage"])["input_tokens"] == 4


# Closing and keys.


def test_b7_a_journal_is_restored_from_a_backup(shell, keys, folder):
    """The backup is older than the statement: it has the same id, so nobody notes that statement 0 was given already."""
    import shutil

    from receipts import Counts, Journal

    def issue(*requests):
        with Journal("a.db", ISSUER, KEY) as journal:
            for request in requests:
                journal.issue(
                    ACCOUNT, request=request, model="m", counts=Counts(3000, 2000), time=NOON
                )

    close = f"close --keys keys --account {ACCOUNT} --period 2026-11 --journal a.db --out"
    issue("r0")
    shutil.copy("a.db", "backup.db")
    issue("r1")
    assert shell(f"{close} one.cbor").code == 0
    for name in ("a.db", "a.db-wal", "a.db-shm"):
        Path(name).unlink(missing_ok=True)
    shutil.copy("backup.db", "a.db")
    result = shell(f"{close} two.cbor")
    assert result.code == 2 or "before" in result.err, result.err


def test_b_an_old_key_file_takes_back_a_revocation(shell, keys, folder):
    """The thief of a revoked key has the key file of last month, which lists the same kid."""
    from receipts import kid_text

    kid = kid_text(KEY.kid)
    (folder / "new.json").write_text(json.dumps(jwk_set(KEY, SECOND) | {"keys": [
        {**jwk_set(KEY)["keys"][0], "revoked": {"revoked_at": NOON // 1000}}, jwk_set(SECOND)["keys"][0]]}))  # fmt: skip
    (folder / "old.json").write_text(json.dumps(jwk_set(KEY)))
    assert shell("trust add new.json --yes").code == 0
    result = shell(f"trust add old.json --kid {kid}")
    assert result.code == 2, result.err


def test_b_a_wallet_of_version_1_and_an_embedding(check, folder):
    """Version 2 asks no receipt for a path that is not known; of version 1 each such call is due one."""
    db = sqlite3.connect("wallet.db")
    db.executescript(
        "CREATE TABLE requests (number INTEGER PRIMARY KEY, request TEXT, time INTEGER NOT NULL, model TEXT, status INTEGER, commitment BLOB NOT NULL,"
        " nonce BLOB NOT NULL, url TEXT NOT NULL, complete INTEGER NOT NULL); CREATE TABLE receipts (number INTEGER NOT NULL, data BLOB NOT NULL);"
        "PRAGMA application_id=0x52435057; PRAGMA user_version=1"
    )  # fmt: skip
    row = "INSERT INTO requests (request, time, model, status, commitment, nonce, url, complete) VALUES (?, ?, ?, 200, ?, x'', ?, 1)"
    for r in REQUESTS:
        db.execute(
            row,
            (r, NOON, "claude-sonnet-4-6", commitment(r), "https://api.example.com/v1/messages"),
        )
    db.execute(
        row,
        (None, NOON, "text-embedding-3", commitment("e"), "https://api.example.com/v1/embeddings"),
    )
    db.commit()
    assert check(HONEST, "--requests wallet.db")[:2] == (0, [])


def test_a_receipts_withheld_and_a_log_without_hosts(check, folder):
    """R-14.15 in SQL: a host that is not stated is NULL, and NULL IN (...) is not true."""
    rows = [{"request": r, "sent": NOON, "answered": NOON + 1000} for r in REQUESTS]
    for row, receipt in zip(rows[1:], [*HONEST.ones, *HONEST.twos][1:], strict=True):
        row["receipts"] = [receipt.data.hex()]
    Path("r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert check(HONEST, "--requests r.jsonl")[:2] == (3, [("received-missing", None, None)])

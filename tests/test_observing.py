"""`receipt issue --wallet`: an observer's receipts for what a wallet saw, and what of it gets none."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest

from receipts.ingest import read_usage, usage_hash
from receipts.wallet import Call, Outcome, Store
from tests.build import ISSUER, NOON, USAGE
from tests.wallets import TestWallet
from verifier import batch_file, read_items

ROOT = Path(__file__).parents[1]
ISSUE = "issue --wallet wallet.db --keys keys --account acme"
CHAT = {"prompt_tokens": 900, "prompt_tokens_details": {"cached_tokens": 512}, "completion_tokens": 40, "total_tokens": 940}  # fmt: skip
ANTHROPIC = {"host": "api.anthropic.com"}
OPENAI = {
    "host": "api.openai.com", "path": "/v1/chat/completions", "model": "gpt-5", "usage": json.dumps(CHAT),
}  # fmt: skip


@pytest.fixture
def wallet(folder):
    wallet = TestWallet()
    yield wallet
    wallet.close()


def receipts(path="b.cbor"):
    """The claims of the receipts of a batch, by request."""
    items = read_items([batch_file(path)])
    return {item.claims.request: item.claims for item in items if item.kind == "receipt"}


def of_journal(shell, path="j.db"):
    assert shell(f"show {path} --out all.cbor").code == 0
    return receipts("all.cbor")


def rejected(path="wallet.db.rejects.jsonl"):
    """The calls of a rejects file, with the reasons."""
    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return {row["reject"]["line"]: row["reject"]["reason"] for row in rows}


def test_a_call_becomes_a_receipt_that_says_who_saw_it(shell, keys, wallet):
    wallet.call("msg_1", **ANTHROPIC, commitment=bytes(range(32)))
    wallet.call("chatcmpl-1", **OPENAI, tier="flex")
    result = shell(f"{ISSUE} --out b.cbor")
    assert result.code == 0, result.err
    found = receipts()
    one, two = found["msg_1"], found["chatcmpl-1"]
    assert one.source == (
        "anthropic", "messages", usage_hash(USAGE), USAGE.get("service_tier"), None, one.source.terms, True,
    )  # fmt: skip
    assert (one.issuer, one.account, one.time) == (ISSUER, "acme", NOON + 1000)
    assert (one.model, one.client) == ("claude-sonnet-4-6", bytes(range(32)))
    assert two.source[:4] == ("openai", "chat.completions", usage_hash(CHAT), "flex")
    assert two.source.terms == {"processing": "flex"}
    assert (two.logical, two.cached, two.output) == (900, 512, 40)
    assert one.observed
    assert two.observed


def test_what_stood_beside_the_usage_is_in_the_receipt(shell, keys, wallet):
    usage = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2, "total_tokens": 12}  # fmt: skip
    wallet.call(
        "resp_1", host="api.openai.com", path="/v1/responses", usage=json.dumps(usage), tools=json.dumps({"web_search_call": 2}),
        tier="priority",
    )  # fmt: skip
    assert shell(f"{ISSUE} --out b.cbor").code == 0
    (claims,) = receipts().values()
    assert claims.units == {"requests.web_search": 2}
    assert claims.source.usage == usage_hash(usage)
    assert claims.source.tier == "priority"


LEFT_OUT = [
    ({"outcome": None}, "under way, or the program ended"),
    ({"outcome": "unfinished"}, "the response ended without its last event"),
    ({"outcome": "cut"}, "the connection broke"),
    ({"outcome": "cancelled"}, "you hung up"),
    ({"outcome": "failed", "status": 500}, "failed"),
    ({"outcome": "failed"}, "failed"),
    ({"status": 429}, "failed"),
    ({"outcome": "pending"}, "the result was not fetched yet"),
    ({"usage": None}, "no usage came with it"),
    ({"usage": None, "path": "/v1/messages/batches"}, "not a call of a model"),
    ({"usage": None, "path": "/v1/vector_stores"}, "not a call of a model"),
    ({"path": "/v1/responses/resp_1/cancel"}, "not a call of a model"),
]


@pytest.mark.parametrize(("over", "reason"), LEFT_OUT)
def test_what_is_not_final_is_counted_with_its_reason(over, reason, shell, keys, wallet):
    wallet.call("msg_1", **ANTHROPIC)
    wallet.call("msg_2", **ANTHROPIC | over)
    result = shell(f"{ISSUE} --out b.cbor --json")
    assert result.code == 0
    report = json.loads(result.out)
    assert report["left_out"] == {reason: 1}
    assert (report["receipts"], report["rejected"]) == (1, 0)
    assert f"1 call left out: {reason}\n" in shell(f"{ISSUE} --out c.cbor").err
    assert set(receipts()) == {"msg_1"}


def test_a_stored_answer_is_no_second_call(shell, keys, wallet):
    wallet.call("msg_1", **ANTHROPIC)
    wallet.call("msg_1", **ANTHROPIC, replay=1, answered=NOON + 9000)
    wallet.call("msg_2", **ANTHROPIC, replay=1)
    report = json.loads(shell(f"{ISSUE} --out b.cbor --json").out)
    assert report["left_out"] == {"a stored answer to an earlier call": 1}
    # That of a call which is not in the wallet is the only one that there is of it.
    assert {name: claims.time for name, claims in receipts().items()} == {"msg_1": NOON + 1000, "msg_2": NOON + 1000}  # fmt: skip


def test_a_call_without_an_id_has_one_that_stays(shell, keys, wallet):
    wallet.call(None, **ANTHROPIC, commitment=b"\x01" * 32)
    wallet.call(None, **ANTHROPIC, commitment=b"")
    for n in range(2):
        result = shell(f"{ISSUE} --journal j.db --rejects r{n}")
        assert result.code == 1
        assert rejected(f"r{n}") == {2: "request: expected an id in the response, or a commitment that went along, found neither"}  # fmt: skip
    assert list(of_journal(shell)) == [f"call-{'01' * 32}"]


REJECTED = [
    ({"host": "llm.internal:8443"}, "host: expected one whose provider is known (--host HOST=PROVIDER), found 'llm.internal:8443'"),
    ({"path": "/v1/telepathy"}, "path: expected that of an API whose usage can be read, found '/v1/telepathy'"),
    ({"usage": "{"}, "usage: usage: is not JSON"),
    ({"usage": "[" * 9999}, "usage: usage: is not JSON"),
    ({"usage": "[1]"}, "usage: usage: expected an object, found list"),
    ({"usage": '{"output_tokens": 5}'}, "usage: input_tokens: is missing"),
    ({"usage": json.dumps(USAGE | {"cache_read_input_tokens": -1})}, None),
    ({"usage": json.dumps(USAGE | {"x": 2**60})}, None),
    ({"model": None, "requested_model": None}, "model: expected a name in the response or the request, found none"),
    ({"answered": None}, "answered: expected when the response was there, found nothing"),
    ({"answered": 253402300800000}, None),
    ({"request": "r" * 513}, None),
    ({"outcome": "splendid"}, "outcome: expected what a wallet has there, found 'splendid'"),
    ({"model": b"m"}, "model: expected what a wallet has there, found bytes"),
    ({"usage": b"{}"}, "usage: expected what a wallet has there, found bytes"),
    ({"answered": "noon"}, "answered: expected what a wallet has there, found str"),
    ({"tools": "[]"}, "usage: tools: expected an object, found list"),
]  # fmt: skip


@pytest.mark.parametrize(("over", "reason"), REJECTED)
def test_what_cannot_be_read_is_rejected_with_the_reason(over, reason, shell, keys, wallet):
    wallet.call("msg_1", **ANTHROPIC)
    wallet.call(**{"request": "msg_2"} | ANTHROPIC | over)
    result = shell(f"{ISSUE} --out b.cbor")
    assert result.code == 1
    assert set(receipts()) == {"msg_1"}
    ((number, said),) = rejected().items()
    assert number == 2
    assert reason in (None, said)
    assert "Traceback" not in result.err
    assert "mend the cause, then run again over wallet.db" in result.err


def test_nothing_of_a_wallet_reaches_the_terminal_unescaped(shell, keys, wallet):
    evil = "\x1b[31m"
    wallet.call("a", **ANTHROPIC | {"host": f"{evil}.example"})
    wallet.call("b", **ANTHROPIC, outcome=evil)
    wallet.call("c", **ANTHROPIC, usage=json.dumps({"input_tokens": evil}))
    wallet.call(f"d{evil}" + "d" * 600, **ANTHROPIC)
    wallet.call(f"e{evil}", **ANTHROPIC)
    wallet.call(f"e{evil}", **ANTHROPIC)
    result = shell(f"{ISSUE} --out b.cbor")
    assert result.code == 1
    assert len(rejected()) == 5
    assert "\x1b" not in result.out + result.err


def test_hosts_that_are_named(shell, keys, wallet):
    wallet.call("a", **OPENAI | {"host": "llm.internal:8443"})
    wallet.call("b", **OPENAI | {"host": "proxy.internal"})
    wallet.call("c", **OPENAI | {"host": "API.OpenAI.com"})
    wallet.call("d", **ANTHROPIC | {"host": "gateway.internal:1"})
    more = ["--host", "llm.internal:8443=vllm", "--host", "proxy.internal=example", "--host", "gateway.internal=example"]  # fmt: skip
    result = shell(f"{ISSUE} --out b.cbor --shape openai", *more)
    assert result.code == 1
    assert {name: claims.source.provider for name, claims in receipts().items()} == {"a": "vllm", "b": "example", "c": "openai"}  # fmt: skip
    assert list(rejected()) == [4]  # its shape is none of OpenAI's
    result = shell(f"{ISSUE} --out c.cbor --shape anthropic --rejects r", *more)
    assert receipts("c.cbor")["d"].source[:2] == ("example", "messages")


def test_whose_call_it_is(shell, keys, wallet):
    """What the call says, then its credential, then the option."""
    wallet.call("a", **ANTHROPIC, account="said", credential=b"\x0a" * 16)
    wallet.call("b", **ANTHROPIC, credential=b"\x0a" * 16)
    wallet.call("c", **ANTHROPIC, credential=b"\x0b" * 16)
    wallet.call("d", **ANTHROPIC)
    result = shell(f"{ISSUE} --out b.cbor --credential {'0a' * 16}=search")
    assert result.code == 0
    assert {name: claims.account for name, claims in receipts().items()} == {"a": "said", "b": "search", "c": "acme", "d": "acme"}  # fmt: skip
    result = shell("issue --wallet wallet.db --keys keys --out c.cbor")
    assert result.code == 1
    assert rejected() == dict.fromkeys((2, 3, 4), "account: whose call it is, neither the call says nor --account")  # fmt: skip


def test_batches_of_both_apis(shell, keys, wallet):
    wallet.call(
        "msg_1", **ANTHROPIC | {"path": "/v1/messages/batches/b1/results", "commitment": b""}
    )
    files = OPENAI | {"path": "/v1/files/file-1/content", "commitment": b""}
    wallet.call("chatcmpl-1", **files)
    responses = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2, "total_tokens": 12}  # fmt: skip
    wallet.call("resp_1", **files | {"usage": json.dumps(responses)})
    wallet.call("emb_1", **files | {"usage": json.dumps({"prompt_tokens": 7, "total_tokens": 7})})
    assert shell(f"{ISSUE} --out b.cbor").code == 0
    assert {name: (claims.source.api, claims.source.terms, claims.client) for name, claims in receipts().items()} == {
        "msg_1": ("messages-batch", {"processing": "batch"}, None),
        "chatcmpl-1": ("chat.completions", {"processing": "batch"}, None),
        "resp_1": ("responses", {"processing": "batch"}, None),
        "emb_1": ("embeddings", {"processing": "batch"}, None),
    }  # fmt: skip


def test_two_calls_with_one_id(shell, keys, wallet):
    """The same twice is one; what differs is final in neither."""
    wallet.call("msg_1", **ANTHROPIC)
    wallet.call("msg_1", **ANTHROPIC)
    other = json.dumps(USAGE | {"output_tokens": 1})
    wallet.call("msg_2", **ANTHROPIC)
    wallet.call("msg_2", **ANTHROPIC, usage=other)
    assert shell(f"{ISSUE} --out b.cbor").code == 1
    assert list(receipts()) == ["msg_1"]
    assert set(rejected()) == {2, 3, 4}


def test_running_again_adds_what_is_new(shell, keys, wallet):
    """A call that was pending is issued when its result was fetched, with that time."""
    wallet.call("msg_1", **ANTHROPIC)
    pending = wallet.call("resp_1", host="api.openai.com", path="/v1/responses", outcome="pending", usage=None, answered=NOON)  # fmt: skip
    command = f"{ISSUE} --journal j.db"
    assert "1 receipt in 1 stream" in shell(command).err
    usage = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2, "total_tokens": 12}  # fmt: skip
    wallet.db.execute("UPDATE calls SET outcome = 'complete', usage = ?, answered = ? WHERE number = ?", (json.dumps(usage), NOON + 60_000, pending))  # fmt: skip
    result = shell(f"{command} --json")
    report = json.loads(result.out)
    assert (report["receipts"], report["skipped"], report["left_out"]) == (1, 1, {})
    assert of_journal(shell)["resp_1"].time == NOON + 60_000
    report = json.loads(shell(f"{command} --json").out)
    assert (report["receipts"], report["skipped"]) == (0, 2)


def test_another_usage_under_an_id_that_has_a_receipt(shell, keys, wallet):
    number = wallet.call("msg_1", **ANTHROPIC)
    assert shell(f"{ISSUE} --journal j.db").code == 0
    wallet.db.execute("UPDATE calls SET usage = ? WHERE number = ?", (json.dumps(USAGE | {"output_tokens": 1}), number))  # fmt: skip
    assert shell(f"{ISSUE} --journal j.db").code == 1
    assert rejected() == {1: "request 'msg_1' has a receipt for another usage or model"}


@pytest.mark.slow
def test_killed_in_the_middle(shell, keys, wallet, folder):
    """What is there after any end of the process is taken up, and nothing is there twice."""
    for n in range(3000):
        wallet.call(f"msg_{n}", **ANTHROPIC)
    code = "import sys; from cli.main import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *f"{ISSUE} --journal j.db".split()]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    while not _issued() and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.wait()
    before = _issued()
    assert before > 0
    report = json.loads(shell(f"{ISSUE} --journal j.db --json").out)
    assert report["skipped"] + report["receipts"] == 3000
    assert report["skipped"] >= before
    assert len(of_journal(shell)) == _issued() == 3000


def _issued():
    if not Path("j.db").exists():
        return 0
    db = sqlite3.connect("j.db")
    try:
        return db.execute("SELECT count(*) FROM receipts").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


def test_a_wallet_that_grows_while_it_is_read(shell, keys, folder):
    """A run sees the wallet of one moment; the next one takes the rest."""
    store = Store("wallet.db")
    end = threading.Event()

    def grow():
        for n in range(10_000):
            call = Call(NOON, "api.anthropic.com", "/v1/messages", sha256(b"%d" % n).digest(), b"n", answered=NOON + n, status=200,
                        outcome=Outcome.COMPLETE, model="m", request=f"msg_{n}", usage=json.dumps(USAGE))  # fmt: skip
            store.save(call)
            if end.is_set():
                return

    thread = threading.Thread(target=grow)
    thread.start()
    reports = []
    try:
        while sum(report["receipts"] for report in reports) < 50:
            result = shell(f"{ISSUE} --journal j.db --json")
            assert result.code == 0, result.err
            reports.append(json.loads(result.out))
    finally:
        end.set()
        thread.join()
    calls, _ = store.counts()
    store.close()
    reports.append(json.loads(shell(f"{ISSUE} --journal j.db --json").out))
    assert sum(report["receipts"] for report in reports) == calls == len(of_journal(shell))


HOSTILE = {
    "a view that never ends": (
        "ALTER TABLE calls RENAME TO c; CREATE VIEW calls AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT c.* FROM c, n;",
        "calls is no table",
    ),
    "a computed column": ("ALTER TABLE calls ADD COLUMN more AS (zeroblob(1000000));", "its table calls computes columns"),
    "no table": ("DROP TABLE calls;", "no such table"),
    "another version": ("PRAGMA user_version=9;", "is a wallet of version 9, expected 2"),
    "another kind": ("PRAGMA application_id=1;", "is not a wallet"),
    "text that is none": ("UPDATE calls SET host = CAST(x'ff' AS TEXT);", "UTF-8"),
    "prefixes that are none": (
        "CREATE TABLE prefixes (call, account, period, model, ids, marks); INSERT INTO prefixes VALUES (1, 'a', 'b', 'c', x'00', 7);",
        "the prefixes of call 1 are damaged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_wallet(name, shell, keys, wallet):
    wallet.call("msg_1", **ANTHROPIC)
    script, words = HOSTILE[name]
    wallet.db.executescript(script)
    result = shell(f"{ISSUE} --out b.cbor")
    assert result.code == 2
    assert words in result.err
    assert "Traceback" not in result.err
    assert not Path("b.cbor").exists()


USAGE_ERRORS = {
    "issue --keys keys --out b": "give either USAGE or --wallet",
    "issue u.jsonl --wallet wallet.db --keys keys --out b": "give either USAGE or --wallet",
    "issue --wallet wallet.db --keys keys --out b --provider openai": "--host HOST=PROVIDER",
    "issue u.jsonl --keys keys --out b --host a=b": "go with --wallet",
    "issue u.jsonl --keys keys --out b --credential aa=b": "go with --wallet",
    "issue --wallet wallet.db --keys keys --out b --cache-key k": "--cache-key and --prompts go together",
    "issue --wallet wallet.db --keys keys --out b --host nothing": "is not of the form NAME=VALUE",
    "issue --wallet wallet.db --keys keys --out b --credential zz=a": "HEX=ACCOUNT",
    "issue --wallet wallet.db --keys keys --out b --credential aa": "HEX=ACCOUNT",
    "issue --wallet nothing.db --keys keys --out b": "nothing.db",
}


@pytest.mark.parametrize("line", USAGE_ERRORS)
def test_usage_errors(line, shell, keys, wallet):
    result = shell(line)
    assert result.code == 2
    assert USAGE_ERRORS[line] in result.err


def test_usage_that_somebody_else_observed(shell, keys, folder):
    """A gateway's own log, whose lines are billed by nobody here."""
    line = {"provider": "openai", "api": "chat.completions", "model": "m", "request": "r", "time": NOON, "usage": CHAT}  # fmt: skip
    Path("u.jsonl").write_text(json.dumps(line) + "\n")
    assert shell("issue u.jsonl --observed --keys keys --account acme --out b.cbor").code == 0
    assert receipts()["r"].observed
    assert shell("issue u.jsonl --keys keys --account acme --out c.cbor").code == 0
    assert not receipts("c.cbor")["r"].observed


def test_the_wallet_as_record_of_its_own_receipts(shell, keys, wallet):
    """Both sides are the customer's own: they agree, whatever the calls came to."""
    wallet.call("msg_1", **ANTHROPIC)
    wallet.call("chatcmpl-1", **OPENAI, tier="default")
    wallet.call(None, **ANTHROPIC, commitment=b"\x01" * 32)
    wallet.call("msg_1", **ANTHROPIC, replay=1)
    for n, (over, _) in enumerate(LEFT_OUT):
        wallet.call(f"msg_left_{n}", **ANTHROPIC | over, commitment=b"%032d" % n)
    assert shell(f"{ISSUE} --journal j.db").code == 0
    assert shell("close --journal j.db --keys keys --account acme --period 2026-11 --out b.cbor").code == 0  # fmt: skip
    assert shell("trust add keys/issuer.jwks.json --yes").code == 0
    result = shell(f"verify b.cbor --observer {ISSUER} --requests wallet.db --period 2026-11")
    assert result.code == 0, result.out
    assert "signed by the observer, not by the biller" in result.out
    assert shell("verify b.cbor --requests wallet.db --no-remember").code == 3
    wallet.db.execute("UPDATE calls SET usage = ? WHERE request = 'chatcmpl-1'", (json.dumps(CHAT | {"completion_tokens": 41, "total_tokens": 941}),))  # fmt: skip
    result = shell(f"verify b.cbor --observer {ISSUER} --requests wallet.db --json")
    assert result.code == 1
    assert json.loads(result.out)["finding_counts"] == {"count-differs": 1}


def test_counts_are_those_of_the_usage_object(shell, keys, wallet):
    wallet.call("msg_1", **ANTHROPIC)
    assert shell(f"{ISSUE} --out b.cbor").code == 0
    (claims,) = receipts().values()
    counts = read_usage("anthropic", "messages", USAGE).counts
    assert (claims.logical, claims.cached, claims.output) == (counts.logical, counts.cached, counts.output)  # fmt: skip

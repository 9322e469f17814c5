"""`receipt show` and `receipt prove` of a wallet and of a journal."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from receipts import Counts, Journal
from receipts.wallet import Call, Outcome, Store
from tests.build import ISSUER, KEY, NOON
from verifier import batch_file, read_items

RUDE = "\x1b[31mred\nsecond line\u202e"


@pytest.fixture
def journal(keys, folder):
    """Three receipts for acme, of which two are closed, and one for globex."""
    with Journal("issuer.db", ISSUER, KEY) as journal:
        for n, account in enumerate(("acme", "acme", "globex", "acme")):
            time = NOON + n + (40 * 86_400_000 if n == 3 else 0)
            journal.issue(account, request=f"req-{n}", time=time, model="m", counts=Counts(9, 4))
    return "issuer.db"


@pytest.fixture
def wallet(journal, shell, folder):
    """Calls of every kind, and the receipts that came with the first."""
    assert shell("show issuer.db --out all.cbor").code == 0
    raw = [item.raw for item in read_items([batch_file("all.cbor")])]
    store = Store("wallet.db")
    usage = {"prompt_tokens": 9, "completion_tokens": 2}
    first = Call(NOON, "api.example.com", "/v1/responses", b"\1" * 32, b"\2" * 32, b"\3" * 16, "acme", "gpt",
                 NOON + 50, 200, Outcome.COMPLETE, False, "gpt-1", "resp_" + "0123456789abcdef" * 2, json.dumps(usage),
                 [raw[0], b"junk", raw[1]], tier="flex")  # fmt: skip
    store.save(first)
    store.save(Call(NOON + 86_400_000 // 2, "h", "/x", b"", b"", requested_model="asked for"))
    store.save(Call(NOON, "h", "/x", b"", b"", status=200, outcome=Outcome.COMPLETE, replay=True, model=RUDE, request=RUDE))  # fmt: skip
    assert store.counts() == (3, 3)
    store.close()
    return "wallet.db"


def test_the_calls_of_a_wallet(shell, wallet):
    result = shell("show wallet.db")
    assert (result.code, result.err) == (0, "receipt: warning: nothing of this was checked; receipt verify does that\n")  # fmt: skip
    assert result.out.splitlines() == [
        "sent                 outcome   status receipts model            request",
        "2026-11-01T12:00:00Z complete     200        3 gpt-1            ...3456789abcdef",
        "2026-11-02T00:00:00Z -              -        0 asked for        -",
        "2026-11-01T12:00:00Z replay       200        0 \\x1b[31mred\\n... ...nd line\\u202e",
    ]
    assert max(map(len, result.out.splitlines())) == 80


def test_the_calls_of_a_wallet_as_json(shell, wallet):
    result = shell("show wallet.db --json -q")
    assert (result.code, result.err) == (0, "")
    first, second, _ = map(json.loads, result.out.splitlines())
    assert first == {
        "number": 1, "sent": NOON, "answered": NOON + 50, "host": "api.example.com", "path": "/v1/responses", "credential": "03" * 16,
        "account": "acme", "status": 200, "outcome": "complete", "replay": False, "commitment": "01" * 32, "nonce": "02" * 32,
        "requested_model": "gpt", "model": "gpt-1", "request": "resp_" + "0123456789abcdef" * 2,
        "usage": {"prompt_tokens": 9, "completion_tokens": 2}, "tier": "flex", "receipts": 3,
    }  # fmt: skip
    assert second == {"number": 2, "sent": NOON + 43_200_000, "host": "h", "path": "/x", "replay": False, "commitment": "", "nonce": "", "requested_model": "asked for", "receipts": 0}  # fmt: skip


def test_the_receipts_of_a_wallet(shell, wallet):
    rows = [json.loads(line) for line in shell("show wallet.db --receipts --json").out.splitlines()]
    assert [row["kind"] for row in rows] == ["receipt", "unknown", "receipt"]
    assert "item 2, byte" in shell("show wallet.db --receipts").out
    for more in ("", "--receipts"):
        result = shell(f"show wallet.db {more} --out received.cbor")
        assert (result.code, result.out) == (0, "")
        assert "1 item cannot be read" in result.err
        assert "wrote 2 items to received.cbor" in result.err
        claims = [item.claims.request for item in read_items([batch_file("received.cbor")])]
        assert claims == ["req-0", "req-1"]
        Path("received.cbor").unlink()
    document = json.loads(shell("show wallet.db --out r.cbor --json").out)
    assert document == {"batch": "r.cbor", "items": 2, "unreadable": 1}


def test_a_wallet_that_is_shown_is_not_changed(shell, wallet):
    before = Path(wallet).read_bytes()
    shell("show wallet.db")
    shell("show wallet.db --out r.cbor")
    assert Path(wallet).read_bytes() == before
    assert not list(Path().glob("wallet.db-*"))


def test_a_wallet_that_is_still_open(shell, folder):
    store = Store("wallet.db")
    store.save(Call(NOON, "h", "/x"))
    assert store.counts() == (1, 0)
    assert len(shell("show wallet.db").out.splitlines()) == 2
    store.close()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("PRAGMA user_version=1", "is a wallet of version 1, expected 2"),
        ("DROP TABLE calls", "no such table: calls"),
        ("ALTER TABLE calls RENAME COLUMN host TO hosts", "no such column: host"),
    ],
)
def test_a_wallet_that_cannot_be_read(shell, wallet, statement, message):
    with closing(sqlite3.connect(wallet)) as db:
        db.execute(statement)
    result = shell("show wallet.db")
    assert result.code == 2
    assert message in result.err
    assert "receipt: hint: open it with receipts.wallet" in result.err


def test_a_wallet_that_does_not_end(shell, wallet):
    """A view in place of the table, which counts for ever."""
    with closing(sqlite3.connect(wallet)) as db:
        db.executescript("DROP TABLE receipts; CREATE VIEW receipts AS WITH RECURSIVE c(call, data) AS"
                         " (SELECT 1, x'00' UNION ALL SELECT call + 1, data FROM c) SELECT * FROM c;")  # fmt: skip
    for more in ("", "--receipts", "--out r.cbor"):
        result = shell(f"show wallet.db {more}")
        assert (result.code, "interrupted" in result.err) == (2, True)
    assert not Path("r.cbor").exists()


def test_values_that_no_wallet_writes(shell, wallet):
    with closing(sqlite3.connect(wallet)) as db, db:
        db.execute("UPDATE calls SET sent = 'x', status = 'many words', outcome = x'00', model = 3, request = 1e300, usage = '{'")  # fmt: skip
    assert shell("show wallet.db").code == 0
    assert json.loads(shell("show wallet.db --json").out.splitlines()[0])["usage"] == "{"
    with closing(sqlite3.connect(wallet)) as db, db:
        db.execute("UPDATE calls SET model = CAST(x'ff' AS TEXT)")
        db.execute("UPDATE receipts SET data = 'text'")
    assert shell("show wallet.db").code == 2
    assert shell("show wallet.db --receipts").code == 2


def test_one_wallet_at_a_time(shell, wallet):
    result = shell("show all.cbor wallet.db")
    assert (result.code, result.out) == (2, "")
    assert "wallet.db is a wallet, which is shown by itself" in result.err
    assert "--receipts is for a wallet" in shell("show all.cbor --receipts").err


def test_a_journal(shell, journal):
    assert shell("close --journal issuer.db --keys keys --account acme --period 2026-11 --out a.cbor").code == 0  # fmt: skip
    before = Path(journal).read_bytes()
    rows = [json.loads(line) for line in shell("show issuer.db --json").out.splitlines()]
    assert [(row["kind"], row["claims"]["account"]) for row in rows] == [
        ("receipt", "acme"), ("receipt", "acme"), ("receipt", "acme"), ("receipt", "globex"), ("statement", "acme"),
    ]  # fmt: skip
    assert rows[0]["claims"]["request"] == "req-0"
    assert "item 4, byte" in shell("show issuer.db").out
    assert Path(journal).read_bytes() == before


def test_a_proof_out_of_a_journal(shell, journal):
    """The same one as out of the batch that was closed."""
    assert shell("close --journal issuer.db --keys keys --account acme --period 2026-11 --out a.cbor").code == 0  # fmt: skip
    assert shell("prove issuer.db --request req-1 --out one.cbor").code == 0
    assert shell("prove a.cbor --request req-1 --out two.cbor").code == 0
    assert Path("one.cbor").read_bytes() == Path("two.cbor").read_bytes()
    assert shell("verify one.cbor --keys keys/issuer.jwks.json").code == 0
    for request in ("req-2", "req-3"):
        result = shell(f"prove issuer.db --request {request} --out no.cbor")
        assert result.code == 2
        assert f"no statement closes request '{request}'" in result.err
        assert "receipt: hint: close the period first" in result.err
    assert "no receipt is for request 'none'" in shell("prove issuer.db --request none -o p").err
    assert not Path("no.cbor").exists()


def test_a_journal_that_cannot_be_read(shell, journal):
    with closing(sqlite3.connect(journal)) as db:
        db.execute("DROP TABLE statements")
    for command in ("show issuer.db", "prove issuer.db --request r -o p"):
        result = shell(command)
        assert result.code == 2
        assert "issuer.db: no such table: statements" in result.err
        assert "receipt: hint: restore it from a copy" in result.err


def test_a_batch_is_written_too(shell, closed):
    result = shell("show batch.cbor --out copy.cbor")
    assert (result.code, result.out) == (0, "")
    assert Path("copy.cbor").read_bytes() == closed.read_bytes()

"""A week of traffic with the official clients: honest, nothing is found; with one cheat in it, that is found, and nobody else is accused."""

import json
import os
from collections import Counter

import pytest

from receipts.wallet import wallet_calls
from tests.build import KEY, OCTOBER, Batch, Stream, jwk_set, receipt_claims, sign_receipt
from tests.wallets import TestWallet
from tests.week.books import key_of
from tests.week.cheats import CHEATS
from tests.week.network import API, OLD, OTHER
from tests.week.plans import ACCOUNTS, SHARES
from tests.week.provider import RESULTS
from tests.week.scene import Ledger, Scene
from tests.week.traffic import happens
from verifier.item.opening import open_item

CALLS = int(os.environ.get("WEEK_CALLS", "20000"))
FEW = 300
SEED = 9
PERIODS = ("--period 2026-10", "--period 2026-11")
QUICK = (
    "logical_inflated", "another_model", "a_second_receipt_in_a_new_stream", "a_receipt_for_a_429", "a_receipt_dropped",
    "in_band_other_than_in_the_batch",
)  # fmt: skip


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """The whole week."""
    return Ledger(happens(tmp_path_factory.mktemp("week"), CALLS, SEED))


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A week of few calls."""
    return Ledger(happens(tmp_path_factory.mktemp("few"), FEW, SEED))


@pytest.fixture
def verify(shell):
    """The command, on batches of an account, with a wallet; the exit code, what was found, and the checks."""

    def run(week, batches, wallet, account, period=""):
        files = " ".join(map(str, batches))
        record = f"--requests {wallet} --received {wallet} --account {account}"
        result = shell(
            f"verify {files} --keys {week.trusted} {record} {period} --json --no-remember --proofs proofs"
        )
        report = json.loads(result.out)
        found = sorted((f["code"], f.get("request") or "") for f in report["findings"])
        return result.code, found, report

    return run


@pytest.fixture
def remembering(monkeypatch, ledger):
    """Of the receipts that came in-band, each is opened once in all verifications: that depends on nothing but its bytes and the keys.

    They are the most of the work, and the same but for a few in every cheat. The honest week is verified without this.
    """
    kept = ledger.opened

    def opened(raw, policy, **more):
        if more != {"identities": False}:
            return open_item(raw, policy, **more)
        if raw not in kept:
            kept[raw] = open_item(raw, policy, **more)
        return kept[raw]

    monkeypatch.setattr("verifier.customer.received.open_item", opened)


def honest(verify, ledger, account):
    """Each month by itself, and both together."""
    week = ledger.week
    batches = [week.batch(account, month) for month in (0, 1)]
    for batch, period in zip(batches, PERIODS, strict=True):
        assert verify(week, [batch], week.wallet, account, period)[:2] == (0, [])
    code, found, report = verify(week, batches, week.wallet, account)
    assert (code, found) == (0, [])
    receipts = sum(len(ledger.books[account, month].entries) for month in (0, 1))
    checks = {check["check"]: check for check in report["checks"]}
    for name in ("receipts with a request", "models", "times of the calls"):
        assert (checks[name]["passed"], checks[name]["of"]) == (receipts, receipts), name


def cheated(verify, shell, ledger, folder, name):
    cheat = CHEATS[name]
    scene = Scene(ledger, cheat, folder)
    expected = sorted((code, request or "") for code, request in cheat.apply(scene))
    scene.write()
    period = "" if cheat.together else PERIODS[cheat.month]
    code, found, _ = verify(ledger.week, scene.batches, scene.wallet, cheat.account, period)
    assert (code, sorted(set(found))) == (cheat.code, expected)
    proofs = sorted((folder / "proofs").glob("*.zip"))
    assert len(proofs) == cheat.proofs
    for proof in proofs:
        assert shell(f"verify {proof} --keys {ledger.week.trusted} --no-remember").code == 0


@pytest.mark.slow
def test_what_happened(ledger):
    """Every fault that was planned, and nothing else that failed."""
    week = ledger.week
    planned = Counter(plan.kind for plan in week.plans)
    assert planned.keys() == {"plain", *SHARES}
    assert week.gave_up == sum(planned[kind] for kind in ("given up", "error event", "cut"))
    calls = list(wallet_calls(str(week.wallet)))
    assert {call["host"] for call in calls} == {API, OLD, OTHER}
    assert {call["status"] for call in calls} == {None, 200, 307, 429, 500, 529}
    assert (
        len({call["credential"] for call in calls}) == 6
    )  # two clients of two accounts, another provider, and none after a redirect
    outcomes = Counter(call["outcome"] for call in calls)
    assert outcomes["cancelled"] == planned["cancelled"]
    assert outcomes["cut"] == planned["cut"] + planned["dropped"]
    assert outcomes["unfinished"] == planned["unfinished"]
    assert outcomes["pending"] == 0
    assert sum(call["replay"] for call in calls) == planned["replayed"]
    assert (
        sum("x" in (call["request"] or "").rpartition("_")[2] for call in calls)
        >= RESULTS * planned["batch"] // 2
    )
    signed = {key_of(entry.claims[7]) for book in ledger.books.values() for entry in book.entries}
    streams = {name for book in ledger.books.values() for name in book.streams}
    assert (len(signed), len(streams)) == (2, 3)


@pytest.mark.slow
@pytest.mark.parametrize("account", ACCOUNTS)
def test_an_honest_week(verify, ledger, account):
    honest(verify, ledger, account)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat(verify, shell, ledger, folder, remembering, name):
    cheated(verify, shell, ledger, folder, name)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_an_honest_week_of_few_calls(verify, few, account):
    honest(verify, few, account)


@pytest.mark.parametrize("name", QUICK)
def test_a_cheat_in_few_calls(verify, shell, few, folder, name):
    cheated(verify, shell, few, folder, name)


# What accused an honest provider, or left its week open, as small as it can be.


@pytest.fixture
def small(shell, folder):
    """A batch of five receipts, with a wallet."""
    (folder / "k.json").write_text(json.dumps(jwk_set(KEY)))

    def run(batch):
        (folder / "b.cbor").write_bytes(batch.data)
        line = "verify b.cbor --keys k.json --period 2026-11 --no-remember --requests wallet.db --received wallet.db --account acme --json"
        result = shell(line)
        return result.code, [
            (f["code"], f.get("request")) for f in json.loads(result.out)["findings"]
        ]

    return run


def five(**over):
    """A wallet of a call for each receipt."""
    batch = Batch(one=Stream("gpu-7", 3, over=over), two=Stream("gpu-8", 2, over=over))
    wallet = TestWallet()
    for stream, receipts in (("gpu-7", batch.ones), ("gpu-8", batch.twos)):
        for n, receipt in enumerate(receipts):
            wallet.call(
                f"{stream}-{n}", receipt.data, commitment=f"{stream}-{n}".encode(), credential=b"1"
            )
    return batch, wallet


def test_a_stored_answer_of_last_month_with_its_receipt(small, folder):
    """Under an idempotency key, November's call gets the answer of October's again, with the receipt that it had."""
    batch, wallet = five()
    old = sign_receipt(
        receipt_claims(stream="gpu-6", request="old", time=OCTOBER[1] - 1000, client=b"old")
    )
    first = wallet.call(
        "old",
        old.data,
        commitment=b"old",
        credential=b"1",
        sent=OCTOBER[1] - 2000,
        answered=OCTOBER[1] - 500,
    )
    assert first
    assert small(batch) == (0, [])
    wallet.call("old", old.data, commitment=b"again", credential=b"1", replay=1)
    assert small(batch) == (0, [])


NEED_NONE = {
    "a key that was mistyped": {"status": 401, "outcome": "failed", "usage": None},
    "a key whose only call was cancelled": {"outcome": "cancelled", "usage": None},
    "a key for batches, without one this month": {"path": "/v1/files/f/content", "sent": OCTOBER[1] - 5000, "answered": OCTOBER[1] - 1000},
}  # fmt: skip


@pytest.mark.parametrize("name", NEED_NONE)
def test_a_credential_of_which_nothing_is_known_and_nothing_is_due(small, folder, name):
    """Nobody needs to know whose such a call was."""
    batch, wallet = five()
    wallet.call(None, commitment=b"x", credential=b"2", **NEED_NONE[name])
    assert small(batch) == (0, [])


def test_five_calls(small, folder):
    """Which the tests above add a call to."""
    batch, _ = five()
    assert small(batch) == (0, [])

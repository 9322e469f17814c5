"""A week of traffic with the official clients: honest, nothing is found; with one cheat in it, that is found, and nobody else is accused."""

import json
import os

import pytest

from tests.week.cheats import CHEATS
from tests.week.plans import ACCOUNTS
from tests.week.scene import Ledger, Scene
from tests.week.traffic import happens

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
        result = shell(f"verify {files} --keys {week.trusted} {record} {period} --json --no-remember --proofs proofs")
        report = json.loads(result.out)
        found = sorted((f["code"], f.get("request") or "") for f in report["findings"])
        return result.code, found, report

    return run


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
    proofs = sorted((folder / "proofs").glob("*.cbor"))
    assert len(proofs) == cheat.proofs
    for proof in proofs:
        assert shell(f"verify {proof} --keys {ledger.week.trusted} --no-remember").code == 0


def kinds(names):
    """Cheats as parameters; what the product does not find is marked."""
    return [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=CHEATS[name].missed) if CHEATS[name].missed else ())
        for name in names
    ]


@pytest.mark.slow
@pytest.mark.parametrize("account", ACCOUNTS)
def test_an_honest_week(verify, ledger, account):
    honest(verify, ledger, account)


@pytest.mark.slow
@pytest.mark.parametrize("name", kinds(CHEATS))
def test_a_cheat(verify, shell, ledger, folder, name):
    cheated(verify, shell, ledger, folder, name)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_an_honest_week_of_few_calls(verify, few, account):
    honest(verify, few, account)


@pytest.mark.parametrize("name", QUICK)
def test_a_cheat_in_few_calls(verify, shell, few, folder, name):
    cheated(verify, shell, few, folder, name)

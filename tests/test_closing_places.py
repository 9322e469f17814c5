"""Closing through the command line: one number, one statement, one place; and nothing is left out without a word."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from receipts import Counts, Journal
from tests.build import ACCOUNT, DECEMBER, ISSUER, KEY, NOON, NOVEMBER
from tests.clock import Clock
from verifier import Statement, batch_file, read_items

COUNTS = Counts(3000, 2000)
CLOSE = f"close --keys keys --account {ACCOUNT} --period 2026-11"


@pytest.fixture
def gateways(keys):
    """Two machines that issue for one account, each into a journal of its own: a.db and b.db."""
    for name in "ab":
        issue(f"{name}.db", f"{name}0", f"{name}1")
    return keys


def issue(path, *requests, time=NOON, account=ACCOUNT, stream=None):
    with Journal(path, ISSUER, KEY) as journal:
        for request in requests:
            journal.issue(
                account, request=request, model="m", counts=COUNTS, time=time, stream=stream
            )


def statements(*paths):
    found = [item for path in paths for item in read_items([batch_file(path)])]
    return [item for item in found if isinstance(item.claims, Statement)]


def noted(keys):
    """What closing.db says, by account."""
    with closing(sqlite3.connect(keys / "closing.db")) as db:
        rows = db.execute("SELECT account, entry FROM places").fetchall()
    return {account.decode(): json.loads(entry) for account, entry in rows}


def note(keys, account, entry):
    with closing(sqlite3.connect(keys / "closing.db")) as db, db:
        db.execute("INSERT OR REPLACE INTO places VALUES (?, ?)", (account.encode(), entry))


def refused(result, message, hint):
    assert (result.code, result.out) == (2, "")
    assert message in result.err, result.err
    assert hint in result.err, result.err


# One number, one statement.


def test_many_that_close_at_once_print_one_statement(gateways, folder):
    """Cron and an operator close a journal to stdout, while receipts of the period still come in."""
    command = [sys.executable, "-c", "from cli.main import main; main()", *CLOSE.split(),
               "--journal", "a.db", "--early", "--out", "-", "--quiet"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    stop = threading.Event()

    def go_on():
        with Journal("a.db", ISSUER, KEY) as journal:
            while not stop.is_set():
                journal.issue(
                    ACCOUNT, request=os.urandom(8).hex(), model="m", counts=COUNTS, time=NOON
                )

    issuing = threading.Thread(target=go_on)
    issuing.start()
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(4)]
    printed = [process.communicate()[0] for process in running]
    stop.set()
    issuing.join()
    assert [process.returncode for process in running] == [0] * 4
    for n, data in enumerate(printed):
        Path(f"{n}.cbor").write_bytes(data)
    assert {one.claims.number for one in statements(*(f"{n}.cbor" for n in range(4)))} == {0}
    assert len(set(printed)) == 1


def test_a_statement_whose_output_failed_is_the_one_that_is_written_later(shell, gateways):
    """Nobody may know whether it went out; so there is no other one of its number."""
    failed = shell(f"{CLOSE} --journal a.db --out nowhere/x.cbor")
    assert failed.code == 2
    issue("a.db", "a2")
    assert shell(f"{CLOSE} --journal a.db --out one.cbor").code == 0
    issue("a.db", "a3")
    assert shell(f"{CLOSE} --journal a.db --out two.cbor").code == 0
    assert Path("one.cbor").read_bytes() == Path("two.cbor").read_bytes()


def test_the_reader_of_stdout_goes_away(gateways, shell):
    """What came before it went may have been seen: the statement is in the journal, and stays the one of its number."""
    issue("a.db", *(f"many{n}" for n in range(400)))
    command = f"{sys.executable} -c 'from cli.main import main; main()' {CLOSE} --journal a.db --early --out - | head -c 1"  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    run = subprocess.run(["sh", "-c", command], capture_output=True, check=True, env=environment)
    assert run.stdout == b"\x82"
    issue("a.db", "later")
    again = shell(f"{CLOSE} --journal a.db --out all.cbor --json")
    (row,) = json.loads(again.out)["statements"]
    assert (row["number"], row["receipts"], row["left"]) == (0, 402, 1)


# One place.


def test_a_second_journal_cannot_close_the_account(shell, gateways):
    """Each machine has its cron job: the second statement 0 would be a proof against the honest issuer."""
    assert shell(f"{CLOSE} --journal a.db --out a.cbor").code == 0
    a, b = Path("a.db").absolute(), Path("b.db").absolute()
    refused(
        shell(f"{CLOSE} --journal b.db --out b.cbor"),
        f"acme is closed from {a}: a statement from {b} as well would be a second story",
        f"close it at one place, with all its journals: --journal {a} --journal {b}",
    )
    assert not Path("b.cbor").exists()
    assert shell("close --keys keys --account globex --period 2026-11 --empty --journal b.db --out g.cbor").code == 0  # fmt: skip


def test_journals_that_are_closed_together(shell, gateways):
    """The receipts of both machines are under one statement, month after month, and the months verify."""
    both = "--journal a.db --journal b.db"
    assert shell(f"{CLOSE} {both} --out nov.cbor").code == 0
    (november,) = statements("nov.cbor")
    assert (november.claims.number, [s.count for s in november.claims.streams]) == (0, [2, 2])
    for name in "ab":
        issue(f"{name}.db", f"{name}9", time=DECEMBER[0])
    december = f"close --keys keys --account {ACCOUNT} --period 2026-12"
    # The order does not matter: the chain stays where it is.
    assert shell(f"{december} --journal b.db --journal a.db --out dec.cbor").code == 0
    assert statements("dec.cbor")[0].claims.previous == november.digest
    shell("trust add keys/issuer.jwks.json --yes")
    for line in ("nov.cbor --period 2026-11", "dec.cbor --period 2026-12"):
        assert shell(f"verify {line}").code == 0
    assert shell(f"{CLOSE} --journal b.db --journal a.db --out again.cbor").code == 0
    assert Path("again.cbor").read_bytes() == Path("nov.cbor").read_bytes()


def test_a_journal_that_was_part_of_it_must_not_be_missing(shell, gateways):
    assert shell(f"{CLOSE} --journal a.db --journal b.db --out nov.cbor").code == 0
    issue("b.db", "b9", time=DECEMBER[0])
    refused(
        shell(
            f"close --keys keys --account {ACCOUNT} --period 2026-12 --journal a.db --out d.cbor"
        ),
        f"acme has receipts in {Path('b.db').absolute()}, which is not given: they would be left out",
        "--journal",
    )
    assert not Path("d.cbor").exists()


def test_a_machine_that_is_added_later(shell, gateways):
    assert shell(f"{CLOSE} --journal a.db --out nov.cbor").code == 0
    refused(
        shell(f"{CLOSE} --journal a.db --journal a.db --out x.cbor"),
        "are one journal",
        "give each once",
    )
    late = shell(f"{CLOSE} --journal a.db --journal b.db --late --out late.cbor --json")
    (row,) = json.loads(late.out)["statements"]
    assert (late.code, row["number"], row["receipts"]) == (0, 1, 2)
    assert (
        shell("verify nov.cbor late.cbor --keys keys/issuer.jwks.json --period 2026-11").code == 0
    )


def test_a_journal_that_has_moved_is_the_same(shell, gateways):
    """It is known by its own name, not by that of its file; another one in its old place is another one."""
    assert shell(f"{CLOSE} --journal a.db --out nov.cbor").code == 0
    Path("a.db").rename("moved.db")
    Path("b.db").rename("a.db")
    assert shell(f"{CLOSE} --journal moved.db --out again.cbor").code == 0
    assert shell(f"{CLOSE} --journal a.db --out b.cbor").code == 2


def test_two_journals_with_one_stream(shell, gateways):
    """Two machines were configured with one name: there are two receipts for one place, and no statement can help."""
    for name in "ab":
        issue(f"{name}.db", f"{name}5", stream="gpu")
    refused(
        shell(f"{CLOSE} --journal a.db --journal b.db --out x.cbor"),
        "stream 'gpu' is in both",
        "with streams of its own",
    )


def test_two_journals_that_both_have_statements(shell, gateways):
    """Before the key folder knew of places, or with a copy of it: both have been closed."""
    assert shell(f"{CLOSE} --journal b.db --out b.cbor").code == 0
    (gateways / "closing.db").unlink()
    refused(
        shell(f"{CLOSE} --journal a.db --journal b.db --out x.cbor"),
        "b.db has statements of acme, and so may",
        "receipt: hint: ",
    )


def test_batches_and_journals_do_not_mix(shell, closed):
    """Statement 0 is in a batch; a journal knows nothing of it."""
    issue("a.db", "a0", time=NOON)
    refused(
        shell(f"{CLOSE} --journal a.db --out x.cbor"),
        "acme is closed in batches, and not from a journal",
        "--previous for the statement before",
    )
    issue("a.db", "g0", account="globex")
    globex = CLOSE.replace(ACCOUNT, "globex")
    assert shell(f"{globex} --journal a.db --out g.cbor").code == 0
    write = "issue usage.jsonl --keys keys --account globex --out b.cbor"
    assert shell(write).code == 0
    before = Path("b.cbor").read_bytes()
    refused(
        shell("close b.cbor --keys keys --period 2026-11"),
        "globex is closed from a journal: a statement in a batch as well would be a second story",
        f"receipt close --journal {Path('a.db').absolute()}",
    )
    assert Path("b.cbor").read_bytes() == before


def test_a_number_that_was_given_in_another_batch_is_said(shell, closed):
    """Two machines have a batch each, and one key folder; or a run is done again after its batch was sent."""
    rows = Path("usage.jsonl").read_text().splitlines(keepends=True)
    Path("part.jsonl").write_text("".join(rows[:20]))
    shell("issue part.jsonl --keys keys --account acme --out other.cbor")
    told = "another statement 0 of acme was signed before: both together are proof against you"
    again = shell("close other.cbor --keys keys --period 2026-11")
    assert (again.code, told in again.err) == (0, True)
    # The same batch once more is the same statement: it had been lost.
    first = list(read_items([batch_file(closed)]))
    Path("lost.cbor").write_bytes(b"".join(item.raw for item in first[:-1]))
    same = shell("close lost.cbor --keys keys --period 2026-11")
    assert (same.code, told in same.err) == (0, False)
    assert Path("lost.cbor").read_bytes() == closed.read_bytes()


def test_a_closing_that_is_refused_claims_nothing(shell, gateways):
    """A mistake must not bind the account to a place."""
    assert shell(f"close --keys keys --account {ACCOUNT} --period 2026-12 --journal b.db --out x.cbor").code == 2  # fmt: skip
    assert not (gateways / "closing.db").exists()
    assert shell(f"{CLOSE} --journal a.db --out x.cbor").code == 0


def test_places_that_are_damaged(shell, gateways):
    """Also an empty file, which a copy leaves that had no room: it is not one that knows of nothing."""
    line = f"{CLOSE} --journal a.db --out x.cbor"
    assert shell(line).code == 0
    whole = (gateways / "closing.db").read_bytes()
    for entry in ("5", '{"journals": [5]}', '{"last": {"number": "x"}}', "{"):
        note(gateways, ACCOUNT, entry)
        refused(shell(line), "closing.db is damaged", "restore it")
    for data in (b"", b"{}", whole[:5000], whole[:4096] + bytes(len(whole) - 4096)):
        (gateways / "closing.db").write_bytes(data)
        refused(shell(line), "closing.db is damaged", "restore it")
    (gateways / "closing.db").write_bytes(whole)
    assert shell(line).code == 0


def test_a_note_that_cannot_be_written(shell, gateways, monkeypatch):
    """The statement is in the journal, and nothing of it is out; the next run writes it."""
    line = f"{CLOSE} --journal a.db --out x.cbor"
    with monkeypatch.context() as patched:
        patched.setattr(
            "cli.closing_file.ClosingFile._make",
            lambda _self: raise_(sqlite3.OperationalError("database or disk is full")),
        )
        refused(shell(line), "closing.db: database or disk is full", "the room on the disk")
    assert not Path("x.cbor").exists()
    assert not (gateways / "closing.db").exists()
    assert shell(line).code == 0


def raise_(error):
    raise error


# What "I mean it" is for.


def test_a_period_that_is_not_over(shell, gateways, monkeypatch):
    """A month of next year by mistake, or this month on the 20th: every receipt that still comes would be late."""
    clock = Clock(monkeypatch, NOON)
    line = f"close --keys keys --account {ACCOUNT} --journal a.db --out x.cbor"
    refused(
        shell(f"{line} --period 2026-11"),
        "2026-11 is not over",
        "or now with --early: what comes later needs a late statement",
    )
    for more in ("", "--early", "--late", "--early --late --empty"):
        refused(
            shell(f"{line} --period 2027-11 {more}"),
            "2027-11 has not begun",
            "look at the year and the month; it begins 2027-11-01",
        )
    clock.now = NOVEMBER[0] - 1
    refused(shell(f"{CLOSE} --journal a.db --out x.cbor --early"), "2026-11 has not begun", "2026-11-01")  # fmt: skip
    clock.now = NOVEMBER[1] - 1
    assert shell(f"{CLOSE} --journal a.db --out x.cbor").code == 2
    assert not Path("x.cbor").exists()
    assert shell(f"{CLOSE} --journal a.db --out x.cbor --early").code == 0
    clock.now = NOVEMBER[1]
    assert shell(f"{CLOSE} --journal a.db --out x.cbor").code == 0


def test_an_account_that_nobody_knows(shell, gateways):
    """A mistyped name closed an empty month, and said so with exit code 0."""
    for what in ("--journal a.db --out x.cbor", "empty.cbor"):
        Path("empty.cbor").touch()
        line = f"close --keys keys --account amce --period 2026-11 {what}"
        refused(
            shell(line),
            "account: expected one with a receipt or a statement, found amce",
            "look at the spelling; --empty closes an account that is new and had no request",
        )
        (gateways / "closing.db").unlink(missing_ok=True)
        assert shell(f"{line} --empty").code == 0
        (gateways / "closing.db").unlink()
    # From then on it is known: an idle month is closed as before.
    assert (
        shell("close --keys keys --account amce --period 2026-12 --journal a.db --out y.cbor").code
        == 0
    )


def test_receipts_that_came_after_the_closing_are_said(shell, gateways):
    assert shell(f"{CLOSE} --journal a.db --out nov.cbor").code == 0
    issue("a.db", "late0", "late1")
    again = shell(f"{CLOSE} --journal a.db --out again.cbor --json")
    assert again.code == 0
    assert again.err == (
        "receipt: warning: 2 receipts of acme came after this was closed\n"
        "receipt: warning: a late statement closes that: receipt close --journal a.db --keys keys"
        " --period 2026-11 --late --account acme --out FILE\n"
        "receipt: statement 0 of acme closes 2 receipts\n"
    )
    assert json.loads(again.out)["statements"][0]["left"] == 2
    refused(
        shell(
            f"close --keys keys --account {ACCOUNT} --period 2026-12 --journal a.db --out d.cbor"
        ),
        "time: expected 2026-12-01 to ",
        "close their period first, or use --late",
    )
    assert shell(f"{CLOSE} --journal a.db --late --out late.cbor").code == 0
    assert "came after" not in shell(f"{CLOSE} --journal a.db --out again.cbor").err
    shutil.copy("again.cbor", "nov.cbor")
    assert (
        shell("verify nov.cbor late.cbor --keys keys/issuer.jwks.json --period 2026-11").code == 0
    )


# A journal that was brought back from a backup has the same name.


def bring_back(copy, path="a.db"):
    for name in (path, f"{path}-wal", f"{path}-shm"):
        Path(name).unlink(missing_ok=True)
    shutil.copy(copy, path)


def test_a_journal_that_is_an_old_copy_signs_nothing(shell, gateways):
    """Of before statement 0, and then of before statement 1: the second statement of a number would be proof of two stories."""
    december = CLOSE.replace("2026-11", "2026-12")
    shutil.copy("a.db", "before.db")
    assert shell(f"{CLOSE} --journal a.db --out nov.cbor").code == 0
    shutil.copy("a.db", "nov.db")
    assert shell(f"{december} --journal a.db --out dec.cbor").code == 0
    shutil.copy("a.db", "dec.db")
    zero, one = (s.digest.hex() for s in statements("nov.cbor", "dec.cbor"))
    known = noted(gateways)[ACCOUNT]
    assert known["last"] == {"number": 1, "digest": one}
    for copy, there in (
        ("before.db", "there is no statement"),
        ("nov.db", "the last statement is 0"),
    ):
        bring_back(copy)
        issue("a.db", "a9")
        for line in (CLOSE, f"{CLOSE} --late", december, CLOSE.replace("2026-11", "2027-01")):
            refused(
                shell(f"{line} --journal a.db --early --out x.cbor"),
                f"a.db is behind keys/closing.db: of acme, expected statement 1, {one}, which was written before; found that {there}",
                "bring back the newer one",
            )
        assert not Path("x.cbor").exists()
    assert noted(gateways)[ACCOUNT] == known
    bring_back("dec.db")
    assert shell(f"{CLOSE} --journal a.db --out again.cbor").code == 0
    assert Path("again.cbor").read_bytes() == Path("nov.cbor").read_bytes()
    assert zero != one


def test_two_copies_with_a_statement_each(shell, gateways):
    """The copy was closed with another key folder's memory: it has a statement 0 of its own, and that is not written either."""
    shutil.copy("a.db", "copy.db")
    assert shell(f"{CLOSE} --journal a.db --out nov.cbor").code == 0
    remembered = (gateways / "closing.db").read_bytes()
    (gateways / "closing.db").unlink()
    issue("copy.db", "a9")
    assert shell(f"{CLOSE} --journal copy.db --out x.cbor").code == 0
    Path("x.cbor").unlink()
    (gateways / "closing.db").write_bytes(remembered)
    refused(
        shell(f"{CLOSE} --journal copy.db --out x.cbor"), "found that statement 0 is", "old copy"
    )
    assert not Path("x.cbor").exists()


def test_a_place_of_before_statements_were_noted(shell, gateways):
    """A closing.db without the last statement gets it when the period is written again; one that is lost comes back whole."""
    assert shell(f"{CLOSE} --journal a.db --journal b.db --out nov.cbor").code == 0
    remembered = noted(gateways)
    note(gateways, ACCOUNT, json.dumps({"journals": remembered[ACCOUNT]["journals"]}))
    again = f"{CLOSE} --journal a.db --journal b.db --out nov.cbor"
    assert shell(again).code == 0
    assert noted(gateways) == remembered
    (gateways / "closing.db").unlink()
    assert shell(again).code == 0
    assert noted(gateways) == remembered


def test_another_machine_is_an_old_copy(shell, gateways):
    """Its receipts are closed under the first journal's statement; it gives their places a second time."""
    issue("b.db", "old", stream="gpu")
    shutil.copy("b.db", "before.db")
    issue("b.db", "closed", stream="gpu")
    both = "--journal a.db --journal b.db"
    assert shell(f"{CLOSE} {both} --out nov.cbor").code == 0
    told = "statement 0 of acme closes receipt 1 of stream 'gpu', and in "
    bring_back("before.db", "b.db")
    for instead in ("it is not there", "another one is in its place"):
        for line in (CLOSE, CLOSE.replace("2026-11", "2026-12")):
            result = shell(f"{line} {both} --out x.cbor")
            refused(result, told, "bring back the newer one")
            assert instead in result.err
        if instead == "it is not there":
            issue("b.db", "another", "one more", time=DECEMBER[0], stream="gpu")
    assert not Path("x.cbor").exists()


def test_a_journal_is_missing_and_nobody_remembers(shell, gateways):
    """closing.db is lost: the batch would be written without the receipts of the other machine."""
    assert shell(f"{CLOSE} --journal a.db --journal b.db --out nov.cbor").code == 0
    (gateways / "closing.db").unlink()
    refused(shell(f"{CLOSE} --journal a.db --out x.cbor"), "it is not there", "or one is missing")
    assert not (gateways / "closing.db").exists()


def test_batches_before_in_any_order(shell, closed):
    """--previous with the newer batch first: the next number is the next one all the same."""
    for month, more in (("2026-12", "nov.cbor"), ("2027-01", "dec.cbor nov.cbor")):
        shutil.copy(closed, "nov.cbor")
        Path("empty.cbor").touch()
        previous = " ".join(f"--previous {name}" for name in more.split())
        line = (
            f"close empty.cbor --keys keys --account {ACCOUNT} --period {month} --early {previous}"
        )
        result = shell(f"{line} --out {'dec' if month.endswith('12') else 'jan'}.cbor --json")
        assert result.code == 0, result.err
    assert [s.claims.number for s in statements("nov.cbor", "dec.cbor", "jan.cbor")][-2:] == [1, 2]


def test_two_statements_of_one_number_before(shell, closed):
    rows = Path("usage.jsonl").read_text().splitlines(keepends=True)
    Path("part.jsonl").write_text("".join(rows[:20]))
    shell(f"issue part.jsonl --keys keys --account {ACCOUNT} --out other.cbor")
    assert shell("close other.cbor --keys keys --period 2026-11").code == 0
    Path("empty.cbor").touch()
    line = f"close empty.cbor --keys keys --account {ACCOUNT} --period 2026-12 --early --out x.cbor"
    refused(
        shell(f"{line} --previous {closed} --previous other.cbor"),
        "there are two statements 0 of acme",
        "receipt verify",
    )


def test_a_month_of_a_year_that_is_closed(shell, gateways):
    """Also where there are others after it: the statement that closes it is named."""
    line = f"close --keys keys --account {ACCOUNT} --journal a.db --out x.cbor"
    assert shell(f"{line} --period 2026-01-01/2027-01-01").code == 0
    assert shell(f"{line} --period 2027-01").code == 0
    result = shell(f"{line} --period 2026-10")
    assert (result.code, result.err) == (
        2,
        f"receipt: error: 2026-10 of {ACCOUNT} is closed already (statement 0, period 2026-01-01/2027-01-01)\nreceipt: hint: what came late: --late\n",
    )
    assert len(statements("x.cbor")) == 1  # what was there stays


def test_a_closed_month_of_all_accounts_is_said_once(shell, gateways):
    line = "close --keys keys --all --journal a.db --out closed"
    assert shell(f"{line} --period 2026-01-01/2027-01-01").code == 0
    before = sorted(Path("closed").iterdir())
    result = shell(f"{line} --period 2026-10")
    assert (result.code, result.err.count("is closed already")) == (1, 1)
    assert "nothing was closed" not in result.err
    assert "0 statements" not in result.err
    assert sorted(Path("closed").iterdir()) == before


def test_a_month_before_the_first_receipt(shell, gateways):
    """It is closed, since an idle month may be; who meant another one is warned while few have seen the statement."""
    line = f"close --keys keys --account {ACCOUNT} --journal a.db --period 2026-10 --out x.cbor"
    for _ in range(2):
        result = shell(line)
        assert (result.code, result.err) == (
            0,
            (
                f"receipt: warning: {ACCOUNT} had no receipt in 2026-10, and has later ones: was another period meant?\n"
                f"receipt: statement 0 of {ACCOUNT} closes 0 receipts\n"
            ),
        )
    result = shell(line.replace("2026-10", "2026-11"))
    assert (result.code, result.err) == (0, f"receipt: statement 1 of {ACCOUNT} closes 2 receipts\n")  # fmt: skip
    idle = shell(line.replace(ACCOUNT, "idle") + " --empty")
    assert (idle.code, idle.err) == (0, "receipt: statement 0 of idle closes 0 receipts\n")

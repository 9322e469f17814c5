"""The journal: nothing twice, nothing skipped, nothing lost, whatever happens to the process or the disk."""

import asyncio
import json
import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from receipts import Counts, DuplicateRequestError, Journal, JournalError, ReceiptError, SigningKey
from receipts.closing import corrected
from receipts.journal import is_url, journal_items, open_store
from tests.build import ACCOUNT, ISSUER, KEY, jwk_set
from verifier import Policy, Receipt, batch_file, by_kid, read_items, read_jwks, verify

KEYS = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
COUNTS = Counts(3000, 2000, {300: 600}, 500, 120)
FOREVER = 2**53


def issue(journal, request="r", **more):
    return journal.issue(ACCOUNT, request=request, model="m", counts=COUNTS, **more)


def items(path, account=ACCOUNT):
    """The receipts of an account, in their order."""
    store = open_store(str(path), ISSUER)
    found = list(store.open_receipts(account, {}, FOREVER))
    store.close()
    return found


def report_of(path, folder, account=ACCOUNT):
    batch = folder / "dump.cbor"
    batch.write_bytes(b"".join(items(path, account)))
    return verify([batch_file(str(batch))], Policy(KEYS))


def sound(report):
    """Nothing is wrong with the receipts; they are only not closed yet."""
    return [finding.code for finding in report.findings] == ["statement-missing"]


@pytest.fixture
def path(folder):
    return folder / "issuer.db"


def test_from_many_threads(location, folder):
    with Journal(location, ISSUER, KEY) as journal, ThreadPoolExecutor(16) as pool:
        before = time.time_ns() // 1_000_000
        issued = list(pool.map(lambda n: issue(journal, f"r{n}"), range(400)))
    assert sorted(one.sequence for one in issued) == list(range(400))
    assert {one.stream for one in issued} == {journal.stream}
    assert {one.data for one in issued} == set(items(location))
    assert all(before <= one.time <= time.time_ns() // 1_000_000 for one in issued)
    assert sound(report_of(location, folder))


def test_from_many_tasks(location):
    async def main(journal):
        return await asyncio.gather(*(
            journal.issue_async(ACCOUNT, request=f"r{n}", model="m", counts=COUNTS) for n in range(200)
        ))  # fmt: skip

    with Journal(location, ISSUER, KEY) as journal:
        issued = asyncio.run(main(journal))
    assert sorted(one.sequence for one in issued) == list(range(200))


def test_a_task_that_is_cancelled_leaves_a_whole_receipt(location):
    async def main(journal):
        task = asyncio.create_task(
            journal.issue_async(ACCOUNT, request="r", model="m", counts=COUNTS)
        )
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Journal(location, ISSUER, KEY) as journal:
        asyncio.run(main(journal))
        assert issue(journal, "r2").sequence == 1
    assert len(items(location)) == 2


def test_a_receipt_that_must_not_be_signed_uses_no_sequence_up(location):
    with Journal(location, ISSUER, KEY) as journal:
        with pytest.raises(ReceiptError, match="model: expected text"):
            journal.issue(ACCOUNT, request="r", model="", counts=COUNTS)
        with pytest.raises(ReceiptError, match="cached"):
            journal.issue(ACCOUNT, request="r", model="m", counts=Counts(1, 2))
        assert issue(journal).sequence == 0


def test_a_request_has_one_receipt(location):
    with Journal(location, ISSUER, KEY) as journal:
        issue(journal)
        with pytest.raises(
            DuplicateRequestError, match="request: expected one that has no receipt yet, found r"
        ):
            issue(journal)
        futures = [journal.submit(ACCOUNT, request="s", model="m", counts=COUNTS) for _ in range(5)]
        errors = [future.exception() for future in futures]
        assert [type(error) for error in errors] == [type(None)] + [DuplicateRequestError] * 4
        assert journal.issue("other", request="r", model="m", counts=COUNTS).sequence == 0
        assert issue(journal, "t").sequence == 2


def test_nothing_that_is_asked_for_stops_the_journal(location):
    """An order that cannot be signed, for whatever reason, fails alone; a cancelled one is left out."""
    with Journal(location, ISSUER, KEY) as journal:
        for wrong in (
            {"request": "\ud800"},
            {"account": "\udcff"},
            {"stream": "\udcff"},
            {"request": 7},
            {"time": -1},
            {"time": "x"},
        ):
            order = {"account": ACCOUNT, "request": "r", "model": "m", "counts": COUNTS} | wrong
            assert isinstance(
                journal.submit(order.pop("account"), **order).exception(timeout=10), ReceiptError
            )
        with pytest.raises(AttributeError):
            journal.submit(ACCOUNT, request="r", model="m", counts=None)
        cancelled = [
            journal.submit(ACCOUNT, request=f"c{n}", model="m", counts=COUNTS).cancel()
            for n in range(50)
        ]
        assert issue(journal, "after").sequence == 50 - sum(cancelled)


def test_every_open_journal_has_a_stream_and_named_streams_go_on(location, folder):
    with Journal(location, ISSUER, KEY) as one, Journal(location, ISSUER, KEY) as two:
        assert one.stream != two.stream
        for n in range(20):
            assert issue(one, f"a{n}").sequence == issue(two, f"b{n}").sequence == n
            assert issue(one, f"c{n}", stream="shared").sequence == 2 * n
            assert issue(two, f"d{n}", stream="shared").sequence == 2 * n + 1
    with Journal(location, ISSUER, KEY) as later:
        assert issue(later, "e", stream="shared").sequence == 40
        assert issue(later, "f").stream not in {one.stream, two.stream}
    assert sound(report_of(location, folder))


def test_times_do_not_go_back_and_are_not_made_up(location, monkeypatch):
    """A clock that was set back begins a new stream."""
    with Journal(location, ISSUER, KEY) as journal:
        first = issue(journal, "a")
        monkeypatch.setattr(
            "receipts.journal.journal.time_ns", lambda: (first.time - 5000) * 1_000_000
        )
        second = issue(journal, "b")
        third = issue(journal, "c")
    assert (second.time, second.sequence) == (first.time - 5000, 0)
    assert second.stream != first.stream
    assert (third.stream, third.sequence) == (second.stream, 1)


def test_the_accounts_of_a_journal(location):
    """Those with receipts and those with statements only, by their code points."""
    store = open_store(location, ISSUER)
    assert store.accounts() == []
    store.add_statement("only-statements", 0, b"x")
    store.add_statement("b", 0, b"x")
    with Journal(location, ISSUER, KEY) as journal:
        for account in ("b", "\U00010000", "a", "\uffff", "B"):
            for n in range(3):
                journal.issue(account, request=f"{account}{n}", model="m", counts=COUNTS)
    assert store.accounts() == ["B", "a", "b", "only-statements", "\uffff", "\U00010000"]
    store.close()


def test_names_of_any_kind(location, folder):
    """Whatever spec/receipt.md allows in a name, a store keeps, and sorts by code points."""
    names = [
        "\0",
        "a\0b",
        "'; DROP TABLE receipts; --",
        "\\x41",
        "%s",
        "x" * 512,
        "\U0010ffff" * 128,
    ]
    with Journal(location, ISSUER, KEY) as journal:
        for name in names:
            one = journal.issue(name, request=name, model="m", counts=COUNTS, stream=name)
            two = journal.issue(name, request=f"{name[:8]}2", model="m", counts=COUNTS, stream=name)
            assert (one.sequence, two.sequence) == (0, 1)
            with pytest.raises(DuplicateRequestError):
                journal.issue(name, request=name, model="m", counts=COUNTS)
        with closing(open_store(location, ISSUER)) as store:
            assert store.accounts() == sorted(names)
            for name in names:
                assert store.streams(name) == [name]
                assert store.find(name, name) == next(iter(store.receipts(name, name, 0, 1)))
                assert store.find(name, "nothing") is None
    assert len(list(journal_items(location))) == 2 * len(names)


def test_many_receipts_of_a_stream(location, monkeypatch):
    """They are read page by page, and all of one moment inside of a snapshot."""
    monkeypatch.setattr("receipts.journal.stores.postgres._PAGE", 3)
    with Journal(location, ISSUER, KEY) as journal, closing(open_store(location, ISSUER)) as store:
        issued = [issue(journal, f"r{n}", time=1000 + n).data for n in range(9)]
        stream = journal.stream
        for first in range(10):
            for count in range(11):
                found = list(store.receipts(ACCOUNT, stream, first, count))
                assert found == issued[first : first + count]
            assert list(store.open_receipts(ACCOUNT, {stream: first}, 1007)) == issued[first:7]
        assert list(store.receipts(ACCOUNT, stream, 0, 2**63 - 1)) == issued
        with store.snapshot():
            before = list(store.open_receipts(ACCOUNT, {}, FOREVER))
            issue(journal, "meanwhile")
            assert list(store.open_receipts(ACCOUNT, {}, FOREVER)) == before == issued
            assert store.statements(ACCOUNT) == []
        assert len(list(store.open_receipts(ACCOUNT, {}, FOREVER))) == 10


def test_a_sequence_that_no_store_can_keep(location):
    """They are kept in 63 bits. The order fails, and the journal goes on."""
    with Journal(location, ISSUER, KEY) as journal:
        one = issue(journal, "r", stream="full")
        with closing(open_store(location, ISSUER)) as store, store.transaction():
            store.add([("last", one._replace(sequence=2**63 - 1, digest=bytes(32)))])
        with pytest.raises(JournalError, match=r"too large|out of range"):
            issue(journal, "s", stream="full")
        assert issue(journal, "t").sequence == 0


def test_the_last_word_on_a_request(location):
    """A correction is found by the digest of what it corrects, and has no place among the requests."""
    with Journal(location, ISSUER, KEY) as journal, closing(open_store(location, ISSUER)) as store:
        one = issue(journal, "r")
        assert store.last_word(ACCOUNT, "r") == (one.data, one.digest)
        two = issue(journal, "r", corrects=corrected(one.data))
        three = issue(journal, "r", corrects=corrected(two.data))
        assert store.last_word(ACCOUNT, "r") == (three.data, three.digest)
        assert store.find(ACCOUNT, "r") == one.data
        assert store.find(ACCOUNT, one.digest) == two.data
        assert store.last_word(ACCOUNT, "s") is None
        assert store.known({(ACCOUNT, "r"), (ACCOUNT, one.digest), (ACCOUNT, three.digest), ("x", "r")}) == {
            (ACCOUNT, "r"), (ACCOUNT, one.digest),
        }  # fmt: skip
        with pytest.raises(DuplicateRequestError, match="corrects: expected a receipt without a correction"):  # fmt: skip
            issue(journal, "r", corrects=corrected(one.data))


def test_rotation(location, folder):
    other = SigningKey.generate()
    with Journal(location, ISSUER, KEY) as journal:
        issue(journal, "a")
        journal.rotate(other)
        assert issue(journal, "b").sequence == 1
    (folder / "b.cbor").write_bytes(b"".join(items(location)))
    both = by_kid(read_jwks(json.dumps(jwk_set(KEY, other)).encode()))
    report = verify([batch_file(str(folder / "b.cbor"))], Policy(both))
    assert sound(report)
    assert len(report.signers) == 2


def test_a_closed_journal_and_a_fork(location):
    journal = Journal(location, ISSUER, KEY)
    assert issue(journal).sequence == 0
    journal._process = -1  # as a child sees it
    with pytest.raises(JournalError, match="open it after the fork"):
        issue(journal, "s")
    journal._process = os.getpid()
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="the journal is closed"):
        issue(journal, "s")


def test_files_that_are_no_journal(path, folder):
    path.write_bytes(b"not a database, and long enough to see that" * 30)
    with pytest.raises(JournalError, match=r"issuer\.db: file is not a database"):
        Journal(str(path), ISSUER, KEY)
    (folder / "folder").mkdir()
    with pytest.raises(JournalError, match="unable to open"):
        Journal(str(folder / "folder"), ISSUER, KEY)
    other = folder / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    with pytest.raises(JournalError, match="is a database, but not a journal"):
        Journal(str(other), ISSUER, KEY)
    mine = folder / "mine.db"
    Journal(str(mine), ISSUER, KEY).close()
    with pytest.raises(
        JournalError, match=r"is the journal of https://api.example.com, not of https://x"
    ):
        Journal(str(mine), "https://x", KEY)
    with sqlite3.connect(mine) as db:
        db.execute("PRAGMA user_version=9")
    db.close()
    with pytest.raises(JournalError, match="is a journal of version 9, expected 3"):
        Journal(str(mine), ISSUER, KEY)


def test_a_full_disk(path):
    """The receipts of the failed commit do not exist; once there is room, the next one takes their place."""
    with Journal(str(path), ISSUER, KEY) as journal:
        issued = [issue(journal, "r0")]
        pages = journal._store._db.execute("PRAGMA page_count").fetchone()[0]
        journal._store._db.execute(f"PRAGMA max_page_count={pages + 2}")
        failed = None
        for n in range(1, 100):
            try:
                issued.append(issue(journal, f"r{n}"))
            except JournalError as error:
                failed = n
                assert str(error) == f"{path}: database or disk is full"
                break
        assert failed is not None
        with pytest.raises(JournalError):
            issue(journal, "again")
        journal._store._db.execute("PRAGMA max_page_count=1000000")
        issued.append(issue(journal, f"r{failed}"))
    assert [one.sequence for one in issued] == list(range(len(issued)))
    assert items(path) == [one.data for one in issued]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from receipts import Counts, Journal, JournalError, SigningKey
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(sys.argv[1], sys.argv[3], SigningKey.from_pem(Path(sys.argv[2]).read_bytes()))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    for n in range(10_000):
        print(journal.issue("acme", request=str(n), model="m", counts=Counts(10, 4)).digest.hex(), flush=True)
except JournalError as error:
    print("error:", error)
"""


def test_every_commit_is_on_the_disk_before_it_is_reported(path):
    """FULL: the write-ahead log is synchronised with each commit, so a machine that loses its power loses nothing that was handed out."""
    with Journal(str(path), ISSUER, KEY) as journal:
        assert journal._store._db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert journal._store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_cannot_grow(path, folder, keys):
    """As on a full disk, seen by the operating system: what was handed out is there, and sound."""
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, path, keys / "issuer.pem", ISSUER],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    *handed_out, error = run.stdout.splitlines()
    assert error.startswith(f"error: {path}: ")
    assert len(handed_out) >= 10
    digests = [item.raw for item in read_items([batch_file(dump(path, folder))])]
    assert len(digests) >= len(handed_out)
    assert sound(report_of(path, folder))


def dump(path, folder):
    batch = folder / "dump.cbor"
    batch.write_bytes(b"".join(items(path)))
    return str(batch)


def test_a_read_only_file(shell, keys, path, monkeypatch):
    """Root may write anywhere, so SQLite is told that it may not."""
    Journal(str(path), ISSUER, KEY).close()
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda name, **more: connect(f"file:{name}?mode=ro", uri=True, **more)
    )
    with Journal(str(path), ISSUER, KEY) as journal, pytest.raises(JournalError, match="attempt to write a readonly database"):  # fmt: skip
        issue(journal)


def test_a_journal_that_is_damaged(path):
    with Journal(str(path), ISSUER, KEY) as journal:
        for n in range(200):
            issue(journal, f"r{n}")
    data = bytearray(path.read_bytes())
    data[4096 * 3 :] = b"\xff" * (len(data) - 4096 * 3)
    path.write_bytes(data)
    with Journal(str(path), ISSUER, KEY) as journal, pytest.raises(JournalError, match=r"issuer\.db: database disk image is malformed"):  # fmt: skip
        issue(journal, "s")


@pytest.mark.slow
def test_killed_a_few_hundred_times(location, folder, keys, shell):
    """kill -9 at random moments: no sequence twice, none skipped, no receipt missing that was handed out."""
    rounds, most_ms = (100, 300) if is_url(location) else (300, 30)
    run = subprocess.run(
        [sys.executable, Path(__file__).parent / "journal_killer.py", location, keys / "issuer.pem", str(rounds), "1", str(most_ms)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    *lines, last = run.stdout.splitlines()
    assert last == "done"
    handed_out = {}
    for line in lines:
        stream, sequence, digest = line.split()
        assert handed_out.setdefault((stream, int(sequence)), digest) == digest
    kept = defaultdict(dict)
    for item in read_items([batch_file(dump(location, folder))]):
        assert isinstance(item.claims, Receipt)
        assert item.claims.sequence not in kept[item.claims.stream]
        kept[item.claims.stream][item.claims.sequence] = item
    for sequences in kept.values():
        assert sorted(sequences) == list(range(len(sequences)))
    from verifier.format.envelope import open_envelope

    for (stream, sequence), digest in handed_out.items():
        assert open_envelope(kept[stream][sequence].raw).digest.hex() == digest
    assert len(kept) > 10  # on a slow machine few of them live long enough to issue
    assert len(handed_out) > 10
    assert sound(report_of(location, folder))
    month = time.strftime("%Y-%m", time.gmtime())
    assert (
        shell(
            f"close --journal {location} --keys keys --account acme --period {month} --early --out all.cbor"
        ).code
        == 0
    )
    report = shell(
        f"verify all.cbor --keys keys/issuer.jwks.json --period {month} --json --no-remember"
    )
    assert json.loads(report.out)["verdict"] == "verified"


def lines(count, start=0):
    usage = {
        "input_tokens": 4,
        "output_tokens": 1,
        "cache_read_input_tokens": 9,
        "cache_creation_input_tokens": 0,
    }
    for n in range(start, start + count):
        yield json.dumps({"provider": "anthropic", "api": "messages", "model": "m", "request": f"r{n}",
                          "time": 1793534400000 + n, "usage": usage}) + "\n"  # fmt: skip


@pytest.mark.slow
def test_issue_into_a_journal_is_idempotent(shell, keys, folder):
    """A run that is killed is run again; what has a receipt is skipped and counted."""
    (folder / "u.jsonl").write_text("".join(lines(3000)))
    command = [sys.executable, "-c", "from cli.main import main; main()", "issue", "u.jsonl", "--keys", "keys",
               "--account", "acme", "--journal", "j.db"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for more in (1, 300, 700):  # receipts that it writes before it is killed
        goal = written(folder / "j.db") + more
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
        while written(folder / "j.db") < goal:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.001)
        process.kill()
        process.wait()
    first = json.loads(shell("issue u.jsonl --keys keys --account acme --journal j.db --json").out)
    assert first["receipts"] + first["skipped"] == 3000
    again = json.loads(shell("issue u.jsonl --keys keys --account acme --journal j.db --json").out)
    assert (again["receipts"], again["skipped"], again["rejected"]) == (0, 3000, 0)
    assert (
        shell("close --journal j.db --keys keys --account acme --period 2026-11 --out b.cbor").code
        == 0
    )
    report = json.loads(
        shell(
            "verify b.cbor --keys keys/issuer.jwks.json --period 2026-11 --json --no-remember"
        ).out
    )
    assert report["verdict"] == "verified"
    assert report["accounts"][0]["receipts"] == 3000


def written(path):
    """How many receipts a journal has, while others write to it."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM receipts").fetchone()[0]
    except sqlite3.OperationalError:  # not there yet
        return 0


def test_a_request_with_another_usage_is_not_skipped(shell, keys, folder):
    (folder / "u.jsonl").write_text("".join(lines(2)))
    (folder / "v.jsonl").write_text(
        "".join(lines(2)).replace('"input_tokens": 4', '"input_tokens": 5', 1)
    )
    assert shell("issue u.jsonl --keys keys --account acme --journal j.db").code == 0
    result = shell("issue v.jsonl --keys keys --account acme --journal j.db --json")
    assert (result.code, json.loads(result.out)["skipped"]) == (1, 1)
    assert "v.jsonl, line 1: request 'r0' has a receipt for another usage or model" in result.err


def test_month_after_month_from_a_journal(shell, keys, folder):
    """Open receipts of a later time wait, late ones get a late statement, and a batch can be written again."""
    day = 86_400_000
    rows = [json.loads(line) for line in lines(4)]
    rows[3]["time"] += 30 * day
    (folder / "u.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    late = [json.loads(line) | {"stream": "late"} for line in lines(2, 10)]
    (folder / "late.jsonl").write_text("".join(json.dumps(row) + "\n" for row in late))
    shell("trust add keys/issuer.jwks.json --yes")
    close = "close --journal j.db --keys keys --account acme"
    for line in (
        "issue u.jsonl --keys keys --account acme --journal j.db",
        f"{close} --period 2026-11 --out nov.cbor",
        "verify nov.cbor --period 2026-11",
        "issue late.jsonl --keys keys --account acme --journal j.db",
        f"{close} --period 2026-11 --out again.cbor",
        f"{close} --period 2026-11 --late --out late.cbor",
        "verify nov.cbor late.cbor --period 2026-11",
        f"{close} --period 2026-12 --out dec.cbor",
        "verify nov.cbor late.cbor dec.cbor --period 2026-11-01/2027-01-01",
        f"{close} --period 2026-11 --late --out late2.cbor",
    ):
        result = shell(line)
        assert result.code == 0, (line, result)
    assert (folder / "nov.cbor").read_bytes() == (folder / "again.cbor").read_bytes()
    assert (folder / "late.cbor").read_bytes() == (folder / "late2.cbor").read_bytes()
    alone = json.loads(shell("verify nov.cbor --period 2026-11 --json").out)
    assert [f["code"] for f in alone["findings"]] == ["statement-replayed"]
    gap = shell(f"{close} --period 2027-02 --out feb.cbor")
    assert (gap.code, "close the one before first" in gap.err) == (2, True)
    assert not (folder / "feb.cbor").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("close --journal none.db --keys keys --account acme --period 2026-11 --out b.cbor", "none.db is not there"),
        ("close --journal u.jsonl --keys keys --account acme --period 2026-11 --out b.cbor", "u.jsonl: file is not a database"),
        ("close --journal empty.db --keys keys --account acme --period 2026-11 --out b.cbor", "empty.db is a database, but not a journal"),
        ("issue u.jsonl --keys keys --account acme --journal u.jsonl", "u.jsonl: file is not a database"),
        ("issue u.jsonl --keys keys --account acme --journal nowhere/j.db", "nowhere/j.db: unable to open database file"),
    ],
)  # fmt: skip
def test_errors_on_the_command_line(shell, keys, folder, line, message):
    (folder / "u.jsonl").write_text("".join(lines(20)))
    (folder / "empty.db").write_bytes(b"")
    result = shell(line)
    assert (result.code, result.out) == (2, "")
    assert f"receipt: error: {message}" in result.err
    assert "receipt: hint: " in result.err
    assert not (folder / "b.cbor").exists()


def test_the_limit_is_that_of_the_process():
    """The test above that shrinks the file size must not do so here."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] in (resource.RLIM_INFINITY, 2**63 - 1)

"""Closing every account of journals in one run: whatever the accounts are called, wherever it is stopped, whoever else is at it."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from cli.batch_folder import file_name
from receipts import Counts, Issuer
from receipts.journal import open_store
from tests.build import DECEMBER, ISSUER, KEY, NOON, OCTOBER
from verifier import Receipt, Statement, batch_file, read_items

COUNTS = Counts(3000, 2000)
ALL = "close --keys keys --journal j.db --all --early --period 2026-11 --out nov"
DECEMBER_ALL = ALL.replace("2026-11", "2026-12").replace("nov", "dec")
NAMES = ["acme", "globex", "initech"]
HOSTILE = [
    "a/b", "../../etc/passwd", "..", ".", ".hidden", "Acme", "ACME", "acme", "a\\b", "con", "a b", "\x1b[31mred", "\x00",
    "new\nline", "-rf", "äöü", "a" * 512, "a" * 511 + "b", "名" * 170, "~", "%2F", "acme-0", "acme~x", "'; DROP TABLE", "*", "CON", "index",
]  # fmt: skip


def issue(path, accounts, count=2, time=NOON, stream="s"):
    """Receipts straight into a store, since a journal's own thread is not needed here."""
    with closing(open_store(path, ISSUER)) as store, store.transaction():
        heads = store.heads([(account, stream) for account in accounts])
        issuer = Issuer(ISSUER, KEY, stream=stream, heads=heads)
        for account in accounts:
            for n in range(count):
                request = f"{stream}-{time}-{n}"
                one = issuer.issue(account, request=request, model="m", time=time + n, counts=COUNTS)  # fmt: skip
                store.add([(request, one)])


def damage(path, account):
    """A signature of one account's receipt is spoiled."""
    with closing(sqlite3.connect(path)) as db, db:
        (data,) = db.execute("SELECT data FROM receipts WHERE account = ?", (account,)).fetchone()
        spoiled = data[:-1] + bytes([data[-1] ^ 1])
        db.execute("UPDATE receipts SET data = ? WHERE data = ?", (spoiled, data))


def index(folder):
    return json.loads(Path(folder, "index.json").read_text())


def files(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def kinds(path):
    return ["s" if isinstance(i.claims, Statement) else "r" for i in read_items([batch_file(str(path))])]  # fmt: skip


@pytest.fixture
def journal(keys):
    issue("j.db", NAMES)
    return "j.db"


def test_every_account(shell, journal, keys):
    result = shell(f"{ALL} --json")
    assert result.code == 0, result.err
    said = json.loads(result.out)
    assert (said["folder"], said["index"], said["refused"]) == ("nov", "index.json", [])
    assert [(r["account"], r["number"], r["receipts"], r["left"], r["file"]) for r in said["statements"]] == [
        (name, 0, 2, 0, f"{name}-0.cbor") for name in NAMES
    ]  # fmt: skip
    assert "receipt: 3 statements over 6 receipts in nov\n" in result.err
    found = index("nov")
    assert found["issuer"] == ISSUER
    assert [list(one) for one in found["statements"]] == [
        ["account", "number", "file", "start", "end", "receipts", "digest"]
    ] * 3
    for one, row in zip(found["statements"], said["statements"], strict=True):
        assert one == {key: row[key] for key in one}
        assert kinds(Path("nov", one["file"])) == ["r", "r", "s"]
    assert shell("verify nov/globex-0.cbor --keys keys/issuer.jwks.json --period 2026-11").code == 0


def test_it_is_what_closing_one_by_one_writes(shell, journal, keys):
    shutil.copytree("keys", "keys2")
    shutil.copy("j.db", "j2.db")
    assert shell(ALL).code == 0
    line = "close --keys keys2 --journal j2.db --early --period 2026-11"
    for name in NAMES:
        assert shell(f"{line} --account {name} --out one.cbor").code == 0
        assert Path("one.cbor").read_bytes() == Path("nov", f"{name}-0.cbor").read_bytes()


def test_an_idle_month_is_closed_too(shell, journal):
    """So that no gap is left; but an account that began later has no month before."""
    assert shell(ALL).code == 0
    issue("j.db", ["globex"], time=DECEMBER[0])
    issue("j.db", ["newcomer"], time=DECEMBER[1])
    result = shell(f"{DECEMBER_ALL} --json")
    assert [(r["account"], r["number"], r["receipts"]) for r in json.loads(result.out)["statements"]] == [
        ("acme", 1, 0), ("globex", 1, 2), ("initech", 1, 0)
    ]  # fmt: skip
    both = "nov/acme-0.cbor dec/acme-1.cbor --keys keys/issuer.jwks.json --no-remember"
    assert shell(f"verify {both} --period 2026-11-01/2027-01-01").code == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_month_before_all(shell, journal, jobs):
    """By mistake: nothing was closed, so it is said, and nothing is there afterwards."""
    wrong = f"{ALL.replace('2026-11', '2026-10').replace('nov', 'oct')} --jobs {jobs}"
    result = shell(wrong)
    assert (result.code, result.out, result.err) == (
        1,
        "",
        (
            "receipt: error: nothing was closed in 2026-10: 3 accounts have their first receipt later: acme, globex, initech\n"
            "receipt: hint: look at the year and the month, and at the journal\n"
        ),
    )
    assert not Path("oct").exists()
    said = json.loads(shell(f"{wrong} --json").out)
    assert (said["statements"], said["refused"], said["later"]) == ([], [], NAMES)
    Path("oct").mkdir()
    assert shell(wrong).code == 1
    assert list(Path("oct").iterdir()) == []  # it was there, and stays
    assert not Path("keys/closing.db").exists()


def test_who_begins_later_is_said(shell, journal):
    issue("j.db", [f"n{n:02}" for n in range(12)], time=DECEMBER[0])
    result = shell(ALL)
    assert (result.code, result.err) == (
        0,
        (
            "receipt: 3 statements over 6 receipts in nov\n"
            "receipt: 12 accounts have their first receipt later: n00, n01, n02, n03, n04, n05, n06, n07, n08, n09 and 2 more\n"
        ),
    )
    late = shell(f"{ALL} --late --json")
    assert (late.code, json.loads(late.out)["later"]) == (0, [])


def test_a_journal_without_an_account(shell, keys):
    with closing(open_store("j.db", ISSUER)):
        pass
    result = shell(ALL)
    assert (result.code, result.err.splitlines()[0]) == (1, "receipt: error: nothing was closed in 2026-11")  # fmt: skip
    assert not Path("nov").exists()
    late = shell(f"{ALL} --late")
    assert (late.code, late.err) == (0, "receipt: 0 statements over 0 receipts in nov\n")


def test_two_months_in_one_folder(shell, journal):
    assert shell(ALL).code == 0
    assert shell(f"{ALL} --period 2026-12").code == 0
    assert [(one["account"], one["number"]) for one in index("nov")["statements"]] == [
        (name, number) for name in NAMES for number in (0, 1)
    ]


def test_once_more_is_the_same(shell, journal):
    assert shell(ALL).code == 0
    before = files("nov")
    stamps = {p: p.stat().st_mtime_ns for p in Path("nov").glob("*.cbor")}
    issue("j.db", ["acme"], stream="t")  # which comes late
    result = shell(f"{ALL} --json")
    assert (result.code, files("nov")) == (0, before)
    assert {p: p.stat().st_mtime_ns for p in Path("nov").glob("*.cbor")} == stamps
    assert [row["left"] for row in json.loads(result.out)["statements"]] == [2, 0, 0]
    late = "receipt close --journal j.db --keys keys --period 2026-11 --late --all --out nov"
    assert result.err == (
        "receipt: warning: 2 receipts of acme came after this was closed\n"
        f"receipt: warning: a late statement closes that: {late}\n"
        "receipt: 3 statements over 6 receipts in nov\n"
    )
    Path("nov/globex-0.cbor").unlink()
    Path("nov/index.json").unlink()
    assert (shell(ALL).code, files("nov")) == (0, before)
    typed = json.loads(shell(f"{late.removeprefix('receipt ')} --json").out)
    assert [(row["account"], row["receipts"]) for row in typed["statements"]] == [("acme", 2)]


def test_late_receipts_of_all(shell, journal):
    assert shell(ALL).code == 0
    assert json.loads(shell(f"{ALL} --late --json").out)["statements"] == []
    for stream in "tu":
        issue("j.db", ["acme", "initech"], stream=stream)
        result = shell(f"{ALL} --late --json")
        assert result.code == 0
    rows = [(r["account"], r["number"], r["receipts"]) for r in json.loads(result.out)["statements"]]  # fmt: skip
    assert rows == [("acme", 1, 2), ("acme", 2, 2), ("initech", 1, 2), ("initech", 2, 2)]
    Path("nov/acme-1.cbor").unlink()  # as if the first of the two runs had been stopped
    assert shell(f"{ALL} --late").code == 0
    batch = " ".join(f"nov/acme-{n}.cbor" for n in range(3))
    assert shell(f"verify {batch} --keys keys/issuer.jwks.json --period 2026-11").code == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_that_cannot_be_closed_does_not_stop_the_others(shell, journal, jobs):
    issue("j.db", ["early"], time=OCTOBER[0])
    issue("j.db", ["spoiled"])
    damage("j.db", "spoiled")
    result = shell(f"{ALL} --json --jobs {jobs}")
    said = json.loads(result.out)
    assert result.code == 1
    assert [row["account"] for row in said["statements"]] == NAMES
    early, spoiled = said["refused"]
    assert (early["account"], spoiled["account"]) == ("early", "spoiled")
    assert early["reason"].startswith("cannot close 2026-11: time: expected 2026-11-01 to ")
    assert early["hint"] == "there are receipts of an earlier time: close their period first, or use --late"  # fmt: skip
    assert spoiled["reason"].startswith("spoiled would be rejected: item 0: ")
    assert f"receipt: error: early: {early['reason']}\n" in result.err
    assert "receipt: 2 accounts could not be closed; mend the cause" in result.err
    assert [one["account"] for one in index("nov")["statements"]] == NAMES
    assert shell(f"{ALL} --period 2026-10 --out oct").code == 1
    assert [row["account"] for row in json.loads(shell(f"{ALL} --json").out)["refused"]] == ["spoiled"]  # fmt: skip


def test_one_of_a_group_that_is_claimed_elsewhere(shell, journal, monkeypatch):
    """Between its look and its claim, somebody else closes one account elsewhere: the others of its group are closed all the same."""
    from cli.closing_places import ClosingPlaces
    from cli.terminal import RefusedError

    claim = ClosingPlaces.claim_journals

    def beaten(self, account, given):
        if account == "globex":
            raise RefusedError("globex is closed elsewhere")
        claim(self, account, given)

    monkeypatch.setattr(ClosingPlaces, "claim_journals", beaten)
    said = json.loads(shell(f"{ALL} --json").out)
    assert [row["account"] for row in said["statements"]] == ["acme", "initech"]
    assert [row["reason"] for row in said["refused"]] == ["globex is closed elsewhere"]
    monkeypatch.undo()


def test_accounts_of_batches_and_of_other_journals(shell, journal):
    """What is closed at another place is refused, and named."""
    issue("other.db", ["acme"], stream="t")
    assert shell("close --keys keys --journal other.db --account acme --early --period 2026-11 --out x.cbor").code == 0  # fmt: skip
    said = json.loads(shell(f"{ALL} --json").out)
    assert [row["account"] for row in said["statements"]] == NAMES[1:]
    (refused,) = said["refused"]
    assert refused["reason"].startswith(f"acme is closed from {Path('other.db').absolute()}: ")
    assert shell(f"{ALL} --journal other.db").code == 0
    assert index("nov")["statements"][0]["receipts"] == 2  # statement 0, of other.db alone
    assert json.loads(shell(f"{ALL} --journal other.db --late --json").out)["statements"][0]["number"] == 1  # fmt: skip


def test_a_journal_that_is_an_old_copy(shell, journal):
    shutil.copy("j.db", "before.db")
    assert shell(ALL).code == 0
    for name in ("j.db", "j.db-wal", "j.db-shm"):
        Path(name).unlink(missing_ok=True)
    shutil.copy("before.db", "j.db")
    issue("j.db", ["newcomer"])
    before = files("nov")
    said = json.loads(shell(f"{ALL} --json").out)
    assert [row["account"] for row in said["statements"]] == ["newcomer"]
    assert [row["account"] for row in said["refused"]] == NAMES
    assert all("j.db is behind keys/closing.db" in row["reason"] for row in said["refused"])
    assert {name: data for name, data in files("nov").items() if name in before} | {"index.json": before["index.json"]} == before  # fmt: skip


def test_names_of_accounts_are_no_paths(shell, keys, folder):
    issue("j.db", HOSTILE, count=1)
    Path("nov").mkdir()
    outside = {path for path in folder.rglob("*") if "nov" not in path.parts}
    assert shell(ALL).code == 0
    assert {p for p in folder.rglob("*") if "nov" not in p.parts} - {folder / "keys/closing.db"} == outside  # fmt: skip
    entries = index("nov")["statements"]
    assert [one["account"] for one in entries] == sorted(HOSTILE)
    names = [one["file"] for one in entries]
    assert len({name.casefold() for name in names}) == len(HOSTILE)
    assert {*names, "index.json"} == {path.name for path in Path("nov").iterdir()}
    for one in entries:
        assert one["file"].isascii()
        assert one["file"].isprintable()
        assert not set(one["file"]) & set('/\\:*?"<>| ')
        assert len(one["file"]) < 200
        first, *_ = read_items([batch_file(str(Path("nov", one["file"])))])
        assert isinstance(first.claims, Receipt)
        assert first.claims.account == one["account"]


@pytest.mark.parametrize(
    ("account", "number", "name"),
    [
        ("acme", 0, "acme-0.cbor"),
        ("team_7.prod", 12, "team_7.prod-12.cbor"),
        ("Acme", 0, "Acme~37036cd8f9746d335038eca92f8a73ae-0.cbor"),
        ("a/b", 3, "a%2Fb~c14cddc033f64b9dea80ea675cf280a0-3.cbor"),
    ],
)
def test_file_names_stay(account, number, name):
    """They are in scripts, and in the index of last year."""
    assert file_name(account, number) == name


def test_the_files_of_others_stay(shell, journal):
    Path("nov").mkdir()
    for name in ("notes.txt", "globex-0.cbor", "initech-0.cbor.bak"):
        Path("nov", name).write_text("mine")
    Path("nov/initech-0.cbor").symlink_to("/etc/passwd")
    result = shell(f"{ALL} --json")
    said = json.loads(result.out)
    assert (result.code, [row["account"] for row in said["statements"]]) == (1, ["acme"])
    assert [row["reason"] for row in said["refused"]] == [
        "nov/globex-0.cbor is there already, and is another file", "nov/initech-0.cbor is no file",
    ]  # fmt: skip
    assert said["refused"][0]["hint"] == "move it away, and run this again"
    assert Path("nov/globex-0.cbor").read_text() == "mine"
    assert Path("nov/initech-0.cbor").is_symlink()
    for name in ("globex-0.cbor", "initech-0.cbor"):
        Path("nov", name).unlink()
    assert shell(ALL).code == 0
    assert Path("nov/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"\0", lambda _: b"", lambda b: b[:9] + b"\0" + b[10:]])  # fmt: skip
def test_a_file_that_is_not_whole_is_not_taken_for_one(shell, journal, change):
    assert shell(ALL).code == 0
    path = Path("nov/acme-0.cbor")
    path.write_bytes(change(path.read_bytes()))
    result = shell(ALL)
    assert (result.code, "acme-0.cbor is there already, and is another file" in result.err) == (1, True)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"issuer": "x"}', '{"issuer": 1, "statements": []}', '{"issuer": "x", "statements": [1]}',
     '{"issuer": "x", "statements": [{"account": "a"}]}', "[" * 100_000],
)  # fmt: skip
def test_a_folder_with_another_index(shell, journal, text):
    """Nothing is signed before."""
    Path("nov").mkdir()
    Path("nov/index.json").write_text(text)
    for jobs in (1, 2):
        result = shell(f"{ALL} --jobs {jobs}")
        assert (result.code, result.out) == (2, "")
        assert "nov/index.json is not the index of a folder of batches" in result.err
    assert not Path("keys/closing.db").exists()
    assert Path("nov/index.json").read_text() == text


def test_a_folder_of_another_issuer(shell, journal):
    Path("nov").mkdir()
    Path("nov/index.json").write_text('{"issuer": "https://other.example", "statements": []}')
    result = shell(ALL)
    assert result.code == 2
    assert "is of batches of https://other.example, not of https://api.example.com" in result.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{ALL} --account acme", "--all goes with --journal, and not with --account, --previous or --empty"),
        (f"{ALL} --empty", "--all goes with --journal, and not"),
        (f"{ALL} --previous x.cbor", "--all goes with --journal, and not"),
        (f"{ALL} batch.cbor", "give either BATCH or --journal"),
        ("close --keys keys --all --early --period 2026-11 batch.cbor", "--all goes with --journal, and not"),
        ("close --keys keys --all --early --period 2026-11 --journal j.db", "--journal needs --out and --account or --all"),
        (f"{ALL} --jobs 0", "Invalid value for '--jobs'"),
        (ALL.replace("--out nov", "--out keys/issuer.pem"), "keys/issuer.pem is no folder"),
        (ALL.replace("--out nov", "--out link"), "link is a symbolic link"),
        (ALL.replace("--out nov", "--out none/nov"), "none/nov: No such file or directory"),
        (ALL.replace("j.db", "none.db"), "none.db is not there"),
        (f"{ALL} --journal ./j.db", "are one journal"),
        (ALL.replace("2026-11", "2026-11-01/2090-11-01").replace("--early ", ""), "2026-11-01/2090-11-01 is not over"),
        (ALL.replace("2026-11", "2090-11"), "2090-11 has not begun"),
    ],
)  # fmt: skip
def test_how_it_is_not_called(shell, journal, line, message):
    Path("link").symlink_to("keys")
    result = shell(line)
    assert (result.code, result.out) == (2, "")
    assert message in result.err, result.err
    assert not Path("keys/closing.db").exists()


def test_no_key_may_sign(shell, journal, keys):
    """Which is said once, and not for each account."""
    document = json.loads((keys / "issuer.jwks.json").read_text())
    document["keys"][0]["exp"] = NOON // 1000 + 60
    (keys / "issuer.jwks.json").write_text(json.dumps(document))
    result = shell(ALL)
    assert result.code == 2
    assert result.err.count("receipt: error: ") == 1
    assert "receipt key list" in result.err


def test_a_pipe_that_closes(journal, folder):
    """The reader of stdout goes away: what was to be done is done."""
    issue("j.db", [f"many{n}" for n in range(300)], count=1)
    command = (
        f"{sys.executable} -c 'from cli.main import main; main()' {ALL} --json | head -c 1; true"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    run = subprocess.run(["sh", "-c", command], capture_output=True, check=True, env=environment)
    assert (run.stdout, b"Traceback" in run.stderr) == (b"{", False)
    assert len(index("nov")["statements"]) == 303


# Stopped anywhere.


class Killed(BaseException):
    """As if the power had failed: nothing catches it."""


def points(patch, act):
    """Call ``act`` with the number of each point at which something is about to become durable, or has."""
    count = [0]

    def around(function):
        def wrapped(*arguments, **more):
            count[0] += 1
            act(count[0])
            result = function(*arguments, **more)
            count[0] += 1
            act(count[0])
            return result

        return wrapped

    patch(os, "fsync", around(os.fsync))
    patch(Path, "replace", around(Path.replace))
    from cli.closing_file import ClosingFile
    from receipts.journal.stores.sqlite import SqliteStore

    patch(SqliteStore, "add_statements", around(SqliteStore.add_statements))
    patch(SqliteStore, "archive", around(SqliteStore.archive))
    patch(ClosingFile, "_end", around(ClosingFile._end))
    return count


def killed_at(number, line, capfd):
    """Run a command in a process of its own, and kill that at a point; whether it came that far."""
    from cli.main import run

    child = os.fork()
    if child == 0:

        def kill(at):
            if at == number:
                os.kill(os.getpid(), signal.SIGKILL)

        points(setattr, kill)
        os._exit(run(line.split()))
    _, status = os.waitpid(child, 0)
    capfd.readouterr()
    return os.WIFSIGNALED(status)


def start_anew(*names):
    for name in names:
        if Path(name).is_dir():
            shutil.rmtree(name)
        else:
            Path(name).unlink(missing_ok=True)
    shutil.copytree("clean", ".", dirs_exist_ok=True)


@pytest.mark.slow
def test_killed_at_every_point(shell, keys, capfd, monkeypatch):
    """kill -9 at each moment where something becomes durable; then the same command: the same files as without, and nothing twice."""
    monkeypatch.setattr("cli.closing_all._GROUP", 2)
    Path("clean").mkdir()
    issue("clean/j.db", NAMES)
    shutil.copytree("keys", "clean/keys")
    start_anew()
    assert shell(ALL).code == 0
    expected = files("nov")
    number = 0
    while True:
        number += 1
        start_anew("nov", "keys", "j.db", "j.db-wal", "j.db-shm")
        was_killed = killed_at(number, ALL, capfd)
        whole = (
            {name: data for name, data in files("nov").items() if name in expected}
            if Path("nov").exists()
            else {}
        )
        assert whole == {name: expected[name] for name in whole}
        result = shell(ALL)
        assert (result.code, number) == (0, number), result.err
        assert {
            name: data for name, data in files("nov").items() if not name.startswith(".")
        } == expected
        if not was_killed:
            break
    assert number > 20


@pytest.mark.slow
def test_a_write_that_fails_at_every_point(shell, keys, monkeypatch):
    """A full disk: exit code 2 and a hint, or, of the journal's own, likewise; and when there is room, the rest is done."""
    Path("clean").mkdir()
    issue("clean/j.db", NAMES)
    shutil.copytree("keys", "clean/keys")
    start_anew()
    assert shell(ALL).code == 0
    expected, number = files("nov"), 0
    while True:
        number += 1
        start_anew("nov", "keys", "j.db", "j.db-wal", "j.db-shm")
        with monkeypatch.context() as patched:

            def fail(at, number=number):
                if at == number:
                    raise OSError(28, "No space left on device", "somewhere")

            count = points(patched.setattr, fail)
            result = shell(ALL)
        if count[0] < number:
            break
        assert result.code == 2, (number, result.err)
        assert "No space left on device" in result.err
        assert "the room on the disk" in result.err
        assert not [name for name in files("nov") if name.startswith(".")]
        again = shell(ALL)
        assert (again.code, files("nov")) == (0, expected), again.err
    assert number > 20


def test_two_runs_at_once(keys, folder):
    """Cron started it twice, with several processes each: both end well, and there is one statement for each account."""
    names = [f"account-{n:03}" for n in range(150)]
    issue("j.db", names)
    command = [sys.executable, "-c", "from cli.main import main; main()", *ALL.split(), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    running = [
        subprocess.Popen([*command, "--jobs", jobs], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        for jobs in ("1", "2", "3")
    ]  # fmt: skip
    told = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], told
    rows = [json.loads(out)["statements"] for out, _ in told]
    assert rows[0] == rows[1] == rows[2]
    assert [one["account"] for one in index("nov")["statements"]] == names
    assert len(list(Path("nov").iterdir())) == len(names) + 1


def test_the_processes_end_with_their_parent(keys, folder):
    """kill -9 of the command leaves nobody behind."""
    issue("j.db", [f"account-{n:03}" for n in range(400)])
    command = [sys.executable, "-c", "from cli.main import main; main()", *ALL.split(), "--jobs", "2"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    reading, writing = os.pipe()
    process = subprocess.Popen(command, env=environment, pass_fds=[writing])
    os.close(writing)
    while not (Path("nov").exists() and any(Path("nov").iterdir())):
        assert process.poll() is None
    process.kill()
    process.wait()
    assert os.read(reading, 1) == b""  # nobody has the other end any more
    os.close(reading)


@pytest.mark.slow
def test_thousands_of_accounts(shell, keys):
    names = [f"account-{n:05}" for n in range(3000)]
    issue("j.db", names, count=1)
    said = json.loads(shell(f"{ALL} --json --jobs 2").out)
    assert [row["account"] for row in said["statements"]] == names
    assert len(list(Path("nov").iterdir())) == 3001
    assert shell(DECEMBER_ALL).code == 0

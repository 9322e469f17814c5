"""Old periods leave a journal only if a batch has them whole, and what is still needed of them stays."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from receipts import Closing, Counts, DuplicateRequestError, Issuer, Journal, close_journal
from receipts.closing import ArchivedError, Journals
from receipts.journal import open_store
from tests.build import DECEMBER, ISSUER, KEY, NOON, NOVEMBER, STRANGER
from tests.test_closing_all import files, issue, killed_at, start_anew
from verifier import Statement, batch_file, read_items

CLOSE = "close --keys keys --journal j.db --all --early --period"
ARCHIVE = "archive --keys keys --journal j.db --before 2026-12 --batches nov"
NAMES = ["a/b", "acme", "globex"]


@pytest.fixture
def journal(shell, keys):
    """November is closed, with a late statement for acme; December has begun."""
    issue("j.db", NAMES)
    assert shell(f"{CLOSE} 2026-11 --out nov").code == 0
    issue("j.db", ["acme"], stream="t")
    assert shell(f"{CLOSE} 2026-11 --out nov --late").code == 0
    issue("j.db", NAMES, time=DECEMBER[0])
    return "j.db"


def held(path="j.db"):
    """By account, how many receipts have their bytes, and how many do not."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT account, sum(length(data) > 0), sum(length(data) = 0) FROM receipts GROUP BY account")  # fmt: skip
        return {account: (there, gone) for account, there, gone in rows}


ALL_THERE = {"a/b": (4, 0), "acme": (6, 0), "globex": (4, 0)}
NOVEMBER_GONE = {"a/b": (2, 2), "acme": (2, 4), "globex": (2, 2)}


def test_without_delete_nothing_is_deleted(shell, journal):
    result = shell(f"{ARCHIVE} --json")
    said = json.loads(result.out)
    assert (result.code, said["deleted"], held()) == (0, False, ALL_THERE)
    assert "receipt: would delete 8 receipts of 4 statements; nothing was deleted: --delete does it\n" in result.err  # fmt: skip
    assert [(r["account"], r["number"], r["receipts"]) for r in said["statements"]] == [
        ("a/b", 0, 2), ("acme", 0, 2), ("acme", 1, 2), ("globex", 0, 2)
    ]  # fmt: skip


def test_with_delete(shell, journal):
    result = shell(f"{ARCHIVE} --delete --json")
    said = json.loads(result.out)
    assert (result.code, said["deleted"], held()) == (0, True, NOVEMBER_GONE)
    assert (said["missing"], said["refused"]) == ([], [])
    assert "receipt: deleted 8 receipts of 4 statements; their batches are the only copy now\n" in result.err  # fmt: skip
    again = json.loads(shell(f"{ARCHIVE} --delete --json").out)
    assert (again["statements"], again["missing"]) == ([], [])
    nothing = "receipt: there is nothing to delete: no period that ended before has receipts in a journal\n"
    for more in ("", "--delete"):
        result = shell(f"{ARCHIVE} {more}")
        assert (result.code, result.err) == (0, nothing)


def test_everything_goes_on_after_it(shell, journal, keys):
    """The chain, the streams, the requests; the next month verifies, together with the batches from before."""
    assert shell(f"{ARCHIVE} --delete").code == 0
    with Journal("j.db", ISSUER, KEY) as journal_, pytest.raises(DuplicateRequestError):
        journal_.issue("acme", request=f"s-{NOON}-0", model="m", counts=Counts(1), time=DECEMBER[0] + 9)  # fmt: skip
    assert shell(f"{CLOSE} 2026-12 --out dec").code == 0
    for name, batches in (
        ("acme", "nov/acme-0.cbor nov/acme-1.cbor dec/acme-2.cbor"),
        ("globex", "nov/globex-0.cbor dec/globex-1.cbor"),
    ):
        line = f"verify {batches} --keys keys/issuer.jwks.json --period 2026-11-01/2027-01-01"
        assert shell(line).code == 0, name
    # And the second month can follow the first.
    assert shell(f"{ARCHIVE} --delete --batches dec --before 2027-01").code == 0
    assert held() == {"a/b": (0, 4), "acme": (0, 6), "globex": (0, 4)}
    assert shell(f"{CLOSE} 2027-01 --out jan").code == 0


def test_a_closed_period_that_was_archived(shell, journal):
    """Who asks for it is told where it is."""
    assert shell(f"{ARCHIVE} --delete").code == 0
    line = "close --keys keys --journal j.db --account acme --early --period 2026-11 --out x.cbor"
    where = Path("nov/acme-0.cbor").absolute()
    result = shell(line)
    assert (result.code, result.out, Path("x.cbor").exists()) == (2, "", False)
    assert f"the receipts of statement 0 of acme were archived: they should be in {where}" in result.err  # fmt: skip
    result = shell(f"{CLOSE} 2026-11 --out elsewhere --json")
    refused = json.loads(result.out)["refused"]
    assert (result.code, [one["account"] for one in refused]) == (1, NAMES)
    assert refused[1]["reason"].endswith(str(where))
    with pytest.raises(ArchivedError) as error, open("x.cbor", "wb") as out:
        close_journal("j.db", out, Closing(ISSUER, KEY, *NOVEMBER), "acme")
    assert error.value.file == str(where)
    assert Path("x.cbor").read_bytes() == b""


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_closing_of_a_month_that_was_archived_is_done(shell, journal, jobs):
    """Its batches are in the folder: the same command as before is done, and changes nothing."""
    before = files("nov")
    assert shell(f"{ARCHIVE} --delete").code == 0
    for more, expected in (("", NAMES), ("--late", ["acme"])):
        result = shell(f"{CLOSE} 2026-11 --out nov --json --jobs {jobs} {more}")
        said = json.loads(result.out)
        assert (result.code, said["refused"], files("nov")) == (0, [], before)
        assert [row["account"] for row in said["statements"]] == expected
    told = json.loads(Path("nov/index.json").read_text())["statements"][0]
    said = json.loads(shell(f"{CLOSE} 2026-11 --out nov --json").out)["statements"][0]
    assert told == {key: said[key] for key in told}


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"),
        lambda path: path.write_bytes(Path("nov/acme-1.cbor").read_bytes()),
    ],
)
def test_an_archived_batch_that_is_not_in_the_folder(shell, journal, spoiled):
    """Gone, cut, or with another statement: that account is not done."""
    assert shell(f"{ARCHIVE} --delete").code == 0
    spoiled(Path("nov/acme-0.cbor"))
    result = shell(f"{CLOSE} 2026-11 --out nov --json")
    (refused,) = json.loads(result.out)["refused"]
    assert (result.code, refused["account"]) == (1, "acme")
    assert refused["reason"].startswith("the receipts of statement 0 of acme were archived: they should be in ")  # fmt: skip


def test_what_is_shown_of_it(shell, journal):
    """What is not there any more is not passed over in silence."""
    before = len(shell("show j.db --json").out.splitlines())
    assert shell(f"{ARCHIVE} --delete").code == 0
    result = shell("show j.db --json")
    assert len(result.out.splitlines()) < before
    told = f"8 receipts of 4 statements were archived, and are not in j.db: they should be in {Path('nov').absolute()}"  # fmt: skip
    assert f"receipt: warning: {told}\n" in result.err
    assert told in shell(f"prove j.db --request s-{NOON}-0 --out p.cbor").err


def test_a_correction_of_what_was_archived(shell, journal):
    assert shell(f"{ARCHIVE} --delete").code == 0
    request = f"s-{NOON}-0"
    Path("won.jsonl").write_text(json.dumps({"request": request, "counts": {"cached": 2500}, "time": DECEMBER[0] + 50}))  # fmt: skip
    line = "correct won.jsonl --keys keys --account acme --journal j.db"
    refused = shell(line)
    assert refused.code == 1
    assert f"the receipt for request {request!r} was archived: give its batch as well, which should be in {Path('nov').absolute()}" in refused.err  # fmt: skip
    wrong = shell(f"{line.replace('won.jsonl', 'won.jsonl nov/globex-0.cbor')}")
    assert (wrong.code, "was archived" in wrong.err) == (1, True)
    assert shell(line.replace("won.jsonl", "won.jsonl nov/acme-0.cbor")).code == 0
    assert shell(f"{CLOSE} 2026-12 --out dec").code == 0
    batches = "nov/acme-0.cbor nov/acme-1.cbor dec/acme-2.cbor"
    report = shell(f"verify {batches} --keys keys/issuer.jwks.json --json")
    assert json.loads(report.out)["verdict"] == "verified"
    # The correction itself is in the journal, and is corrected from there.
    Path("won.jsonl").write_text(json.dumps({"request": request, "counts": {"cached": 2600}, "time": DECEMBER[0] + 60}))  # fmt: skip
    assert shell(line).code == 0


def test_a_log_that_is_issued_again(shell, keys):
    """A request whose receipt was archived gets no second one, and is not said to be the same."""
    usage = {"input_tokens": 4, "output_tokens": 1, "cache_read_input_tokens": 9, "cache_creation_input_tokens": 0}  # fmt: skip
    line = {"provider": "anthropic", "api": "messages", "model": "m", "request": "r", "time": NOON, "usage": usage}  # fmt: skip
    Path("u.jsonl").write_text(json.dumps(line))
    run = "issue u.jsonl --keys keys --account acme --journal j.db"
    assert shell(run).code == 0
    assert shell(f"{CLOSE} 2026-11 --out nov").code == 0
    assert shell(f"{ARCHIVE} --delete").code == 0
    result = shell(run)
    assert (result.code, "it was archived, so what it says cannot be compared" in result.err) == (1, True)  # fmt: skip


def test_a_journal_that_had_statements_elsewhere(shell, keys):
    """The other journal, with the statements, is not given, and nobody remembers: what was archived here says that there was one."""
    issue("j.db", ["acme"])
    issue("k.db", ["acme"], stream="t")
    assert shell(f"{CLOSE} 2026-11 --out nov --journal k.db").code == 0
    assert shell(f"{ARCHIVE} --journal k.db --delete").code == 0
    Path("keys/closing.db").unlink()
    result = shell(f"{CLOSE.replace('j.db', 'k.db')} 2026-11 --out x")
    told = "acme: receipts of statement 0 of acme were archived from k.db, and k.db has no such statement"
    assert (result.code, told in result.err) == (1, True), result.err
    assert not Path("keys/closing.db").exists()


# What is not deleted.


def spoil(change):
    path = Path("nov/acme-0.cbor")
    path.write_bytes(change(path.read_bytes()))


def resigned():
    """The same statement and receipts, signed by somebody else."""
    issuer = Issuer(ISSUER, STRANGER, stream="s")
    two = [
        issuer.issue("acme", request=f"s-{NOON}-{n}", model="m", time=NOON + n, counts=Counts(3000, 2000))
        for n in range(2)
    ]  # fmt: skip
    items = list(read_items([batch_file("nov/acme-0.cbor")]))
    return b"".join([*(one.data for one in two), items[-1].raw])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b[:-1], "would be rejected: item 2: "),
        (lambda _: b"", "no batch has statement 0 of acme with its 2 receipts: they stay in the journal"),
        (lambda b: b[: b.index(b"\x82", 200)], "no batch has statement 0 of acme"),
        (lambda b: b[b.index(b"\x82", 200) :], "would be rejected"),
        (lambda b: b[:60] + bytes([b[60] ^ 1]) + b[61:], "would be rejected"),
        (lambda _: resigned(), "are not signed by this issuer's keys"),
        (lambda _: Path("nov/globex-0.cbor").read_bytes(), "no batch has statement 0 of acme"),
    ],
)  # fmt: skip
def test_a_batch_that_is_not_whole(shell, journal, change, message):
    """Nothing of its statement is deleted; the others are archived."""
    spoil(change)
    result = shell(f"{ARCHIVE} --delete --json")
    said = json.loads(result.out)
    assert result.code == 1
    assert message in result.err, result.err
    assert [(one["account"], one["number"]) for one in said["missing"]] == [("acme", 0)]
    assert held() == NOVEMBER_GONE | {"acme": (4, 2)}


def test_a_spoiled_signature(shell, journal):
    """The digests are all right; a customer would reject it all the same."""
    items = list(read_items([batch_file("nov/acme-0.cbor")]))
    spoiled = items[0].raw[:-1] + bytes([items[0].raw[-1] ^ 1])
    spoil(lambda _: b"".join([spoiled, *(one.raw for one in items[1:])]))
    result = shell(f"{ARCHIVE} --delete --json")
    (refused,) = json.loads(result.out)["refused"]
    assert (result.code, refused["file"]) == (1, "nov/acme-0.cbor")
    assert "would be rejected: item 0: " in refused["reason"]
    assert held()["acme"] == (4, 2)


def test_another_story_of_the_same_place(shell, journal, keys):
    """A batch of another journal, by the same key: it verifies, and is not what this journal signed."""
    issue("other.db", ["acme"], count=3)
    shutil.copytree("keys", "other-keys")
    Path("other-keys/closing.db").unlink()
    line = CLOSE.replace("j.db", "other.db").replace("keys keys", "keys other-keys")
    assert shell(f"{line} 2026-11 --out other").code == 0
    shutil.copy("other/acme-0.cbor", "nov/acme-0.cbor")
    result = shell(f"{ARCHIVE} --delete --json")
    (refused,) = json.loads(result.out)["refused"]
    assert refused["reason"] == "nov/acme-0.cbor: statement 0 of acme is not that of the journal"  # fmt: skip
    assert held()["acme"] == (4, 2)
    batch = list(read_items([batch_file("other/acme-0.cbor")]))
    Path("nov/acme-0.cbor").write_bytes(b"".join(i.raw for i in batch if isinstance(i.claims, Statement)))  # fmt: skip
    assert "would be rejected" in shell(f"{ARCHIVE} --delete").err
    assert held()["acme"] == (4, 2)


def test_periods_that_did_not_end_before(shell, journal):
    assert json.loads(shell(f"{ARCHIVE} --before 2026-11 --json").out)["statements"] == []
    assert json.loads(shell(f"{ARCHIVE} --before 2026-11-30 --json").out)["statements"] == []
    assert len(json.loads(shell(f"{ARCHIVE} --before 2026-12-01 --json").out)["statements"]) == 4


def test_files_without_an_index(shell, journal):
    """In any order, several statements in one, and with what is not ours."""
    Path("both.cbor").write_bytes(Path("nov/globex-0.cbor").read_bytes() + Path("nov/acme-0.cbor").read_bytes())  # fmt: skip
    line = ARCHIVE.replace("--batches nov", "both.cbor nov/acme-1.cbor --delete --json")
    said = json.loads(shell(line).out)
    assert [(one["account"], one["number"]) for one in said["statements"]] == [
        ("globex", 0), ("acme", 0), ("acme", 1)
    ]  # fmt: skip
    assert [(one["account"], one["number"]) for one in said["missing"]] == [("a/b", 0)]
    assert held() == NOVEMBER_GONE | {"a/b": (4, 0)}


def test_several_journals(shell, keys):
    """The receipts of one statement are in two journals; in both they go, or in neither."""
    issue("j.db", ["acme"])
    issue("k.db", ["acme"], stream="t")
    both = f"{CLOSE} 2026-11 --out nov --journal k.db"
    assert shell(both).code == 0
    one = shell(f"{ARCHIVE} --delete")
    assert (one.code, "receipt 0 of stream 't' of acme is not that of the journal" in one.err) == (1, True)  # fmt: skip
    assert (held("j.db"), held("k.db")) == ({"acme": (2, 0)}, {"acme": (2, 0)})
    assert shell(f"{ARCHIVE} --journal k.db --delete").code == 0
    assert (held("j.db"), held("k.db")) == ({"acme": (0, 2)}, {"acme": (0, 2)})
    elsewhere = shell(both.replace("nov", "elsewhere") + " --json")
    assert json.loads(elsewhere.out)["refused"][0]["reason"].endswith("acme-0.cbor")
    assert shell(both.replace("2026-11", "2026-12")).code == 0


def test_it_is_read_once_and_from_far_away(shell, journal, monkeypatch):
    opened = []
    whole = Path.open

    def counting(self, *arguments, **more):
        if self.suffix == ".cbor" and self.parent.name == "nov":
            opened.append(self.name)
        return whole(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", counting)
    assert shell(f"{ARCHIVE} --delete").code == 0
    assert sorted(opened) == sorted(p.name for p in Path("nov").glob("*.cbor"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (ARCHIVE.replace(" --batches nov", ""), "say where the batches are: --batches FOLDER, or FILE"),
        (ARCHIVE.replace("nov", "none"), "none is not a folder that receipt close --all wrote"),
        (ARCHIVE.replace("--batches nov", "--batches j.db"), "j.db is not a folder that receipt close --all wrote"),
        (ARCHIVE.replace("j.db", "none.db"), "none.db is not there"),
        (ARCHIVE.replace("--journal j.db", ""), "Missing option '--journal'"),
        (ARCHIVE.replace("2026-12", "soon"), "Invalid value for '--before'"),
    ],
)  # fmt: skip
def test_how_it_is_not_called(shell, journal, line, message):
    result = shell(f"{line} --delete")
    assert (result.code, result.out, held()) == (2, "", ALL_THERE)
    assert message in result.err


@pytest.mark.parametrize("file", ["../j.db", "/etc/passwd", "", "..", "acme-0.cbor"])
def test_an_index_that_names_other_files(shell, journal, file):
    index = json.loads(Path("nov/index.json").read_text())
    index["statements"][0]["file"] = file
    Path("nov/index.json").write_text(json.dumps(index))
    result = shell(f"{ARCHIVE} --delete")
    assert (result.code, held()) == (2, ALL_THERE)
    assert "nov/index.json is not the index of a folder of batches" in result.err


def test_a_batch_that_is_gone(shell, journal):
    Path("nov/globex-0.cbor").unlink()
    result = shell(f"{ARCHIVE} --delete --json")
    said = json.loads(result.out)
    assert (result.code, held()) == (1, NOVEMBER_GONE | {"globex": (4, 0)})
    assert said["refused"][0]["reason"] == "nov/globex-0.cbor: No such file or directory"


def test_killed_at_every_point(shell, journal, keys, capfd):
    """Each statement is archived whole or not at all, and the next run does the rest."""
    Path("clean").mkdir()
    with closing(sqlite3.connect("j.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy("j.db", "clean/j.db")
    number = 0
    while True:
        number += 1
        start_anew("j.db", "j.db-wal", "j.db-shm")
        was_killed = killed_at(number, f"{ARCHIVE} --delete", capfd)
        for there, gone in held().values():
            assert (there % 2, gone % 2) == (0, 0)
        assert shell(f"{ARCHIVE} --delete").code == 0
        assert held() == NOVEMBER_GONE
        if not was_killed:
            break
    assert number > 10


def test_by_a_program(journal):
    with Journals(["j.db"], ISSUER) as journals:
        found = {(one.account, one.number): one for one in journals.archivable(DECEMBER[0])}
        assert list(found) == [("a/b", 0), ("acme", 0), ("acme", 1), ("globex", 0)]
        with open("nov/acme-0.cbor", "rb") as batch:
            (statement,) = journals.held(batch, "nov/acme-0.cbor")
        assert statement == found["acme", 0]
        journals.archive(statement, "elsewhere.cbor")
        journals.compact()
        assert ("acme", 0) not in {(one.account, one.number) for one in journals.archivable(DECEMBER[0])}  # fmt: skip
    with closing(open_store("j.db", ISSUER)) as store:
        assert store.archived("acme") == {0: ("elsewhere.cbor", 2)}
    assert held()["acme"] == (4, 2)


def test_room_is_given_back(shell, keys):
    issue("j.db", [f"account-{n:02}" for n in range(20)], count=200)
    assert shell(f"{CLOSE} 2026-11 --out nov").code == 0
    before = Path("j.db").stat().st_size
    assert shell(f"{ARCHIVE} --delete").code == 0
    assert Path("j.db").stat().st_size < 0.7 * before
    assert len(files("nov")) == 21


def test_in_a_database(shell, keys, url):
    """All of it, with the journal in PostgreSQL, and several processes that close."""
    names = [f"account-{n:03}" for n in range(150)]
    issue(url, names)
    close, archive = (line.replace("j.db", url) for line in (CLOSE, ARCHIVE))
    assert shell(f"{close} 2026-11 --out nov --jobs 2").code == 0
    before = files("nov")
    assert (shell(f"{close} 2026-11 --out nov").code, files("nov")) == (0, before)
    issue(url, names[:5], stream="t")
    assert len(json.loads(shell(f"{close} 2026-11 --out nov --late --json").out)["statements"]) == 5
    said = json.loads(shell(f"{archive} --delete --json").out)
    assert (len(said["statements"]), said["missing"], said["refused"]) == (155, [], [])
    shown = shell("show --json", url)
    assert (shown.code, shown.out) == (0, "")
    assert "310 receipts of 155 statements were archived" in shown.err
    issue(url, names[:2], time=DECEMBER[0])
    assert shell(f"{close} 2026-12 --out dec --jobs 2").code == 0
    batches = "nov/account-000-0.cbor nov/account-000-1.cbor dec/account-000-2.cbor"
    assert shell(f"verify {batches} --keys keys/issuer.jwks.json").code == 0
    again = json.loads(shell(f"{close} 2026-11 --out nov --json").out)
    assert (again["refused"], len(again["statements"])) == ([], 150)

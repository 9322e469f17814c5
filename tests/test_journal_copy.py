"""`receipt journal copy`: all that was issued, in one file, also of a journal whose server was killed."""

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from receipts import Journal, JournalError
from receipts.journal import copy_journal, journal_items
from tests.build import ISSUER, KEY
from tests.journals import issue

_KILLED = """
import os, signal
from receipts import Journal
from tests.build import ISSUER, KEY
from tests.journals import issue

journal = Journal("j.db", ISSUER, KEY)
for request in "abc":
    issue(journal, request)
os.kill(os.getpid(), signal.SIGKILL)
"""


def names():
    return sorted(path.name for path in Path().iterdir() if path.is_file())


@pytest.fixture
def killed(shell, keys):
    """A journal whose server was killed: all of it is in the file beside it."""
    path = os.pathsep.join(str(one) for one in (Path(__file__).parents[1], *sys.path))
    done = subprocess.run(
        [sys.executable, "-c", _KILLED], env=os.environ | {"PYTHONPATH": path}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert names() == ["j.db", "j.db-shm", "j.db-wal"]
    assert Path("j.db").stat().st_size == 4096
    return "j.db"


def test_after_a_kill_it_is_all_there(shell, killed):
    """`cp` of the file alone has nothing; the copy has every receipt, and is one file that only its owner can read."""
    shutil.copy(killed, "cp.db")
    result = shell("journal copy cp.db x.db")
    assert (result.code, result.err) == (
        2,
        (
            "receipt: error: cp.db is a database, but not a journal\n"
            "receipt: hint: a journal is the FILE that a server or receipt issue --journal wrote\n"
        ),
    )
    result = shell("journal copy j.db copy.db")
    said = "receipt: copy.db is a copy of j.db, in one file; issue nothing into it\n"
    assert (result.code, result.out, result.err) == (0, "", said)
    assert names() == ["copy.db", "cp.db", "j.db"]
    assert stat.S_IMODE(Path("copy.db").stat().st_mode) == 0o600
    assert list(journal_items("copy.db")) == list(journal_items("j.db"))
    assert len(list(journal_items("copy.db"))) == 3


def test_a_killed_journal_is_shown(shell, killed):
    """What tells a journal from a batch looks beside the file too."""
    result = shell("show j.db --json")
    assert (result.code, result.out.count('"request"')) == (0, 3)


def test_a_journal_that_is_open(shell, keys):
    """Servers go on, and their receipts after the copy are not in it."""
    with Journal("j.db", ISSUER, KEY) as journal:
        first = issue(journal, "a").data
        result = shell("journal copy j.db copy.db --json")
        issue(journal, "b")
        size = Path("copy.db").stat().st_size
        assert json.loads(result.out) == {"journal": "j.db", "copy": "copy.db", "bytes": size}
        assert list(journal_items("copy.db")) == [first]
        assert len(list(journal_items("j.db"))) == 2
    with closing(sqlite3.connect("copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert copy.execute("PRAGMA auto_vacuum").fetchone() == (2,)


@pytest.mark.parametrize("beside", ["", "-wal", "-shm", "-journal"])
def test_nothing_is_replaced_and_nothing_is_mixed(shell, keys, beside):
    """What is beside the name already would be taken for a part of the copy."""
    with Journal("j.db", ISSUER, KEY) as journal:
        issue(journal)
    Path(f"copy.db{beside}").write_bytes(b"mine")
    result = shell("journal copy j.db copy.db")
    assert (result.code, result.err) == (
        2,
        (
            f"receipt: error: copy.db{beside} is there already\n"
            "receipt: hint: name another file: none is replaced, and -wal belongs to the file that was there\n"
        ),
    )
    assert Path(f"copy.db{beside}").read_bytes() == b"mine"
    assert names() == sorted(["j.db", f"copy.db{beside}"])


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("postgresql://u:secret@h/x c.db", "postgresql://u@h/x is a database, and no file", "a journal in PostgreSQL is copied by pg_dump, which sees one moment while issuing goes on"),
        ("j.db postgresql://u:secret@h/x", "postgresql://u@h/x is a database, and no file", "a journal in PostgreSQL is copied by pg_dump, which sees one moment while issuing goes on"),
        ("missing.db c.db", "missing.db is not there", "a journal is the FILE that a server or receipt issue --journal wrote"),
        ("keys/issuer.pem c.db", "keys/issuer.pem, copied to c.db: file is not a database", "a journal is the FILE that a server or receipt issue --journal wrote"),
    ],
)  # fmt: skip
def test_what_cannot_be_copied(shell, keys, line, error, hint):
    result = shell(f"journal copy {line}")
    assert (result.code, result.err) == (2, f"receipt: error: {error}\nreceipt: hint: {hint}\n")
    assert names() == []


def test_a_folder_that_is_not_there(keys):
    with Journal("j.db", ISSUER, KEY) as journal:
        issue(journal)
    with pytest.raises(FileNotFoundError):
        copy_journal("j.db", "none/copy.db")


def test_a_copy_that_fails_leaves_nothing(keys, monkeypatch):
    with Journal("j.db", ISSUER, KEY) as journal:
        issue(journal)
    connect = sqlite3.connect

    def full(path, **more):
        if not more:
            raise sqlite3.OperationalError("database or disk is full")
        return connect(path, **more)

    monkeypatch.setattr("receipts.journal.copying.sqlite3.connect", full)
    with pytest.raises(JournalError, match=r"^j.db, copied to copy.db: database or disk is full$"):
        copy_journal("j.db", "copy.db")
    assert names() == ["j.db"]

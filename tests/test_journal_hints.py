"""Where a database cannot be used, the next step is not that of a file; and no password is shown."""

from pathlib import Path

import pytest

from cli.journal_hints import journal_hint
from receipts import Journal, JournalError
from tests.build import ISSUER, KEY
from tests.test_closing_all import issue

NOWHERE = "postgresql://pod:secret@127.0.0.1:1/receipts"
HINT = "receipt: hint: is the server up, and does the role have the rights of docs/provider.md, Many machines, one journal?\n"


@pytest.mark.parametrize(
    "line",
    [
        "close --keys keys --all --period 2026-11 --out nov --journal",
        "close --keys keys --account acme --period 2026-11 --out x.cbor --journal",
        "archive --keys keys --before 2026-12 --batches nov --journal",
        "issue u.jsonl --keys keys --account acme --journal",
        "correct u.jsonl --keys keys --account acme --journal",
        "show",
    ],
)
def test_a_server_that_is_not_there(shell, keys, line):
    pytest.importorskip("psycopg")
    Path("u.jsonl").write_text('{"request": "r", "counts": {"cached": 1}, "time": 1795000000000}\n')
    result = shell(f"{line} {NOWHERE}")
    assert (result.code, result.out) == (2, "")
    *_, error, hint = result.err.splitlines(keepends=True)
    assert error.startswith("receipt: error: postgresql://pod@127.0.0.1:1/receipts: ")
    assert hint == HINT
    assert "secret" not in result.err


def test_a_file_keeps_its_hint(shell, keys):
    issue("j.db", ["acme"])
    result = shell("close --keys keys --all --period 2026-11 --out nov --journal none.db")
    assert result.err == (
        "receipt: error: none.db is not there\n"
        "receipt: hint: a journal is the FILE that receipt issue --journal wrote, with streams of its own\n"
    )


def test_a_missing_package_says_what_to_install(shell, keys, monkeypatch):
    Path("u.jsonl").touch()
    monkeypatch.setitem(__import__("sys").modules, "receipts.journal.stores.postgres", None)
    result = shell(f"issue u.jsonl --keys keys --account acme --journal {NOWHERE}")
    assert result.err == (
        "receipt: error: postgresql://pod@127.0.0.1:1/receipts: a journal in PostgreSQL needs psycopg 3, "
        "in the clone: pip install '.[postgres]'\n"
    )


LITERAL = "postgresql://..."


def test_a_host_that_is_none(shell, keys):
    pytest.importorskip("psycopg")
    result = shell(f"close --keys keys --all --period 2026-11 --out nov --journal {LITERAL}")
    assert (result.code, result.err) == (
        2,
        (
            "receipt: error: postgresql://...: '...' is no host name\n"
            "receipt: hint: look at the spelling of the URL: postgresql://role@host/database\n"
        ),
    )
    with pytest.raises(JournalError, match=r"^postgresql://\.\.\.: '\.\.\.' is no host name$"):
        Journal(LITERAL, ISSUER, KEY)


def test_a_mistyped_scheme(shell, keys):
    where = "postgressql://pod@db/receipts"
    result = shell(f"close --keys keys --all --period 2026-11 --out nov --journal {where}")
    assert result.err == (
        f"receipt: error: {where} is no place of a journal: expected the path of a file, or postgresql://...\n"
        "receipt: hint: look at the spelling of the URL: postgresql://role@host/database\n"
    )


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ('FATAL:  database "x" does not exist', "create the database, or look at its name at the end of the URL"),
        ('FATAL:  password authentication failed for user "pod"', "is this the role's password? PGPASSWORD or ~/.pgpass has it, as for every client of PostgreSQL"),
        ("fe_sendauth: no password supplied", "is this the role's password? PGPASSWORD or ~/.pgpass has it, as for every client of PostgreSQL"),
    ],
)  # fmt: skip
def test_what_a_server_says_has_its_own_hint(message, hint):
    assert journal_hint(JournalError(f"postgresql://pod@db/x: {message}"), "of a file") == hint


def test_a_database_without_tables(shell, keys, url):
    result = shell(f"close --keys keys --all --period 2026-11 --out nov --journal {url}")
    assert result.err == (
        f"receipt: error: {url} is a database, but not a journal\n"
        "receipt: hint: is this the URL that the gateway has? Its first start makes the tables\n"
    )


def test_lines_of_libpq_are_told_apart(shell, keys):
    pytest.importorskip("psycopg")
    result = shell(f"close --keys keys --all --period 2026-11 --out nov --journal {NOWHERE}")
    assert "Connection refused; Is the server running" in result.err

"""Where a database cannot be used, the next step is not that of a file; and no password is shown."""

from pathlib import Path

import pytest

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
        "receipt: error: postgresql://pod@127.0.0.1:1/receipts: a journal in PostgreSQL needs psycopg 3: "
        "pip install 'token-receipts[postgres]'\n"
    )

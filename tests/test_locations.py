"""Where a journal is: what is a URL, and that no password of one is ever shown."""

import pytest

from receipts import Journal, JournalError
from receipts.journal import is_journal, is_url, journal_items, open_store, shown
from receipts.journal.stores import check_location
from tests.build import ISSUER, KEY


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("issuer.db", "issuer.db"),
        ("/srv/a@b:c/issuer.db", "/srv/a@b:c/issuer.db"),
        ("postgresql://db.example/receipts", "postgresql://db.example/receipts"),
        ("postgresql://", "postgresql://"),
        ("postgresql:///receipts?host=/run/postgresql", "postgresql:///receipts?host=/run/postgresql"),
        ("postgres://pod:s3cret@db.example:5432/receipts", "postgres://pod@db.example:5432/receipts"),
        ("postgresql://pod@db.example/receipts", "postgresql://pod@db.example/receipts"),
        ("postgresql://:s3cret@db.example/receipts", "postgresql://db.example/receipts"),
        ("postgresql://pod:s3cret@a:1,b:2/receipts?target_session_attrs=any", "postgresql://pod@a:1,b:2/receipts?target_session_attrs=any"),
        ("postgresql://pod:s%40cret@[::1]:5432/receipts", "postgresql://pod@[::1]:5432/receipts"),
        ("postgresql://[::1]:5432/receipts", "postgresql://[::1]:5432/receipts"),
        ("postgresql://db/r?user=pod&password=s3cret&sslmode=require", "postgresql://db/r?user=pod&sslmode=require"),
        ("postgresql://db/r?sslpassword=s3cret", "postgresql://db/r"),
        ("postgresql://db/r?user=pod&PASSWORD=s3cret", "postgresql://db/r?user=pod"),
    ],
)  # fmt: skip
def test_a_location_without_its_password(location, expected):
    assert shown(location) == expected
    check_location(location)
    assert is_url(location) == location.startswith("postgres")


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://pod:s3@cret@db.example/receipts",
        "postgresql://pod:s3/cret@db.example/receipts",
        "postgresql://pod:s3?cret@db.example/receipts",
        "postgresql://pod:s3#cret@db.example/receipts",
        "postgresql://pod:s3:cret@db.example/receipts",
        "postgresql://pod:s3cret",
        "postgresql://db/r?password=s3@cret",
        "postgresql://pod:s3cret@db/r?options=a@b",
    ],
)
def test_a_url_that_cannot_be_taken_apart_is_refused_and_not_shown(location):
    assert shown(location) == "postgresql://..."
    with pytest.raises(JournalError, match=r"^postgresql://\.\.\.: the URL cannot be read: expected") as caught:  # fmt: skip
        open_store(location, ISSUER)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("use", [is_journal, journal_items, lambda url: open_store(url, ISSUER)])
def test_another_scheme_is_refused(use):
    with pytest.raises(JournalError) as caught:
        use("mysql://pod:s3cret@db.example/receipts")
    assert str(caught.value) == (
        "mysql://pod@db.example/receipts is no place of a journal:"
        " expected the path of a file, or postgresql://..."
    )


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("", "''"),
        (" ", "' '"),
        (":memory:", ":memory:"),
        ("postgresql:/pod:s3cret@db/receipts", "postgresql:..."),
        ("Postgres:receipts", "Postgres:..."),
    ],
)
def test_what_would_be_kept_in_no_file_is_refused(location, named, folder):
    with pytest.raises(JournalError) as caught:
        Journal(location, ISSUER, KEY)
    expected = "is no place of a journal: expected the path of a file, or postgresql://..."
    assert str(caught.value) == f"{named} {expected}"
    assert not list(folder.iterdir())


def test_no_command_shows_a_password(shell, keys, folder):
    (folder / "u.jsonl").write_text("")
    url = "mysql://pod:s3cret@db.example/receipts"
    for line in (
        f"issue u.jsonl --keys keys --account acme --journal {url}",
        f"correct u.jsonl --keys keys --account acme --journal {url}",
        f"close --keys keys --account acme --period 2026-11 --out x --journal {url}",
        f"show {url}",
        f"verify {url}",
        f"close {url} --keys keys --period 2026-11",
        f"issue {url} --keys keys --account acme --out x",
        f"prove {url} --request r --out x",
    ):
        result = shell(line)
        assert (result.code, result.out) == (2, ""), line
        assert "s3cret" not in result.err, line
        assert "pod@db.example" in result.err, line

"""What a store keeps of receipts whose bytes moved out of it: everything that issuing and closing need."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from receipts import Counts, DuplicateRequestError, Journal, JournalError
from receipts.journal import journal_archives, journal_items, open_store
from tests.build import ACCOUNT, ISSUER, KEY, NOON

COUNTS = Counts(3000, 2000)


def issue(location, count, stream, start=0):
    with Journal(location, ISSUER, KEY) as journal:
        asked = [
            journal.submit(ACCOUNT, request=f"{stream}{n}", model="m", counts=COUNTS, time=NOON + n, stream=stream)
            for n in range(start, start + count)
        ]  # fmt: skip
        return [one.result() for one in asked]


@pytest.fixture
def store(location):
    """A journal with three thousand receipts of the stream s, and two of the stream t."""
    issue(location, 3000, "s")
    issue(location, 2, "t")
    with closing(open_store(location, ISSUER)) as store:
        yield store


def test_digests(store):
    places = [("s", 0), ("s", 2999), ("t", 1)]
    found = store.digests(ACCOUNT, [*places, ("s", 3000), ("u", 0)])
    assert sorted(found) == sorted(places)
    heads = store.heads([(ACCOUNT, "s"), (ACCOUNT, "t")])
    assert found["s", 2999] == heads[ACCOUNT, "s"].digest
    assert store.digests("other", places) == {}
    assert store.digests(ACCOUNT, []) == {}


def test_only_the_bytes_go(store):
    """Of the statement's receipts, and of no others; what they were stays known."""
    places = [("s", n) for n in range(3000)] + [("t", 0), ("t", 1)]
    before = store.digests(ACCOUNT, places), store.heads([(ACCOUNT, "s"), (ACCOUNT, "t")])
    keys = {(ACCOUNT, "s0"), (ACCOUNT, "s1999"), (ACCOUNT, "t0")}
    store.archive(ACCOUNT, 0, [("s", 0, 2000), ("t", 0, 1)], "/srv/acme-0.cbor")
    after = store.digests(ACCOUNT, places), store.heads([(ACCOUNT, "s"), (ACCOUNT, "t")])
    assert after == before
    assert store.known(keys) == keys
    assert store.streams(ACCOUNT) == ["s", "t"]
    kept = list(store.receipts(ACCOUNT, "s", 0, 3000))
    assert [len(data) > 0 for data in kept] == [False] * 2000 + [True] * 1000
    assert [len(data) > 0 for data in store.receipts(ACCOUNT, "t", 0, 2)] == [False, True]
    assert store.entry(ACCOUNT, "s0") == (b"", before[0]["s", 0])
    assert store.last_word(ACCOUNT, "s0") == (b"", before[0]["s", 0])
    assert store.archived(ACCOUNT) == {0: ("/srv/acme-0.cbor", 2001)}
    assert store.archived("other") == {}
    store.archive(ACCOUNT, 0, [("s", 0, 2000), ("t", 0, 1)], "/srv/acme-0.cbor")  # once more
    assert store.digests(ACCOUNT, places) == before[0]


def test_issuing_goes_on_after_it(store, location):
    """No request gets a second receipt, and the streams go on where they stood."""
    head = store.heads([(ACCOUNT, "s")])[ACCOUNT, "s"]
    store.archive(ACCOUNT, 0, [("s", 0, 3000)], "f.cbor")
    with pytest.raises(DuplicateRequestError):
        issue(location, 1, "s", start=7)
    (issued,) = issue(location, 1, "s", start=3000)
    assert (issued.sequence, head.sequence) == (3000, 2999)
    assert next(store.open_receipts(ACCOUNT, {"s": 3000}, 2**50)) == issued.data


def test_statements_together(store):
    """Those that are kept, and not those of which there is another one."""
    assert store.add_statements([("a", 0, b"a0"), ("b", 0, b"b0")]) == {("a", 0), ("b", 0)}
    assert store.add_statements([("b", 0, b"x"), ("b", 1, b"b1"), ("a", 0, b"a0")]) == {("b", 1), ("a", 0)}  # fmt: skip
    assert (store.statements("a"), store.statements("b")) == ([b"a0"], [b"b0", b"b1"])
    assert store.add_statements([]) == set()


# A file.


@pytest.fixture
def path(folder):
    issue("issuer.db", 3000, "s")
    return "issuer.db"


def test_room_is_given_back(path):
    """While another process has the journal open, and issues."""
    with Journal(path, ISSUER, KEY) as journal, closing(open_store(path, ISSUER)) as store:
        journal.issue(ACCOUNT, request="a", model="m", counts=COUNTS)
        before = Path(path).stat().st_size
        store.archive(ACCOUNT, 0, [("s", 0, 3000)], "f.cbor")
        store.compact()
        journal.issue(ACCOUNT, request="b", model="m", counts=COUNTS)
    assert Path(path).stat().st_size < 0.6 * before


def test_a_store_that_fails_archives_nothing(path):
    """The bytes go together with the note of where they are."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TRIGGER t BEFORE INSERT ON archives BEGIN SELECT RAISE(ABORT, 'full'); END")  # fmt: skip
        db.commit()
    with closing(open_store(path, ISSUER)) as store:
        with pytest.raises(JournalError, match=r"issuer\.db: full"):
            store.archive(ACCOUNT, 0, [("s", 0, 3000)], "f.cbor")
        assert all(store.receipts(ACCOUNT, "s", 0, 3000))
        assert store.archived(ACCOUNT) == {}


# Both.


def test_what_a_journal_says_of_it(store, location):
    """Of an archived statement a journal has neither the receipts nor the statement to show, and says how many that are."""
    store.add_statement(ACCOUNT, 0, b"zero")
    store.add_statement(ACCOUNT, 1, b"one")
    store.add_statement("other", 0, b"of other")
    store.archive(ACCOUNT, 0, [("s", 0, 3000)], "/srv/nov/acme-0.cbor")
    store.archive("other", 0, [], "/srv/nov/other-0.cbor")
    items = list(journal_items(location))
    assert (len(items), items[-1]) == (3, b"one")
    found = journal_archives(location)
    assert (found.statements, found.receipts, found.folders) == (2, 3000, ("/srv/nov",))

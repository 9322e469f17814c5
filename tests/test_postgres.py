"""The journal in PostgreSQL: many pods, a server that dies, connections that break while committing. Nothing is lost, nothing there twice.

What both stores must do is in tests/test_journal.py and tests/test_closing.py.
"""

import json
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from receipts import DuplicateRequestError, Issuer, Journal, JournalError
from receipts.journal import journal_items, open_store
from tests.build import ACCOUNT, ISSUER, KEY
from tests.conftest import SAMPLE
from tests.journals import COUNTS, ask_at_once, check, issue
from tests.postgres import MISSING, REQUIRED, skip_or_fail

# Opening.


@pytest.mark.parametrize("module", ["psycopg", "psycopg.conninfo"])
def test_without_psycopg(monkeypatch, module):
    for name in ("postgres", "postgres_rows", "session"):
        monkeypatch.delitem(sys.modules, f"receipts.journal.stores.{name}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(JournalError) as caught:
        Journal("postgresql://pod:s3cret@db/receipts", ISSUER, KEY)
    assert str(caught.value) == (
        "postgresql://pod@db/receipts: a journal in PostgreSQL needs psycopg 3, in the clone: pip install '.[postgres]'"
    )


def test_a_missing_server_is_seen(monkeypatch):
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"):
        skip_or_fail()
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match=f"{REQUIRED} is set"):
        skip_or_fail()
    assert MISSING


def test_databases_that_are_no_journal(server, url, database):
    with pytest.raises(JournalError) as caught:
        open_store(url, ISSUER, create=False)
    assert str(caught.value) == f"{url} is a database, but not a journal"
    server.sql("CREATE TABLE journal (x INTEGER)", database)
    with pytest.raises(JournalError, match="is a database, but not a journal"):
        Journal(url, ISSUER, KEY)
    server.sql("ALTER TABLE journal RENAME TO other", database)
    with pytest.raises(JournalError, match="is a database, but not a journal"):
        Journal(url, ISSUER, KEY)
    server.sql("DROP TABLE other", database)
    Journal(url, ISSUER, KEY).close()
    with pytest.raises(JournalError) as caught:
        Journal(url, "https://x", KEY)
    assert str(caught.value) == f"{url} is the journal of {ISSUER}, not of https://x"
    server.sql("UPDATE journal SET version = 9", database)
    with pytest.raises(JournalError, match="is a journal of version 9, expected 1"):
        Journal(url, ISSUER, KEY)
    with pytest.raises(JournalError, match="is a journal of version 9, expected 1"):
        list(journal_items(url))
    server.sql("DELETE FROM journal", database)
    with pytest.raises(JournalError, match="the journal's own row is missing"):
        Journal(url, ISSUER, KEY)


def test_a_server_that_cannot_be_opened_says_so_at_once(server, proxy):
    before = time.monotonic()
    with pytest.raises(JournalError, match='database "nowhere" does not exist'):
        Journal(server.url("nowhere"), ISSUER, KEY)
    proxy.away = True
    with pytest.raises(JournalError, match=rf"^postgresql://postgres@127.0.0.1:{proxy.port}/x: "):
        Journal(server.url("x", proxy.port), ISSUER, KEY)
    assert time.monotonic() - before < 10
    with pytest.raises(JournalError, match="connect_timeout: expected whole seconds"):
        Journal(server.url("x") + "?connect_timeout=soon", ISSUER, KEY)
    with pytest.raises(JournalError, match="the URL cannot be read: expected") as caught:
        Journal("postgresql://u:s3%cret@db/x", ISSUER, KEY)
    assert "cret" not in str(caught.value)
    with pytest.raises(JournalError, match="the URL cannot be read: expected"):
        Journal("postgresql://db/x?nonsense=1", ISSUER, KEY)


def test_many_pods_that_start_at_once_make_one_journal(url):
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: open_store(url, ISSUER), range(8)))
    assert len({store.id for store in stores}) == 1
    for store in stores:
        store.close()


def test_a_role_that_may_only_add(server, url, database, folder):
    """What a pod needs of a journal that is there: nothing may be changed or taken away."""
    Journal(url, ISSUER, KEY).close()
    role = f"pod_{database}"
    server.sql(f"CREATE ROLE {role} LOGIN")
    server.sql(f"GRANT SELECT ON journal, receipts, statements TO {role}", database)
    server.sql(f"GRANT INSERT ON receipts, statements TO {role}", database)
    with Journal(server.url(database, user=role), ISSUER, KEY) as journal:
        issued = [issue(journal, "a"), issue(journal, "b")]
    assert sorted(check(url, folder, issued)) == ["a", "b"]
    for statement in ("DELETE FROM receipts", "UPDATE receipts SET time = 0", "TRUNCATE receipts"):
        with psycopg.connect(server.url(database, user=role)) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):  # fmt: skip
            db.execute(statement)


def test_commits_are_durable_whatever_the_database_is_set_to(server, url, database, caplog):
    server.sql(f"ALTER DATABASE {database} SET synchronous_commit = off")
    with closing(open_store(url, ISSUER)) as store:
        assert store._session.run(lambda db: db.execute("SHOW synchronous_commit").fetchone()) == ("on",)  # fmt: skip
    assert "fsync" not in caplog.text
    server.sql(f"ALTER DATABASE {database} SET synchronous_commit = remote_apply")
    with closing(open_store(url, ISSUER)) as store:
        assert store._session.run(lambda db: db.execute("SHOW synchronous_commit").fetchone()) == ("remote_apply",)  # fmt: skip
    server.sql("ALTER SYSTEM SET full_page_writes = off")
    server.sql("SELECT pg_reload_conf()")
    try:
        time.sleep(0.2)
        with closing(open_store(url, ISSUER)):
            assert "the server has fsync or full_page_writes off" in caplog.text
    finally:
        server.sql("ALTER SYSTEM RESET full_page_writes")
        server.sql("SELECT pg_reload_conf()")


def test_a_server_that_takes_no_writes_is_not_issued_into(server, url, database):
    """As a standby: it is for reading only."""
    Journal(url, ISSUER, KEY).close()
    server.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    with pytest.raises(JournalError, match="session is read-only"):
        Journal(url, ISSUER, KEY)
    assert list(journal_items(url)) == []


def test_no_command_shows_or_keeps_a_password(server, database, shell, keys, folder, caplog):
    """A journal with a password, through its whole life: `closing.db` has the name of the journal, and the place without it."""
    caplog.set_level(logging.DEBUG)
    server.sql("DROP ROLE IF EXISTS guarded")
    server.sql("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 's3cret'")
    url = server.url(database, user="guarded:s3cret")
    place = server.url(database, user="guarded")
    (folder / "u.jsonl").write_bytes(SAMPLE.read_bytes())
    with pytest.raises(JournalError, match="password authentication failed") as caught:
        Journal(url.replace("s3cret", "s4cret"), ISSUER, KEY)
    assert "cret" not in str(caught.value)
    first = json.loads(SAMPLE.read_text().splitlines()[0])["request"]
    (folder / "right.jsonl").write_text(
        json.dumps({"request": first, "counts": {"output": 1}, "time": 1_796_000_000_000})
    )
    said = [
        shell(line)
        for line in (
            f"issue u.jsonl --keys keys --account acme --json --journal {url}",
            f"issue u.jsonl --keys keys --account acme --json --journal {url}",
            f"correct right.jsonl --keys keys --account acme --json --journal {url}",
            f"close --keys keys --account acme --period 2026-11 --out a.cbor --json --journal {url}",
            f"show {url}",
            f"prove {url} --request {first} --out p.cbor",
            "verify a.cbor --keys keys/issuer.jwks.json --period 2026-11 --no-remember",
            f"close --keys keys --account acme --period 2026-11 --out b.cbor --json --journal other.db --journal {url}",
            f"close --keys keys --account acme --period 2026-11 --out b.cbor --json --journal {url} --journal {url}",
            f"close {url} --keys keys --period 2026-11",
            f"verify {url}",
        )
    ]
    assert [one.code for one in said] == [0] * 7 + [2] * 4, said
    assert json.loads(said[0].out)["journal"] == place
    assert json.loads(said[1].out)["skipped"] == json.loads(said[0].out)["receipts"]
    assert f"{place} and {place} are one journal" in said[8].err
    assert f"{place} is no batch file" in said[9].err
    assert f"{place} is no batch file" in said[10].err
    known = (folder / "keys" / "closing.db").read_bytes().decode(errors="replace")
    assert json.dumps(place) in known
    Journal("other.db", ISSUER, KEY).close()
    missing = shell(
        "close --keys keys --account acme --period 2026-11 --out b.cbor --journal other.db"
    )
    assert f"--journal {place} --journal " in missing.err
    told = "".join(one.out + one.err for one in [*said, missing]) + known + caplog.text
    assert "s3cret" not in told


# Several pods.


def test_a_duplicate_of_two_pods_fails_for_the_one_that_is_later(server, url, database, folder):
    """The other pod has written and not committed yet: the group waits, and only the one order fails."""
    with Journal(url, ISSUER, KEY) as journal:
        issued = [issue(journal, "first")]
        other = sign("both")
        with psycopg.connect(url) as db:
            add(db, other, b"rboth")
            asked = ask_at_once(journal, "a", "both", "b")
            wait_for_lock(server, database)
            assert not any(future.done() for future in asked)
            db.commit()
        errors = [future.exception(10) for future in asked]
        assert [type(error) for error in errors] == [type(None), DuplicateRequestError, type(None)]
        assert str(errors[1]) == "request: expected one that has no receipt yet, found both"
        issued += [other, asked[0].result(), asked[2].result()]
        assert [one.sequence for one in issued] == [0, 0, 1, 2]
    assert sorted(check(url, folder, issued)) == ["a", "b", "both", "first"]


def test_a_duplicate_that_is_rolled_back_is_none(server, url, database, folder):
    with Journal(url, ISSUER, KEY) as journal:
        issued = [issue(journal, "first")]
        with psycopg.connect(url) as db:
            add(db, sign("both"), b"rboth")  # fmt: skip
            asked = ask_at_once(journal, "a", "both", "b")
            wait_for_lock(server, database)
            db.rollback()
        issued += [future.result(10) for future in asked]
    assert sorted(check(url, folder, issued)) == ["a", "b", "both", "first"]


def test_no_pod_waits_for_another(url, folder):
    """One has written into its stream, and hangs before it commits; all others go on, for the same account."""
    with Journal(url, ISSUER, KEY, wait_s=10) as journal, psycopg.connect(url) as db:
        add(db, sign("x"), b"rx")  # fmt: skip
        issued = [issue(journal, f"r{n}") for n in range(10)]
        with Journal(url, ISSUER, KEY, wait_s=10) as second:
            issued += [issue(second, f"s{n}") for n in range(10)]
        locks = db.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
        assert locks == (0,)
        db.rollback()
    assert len(check(url, folder, issued)) == 20


def test_one_request_from_many_pods_at_once(url, folder):
    """Each request has one receipt, from whichever pod was first, and every other pod is told so."""
    pods = [Journal(url, ISSUER, KEY) for _ in range(4)]
    asked = [
        [pod.submit(ACCOUNT, request=f"r{n}", model="m", counts=COUNTS) for n in order]
        for pod, order in zip(pods, (range(200), range(199, -1, -1)) * 2, strict=True)
    ]
    outcomes = [[future.exception(30) for future in futures] for futures in asked]
    issued = [f.result() for futures in asked for f in futures if f.exception() is None]
    for pod in pods:
        pod.close()
    assert len(issued) == 200
    kinds = {type(error) for errors in outcomes for error in errors}
    assert kinds == {type(None), DuplicateRequestError}
    assert len(check(url, folder, issued)) == 200


def test_one_named_stream_in_many_pods(url, folder):
    """They were told so by mistake: the one that is later looks again where the stream stands, and signs anew."""
    pods = [Journal(url, ISSUER, KEY) for _ in range(3)]
    with ThreadPoolExecutor(12) as pool:
        issued = list(
            pool.map(
                lambda n: issue(pods[n % 3], f"r{n}", stream="shared", time=1_800_000_000_000),
                range(300),
            )
        )
    for pod in pods:
        pod.close()
    assert sorted(one.sequence for one in issued) == list(range(300))
    assert len(check(url, folder, issued)) == 300


def test_two_that_wait_for_each_other_in_a_circle(server, url, database, folder):
    """The server ends the journal's statement; it is sent once more."""
    server.sql(f"ALTER DATABASE {database} SET deadlock_timeout = '2s'")
    with Journal(url, ISSUER, KEY) as journal, psycopg.connect(url) as db:
        issued = [issue(journal, "first")]
        db.execute("SET deadlock_timeout = '60s'")  # the journal's session finds the circle
        add(db, sign("b"), b"rb")
        asked = ask_at_once(journal, "a", "b")
        wait_for_lock(server, database)
        add(db, sign("a"), b"ra")  # waits for the journal, and goes on when that is refused
        db.rollback()
        issued += [future.result(10) for future in asked]
    assert sorted(check(url, folder, issued)) == ["a", "b", "first"]


def sign(request):
    """A receipt of another pod."""
    return Issuer(ISSUER, KEY).issue(ACCOUNT, request=request, model="m", counts=COUNTS, time=1)  # fmt: skip


def add(db, issued, request):
    db.execute(
        "INSERT INTO receipts VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (issued.account.encode(), issued.stream.encode(), issued.sequence, request, issued.time, issued.digest, issued.data),
    )  # fmt: skip


def wait_for_lock(server, database):
    """Until somebody waits for another one's row."""
    waits = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'"  # noqa: S608
    ends = time.monotonic() + 10
    while server.sql(waits) == [(0,)]:
        assert time.monotonic() < ends
        time.sleep(0.01)

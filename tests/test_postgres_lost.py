"""The journal's server dies, hangs, or the connection to it breaks while it commits: nothing handed out is lost, nothing is there twice."""

import logging
import os
import signal
import threading
import time
from collections import Counter

import psycopg
import pytest

from receipts import DuplicateRequestError, Journal, JournalError
from receipts.journal import open_store
from tests.build import ACCOUNT, ISSUER, KEY
from tests.journals import COUNTS, ask_at_once, check, issue
from tests.postgres import Server, programs, skip_or_fail

UNKNOWN = "; it is not known whether the receipts were written"


@pytest.fixture
def through(server, database, proxy):
    """The URL of an empty database through the proxy."""
    return server.url(database, proxy.port)


# The connection breaks in the middle of a commit.


@pytest.mark.parametrize("cut", ["before", "after", "held"])
def test_a_connection_that_breaks_while_committing(through, url, proxy, folder, cut):
    """The same bytes are sent once more: whatever became of the first sending, each order has one receipt."""
    with Journal(through, ISSUER, KEY) as journal:
        issued = [issue(journal, "first")]
        proxy.cut = cut
        asked = ask_at_once(journal, "a", "b", "c")
        issued += [future.result(20) for future in asked]
        proxy.release()  # what was held comes when its place is taken: the server refuses it
        issued.append(issue(journal, "last"))
    assert proxy.cuts == 1
    assert [one.sequence for one in issued] == list(range(5))
    assert sorted(check(url, folder, issued)) == ["a", "b", "c", "first", "last"]


def test_connections_that_break_again_and_again(through, url, proxy, folder):
    with Journal(through, ISSUER, KEY) as journal:
        issued = []
        for n in range(12):
            proxy.cut = ["before", "after", None][n % 3]
            issued.append(issue(journal, f"r{n}"))
    assert proxy.cuts == 8
    assert len(check(url, folder, issued)) == 12


@pytest.mark.parametrize(("cut", "was_written"), [("before", False), ("after", True)])
def test_a_server_that_stays_away_after_the_cut(
    through, url, proxy, folder, caplog, cut, was_written
):
    """Nobody knows what became of the receipt: it is not handed out. Later the journal finds out, before it signs anything."""
    with Journal(through, ISSUER, KEY, wait_s=1) as journal:
        issued = [issue(journal, "first")]
        proxy.cut, proxy.away = cut, True
        with pytest.raises(JournalError) as caught:
            issue(journal, "doubtful")
        assert str(caught.value).endswith(UNKNOWN)
        with pytest.raises(JournalError) as caught:  # it is not signed anew while that is so
            issue(journal, "doubtful")
        assert not str(caught.value).endswith(UNKNOWN)
        proxy.away = False
        if was_written:
            with pytest.raises(DuplicateRequestError, match="found doubtful"):
                issue(journal, "doubtful")
        else:
            issued.append(issue(journal, "doubtful"))
        issued.append(issue(journal, "last"))
    assert [one.sequence for one in issued] == ([0, 2] if was_written else [0, 1, 2])
    assert sorted(check(url, folder, issued)) == ["doubtful", "first", "last"]
    fate = "were" if was_written else "were not"
    assert f"1 receipts that are not handed out {fate} written" in caplog.text


def test_what_is_still_on_its_way_when_the_journal_has_given_up(through, url, proxy, folder):
    """The statement reaches the server after the journal looked, and before it signs for the place again: it is there then."""
    with Journal(through, ISSUER, KEY, wait_s=1) as journal:
        issued = [issue(journal, "first")]
        proxy.cut, proxy.away = "held", True
        with pytest.raises(JournalError):
            issue(journal, "doubtful")
        proxy.away = False
        with pytest.raises(
            DuplicateRequestError
        ):  # found out that it is not there, then has its receipt
            issue(journal, "first")
        proxy.release()
        time.sleep(0.2)
        issued.append(issue(journal, "last"))
    assert [one.sequence for one in issued] == [0, 2]
    assert sorted(check(url, folder, issued)) == ["doubtful", "first", "last"]


def test_a_place_that_is_taken_while_the_connection_is_away(through, url, proxy, folder):
    """What was lost on its way can never be written then: the others of its group are signed anew."""
    with Journal(through, ISSUER, KEY) as journal, Journal(url, ISSUER, KEY) as other:
        issued = [issue(journal, "first")]
        proxy.cut, proxy.away = "before", True
        asked = ask_at_once(journal, "a", "b", "c")
        while not proxy.cuts:
            time.sleep(0.01)
        issued.append(issue(other, "b"))
        proxy.away = False
        assert isinstance(asked[1].exception(20), DuplicateRequestError)
        issued += [asked[0].result(20), asked[2].result(20)]
    assert sorted(check(url, folder, issued)) == ["a", "b", "c", "first"]


def test_a_statement_whose_answer_is_lost(through, url, proxy):
    """`add_statement` says what is there, not what it remembers."""
    store, cuts = open_store(through, ISSUER), []

    def cut(*_):
        if not cuts:
            cuts.append(1)
            proxy.drop()

    with psycopg.connect(url) as db:
        db.execute("INSERT INTO statements VALUES ('acme', 0, 'other')")
        thread = threading.Timer(0.3, cut)
        thread.start()
        added = threading.Thread(target=lambda: cuts.append(store.add_statement(ACCOUNT, 0, b"x")))
        added.start()
        thread.join()
        db.rollback()
        added.join()
    assert cuts == [1, True]
    assert store.statements(ACCOUNT) == [b"x"]
    store.close()


def test_a_snapshot_that_is_lost_is_not_another_one(through, proxy):
    """What is read after it would be of another moment."""
    with Journal(through, ISSUER, KEY) as journal:
        issue(journal, "r")
        store = open_store(through, ISSUER)
        with store.snapshot():
            assert store.accounts() == [ACCOUNT]
            proxy.drop()
            for _ in range(2):
                with pytest.raises(JournalError):
                    store.accounts()
        assert store.accounts() == [ACCOUNT]
        store.close()


def test_the_network_is_watched(url):
    """A connection that the network has forgotten is given up long before an order is."""
    store = open_store(url, ISSUER)
    options = {one.keyword.decode(): one.val for one in store._session._db.pgconn.info}
    assert options["tcp_user_timeout"] == b"9990"
    assert options["keepalives_idle"] == b"30"
    store.close()


# The server.


class Load:
    """Threads that issue into some journals until they are told to stop, and keep what they were handed."""

    def __init__(self, *journals, threads=3):
        self.issued, self.errors = [], []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(journal, f"{number}-{thread}"))
            for number, journal in enumerate(journals)
            for thread in range(threads)
        ]

    def _work(self, journal, name):
        n = 0
        while not self._stop.is_set():
            n += 1
            try:
                self.issued.append(issue(journal, f"{name}-{n}"))
            except JournalError as error:
                self.errors.append(error)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def goes_on(self, more=50):
        """Wait until more receipts were handed out."""
        goal, ends = len(self.issued) + more, time.monotonic() + 60
        while len(self.issued) < goal:
            assert time.monotonic() < ends, self.errors[-1:]
            time.sleep(0.01)


@pytest.fixture
def up(server):
    """The server; it is up again after the test."""
    yield server
    server.start_again()


ENDS = {
    "kill -9": lambda server: server.kill(),
    "immediate": lambda server: server.stop("immediate"),
    "fast": lambda server: server.stop("fast"),
    "every backend": lambda server: server.kill_backends(),
}


QUICK = ("fast",)


@pytest.mark.parametrize(
    "how", [how if how in QUICK else pytest.param(how, marks=pytest.mark.slow) for how in ENDS]
)
def test_a_server_that_ends_under_load(up, url, folder, how):
    """The orders wait, and are issued when the server is back: each once."""
    pods = [Journal(url, ISSUER, KEY, wait_s=60) for _ in range(2)]
    with Load(*pods) as load:
        load.goes_on()
        ENDS[how](up)
        time.sleep(0.5)
        up.start_again()
        load.goes_on()
    for pod in pods:
        pod.close()
    assert load.errors == []
    assert len(check(url, folder, load.issued)) == len(load.issued)


@pytest.mark.slow
def test_a_server_that_is_killed_again_and_again(up, url, folder):
    """With less patience than the server needs: some orders fail, and what was handed out is whole."""
    pods = [Journal(url, ISSUER, KEY, wait_s=1) for _ in range(3)]
    with Load(*pods) as load:
        for n in range(8):
            load.goes_on(20)
            up.kill() if n % 2 else up.stop("immediate")
            time.sleep(0.3 * (n % 5))
            up.start_again()
    for pod in pods:
        pod.close()
    assert load.errors
    requests = check(url, folder, load.issued)
    assert len(load.issued) <= len(requests) <= len(load.issued) + len(load.errors)


def test_a_server_that_is_away_for_too_long(up, url, folder):
    """Orders fail in the stated time, those after them sooner; and the journal works when the server is back."""
    with Journal(url, ISSUER, KEY, wait_s=3) as journal:
        issued = [issue(journal, "first")]
        up.stop()
        before = time.monotonic()
        with pytest.raises(JournalError, match=rf"^{url}: connection failed: .*Connection refused"):
            issue(journal, "r")
        waited = time.monotonic() - before
        assert 2.5 < waited < 10
        before = time.monotonic()
        with pytest.raises(JournalError):
            issue(journal, "r")
        assert time.monotonic() - before < 2.9
        up.start_again()
        issued += [issue(journal, "r"), issue(journal, "last")]
    assert [one.sequence for one in issued] == [0, 1, 2]
    assert sorted(check(url, folder, issued)) == ["first", "last", "r"]


def test_a_server_that_hangs(through, url, proxy, folder):
    """It takes what is said, and never answers."""
    with Journal(through, ISSUER, KEY, wait_s=1) as journal:
        issued = [issue(journal, "first")]
        proxy.hangs = True
        before = time.monotonic()
        with pytest.raises(JournalError, match=r"the server does not answer|connection timeout expired"):  # fmt: skip
            issue(journal, "r")
        assert time.monotonic() - before < 10
        proxy.hangs = False
        issued.append(issue(journal, "r"))
    assert sorted(check(url, folder, issued)) == ["first", "r"]


def test_a_row_that_stays_locked(server, database, url, folder):
    """The server says no a little before the journal would not know."""
    with Journal(url, ISSUER, KEY, wait_s=1) as journal, psycopg.connect(url) as db:
        issued = [issue(journal, "first")]
        db.execute("INSERT INTO receipts VALUES ('acme', 'x', 0, 'rr', 1, 'd', 'd')")
        with pytest.raises(JournalError) as caught:
            issue(journal, "r")
        db.rollback()
        assert str(caught.value).startswith(f"{url}: canceling statement due to statement timeout")
        issued.append(issue(journal, "r"))
    assert sorted(check(url, folder, issued)) == ["first", "r"]


def test_a_full_disk_of_the_server(server, database, url, folder):
    """Nothing of the group is written, and all of it when there is room."""
    with Journal(url, ISSUER, KEY) as journal:
        issued = [issue(journal, "first")]
        server.sql(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NEW.request = 'rb' THEN RAISE 'could not extend file' USING ERRCODE = '53100'; END IF; RETURN NEW; END $$;"
            "CREATE TRIGGER full_disk BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION full_disk()",
            database,
        )
        asked = ask_at_once(journal, "a", "b", "c")
        errors = [future.exception(10) for future in asked]
        assert [str(error).splitlines()[0] for error in errors] == [
            f"{url}: could not extend file; CONTEXT:  PL/pgSQL function full_disk() line 1 at RAISE"
        ] * 3
        assert len(check(url, folder, issued)) == 1
        server.sql("DROP TRIGGER full_disk ON receipts", database)
        issued += [issue(journal, name) for name in "abc"]
    assert [one.sequence for one in issued] == [0, 1, 2, 3]
    assert sorted(check(url, folder, issued)) == ["a", "b", "c", "first"]


# Another server, or an old copy of it.


def end_sessions(server, database):
    server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608  # fmt: skip


def test_a_server_that_has_lost_what_was_handed_out(server, database, url):
    """As after a failover to a machine that was behind. To go on there would give places a second time."""
    with Journal(url, ISSUER, KEY) as journal:
        issued = [issue(journal, f"r{n}") for n in range(3)]
        server.sql("DELETE FROM receipts WHERE sequence > 0", database)
        end_sessions(server, database)
        for _ in range(2):
            with pytest.raises(JournalError) as caught:
                issue(journal, "r3")
            assert str(caught.value) == (
                f"{url} has lost receipts that were handed out: expected sequence 2 of stream {issued[0].stream!r} of acme,"
                " found 0 as the last one: it is an old copy, so nothing more is signed here"
            )
        server.sql("DELETE FROM receipts", database)
        with pytest.raises(JournalError, match="found none: it is an old copy"):
            issue(journal, "r3")
    assert server.sql("SELECT count(*) FROM receipts", database) == [(0,)]


def test_another_one_in_the_last_place(server, database, url):
    with Journal(url, ISSUER, KEY) as journal:
        issue(journal, "r")
        server.sql("UPDATE receipts SET digest = 'other'", database)
        end_sessions(server, database)
        with pytest.raises(JournalError, match="found 0 as the last one: it is an old copy"):
            issue(journal, "s")


def test_another_journal_at_the_same_place(server, database, url):
    with Journal(url, ISSUER, KEY) as journal:
        issue(journal, "r")
        ((name,),) = server.sql("SELECT id FROM journal", database)
        server.sql("UPDATE journal SET id = 'other'", database)
        end_sessions(server, database)
        with pytest.raises(JournalError) as caught:
            issue(journal, "s")
        assert str(caught.value) == f"{url} is journal other now, and was {name}"
    assert server.sql("SELECT count(*) FROM receipts", database) == [(1,)]


def test_a_server_that_became_one_for_reading(server, database, url, folder, caplog):
    """The connection is to a machine that was the first one once: the first one is looked for."""
    with Journal(url, ISSUER, KEY, wait_s=20) as journal:
        issued = [issue(journal, "a")]
        journal._store._session.run(lambda db: db.execute("SET default_transaction_read_only = on"))
        issued.append(issue(journal, "b"))
    assert "cannot execute INSERT in a read-only transaction" in caplog.text
    assert sorted(check(url, folder, issued)) == ["a", "b"]


def test_the_second_host_of_a_url(server, database, url, proxy, folder):
    """A failover: the first host is away, and the URL names another one."""
    both = url.replace("127.0.0.1:", f"127.0.0.1:{proxy.port},127.0.0.1:")
    with Journal(both, ISSUER, KEY) as journal:
        issued = [issue(journal, "a")]
        proxy.away = True
        proxy.drop()
        issued.append(issue(journal, "b"))
    assert sorted(check(url, folder, issued)) == ["a", "b"]


@pytest.fixture
def pair():
    """A server, and one that follows it."""
    where = programs()
    if where is None:
        skip_or_fail()
    first = Server(where)
    second = first.standby()
    yield first, second
    for one in (first, second):
        one.remove()


def test_a_failover(pair, folder):
    """The first machine dies under load, its standby takes over: what was handed out is there, once, and the pods go on by themselves."""
    first, second = pair
    database = first.new_database()
    url = first.url(database).replace("127.0.0.1:", f"127.0.0.1:{first.port},127.0.0.1:", 1)
    url = url.replace(f":{first.port}/", f":{second.port}/")
    pods = [Journal(url, ISSUER, KEY, wait_s=60) for _ in range(2)]
    with Load(*pods) as load:
        load.goes_on()
        first.kill()
        second.promote()
        load.goes_on()
    for pod in pods:
        pod.close()
    assert load.errors == []
    assert len(check(second.url(database), folder, load.issued)) == len(load.issued)


# Processes.


def test_a_child_that_was_forked_leaves_the_connection_alone(url, folder, caplog):
    caplog.set_level(logging.WARNING)
    with Journal(url, ISSUER, KEY) as journal:
        issued = [issue(journal, "a")]
        child = os.fork()
        if not child:
            code = 1
            try:
                journal._store.known({(ACCOUNT, "a")})
            except JournalError as error:
                code = 0 if "open it after the fork" in str(error) else 2
            journal.close()
            journal._store.close()
            os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        issued.append(issue(journal, "b"))
    assert caplog.text == ""
    assert sorted(check(url, folder, issued)) == ["a", "b"]


def test_orders_behind_a_server_that_is_away_fail_too(through, proxy):
    with Journal(through, ISSUER, KEY, wait_s=1) as journal:
        issue(journal, "first")
        proxy.away = True
        proxy.drop()
        before = time.monotonic()
        asked = [
            journal.submit(ACCOUNT, request=f"r{n}", model="m", counts=COUNTS) for n in range(600)
        ]
        kinds = Counter(type(future.exception(60)) for future in asked)
        assert time.monotonic() - before < 15
        assert set(kinds.values()) == {600}
        assert all(isinstance(future.exception(), JournalError) for future in asked)


@pytest.mark.slow
def test_a_hanging_machine(up, url, folder):
    """Every process of the server is stopped for a while (SIGSTOP), under load."""
    with Journal(url, ISSUER, KEY, wait_s=1) as journal, Load(journal) as load:
        load.goes_on()
        up.signal_all(signal.SIGSTOP)
        time.sleep(4)
        up.signal_all(signal.SIGCONT)
        load.goes_on()
    assert load.errors
    requests = check(url, folder, load.issued)
    assert len(load.issued) <= len(requests) <= len(load.issued) + len(load.errors)

"""Closing a period by a call: what belongs to it, what is written in which order, and when the statement is remembered."""

import contextlib
import dataclasses
import os
import sqlite3
import threading
from io import BytesIO

import pytest

from receipts import (
    LATE,
    BatchError,
    Billed,
    Charge,
    ChargeLine,
    ClosedError,
    Closing,
    Counts,
    Head,
    Issuer,
    Journal,
    JournalError,
    ReceiptError,
    close_batch,
    close_journal,
)
from receipts.closing import Journals, OldJournalError, objects
from receipts.closing.objects import KeptReceipt, KeptStatement, kept_objects
from receipts.journal import open_store
from tests.build import ACCOUNT, DECEMBER, ISSUER, KEY, NOON, NOVEMBER, OCTOBER, STRANGER

COUNTS = Counts(3000, 2000, {300: 600}, 500, 120)
IN_NOVEMBER = Closing(ISSUER, KEY, *NOVEMBER)
IN_DECEMBER = Closing(ISSUER, KEY, *DECEMBER)
LATE_NOVEMBER = Closing(ISSUER, KEY, *NOVEMBER, LATE)


def receipts(count=3, time=NOON, *, issuer=ISSUER, key=KEY, account=ACCOUNT, heads=None, name="r"):
    """Receipts of the stream s, one after the other."""
    on = Issuer(issuer, key, stream="s", heads=heads)
    return [
        on.issue(account, request=f"{name}{n}", model="m", time=time + n, counts=COUNTS)
        for n in range(count)
    ]


def after(issued):
    """The head of the stream after a receipt."""
    return {(issued.account, "s"): Head(issued.sequence, issued.digest, issued.time)}


def data(signed):
    return b"".join(one.data for one in signed)


def close(batch, closing=IN_NOVEMBER, **more):
    """What was closed, and the closed batch."""
    out = BytesIO()
    more["previous"] = [BytesIO(one) for one in more.get("previous", ())]
    return close_batch(BytesIO(batch), out, closing, **more), out.getvalue()


def kinds(batch):
    return "".join(
        "s" if isinstance(o, KeptStatement) else "r" for o in kept_objects(BytesIO(batch))
    )


def last(batch):
    return [one for one in kept_objects(BytesIO(batch)) if isinstance(one, KeptStatement)][-1]


def test_a_batch():
    issued = receipts()
    (closed,), batch = close(data(issued))
    statement = last(batch)
    assert batch == data(issued) + statement.data
    assert (closed.account, closed.number, closed.start, closed.end, closed.receipts) == (
        ACCOUNT, 0, *NOVEMBER, 3,
    )  # fmt: skip
    assert closed.digest == statement.digest
    assert [(s.name, s.first, s.count) for s in statement.streams] == [("s", 0, 3)]


def test_what_is_read_back_is_what_was_issued():
    charge = Charge("USD", bytes(32), [ChargeLine(0, 400, 3), ChargeLine(1, 2000, 1), ChargeLine(2, 600, 4, 300), ChargeLine(3, 500, 15)])  # fmt: skip
    one = Issuer(ISSUER, KEY, stream="s").issue(
        ACCOUNT, request="r", model="m", time=NOON, counts=COUNTS, charge=charge
    )
    two = Issuer(ISSUER, KEY, stream="t").issue(
        ACCOUNT, request="q", model="m", time=NOON, counts=Counts(5)
    )
    amount = 400 * 3 + 2000 + 600 * 4 + 500 * 15
    assert list(kept_objects(BytesIO(one.data + two.data))) == [
        KeptReceipt(
            one.data, one.digest, ISSUER, ACCOUNT, "s", 0, NOON, Billed(COUNTS, "USD", amount)
        ),
        KeptReceipt(two.data, two.digest, ISSUER, ACCOUNT, "t", 0, NOON, Billed(Counts(5))),
    ]


@pytest.mark.parametrize("chunk", [1, 7, 500, 501])
def test_however_a_batch_is_read(monkeypatch, chunk):
    _, batch = close(data(receipts(20)))
    whole = list(kept_objects(BytesIO(batch)))
    monkeypatch.setattr(objects, "_CHUNK", chunk)
    assert list(kept_objects(BytesIO(batch))) == whole
    assert b"".join(one.data for one in whole) == batch


def test_receipts_of_a_later_time_wait_behind_the_statement():
    november = receipts(2)
    december = receipts(2, DECEMBER[0], heads=after(november[-1]), name="d")
    _, batch = close(data([*december[:1], *november, *december[1:]]))
    assert kinds(batch) == "rrsrr"
    (closed,), batch = close(batch, IN_DECEMBER)
    assert kinds(batch) == "rrsrrs"
    assert (closed.number, closed.receipts) == (1, 2)
    assert [(s.name, s.first, s.count) for s in last(batch).streams] == [("s", 2, 2)]


def test_the_statement_before_is_that_of_another_batch():
    november = receipts(2)
    _, first = close(data(november))
    december = receipts(1, DECEMBER[0], heads=after(november[-1]), name="d")
    (closed,), second = close(data(december), IN_DECEMBER, previous=[first])
    assert (closed.number, kinds(second)) == (1, "rs")
    with pytest.raises(
        ReceiptError, match="sequence of the first receipt of stream 's': expected 0"
    ):
        close(data(december), IN_DECEMBER)
    with pytest.raises(ReceiptError, match="start: expected the end of the last period"):
        close(data(december), Closing(ISSUER, KEY, DECEMBER[0] + 1, DECEMBER[1]), previous=[first])


def test_what_is_closed_already():
    """All of the period lies in closed time: the error has the statement that closes its beginning."""
    _, first = close(data(receipts(2)))
    inside = Closing(ISSUER, KEY, NOVEMBER[1] - 1000, NOVEMBER[1])
    with pytest.raises(ClosedError) as error:
        close(first, inside)
    assert (error.value.account, error.value.number, error.value.period) == (ACCOUNT, 0, NOVEMBER)
    assert str(error.value) == f"start: expected a time that no statement of {ACCOUNT} closes, found {NOVEMBER[1] - 1000}"  # fmt: skip


def test_late_receipts():
    november = receipts(2)
    _, first = close(data(november))
    late = receipts(1, NOON + 9, heads=after(november[-1]), name="late")
    with pytest.raises(ReceiptError, match="start: "):
        close(data(late), previous=[first])
    (closed,), second = close(data(late), LATE_NOVEMBER, previous=[first])
    assert (closed.number, last(second).kind) == (1, LATE)
    (closed,), _ = close(b"", IN_DECEMBER, account=ACCOUNT, previous=[first, second])
    assert (closed.number, closed.receipts) == (2, 0)


def test_an_idle_account_is_closed_only_if_it_is_named():
    with pytest.raises(ReceiptError) as error:
        close(b"")
    assert error.value.field == "account"
    with pytest.raises(
        ReceiptError, match="account: expected one with a receipt or a statement, found idle"
    ):
        close(b"", account="idle")
    (closed,), batch = close(b"", Closing(ISSUER, KEY, *NOVEMBER, empty=True), account="idle")
    assert (closed.account, closed.receipts, kinds(batch)) == ("idle", 0, "s")
    _, first = close(data(receipts()))
    (closed,), _ = close(
        data(receipts(account="b", time=DECEMBER[0])), IN_DECEMBER, previous=[first]
    )
    assert closed.account == "b"  # acme is in the batch before, and not in this one


def test_every_account_in_the_batch_or_the_named_one():
    batch = data([*receipts(2, account="b"), *receipts(1, account="a")])
    closed, both = close(batch)
    assert ([(c.account, c.receipts) for c in closed], kinds(both)) == (
        [("a", 1), ("b", 2)],
        "rrrss",
    )
    closed, one = close(batch, account="b")
    assert ([(c.account, c.receipts) for c in closed], kinds(one)) == ([("b", 2)], "rrrs")


def test_what_others_have_in_the_batch_stays_as_it_is():
    others = receipts(2, issuer="https://other.example", key=STRANGER)
    (closed,), batch = close(data([*others, *receipts(1)]))
    assert (closed.receipts, kinds(batch)) == (1, "rrrs")
    assert batch.startswith(data(others))


def test_nothing_is_written_before_everything_is_signed():
    first, second, third = receipts()
    for wrong, field in (
        ([first, third], "sequence"),
        ([*receipts(1, OCTOBER[0])], "time"),
        ([second], "sequence of the first receipt of stream 's'"),
    ):
        out = BytesIO()
        with pytest.raises(ReceiptError) as error:
            close_batch(BytesIO(data(wrong)), out, IN_NOVEMBER)
        assert (error.value.field, out.getvalue()) == (field, b"")
    on, large = Issuer(ISSUER, KEY, stream="s"), Counts(2**63)
    two = [on.issue("c", request=f"{n}", model="m", time=NOON, counts=large) for n in range(2)]
    out, batch = BytesIO(), data([*receipts(account="b"), *two])  # b could be signed
    with pytest.raises(ReceiptError, match="total: "):
        close_batch(BytesIO(batch), out, IN_NOVEMBER)
    assert out.getvalue() == b""


def test_the_check_sees_what_is_closed_and_can_stop_it():
    """The same bytes, although the batch can be read only once."""
    batch, seen = data(receipts()), []

    def check(path):
        with open(path, "rb") as file:
            seen.append(file.read())

    reading, writing = os.pipe()
    writer = threading.Thread(target=lambda: (os.write(writing, batch), os.close(writing)))
    writer.start()
    out = BytesIO()
    with os.fdopen(reading, "rb") as pipe:
        close_batch(pipe, out, IN_NOVEMBER, check=check)
    writer.join()
    assert seen == [batch]
    assert kinds(out.getvalue()) == "rrrs"

    def refuse(path):
        raise RuntimeError("no")

    out = BytesIO()
    with pytest.raises(RuntimeError):
        close_batch(BytesIO(batch), out, IN_NOVEMBER, check=refuse)
    assert out.getvalue() == b""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b[:-1], "batch( before)?, item 2, byte [0-9]+: it ends in the middle"),
        (lambda b: b + b"\xff", "from item [0-9]+, byte [0-9]+ on: not CBOR"),
        (lambda b: b"\x01" + b, "item 0, byte 0: neither a receipt nor a statement"),
        (lambda b: b + b"\x82\x41\x00\xd2\x84\x40\xa0\xf6\x40", "item 3, byte [0-9]+: neither"),
        (lambda b: b'{"json": 1}' + b, "item 0, byte 0"),
    ],
)
def test_a_batch_that_cannot_be_read(change, message):
    for batch, previous in ((change(data(receipts())), []), (b"", [change(data(receipts()))])):
        with pytest.raises(BatchError, match=message):
            close(batch, account=ACCOUNT, previous=previous)


# Journals.


@pytest.fixture
def path(location):
    """A journal with three receipts of November and one of December."""
    with Journal(location, ISSUER, KEY) as journal:
        for n, time in enumerate([NOON, NOON + 1, NOON + 2, DECEMBER[0]]):
            ask(journal, f"r{n}", time)
    return location


def ask(journal, request, time, stream="s"):
    return journal.issue(
        ACCOUNT, request=request, model="m", counts=COUNTS, time=time, stream=stream
    )


def close_again(path, closing=IN_NOVEMBER, **more):
    out = BytesIO()
    return close_journal(path, out, closing, ACCOUNT, **more), out.getvalue()


def statements(path):
    store = open_store(path, ISSUER, create=False)
    try:
        return store.statements(ACCOUNT)
    finally:
        store.close()


def test_a_journal(path):
    closed, november = close_again(path)
    assert (closed.number, closed.receipts, kinds(november)) == (0, 3, "rrrs")
    assert [last(november).data] == statements(path)
    assert close_again(path) == (closed, november)  # the same bytes once more
    closed, december = close_again(path, IN_DECEMBER)
    assert (closed.number, closed.receipts, kinds(december)) == (1, 1, "rs")
    assert close_again(path)[1] == november


def test_late_receipts_of_a_journal(path):
    with pytest.raises(ReceiptError, match="kind: expected a regular statement first"):
        close_again(path, LATE_NOVEMBER)
    close_again(path)
    with Journal(path, ISSUER, KEY) as journal:
        ask(journal, "late", NOON, stream="t")
    one, batch = close_again(path, LATE_NOVEMBER)
    assert (one.number, one.receipts, kinds(batch)) == (1, 1, "rs")
    assert close_again(path, LATE_NOVEMBER) == (one, batch)
    with Journal(path, ISSUER, KEY) as journal:
        ask(journal, "later still", NOON, stream="t")
    two, _ = close_again(path, LATE_NOVEMBER)
    assert (two.number, two.receipts) == (2, 1)


def test_the_statement_is_in_the_journal_before_the_first_byte_is_out(path):
    """Whatever the output is: what somebody may hold is never forgotten."""

    class Out:
        def write(self, _some):
            held.append(statements(path))
            raise BrokenPipeError

        writelines = write

    held = []
    with pytest.raises(BrokenPipeError):
        close_journal(path, Out(), IN_NOVEMBER, ACCOUNT)
    assert held == [statements(path)]
    assert len(held[0]) == 1
    closed, batch = close_again(path)
    assert (closed.number, last(batch).data) == (0, held[0][0])


def test_two_that_close_at_once_write_the_same_statement(path):
    """The other one comes first, after this one has looked; there is no second story."""
    other = []

    def meanwhile(_path):
        if not other:
            other.append(close_again(path))

    assert close_again(path, check=meanwhile) == other[0]
    assert len(statements(path)) == 1


def test_another_period_that_is_closed_meanwhile(path):
    def meanwhile(_path):
        if not statements(path):
            close_again(path)

    with pytest.raises(ReceiptError, match="start: expected the end of the last period"):
        close_again(path, Closing(ISSUER, KEY, *OCTOBER), check=meanwhile)
    assert len(statements(path)) == 1


def test_receipts_that_are_issued_meanwhile_wait(path):
    def meanwhile(_path):
        with Journal(path, ISSUER, KEY) as journal:
            ask(journal, "meanwhile", NOON + 5, stream="t")

    closed, batch = close_again(path, check=meanwhile)
    assert (closed.receipts, kinds(batch)) == (3, "rrrs")
    closed, _ = close_again(path, LATE_NOVEMBER)
    assert closed.receipts == 1


def test_a_check_of_a_journal_can_stop_it(path):
    seen = []

    def refuse(spool):
        with open(spool, "rb") as file:
            seen.append(kinds(file.read()))
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        close_again(path, check=refuse)
    assert (seen, statements(path)) == (["rrr"], [])


def test_journals_that_cannot_be_closed(path, folder):
    with pytest.raises(JournalError, match=r"none\.db is not there"):
        close_again("none.db")
    assert not (folder / "none.db").exists()
    with pytest.raises(JournalError, match="is the journal of"):
        close_again(path, Closing("https://other.example", KEY, *NOVEMBER))
    store = open_store(path, ISSUER)
    for number, wrong in enumerate([b"\x01", store.find(ACCOUNT, "r0")]):
        store.add_statement(ACCOUNT, number, wrong)
        with pytest.raises(JournalError, match="statement"):
            close_again(path)
    store.close()


def test_a_number_is_given_once(path):
    store = open_store(path, ISSUER)
    assert store.add_statement(ACCOUNT, 0, b"one") is True
    assert store.add_statement(ACCOUNT, 0, b"two") is False
    assert store.add_statement(ACCOUNT, 0, b"one") is True  # it is kept
    assert store.statements(ACCOUNT) == [b"one"]
    store.close()


# Many accounts.


@pytest.fixture
def many(folder):
    """A journal with two receipts each for three accounts."""
    with Journal("many.db", ISSUER, KEY) as journal:
        for account in "abc":
            for n in range(2):
                journal.issue(account, request=f"{n}", model="m", counts=COUNTS, time=NOON + n)
    with Journals(["many.db"], ISSUER) as journals:
        yield journals


def kept(account):
    with contextlib.closing(open_store("many.db", ISSUER)) as store:
        return len(store.statements(account))


def test_accounts_that_are_settled_together(many):
    """All are claimed before one is kept, and all are noted before one can be written."""
    events = []

    @contextlib.contextmanager
    def together():
        yield
        events.append("durable")

    closing = dataclasses.replace(
        IN_NOVEMBER,
        claim=lambda account, number, _: events.append(("claim", account, number, kept(account))),
        standing=lambda account, read, told: events.append((account, len(read()), told)),
        together=together,
    )
    assert many.accounts() == ["a", "b", "c"]
    prepared = [many.prepare(account, closing) for account in many.accounts()]
    assert events == [(account, 0, False) for account in "abc"]
    assert [kept(account) for account in "abc"] == [0, 0, 0]
    events.clear()
    settled = many.settle(prepared)
    assert events == [
        *[("claim", account, 0, 0) for account in "abc"], "durable",
        *[(account, 1, True) for account in "abc"], "durable",
    ]  # fmt: skip
    for account, one in zip("abc", settled, strict=True):
        out = BytesIO()
        closed = many.write(one.statements[0], out, one.left)
        assert (closed.account, closed.number, closed.receipts, closed.left) == (account, 0, 2, 0)
        alone = BytesIO()
        assert close_journal("many.db", alone, IN_NOVEMBER, account) == closed
        assert alone.getvalue() == out.getvalue()


def test_one_of_them_is_closed_by_somebody_else_meanwhile(many):
    """Another one's statement of that number is the one; and what came in since is left for later."""
    prepared = [many.prepare(account, IN_NOVEMBER) for account in "abc"]
    with Journal("many.db", ISSUER, KEY) as journal:
        journal.issue("b", request="later", model="m", counts=COUNTS, time=NOON + 7)
    out = BytesIO()
    other = close_journal("many.db", out, IN_NOVEMBER, "b")
    assert (other.number, other.receipts) == (0, 3)
    settled = many.settle(prepared)
    assert [one.statements[0].receipts for one in settled] == [2, 3, 2]
    assert settled[1].statements[0].digest == other.digest
    assert [kept(account) for account in "abc"] == [1, 1, 1]


def test_nothing_is_signed_where_nothing_is_due(many):
    """An account that began later has no month before; where nothing came late, there is no late statement."""
    (settled,) = many.settle([many.prepare("a", Closing(ISSUER, KEY, *OCTOBER), if_due=True)])
    assert (settled.statements, kept("a")) == ((), 0)
    many.settle([many.prepare("a", IN_NOVEMBER, if_due=True)])
    (settled,) = many.settle([many.prepare("a", LATE_NOVEMBER, if_due=True)])
    assert (settled.statements, kept("a")) == ((), 1)


def test_a_journal_that_lost_what_it_had(many):
    """A receipt in the middle is gone: no batch is written without it."""
    (settled,) = many.settle([many.prepare("a", IN_NOVEMBER)])
    with contextlib.closing(sqlite3.connect("many.db")) as db, db:
        db.execute("DELETE FROM receipts WHERE account = 'a' AND sequence = 0")
    with pytest.raises(OldJournalError, match=r"statement 0 of a closes 2 receipts of stream '.*', and in many\.db there are 1"):  # fmt: skip
        many.write(settled.statements[0], BytesIO())

"""Orders of a journal: who waits is told once and rightly, groups are bounded, and a statement with many rows is as careful as one row."""

import asyncio
import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest

from receipts import (
    Counts,
    DuplicateRequestError,
    Head,
    Issuer,
    Journal,
    JournalError,
    ReceiptError,
)
from receipts.encoded_claims import encoded_claims
from receipts.journal import open_store
from receipts.journal import orders as orders_module
from receipts.journal.orders import Order, Orders, WaitingThread
from tests.build import ACCOUNT, ISSUER, KEY, NOON

COUNTS = Counts(3000, 2000, {300: 600}, 500, 120)
CLAIMS = encoded_claims({"request": "r", "model": "m", "counts": COUNTS})


@pytest.fixture
def path(folder):
    return str(folder / "issuer.db")


@contextmanager
def held(path):
    """The file is held by another writer, so that what is asked for meanwhile comes into one group, or two."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def submitted(journal, request, account=ACCOUNT, **more):
    return journal.submit(account, request=request, model="m", counts=COUNTS, **more)


def by_future(journal, **order):
    return journal.submit(ACCOUNT, **order).result(timeout=10)


def by_thread(journal, **order):
    return journal.issue(ACCOUNT, **order)


def by_task(journal, **order):
    return asyncio.run(journal.issue_async(ACCOUNT, **order))


WAYS = [by_future, by_thread, by_task]


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_ask_says_the_same(path, way, monkeypatch):
    with Journal(path, ISSUER, KEY) as journal:
        order = {"request": "r", "model": "m", "counts": COUNTS}
        assert way(journal, **order).sequence == 0
        with pytest.raises(DuplicateRequestError, match="found r"):
            way(journal, **order)
        with pytest.raises(ReceiptError) as refused:
            way(journal, **order | {"model": ""})
        assert refused.value.field == "model"
        with pytest.raises(ReceiptError) as early:
            way(journal, **order | {"request": "s", "time": 0})
        assert early.value.field == "time"

        def fails(_receipts):
            raise JournalError("no room")

        with monkeypatch.context() as patch:
            patch.setattr(journal._store, "add", fails)
            with pytest.raises(JournalError, match="no room"):
                way(journal, **order | {"request": "s"})
        assert way(journal, **order | {"request": "s"}).sequence == 1
    with pytest.raises(JournalError, match="the journal is closed"):
        way(journal, **order)


def test_a_loop_is_woken_once_for_a_group(path, monkeypatch):
    async def main(journal):
        loop, woken = asyncio.get_running_loop(), []
        call = loop.call_soon_threadsafe
        with monkeypatch.context() as patch:
            patch.setattr(loop, "call_soon_threadsafe", lambda *a: (woken.append(1), call(*a)))
            with held(path):
                tasks = [
                    asyncio.create_task(
                        journal.issue_async(ACCOUNT, request=f"r{n}", model="m", counts=COUNTS)
                    )
                    for n in range(100)
                ]
                await asyncio.sleep(0.05)
            issued = await asyncio.gather(*tasks)
        return issued, len(woken)

    with Journal(path, ISSUER, KEY) as journal:
        issued, woken = asyncio.run(main(journal))
    assert [one.sequence for one in issued] == list(range(100))
    assert woken <= 2  # the writer may have taken the first one before the others were there


def test_tasks_of_two_loops_and_a_thread_share_a_group(path):
    with Journal(path, ISSUER, KEY) as journal:
        sequences = []

        def run(way, request):
            sequences.append(way(journal, request=request, model="m", counts=COUNTS).sequence)

        with held(path):
            threads = [
                threading.Thread(target=run, args=(way, f"{way.__name__}-{n}"))
                for way in WAYS
                for n in range(2)
            ]
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join(timeout=20)
    assert sorted(sequences) == list(range(6))


def test_a_cancelled_task_keeps_nothing_from_the_others_of_its_loop(path):
    async def main(journal):
        with held(path):
            one, other = (
                asyncio.create_task(
                    journal.issue_async(ACCOUNT, request=request, model="m", counts=COUNTS)
                )
                for request in "ab"
            )
            await asyncio.sleep(0)
            one.cancel()
            await asyncio.gather(one, return_exceptions=True)
        return await asyncio.wait_for(other, timeout=10)

    with Journal(path, ISSUER, KEY) as journal:
        submitted(journal, "before").result(timeout=10)
        assert asyncio.run(main(journal)).sequence == 2


def test_a_loop_that_is_closed_stops_nobody(path):
    """Its receipt is issued, and others are told of theirs."""
    with Journal(path, ISSUER, KEY) as journal:
        with held(path):
            loop = asyncio.new_event_loop()
            task = loop.create_task(
                journal.issue_async(ACCOUNT, request="r", model="m", counts=COUNTS)
            )
            loop.run_until_complete(asyncio.sleep(0))
            task.cancel()
            other = submitted(journal, "s")
            loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
            loop.close()
        assert other.result(timeout=10).sequence == 1
        assert by_thread(journal, request="t", model="m", counts=COUNTS).sequence == 2
        assert journal._store.known({(ACCOUNT, "r")}) == {(ACCOUNT, "r")}


def test_what_there_is_already_is_known_in_groups_of_any_size(path):
    """More rows than a statement has: before, in the group itself, and of another account."""
    with Journal(path, ISSUER, KEY) as journal:
        for future in [submitted(journal, f"r{n}") for n in range(0, 300, 7)]:
            future.result(timeout=10)
        with held(path):
            futures = [submitted(journal, f"r{n}") for n in range(300)]
            again = [submitted(journal, f"r{n}") for n in range(1, 300, 50)]
            others = [submitted(journal, f"r{n}", "other") for n in range(70)]
        errors = [future.exception(timeout=10) for future in futures]
        assert [error is not None for error in errors] == [n % 7 == 0 for n in range(300)]
        assert {type(error) for error in errors} == {type(None), DuplicateRequestError}
        assert all(isinstance(f.exception(timeout=10), DuplicateRequestError) for f in again)
        assert [future.result(timeout=10).sequence for future in others] == list(range(70))
        issued = [future.result() for future in futures if future.exception() is None]
        assert [one.sequence for one in issued] == list(range(43, 300))


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 65, 128, 129, 256])
def test_the_rows_of_a_group_are_all_there_or_none(path, rows):
    issuer = Issuer(ISSUER, KEY, stream="s")

    def receipt(n):
        return issuer.issue(ACCOUNT, request=f"r{n}", model="m", time=NOON, counts=COUNTS)

    store = open_store(path, ISSUER)
    group = [(f"r{n}", receipt(n)) for n in range(rows)]
    with store.transaction():
        store.add(group)
    keys = [(ACCOUNT, f"r{n}") for n in range(rows)]
    assert store.known(keys) == set(keys)
    assert store.known([(ACCOUNT, "none"), (ACCOUNT, b"r0"), ("other", "r0"), *keys]) == set(keys)
    assert store.known([]) == set()
    twice = [(f"s{n}", receipt(rows + n)) for n in range(rows)] + [("r0", receipt(2 * rows))]
    with pytest.raises(JournalError, match=r"UNIQUE constraint failed: receipts.account, receipts.request"), store.transaction():  # fmt: skip
        store.add(twice)
    assert store.known([(ACCOUNT, f"s{n}") for n in range(rows)]) == set()
    assert store.heads([(ACCOUNT, "s")])[ACCOUNT, "s"].sequence == rows - 1
    store.close()


def test_keys_of_corrections_are_bytes(path):
    store = open_store(path, ISSUER)
    issued = Issuer(ISSUER, KEY, stream="s").issue(ACCOUNT, request="r", model="m", time=NOON, counts=COUNTS)  # fmt: skip
    with store.transaction():
        store.add([(b"\x01" * 32, issued)])
    assert store.known([(ACCOUNT, b"\x01" * 32), (ACCOUNT, "\x01" * 32)]) == {(ACCOUNT, b"\x01" * 32)}  # fmt: skip
    store.close()


def order(name="r"):
    return Order(ACCOUNT, name, None, None, None, CLAIMS, WaitingThread())


def test_groups_have_an_end():
    orders = Orders()
    for _ in range(300):
        orders.put(order())
    orders.end()
    assert [len(orders.group()) for _ in range(4)] == [256, 44, 0, 0]


def test_a_lone_order_does_not_wait_and_a_crowd_is_let_in(monkeypatch):
    orders, slept, late = Orders(), [], []

    def others_run(seconds):
        slept.append(seconds)
        if late:
            orders.put(late.pop())

    monkeypatch.setattr(orders_module, "sleep", others_run)
    for _ in range(3):
        orders.put(order())
        assert (len(orders.group()), slept) == (1, [])
    for _ in range(4):
        orders.put(order())
    assert (len(orders.group()), slept) == (4, [])
    late += [order(), order()]
    orders.put(order())
    assert (len(orders.group()), slept) == (3, [0, 0, 0])  # and nobody came
    orders.put(order())
    assert (len(orders.group()), slept) == (1, [0, 0, 0, 0])
    orders.put(order())
    assert (len(orders.group()), slept) == (1, [0, 0, 0, 0])


def test_an_issuer_goes_on_where_it_is_told():
    issuer = Issuer(ISSUER, KEY, stream="s")
    request = {"request": "r", "model": "m", "time": NOON, "counts": COUNTS}
    assert [issuer.issue(ACCOUNT, **request).sequence for _ in range(2)] == [0, 1]
    issuer.go_on({(ACCOUNT, "s"): Head(6, bytes(32), NOON)})
    assert issuer.issue(ACCOUNT, **request).sequence == 7
    issuer.go_on({})
    assert issuer.issue(ACCOUNT, **request).sequence == 0

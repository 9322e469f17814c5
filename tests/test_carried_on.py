"""What decides on a receipt in an event loop: it begins at once, and goes on although nobody waits for it any more."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from receipts import Journal
from receipts.callers import Asked
from receipts.emitting import Answer, Emitter, Exchange, endpoint
from receipts.emitting.waiting import InLoop, carried_on
from tests.build import ACCOUNT, ISSUER, KEY
from tests.journals import COUNTS, issue
from tests.test_in_band import receipts_in

REQUEST = ContextVar("request", default="none")
ANSWER = {"id": "chatcmpl-1", "model": "m", "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}}  # fmt: skip


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


async def until(is_so):
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("taken", [False, True], ids=["its id", "its id has another receipt"])
def test_a_cancelled_request_gets_the_receipt_that_it_would_have_got(journal, monkeypatch, taken):
    """Also if the journal is asked a second time after that, since the id was chosen by somebody."""
    if taken:
        issue(journal, "chatcmpl-1")
    go, write, emitter = threading.Event(), journal._commit, Emitter(journal, ACCOUNT)

    def held(group):
        go.wait(10)
        write(group)

    monkeypatch.setattr(journal, "_commit", held)
    faults = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _loop, fault: faults.append(fault))
        exchange = Exchange(emitter, Answer(endpoint("POST", "/v1/chat/completions")))
        assert await exchange.begin(Asked("/v1/chat/completions"))
        exchange.answer.add(ANSWER)
        task = asyncio.create_task(exchange.issue())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert emitter.counters["issued"] == 0
        go.set()
        await until(lambda: emitter.counters["issued"])

    asyncio.run(main())
    requests = [receipt.request for receipt in receipts_in(journal)]
    assert requests[0] == "chatcmpl-1"
    assert [name.startswith("req_") for name in requests[1:]] == [True] * taken
    assert emitter.counters["issued"] == 1
    assert faults == []


def test_it_begins_at_once():
    begun = []

    async def work():
        begun.append(1)
        return 7

    async def main():
        result = carried_on(work())
        assert begun == [1]
        return await result

    assert asyncio.run(main()) == 7


def test_all_of_it_is_in_the_context_of_the_request(journal):
    go, seen = threading.Event(), []

    def works():
        go.wait(10)
        return REQUEST.get()

    def fails():
        raise ValueError("ours failed")

    async def work():
        seen.append(await InLoop().done(works))
        with pytest.raises(ValueError, match="ours failed"):
            await InLoop().done(fails)
        told = {"request": "r", "model": "m", "counts": COUNTS}
        await InLoop().issued(journal, ACCOUNT, told, None)
        seen.append(REQUEST.get())

    async def request():
        REQUEST.set("a")
        await carried_on(work())

    async def main():
        task = asyncio.create_task(request())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()
        await until(lambda: len(seen) == 2)

    asyncio.run(main())
    assert seen == ["a", "a"]


def test_work_that_is_cancelled_does_not_keep_anybody_waiting():
    async def work():
        await InLoop().done(lambda: None)
        raise asyncio.CancelledError

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _fault: None)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(carried_on(work()), 10)

    asyncio.run(main())

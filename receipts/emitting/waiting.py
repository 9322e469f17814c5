"""Two ways to wait, so that what decides on a receipt is written once: in an event loop, and on the spot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from receipts.callers import Asked
from receipts.issuer import Issued
from receipts.journal import Journal
from receipts.request import Request

_LONG_BODY: Final = 16_384
"""Bytes of a request whose prefixes take longer than a millisecond or so."""
_AFTER_S: Final = 0.002
"""Until then a server mostly has asked whoever it asks; one that answers sooner is not kept waiting for what is done meanwhile."""
_Result = TypeVar("_Result")


class Wait(Protocol):
    """A way to wait."""

    async def issued(
        self, journal: Journal, account: str, told: Request, before: int | None
    ) -> Issued:
        """A receipt, once it is in the journal (`Journal.issue`)."""

    async def done(self, work: Callable[[], _Result]) -> _Result:
        """The result of work that takes long."""


class InLoop:
    """Without blocking the loop of asyncio: `carried_on` runs what awaits this."""

    async def issued(
        self, journal: Journal, account: str, told: Request, before: int | None
    ) -> Issued:
        """A receipt."""
        pause = _Pause[Issued]()
        journal.tell(account, pause, before=before, **told)
        return await pause

    async def done(self, work: Callable[[], _Result]) -> _Result:
        """In another thread."""
        pause = _Pause[asyncio.Future[_Result]]()
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, copy_context().run, work).add_done_callback(pause)
        return (await pause).result()


class _Pause(Generic[_Result]):
    """Where work waits until it is told a result, or an error."""

    go_on: Callable[[], None]

    def __call__(self, told: _Result | Exception) -> None:
        self._told = told
        self.go_on()

    def __await__(self) -> Generator[_Pause[_Result], None, _Result]:
        yield self
        if isinstance(self._told, Exception):
            raise self._told
        return self._told


def carried_on(work: Coroutine[_Pause[Any], None, _Result]) -> asyncio.Future[_Result]:
    """The result of what awaits `InLoop` only, and never raises. It begins at once, and goes on also if who waits for it is cancelled.

    So it is as a task that is shielded, which takes three more turns of the loop, each of them behind whatever else is to be done.
    """
    result: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
    context = copy_context()

    def go_on() -> None:
        try:
            pause = work.send(None)
        except StopIteration as done:
            if not result.done():  # who waited was cancelled
                result.set_result(done.value)
        except (
            asyncio.CancelledError,
            KeyboardInterrupt,
            SystemExit,
        ):  # the loop or the program ends
            result.cancel()
            raise
        else:
            pause.go_on = partial(context.run, go_on)

    go_on()
    return result


class OnTheSpot:
    """Blocking: `run_now` runs what awaits this."""

    async def issued(
        self, journal: Journal, account: str, told: Request, before: int | None
    ) -> Issued:
        """A receipt."""
        return journal.issue(account, before=before, **told)

    async def done(self, work: Callable[[], _Result]) -> _Result:
        """Here."""
        return work()


def run_now(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run what never waits for a loop, as it awaits `OnTheSpot`.

    Where it waits for one all the same (an account function that is async, and really waits), it gets a RuntimeError there.
    """
    try:
        work.send(None)
        work.throw(RuntimeError("an async function that waits, where there is no event loop: give a sync one, or use the async transport"))  # fmt: skip
    except StopIteration as done:
        result: _Result = done.value
        return result
    finally:
        work.close()
    raise RuntimeError("it waits again after it was told that it cannot")


def is_long(asked: Asked) -> bool:
    """Whether what is done with the body of a request would hold up other answers."""
    return len(asked.body) > _LONG_BODY


def while_it_waits(asked: Asked, work: Callable[[], None]) -> asyncio.TimerHandle:
    """Do something with a request a little later, unless that is cancelled. At once, it would keep the server from asking whoever it asks."""
    loop = asyncio.get_running_loop()

    def begin() -> None:
        if is_long(asked):
            with suppress(RuntimeError):  # the loop takes no more work for threads: it ends
                loop.run_in_executor(None, work)
        else:
            work()

    return loop.call_later(_AFTER_S, begin)


def is_in_loop() -> bool:
    """Whether a loop of asyncio runs here; another one, as trio's, cannot wait for the journal."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

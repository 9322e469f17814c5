"""`Store`: takes what clients' threads and tasks have to write, and writes it in a thread of its own, so that no client waits for a disk."""

from __future__ import annotations

import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from hmac import digest
from typing import Any, Final

from receipts.prefixes import MarkedPrefixes
from receipts.wallet.call import Call, Result
from receipts.wallet.file import WalletFile
from receipts.wallet.schema import WalletError

_log = logging.getLogger("receipts.wallet")
_PATIENCE_S: Final = 0.1
"""How long a client waits for its line to be written, which takes a fraction of a millisecond as a rule."""
_CREDENTIAL: Final = 16
_FAILURES: Final = (sqlite3.Error, OSError, WalletError)
_Job = Callable[[WalletFile], Any]


class Store:
    """Calls and receipts in a file. Calls from several threads are safe; open it after a fork.

    What cannot be written is counted in ``failed``, and never raised: the client goes on.

    Raises:
        WalletError: the file cannot be opened, or is no wallet.
    """

    def __init__(self, path: str) -> None:
        self.failed = 0
        """How many times something could not be written; the log says why, once a reason."""
        self._path = path
        self._file = WalletFile(path)
        self._jobs: queue.SimpleQueue[tuple[_Job, Future[Any]] | None] = queue.SimpleQueue()
        self._lock = threading.RLock()  # the garbage collector may close a stream at any point
        self._process = os.getpid()
        self._closed = False
        self._behind = False
        """Whether a client has waited in vain since the last line was written: then no other one waits."""
        self._reasons: set[str] = set()
        self._writer = threading.Thread(target=self._write, name="receipt-wallet", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Write what is to be written, then close the file."""
        with self._lock:
            if self._why_not():
                return
            self._closed = True
            self._jobs.put(None)
        self._writer.join()
        self._file.close()

    def credential(self, value: str) -> bytes:
        """16 bytes that are equal for equal values in this wallet, and tell nothing else of them."""
        return digest(self._file.secret, value.encode(), "sha256")[:_CREDENTIAL]

    def save(self, call: Call) -> None:
        """Add a call, or complete its line, and add the receipts that came since."""
        self._order(lambda file: file.save(call))

    def answer(self, call: Call) -> None:
        """`save` a call whose response has just named its id; one that is known already makes it a replay."""
        self._order(lambda file: file.answer(call))

    def add_prefixes(self, call: Call, compute: Callable[[], MarkedPrefixes | None]) -> None:
        """Note the prefixes that a call sent, which are computed where no client waits for it."""

        def job(file: WalletFile) -> None:
            sent = compute()
            if sent is not None and call.number is not None:
                file.add_prefixes(call.number, sent)

        if self._put(job) is None:
            self._fail("closed", self._why_not())

    def complete(self, result: Call) -> None:
        """Complete the pending call of a request id with its result, if there is one."""
        self._order(lambda file: file.complete(result))

    def add_file(self, host: str, batch: str, file: str) -> None:
        """Take note of the file that holds the results of a batch."""
        self._order(lambda wallet: wallet.add_file(host, batch, file))

    def add_results(self, results: Sequence[Result], batch: str | None, file: str | None) -> None:
        """Add the results of a batch that are not there yet; it is named by its id, or by the file that holds them."""
        self._order(lambda wallet: wallet.add_results(results, batch, file))

    def counts(self) -> tuple[int, int]:
        """How many calls, and how many receipts, with all that was to be written until now.

        Raises:
            WalletError: they cannot be read.
        """
        done = self._put(lambda file: file.counts())
        if done is None:
            raise WalletError(f"{self._path}: {self._why_not()}")
        try:
            calls, receipts = done.result()
        except _FAILURES as error:
            raise WalletError(f"{self._path}: {error}") from error
        return calls, receipts

    def _order(self, job: _Job) -> None:
        """Have something written, and wait a moment for it."""
        done = self._put(job)
        if done is None:
            self._fail("closed", self._why_not())
        elif not self._behind and threading.current_thread() is not self._writer:
            try:
                done.exception(_PATIENCE_S)
            except TimeoutError:
                self._behind = True

    def _put(self, job: _Job) -> Future[Any] | None:
        done: Future[Any] = Future()
        with self._lock:
            if self._why_not():
                return None
            self._jobs.put((job, done))
        return done

    def _why_not(self) -> str:
        if os.getpid() != self._process:
            return "the wallet was opened by another process: open it after the fork"
        return "the wallet is closed" if self._closed else ""

    def _fail(self, kind: str, reason: object) -> None:
        with self._lock:
            self.failed += 1
            known = kind in self._reasons
            self._reasons.add(kind)
        if not known:
            _log.warning("calls are not noted in %s: %s", self._path, reason)

    # The writer's thread.

    def _write(self) -> None:
        patient = True
        while (order := self._jobs.get()) is not None:
            job, done = order
            try:
                result = job(self._file)
            except _FAILURES as error:
                self._fail(getattr(error, "sqlite_errorname", type(error).__name__), error)
                done.set_exception(error)
            else:
                done.set_result(result)
            self._behind = False
            # Who has waited for a lock in vain does not make each of those wait that come after.
            failed = done.exception() is not None
            if failed == patient:
                patient = not failed
                self._file.wait(patiently=patient)

"""What answers cost: the charge of a rate card, as it is when the receipt is signed."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from time import time_ns

from receipts.emitting.counters import Counters
from receipts.errors import JournalError, TooLateError
from receipts.issuer import Issued
from receipts.journal import Journal
from receipts.ratecard import RateCard, UnpricedError, price
from receipts.request import Request

_log = logging.getLogger("receipts.emitting")


class Charging:
    """Puts the charge of a card into what receipts say.

    Args:
        card: the rate card.
        counters: where receipts are counted that have no charge by it.
    """

    def __init__(self, card: RateCard, counters: Counters) -> None:
        self._card = card
        self._counters = counters

    def put(self, told: Request, time: int) -> int | None:
        """Put in the charge of a time, in ms, or none if there is no price.

        Returns:
            Before when the receipt must be signed, in ms, since the card has other prices from then on; None: it does not matter.
        """
        told.pop("charge", None)
        try:
            told["charge"] = price(
                self._card, told["model"], told["counts"], told.get("source"), time, told.get("models")
            )  # fmt: skip
        except UnpricedError as error:
            self._counters.count_uncharged()
            _log.warning("no charge for %a: %a", told["request"], str(error))
            return None
        return self._card.holds_until(time)

    def submit(self, journal: Journal, account: str, told: Request) -> Future[Issued]:
        """`Journal.submit`, with the charge of the moment at which the receipt is signed.

        Raises:
            JournalError: as `Journal.submit`.
        """
        promise: Future[Issued] = Future()

        def settle(done: Future[Issued]) -> None:
            error = done.exception()
            if error is None:
                promise.set_result(done.result())
            elif isinstance(error, TooLateError):  # the card has other prices meanwhile
                try:
                    ask()
                except JournalError as closed:
                    promise.set_exception(closed)
            else:
                promise.set_exception(error)

        def ask() -> None:
            before = self.put(told, time_ns() // 1_000_000)
            journal.submit(account, before=before, **told).add_done_callback(settle)

        ask()
        return promise

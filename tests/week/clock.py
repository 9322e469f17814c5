"""The week's clock, in the place of the machine's, for the wallet, the journals and the key folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

SPRING = 1_803_859_200_000
"""2027-03-01, in ms: when the months of the week are closed."""
_PLACES = (
    "receipts.wallet.note.time_ns",
    "receipts.wallet.results.time_ns",
    "receipts.journal.journal.time_ns",
    "receipts.key_folder.time_ns",
)


class WeekClock:
    """Goes on only when somebody says so. ``now`` in ms since 1970."""

    def __init__(self, now: int) -> None:
        self.now = now

    def passes(self, ms: int) -> None:
        self.now += ms

    @contextmanager
    def everywhere(self, seed: int) -> Iterator[None]:
        """All of the product has this time, and nonces by the seed."""
        with pytest.MonkeyPatch.context() as patch:
            for place in _PLACES:
                patch.setattr(place, lambda: self.now * 1_000_000)
            patch.setattr("receipts.wallet.note.token_bytes", Random(seed).randbytes)
            patch.setattr("cli.key_folder.now", lambda: max(SPRING, self.now))
            for client in ("openai", "anthropic"):  # no time passes that is not the week's
                patch.setattr(f"{client}._base_client.INITIAL_RETRY_DELAY", 0.001)
            yield

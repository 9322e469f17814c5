"""How many tokens the prefixes had that were seen before: a bounded memory of this process, lost when it ends."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Final

MAX_LENGTHS: Final = 256
"""Prefixes that are remembered for an account and model; the one that was not used longest is forgotten first."""
MAX_PLACES: Final = 1024
"""Accounts and models, likewise. So at most 262,144 lengths, in about 60 MB."""

_Lengths = OrderedDict[bytes, int | None]


class Lengths:
    """The lengths of prefixes in tokens, by identifier. Calls from several threads are safe.

    Each account and model has a memory of its own: what one account sends neither shows in the receipts of another one, nor makes
    room there. A prefix that once had two lengths has none from then on, for as long as it is remembered: an identifier with two
    lengths is a fault of a batch (R-13.1).
    """

    def __init__(self, lengths: int = MAX_LENGTHS, places: int = MAX_PLACES) -> None:
        self._most, self._places = lengths, places
        self._known: OrderedDict[tuple[str, str], _Lengths] = OrderedDict()
        self._lock = Lock()

    def recall(self, account: str, model: str, ids: Iterable[bytes]) -> dict[bytes, int]:
        """The lengths of those that have one."""
        with self._lock:
            known = self._known.get((account, model))
            if known is None:
                return {}
            self._known.move_to_end((account, model))
            found = {}
            for one in ids:
                if one in known:
                    known.move_to_end(one)
                    if (length := known[one]) is not None:
                        found[one] = length
            return found

    def learn(self, account: str, model: str, lengths: Mapping[bytes, int]) -> bool:
        """Remember lengths. False: one of the prefixes had another length before, and has none from now on."""
        agreed = True
        with self._lock:
            known = self._known.setdefault((account, model), OrderedDict())
            self._known.move_to_end((account, model))
            for one, length in lengths.items():
                if known.get(one, length) != length:
                    known[one], agreed = None, False
                else:
                    known[one] = length
                known.move_to_end(one)
            while len(known) > self._most:
                known.popitem(last=False)
            while len(self._known) > self._places:
                self._known.popitem(last=False)
        return agreed

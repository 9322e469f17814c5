"""One cheat in a week: what is changed in a book of the provider, and in what the customer was told meanwhile."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from tests.build import sign_receipt
from tests.week.books import STREAM, TIME, Book, Claims, Entry, key_of
from tests.week.plans import ACCOUNTS, Plan
from tests.week.provider import Seen
from tests.week.traffic import Week

Found = set[tuple[str, str | None]]
"""Findings: the code, and the request that is named."""


@dataclass(frozen=True)
class Cheat:
    """A kind of cheating.

    Attributes:
        apply: does it in a scene, and returns what must be found.
        account, month: where.
        code: the exit code.
        proofs: how many proofs are written, at least.
        together: whether both months are verified together.
    """

    name: str
    apply: Callable[[Scene], Found]
    account: str
    month: int
    code: int
    proofs: int
    together: bool


CHEATS: dict[str, Cheat] = {}


def cheat(
    account: str = "acme", month: int = 1, *, code: int = 1, proofs: int = 0, together: bool = False
) -> Any:
    """Enter a function into `CHEATS`."""

    def enter(apply: Callable[[Scene], Found]) -> Callable[[Scene], Found]:
        name = apply.__name__
        assert name not in CHEATS
        CHEATS[name] = Cheat(name, apply, account, month, code, proofs, together)
        return apply

    return enter


class Ledger:
    """What is known of an honest week: its books, and where each receipt stands in the wallet."""

    def __init__(self, week: Week) -> None:
        self.week = week
        self.books = {
            (account, month): Book(week.batch(account, month))
            for account in ACCOUNTS
            for month in (0, 1)
        }
        self.rows: dict[bytes, list[int]] = {}
        self.opened: dict[bytes, Any] = {}
        """What a test remembers of the receipts of the wallet."""
        with closing(sqlite3.connect(week.wallet)) as db:
            for row, data in db.execute("SELECT rowid, data FROM receipts"):
                self.rows.setdefault(data, []).append(row)

    def plan(self, request: str) -> Plan:
        """The plan of a request, by its id, which ends with the plan's number; that of a result of a batch has more."""
        digits = request.replace("-", "_").rpartition("_")[2].partition("x")[0]
        return self.week.plans[int(digits)]


class Scene:
    """A cheat that is being made.

    Args:
        ledger: the honest week.
        cheat: which one.
        folder: where the batch and the wallet go.
    """

    def __init__(self, ledger: Ledger, cheat: Cheat, folder: Path) -> None:
        self.ledger, self.cheat, self._folder = ledger, cheat, folder
        self.book = ledger.books[cheat.account, cheat.month].copy()
        self.random = Random(cheat.name)
        self._honest: set[bytes] = set()
        self._told: dict[int, bytes | None] = {}
        self._spoilt: list[Entry] = []
        self._books: list[Book] = []
        self.wallet = folder / "wallet.db"
        self.batches: list[Path] = []

    # Whom it hits.

    def pick(
        self,
        kind: str = "plain",
        api: str | None = None,
        where: Callable[[Entry, Plan], Any] = lambda _entry, _plan: True,
    ) -> Entry:
        """A receipt of the book, of a call of a kind."""
        return self.random.choice(self.picks(kind, api, where))

    def picks(
        self,
        kind: str = "plain",
        api: str | None = None,
        where: Callable[[Entry, Plan], Any] = lambda _entry, _plan: True,
    ) -> list[Entry]:
        found = []
        for entry in self.book.entries:
            plan = self.ledger.plan(entry.request)
            if plan.kind == kind and api in (None, plan.api) and where(entry, plan):
                found.append(entry)
        return found

    def seen(self, kind: str, status: int = 200, host: str = "api.example.com") -> Seen:
        """A call of the account and month that is of a kind, with a status."""
        account, month = self.cheat.account, self.cheat.month
        found = [
            one for one in self.ledger.week.provider.seen
            if (one.plan.kind, one.status, one.host, one.plan.account, one.plan.month) == (kind, status, host, account, month)
        ]  # fmt: skip
        return self.random.choice(found)

    def like(self, seen: Seen, **more: Any) -> Claims:
        """Claims of a receipt for a call that has none: those of an ordinary one, at that call's time."""
        model = self.pick("plain", "messages").claims
        return model | {TIME: seen.plan.time + 5_000, STREAM: f"gateway-{seen.plan.gateway}"} | more

    # What is done.

    def change(self, entry: Entry, claims: Claims) -> Entry:
        """Other claims in a receipt, of which the customer is told in-band too."""
        return self.book.replace(entry, claims)

    def add(self, claims: Claims, stream: str | None = None) -> Entry:
        return self.book.add(claims, stream)

    def keep_in_band(self, entry: Entry) -> None:
        """In-band, the customer was sent the honest receipt."""
        self._honest.add(entry.was or b"")

    def row(self, entry: Entry) -> int:
        """Where the receipt that came with a call stands in the wallet."""
        (row,) = self.ledger.rows[entry.was or b""]
        return row

    def tell(self, entry: Entry, claims: Claims) -> None:
        """In-band, the customer was sent a receipt with these claims, validly signed."""
        self._told[self.row(entry)] = sign_receipt(claims, key_of(claims[TIME])).data

    def tell_bytes(self, entry: Entry, data: bytes | None) -> None:
        """In-band, the customer was sent these bytes, or nothing."""
        self._told[self.row(entry)] = data

    def spoil(self, entry: Entry) -> None:
        """The signature of a receipt does not hold in the batch."""
        self._spoilt.append(entry)

    # What comes of it.

    def write(self) -> None:
        """Sign everything, and write the batch and the wallet."""
        items, statement = self.book.seal()
        for entry in self._spoilt:
            (place,) = (n for n, one in enumerate(self.book.entries) if one.was == entry.was)
            items[place] = items[place][:-1] + bytes((items[place][-1] ^ 1,))
        self._books = [self.book]
        if self.cheat.month == 0:
            later = self.ledger.books[self.cheat.account, 1].copy()
            later.follow(self.book, statement)
            later.seal()
            self._books.append(later)
        made = self._folder / "cheated.cbor"
        made.write_bytes(b"".join([*items, statement.data]))
        before = [self.ledger.week.batch(self.cheat.account, 0)] if self.cheat.together else []
        self.batches = [*before, made]
        shutil.copy(self.ledger.week.wallet, self.wallet)
        with closing(sqlite3.connect(self.wallet)) as db, db:
            self._tell_all(db)

    def _tell_all(self, db: sqlite3.Connection) -> None:
        """The receipts in the wallet are those of this week."""
        for entry in (entry for book in self._books for entry in book.entries):
            if entry.was is not None and entry.data != entry.was and entry.was not in self._honest:
                for row in self.ledger.rows.get(entry.was, ()):
                    db.execute("UPDATE receipts SET data = ? WHERE rowid = ?", (entry.data, row))
        for row, data in self._told.items():
            if data is None:
                db.execute("DELETE FROM receipts WHERE rowid = ?", (row,))
            else:
                db.execute("UPDATE receipts SET data = ? WHERE rowid = ?", (data, row))


def other_hash(text: str) -> bytes:
    """The hash of some other object."""
    return sha256(text.encode()).digest()

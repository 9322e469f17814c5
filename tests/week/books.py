"""A closed month of an account as Python data, which a provider who has the keys can change, chain again and sign again."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cbor2

from receipts import Signed
from receipts.closing.objects import KeptReceipt, kept_objects
from tests.build import KEY, SECOND, sign_receipt, sign_statement, statement_claims
from tests.week.plans import ROTATION

STREAM, SEQUENCE, PREVIOUS, TIME, REQUEST, MODEL, INPUT, OUTPUT, SOURCE, CLIENT = (
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    13,
    16,
)
"""Labels of claims."""
Claims = dict[int, Any]


@dataclass(eq=False)
class Entry:
    """A receipt in a book. ``data`` None: it is to be signed; ``was``: its bytes in the honest book, None if it had no place there."""

    claims: Claims
    data: bytes | None = None
    digest: bytes = b""
    was: bytes | None = None

    @property
    def request(self) -> str:
        return self.claims[REQUEST]

    @property
    def client(self) -> bytes | None:
        return self.claims.get(CLIENT)


def key_of(time: int) -> Any:
    """The key that signs at a time."""
    return KEY if time < ROTATION else SECOND


class Book:
    """A month: the receipts of each stream, and the claims of the statement."""

    def __init__(self, path: Path) -> None:
        self.streams: dict[str, list[Entry]] = {}
        with path.open("rb") as batch:
            for item in kept_objects(batch):
                claims = cbor2.loads(cbor2.loads(item.data)[0])
                if isinstance(item, KeptReceipt):
                    entry = Entry(claims, item.data, item.digest, item.data)
                    self.streams.setdefault(item.stream, []).append(entry)
                else:
                    self.statement = claims
        self._first = {name: entries[0].claims[SEQUENCE] for name, entries in self.streams.items()}
        self._before = {
            name: entries[0].claims.get(PREVIOUS) for name, entries in self.streams.items()
        }

    def follow(self, before: Book, statement: Signed) -> None:
        """Go on where another month of the account ends now, after it was changed."""
        for name, entries in before.streams.items():
            self._first[name] = entries[-1].claims[SEQUENCE] + 1
            self._before[name] = entries[-1].digest
        self.statement = self.statement | {5: statement.digest}

    def copy(self) -> Book:
        """One to change: its entries are replaced there, and not written into."""
        made = copy(self)
        made._first, made._before = dict(self._first), dict(self._before)
        made.streams = {name: list(entries) for name, entries in self.streams.items()}
        return made

    @property
    def entries(self) -> list[Entry]:
        return [entry for entries in self.streams.values() for entry in entries]

    def replace(self, entry: Entry, claims: Claims) -> Entry:
        """Other claims in the place of a receipt; what is None is left out."""
        whole = entry.claims | claims
        made = Entry(
            {label: value for label, value in whole.items() if value is not None}, was=entry.was
        )
        entries = self.streams[entry.claims[STREAM]]
        entries[entries.index(entry)] = made
        return made

    def add(self, claims: Claims, stream: str | None = None) -> Entry:
        """A receipt more, in the stream that it names, or in another one; where it stands, its time says."""
        name = stream or claims[STREAM]
        made = Entry(claims | {STREAM: name})
        self.streams.setdefault(name, []).append(made)
        return made

    def drop(self, entry: Entry) -> None:
        self.streams[entry.claims[STREAM]].remove(entry)

    def seal(self) -> tuple[list[bytes], Signed]:
        """Every stream in the order of the times, numbered, chained and signed, and the statement over them."""
        for name, entries in self.streams.items():
            self.streams[name] = self._chained(
                name, sorted(entries, key=lambda one: one.claims[TIME])
            )
        streams = {
            name: [Signed(one.data or b"", one.digest) for one in entries]
            for name, entries in self.streams.items()
        }
        old = self.statement
        claims = statement_claims(
            streams,
            self._first,
            account=old[3],
            number=old[4],
            previous=old.get(5),
            start=old[6],
            end=old[7],
            kind=old[8],
        )
        return [one.data or b"" for one in self.entries], sign_statement(claims, SECOND)

    def _chained(self, name: str, entries: list[Entry]) -> list[Entry]:
        previous, made = self._before.get(name), []
        for sequence, one in enumerate(entries, self._first.get(name, 0)):
            place = (one.claims[SEQUENCE], one.claims.get(PREVIOUS))
            if one.data is None or place != (sequence, previous):
                one = _signed(one, sequence, previous)
            made.append(one)
            previous = one.digest
        return made


def _signed(entry: Entry, sequence: int, previous: bytes | None) -> Entry:
    claims = entry.claims | {SEQUENCE: sequence, PREVIOUS: previous}
    if previous is None:
        del claims[PREVIOUS]
    signed = sign_receipt(claims, key_of(claims[TIME]))
    return replace(entry, claims=claims, data=signed.data, digest=signed.digest)

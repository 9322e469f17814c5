"""The signed objects behind a finding: the disputed receipts, those that they contradict, the statements around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from receipts import inclusion_proof
from verifier import (
    LATE,
    CacheEntry,
    Finding,
    Known,
    Receipt,
    Source,
    Statement,
    StreamEntry,
    UnreadableError,
    UnverifiedItem,
    read_item,
    read_items,
)

MOST: Final = 1000
"""Receipts of one finding."""
_BEFORE: Final = 64
"""Earlier statements that a finding about their chain takes along, the last ones."""
_WITH_PREDECESSOR: Final = frozenset({"chain-broken", "time-reversed"})
_OF_CACHE: Final = frozenset({"cache-id-conflict", "cache-id-shared"})
_LEFT_OUT: Final = frozenset({"stream-unstated", "receipt-unstated"})
_OF_CHAIN: Final = frozenset({"period-gap", "first-mismatch"})


class Found(NamedTuple):
    """A receipt, with its claims."""

    item: UnverifiedItem
    claims: Receipt

    @property
    def account(self) -> tuple[str, str]:
        """Issuer and account."""
        return self.claims.issuer, self.claims.account

    @property
    def stream(self) -> tuple[str, str, str]:
        """Issuer, account and stream."""
        return self.claims.issuer, self.claims.account, self.claims.stream


class Closing(NamedTuple):
    """A statement, with its claims."""

    item: UnverifiedItem
    claims: Statement

    def entry(self, claims: Receipt) -> StreamEntry | None:
        """Where it lists a receipt; None: nowhere."""
        if (self.claims.issuer, self.claims.account) != (claims.issuer, claims.account):
            return None
        return next(
            (
                e
                for e in self.claims.streams
                if e.stream == claims.stream and 0 <= claims.sequence - e.first < e.count
            ),
            None,
        )


@dataclass(frozen=True, slots=True)
class Objects:
    """What is known of one finding, in the order of the input.

    Attributes:
        receipts: the disputed ones, and those that they contradict.
        statements: around them.
    """

    receipts: list[Found]
    statements: list[Closing]

    @property
    def raw(self) -> list[bytes]:
        """All of them: statements that are not in the input first, the others as they stand there."""
        listed = [*(one.item for one in self.statements), *(one.item for one in self.receipts)]
        return [one.raw for one in sorted(listed, key=lambda item: item.number)]


class Batch:
    """A batch that is disputed, read as often as is needed. Items that cannot be read are passed over.

    Args:
        sources: its files.
        known: statements from earlier.
        named: the numbers of the items that the findings are about.
    """

    def __init__(self, sources: Sequence[Source], known: Known, named: Set[int]) -> None:
        self._sources = sources
        self._known = known
        self._statements: list[Closing] = []
        self._named: dict[int, Found] = {}
        self._leaves: dict[tuple[tuple[str, str, str], range], list[bytes]] = {}
        for item in self._items():
            if isinstance(item.claims, Statement):
                self._statements.append(Closing(item, item.claims))
            elif isinstance(item.claims, Receipt) and item.number in named:
                self._named[item.number] = Found(item, item.claims)

    def _items(self) -> Iterator[UnverifiedItem]:
        try:
            yield from read_items(self._sources)
        except UnreadableError:
            return  # the report says so

    def _receipts(self, wanted: Callable[[Found], bool], most: int = MOST) -> list[Found]:
        found = (
            Found(item, item.claims) for item in self._items() if isinstance(item.claims, Receipt)
        )
        return list(islice(filter(wanted, found), most))

    def about(self, finding: Finding) -> Objects:
        """The objects behind a finding."""
        receipts = self._disputed(finding)
        if finding.code in _OF_CHAIN:
            return self._chain(finding)
        statements = {one.item.number: one for found in receipts for one in self._around(found)}
        if finding.number is not None:
            statements |= {
                one.item.number: one for one in self._statements if _is_about(one, finding)
            }
        return Objects(receipts, list(statements.values()))

    def around(self, claims: Receipt) -> list[Closing]:
        """The statements around a receipt that is not in the batch."""
        return [
            one
            for one in self._statements
            if (one.claims.issuer, one.claims.account) == (claims.issuer, claims.account)
            and (one.entry(claims) is not None or _covers(one, claims.time))
        ]

    def _around(self, found: Found) -> list[Closing]:
        listing = [one for one in self._statements if one.entry(found.claims) is not None]
        return listing or self.around(found.claims)

    def _disputed(self, finding: Finding) -> list[Found]:
        """The receipt that a finding names, and those without which nobody could see what is wrong."""
        if finding.code in _LEFT_OUT:
            return self._run(finding)
        one = None if finding.item is None else self._named.get(finding.item)
        if one is None:
            return []
        wanted = _related(finding, one)
        if wanted is None:
            return [one]
        found = self._receipts(lambda other: other.item.number == one.item.number or wanted(other))
        if finding.code in _OF_CACHE:  # of those before, the first is what it is held against
            before = [other for other in found if other.item.number < one.item.number]
            found = [*before[:1], one]
        return found

    def _run(self, finding: Finding) -> list[Found]:
        """The receipts that a statement does not list: from the one that is named on."""
        place = finding.issuer, finding.account, finding.stream

        def wanted(one: Found) -> bool:
            return one.stream == place and one.claims.sequence >= (finding.sequence or 0)

        return self._receipts(wanted, min(finding.count, MOST))

    def _chain(self, finding: Finding) -> Objects:
        """The statements up to the one that is named, and of a stream the receipt that it begins with."""
        issuer, account = finding.issuer or "", finding.account or ""
        known = [read_item(one.signed, -1) for one in self._known(issuer, account)]
        earlier = [
            Closing(item, item.claims) for item in known if isinstance(item.claims, Statement)
        ]
        here = {one.item.raw for one in self._statements}
        listed = [one for one in earlier if one.item.raw not in here] + self._statements
        of = [
            one
            for one in listed
            if (one.claims.issuer, one.claims.account) == (issuer, account)
            and one.claims.number <= (finding.number or 0)
        ]
        of = sorted(of, key=lambda one: one.claims.number)[-_BEFORE:]
        first = next((e.first for e in of[-1].claims.streams if e.stream == finding.stream), None) if of else None  # fmt: skip
        place = issuer, account, finding.stream
        receipts = [] if first is None else self._receipts(lambda one: one.stream == place and one.claims.sequence == first, 1)  # fmt: skip
        return Objects(receipts, of)

    def proof(self, found: Found) -> bytes | None:
        """The proof that a statement lists a receipt; None: it cannot be made of what is here."""
        for closing in self._statements:
            entry = closing.entry(found.claims)
            if entry is None or not _covers(closing, found.claims.time, late=True):
                continue
            listed = range(entry.first, entry.first + entry.count)
            digests = self._digests(found.stream, listed)
            if len(digests) == len(listed):
                index = found.claims.sequence - entry.first
                return inclusion_proof(found.item.raw, index, digests, closing.item.raw)
        return None

    def _digests(self, stream: tuple[str, str, str], listed: range) -> list[bytes]:
        """The leaves of the tree of a stream, as far as they are here; read once for all its receipts."""
        if (stream, listed) in self._leaves:
            return self._leaves[stream, listed]
        digests: dict[int, bytes] = {}
        for one in self._receipts(lambda one: one.stream == stream and one.claims.sequence in listed, len(listed)):  # fmt: skip
            digests.setdefault(one.claims.sequence, one.item.digest)
        self._leaves[stream, listed] = [digests[n] for n in sorted(digests)]
        return self._leaves[stream, listed]


def _is_about(closing: Closing, finding: Finding) -> bool:
    claims = closing.claims
    return (claims.issuer, claims.account, claims.number) == (finding.issuer, finding.account, finding.number)  # fmt: skip


def _covers(closing: Closing, time: int, *, late: bool = False) -> bool:
    claims = closing.claims
    return claims.start <= time < claims.end and (late or claims.kind != LATE)


def _entries(claims: Receipt) -> set[tuple[str, bytes]]:
    read, writes, commitments = claims.cache_read, claims.cache_writes, claims.commitments
    entries: list[CacheEntry | None] = [read, *writes, *commitments]
    return {(entry.recipe, entry.id) for entry in entries if entry is not None}


def _related(finding: Finding, one: Found) -> Callable[[Found], bool] | None:
    """Which other receipts a finding is about; None: no other one."""
    claims = one.claims
    if finding.code in _OF_CACHE:
        ids = _entries(claims)
        return lambda other: bool(ids & _entries(other.claims))
    is_like = _likeness(finding, one)
    if is_like is None:
        return None
    return lambda other: other.account == one.account and is_like(other)


def _likeness(finding: Finding, one: Found) -> Callable[[Found], bool] | None:
    """What another receipt of the account has in common with one."""
    claims = one.claims
    if finding.code in _WITH_PREDECESSOR:
        return lambda other: (
            other.stream == one.stream and other.claims.sequence == claims.sequence - 1
        )
    if finding.code == "commitment-repeated":
        return lambda other: other.claims.client == claims.client
    if finding.code == "request-duplicate":
        return lambda other: other.claims.request == claims.request
    if claims.corrects is not None:
        corrected = claims.corrects.receipt
        return lambda other: other.item.digest == corrected
    return None

"""The invoice against the receipts: each difference by its class (spec/attribution.md, Reconcile)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple

from attribution.money.amounts import half_up
from attribution.money.ledger.ledger import Ledger
from attribution.money.reconcile.invoice import Billed, Invoice, Key
from attribution.money.reconcile.kinds import Kind

_LINES: Final = """
SELECT day, provider, model, class, sum(quantity), sum(lines.amount) FROM lines JOIN receipts USING (item)
GROUP BY ALL ORDER BY ALL
"""
_UNCERTAIN: Final = (
    "SELECT day, model, sum(uncertain) FROM receipts WHERE uncertain > 0 GROUP BY ALL ORDER BY ALL"
)
_OPEN: Final = "the receipts leave the price open"
_WRITE: Final = "write"
_NO_TTL: Final = "write.0"


class What(StrEnum):
    """The class of a difference."""

    MISSING = "receipts missing"
    UNKNOWN = "invoice line without receipts"
    LESS = "invoice counts less"
    PRICE = "price difference"
    ABSENT = "not on the invoice"


class Difference(NamedTuple):
    """Invoice less receipts, of one key; None: the export does not state it.

    Attributes:
        key: of what.
        what: its class.
        quantity: tokens, or whatever the line counts.
        amount: in picounits.
        cause: why it is legitimate; None: nobody says that it is.
    """

    key: Key
    what: What
    quantity: int | None
    amount: Fraction | None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A difference of which the customer says that it is legitimate, and why. It is this one, to the last digit, or none."""

    key: Key
    what: What
    quantity: int | None
    amount: int | None
    cause: str

    def is_of(self, one: Difference) -> bool:
        """Whether it is about this difference."""
        if (self.key, self.what, self.quantity) != (one.key, one.what, one.quantity):
            return False
        return self.amount == (None if one.amount is None else half_up(one.amount))


@dataclass(slots=True)
class Compared:
    """What came of it.

    Attributes:
        differences: all of them, in the order of their keys.
        rounding: the sum of what rounding explains, with its sign.
        lines: how many were compared.
        receipts, invoice: the amounts of both sides, of what was compared.
        elsewhere: what receipts cost that the export is not about.
        strangers: models of the invoice of which there is no receipt.
        unmatched: known differences that are not there.
    """

    differences: list[Difference] = field(default_factory=list)
    rounding: Fraction = Fraction(0)
    lines: int = 0
    receipts: int = 0
    invoice: Fraction = Fraction(0)
    elsewhere: int = 0
    strangers: list[str] = field(default_factory=list)
    unmatched: list[Known] = field(default_factory=list)


class _Apart(NamedTuple):
    """Two sides of a key: which of them have it, and invoice less receipts."""

    charged: bool
    billed: bool
    quantity: int | None
    amount: Fraction | None
    rows: int


class Receipts(NamedTuple):
    """What receipts say of a key."""

    quantity: int
    amount: int


def compare(ledger: Ledger, invoice: Invoice, kind: Kind, known: Iterable[Known] = ()) -> Compared:
    """Compare all keys of both sides.

    Args:
        ledger: with the priced requests.
        invoice: of the same days.
        kind: what the export can say.
        known: differences that are legitimate.
    """
    found = Compared()
    open_days: dict[tuple[date, str], int] = {
        (day, model): uncertain for day, model, uncertain in ledger.ask(_UNCERTAIN)
    }
    receipts = _receipts(ledger, kind, found)
    vague = {(key.day, key.model) for key in receipts if key.line == _NO_TTL}
    ours, theirs = _vague(receipts, vague), _vague_billed(invoice.lines, vague)
    for key in sorted({*ours, *theirs}):
        billed = theirs.get(key)
        apart = _apart(kind, ours.get(key), billed)
        found.lines += 1
        found.invoice += (billed and billed.amount) or 0
        if (what := _what(apart, invoice.tolerance * apart.rows)) is None:
            found.rounding += apart.amount or 0
        else:
            uncertain = open_days.get((key.day, key.model), 0)
            open_price = what is What.PRICE and -uncertain <= (apart.amount or 0) < 0
            cause = _OPEN if open_price else None
            found.differences.append(Difference(key, what, apart.quantity, apart.amount, cause))
    left = list(known)
    for at, difference in enumerate(found.differences):
        for one in left:
            if difference.cause is None and one.is_of(difference):
                found.differences[at] = difference._replace(cause=one.cause)
                left.remove(one)
                break
    found.unmatched = left
    models = {key.model for key in ours}
    found.strangers = sorted({key.model for key in theirs} - models)
    return found


def _receipts(ledger: Ledger, kind: Kind, found: Compared) -> dict[Key, Receipts]:
    sums: dict[Key, Receipts] = {}
    for day, provider, model, line, quantity, amount in ledger.ask(_LINES):
        ours = not kind.providers or provider in kind.providers
        if (named := kind.fold(model, line) if ours else None) is None:
            found.elsewhere += amount
        else:
            found.receipts += amount
            _add(sums, Key(day, *named), Receipts(quantity, amount))
    return sums


def _add(sums: dict[Key, Receipts], key: Key, more: Receipts) -> None:
    before = sums.get(key, Receipts(0, 0))
    sums[key] = Receipts(before.quantity + more.quantity, before.amount + more.amount)


def _vague(lines: Mapping[Key, Receipts], vague: set[tuple[date, str]]) -> dict[Key, Receipts]:
    """Where receipts do not state for how long something was written, all writes are one line."""
    sums: dict[Key, Receipts] = {}
    for key, receipts in lines.items():
        _add(sums, _without_ttl(key, vague), receipts)
    return sums


def _vague_billed(lines: Mapping[Key, Billed], vague: set[tuple[date, str]]) -> dict[Key, Billed]:
    sums: dict[Key, Billed] = {}
    for key, billed in lines.items():
        name = _without_ttl(key, vague)
        sums[name] = sums[name].plus(billed) if name in sums else billed
    return sums


def _without_ttl(key: Key, vague: set[tuple[date, str]]) -> Key:
    write = key.line.startswith(f"{_WRITE}.") and (key.day, key.model) in vague
    return key._replace(line=_WRITE) if write else key


def _apart(kind: Kind, receipts: Receipts | None, billed: Billed | None) -> _Apart:
    """Invoice less receipts, as far as the export states it."""
    ours, theirs = receipts or Receipts(0, 0), billed or Billed(0, Fraction(0))
    return _Apart(
        receipts is not None,
        billed is not None,
        theirs.quantity - ours.quantity if kind.counts and theirs.quantity is not None else None,
        theirs.amount - ours.amount if kind.amounts and theirs.amount is not None else None,
        theirs.rows,
    )


def _what(apart: _Apart, tolerance: Fraction) -> What | None:
    """The class of a difference; None: it is none, but for rounding."""
    if not apart.charged or not apart.billed:
        if not apart.quantity and not apart.amount:
            return None
        return What.ABSENT if apart.charged else What.UNKNOWN
    if apart.quantity:
        return What.MISSING if apart.quantity > 0 else What.LESS
    return What.PRICE if abs(apart.amount or Fraction(0)) > tolerance else None

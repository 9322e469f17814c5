"""The rules of a rate card: of each row, and of rows with each other (spec/rate-card.md, Claims and Selection)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from math import gcd
from typing import Final

from receipts import limits
from receipts.errors import ReceiptError
from receipts.ratecard.card import PriceRow, groups, weekday
from receipts.ratecard.days import show_day
from receipts.units import INSIDE, PARTS, REASONING, is_beside

MAX_ROWS: Final = 16_384
MAX_GROUP: Final = 128
"""Rows of one provider, name of a model, and terms."""
MAX_NAMES: Final = 16
"""Aliases, terms and TTLs of a row."""
MAX_DAY: Final = 2_932_897
"""The first day of the year 10000."""
_OF_OUTPUT: Final = (*INSIDE["output"], REASONING)


class RowError(ReceiptError):
    """A row of a card breaks a rule.

    Attributes:
        row: its place, from 0.
        member: of the row; None: the row as a whole.
    """

    def __init__(self, row: int, member: str | None, expected: object, actual: object) -> None:
        where = f"rows.{row}" if member is None else f"rows.{row}.{member}"
        super().__init__(where, expected, actual)
        self.row, self.member = row, member


def check_rows(rows: Sequence[PriceRow]) -> None:
    """Check the rows of a card.

    Raises:
        RowError: a row breaks a rule, or two do together.
        ReceiptError: there are none, or too many.
    """
    limits.entries("rows", rows, MAX_ROWS, "rows")
    for number, row in enumerate(rows):
        try:
            _check_names(row)
            _check_numbers(row)
        except ReceiptError as error:
            raise RowError(number, error.field, error.expected, error.actual) from None
        _check_rates(number, row)
    numbers = {id(row): number for number, row in enumerate(rows)}
    for group in groups(rows).values():
        _check_group(group, numbers)


def _check_names(row: PriceRow) -> None:
    """Names, and how many there are."""
    for name in ("provider", "model"):
        limits.name(name, getattr(row, name))
    for member, most in (*((m, MAX_NAMES) for m in ("aliases", "terms", "writes")), ("parts", limits.MAX_ENTRIES), ("units", limits.MAX_ENTRIES)):  # fmt: skip
        if getattr(row, member):
            limits.entries(member, getattr(row, member), most)
    for alias in row.aliases:
        limits.name("aliases", alias)
    for name, term in row.terms.items():
        limits.name("terms", name)
        limits.name(f"terms.{name}", term)
    for member in (*row.parts, *row.units):
        limits.name("parts, units", member)


def _check_numbers(row: PriceRow) -> None:
    """Numbers, and their limits."""
    days, (begin, end) = row.days or (1, 7), row.hours or (0, 1440)
    limits.uint("hours", begin, most=limits.uint("hours", end, 1, 1440) - 1)
    for day in days:
        limits.uint("days", day, 1, 7)
    for member, value, most in (
        ("from", row.start, MAX_DAY - 1),
        ("until", row.end, MAX_DAY - 1),
        ("above", row.above, limits.MAX_UINT),
        ("input", row.input, limits.MAX_UINT),
        ("cached", row.cached, limits.MAX_UINT),
        ("output", row.output, limits.MAX_UINT),
    ):
        if value is not None:
            limits.uint(member, value, most=most)
    for ttl, rate in row.writes.items():
        limits.uint(f"writes.{limits.uint('writes', ttl)}", rate)
    for part, rate in row.parts.items():
        limits.uint(f"parts.{part}", rate)
    for unit, price in row.units.items():
        least = limits.uint(f"units.{unit}", price.per, 1)
        if gcd(limits.uint(f"units.{unit}", price.rate), least) != 1:
            raise ReceiptError(f"units.{unit}", "a rate and for how many it is, in lowest terms", f"{price.rate} for {least}")  # fmt: skip


def _check_rates(number: int, row: PriceRow) -> None:
    """What the members of a row demand of each other."""

    def demand(holds: object, member: str | None, expected: str, actual: object) -> None:
        if not holds:
            raise RowError(number, member, expected, actual)

    if row.start is not None and row.end is not None:
        demand(row.start < row.end, "until", "a later day than from", "no later one")
    demand(len(set(row.names)) == len(row.names), "aliases", "each name of the model once", "one twice")  # fmt: skip
    for part in row.parts:
        known = part in PARTS or part == REASONING
        demand(known, f"parts.{part}", "a part of the tokens: input.audio, ...", "another name")
    for unit in row.units:
        demand(is_beside(unit), f"units.{unit}", "a unit beside the tokens, or a private one with a /", "another name")  # fmt: skip
    rates = (row.input, row.output)
    demand(rates != (None, None) or row.units, None, "a price of input, output or a unit", "none")
    of_input = [part for part in row.parts if part not in _OF_OUTPUT]
    if row.cached is not None or row.writes or of_input:
        demand(row.input is not None, "input", "a price, since other input has one", "none")
    if any(part in _OF_OUTPUT for part in row.parts):
        demand(row.output is not None, "output", "a price, since a part of it has one", "none")
    if any(part in INSIDE["cached"] for part in row.parts):
        demand(row.cached is not None, "cached", "a price, since a part of it has one", "none")


def _check_group(rows: Sequence[PriceRow], numbers: dict[int, int]) -> None:
    """No two rows of a group hold at once, and there is one at every time between its first and its last day."""
    if len(rows) > MAX_GROUP:
        expected = f"at most {MAX_GROUP} rows of one model and its terms"
        raise RowError(numbers[id(rows[MAX_GROUP])], None, expected, len(rows))
    by_rank: dict[tuple[int, bool], list[PriceRow]] = {}
    for row in rows:
        by_rank.setdefault(row.rank, []).append(row)
    for equals in by_rank.values():
        for one, two in combinations(equals, 2):
            if _meet(one, two):
                earlier, later = sorted((numbers[id(one)], numbers[id(two)]))
                expected = f"another time, size or name than row {earlier}"
                raise RowError(later, None, expected, "one for the same request")
    _check_gaps(rows, by_rank.get((-1, False), []), numbers)


def _meet(one: PriceRow, two: PriceRow) -> bool:
    begin = max(_start(one), _start(two), 0)
    end = min(_end(one), _end(two))
    if begin >= end:
        return False
    days = {weekday(day) for day in range(begin, min(end, begin + 7))}
    (a, b), (c, d) = one.hours or (0, 1440), two.hours or (0, 1440)
    return bool(days & one.weekdays & two.weekdays) and a < d and c < b


def _check_gaps(
    rows: Sequence[PriceRow], plain: Iterable[PriceRow], numbers: dict[int, int]
) -> None:
    """The rows for every size, weekday and hour follow each other; the others lie within them."""
    always = sorted(plain, key=_start)
    if not always:
        expected = "a row of the same model and terms without above, days and hours as well"
        raise RowError(numbers[id(rows[0])], None, expected, "none")
    for before, after in pairwise(always):
        if _end(before) != _start(after):
            expected = f"{show_day(before.end)}, where row {numbers[id(before)]} ends"
            raise RowError(numbers[id(after)], "from", expected, f"a gap to {show_day(after.start)}")  # fmt: skip
    for row in rows:
        if _start(row) < _start(always[0]):
            expected = f"{show_day(always[0].start)} or later, where the row for all sizes and times begins"
            raise RowError(numbers[id(row)], "from", expected, show_day(row.start))
        if _end(row) > _end(always[-1]):
            expected = (
                f"{show_day(always[-1].end)} or earlier, where the row for all sizes and times ends"
            )
            raise RowError(numbers[id(row)], "until", expected, show_day(row.end))


def _start(row: PriceRow) -> int:
    return -1 if row.start is None else row.start


def _end(row: PriceRow) -> int:
    return MAX_DAY if row.end is None else row.end

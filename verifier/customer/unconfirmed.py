"""What a batch bills and the record neither confirms nor contradicts (R-14.17, R-14.21): nothing of it is believed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter

from verifier.customer import queries
from verifier.customer.calls import is_one_model
from verifier.customer.differences import unpacked_models, unpacked_units
from verifier.customer.received import about_row
from verifier.format.units import REASONING
from verifier.report.findings import Finding, plural


def unconfirmed(db: sqlite3.Connection, aliases: Mapping[str, str]) -> Iterator[Finding]:
    """Receipts whose counts, units, models or occasion only the provider knows."""
    rows = db.execute(queries.UNCONFIRMED).fetchall()
    told = {item for item, _ in rows}
    if rows:
        tokens = sum(int(logical) for _, logical in rows)
        message = (
            f"the calls of these receipts show no usage; they bill {plural(tokens, 'input token')}"
        )
        yield Finding("count-unconfirmed", message, item=rows[0][0], count=len(rows))
    for item, unit in _unseen_units(db):
        told.add(item)
        message = f"the calls of these receipts do not show what they bill, {unit} first"
        yield Finding("count-unconfirmed", message, item=item)
    yield from _by_model(db, aliases, told)
    count, item = db.execute(queries.SPANS).fetchone()
    if count:
        message = "these receipts are for no request, and the record does not name them"
        yield Finding("span-unconfirmed", message, item=item, count=count)
    for *row, time, start, end, first, last in db.execute(queries.UNTIMELY_SPANS):
        expected, actual = f"{first} to {last}", f"{start} to {end}, stated at {time}"
        message = f"the span is not of the time that the customer has: {actual}"
        yield about_row("time-differs", message, row, field="span", expected=expected, actual=actual)  # fmt: skip


def _unseen_units(db: sqlite3.Connection) -> Iterator[tuple[int, str]]:
    """Of each receipt with units that none of its calls states, the first such unit."""
    for item, rows in groupby(db.execute(queries.BILLED_UNITS), itemgetter(0)):
        billed: dict[str, int] = {}
        shown: set[str] = set()
        for _, units, seen, reasoning in rows:
            billed = unpacked_units(units)
            shown |= {*unpacked_units(seen), *(() if reasoning is None else (REASONING,))}
        unseen = [unit for unit in billed if unit not in shown and _has_a_price(unit, billed)]
        if unseen:
            yield item, unseen[0]


def _has_a_price(unit: str, billed: Mapping[str, int]) -> bool:
    """Whether a unit changes what is paid: also none of a part in the cache does, since all of it then counts as computed."""
    return billed[unit] > 0 or billed.get(unit.replace("cached.", "input."), 0) > 0


def _by_model(
    db: sqlite3.Connection, aliases: Mapping[str, str], told: set[int]
) -> Iterator[Finding]:
    """What each model did, where the call shows it; else nobody but the provider knows, which is told once of an item."""
    for *row, billed, seen in db.execute(queries.BY_MODEL):
        if seen is None:
            if row[0] in told:
                continue
            told.add(row[0])
            message = "the calls of these receipts do not show which model did what"
            yield Finding("count-unconfirmed", message, item=row[0])
            continue
        shown = unpacked_models(seen)
        for model, counts in unpacked_models(billed).items():
            own = [one for name, one in shown.items() if is_one_model(model, name, aliases)]
            expected = (sum(one[0] for one in own), sum(one[1] for one in own))
            if counts != expected:
                message = f"model '{model}': the customer has {expected} tokens in and out, the receipt says {counts}"
                place = {
                    "field": f"models.{model}",
                    "expected": str(expected),
                    "actual": str(counts),
                }
                yield about_row("count-differs", message, row, **place)

"""What a batch bills and the record neither confirms nor contradicts (R-14.17, R-14.21): nothing of it is believed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from verifier.customer import queries
from verifier.customer.differences import unpacked_units
from verifier.report.findings import Finding


def unconfirmed(db: sqlite3.Connection) -> Iterator[Finding]:
    """Receipts whose counts, units or occasion only the provider knows."""
    count, item, tokens = db.execute(queries.UNCONFIRMED).fetchone()
    if count:
        message = f"the calls of these receipts show no usage; they bill {tokens:,} input tokens"
        yield Finding("count-unconfirmed", message, item=item, count=count)
    for item, unit in _unseen_units(db):
        message = f"the calls of these receipts do not show what they bill, {unit} first"
        yield Finding("count-unconfirmed", message, item=item)
    count, item = db.execute(queries.SPANS).fetchone()
    if count:
        message = "these receipts are for no request, and the record does not name them"
        yield Finding("span-unconfirmed", message, item=item, count=count)


def _unseen_units(db: sqlite3.Connection) -> Iterator[tuple[int, str]]:
    """Of each receipt with units that none of its calls states, the first such unit."""
    for item, rows in groupby(db.execute(queries.BILLED_UNITS), itemgetter(0)):
        pairs = [(unpacked_units(billed), unpacked_units(shown)) for _, billed, shown in rows]
        shown = {unit for _, units in pairs for unit in units}
        unseen = [unit for unit, quantity in pairs[0][0].items() if quantity and unit not in shown]
        if unseen:
            yield item, unseen[0]

"""From priced requests to tables, a block at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from attribution.money.ledger.appending import BLOCK, append
from attribution.money.prices import (
    CACHE_READ,
    CACHE_WRITE,
    input_cost,
    is_input,
    premium_rate,
    saving_rate,
)
from attribution.money.registry import Registry
from attribution.money.rows import Row
from verifier import Price, Usage

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 86_400_000
_TABLES: Final = ("receipts", "lines", "entries", "writes", "gaps")


@dataclass(frozen=True)
class Terms:
    """By what requests are read: the registry, and another price if one is asked for."""

    registry: Registry
    other: Callable[[Row], int] | None

    @cached_property
    def teams(self) -> frozenset[str]:
        """The registered teams."""
        return frozenset(self.registry.teams)

    def gaps(self, row: Row) -> list[tuple[str, str]]:
        """What a request lacks of the tagging contract: tag and reason, each tag once."""
        found = {tag: "absent" for tag in self.registry.tagging.required if tag not in row.tags}
        for tag, allowed in self.registry.tagging.allowed.items():
            if tag in row.tags and row.tags[tag] not in allowed:
                found[tag] = "not allowed"
        if row.tags.get("team") not in self.teams:
            found["team"] = "unknown" if "team" in row.tags else "absent"
        return list(found.items())


def _terms(usage: Usage) -> str:
    if not usage.terms and usage.tier is None:
        return "[{}, null]"
    return json.dumps([dict(usage.terms), usage.tier], sort_keys=True)


def _lines(row: Row, price: Price) -> Iterator[tuple[Any, ...]]:
    """The lines of a price. What the cache saved stands at the first cached one, what writing to it cost more at the first written one."""
    beside = {CACHE_READ: price.read_saving, CACHE_WRITE: price.write_premium}
    for one in price.lines:
        kind, more = one.kind, beside.pop(one.kind, 0)
        yield (
            row.item, one.name, kind, one.ttl, is_input(one), one.model or row.usage.model, one.quantity, one.rate, one.per, one.amount,
            more if kind == CACHE_READ else 0, more if kind == CACHE_WRITE else 0,
        )  # fmt: skip


class Loading:
    """Adds requests to the tables of a database."""

    def __init__(self, db: Any, terms: Terms) -> None:
        self._db = db
        self._terms = terms
        self._share = terms.registry.owner_share
        self._blocks: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _TABLES}

    def add(self, row: Row, price: Price) -> None:
        """Add a request."""
        blocks, item = self._blocks, row.item
        gaps = self._terms.gaps(row)
        blocks["receipts"].append(self._receipt(row, price, len(gaps)))
        blocks["lines"] += _lines(row, price)
        blocks["entries"] += [(item, *entry) for entry in row.entries]
        for ttl, tokens in (row.usage.counts.writes or {}).items():
            blocks["writes"].append((item, ttl, tokens, premium_rate(price.row, ttl)))
        blocks["gaps"] += [(item, tag, reason) for tag, reason in gaps]
        if len(blocks["receipts"]) == BLOCK:
            self.flush()

    def _receipt(self, row: Row, price: Price, gaps: int) -> tuple[Any, ...]:
        tags, usage, counts = row.tags, row.usage, row.usage.counts
        stated = tags.get("team")
        written = None if counts.writes is None else sum(counts.writes.values())
        saved = saving_rate(price.row)
        other = self._terms.other
        return (
            row.item, *row.place, usage.time, usage.time // _DAY_MS, usage.time // _HOUR_MS, row.request,
            usage.provider or "", row.model, _terms(usage),
            stated if stated in self._terms.teams else None, stated,
            tags.get("feature"), tags.get("environment"), tags.get("customer"), tags.get("surface"),
            tags.get("session"), tags.get("user"), tags.get("prefix"),
            counts.logical, counts.cached, written, counts.output, counts.reasoning,
            price.amount, price.full, price.read_saving, price.write_premium, price.storage,
            input_cost(price.lines), price.full_input, price.uncertain,
            saved, self._share.numerator * saved // self._share.denominator,
            None if other is None else other(row),
            gaps, row.miss,
        )  # fmt: skip

    def flush(self) -> None:
        """Write what is in memory."""
        for name, rows in self._blocks.items():
            append(self._db, name, rows)
            rows.clear()

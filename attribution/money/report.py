"""All reports of a period as one document, as `receipt attribute --json` prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from attribution.money.amounts import money, rounded
from attribution.money.ledger.leaves import OF_REQUESTS, Condition, Method, table, table_of_requests
from attribution.money.ledger.ledger import Ledger
from attribution.money.methods.all import ALL, compared
from attribution.money.moments import day_of, instant
from attribution.money.registry import Registry, Rule
from attribution.money.reports import (
    changes,
    chargeback,
    margin,
    pools,
    prefixes,
    routing,
    spending,
    spike,
    tagging,
    usage,
    what_if,
)
from attribution.money.reports.spike import Span
from attribution.money.tax.breaks import find_breaks
from attribution.money.tax.cache_tax import CacheTax
from attribution.money.tax.payers import Measured, measure
from attribution.money.tax.report import break_rows, tax_rows
from verifier import RateCard

FORMAT: Final = 1
"""The version of the document."""
TABLES: Final = (
    ("team",), ("customer",), ("team", "feature"), ("environment",), ("surface",), ("model",), ("day",),
)  # fmt: skip
"""The tables of each method."""
_TOTALS: Final = """
SELECT count(*), coalesce(sum(amount), 0), coalesce(sum(full_price), 0), coalesce(sum(saving), 0), coalesce(sum(premium), 0),
    coalesce(sum(storage), 0), coalesce(sum(uncertain), 0)
FROM receipts
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of the reports.

    Attributes:
        period: in ms, the end exclusive.
        method: of the chargeback.
        hit_rate: of what-if; None: the other prices that the ledger was loaded with.
        other: what they are, in words.
        spans: the two times of a spike; None: the week that rose most, and the one before.
        trend: week or day.
        tables: the dimensions of the tables of each method.
        where: which leaves the tables are of, and which requests the margins.
    """

    period: tuple[int, int]
    method: Method = Method.DIRECT
    hit_rate: Fraction | None = Fraction(3, 10)
    other: str = ""
    spans: tuple[Span, Span] | None = None
    trend: str = "week"
    tables: Sequence[Sequence[str]] = TABLES
    where: Sequence[Condition] = ()


class Reports:
    """The sections of the document; each is made when it is asked for."""

    def __init__(self, ledger: Ledger, registry: Registry, card: RateCard, asked: Asked) -> None:
        self._ledger, self._registry, self._card, self._asked = ledger, registry, card, asked
        self._pools = pools.pools(ledger, registry)
        self._measured: list[Measured] | None = None

    def document(self, wanted: Iterable[str]) -> dict[str, Any]:
        """The head, and the sections that are wanted, in the order of `SECTIONS`."""
        asked, names = self._asked, set(wanted)
        requests, invoice, full, saving, premium, storage, uncertain = self._ledger.one(_TOTALS)
        head = {
            "attribution": FORMAT,
            "method": str(asked.method),
            "period": [instant(moment) for moment in asked.period],
            "currency": self._registry.currency,
            "receipts": requests,
            "totals": {
                "invoice": money(invoice),
                "full_price": money(full),
                "read_saving": money(saving),
                "write_premium": money(premium),
                "storage": money(storage),
                "net_saving": money(full - invoice),
                "pools": money(sum(pool.amount for pool in self._registry.pools)),
            },
            "uncertain": money(uncertain),
        }
        for section, make in SECTIONS.items():
            if section in names:
                head |= make(self)
        return head

    def attributed(self) -> dict[str, Any]:
        """The attributed share."""
        return {"attributed": tagging.attributed(self._ledger, self._registry)}

    def allocation(self) -> dict[str, Any]:
        """The tables of each method, how they compare, and the chargeback."""
        ledger, asked = self._ledger, self._asked
        credited = ledger.one("SELECT coalesce(-sum(amount) FILTER (amount < 0), 0) FROM credits")[
            0
        ]
        return {
            "methods": {
                str(method): {
                    ",".join(by): [
                        {**_key(by, row), "amount": money(row[-1])}
                        for row in table(ledger, method, by, asked.where)
                    ]
                    for by in asked.tables
                    if not {*by} & {*OF_REQUESTS}
                }
                for method in ALL
            },
            "compare": [
                {
                    "team": team,
                    **{str(method): money(row[method]) for method in ALL},
                    **{
                        f"{method}_minus_direct": money(row[method] - row[Method.DIRECT])
                        for method in ALL
                        if method is not Method.DIRECT
                    },
                }
                for team, row in compared(ledger).items()
            ],
            "warmup_credits": money(credited),
            **self._requests(),
        }

    def _requests(self) -> dict[str, Any]:
        """Tables by what leaves do not have."""
        found = {
            ",".join(by): [
                {**_key(by, row), "amount": money(row[-1])}
                for row in table_of_requests(self._ledger, by, self._asked.where)
            ]
            for by in self._asked.tables
            if {*by} & {*OF_REQUESTS}
        }
        return {"requests": found} if found else {}

    def chargeback(self) -> dict[str, Any]:
        """What each team is charged, and budgets where there are any."""
        rows = chargeback.chargeback(self._ledger, self._registry, self._asked.method)
        budgets = chargeback.budgets(self._ledger, self._registry, self._asked.method)
        return {"chargeback": rows, **({"budgets": budgets} if budgets else {})}

    def _breaks(self) -> list[Measured]:
        if self._measured is None:
            found = find_breaks(self._ledger, self._registry, self._asked.period[1])
            self._measured = measure(self._ledger, found)
        return self._measured

    def cache_tax(self) -> dict[str, Any]:
        """The cache tax by each rule."""
        taxes = CacheTax(self._ledger, self._registry, self._breaks())
        rules = (Rule.SEVEN_DAYS, Rule.LAST_TOUCH, Rule.OWNER_OF_PREFIX)
        rows = {str(rule): tax_rows(taxes.by(rule), self._registry) for rule in rules}
        return {"breakage": str(self._registry.breakage.rule), "cache_tax": rows}

    def breaks(self) -> dict[str, Any]:
        """Breaks, and prefixes that nobody owns."""
        return {
            "breaks": break_rows(self._breaks()),
            "unowned_prefixes": prefixes.unowned(self._ledger),
        }

    def changes(self) -> dict[str, Any]:
        """Requests that came again and again, and features that moved to another model."""
        least = self._registry.breakage.min_requests
        return {
            "repeats": changes.repeats(self._ledger),
            "moved_features": changes.moved_features(self._ledger, least),
        }

    def pool_shares(self) -> dict[str, Any]:
        """The pools by customer."""
        return {
            "pools": [
                {"pool": pool, "customer": customer, "amount": money(amount)}
                for pool, shares in self._pools.items()
                for customer, amount in shares.items()
            ]
        }

    def margins(self) -> dict[str, Any]:
        """Margins by customer and by feature."""
        features = margin.accounts(
            self._ledger,
            "feature",
            margin.revenue_of(self._registry, "feature"),
            {},
            self._asked.where,
        )
        return {
            "margin": margin.by_customer(self._ledger, self._customers(), self._asked.where),
            "margin_by_feature": margin.by_feature(features),
            "profitable_features": margin.profitable(features),
        }

    def _customers(self) -> margin.Accounts:
        borne = pools.by_customer(self._pools)
        return margin.accounts(
            self._ledger,
            "customer",
            margin.revenue_of(self._registry, "customer"),
            borne,
            self._asked.where,
        )

    def exposure(self) -> dict[str, Any]:
        """What it costs if caching stops, in total and by prefix."""
        return {
            "exposure": margin.exposure(self._customers()),
            "exposure_by_prefix": prefixes.exposed(self._ledger),
        }

    def what_if(self) -> dict[str, Any]:
        """What customers would cost."""
        rate = self._asked.hit_rate
        if rate is None:
            rows = what_if.at_other_price(self._ledger)
            return {"what_if": {"other": self._asked.other, "rows": rows}}
        rows = what_if.at_hit_rate(self._ledger, rate)
        return {"what_if": {"hit_rate": rounded(rate, 2), "rows": rows}}

    def spike(self) -> dict[str, Any]:
        """Days that cost much more, and why one time cost more than another."""
        first, end = (day_of(moment) for moment in self._asked.period)
        spent = spending.spend_by_day(self._ledger)
        spans = self._asked.spans or spending.risen_most(spent, first, end)
        found: dict[str, Any] = {"spike_days": spending.spike_days(spent, first, end)}
        return found if spans is None else found | {"spike": spike.spike(self._ledger, *spans)}

    def routing(self) -> dict[str, Any]:
        """What moves forfeited."""
        return {"routing": routing.routing(self._ledger, self._card)}

    def trend(self) -> dict[str, Any]:
        """Prefixes over time."""
        return {"trend": prefixes.trend(self._ledger, self._asked.trend)}

    def classes(self) -> dict[str, Any]:
        """Quantity and amount by team and class."""
        return {"classes": usage.classes(self._ledger)}

    def capacity(self) -> dict[str, Any]:
        """Computed tokens by model."""
        return {"capacity": usage.capacity(self._ledger)}

    def audit(self) -> dict[str, Any]:
        """Which columns of usage are there."""
        return {"audit": usage.audit(self._ledger)}


SECTIONS: Final[dict[str, Callable[[Reports], dict[str, Any]]]] = {
    "attributed": Reports.attributed,
    "allocation": Reports.allocation,
    "chargeback": Reports.chargeback,
    "cache-tax": Reports.cache_tax,
    "breaks": Reports.breaks,
    "changes": Reports.changes,
    "pools": Reports.pool_shares,
    "margin": Reports.margins,
    "exposure": Reports.exposure,
    "what-if": Reports.what_if,
    "spike": Reports.spike,
    "routing": Reports.routing,
    "trend": Reports.trend,
    "classes": Reports.classes,
    "capacity": Reports.capacity,
    "audit": Reports.audit,
}
"""The reports by the names of ``--report``, in the order of the document."""


def _key(by: Sequence[str], row: Sequence[Any]) -> dict[str, str | None]:
    return {
        name: None if value is None else str(value)
        for name, value in zip(by, row[:-1], strict=True)
    }

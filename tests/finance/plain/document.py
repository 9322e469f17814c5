"""All of it, as `receipt attribute --json` has it."""

from fractions import Fraction

from tests.finance.plain import accounts, reports
from tests.finance.plain.methods import all_methods
from tests.finance.plain.numbers import money, none_first, summed
from tests.finance.plain.requests import Month
from tests.finance.plain.tax import cache_tax

DIMENSIONS = ("team", "feature", "environment", "customer", "surface", "model", "day")
TABLES = ("team", "customer", "team,feature", "environment", "surface", "model", "day")


def document(rows, card, finance, period):
    """The figures of requests.

    Args:
        rows: the requests, in any order.
        card: card.toml, parsed.
        finance: finance.toml, parsed, with the rows of revenue.csv and drivers.csv.
        period: in ms.
    """
    month = Month(rows, card, finance, period)
    methods, credited = all_methods(month)
    broken, taxes = cache_tax(month)
    weeks = reports.weeks_that_rose(month)
    found = {
        "receipts": len(month.requests), "totals": totals(month),
        "uncertain": money(sum(r.price.uncertain for r in month.requests)), "attributed": accounts.attributed(month),
        "methods": {name: {by: table(leaves, by) for by in TABLES} for name, leaves in methods.items()},
        "compare": compare(methods), "warmup_credits": money(credited),
        "chargeback": accounts.chargeback(month, methods["direct"]), "cache_tax": taxes,
        "breaks": [one.row() for one in broken], "unowned_prefixes": reports.unowned(month),
        "pools": [
            {"pool": pool, "customer": customer, "amount": money(amount)}
            for pool, shares in accounts.pools(month).items() for customer, amount in shares.items()
        ],
        **accounts.margins(month, methods["pooled"]),
        "what_if": {"hit_rate": "0.30", "rows": accounts.what_if(month, Fraction(3, 10))},
        "spike_days": reports.spike_days(month), "routing": reports.routing(month), "trend": reports.trend(month),
        "classes": reports.classes(month), "capacity": reports.capacity(month), "audit": reports.audit(month),
    }  # fmt: skip
    return found if weeks is None else found | {"spike": reports.spike(month, *weeks)}


def totals(month):
    prices = [request.price for request in month.requests]
    invoice, full = sum(p.amount for p in prices), sum(p.full for p in prices)
    saving, premium, storage = (
        sum(getattr(p, name) for p in prices) for name in ("saving", "premium", "storage")
    )
    assert full - invoice == saving - premium - storage
    pools = sum(accounts.picounits(pool["amount"]) for pool in month.finance.get("pool", []))
    sums = (invoice, full, saving, premium, storage, full - invoice, pools)
    names = (
        "invoice",
        "full_price",
        "read_saving",
        "write_premium",
        "storage",
        "net_saving",
        "pools",
    )
    return dict(zip(names, map(money, sums), strict=True))


def table(leaves, by):
    places = [DIMENSIONS.index(name) for name in by.split(",")]
    rows = summed(
        (tuple(leaf[place] for place in places), amount) for leaf, amount in leaves.items()
    )
    return [
        {**dict(zip(by.split(","), key, strict=True)), "amount": money(amount)}
        for key, amount in rows.items()
    ]


def compare(methods):
    by_team = {
        name: summed((leaf[0], amount) for leaf, amount in leaves.items())
        for name, leaves in methods.items()
    }
    rows = []
    for team in sorted({team for amounts in by_team.values() for team in amounts}, key=none_first):
        paid = {name: amounts.get(team, 0) for name, amounts in by_team.items()}
        apart = {
            f"{name}_minus_direct": money(amount - paid["direct"])
            for name, amount in paid.items()
            if name != "direct"
        }
        rows.append(
            {"team": team, **{name: money(amount) for name, amount in paid.items()}, **apart}
        )
    return rows

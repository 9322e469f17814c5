"""Tags, teams, customers: attributed share, chargeback, pools, margins, what if."""

from fractions import Fraction

from tests.finance.plain.numbers import (
    PICO,
    half_up,
    in_order,
    money,
    none_first,
    ratio,
    remainders,
    summed,
)


def picounits(text):
    return int(Fraction(text) * PICO)


def gaps(month, request):
    """Tag and reason of what a request lacks."""
    found, tags = set(), request.row.tags
    for tag in month.finance.get("tags", {}).get("required", []):
        if tag not in tags:
            found.add((tag, "absent"))
    if request.team is None:
        found.add(("team", "unknown" if "team" in tags else "absent"))
    return found


def attributed(month):
    spend = sum(request.price.amount for request in month.requests)
    clean = [request for request in month.requests if not gaps(month, request)]
    clean_spend = sum(request.price.amount for request in clean)
    lacking = [(gap, request) for request in month.requests for gap in gaps(month, request)]
    counts, costs = (
        summed((gap, 1) for gap, _ in lacking),
        summed((gap, r.price.amount) for gap, r in lacking),
    )
    return {
        "requests": len(month.requests), "clean_requests": len(clean), "spend": money(spend), "clean_spend": money(clean_spend),
        "share": ratio(clean_spend, spend), "owner": month.finance.get("tags", {}).get("owner"),
        "gaps": [{"tag": tag, "reason": reason, "requests": n, "spend": money(costs[tag, reason])} for (tag, reason), n in counts.items()],
    }  # fmt: skip


def chargeback(month, leaves):
    owner = month.finance.get("tags", {}).get("owner")
    owed = summed(
        (owner if leaf[0] is None else leaf[0], amount) for leaf, amount in leaves.items()
    )
    cents = half_up(Fraction(sum(owed.values()), 10**10))
    shares = {team: amount // 10**10 for team, amount in owed.items()}
    by_remainder = sorted(owed, key=lambda team: -(owed[team] % 10**10))
    for team in by_remainder[: cents - sum(shares.values())]:
        shares[team] += 1
    return [
        {"team": team, "cost_center": month.teams.get(team, {}).get("cost_center"), "amount": cents_text(share)}
        for team, share in shares.items()
    ]  # fmt: skip


def cents_text(cents):
    digits = f"{abs(cents):03}"
    return f"{'-' if cents < 0 else ''}{digits[:-2]}.{digits[-2:]}"


def pools(month):
    """Picounits by pool and customer."""
    used = {
        "requests": lambda _: 1,
        "tokens": lambda request: request.counts.logical + (request.counts.output or 0),
        "spend": lambda request: request.price.amount,
    }
    found = {}
    for pool in sorted(month.finance.get("pool", []), key=lambda pool: pool["name"]):
        if pool["by"] == "driver":
            driven = [
                row for row in month.finance.get("drivers", []) if row["pool"] == pool["name"]
            ]
            weights = {row["customer"]: int(row["quantity"]) for row in driven}
            if "capacity" in pool:
                weights[None] = max(0, pool["capacity"] - sum(weights.values()))
        else:
            weights = month.sums(lambda request: request.customer, used[pool["by"]])
        amount = picounits(pool["amount"])
        found[pool["name"]] = (
            remainders(amount, in_order(weights)) if any(weights.values()) else {None: amount}
        )
    return found


class Account:
    """One customer or feature."""

    def __init__(self, requests, revenue, pools):
        self.requests, self.revenue, self.pools = requests, revenue, pools
        self.cost, self.full = (
            sum(getattr(r.price, name) for r in requests) for name in ("amount", "full")
        )
        self.margin = revenue - self.cost - pools

    def row(self):
        return {
            "revenue": money(self.revenue), "cost": money(self.cost), "cost_without_cache": money(self.full),
            "pools": money(self.pools), "margin": money(self.margin),
            "margin_without_cache": money(self.revenue - self.full - self.pools), "exposure": money(self.full - self.cost),
        }  # fmt: skip


def accounts(month, name, shares):
    revenue = {
        row["value"]: picounits(row["revenue"])
        for row in month.finance.get("revenue", [])
        if row["dimension"] == name
    }
    keys = sorted({*month.keys(name), *revenue, *shares}, key=none_first)
    return {
        key: Account([r for r in month.requests if getattr(r, name) == key], revenue.get(key, 0), shares.get(key, 0))
        for key in keys
    }  # fmt: skip


def margins(month, leaves):
    borne = summed(share for shares in pools(month).values() for share in shares.items())
    customers, features = accounts(month, "customer", borne), accounts(month, "feature", {})
    of_pool = summed((leaf[3], amount) for leaf, amount in leaves.items())
    by_customer = []
    for key, one in customers.items():
        inputs, logical = (
            sum(r.price.input_cost for r in one.requests),
            sum(r.counts.logical for r in one.requests),
        )
        each = money(half_up(Fraction(one.cost, len(one.requests)))) if one.requests else None
        by_customer.append({
            "customer": key, **one.row(), "cogs_share": ratio(one.cost + one.pools, one.revenue), "cost_per_request": each,
            "effective_input_price": ratio(Fraction(inputs, 10**6), logical), "cross_subsidy": money(of_pool.get(key, 0) - one.cost),
        })  # fmt: skip
    earning = [one for one in features.values() if one.revenue > 0]
    by_feature = [{"feature": key, **one.row()} for key, one in features.items()]
    for row in by_feature:
        del row["pools"]
    whole = Account(
        month.requests, sum(one.revenue for one in customers.values()), sum(borne.values())
    )
    return {
        "margin": by_customer, "margin_by_feature": by_feature,
        "profitable_features": ratio(sum(one.margin > 0 for one in earning), len(earning)), "exposure": whole.row(),
    }  # fmt: skip


def what_if(month, rate):
    groups = {}
    for request in month.requests:
        groups.setdefault((request.customer, request.model), []).append(request)
    moves = []
    for (customer, _), requests in groups.items():
        cost = sum(r.price.amount for r in requests)
        gained = sum(r.price.saving - r.price.premium for r in requests)
        cached, logical = (
            sum(r.counts.cached or 0 for r in requests),
            sum(r.counts.logical for r in requests),
        )
        if cached:
            cost += gained - half_up(gained * rate / Fraction(cached, logical))
        moves.append((customer, cost))
    return [{"customer": key, "cost": money(cost)} for key, cost in summed(moves).items()]

"""The same figures by plain Python over lists, as spec/attribution.md says them, for tests to compare with. Nothing here is fast."""

from collections import defaultdict
from fractions import Fraction
from math import floor

from tests.finance.running import DAY
from verifier import price

NOBODY = (None,) * 4


class Request:
    """A request with its price, its prefix, and what the cache did inside of it."""

    def __init__(self, row, card, registry):
        self.row, self.card = row, card
        self.counts, self.time = row.usage.counts, row.usage.time
        self.price = price(card, row.usage)
        self.model = f"{row.usage.provider}/{row.usage.model}"
        self.team = row.tags.get("team") if row.tags.get("team") in registry.teams else None
        self.day = self.time // DAY
        tags = row.tags
        self.leaf = (
            self.team, tags.get("feature"), tags.get("environment"), tags.get("customer"), tags.get("surface"), self.model,
            self.day,
        )  # fmt: skip
        self.consumer = self.team, tags.get("customer")
        self.u, self.c = self.price.row.input, self.price.row.cached
        self.order = self.time, row.request, row.item
        self.cached = self.counts.cached or 0
        self.written = sum((self.counts.writes or {}).values())

    def find_prefix(self, registry, shared):
        self.rule, self.name, self.length = 4, None, 0
        if self.counts.logical == 0:
            return
        owners = {key: prefix.name for prefix in registry.prefixes.values() for key in prefix.ids}
        named = max(((n, key) for key, n in self.row.entries if key in owners), default=None)
        common = max(((n, key) for key, n in self.row.entries if key in shared), default=None)
        tag = self.row.tags.get("prefix")
        if named:
            self.rule, self.identifier, self.name, self.length = (
                1,
                named[1],
                owners[named[1]],
                named[0],
            )
        elif tag in registry.prefixes:
            self.rule, self.name = 2, tag
            self.length = min(registry.prefixes[tag].tokens, self.counts.logical)
        elif common:
            self.rule, self.name, self.length = 3, f"id:{common[1]}", common[0]

    def look_inside(self, registry):
        self.owner = registry.prefixes[self.name].owner if self.name in registry.prefixes else None
        self.hit = min(self.cached, self.length)
        self.missed = self.length - self.hit
        left = self.inside = min(self.written, self.missed)
        self.inner = 0
        for ttl, tokens in sorted((self.counts.writes or {}).items(), reverse=True):
            writes = self.price.row.writes
            taken = min(tokens, left)
            self.inner += taken * (writes.get(ttl, max(writes.values(), default=self.u)) - self.u)
            left -= taken
        self.excess = self.missed * (self.u - self.c) + self.inner
        moves = self.owner is not None and self.owner != self.team
        self.share = self.hit * floor(registry.owner_share * (self.u - self.c)) if moves else 0


def read(rows, card, registry):
    """All requests in order."""
    requests = sorted((Request(row, card, registry) for row in rows), key=lambda r: r.order)
    teams = defaultdict(set)
    for request in requests:
        for key, _ in request.row.entries:
            teams[key] |= {request.team} - {None}
    shared = {key for key, named in teams.items() if len(named) >= 2}
    for request in requests:
        request.find_prefix(registry, shared)
        request.look_inside(registry)
    return requests


def remainders(total, weights):
    if total < 0:
        return [-share for share in remainders(-total, weights)]
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    shares = [floor(one) for one in exact]
    order = sorted(range(len(weights)), key=lambda at: (shares[at] - exact[at], at))
    for at in order[: total - sum(shares)]:
        shares[at] += 1
    return shares


def in_order(leaves):
    """Leaves by their keys, none first."""
    return sorted(
        leaves, key=lambda leaf: [*((part is not None, part or "") for part in leaf[:-1]), leaf[-1]]
    )


def direct(requests):
    leaves = defaultdict(int)
    for request in requests:
        leaves[request.leaf] += request.price.amount
    return leaves


def warmup_adjusted(requests):
    leaves = direct(requests)
    for request in requests:
        leaves[request.leaf] += request.share
        leaves[request.owner, *NOBODY, request.model, request.day] -= request.share
    lines = defaultdict(list)
    for request in requests:
        if request.rule == 1:
            lines[request.identifier, request.model].append(request)
    for line in lines.values():
        for place, writer in enumerate(line):
            if writer.inside:
                credit(leaves, writer, line[place + 1 :])
    return leaves


def credit(leaves, writer, later):
    readers = []
    for request in later:
        rest = request.hit * (request.u - request.c) - request.share
        if request.hit and request.consumer != writer.consumer and rest > 0:
            readers.append((request, rest))
        if request.inside:
            break
    amount = min(writer.inner, sum(rest for _, rest in readers))
    if amount > 0:
        leaves[writer.leaf] -= amount
        shares = remainders(amount, [rest for _, rest in readers])
        for (reader, _), share in zip(readers, shares, strict=True):
            leaves[reader.leaf] += share


def platform_tax(requests, registry):
    invoice = sum(request.price.amount for request in requests)
    full = defaultdict(int)
    for request in requests:
        full[request.leaf] += request.price.full
    order = in_order(full)
    net = sum(full.values()) - invoice
    spread = net - floor(registry.keep * net + Fraction(1, 2))
    shares = remainders(spread, [full[leaf] for leaf in order])
    leaves = {leaf: full[leaf] - share for leaf, share in zip(order, shares, strict=True)}
    leaves[registry.platform, *NOBODY, None, None] = invoice - sum(leaves.values())
    return leaves


def pooled(requests):
    leaves = defaultdict(int)
    for model in {request.model for request in requests}:
        own = [request for request in requests if request.model == model]
        weights, pool = defaultdict(int), 0
        for request in own:
            shared = (
                sum(line.amount for line in request.price.lines if line.kind < 3)
                + request.price.storage
            )
            weights[request.leaf] += request.price.full_input
            leaves[request.leaf] += request.price.amount - shared
            pool += shared
        order = in_order(weights)
        shares = remainders(pool, [weights[leaf] for leaf in order])
        for leaf, share in zip(order, shares, strict=True):
            leaves[leaf] += share
    return leaves


def breaks(line, rules, end, deploys, name):
    """Start, stop, baseline and cause of each break of a line."""
    by_day = defaultdict(list)
    for request in line:
        by_day[request.day].append(request)
    healthy, current = [], None
    for day in sorted(by_day):
        if len(by_day[day]) < rules.min_requests:
            continue
        hit, length = (sum(getattr(r, name) for r in by_day[day]) for name in ("hit", "length"))
        last = healthy[-7:]
        if current:
            if Fraction(hit, length) < rules.recover * current[1]:
                continue
            yield finished(*current, day * DAY, deploys, name)
            current = None
        elif len(last) >= 3:
            baseline = Fraction(sum(h for h, _ in last), sum(n for _, n in last))
            if baseline >= Fraction(1, 5) and Fraction(hit, length) < rules.drop * baseline:
                current = day, baseline
                continue
        healthy.append((hit, length))
    if current:
        yield finished(*current, end, deploys, name)


def finished(day, baseline, stop, deploys, name):
    near = [d for d in deploys if (day - 1) * DAY <= d.time < (day + 1) * DAY]
    named = [d for d in near if name in d.prefixes] or [d for d in near if not d.prefixes]
    cause = max(named, key=lambda d: d.time, default=None)
    return (cause.time if cause else day * DAY), stop, baseline, cause


def cache_tax(requests, registry, end, rule):
    """Credit, misses owned, invalidations caused, warm-ups, write premiums, storage by team."""
    taxes = defaultdict(lambda: [0] * 6)
    lines = defaultdict(list)
    for request in requests:
        row = taxes[request.team]
        row[0] += request.price.read_saving
        row[4] += request.price.write_premium - request.inner
        row[5] += request.price.storage
        if request.rule == 3:
            taxes[None][1] += request.excess
        elif request.rule < 3:
            lines[request.name, request.model].append(request)
    for (name, _), line in lines.items():
        tax_line(taxes, name, line, registry, (end, rule))
    return taxes


def tax_line(taxes, name, line, registry, end_and_rule):
    end, rule = end_and_rule
    owner = registry.prefixes[name].owner
    left, causes = list(line), []
    for start, stop, baseline, cause in breaks(
        line, registry.breakage, end, registry.deploys, name
    ):
        inside = [r for r in line if start <= r.time < stop]
        causes.append(cause)
        left = [r for r in left if r not in inside]
        shift = {"owner-of-prefix": start, "last-touch": stop, "7d": start + 7 * DAY}[rule]
        for payer, part in (
            (cause.team if cause else owner, [r for r in inside if r.time < shift]),
            (owner, [r for r in inside if r.time >= shift]),
        ):
            excess = sum(r.excess for r in part)
            usual = floor((1 - baseline) * sum(r.length * (r.u - r.c) for r in part))
            more = max(0, excess - usual)
            if part:
                taxes[payer][1 if payer == owner else 2] += more
                taxes[owner][1] += excess - more
    primed = primings(name, line, [d for d in registry.deploys if d not in causes])
    for request in left:
        if request in primed:
            taxes[primed[request]][3] += request.excess
        else:
            taxes[owner][1] += request.excess


def primings(name, line, deploys):
    """Which requests primed the cache again, and after whose deploy."""
    primed = {}
    for deploy in sorted(deploys, key=lambda d: d.time):
        if name not in deploy.prefixes:
            continue
        for request in line:
            if deploy.time <= request.time < deploy.time + DAY:
                if not request.missed:
                    break
                primed[request] = deploy.team
    return primed

"""Breaks of lines, who pays for them, and the cache tax."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from fractions import Fraction
from math import floor

from tests.finance.plain.numbers import DAY, in_order, money, none_first, ratio

RULES = ("7d", "last-touch", "owner-of-prefix")


def ms(moment):
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def text(time):
    return f"{datetime.fromtimestamp(time // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Break:
    def __init__(self, line, day, baseline, stop, deploys):
        self.baseline, self.stop = baseline, stop
        self.prefix, self.model, self.owner = line[0].prefix, line[0].model, line[0].owner
        near = [d for d in deploys if (day - 1) * DAY <= ms(d["time"]) < (day + 1) * DAY]
        named = [d for d in near if self.prefix in d.get("prefixes", [])]
        silent = [d for d in near if not d.get("prefixes")]
        self.evidence = (
            "deploy names the prefix"
            if named
            else "deploy near in time"
            if silent
            else "no cause shown"
        )
        self.cause = max(named or silent, key=lambda d: d["time"], default=None)
        self.start = ms(self.cause["time"]) if self.cause else day * DAY
        self.requests = [r for r in line if self.start <= r.time < stop]

    def parts(self, rule):
        """Who pays, and for which requests."""
        team = self.cause["team"] if self.cause and rule != "owner-of-prefix" else self.owner
        if rule != "7d":
            return [(team, self.requests)]
        turn = self.start + 7 * DAY
        early = [r for r in self.requests if r.time < turn]
        return [(team, early), (self.owner, [r for r in self.requests if r.time >= turn])]

    def pays(self, rule):
        found = defaultdict(int)
        for payer, requests in self.parts(rule):
            if requests:
                usual = floor((1 - self.baseline) * sum(r.length * r.reads for r in requests))
                found[payer] += max(0, sum(r.excess for r in requests) - usual)
        return dict(sorted(found.items()))

    def row(self):
        cause = self.cause
        return {
            "prefix": self.prefix, "model": self.model, "owner": self.owner, "start": text(self.start), "end": text(self.stop),
            "baseline": ratio(self.baseline, 1), "requests": len(self.requests),
            "hit_rate": ratio(sum(r.hit for r in self.requests), sum(r.length for r in self.requests)),
            "cause": cause and {"team": cause["team"], "what": cause.get("what", ""), "time": text(ms(cause["time"]))},
            "evidence": self.evidence,
            "provider_reasons": dict(sorted(Counter(r.row.miss for r in self.requests if r.row.miss).items())),
            "pays": {rule: {team: money(amount) for team, amount in self.pays(rule).items()} for rule in RULES},
        }  # fmt: skip


def lines(month):
    found = defaultdict(list)
    for request in month.requests:
        if request.rule < 3:
            found[request.prefix, request.model].append(request)
    return in_order(found)


def breaks(month, line):
    rules = month.finance.get("breakage", {})
    drop, recover = (Fraction(rules.get(*one)) for one in (("drop", "0.5"), ("recover", "0.8")))
    days = defaultdict(list)
    for request in line:
        days[request.time // DAY].append(request)
    healthy, since = [], None
    for day in sorted(days):
        if len(days[day]) < rules.get("min_requests", 6):
            continue
        hit, length = (sum(getattr(r, name) for r in days[day]) for name in ("hit", "length"))
        if since:
            if Fraction(hit, length) < recover * since[1]:
                continue
            yield Break(line, *since, day * DAY, month.deploys)
            since = None
        elif len(healthy) >= 3:
            last = healthy[-7:]
            baseline = Fraction(sum(h for h, _ in last), sum(n for _, n in last))
            if baseline >= Fraction(1, 5) and Fraction(hit, length) < drop * baseline:
                since = day, baseline
                continue
        healthy.append((hit, length))
    if since:
        yield Break(line, *since, month.period[1], month.deploys)


def primed(month, line, found):
    """By request, whose deploy it warmed up after."""
    teams = {}
    blamed = [one.cause for one in found]
    for deploy in sorted(month.deploys, key=lambda d: d["time"]):
        if line[0].prefix not in deploy.get("prefixes", []) or any(deploy is d for d in blamed):
            continue
        for request in line:
            if ms(deploy["time"]) <= request.time < ms(deploy["time"]) + DAY:
                if request.missed == 0:
                    break
                teams[id(request)] = deploy["team"]
    return teams


def cache_tax(month):
    """The breaks, and by rule the rows of the tax."""
    found = {key: list(breaks(month, line)) for key, line in lines(month).items()}
    broken = [one for of_line in found.values() for one in of_line]
    return broken, {rule: _rows(month, found, rule) for rule in RULES}


def _rows(month, found, rule):
    rows = defaultdict(lambda: defaultdict(int))
    for request in month.requests:
        row = rows[request.team]
        row["credit"] += request.price.saving
        row["storage"] += request.price.storage
        row["write_premiums"] += request.price.premium - request.inner
        if request.rule == 3:
            rows[None]["misses_owned"] += request.excess
    for key, line in lines(month).items():
        inside = set()
        for one in found[key]:
            inside |= {id(request) for request in one.requests}
            paid = one.pays(rule)
            for payer, amount in paid.items():
                rows[payer]["misses_owned" if payer == one.owner else "invalidations_caused"] += (
                    amount
                )
            rest = sum(request.excess for request in one.requests) - sum(paid.values())
            rows[one.owner]["misses_owned"] += rest
        teams = primed(month, line, found[key])
        for request in line:
            if id(request) in inside:
                continue
            if id(request) in teams:
                rows[teams[id(request)]]["warmups"] += request.excess
            else:
                rows[request.owner]["misses_owned"] += request.excess
    return [_row(month, team, rows[team]) for team in sorted(rows, key=none_first)]


def _row(month, team, row):
    costs = ("misses_owned", "invalidations_caused", "warmups", "write_premiums", "storage")
    net = row["credit"] - sum(row[name] for name in costs)
    found = {
        "team": team,
        **{name: money(row[name]) for name in ("credit", *costs)},
        "net": money(net),
    }
    if any("engineering" in one for one in month.teams.values()):
        text = month.teams.get(team, {}).get("engineering", "0")
        work = int(Fraction(text) * 10**12)
        found |= {"engineering": money(work), "net_of_engineering": money(net - work)}
    return found

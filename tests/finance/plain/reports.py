"""Spikes, routing, trend, classes, capacity, audit."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from tests.finance.plain.numbers import half_up, money, none_first, ratio, summed
from tests.finance.plain.prices import rate, row_of
from tests.finance.plain.tax import text

EFFECTS = ("volume", "mix", "new_or_ended", "size", "hit_rate", "price")


def spend_by_day(month):
    return month.sums(lambda request: request.day, lambda request: request.price.amount)


def days_of(month):
    first, end = (date.fromisoformat(text(time)[:10]) for time in month.period)
    return [first + timedelta(at) for at in range((end - first).days)]


def spike_days(month):
    spent, days = spend_by_day(month), days_of(month)
    found = []
    for at in range(7, len(days)):
        mean = Fraction(sum(spent.get(str(day), 0) for day in days[at - 7 : at]), 7)
        today = spent.get(str(days[at]), 0)
        if today > Fraction(13, 10) * mean:
            found.append({"day": str(days[at]), "spend": money(today)})
    return found


def weeks_that_rose(month):
    """The two calendar weeks of the greatest rise."""
    spent, days = spend_by_day(month), days_of(month)
    weeks = [
        days[at : at + 7]
        for at, day in enumerate(days)
        if day.weekday() == 0 and at + 7 <= len(days)
    ]
    costs = [sum(spent.get(str(day), 0) for day in week) for week in weeks]
    rises = [after - before for before, after in pairwise(costs)]
    if not rises:
        return None
    at = rises.index(max(rises))
    return tuple((week[0], week[-1] + timedelta(1)) for week in weeks[at : at + 2])


def spike(month, before, after):
    old, new = ([r for r in month.requests if str(a) <= r.day < str(b)] for a, b in (before, after))
    rows = []
    for name in sorted({(r.feature, r.model) for r in old + new}, key=none_first):
        effects = _effects(name, old, new)
        ends = (
            money(sum(r.price.amount for r in cell))
            for cell in (_cell(name, old), _cell(name, new))
        )
        rows.append(
            (
                {
                    "feature": name[0],
                    "model": name[1],
                    **dict(zip(("before", "after"), ends, strict=True)),
                },
                effects,
            )
        )
    total = {effect: sum(effects[effect] for _, effects in rows) for effect in EFFECTS}
    amounts = [money(sum(r.price.amount for r in half)) for half in (old, new)]
    return {
        "before": [*map(str, before)], "after": [*map(str, after)],
        "rows": [row | {effect: money(amount) for effect, amount in effects.items()} for row, effects in rows],
        "total": {"before": amounts[0], "after": amounts[1], **{effect: money(amount) for effect, amount in total.items()}},
    }  # fmt: skip


def _cell(name, requests):
    return [request for request in requests if (request.feature, request.model) == name]


def _effects(name, old, new):
    was, now = _cell(name, old), _cell(name, new)
    found = dict.fromkeys(EFFECTS, 0)
    v0, v5 = (sum(r.price.amount for r in cell) for cell in (was, now))
    if not was:
        found["mix" if any(r.feature == name[0] for r in old) else "new_or_ended"] = v5
        return found
    v1 = half_up(Fraction(v0 * len(new), len(old)))
    found["volume"] = v1 - v0
    if not now:
        found["mix" if any(r.feature == name[0] for r in new) else "new_or_ended"] = -v1
        return found
    rest = _repriced(was, now, False)
    logical = [sum(r.counts.logical for r in cell) for cell in (was, now)]
    inputs = [sum(r.price.input_cost for r in cell) for cell in (was, now)]
    v2 = half_up(Fraction(v0 * len(now), len(was)))
    v3 = half_up((Fraction(inputs[0] * logical[1], logical[0]) if logical[0] else inputs[1]) + rest)
    v4 = half_up(_repriced(was, now, True) + rest)
    return found | {"mix": v2 - v1, "size": v3 - v2, "hit_rate": v4 - v3, "price": v5 - v4}


def _lines(requests, is_input):
    lines = [
        line for request in requests for line in request.price.lines if line.is_input is is_input
    ]
    return summed((line.name, line.quantity) for line in lines), summed(
        (line.name, line.amount) for line in lines
    )


def _repriced(was, now, is_input):
    """New quantities at old prices."""
    (old, cost), (quantities, amounts) = _lines(was, is_input), _lines(now, is_input)
    return sum(
        quantity * Fraction(cost[name], old[name]) if old.get(name) else Fraction(amounts[name])
        for name, quantity in quantities.items()
    )


def routing(month):
    last, moves = {}, {}
    for b in month.requests:
        a = last.get(b.session) if b.session is not None else None
        last[b.session] = b
        if a is None or a.model == b.model or b.time - a.time > 300_000:
            continue
        front = min((a.counts.cached or 0) + sum(a.writes.values()), b.counts.logical)
        if not front:
            continue
        usage = a.row.usage
        row = row_of(
            month.card, usage.provider, usage.model, dict(usage.terms), b.time, b.counts.logical
        )
        u, c, o = (
            rate(row.get(name, row["input"]), 10**6) for name in ("input", "cached", "output")
        )
        stayed = (b.counts.logical - front) * u + front * c + (b.counts.output or 0) * o
        forfeited = max(0, front - (b.counts.cached or 0)) * (u - c)
        moves.setdefault((a.model, b.model, b.team), []).append((forfeited, b.price.amount, stayed))
    rows = []
    for before, after, team in sorted(moves, key=none_first):
        sums = [sum(column) for column in zip(*moves[before, after, team], strict=True)]
        rows.append({
            "from": before, "to": after, "team": team, "moves": len(moves[before, after, team]), "forfeited": money(sums[0]),
            "paid": money(sums[1]), "had_it_stayed": money(sums[2]), "loss": money(sums[1] - sums[2]),
        })  # fmt: skip
    return rows


def trend(month):
    groups = {}
    for request in month.requests:
        if request.prefix is not None:
            day = date.fromisoformat(request.day)
            groups.setdefault((str(day - timedelta(day.weekday())), request.prefix), []).append(
                request
            )
    return [
        {
            "week": week, "prefix": prefix, "tokens": sum(r.length for r in group), "hit": sum(r.hit for r in group),
            "hit_rate": ratio(sum(r.hit for r in group), sum(r.length for r in group)),
            "saving": money(sum(r.hit * r.reads for r in group)), "excess": money(sum(r.excess for r in group)),
        }
        for (week, prefix), group in sorted(groups.items())
    ]  # fmt: skip


def unowned(month):
    found = []
    for prefix in sorted({r.prefix for r in month.requests if r.rule == 3}):
        group = [r for r in month.requests if r.prefix == prefix]
        found.append({
            "prefix": prefix, "requests": len(group), "hit_tokens": sum(r.hit for r in group),
            "saving": money(sum(r.hit * r.reads for r in group)), "teams": sorted({r.team for r in group} - {None}),
        })  # fmt: skip
    return found


def classes(month):
    lines = [
        ((r.team, line.name), line.quantity, line.amount)
        for r in month.requests
        for line in r.price.lines
    ]
    lines += [
        ((r.team, "output: of it reasoning"), r.counts.reasoning, 0)
        for r in month.requests
        if r.counts.reasoning
    ]
    quantities, amounts = (
        summed((key, n) for key, n, _ in lines),
        summed((key, amount) for key, _, amount in lines),
    )
    return [
        {"team": key[0], "class": key[1], "quantity": n, "amount": money(amounts[key])}
        for key, n in quantities.items()
    ]


def capacity(month):
    found = []
    for model in month.keys("model"):
        own = [r for r in month.requests if r.model == model]
        hours = summed(
            (
                r.time // 3_600_000,
                r.counts.logical - (r.counts.cached or 0) + (r.counts.output or 0),
            )
            for r in own
        )
        peak = max(hours, key=lambda hour: (hours[hour], -hour))
        found.append({
            "model": model, "computed_tokens": sum(hours.values()), "peak_hour": text(peak * 3_600_000), "peak_tokens": hours[peak],
        })  # fmt: skip
    return found


def audit(month):
    columns = {
        "input": lambda r: r.counts.logical, "cached": lambda r: r.counts.cached,
        "writes": lambda r: None if r.counts.writes is None else sum(r.counts.writes.values()),
        "output": lambda r: r.counts.output, "model": lambda r: r.row.usage.model, "team": lambda r: r.row.tags.get("team"),
        "surface": lambda r: r.surface,
    }  # fmt: skip
    asked = [r for r in month.requests if r.counts.logical]
    found = []
    for provider in sorted({r.row.usage.provider for r in asked}):
        for column, value in columns.items():
            stated = [
                value(r) for r in asked if r.row.usage.provider == provider and value(r) is not None
            ]
            nonzero = sum(one not in (0, "") for one in stated)
            verdict = "ok" if nonzero else "always zero" if stated else "missing"
            found.append(
                {
                    "provider": provider,
                    "column": column,
                    "present": len(stated),
                    "nonzero": nonzero,
                    "verdict": verdict,
                }
            )
    return found

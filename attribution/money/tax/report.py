"""The cache tax and the breaks, JSON-ready."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attribution.money.amounts import money, ratio, rounded
from attribution.money.moments import instant
from attribution.money.registry import Registry, Rule
from attribution.money.tax.cache_tax import Taxes
from attribution.money.tax.payers import Measured


def tax_rows(taxes: Taxes, registry: Registry) -> list[dict[str, Any]]:
    """A row for each team; with what work on the cache cost, where the registry states that of any."""
    states = any(team.engineering for team in registry.teams.values())
    rows = []
    for team, tax in taxes.items():
        row = {
            "team": team,
            "credit": money(tax.credit),
            "misses_owned": money(tax.misses_owned),
            "invalidations_caused": money(tax.invalidations_caused),
            "warmups": money(tax.warmups),
            "write_premiums": money(tax.write_premiums),
            "storage": money(tax.storage),
            "net": money(tax.net),
        }
        if states:
            known = None if team is None else registry.teams.get(team)
            work = 0 if known is None else known.engineering
            row |= {"engineering": money(work), "net_of_engineering": money(tax.net - work)}
        rows.append(row)
    return rows


def break_rows(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Each break with its cause, on what evidence, and who pays by each rule."""
    return [
        {
            "prefix": one.broken.prefix,
            "model": one.broken.model,
            "owner": one.broken.owner,
            "start": instant(one.broken.start),
            "end": instant(one.broken.stop),
            "baseline": rounded(one.broken.baseline, 6),
            "requests": one.whole.requests,
            "hit_rate": ratio(one.whole.hit, one.whole.tokens),
            "cause": _cause(one),
            "evidence": one.broken.evidence,
            "provider_reasons": dict(one.reasons),
            "pays": {
                str(rule): {
                    payer: money(amount) for payer, amount in sorted(one.pays(rule).items())
                }
                for rule in (Rule.SEVEN_DAYS, Rule.LAST_TOUCH, Rule.OWNER_OF_PREFIX)
            },
        }
        for one in measured
    ]


def _cause(one: Measured) -> dict[str, str] | None:
    deploy = one.broken.cause
    if deploy is None:
        return None
    return {"team": deploy.team, "what": deploy.what, "time": instant(deploy.time)}

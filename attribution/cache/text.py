"""The cache report for people, in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from attribution.cache.misses import Miss
from attribution.cache.rates import Rates
from attribution.cache.replay import Shortfall
from attribution.cache.report import CacheReport, Claimed, Missing, one_decimal, percent
from verifier import escape, plural, show_instant

_MOST = 10


def render(report: CacheReport) -> str:
    """The report as text."""
    return "\n".join([*_lines(report), ""])


def _lines(report: CacheReport) -> Iterator[str]:
    rates = report.table.all
    yield from _signer(report)
    yield f"hit rate: {percent(rates.by_tokens)} by tokens, {percent(rates.by_requests)} by requests"
    yield f"  {rates.requests:,} requests, {rates.logical:,} input tokens"
    yield f"  {rates.cached:,} tokens cached, {rates.written:,} written"
    if rates.unstated:
        yield f"  {plural(rates.unstated, 'request')} without a count of cached tokens are left out"
    if report.claimed is not None:
        yield from _claimed(report.claimed)
    for policy in report.policies.values():
        yield f"policy {policy.name}: {policy.strength}, as of {policy.as_of}"
        yield f"  {policy.source}"
    for provider, count in report.without_policy.items():
        yield f"no policy is known of {escape(provider) or 'no provider'}: {plural(count, 'request')}"
    yield ""
    seconds = report.longest_request_ms // 1000
    yield from _missing("due, since the policy promises it", report.due, seconds)
    yield from _missing("expected, but not promised", report.expected, seconds)
    yield from _misses(report.misses)
    for name in ("model", "tag", "day", "identifier"):
        yield from _rates(name, report.table.by[name])
    yield "tokens, hits: hit rate by tokens, by requests; r/w: reads for each write;"
    yield "off: how much less the repeated part costs; earned: whether writing paid off"


def _signer(report: CacheReport) -> Iterator[str]:
    """Whose word all of it rests on, where that is not the biller's."""
    if not report.observed:
        return
    if report.observed == report.receipts:
        yield "signed by the observer, not by the biller"
    else:
        of = f"{report.observed:,} of {plural(report.receipts, 'receipt')}"
        yield f"{of} signed by an observer, not by the biller"
    yield "  it rests on the provider's usage objects, as they were observed"


def _claimed(claimed: Claimed) -> Iterator[str]:
    word = "discrepancy" if claimed.discrepancy else "agrees"
    yield f"claimed hit rate {percent(claimed.claimed)}: {word}"
    for name, interval in (("tokens", claimed.by_tokens), ("requests", claimed.by_requests)):
        if interval:
            low, high = map(percent, interval)
            yield f"  the receipts show {low if low == high else f'{low} to {high}'} by {name}"


def _missing(title: str, missing: Missing, seconds: int) -> Iterator[str]:
    if not missing.checked:
        return
    yield f"credits {title}"
    if missing.requests:
        yield f"  {missing.tokens:,} tokens in {plural(missing.requests, 'request')} of {missing.checked:,} were not credited"
        yield f"  {'request':28} {'expected':>9} {'credited':>9} {'difference':>10}"
        yield from map(_shortfall, missing.listed[:_MOST])
        if missing.requests > _MOST:
            yield f"  and {missing.requests - _MOST:,} more (--json)"
    elif missing.unknown or missing.undecided:
        yield f"  none is known to be missing, of {plural(missing.checked, 'request')}"
    else:
        yield f"  none is missing, of {plural(missing.checked, 'request')}"
    if missing.unknown:
        yield f"  not known for {plural(missing.unknown, 'request')}: no identifier and no prompt says what"
        yield "    they begin with"
    if missing.undecided:
        yield f"  not decided for {plural(missing.undecided, 'request')}, {missing.undecided_tokens:,} tokens: within {seconds} s of what"
        yield "    they would read, or of its end (--longest-request)"
    yield ""


def _shortfall(one: Shortfall) -> str:
    return f"  {escape(one.request, 28):28} {one.expected:>9,} {one.credited:>9,} {one.tokens:>10,}  {one.policy}"


def _misses(misses: list[Miss]) -> Iterator[str]:
    if not misses:
        return
    yield "misses"
    for miss in misses[:_MOST]:
        yield f"  {miss.reason}: {plural(miss.requests, 'request')}, {miss.tokens:,} tokens not cached"
        if miss.detail:
            yield f"    {escape(miss.detail)}"
        yield f"    {escape(miss.model, 30)} {escape(' '.join(f'{k}={v}' for k, v in miss.tags), 40)}".rstrip()
        yield f"    from {show_instant(miss.since)} on, first {escape(miss.first, 28)}"
        place = _place(miss)
        if place:
            yield f"    {place}"
        if miss.texts:
            yield f"    before: {escape(miss.texts[0])}"
            yield f"    now:    {escape(miss.texts[1])}"
    if len(misses) > _MOST:
        yield f"  and {len(misses) - _MOST:,} more (--json)"
    yield ""


def _place(miss: Miss) -> str:
    if miss.block:
        return f"departs in {miss.block}"
    if miss.upto is None:
        return f"its prefix of {miss.shared:,} tokens was sent before" if miss.shared else ""
    if not miss.shared:
        return f"departs in the first {miss.upto:,} tokens"
    return f"departs after {miss.shared:,} and before {miss.upto:,} tokens"


def _rates(name: str, rows: dict[str, Rates]) -> Iterator[str]:
    if not rows:
        return
    yield f"{name:18} {'requests':>8} {'cached':>12} {'tokens':>7} {'hits':>7} {'r/w':>8} {'off':>6} earned"
    ordered = sorted(rows.items(), key=lambda row: (-row[1].logical, row[0]))
    for value, rates in ordered[:_MOST]:
        per_write = rates.reads_per_write
        ratio = "-" if per_write is None else one_decimal(per_write)
        earned = {None: "-", True: "yes", False: "no"}[rates.earned_back]
        short = value.split(" ")[-1] if name == "identifier" else value
        yield (
            f"{escape(short, 18):18} {rates.requests:>8,} {rates.cached:>12,} {percent(rates.by_tokens):>7} "
            f"{percent(rates.by_requests):>7} {ratio:>8} {percent(rates.repeated_off):>6} {earned:>6}"
        )
    if len(rows) > _MOST:
        yield f"and {len(rows) - _MOST:,} more (--json)"
    yield ""

"""What the numbers of one receipt must satisfy (verification step 8; spec/receipt.md, Identities).

One function an identity, in the order of the spec; each tells every fault it finds. That of the charge is in `verifier.item.charge`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from verifier.format.claims import Receipt, TokenCounts
from verifier.format.envelope import Fault
from verifier.format.units import INSIDE, is_by_time
from verifier.item.charge import charge
from verifier.item.faults import unequal
from verifier.report.shown import shown


def check_receipt(
    receipt: Receipt, *, require_cache_id: bool = False, observers: Collection[str] | None = None
) -> list[Fault]:
    """All faults of a receipt's numbers, and who the caller demands to have signed it.

    ``observers``: the issuers that need not bill; None: it is not asked.
    """
    faults = [fault for identity in IDENTITIES for fault in identity(receipt)]
    if require_cache_id and receipt.cached and receipt.cache_read is None:
        faults.append(
            Fault("cache-id-missing", f"{receipt.cached} cached tokens without an identifier")
        )
    if observers is not None and receipt.observed and receipt.issuer not in observers:
        faults.append(
            Fault(
                "receipt-observed",
                "the issuer observed what the provider's usage object said, and does not bill",
                field="source.observed",
            )
        )
    return faults


def attribution(receipt: Receipt) -> Iterator[Fault]:
    """R-8.1, R-8.2, R-8.7: cached + attributed = logical."""
    if receipt.cached is None:
        yield Fault("cached-unstated", "cached tokens are not stated", field="input.cached")
    else:
        yield from _attributed(receipt.counts)


def _attributed(counts: TokenCounts) -> Iterator[Fault]:
    if counts.cached is None or counts.attributed is None:
        return
    if counts.cached > counts.logical:
        most = f"at most {counts.logical}"
        yield unequal("cached-exceeds-logical", "input.cached", most, counts.cached)
    elif counts.cached + counts.attributed != counts.logical:
        expected = counts.logical - counts.cached
        yield unequal("attributed-mismatch", "input.attributed", expected, counts.attributed)


def writes(receipt: Receipt) -> Iterator[Fault]:
    """R-8.3: sum(writes) <= attributed, or logical where attributed is not stated."""
    return _written(receipt.counts)


def _written(counts: TokenCounts) -> Iterator[Fault]:
    written = sum((counts.writes or {}).values())
    most = counts.logical if counts.attributed is None else counts.attributed
    if written > most:
        yield unequal("writes-exceed-attributed", "input.writes", f"at most {most}", written)


def reasoning(receipt: Receipt) -> Iterator[Fault]:
    """R-8.4: reasoning <= output."""
    return _reasoned(receipt.counts)


def _reasoned(counts: TokenCounts) -> Iterator[Fault]:
    if counts.reasoning is not None and counts.reasoning > (counts.output or 0):
        most = f"at most {counts.output}"
        yield unequal("reasoning-exceeds-output", "output.reasoning", most, counts.reasoning)


def cache_entries(receipt: Receipt) -> Iterator[Fault]:
    """R-8.5: the prefix that was read is as long as the cached tokens; no prefix is longer than the prompt."""
    read = receipt.cache_read
    if read is not None and read.prefix != receipt.cached:
        expected = "absent" if not receipt.cached else receipt.cached
        yield unequal("cache-entry-mismatch", "cache.read.prefix", expected, read.prefix)
    for name, entries in (("writes", receipt.cache_writes), ("commitments", receipt.commitments)):
        for i, entry in enumerate(entries):
            if entry.prefix > receipt.logical:
                yield unequal(
                    "cache-entry-mismatch",
                    f"cache.{name}.{i}.prefix",
                    f"at most {receipt.logical}",
                    entry.prefix,
                )


def parts(receipt: Receipt) -> Iterator[Fault]:
    """R-8.9: parts of a count are no more than it."""
    for count, sum_, field in _part_sums(receipt, receipt.units or {}):
        if sum_ > count:
            yield unequal("parts-mismatch", field, f"at most {count}", sum_)


def _part_sums(receipt: Receipt, units: Mapping[str, int]) -> Iterator[tuple[int, int, str]]:
    """What parts sum to, after what they may at most: in the order of the identity."""
    inputs, cached, outputs = (
        {part: units[part] for part in names if part in units} for names in INSIDE.values()
    )
    yield receipt.logical, sum(inputs.values()), "units.input"
    pairs = [(part, part.replace("cached.", "input.")) for part in cached]
    for part, whole in pairs:
        if whole in inputs:
            yield inputs[whole], cached[part], f"units.{part}"
    yield receipt.cached or 0, sum(cached.values()), "units.cached"
    known = {whole: cached[part] for part, whole in pairs}
    computed = [
        inputs[part] - known.get(part, 0) for part in inputs if part in known or receipt.cached == 0
    ]
    yield (
        receipt.logical if receipt.attributed is None else receipt.attributed,
        sum(computed),
        "units.input - units.cached",
    )
    if outputs:
        sum_ = sum(outputs.values()) + (receipt.reasoning or 0)
        yield receipt.output or 0, sum_, "units.output"


def models(receipt: Receipt) -> Iterator[Fault]:
    """R-8.10: the counts of each model are sound, and those of the receipt are their sums."""
    if receipt.models is None:
        return
    for model, counts in receipt.models.items():
        for identity in (_attributed, _written, _reasoned):
            for fault in identity(counts):
                field = f"models.{model}.{fault.field}"
                yield unequal("models-mismatch", field, fault.expected or "", fault.actual or "")
    total = _summed(list(receipt.models.values()))
    for field in ("logical", "cached", "writes", "output", "reasoning"):
        expected, actual = getattr(total, field), getattr(receipt, field)
        if expected != actual:
            yield unequal("models-mismatch", field, shown(expected), shown(actual))


def _summed(counts: list[TokenCounts]) -> TokenCounts:
    """The counts of a response, of those of its models."""
    written: dict[int, int] = {}
    for one in counts:
        for ttl, tokens in (one.writes or {}).items():
            written[ttl] = written.get(ttl, 0) + tokens
    outputs = [one.output for one in counts if one.output is not None]
    reasoned = [one.reasoning for one in counts if one.output is not None]
    return TokenCounts(
        sum(one.logical for one in counts),
        _sum_of_all([one.cached for one in counts]),
        None,  # follows from these two
        written or None,
        sum(outputs) if outputs else None,
        _sum_of_all(reasoned),
    )


def _sum_of_all(counts: list[int | None]) -> int | None:
    """The sum, if there are any and all are stated."""
    stated = [count for count in counts if count is not None]
    return sum(stated) if stated and len(stated) == len(counts) else None


def span(receipt: Receipt) -> Iterator[Fault]:
    """R-8.11: what is billed by time states nothing that belongs to a request."""
    if receipt.span is None:
        return
    cache = receipt.cache_read or receipt.cache_writes or receipt.commitments
    for field, expected, is_right in (
        ("input", "0 logical and 0 cached tokens", receipt.counts[:4] == (0, 0, 0, None)),
        ("output", "nothing", receipt.output is None),
        ("cache", "nothing", not cache),
        ("client", "nothing", receipt.client is None),
        (
            "units",
            "units of time",
            bool(receipt.units) and all(map(is_by_time, receipt.units or ())),
        ),
        ("models", "nothing", receipt.models is None),
        ("span.end", "not after time", receipt.span.end <= receipt.time),
    ):
        if not is_right:
            yield unequal("span-mismatch", field, expected, "something else")
            return


IDENTITIES: Final[tuple[Callable[[Receipt], Iterator[Fault]], ...]] = (
    attribution,
    writes,
    reasoning,
    cache_entries,
    charge,
    parts,
    models,
    span,
)

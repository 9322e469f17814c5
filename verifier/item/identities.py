"""What the numbers of one receipt must satisfy (verification step 8; spec/receipt.md, Identities).

One function an identity, in the order of the spec; each tells every fault it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from verifier.format.claims import CACHE_READ, CACHE_WRITE, OUTPUT, UNCACHED, Charge, Receipt
from verifier.format.envelope import Fault


def check_receipt(receipt: Receipt, *, require_cache_id: bool = False) -> list[Fault]:
    """All faults of a receipt's numbers."""
    faults = [fault for identity in IDENTITIES for fault in identity(receipt)]
    if require_cache_id and receipt.cached and receipt.cache_read is None:
        faults.append(
            Fault("cache-id-missing", f"{receipt.cached} cached tokens without an identifier")
        )
    return faults


def attribution(receipt: Receipt) -> Iterator[Fault]:
    """R-8.1, R-8.2, R-8.7: cached + attributed = logical."""
    if receipt.cached is None or receipt.attributed is None:
        yield Fault("cached-unstated", "cached tokens are not stated", field="input.cached")
    elif receipt.cached > receipt.logical:
        yield _fault(
            "cached-exceeds-logical", "input.cached", f"at most {receipt.logical}", receipt.cached
        )
    elif receipt.cached + receipt.attributed != receipt.logical:
        expected = receipt.logical - receipt.cached
        yield _fault("attributed-mismatch", "input.attributed", expected, receipt.attributed)


def writes(receipt: Receipt) -> Iterator[Fault]:
    """R-8.3: sum(writes) <= attributed, or logical where attributed is not stated."""
    if receipt.writes is None:
        return
    written = sum(receipt.writes.values())
    most = receipt.logical if receipt.attributed is None else receipt.attributed
    if written > most:
        yield _fault("writes-exceed-attributed", "input.writes", f"at most {most}", written)


def reasoning(receipt: Receipt) -> Iterator[Fault]:
    """R-8.4: reasoning <= output."""
    if (
        receipt.reasoning is not None
        and receipt.output is not None
        and receipt.reasoning > receipt.output
    ):
        yield _fault(
            "reasoning-exceeds-output",
            "output.reasoning",
            f"at most {receipt.output}",
            receipt.reasoning,
        )


def cache_entries(receipt: Receipt) -> Iterator[Fault]:
    """R-8.5: the prefix that was read is as long as the cached tokens; no prefix is longer than the prompt."""
    read = receipt.cache_read
    if read is not None and read.prefix != receipt.cached:
        expected = "absent" if not receipt.cached else receipt.cached
        yield _fault("cache-entry-mismatch", "cache.read.prefix", expected, read.prefix)
    for name, entries in (("writes", receipt.cache_writes), ("commitments", receipt.commitments)):
        for i, entry in enumerate(entries):
            if entry.prefix > receipt.logical:
                yield _fault(
                    "cache-entry-mismatch",
                    f"cache.{name}.{i}.prefix",
                    f"at most {receipt.logical}",
                    entry.prefix,
                )


def charge(receipt: Receipt) -> Iterator[Fault]:
    """R-8.6: lines are tokens times rate, the amount is their sum, and their tokens are the receipt's."""
    if receipt.charge is None:
        return
    for i, line in enumerate(receipt.charge.lines):
        if line.tokens * line.rate != line.amount:
            yield _fault(
                "charge-mismatch", f"charge.lines.{i}.amount", line.tokens * line.rate, line.amount
            )
    amount = sum(line.amount for line in receipt.charge.lines)
    if amount != receipt.charge.amount:
        yield _fault("charge-mismatch", "charge.amount", amount, receipt.charge.amount)
    yield from _charged_tokens(receipt, receipt.charge)


def _charged_tokens(receipt: Receipt, charge: Charge) -> Iterator[Fault]:
    if receipt.cached is None or receipt.attributed is None:
        yield _fault(
            "charge-mismatch", "input.cached", "stated, since there is a charge", "nothing"
        )
        return
    written = receipt.writes or {}
    due: dict[tuple[int, int | None], int] = {
        (UNCACHED, None): receipt.attributed - sum(written.values()),
        (CACHE_READ, None): receipt.cached,
        **{(CACHE_WRITE, ttl): tokens for ttl, tokens in written.items()},
        (OUTPUT, None): receipt.output or 0,
    }
    charged: dict[tuple[int, int | None], int] = dict.fromkeys(due, 0)
    for line in charge.lines:
        charged[line.kind, line.ttl] = charged.get((line.kind, line.ttl), 0) + line.tokens
    for (kind, ttl), tokens in charged.items():
        if tokens != due.get((kind, ttl), 0):
            which = f"class {kind}" if ttl is None else f"class {kind}, TTL {ttl} s"
            yield _fault(
                "charge-mismatch", f"charge.lines ({which})", due.get((kind, ttl), 0), tokens
            )


IDENTITIES: tuple[Callable[[Receipt], Iterator[Fault]], ...] = (
    attribution,
    writes,
    reasoning,
    cache_entries,
    charge,
)


def _fault(code: str, field: str, expected: str | int, actual: str | int) -> Fault:
    message = f"{field}: expected {expected}, found {actual}"
    return Fault(code, message, field=field, expected=str(expected), actual=str(actual))

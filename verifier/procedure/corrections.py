"""Corrections against what they correct (R-9.8 to R-9.10): the bytes of both are read once more, and held against their digests."""

from __future__ import annotations

from collections.abc import Iterator

from verifier.format.claims import Corrected, Receipt
from verifier.item.opening import Opened, open_item
from verifier.order.corrections import Correction
from verifier.procedure.run import Run
from verifier.reading.framing import ChangedError
from verifier.report.findings import DETAILED, Conflict, Finding


def compare_corrections(run: Run) -> list[Conflict]:
    """R-9.8 to R-9.10. A correction of what is not here is from now on the receipt of its request (R-9.6).

    Raises:
        OSError: the input cannot be read once more, or there is no room.
    """
    corrections = run.collection.corrections
    if not corrections:
        return []
    corrections.locate(run.collection.index)
    conflicts = list(_repeated(run))
    for one in corrections.all():
        if one.corrected is None:
            run.collection.requests.add((one.issuer, one.account), [one.request], [one.item])
            _tell_unknown(run, one)
        else:
            _compare(run, one)
    return conflicts


def _repeated(run: Run) -> Iterator[Conflict]:
    """R-9.8."""
    for count, (first, again) in enumerate(run.collection.corrections.repeated()):
        if count >= DETAILED:
            run.findings.count_more("correction-repeated", 1)
            continue
        earlier, later = _open_correction(run, first), _open_correction(run, again)
        message = f"item {first.item} corrects the same receipt, {again.target.hex()}"
        _tell(run, again, "correction-repeated", message, later)
        if earlier.signed and later.signed:
            pair = (run.batch.fetch(one.item, one.offset) for one in (first, again))
            yield Conflict("correction-repeated", *pair)


def _tell_unknown(run: Run, one: Correction) -> None:
    """R-9.9."""
    message = f"the receipt with the digest {one.target.hex()} is not here"
    finding = Finding("correction-unknown", message, item=one.item, offset=one.offset)
    finding.issuer, finding.account = finding.group = one.issuer, one.account
    run.findings.add(finding)


def _compare(run: Run, one: Correction) -> None:
    """R-9.10."""
    opened = _open_correction(run, one)
    before = _open(run, one.corrected or 0, one.corrected_offset or 0, one.target)
    later, earlier = _claims(opened), _claims(before)
    if later.corrects is None:
        raise ChangedError("the input changed while it was read")
    for field, expected, actual in _compared(earlier, later, later.corrects):
        if expected != actual:
            message = f"{field}: item {one.corrected} has {expected}, its correction {actual}"
            values = {"field": field, "expected": str(expected), "actual": str(actual)}
            _tell(run, one, "correction-differs", message, opened, **values)
            return


def _compared(
    earlier: Receipt, later: Receipt, said: Corrected
) -> Iterator[tuple[str, object, object]]:
    """What has to be equal: the field, what the corrected receipt has, and what its correction says."""
    for field in ("issuer", "account", "request", "client", "span"):
        yield field, getattr(earlier, field), getattr(later, field)
    for field, had, now in zip(earlier.counts._fields, earlier.counts, said.counts, strict=True):
        yield f"corrects.{field}", had, now
    charge = earlier.charge
    yield "corrects.units", earlier.units, said.units
    yield "corrects.currency", None if charge is None else charge.currency, said.currency
    yield "corrects.amount", None if charge is None else charge.amount, said.amount


def _open_correction(run: Run, one: Correction) -> Opened:
    digest = run.collection.index.at(one.position).digest(0)
    return _open(run, one.item, one.offset, digest)


def _open(run: Run, item: int, offset: int, digest: bytes) -> Opened:
    opened = open_item(
        run.batch.fetch(item, offset), run.question.policy, signatures=run.demand.signatures
    )
    if opened.digest != digest:
        raise ChangedError("the input changed while it was read")
    return opened


def _claims(opened: Opened) -> Receipt:
    if not isinstance(opened.claims, Receipt):
        raise ChangedError("the input changed while it was read")
    return opened.claims


def _tell(
    run: Run, one: Correction, code: str, message: str, opened: Opened, **values: str
) -> None:
    place = {"item": one.item, "offset": one.offset}
    run.findings.add(Finding.about(_claims(opened), code, message, **place, **values))

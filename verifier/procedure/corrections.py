"""Corrections against what they correct (R-9.8 to R-9.10): the bytes of both are read once more, and held against their digests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from verifier.format.claims import Receipt
from verifier.item.correction import contradiction
from verifier.item.opening import Opened, open_item
from verifier.order.corrections import Correction
from verifier.procedure.run import Run
from verifier.reading.framing import ChangedError
from verifier.report.findings import KEPT, Conflict, Finding


def compare_corrections(run: Run) -> list[Conflict]:
    """R-9.8 to R-9.10. A correction of what is not here is from now on the receipt of its request (R-9.6).

    Raises:
        OSError: the input cannot be read once more, or there is no room.
    """
    corrections = run.collection.corrections
    if not corrections:
        return []
    corrections.locate(run.collection.index)
    comparison = _Comparison(run)
    corrections.settle([one.item for one in corrections.all() if comparison.is_left_out(one)])
    return list(comparison.repeated())


class _Comparison:
    """The corrections of a run, and what they correct; of many corrections of one receipt, that is opened once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._open = lru_cache(maxsize=16)(self._open_once)

    def is_left_out(self, one: Correction) -> bool:
        """R-9.9, R-9.10; whether the correction is not validly signed and what it names is: then it corrects nothing."""
        opened = self._correction(one)
        if one.corrected is None:
            if opened.signed:
                account = (one.issuer, one.account)
                self._run.collection.requests.add(account, [one.request], [one.item])
            self._tell_unknown(one)
            return False
        before = self._open(one.corrected, one.corrected_offset or 0, one.target)
        if before.signed and not opened.signed:
            return True
        found = contradiction(_claims(before), _claims(opened))
        if found is not None:
            message = f"{found.field}: item {one.corrected} has {found.expected}, its correction {found.actual}"
            self._tell(one, "correction-differs", message, opened, **found._asdict())
        return False

    def repeated(self) -> Iterator[Conflict]:
        """R-9.8."""
        for count, (first, again) in enumerate(self._run.collection.corrections.repeated()):
            if count >= KEPT:
                self._run.findings.count_more("correction-repeated", 1)
                continue
            earlier, later = self._correction(first), self._correction(again)
            message = f"item {first.item} corrects the same receipt, {again.target.hex()}"
            self._tell(again, "correction-repeated", message, later)
            if earlier.signed and later.signed:
                pair = (self._run.batch.fetch(one.item, one.offset) for one in (first, again))
                yield Conflict("correction-repeated", *pair)

    def _tell_unknown(self, one: Correction) -> None:
        message = f"the receipt with the digest {one.target.hex()} is not here"
        finding = Finding("correction-unknown", message, item=one.item, offset=one.offset)
        finding.issuer, finding.account = finding.group = one.issuer, one.account
        self._run.findings.add(finding)

    def _tell(
        self, one: Correction, code: str, message: str, opened: Opened, **values: str
    ) -> None:
        place = {"item": one.item, "offset": one.offset}
        self._run.findings.add(Finding.about(_claims(opened), code, message, **place, **values))

    def _correction(self, one: Correction) -> Opened:
        digest = self._run.collection.index.at(one.position).digest(0)
        return self._open(one.item, one.offset, digest)

    def _open_once(self, item: int, offset: int, digest: bytes) -> Opened:
        run = self._run
        raw = run.batch.fetch(item, offset)
        opened = open_item(raw, run.question.policy, signatures=run.demand.signatures)
        if opened.digest != digest:
            raise ChangedError("the input changed while it was read")
        return opened


def _claims(opened: Opened) -> Receipt:
    if not isinstance(opened.claims, Receipt):
        raise ChangedError("the input changed while it was read")
    return opened.claims

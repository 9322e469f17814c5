"""Pages of usage and cost APIs: ``data`` has buckets of time, and each of them ``results``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from attribution.money.reconcile.document import Node, Source
from attribution.money.reconcile.invoice import Invoice


def results(
    file: str, data: bytes, start: str, known: tuple[str, ...], invoice: Invoice
) -> Iterator[tuple[date, Node]]:
    """Each result with its day.

    Args:
        file: its name.
        data: its bytes: a page, or several.
        start: the member that says when a bucket begins.
        known: members of a result that are read, or say nothing that counts here; others are told.
        invoice: hears of them, and of pages.

    Raises:
        InvoiceError: it is no such file.
    """
    for page in Source(file, data).values():
        more = page.get("has_more")
        invoice.pages.append(more is not None and more.flag())
        for bucket in page.member("data").items():
            day = bucket.member(start).day()
            for result in bucket.member("results").items():
                invoice.ignore(result.unknown(known))
                yield day, result

"""Whole reports as text, word for word: ``python -m tests.reports`` writes them anew, and the difference shows what a change says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from receipts import Charge, ChargeLine, Counts, Issuer, corrected
from tests.build import ACCOUNT, DECEMBER, ISSUER, KEY, NOON, NOVEMBER, Batch, Stream, jwk_set
from tests.test_corrections import charge, closed
from tests.test_vectors import DOCUMENTS, run
from verifier import Policy, Report, by_kid, bytes_source, read_jwks, verify

HERE = Path(__file__).parent
_VECTORS = {vector["id"]: (document, vector) for document in DOCUMENTS.values() for vector in document["vectors"]}  # fmt: skip
_NAMES = (
    "proof-1", "equivocation-statements", "equivocation-corrections", "key-unknown", "missing-tail", "chain-number-missing", "chain-late",
    "receipt-writes-exceed", "units-gemini", "sealed-honest", "record-count",
    "observed", "observed-one", "observed-proof", "cards-claude", "cards-unknown", "cards-weekend-peak", "cards-unstated-least", "cards-no-ttl",
)  # fmt: skip


def reports() -> Iterator[tuple[str, Report]]:
    """Reports that together have every line that there is."""
    for name in _NAMES:
        yield name, run(*_VECTORS[name])
    yield "corrected", _verified(_corrected())
    yield "uncounted", _verified(_uncounted())
    several = [signed.data for n in range(2) for signed in Stream(f"s{n}", 2).receipts()]
    yield "several", _verified(b"".join([*several, several[0], *Batch().items]))


def _verified(data: bytes) -> Report:
    keys = by_kid(read_jwks(json.dumps(jwk_set(KEY)).encode()))
    return verify([bytes_source("batch", data)], Policy(keys))


def _corrected() -> bytes:
    on = Issuer(ISSUER, KEY, stream="s")
    wrong, right = (Counts(3000, cached, {0: 5, 300: 7, 77: 1}, 500, 20, {"a/b": 2, "audio.ms": 7}) for cached in (2000, 2900))  # fmt: skip
    price = [ChargeLine(2, 5, 1, 0), ChargeLine(2, 7, 1, 300), ChargeLine(2, 1, 1, 77)]

    def priced(counts: Counts) -> Charge:
        plain = Counts(counts.logical - 13, counts.cached, output=counts.output)
        found = charge(plain)
        return Charge(found.currency, found.card, [*found.lines, *price])

    first = on.issue(ACCOUNT, request="r", model="m", time=NOON, counts=wrong, charge=priced(wrong))
    november = closed(first.data, NOVEMBER)
    again = on.issue(
        ACCOUNT, request="r", model="m", time=DECEMBER[0], counts=right, charge=priced(right), corrects=corrected(first.data),
    )  # fmt: skip
    return november + closed(again.data, DECEMBER, november)


def _uncounted() -> bytes:
    on = Issuer(ISSUER, KEY, stream="s")
    counts = [Counts(3000), Counts(5000, 4000, output=7)]
    data = [on.issue(ACCOUNT, request=f"r{n}", model="m", time=NOON + n, counts=one).data for n, one in enumerate(counts)]  # fmt: skip
    return closed(b"".join(data), NOVEMBER)

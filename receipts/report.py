"""A report of a verification as a signed object (spec/report.md, The signed object)."""

from __future__ import annotations

from typing import Final

import cbor2

from receipts import labels
from receipts.keys import SigningKey
from receipts.signing import REPORT, Signed, Signer

_VERSION: Final = 1


def sign_report(report: bytes, issuer: str, key: SigningKey, time: int | None) -> Signed:
    """A report with a signature of who vouches for it.

    Args:
        report: the object in its canonical form.
        issuer: who signs.
        key: one of its keys.
        time: the date of the report, in ms; None: it bears none.
    """
    label = labels.REPORT
    claims: dict[int, object] = {label["version"]: _VERSION, label["issuer"]: issuer}
    if time is not None:
        claims[label["time"]] = time
    claims[label["report"]] = report
    return Signer(key.private, REPORT).sign(cbor2.dumps(claims, canonical=True))

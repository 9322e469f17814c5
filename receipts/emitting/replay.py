"""Whether an answer is a stored one, given once more."""

from __future__ import annotations

import cbor2

from receipts.labels import RECEIPT, SOURCE
from receipts.request import Request


def is_replay(receipt: bytes, told: Request) -> bool:
    """Whether a receipt of the journal is for the very answer that another one is asked for: the same usage object and model.

    Args:
        receipt: the signed receipt of that request id.
        told: what the new one would say.
    """
    claims = cbor2.loads(cbor2.loads(receipt)[0])
    source = told.get("source")
    usage = claims.get(RECEIPT["source"], {}).get(SOURCE["usage"])
    return (
        source is not None and usage == source.usage and claims[RECEIPT["model"]] == told["model"]
    )

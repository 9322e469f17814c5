"""A small batch with charges by a card, and a customer's log that differs from it: for tests of reports."""

import io
import json
from pathlib import Path

from receipts import Charge, ChargeLine, Closing, Counts, Issuer, Source, close_batch
from tests.build import ACCOUNT, ISSUER, KEY, NOON, NOVEMBER, jwk_set
from tests.ratecards import HEAD, signed

CARD = (
    HEAD
    + """
[[price]]
provider = "anthropic"
model = "m"
input = "3.00"
cached = "0.30"
output = "15.00"
"""
)
"""Picounits a token: 3,000,000, 300,000 and 15,000,000."""
COUNTS = Counts(3000, 2000, output=500)
AMOUNT = 1000 * 3_000_000 + 2000 * 300_000 + 500 * 15_000_000
FILES = ("b.cbor", "keys.json", "card.cbor", "log.jsonl")
VERIFY = "verify b.cbor --keys keys.json --card card.cbor --requests log.jsonl --no-remember"


def charge(counts, *, output_rate=15_000_000):
    """What the card says; or another rate of output."""
    lines = [
        ChargeLine(0, counts.logical - counts.cached, 3_000_000), ChargeLine(1, counts.cached, 300_000),
        ChargeLine(3, counts.output, output_rate),
    ]  # fmt: skip
    return Charge("USD", signed(CARD).digest, lines)


def write(receipts=5, *, charged=None, model="m", stream="gpu-7", **own):
    """Write a closed batch, its keys, the card and a log.

    Args:
        receipts: how many; each is for request r0, r1 ... of the log.
        charged: by number, the charge of a receipt; without any, all are charged by the card.
        model, stream: of all of them.
        own: by request, what the log has instead; None: no line. Other names are requests without a receipt.
    """
    issuer, data, lines = Issuer(ISSUER, KEY, stream=stream), [], []
    for n in range(receipts):
        charges = charged.get(n) if charged is not None else charge(COUNTS)
        fields = {} if charges is None else {"charge": charges}
        data.append(issuer.issue(
            ACCOUNT, request=f"r{n}", model=model, counts=COUNTS, source=Source("anthropic", "messages"), time=NOON + 1000 * n,
            **fields,
        ).data)  # fmt: skip
        line = {"request": f"r{n}", "sent": NOON + 1000 * n, "model": model, "logical": 3000, "cached": 2000, "output": 500}  # fmt: skip
        lines.append(line | own.get(f"r{n}", {}) if own.get(f"r{n}", {}) is not None else None)
    lines += [{"request": name, "sent": NOON} for name in own if not name.startswith("r")]
    out = io.BytesIO()
    close_batch(io.BytesIO(b"".join(data)), out, Closing(ISSUER, KEY, *NOVEMBER))
    Path("b.cbor").write_bytes(out.getvalue())
    Path("keys.json").write_text(json.dumps(jwk_set(KEY)))
    Path("card.cbor").write_bytes(signed(CARD).data)
    Path("log.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines if one))

"""What the benchmarks work on: an ordinary account's month, and the bare operations that it comes down to."""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from receipts import Billed, Counts, Issuer, Period, Source
from tests.build import ACCOUNT, ISSUER, KEY, NOVEMBER
from verifier import batch_file, read_jwks
from verifier.format.envelope import to_be_signed
from verifier.reading.framing import Batch, receipt_content

TEAMS = ("search", "support", "evals", "agents")


def requests(count: int) -> Iterator[dict[str, Any]]:
    """Requests of four streams, about 450 bytes a receipt: counts, cache writes, source, two tags."""
    numbers = random.Random(1)
    for n in range(count):
        cached, plain = numbers.randrange(9000), numbers.randrange(1, 3000)
        written = numbers.randrange(plain)
        yield {
            "request": f"req_{numbers.getrandbits(96):024x}",
            "model": "claude-sonnet-4-6",
            "time": NOVEMBER[0] + n,
            "counts": Counts(
                cached + plain, cached, {300: written, 3600: 0}, numbers.randrange(900)
            ),
            "stream": f"gateway-{n // 5 % 4}",
            "source": Source("anthropic", "messages", numbers.randbytes(32), "standard"),
            "tags": {"team": TEAMS[n // 5 % 4], "env": "production"},
        }


def write_batch(path: Path, count: int) -> None:
    """A closed batch of so many receipts."""
    issuer = Issuer(ISSUER, KEY)
    period = Period(ISSUER, ACCOUNT, *NOVEMBER)
    with path.open("wb") as stream:
        for request in requests(count):
            receipt = issuer.issue(ACCOUNT, **request)
            period.add(
                receipt.stream,
                receipt.sequence,
                receipt.digest,
                receipt.time,
                Billed(request["counts"]),
            )
            stream.write(receipt.data)
        stream.write(period.sign(KEY).data)


def signatures(path: Path) -> list[tuple[bytes, bytes]]:
    """Signature and signed bytes of every receipt: all that a bare loop needs."""
    found = []
    for span in Batch([batch_file(str(path))]).spans():
        for _, _, raw in span.items() if span.uniform else ():
            digest = sha256(receipt_content(raw)).digest()
            found.append((raw[-64:], to_be_signed(raw[-186:-68], digest)))
    return found


def contents(path: Path) -> list[bytes]:
    """The claims of every receipt, as bytes."""
    spans = Batch([batch_file(str(path))]).spans()
    return [receipt_content(raw) for span in spans if span.uniform for _, _, raw in span.items()]


def trusted(jwks: bytes) -> Any:
    """The keys of a key file by kid."""
    return {key.kid: key for key in read_jwks(jwks)}

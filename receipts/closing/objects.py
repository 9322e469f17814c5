"""Signed objects, read back from a batch: what closing a period needs of them. Decoded, and not verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from typing import Any, BinaryIO, Final

import cbor2

from receipts.errors import BatchError
from receipts.labels import CHARGE, CORRECTS, INPUT, OUTPUT, RECEIPT, STATEMENT, STREAM, Table
from receipts.request import Billed, Corrected, Counts
from receipts.signing import header_kind

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A receipt in a batch. ``time`` in ms."""

    data: bytes
    digest: bytes
    issuer: str
    account: str
    stream: str
    sequence: int
    time: int
    billed: Billed
    corrects: Corrected | None = None


@dataclass(frozen=True, slots=True)
class KeptStream:
    """A stream in a statement: its name, the sequence of its first receipt, their number, and the digest of the last one."""

    name: str
    first: int
    count: int
    head: bytes


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """A statement in a batch. ``start`` and ``end`` in ms, ``end`` exclusive."""

    data: bytes
    digest: bytes
    issuer: str
    account: str
    number: int
    start: int
    end: int
    kind: int
    streams: tuple[KeptStream, ...]

    @property
    def receipts(self) -> int:
        """How many receipts it closes."""
        return sum(entry.count for entry in self.streams)


def kept_objects(batch: BinaryIO, name: str = "batch") -> Iterator[KeptReceipt | KeptStatement]:
    """The signed objects of a batch, in order.

    Args:
        batch: the batch, read once.
        name: what errors call it.

    Raises:
        BatchError: the batch holds something else, or ends in the middle of an object.
    """
    number, offset, rest = 0, 0, b""
    while more := batch.read(max(_CHUNK, len(rest))):
        data = rest + more
        start = 0
        for end, decoded in _whole_items(data, f"{name}, from item {number}, byte {offset}"):
            place = f"{name}, item {number}, byte {offset + start}"
            yield _read(data[start:end], decoded, place)
            number, start = number + 1, end
        offset, rest = offset + start, data[start:]
    if rest:
        raise BatchError(f"{name}, item {number}, byte {offset}: it ends in the middle")


def kept_object(data: bytes) -> KeptReceipt | KeptStatement:
    """A signed object, by its bytes.

    Raises:
        BatchError: it is none.
    """
    for found in kept_objects(BytesIO(data), "object"):
        return found
    raise BatchError("object: it is empty")


def corrected(data: bytes) -> Corrected:
    """What a correction says of the receipt that it corrects.

    Args:
        data: the signed receipt.

    Raises:
        BatchError: it is none.
    """
    found = kept_object(data)
    if not isinstance(found, KeptReceipt):
        raise BatchError("object: it is a statement, and no receipt")
    return Corrected(found.digest, found.billed)


def _whole_items(data: bytes, place: str) -> Iterator[tuple[int, Any]]:
    """Where each whole item of CBOR in ``data`` ends, and what it is."""
    buffer = BytesIO(data)
    decoder = cbor2.CBORDecoder(buffer)
    while buffer.tell() < len(data):
        try:
            decoded = decoder.decode()
        except cbor2.CBORDecodeEOF:
            return
        except (cbor2.CBORDecodeError, ValueError) as error:
            raise BatchError(f"{place} on: not CBOR: {error}") from None
        yield buffer.tell(), decoded


def _read(data: bytes, decoded: Any, place: str) -> KeptReceipt | KeptStatement:
    try:
        content, signature = decoded
        kind = _kind(signature.value[0])
        claims = cbor2.loads(content)
        digest = sha256(content).digest()
        if kind is KeptReceipt:
            return _receipt(data, digest, claims)
        return _statement(data, digest, claims)
    except (LookupError, TypeError, ValueError, AttributeError, cbor2.CBORDecodeError) as error:
        raise BatchError(f"{place}: neither a receipt nor a statement: {error!r}") from None


@lru_cache(maxsize=256)
def _kind(protected: bytes) -> type[KeptReceipt | KeptStatement]:
    return {"receipt": KeptReceipt, "statement": KeptStatement}[header_kind(protected)]


def _receipt(data: bytes, digest: bytes, claims: dict[int, Any]) -> KeptReceipt:
    charge, corrects = claims.get(RECEIPT["charge"], {}), claims.get(RECEIPT["corrects"])
    return KeptReceipt(
        data,
        digest,
        claims[RECEIPT["issuer"]],
        claims[RECEIPT["account"]],
        claims[RECEIPT["stream"]],
        claims[RECEIPT["sequence"]],
        claims[RECEIPT["time"]],
        Billed(
            _counts(claims, RECEIPT), charge.get(CHARGE["currency"]), charge.get(CHARGE["amount"])
        ),
        None if corrects is None else _corrected(corrects),
    )


def _corrected(claims: dict[int, Any]) -> Corrected:
    amount = claims.get(CORRECTS["currency"]), claims.get(CORRECTS["amount"])
    return Corrected(claims[CORRECTS["receipt"]], Billed(_counts(claims, CORRECTS), *amount))


def _counts(claims: dict[int, Any], labels: Table) -> Counts:
    """The counts of a receipt, or of the one that it corrects: the same fields, under other labels."""
    tokens, output = claims[labels["input"]], claims.get(labels["output"], {})
    return Counts(
        tokens[INPUT["logical"]],
        tokens.get(INPUT["cached"]),
        tokens.get(INPUT["writes"]),
        output.get(OUTPUT["tokens"]),
        output.get(OUTPUT["reasoning"]),
        claims.get(labels["units"]),
    )


def _statement(data: bytes, digest: bytes, claims: dict[int, Any]) -> KeptStatement:
    return KeptStatement(
        data,
        digest,
        claims[STATEMENT["issuer"]],
        claims[STATEMENT["account"]],
        claims[STATEMENT["number"]],
        claims[STATEMENT["start"]],
        claims[STATEMENT["end"]],
        claims[STATEMENT["kind"]],
        tuple(
            KeptStream(
                entry[STREAM["stream"]],
                entry[STREAM["first"]],
                entry[STREAM["count"]],
                entry[STREAM["head"]],
            )
            for entry in claims[STATEMENT["streams"]]
        ),
    )

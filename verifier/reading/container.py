"""The shape of a proof and of an equivocation (R-16.1, R-17.1)."""

from __future__ import annotations

from typing import Final

from verifier.format import cbor
from verifier.format.envelope import Fault
from verifier.reading.framing import MAX_ITEM
from verifier.report.model import Subject

PROOF_HEAD: Final = b"\x83"
PACK_HEAD: Final = bytes.fromhex("504b0304 1400 0000 0000 0000 2100")
"""How a pack begins, and most other ZIP files do not."""
HEAD: Final = len(PACK_HEAD)
"""So many bytes tell what a file is."""
_EQUIVOCATION_HEADS: Final = (b"\x82\x82", b"\x82\x83")
_MAX_PATH: Final = 64
MAX_CONTAINER: Final = 34_000_000
"""Bytes of a proof or an equivocation."""
Place = tuple[int, int]
"""Where an item begins and ends in a container, in bytes."""


def subject(head: bytes) -> Subject:
    """What a file is, by its first bytes."""
    if head.startswith(PACK_HEAD):
        return Subject.PACK
    if head[:2] in _EQUIVOCATION_HEADS:
        return Subject.EQUIVOCATION
    return Subject.PROOF if head[:1] == PROOF_HEAD else Subject.BATCH


class ContainerFault(Fault):
    """A fault of the container, which ends the work; it names item 0."""


def read_container(data: bytes, kind: Subject) -> tuple[list[Place], list[bytes]]:
    """The two items and the path of a container, in the order of the bytes.

    Raises:
        ContainerFault: it is none.
    """
    if len(data) > MAX_CONTAINER:
        message = f"more than {MAX_CONTAINER} bytes"
        raise ContainerFault("item-too-large", message, rule="R-16.1", offset=0)
    read = _item if kind is Subject.PROOF else _witness
    first = read(data, 1)
    at = first[1]
    path: list[bytes] = []
    if kind is Subject.PROOF:
        path, at = _path(data, at)
    second = read(data, at)
    at = second[1]
    if at != len(data):
        message = f"{len(data) - at} bytes after the end"
        raise ContainerFault("item-malformed", message, rule="R-16.1", offset=at)
    return [first, second], path


def _witness(data: bytes, at: int) -> Place:
    """A signed object, or a proof that stands for its receipt (R-17.1)."""
    if data[at : at + 1] != PROOF_HEAD:
        return _item(data, at)
    _, end = _item(data, at + 1)
    _, end = _path(data, end)
    return at, _item(data, end)[1]


def _item(data: bytes, at: int) -> Place:
    """An item of a container, read as in step 1."""
    codes = {cbor.CborTruncated: "item-truncated", cbor.CborTooLarge: "item-too-large"}
    try:
        return at, cbor.item_end(data, at, MAX_ITEM)
    except cbor.CborError as error:
        code = codes.get(type(error), "item-malformed")
        raise ContainerFault(code, str(error), rule="R-16.1", offset=error.offset) from None


def _path(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The hashes of a Merkle path, and where they end."""
    hashes = []
    try:
        major, length, after = cbor.head(data, at)
        if major != cbor.ARRAY or length > _MAX_PATH:
            raise _invalid_path(at)
        for _ in range(length):
            at = after
            major, size, after = cbor.head(data, at)
            if major != cbor.BYTES or after + size > len(data):
                raise _invalid_path(at)
            hashes.append(data[after : after + size])
            after += size
    except cbor.CborError as error:
        raise _invalid_path(error.offset) from None
    return hashes, after


def _invalid_path(offset: int) -> ContainerFault:
    message = f"the path is not an array of at most {_MAX_PATH} byte strings"
    return ContainerFault("envelope-invalid", message, rule="R-16.1", offset=offset, field="path")

"""The file of a pack: a ZIP archive in the one form that spec/pack.md gives it (R-19.1)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final
from zlib import crc32

from verifier.reading.container import PACK_HEAD

MAX_PACK: Final = 134_217_728
"""Bytes of a pack."""
MAX_MEMBERS: Final = 4096

_SIZES: Final = struct.Struct("<IIIHH")
"""CRC, size, size once more; lengths of the name and of the extra field."""
_CENTRAL_HEAD: Final = bytes.fromhex("504b0102 1403 1400 0000 0000 0000 2100")
_CENTRAL_TAIL: Final = struct.Struct("<HHHII")
"""Length of the comment, disk, attributes inside and outside, offset."""
_ATTRIBUTES: Final = 0o100644 << 16
"""A plain file, readable by all."""
_END: Final = struct.Struct("<4sHHHHIIH")


class PackFault(Exception):  # noqa: N818  # a fault of a pack is a result, not a failure of the program
    """What is wrong with a pack, so that its claims are not looked at.

    Attributes:
        code: of the finding that it becomes.
        rule: the rule that it breaks.
        member: where, if it is in one.
    """

    def __init__(self, code: str, message: str, rule: str, member: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.rule = rule
        self.member = member


def read_archive(data: bytes) -> dict[str, bytes]:
    """The members by name.

    Raises:
        PackFault: it is not byte for byte the file that these members make.
    """
    if len(data) > MAX_PACK:
        raise _malformed(f"more than {MAX_PACK} bytes")
    members: dict[str, bytes] = {}
    at, least = 0, len(PACK_HEAD) + _SIZES.size
    while data.startswith(PACK_HEAD, at) and at + least <= len(data):
        _, size, _, length, _ = _SIZES.unpack_from(data, at + len(PACK_HEAD))
        begin = at + least + length
        name = data[at + least : begin].decode("latin-1")
        if name in members or len(members) == MAX_MEMBERS:
            raise _malformed(f"a member twice, or more than {MAX_MEMBERS} of them", name)
        members[name] = data[begin : begin + size]
        at = begin + size
    if _written(members) != data:
        raise _malformed("the file is not the one that its members make")
    return members


def _malformed(message: str, member: str | None = None) -> PackFault:
    return PackFault("pack-malformed", message, "R-19.1", member)


def _written(members: Mapping[str, bytes]) -> bytes:
    """The file that these members make."""
    local, central, offset = [], [], 0
    for name, content in sorted(members.items()):
        encoded = name.encode("latin-1")
        sizes = _SIZES.pack(crc32(content), len(content), len(content), len(encoded), 0)
        local += [PACK_HEAD, sizes, encoded, content]
        tail = _CENTRAL_TAIL.pack(0, 0, 0, _ATTRIBUTES, offset)
        central += [_CENTRAL_HEAD, sizes, tail, encoded]
        offset += len(PACK_HEAD) + len(sizes) + len(encoded) + len(content)
    size, count = sum(map(len, central)), len(members)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, size, offset, 0)
    return b"".join([*local, *central, end])

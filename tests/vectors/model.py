"""A test vector: some bytes, the trust that they meet, and the one finding that must come of them."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.build import KEY, jwk_set
from tests.vectors.parts import RULES, Fault, open_envelope, to_be_signed

TRUST = {"issuer": jwk_set(KEY)}
"""The key file that most vectors are verified with."""

_PLAIN_SIZE = 65_536
"""Larger inputs, and packs, are stored compressed, and without their objects."""


@dataclass
class Vector:
    """One input and what must come of it. ``code`` None: verified, and nothing to tell."""

    id: str
    rule: str
    """The rule of the finding; without one, the rule whose boundary is shown."""
    comment: str
    items: list[bytes]
    code: str | None = None
    item: int | None = None
    """The item that the finding names; None if it names none."""
    keys: str | dict[str, Any] = "issuer"
    options: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    """Codes that follow of necessity from the same fault."""
    codes_only: bool = False
    """Compare the set of codes only: there are very many findings, or none of the rule."""
    no_verdict: bool = False
    """The input is none of the procedure, or the keys are refused."""

    @property
    def data(self) -> bytes:
        return b"".join(self.items)

    @property
    def verdict(self) -> str | None:
        if self.no_verdict:
            return None
        codes = ([self.code] if self.code else []) + list(self.also)
        severities = {str(RULES[code].severity) for code in codes}
        if not severities:
            return "verified"
        return "rejected" if "rejected" in severities else "incomplete"

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "rule": self.rule,
            "comment": self.comment,
            "keys": self.keys,
            "options": {
                name: [raw.hex() for raw in value]
                if name in ("cards", "known", "received")
                else value
                for name, value in self.options.items()
            },
            **self._stored(),
            "verdict": self.verdict,
            "finding": self.code,
            "item": self.item,
            "also": list(self.also),
            **({"codes_only": True} if self.codes_only else {}),
        }

    def _stored(self) -> dict[str, Any]:
        data = self.data
        if len(data) > _PLAIN_SIZE or data[:2] == b"PK":
            return {"input_deflate": b64encode(zlib.compress(data, 9)).decode()}
        shown = [(n, raw) for n, raw in enumerate(self.items) if self.item in (None, n)]
        return {"input": data.hex(), "objects": [_object(n, raw) for n, raw in shown]}


def _object(number: int, raw: bytes) -> dict[str, Any]:
    """The intermediate values of a signed object, if it has the shape of one."""
    try:
        envelope = open_envelope(raw)
    except (Fault, ValueError):
        return {"item": number, "raw": raw.hex()}
    return {
        "item": number,
        "content": envelope.content.hex(),
        "digest": envelope.digest.hex(),
        "protected": envelope.protected.hex(),
        "to_be_signed": to_be_signed(envelope.protected, envelope.digest).hex(),
        "signature": envelope.signature.hex(),
    }


def document(title: str, vectors: Iterable[Vector]) -> dict[str, Any]:
    """A file of vectors."""
    listed = [vector.as_json() for vector in vectors]
    ids = [vector["id"] for vector in listed]
    assert len(ids) == len(set(ids)), "vector ids are unique"
    return {
        "$schema": "schema.json",
        "title": title,
        "count": len(listed),
        "keys": TRUST,
        "vectors": listed,
    }


def flip(data: bytes, at: int, bit: int = 0) -> bytes:
    """The bytes with one bit turned."""
    turned = bytearray(data)
    turned[at] ^= 1 << bit
    return bytes(turned)

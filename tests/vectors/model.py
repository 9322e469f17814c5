"""A test vector: some bytes, the trust that they meet, and the one finding that must come of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tests.build import KEY, jwk_set
from verifier.format.envelope import Fault, open_envelope, to_be_signed
from verifier.report.codes import RULES

TRUST = {"issuer": jwk_set(KEY)}
"""The key file that most vectors are verified with."""


@dataclass
class Vector:
    """One input and what must come of it. ``code`` None: verified, and nothing to tell."""

    id: str
    comment: str
    items: list[bytes]
    code: str | None = None
    item: int | None = None
    """The item that the finding names; None if it names none."""
    keys: str | dict[str, Any] = "issuer"
    options: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    """Codes that follow of necessity from the same fault."""

    @property
    def data(self) -> bytes:
        return b"".join(self.items)

    @property
    def codes(self) -> list[str]:
        return sorted([*([self.code] if self.code else []), *self.also])

    def as_json(self) -> dict[str, Any]:
        severities = {str(RULES[code].severity) for code in self.codes}
        verdict = (
            "rejected" if "rejected" in severities else "incomplete" if severities else "verified"
        )
        return {
            "id": self.id,
            "comment": self.comment,
            "keys": self.keys,
            "options": {
                name: [raw.hex() for raw in value] if name in ("known", "received") else value
                for name, value in self.options.items()
            },
            "input": self.data.hex(),
            "objects": [
                _object(n, raw) for n, raw in enumerate(self.items) if self.item in (None, n)
            ],
            "verdict": verdict,
            "finding": self.code,
            "item": self.item,
            "also": list(self.also),
        }


def _object(number: int, raw: bytes) -> dict[str, Any]:
    """The intermediate values of a signed object, if it has the shape of one."""
    try:
        envelope = open_envelope(raw)
    except (Fault, ValueError):
        return {"item": number, "raw": raw.hex()}
    digest = envelope.digest
    return {
        "item": number,
        "content": None if envelope.content is None else envelope.content.hex(),
        "digest": digest.hex(),
        "protected": envelope.protected.hex(),
        "to_be_signed": to_be_signed(envelope.protected, digest).hex(),
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
    return data[:at] + bytes((data[at] ^ (1 << bit),)) + data[at + 1 :]


def fingerprint(data: bytes) -> str:
    return sha256(data).hexdigest()[:12]

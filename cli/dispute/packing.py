"""The file of a pack: members, manifest and seal (spec/pack.md)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from receipts import SigningKey, seal_pack
from verifier import canonical

_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that ZIP knows: a pack has none."""
_UNIX: Final = 3
_PLAIN_FILE: Final = 0o100644 << 16
MAKER: Final = "maker.jwks.json"


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes a pack: the signing key, its ``kid`` as text, and the key file."""

    key: SigningKey
    kid: str
    jwks: bytes


@dataclass(slots=True)
class Pack:
    """The members of a pack that is being made; the same content is one member, whoever needs it."""

    members: dict[str, bytes] = field(default_factory=dict)

    def add(self, folder: str, content: bytes, suffix: str = "cbor") -> str:
        """A member that is named after its content; its name."""
        name = f"{folder}/{sha256(content).hexdigest()[:16]}.{suffix}"
        self.members[name] = content
        return name

    def data(
        self,
        claims: Sequence[Mapping[str, Any]],
        batches: Sequence[str],
        options: Mapping[str, Any],
        maker: Maker | None,
    ) -> bytes:
        """The file.

        Args:
            claims: as the manifest has them.
            batches: SHA-256 of the files that they are from, in hexadecimal.
            options: as the manifest has them.
            maker: who signs it; None: nobody does.
        """
        members = dict(self.members)
        if maker is not None:
            members[MAKER] = maker.jwks
        manifest = canonical(
            {
                "pack": 1,
                "batches": list(batches),
                "options": dict(options),
                "maker": None if maker is None else maker.kid,
                "claims": [dict(claim) for claim in claims],
                "members": {name: sha256(content).hexdigest() for name, content in members.items()},
            }
        )
        members["manifest.json"] = manifest
        members["seal.cbor"] = seal_pack(manifest, None if maker is None else maker.key)
        return archive(members)


def archive(members: Mapping[str, bytes]) -> bytes:
    """A ZIP file in the one form of a pack."""
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_STORED) as file:
        for name in sorted(members, key=str.encode):
            entry = ZipInfo(name, _FIRST_DAY)
            entry.create_system, entry.external_attr = _UNIX, _PLAIN_FILE
            file.writestr(entry, members[name])
    return out.getvalue()

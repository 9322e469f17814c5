"""What the caller of a verification trusts and demands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from verifier.crypto.ed25519 import BACKENDS, Verify
from verifier.crypto.keys import TrustedKey


class Signatures(StrEnum):
    """Which signatures of a batch are checked (R-5.3)."""

    EVERY = "every"
    STATEMENT = "statement"
    """Those of statements; the receipts are vouched for by the statement that seals them."""


@dataclass(slots=True)
class Policy:
    """What the caller trusts and demands.

    Attributes:
        keys: the trusted public keys by their ``kid`` (`by_kid`). Nothing in a batch can add one.
        account: the account name that every item must be for; None: any.
        require_cache_id: whether a receipt with cached tokens must identify the cached prefix.
        observers: the issuers that the caller takes for observers of somebody else's usage; every other one is to bill.
        backend: the library that checks signatures; by default the fastest that is installed.
        signatures: which signatures are checked.
    """

    keys: Mapping[bytes, TrustedKey]
    account: str | None = None
    require_cache_id: bool = False
    backend: str = BACKENDS[0]
    signatures: Signatures | str = Signatures.EVERY
    observers: frozenset[str] = frozenset()
    _verifiers: dict[bytes, Verify] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def sealed(self) -> bool:
        """Whether receipts' own signatures are left to the statement."""
        return self.signatures == Signatures.STATEMENT

    def verifier(self, key: TrustedKey) -> Verify:
        """The function that checks signatures of a sound key."""
        if key.kid not in self._verifiers:
            self._verifiers[key.kid] = key.verifier(self.backend)
        return self._verifiers[key.kid]
